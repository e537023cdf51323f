/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/section: BODY[...] as byte ranges of the stored message.
 *
 * The summary's offsets count from the body; the prefix that each copy has in
 * front of it belongs to the header of the message as clients see it.
 */
#include "base/check.h"
#include "imap/fetch.h"
#include "imap/write.h"

static struct imap_range range(const struct imap_row *row, uint64_t from, uint64_t to)
{
	return (struct imap_range){true, row->prefix + from, row->prefix + to};
}

static struct imap_range of_message(const struct imap_section *s,
				    const struct imap_row *row,
				    const struct summary_part *root)
{
	struct imap_range all = {true, 0, row->size};
	if (s->kind == IMAP_SECTION_ALL)
		return all;
	uint64_t text = row->prefix + root->body_start;
	if (s->kind == IMAP_SECTION_TEXT)
		all.from = text;
	else
		all.to = text;
	return all;
}

struct imap_range imap_section_range(const struct imap_section *s,
				     const struct imap_row *row,
				     const struct summary *summary)
{
	const struct summary_part *root = &summary->parts[0];
	if (s->count == 0)
		return of_message(s, row, root);
	const struct summary_part *part = summary_find(summary, s->numbers, s->count);
	if (part == NULL)
		return (struct imap_range){0};
	if (s->kind == IMAP_SECTION_ALL)
		return range(row, part->body_start, part->body_end);
	if (s->kind == IMAP_SECTION_MIME && part == root)
		return (struct imap_range){true, 0, row->prefix + part->body_start};
	if (s->kind == IMAP_SECTION_MIME)
		return range(row, part->header_start, part->body_start);
	/* RFC 3501 6.4.5: HEADER and TEXT behind a number mean a nested message. */
	const struct summary_part *inner = NULL;
	if (part->kind == SUMMARY_MESSAGE)
		inner = summary_child(summary, part);
	if (inner == NULL)
		return (struct imap_range){0};
	if (s->kind == IMAP_SECTION_TEXT)
		return range(row, inner->body_start, inner->body_end);
	return range(row, inner->header_start, inner->body_start);
}

static bool named(const struct imap_section *s, struct span line)
{
	struct span name;
	span_cut(&line, ':', &name);
	name = span_trim(name);
	for (size_t i = 0; i < s->field_count; i++)
		if (span_eq_nocase(name, s->fields[i]))
			return true;
	return false;
}

bool imap_header_pick(const struct imap_section *s, struct span header, struct buf *out)
{
	bool want = s->kind == IMAP_SECTION_FIELDS;
	bool take = !want, blank = header.len >= IMAP_HEADER_SCAN_MAX;
	while (header.len > 0) {
		size_t end = span_find(header, '\n');
		struct span line = span_sub(header, 0, end == SIZE_MAX ? end : end + 1);
		header = span_skip(header, line.len);
		if (line.ptr[0] == '\n' || (line.len > 1 && line.ptr[0] == '\r' &&
					    line.ptr[1] == '\n')) {
			blank = true;
			break;
		}
		if (line.ptr[0] != ' ' && line.ptr[0] != '\t')
			take = named(s, line) == want;
		if (take)
			buf_add(out, line);
	}
	if (blank)
		buf_add(out, SPAN("\r\n"));
	return buf_ok(out);
}

static void write_fields(struct stream *out, const struct imap_section *s)
{
	stream_write(out, SPAN(" ("));
	for (size_t i = 0; i < s->field_count; i++) {
		bool atom = true;
		for (size_t j = 0; j < s->fields[i].len; j++)
			atom = atom && (imap_atom_char(s->fields[i].ptr[j]));
		if (i > 0)
			stream_write(out, SPAN(" "));
		if (atom)
			stream_write(out, s->fields[i]);
		else
			imap_write_string(out, s->fields[i]);
	}
	stream_write(out, SPAN(")"));
}

void imap_section_name(struct stream *out, const struct imap_fetch_item *item)
{
	static const char *const names[] = {
		[IMAP_SECTION_ALL] = "",
		[IMAP_SECTION_HEADER] = "HEADER",
		[IMAP_SECTION_FIELDS] = "HEADER.FIELDS",
		[IMAP_SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT",
		[IMAP_SECTION_TEXT] = "TEXT",
		[IMAP_SECTION_MIME] = "MIME",
	};
	const struct imap_section *s = &item->section;
	if (item->legacy != NULL) {
		stream_write(out, span_cstr(item->legacy));
		return;
	}
	stream_write(out, item->item == IMAP_ITEM_BINARY	? SPAN("BINARY[")
			  : item->item == IMAP_ITEM_BINARY_SIZE ? SPAN("BINARY.SIZE[")
								: SPAN("BODY["));
	for (size_t i = 0; i < s->count; i++)
		stream_printf(out, "%s%u", i ? "." : "", s->numbers[i]);
	if (s->count > 0 && s->kind != IMAP_SECTION_ALL)
		stream_write(out, SPAN("."));
	stream_write(out, span_cstr(names[s->kind]));
	if (s->field_count > 0)
		write_fields(out, s);
	stream_write(out, SPAN("]"));
	if (item->partial)
		stream_printf(out, "<%llu>", (unsigned long long)item->offset);
}

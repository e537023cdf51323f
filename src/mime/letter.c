/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/letter: see letter.h.  Two walks: the text into lines that end with
 * CRLF, then its header field by field.
 */
#include "mime/letter.h"

#include "base/utf8.h"
#include "mime/address.h"
#include "mime/parse.h"

struct work {
	const struct mime_letter_how *how;
	struct arena *arena;
	struct buf *out;
	struct mime_letter *letter;
	bool from, resent, too_much, memory;
};

static const struct {
	struct span name;
	bool to; /* names recipients */
} fields[] = {
	{SPAN_INIT("From"), false}, {SPAN_INIT("Sender"), false},
	{SPAN_INIT("Reply-To"), false}, {SPAN_INIT("To"), true},
	{SPAN_INIT("Cc"), true}, {SPAN_INIT("Bcc"), true},
};
static const struct span resent = SPAN_INIT("Resent-");

/* One of the fields above; *again: its Resent- form. */
static bool of_addresses(struct span name, bool *to, bool *again)
{
	*again = span_starts_nocase(name, resent);
	if (*again)
		name = span_skip(name, resent.len);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (span_eq_nocase(name, fields[i].name)) {
			*to = fields[i].to;
			return true;
		}
	return false;
}

void mime_letter_address(struct span a, struct span domain, struct buf *out)
{
	a = span_trim(a);
	if (span_starts(a, SPAN("<")) && span_ends(a, SPAN(">")))
		a = span_sub(a, 1, a.len - 2);
	buf_add(out, a);
	if (a.len > 0 && !span_has(a, '@')) {
		buf_addc(out, '@');
		buf_add(out, domain);
	}
}

/* ---- lines ------------------------------------------------------------------ */

static enum mime_letter_result to_lines(struct span in, bool dot, struct buf *out,
					bool *eight_bit)
{
	bool first = true;
	while (in.len > 0) {
		struct span line;
		bool whole = span_cut(&in, '\n', &line);
		if (span_ends(line, SPAN("\r")) && whole)
			line = span_sub(line, 0, line.len - 1);
		if (span_has(line, '\r') || span_has(line, '\0'))
			return MIME_LETTER_BARE;
		if (dot && span_eq(line, SPAN(".")))
			break;
		if (!first || !span_starts(line, SPAN("From "))) {
			for (size_t i = 0; i < line.len; i++)
				*eight_bit |= (unsigned char)line.ptr[i] > 127;
			buf_add(out, line);
			buf_add(out, SPAN("\r\n"));
		}
		first = false;
	}
	if (buf_short(out))
		return MIME_LETTER_MEMORY;
	return buf_ok(out) ? MIME_LETTER_OK : MIME_LETTER_TOO_MUCH;
}

static bool is_field(struct span line)
{
	size_t i = 0;
	while (i < line.len && line.ptr[i] > ' ' && line.ptr[i] < 127 && line.ptr[i] != ':')
		i++;
	return i > 0 && i < line.len && line.ptr[i] == ':';
}

/* Where the header ends; *body: where the body begins. */
static size_t header_end(struct span text, size_t *body)
{
	struct span rest = text, line;
	size_t at = 0;
	while (rest.len > 0) {
		(void)span_cut(&rest, '\n', &line);
		bool fold = at > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
		if (span_eq(line, SPAN("\r"))) {
			*body = at + 2;
			return at;
		}
		if (!fold && !is_field(line))
			break;
		at += line.len + 1;
	}
	*body = at;
	return at;
}

/* ---- addresses ---------------------------------------------------------------- */

/* Not a part of a group's brackets. */
static bool is_address(const struct summary_address *a)
{
	if (a->host.ptr == NULL || a->mailbox.len == 0)
		return false;
	for (size_t i = 0; i < a->mailbox.len; i++)
		if ((unsigned char)a->mailbox.ptr[i] < ' ' || a->mailbox.ptr[i] == 127)
			return false;
	return true;
}

static void add_word(struct buf *b, struct span name)
{
	bool plain = true;
	for (size_t i = 0; i < name.len; i++)
		plain &= ascii_alnum(name.ptr[i]) || name.ptr[i] == ' ' ||
			 name.ptr[i] == '-' || (unsigned char)name.ptr[i] > 127;
	if (plain || span_starts(name, SPAN("=?"))) {
		buf_add(b, name);
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"' || name.ptr[i] == '\\')
			buf_addc(b, '\\');
		if ((unsigned char)name.ptr[i] >= ' ' && name.ptr[i] != 127)
			buf_addc(b, name.ptr[i]);
	}
	buf_addc(b, '"');
}

static struct summary_address with_domain(const struct work *w, const struct summary_address *a)
{
	struct summary_address whole = *a;
	if (a->host.ptr != NULL && a->host.len == 0)
		whole.host = w->how->domain;
	return whole;
}

static void write_field(struct work *w, struct span name, struct summary_list list)
{
	buf_add(w->out, name);
	buf_addc(w->out, ':');
	for (size_t i = 0; i < list.count; i++) {
		struct summary_address a = with_domain(w, &list.at[i]);
		buf_add(w->out, i > 0 ? SPAN(",\r\n ") : SPAN(" "));
		if (a.name.len > 0) {
			add_word(w->out, a.name);
			buf_add(w->out, SPAN(" <"));
		}
		mime_address_write(&a, w->out);
		if (a.name.len > 0)
			buf_addc(w->out, '>');
	}
	buf_add(w->out, SPAN("\r\n"));
}

static void gather(struct work *w, struct summary_list list)
{
	struct mime_letter *l = w->letter;
	for (size_t i = 0; i < list.count; i++) {
		struct summary_address a = with_domain(w, &list.at[i]);
		struct buf b;
		if (!is_address(&a))
			continue;
		if (l->count == MIME_LETTER_RECIPIENTS) {
			w->too_much = true;
			return;
		}
		buf_init(&b, MIME_FIELD_MAX);
		mime_address_write(&a, &b);
		if (!buf_ok(&b) || !arena_copy(w->arena, buf_span(&b), &l->recipients[l->count]))
			w->memory = true;
		else
			l->count++;
		buf_free(&b);
	}
}

/* All of them are addresses, and one has no domain. */
static bool wants_domain(struct summary_list list)
{
	bool wants = false;
	for (size_t i = 0; i < list.count; i++) {
		if (!is_address(&list.at[i]))
			return false;
		wants |= list.at[i].host.len == 0;
	}
	return wants;
}

static void put_field(struct work *w, const struct mime_field *f, struct span whole)
{
	struct summary_list list;
	bool to = false, again = false;
	if (!of_addresses(f->name, &to, &again)) {
		buf_add(w->out, whole);
		return;
	}
	switch (mime_address_list(f->value, w->arena, &list)) {
	case MIME_ADDRESS_OK:
		break;
	case MIME_ADDRESS_CUT:
		w->too_much = true;
		break;
	default:
		w->memory = true;
		return;
	}
	w->from |= span_eq_nocase(f->name, SPAN("From"));
	if (to && w->how->gather && again == w->resent)
		gather(w, list);
	if (wants_domain(list))
		write_field(w, f->name, list);
	else
		buf_add(w->out, whole);
}

static bool has_resent(struct span header)
{
	struct mime_field f;
	size_t at = 0;
	bool to = false, again = false;
	while (mime_field_next(&header, &at, &f))
		if (of_addresses(f.name, &to, &again) && to && again)
			return true;
	return false;
}

static void put_header(struct work *w, struct span header)
{
	struct span rest = header;
	struct mime_field f;
	size_t at = 0, count = 0;
	while (mime_field_next(&rest, &at, &f) && !w->memory) {
		if (++count > MIME_FIELDS_MAX || f.len > MIME_FIELD_MAX) {
			w->too_much = true;
			return;
		}
		put_field(w, &f, span_sub(header, f.at, f.len));
	}
	if (w->from)
		return;
	struct summary_address own = {.name = w->how->name, .host = w->how->domain};
	size_t sign = span_find_last(w->how->from, '@');
	own.mailbox = span_sub(w->how->from, 0, sign);
	if (sign != SIZE_MAX)
		own.host = span_skip(w->how->from, sign + 1);
	write_field(w, SPAN("From"), (struct summary_list){&own, 1});
}

enum mime_letter_result mime_letter(struct span text, const struct mime_letter_how *how,
				    struct arena *arena, struct buf *out,
				    struct mime_letter *letter)
{
	struct buf lines;
	size_t body = 0;
	*letter = (struct mime_letter){0};
	letter->recipients = ARENA_ARRAY(arena, MIME_LETTER_RECIPIENTS, struct span);
	if (letter->recipients == NULL)
		return MIME_LETTER_MEMORY;
	buf_init(&lines, out->limit);
	enum mime_letter_result r = to_lines(text, how->dot, &lines, &letter->eight_bit);
	struct span all = buf_span(&lines);
	size_t end = r == MIME_LETTER_OK ? header_end(all, &body) : 0;
	struct span header = span_sub(all, 0, end);
	struct work w = {.how = how, .arena = arena, .out = out, .letter = letter,
			 .resent = has_resent(header)};
	if (r == MIME_LETTER_OK && end > MIME_HEADER_BLOCK_MAX)
		r = MIME_LETTER_TOO_MUCH;
	if (r == MIME_LETTER_OK) {
		put_header(&w, header);
		for (size_t i = 0; i < header.len; i++)
			letter->utf8 |= (unsigned char)header.ptr[i] > 127;
		letter->utf8 = letter->utf8 && utf8_valid(header);
		buf_add(out, SPAN("\r\n"));
		buf_add(out, span_skip(all, body));
		if (w.memory || buf_short(out))
			r = MIME_LETTER_MEMORY;
		else if (w.too_much || !buf_ok(out))
			r = MIME_LETTER_TOO_MUCH;
	}
	buf_free(&lines);
	return r;
}

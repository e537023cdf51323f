/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/url_read: the bytes that a URL names, range by range.
 *
 * The mailbox is opened read-only under a handle of its own, so nothing becomes
 * \Seen or loses \Recent, and the session's view stays as it is.
 */
#include "base/check.h"
#include "imap/url.h"

static bool load_header(struct imap_url_bytes *b, struct buf *to)
{
	uint64_t end = u64_min(b->to, b->from + IMAP_HEADER_SCAN_MAX);
	while (b->from < end) {
		struct span bytes;
		size_t len = (size_t)u64_min(end - b->from, IMAP_CHUNK_MAX);
		if (b->s->host->body(b->s->host, b->mailbox, b->row.uid, b->from, len,
				     &bytes) != IMAP_YES || bytes.len == 0)
			return false;
		buf_add(to, bytes);
		b->from += bytes.len;
	}
	return buf_ok(to);
}

static bool pick(struct imap_url_bytes *b, const struct imap_section *section)
{
	struct buf header;
	buf_init(&header, IMAP_HEADER_SCAN_MAX);
	b->picked = true;
	bool good = load_header(b, &header) &&
		    imap_header_pick(section, buf_span(&header), &b->fields);
	buf_free(&header);
	b->from = 0;
	b->to = buf_len(&b->fields);
	return good;
}

static enum imap_answer open_mailbox(struct imap_session *s, const struct url_imap *u,
				     struct imap_url_bytes *b)
{
	struct imap_selected sel = {.mailbox = s->mailbox, .uid_validity = s->uid_validity};
	struct span name;
	if (u->has_mailbox) {
		if (imap_name_take(s->work->arena, u->mailbox, &name) != IMAP_NAME_OK)
			return IMAP_NONEXISTENT;
		enum imap_answer r = s->host->visit(s->host, name, &sel);
		if (r != IMAP_YES)
			return r;
		b->own = true;
	} else if (s->state != IMAP_SELECTED) {
		return IMAP_NONEXISTENT;
	}
	b->mailbox = sel.mailbox;
	return u->uid_validity == 0 || u->uid_validity == sel.uid_validity
		       ? IMAP_YES
		       : IMAP_NONEXISTENT;
}

static bool item_of(struct imap_session *s, const struct url_imap *u,
		    struct imap_fetch_item *item)
{
	struct imap_lex lex = {u->section, s->work->arena};
	*item = (struct imap_fetch_item){.item = IMAP_ITEM_SECTION,
					 .peek = true,
					 .partial = u->partial,
					 .offset = u->offset,
					 .length = u64_min(u->length, INT64_MAX)};
	return u->section.len == 0 ||
	       (imap_section_parse(&lex, &item->section) && imap_lex_end(&lex));
}

static enum imap_answer find(struct imap_session *s, const struct url_imap *u,
			     struct imap_url_bytes *b)
{
	b->row = (struct imap_row){.uid = u->uid};
	arena_reset(s->work->batch);
	if (!item_of(s, u, &b->item))
		return IMAP_NONEXISTENT;
	enum imap_answer r = s->host->rows(s->host, b->mailbox, s->work->batch, &u->uid, 1,
					   IMAP_WANT_SUMMARY, &b->row);
	if (r != IMAP_YES || !b->row.found)
		return r != IMAP_YES ? r : IMAP_NONEXISTENT;
	b->summary = imap_summary_of(s->work->batch, &b->row);
	if (b->summary == NULL)
		return IMAP_UNAVAILABLE;
	struct imap_range range = imap_section_range(&b->item.section, &b->row, b->summary);
	if (!range.exists)
		return IMAP_NONEXISTENT;
	b->from = range.from;
	b->to = range.to;
	if (b->item.section.field_count > 0 && !pick(b, &b->item.section))
		return IMAP_UNAVAILABLE;
	if (u->partial) {
		b->from += u64_min(u->offset, b->to - b->from);
		b->to = b->from + u64_min(u->length, b->to - b->from);
	}
	return IMAP_YES;
}

static enum imap_answer opened(struct imap_session *s, const struct url_imap *u,
			       struct imap_url_bytes *b, enum imap_answer r)
{
	if (r == IMAP_YES)
		r = find(s, u, b);
	if (r != IMAP_YES)
		imap_url_close(b);
	return r;
}

static void init(struct imap_session *s, struct imap_url_bytes *b)
{
	*b = (struct imap_url_bytes){.s = s};
	buf_init(&b->fields, IMAP_HEADER_SCAN_MAX + 2);
}

enum imap_answer imap_url_open(struct imap_session *s, const struct url_imap *u,
			       struct imap_url_bytes *b)
{
	init(s, b);
	return opened(s, u, b, open_mailbox(s, u, b));
}

enum imap_answer imap_url_open_signed(struct imap_session *s, struct span text,
				      const struct url_imap *u, struct imap_url_bytes *b)
{
	init(s, b);
	enum imap_answer r = s->host->url_open(s->host, text, &b->mailbox);
	b->own = r == IMAP_YES;
	return opened(s, u, b, r);
}

enum imap_answer imap_url_read(struct imap_url_bytes *b, struct span *out)
{
	struct imap_host *host = b->s->host;
	size_t len = (size_t)u64_min(b->to - b->from, IMAP_CHUNK_MAX);
	enum imap_answer r = IMAP_YES;
	*out = span_of(NULL, 0);
	if (len == 0)
		return IMAP_YES;
	if (b->picked)
		*out = span_sub(buf_span(&b->fields), (size_t)b->from, len);
	else
		r = host->body(host, b->mailbox, b->row.uid, b->from, len, out);
	if (r == IMAP_YES && out->len == 0)
		r = IMAP_UNAVAILABLE; /* shorter than its row says */
	if (r == IMAP_YES)
		b->from += out->len;
	return r;
}

void imap_url_close(struct imap_url_bytes *b)
{
	if (b->own)
		b->s->host->deselect(b->s->host, b->mailbox);
	b->own = false;
	buf_free(&b->fields);
}

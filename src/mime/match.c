/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/match: walks the regions of a message (headers and text bodies) that
 * its summary names, in the order of the bytes.
 *
 * Text is decoded in pieces that end with a line where there is one, and the
 * end of each piece is kept so that no needle is missed across two of them.
 * Must never hold more than a piece, a header block and the longest needle.
 */
#include "mime/match.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/transfer.h"
#include "mime/parse.h"
#include "mime/words.h"

#define MATCH_TAG   TAG4('M', 'T', 'C', 'H')
#define PIECE_MAX   (32u << 10)
#define TEXT_MAX    (8u * PIECE_MAX)

struct mime_match {
	uint32_t tag;
	struct mime_charsets *charsets;
	const struct summary *summary;
	const struct mime_needle *needles;
	size_t count, longest;
	uint32_t found, all;
	struct buf lower; /* the needles in lower case, end to end */

	uint64_t at;
	size_t part;    /* that the current region belongs to */
	bool in_body;   /* its body region, else its header */
	struct buf block;  /* a header */
	struct buf piece;  /* decoded bytes that wait for a line end */
	struct buf text;   /* UTF-8 in lower case, with the end of what came before */
	struct transfer_decoder decoder;
	bool is_short;
};

struct mime_match *mime_match_new(struct mime_charsets *c, const struct summary *s,
				  const struct mime_needle *needles, size_t count)
{
	if (count == 0 || count > MIME_NEEDLES_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (needles[i].text.len > MIME_NEEDLE_MAX)
			return NULL;
	struct mime_match *m = calloc(1, sizeof *m);
	if (m == NULL)
		return NULL;
	m->tag = MATCH_TAG;
	m->charsets = c;
	m->summary = s;
	m->needles = needles;
	m->count = count;
	m->all = (uint32_t)((1ull << count) - 1);
	buf_init(&m->lower, MIME_NEEDLES_MAX * MIME_NEEDLE_MAX);
	buf_init(&m->block, MIME_HEADER_BLOCK_MAX);
	buf_init(&m->piece, 2 * PIECE_MAX);
	buf_init(&m->text, TEXT_MAX);
	for (size_t i = 0; i < count; i++) {
		m->longest = size_max(m->longest, needles[i].text.len);
		for (size_t k = 0; k < needles[i].text.len; k++)
			buf_addc(&m->lower, ascii_lower(needles[i].text.ptr[k]));
	}
	if (!buf_ok(&m->lower)) {
		mime_match_free(m);
		return NULL;
	}
	return m;
}

void mime_match_free(struct mime_match *m)
{
	if (m == NULL)
		return;
	ENSURE_TAG(m, MATCH_TAG);
	buf_free(&m->lower);
	buf_free(&m->block);
	buf_free(&m->piece);
	buf_free(&m->text);
	m->tag = 0;
	free(m);
}

static void lower_case(struct buf *b, size_t from)
{
	for (size_t i = b->from + from; i < b->to; i++)
		b->data[i] = ascii_lower(b->data[i]);
}

/* Needles of the kinds in `where` (bits) against text in lower case. */
static void look(struct mime_match *m, unsigned where, struct span field, struct span text)
{
	size_t at = 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct mime_needle *n = &m->needles[i];
		struct span needle = span_sub(buf_span(&m->lower), at, n->text.len);
		at += n->text.len;
		if ((m->found >> i & 1) != 0 || (where >> n->where & 1) == 0)
			continue;
		if (n->where == MIME_IN_FIELD && !span_eq_nocase(n->field, field))
			continue;
		if (needle.len == 0 || span_find_span(text, needle) != SIZE_MAX)
			m->found |= 1u << i;
	}
}

static void look_at_header(struct mime_match *m)
{
	struct span rest = buf_span(&m->block);
	struct mime_field f;
	size_t at = 0, n = 0;
	unsigned where = 1u << MIME_IN_TEXT | (m->part == 0 ? 1u << MIME_IN_FIELD : 0);
	struct buf b;
	buf_init(&b, 8 * MIME_FIELD_MAX);
	while (mime_field_next(&rest, &at, &f) && n++ < MIME_FIELDS_MAX) {
		/* TEXT sees name and value, HEADER the value alone. */
		buf_clear(&b);
		buf_add(&b, f.name);
		buf_add(&b, SPAN(": "));
		size_t name = buf_len(&b);
		mime_words_decode(m->charsets, f.value, &b);
		lower_case(&b, 0);
		struct span text = buf_span(&b);
		look(m, where & 1u << MIME_IN_TEXT, f.name, text);
		look(m, where & 1u << MIME_IN_FIELD, f.name, span_skip(text, name));
	}
	m->is_short |= buf_short(&b);
	buf_free(&b);
	buf_clear(&m->block);
}

/* Convert n decoded bytes and look at them together with what came before. */
static void look_at_text(struct mime_match *m, size_t n)
{
	const struct summary_part *p = &m->summary->parts[m->part];
	struct span charset = summary_param(p->params, SPAN("charset"));
	size_t before = buf_len(&m->text);
	mime_to_utf8(m->charsets, charset.len > 0 ? charset : SPAN("utf-8"),
		     span_sub(buf_span(&m->piece), 0, n), &m->text);
	buf_take(&m->piece, n);
	lower_case(&m->text, before);
	look(m, 1u << MIME_IN_BODY | 1u << MIME_IN_TEXT, (struct span){0}, buf_span(&m->text));
	size_t keep = m->longest > 0 ? m->longest - 1 : 0;
	if (buf_len(&m->text) > keep)
		buf_take(&m->text, buf_len(&m->text) - keep);
}

static void body_bytes(struct mime_match *m, struct span b)
{
	while (b.len > 0) {
		struct span head = span_sub(b, 0, PIECE_MAX / 2);
		transfer_decode(&m->decoder, head, &m->piece);
		b = span_skip(b, head.len);
		if (buf_len(&m->piece) < PIECE_MAX)
			continue;
		size_t lf = span_find_last(buf_span(&m->piece), '\n');
		look_at_text(m, lf == SIZE_MAX ? buf_len(&m->piece) : lf + 1);
	}
}

static bool is_text(const struct summary_part *p)
{
	/* Reports and pieces of messages (message/delivery-status ...) are read by people, too. */
	return p->kind == SUMMARY_LEAF && (span_eq_nocase(p->type, SPAN("text")) ||
					   span_eq_nocase(p->type, SPAN("message")));
}

static uint64_t region_start(const struct mime_match *m)
{
	const struct summary_part *p = &m->summary->parts[m->part];
	return m->in_body ? p->body_start : p->header_start;
}

static uint64_t region_end(const struct mime_match *m)
{
	const struct summary_part *p = &m->summary->parts[m->part];
	if (!m->in_body)
		return p->body_start;
	return is_text(p) ? p->body_end : p->body_start;
}

/* The region is behind us: judge what was collected, go to the next one. */
static void region_done(struct mime_match *m)
{
	const struct summary_part *p = &m->summary->parts[m->part];
	if (!m->in_body) {
		look_at_header(m);
		m->in_body = true;
		transfer_decoder_init(&m->decoder, transfer_encoding_of(p->encoding));
		return;
	}
	if (is_text(p)) {
		transfer_decode_end(&m->decoder, &m->piece);
		look_at_text(m, buf_len(&m->piece));
	}
	buf_clear(&m->piece);
	buf_clear(&m->text);
	m->in_body = false;
	m->part++;
}

bool mime_match_feed(struct mime_match *m, struct span chunk)
{
	ENSURE_TAG(m, MATCH_TAG);
	while (m->part < m->summary->part_count && m->found != m->all) {
		uint64_t start = region_start(m), end = region_end(m);
		if (m->at >= end) {
			region_done(m);
			continue;
		}
		if (chunk.len == 0)
			break;
		uint64_t goal = m->at < start ? start : end;
		struct span b = span_sub(chunk, 0, (size_t)u64_min(goal - m->at, chunk.len));
		if (m->at >= start && m->in_body)
			body_bytes(m, b);
		else if (m->at >= start)
			buf_add(&m->block, span_sub(b, 0, MIME_HEADER_BLOCK_MAX -
							  buf_len(&m->block)));
		m->at += b.len;
		chunk = span_skip(chunk, b.len);
	}
	m->at += chunk.len;
	return m->found == m->all;
}

bool mime_match_short(const struct mime_match *m)
{
	return m->is_short || buf_short(&m->lower) || buf_short(&m->block) ||
	       buf_short(&m->piece) || buf_short(&m->text);
}

uint32_t mime_match_end(struct mime_match *m)
{
	ENSURE_TAG(m, MATCH_TAG);
	/* A message that ended early: what there is of a region counts. */
	while (m->part < m->summary->part_count && m->found != m->all)
		region_done(m);
	return m->found;
}

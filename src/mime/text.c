/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/text: walks the regions of a message (headers and text bodies) that its
 * summary names, in the order of the bytes.
 *
 * Must never hold more than a piece and a header block, nor give a piece that ends
 * within a character.
 */
#include "mime/text.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/transfer.h"
#include "base/utf8.h"
#include "mime/html.h"
#include "mime/parse.h"
#include "mime/words.h"
#include "terms/fold.h"

#define TEXT_TAG    TAG4('M', 'T', 'X', 'T')
#define PIECE_MAX   (32u << 10)
#define DECODED_MAX (8u * PIECE_MAX) /* UTF-8 of one piece */
#define LINE_MAX    (8u * MIME_FIELD_MAX)

struct mime_text {
	uint32_t tag;
	struct mime_charsets *charsets;
	const struct summary *summary;
	const struct mime_text_sink *sink;

	uint64_t at;
	size_t part;	  /* that the current region belongs to */
	bool in_body;	  /* its body region, else its header */
	struct buf block; /* a header */
	struct buf piece; /* decoded bytes that wait for a line end */
	struct buf utf8, shown, folded; /* shown: of HTML */
	struct transfer_decoder decoder;
	struct html html;
};

struct mime_text *mime_text_new(struct mime_charsets *c, const struct summary *s,
				const struct mime_text_sink *sink)
{
	struct mime_text *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->tag = TEXT_TAG;
	t->charsets = c;
	t->summary = s;
	t->sink = sink;
	buf_init(&t->block, MIME_HEADER_BLOCK_MAX);
	buf_init(&t->piece, 2 * PIECE_MAX);
	buf_init(&t->utf8, size_max(DECODED_MAX, LINE_MAX));
	buf_init(&t->shown, 2 * DECODED_MAX);
	buf_init(&t->folded, FOLD_GROWTH * size_max(2 * DECODED_MAX, LINE_MAX));
	return t;
}

void mime_text_free(struct mime_text *t)
{
	if (t == NULL)
		return;
	ENSURE_TAG(t, TEXT_TAG);
	buf_free(&t->block);
	buf_free(&t->piece);
	buf_free(&t->utf8);
	buf_free(&t->shown);
	buf_free(&t->folded);
	t->tag = 0;
	free(t);
}

bool mime_text_short(const struct mime_text *t)
{
	return buf_short(&t->block) || buf_short(&t->piece) || buf_short(&t->utf8) ||
	       buf_short(&t->shown) || buf_short(&t->folded);
}

static bool enough(const struct mime_text *t)
{
	return t->part >= t->summary->part_count || t->sink->enough(t->sink->arg);
}

/* ---- headers ---- */

static void fields(struct mime_text *t, struct span rest)
{
	struct mime_field f;
	size_t at = 0, n = 0;
	while (mime_field_next(&rest, &at, &f) && n++ < MIME_FIELDS_MAX) {
		buf_clear(&t->utf8);
		buf_clear(&t->folded);
		buf_add(&t->folded, f.name);
		for (size_t i = t->folded.from; i < t->folded.to; i++)
			t->folded.data[i] = ascii_lower(t->folded.data[i]);
		buf_add(&t->folded, SPAN(": "));
		size_t name = buf_len(&t->folded);
		mime_words_decode(t->charsets, f.value, &t->utf8);
		terms_fold(&t->folded, buf_span(&t->utf8));
		struct mime_text_field out = {.top = t->part == 0,
					      .name = f.name,
					      .line = buf_span(&t->folded)};
		out.value = span_skip(out.line, name);
		t->sink->field(t->sink->arg, &out);
	}
}

void mime_text_fields(struct mime_text *t, struct span s)
{
	ENSURE_TAG(t, TEXT_TAG);
	fields(t, s);
}

/* ---- text ---- */

static const struct summary_part *part_of(const struct mime_text *t)
{
	return &t->summary->parts[t->part];
}

static void give_text(struct mime_text *t, struct span utf8)
{
	buf_clear(&t->folded);
	terms_fold(&t->folded, utf8);
	if (buf_len(&t->folded) > 0)
		t->sink->text(t->sink->arg, buf_span(&t->folded));
}

static bool is_html(const struct mime_text *t)
{
	return span_eq_nocase(part_of(t)->subtype, SPAN("html"));
}

/* Convert n decoded bytes. */
static void give(struct mime_text *t, size_t n)
{
	struct span charset = summary_param(part_of(t)->params, SPAN("charset"));
	buf_clear(&t->utf8);
	mime_to_utf8(t->charsets, charset.len > 0 ? charset : SPAN("utf-8"),
		     span_sub(buf_span(&t->piece), 0, n), &t->utf8);
	buf_take(&t->piece, n);
	if (!is_html(t)) {
		give_text(t, buf_span(&t->utf8));
		return;
	}
	buf_clear(&t->shown);
	html_text(&t->html, buf_span(&t->utf8), &t->shown);
	give_text(t, buf_span(&t->shown));
}

/* Where a piece may end: a line, else a blank, else the last character. */
static size_t piece_end(struct span s)
{
	size_t n = span_find_last(s, '\n');
	if (n == SIZE_MAX)
		n = span_find_last(s, ' ');
	if (n != SIZE_MAX)
		return n + 1;
	for (n = s.len; n > s.len - UTF8_MAX; n--)
		if (((unsigned char)s.ptr[n - 1] & 0xc0) != 0x80)
			return (unsigned char)s.ptr[n - 1] < 0x80 ? n : n - 1;
	return s.len;
}

static void body_bytes(struct mime_text *t, struct span b)
{
	while (b.len > 0) {
		struct span head = span_sub(b, 0, PIECE_MAX / 2);
		transfer_decode(&t->decoder, head, &t->piece);
		b = span_skip(b, head.len);
		if (buf_len(&t->piece) < PIECE_MAX)
			continue;
		give(t, piece_end(buf_span(&t->piece)));
	}
}

/* ---- regions ---- */

static bool is_text(const struct summary_part *p)
{
	/* Reports and pieces of messages (message/delivery-status ...) are read by people, too. */
	return p->kind == SUMMARY_LEAF && (span_eq_nocase(p->type, SPAN("text")) ||
					   span_eq_nocase(p->type, SPAN("message")));
}

static uint64_t region_start(const struct mime_text *t)
{
	return t->in_body ? part_of(t)->body_start : part_of(t)->header_start;
}

static uint64_t region_end(const struct mime_text *t)
{
	const struct summary_part *p = part_of(t);
	if (!t->in_body)
		return p->body_start;
	return is_text(p) ? p->body_end : p->body_start;
}

/* The region is behind us: give what was collected, go to the next one. */
static void region_done(struct mime_text *t)
{
	const struct summary_part *p = part_of(t);
	if (!t->in_body) {
		fields(t, buf_span(&t->block));
		buf_clear(&t->block);
		t->in_body = true;
		transfer_decoder_init(&t->decoder, transfer_encoding_of(p->encoding));
		return;
	}
	if (is_text(p)) {
		transfer_decode_end(&t->decoder, &t->piece);
		give(t, buf_len(&t->piece));
		if (is_html(t)) {
			buf_clear(&t->shown);
			html_end(&t->html, &t->shown);
			give_text(t, buf_span(&t->shown));
		}
		t->sink->text(t->sink->arg, span_of(NULL, 0));
	}
	buf_clear(&t->piece);
	t->in_body = false;
	t->part++;
}

void mime_text_feed(struct mime_text *t, struct span chunk)
{
	ENSURE_TAG(t, TEXT_TAG);
	while (!enough(t)) {
		uint64_t start = region_start(t), end = region_end(t);
		if (t->at >= end) {
			region_done(t);
			continue;
		}
		if (chunk.len == 0)
			break;
		uint64_t goal = t->at < start ? start : end;
		struct span b = span_sub(chunk, 0, (size_t)u64_min(goal - t->at, chunk.len));
		if (t->at >= start && t->in_body)
			body_bytes(t, b);
		else if (t->at >= start)
			buf_add(&t->block, span_sub(b, 0, MIME_HEADER_BLOCK_MAX -
							  buf_len(&t->block)));
		t->at += b.len;
		chunk = span_skip(chunk, b.len);
	}
	t->at += chunk.len;
}

void mime_text_end(struct mime_text *t)
{
	ENSURE_TAG(t, TEXT_TAG);
	while (!enough(t))
		region_done(t);
}

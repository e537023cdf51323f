/* SPDX-License-Identifier: Apache-2.0 */
/* See oracle.h. */
#include "oracle.h"

#include "base/ensure.h"
#include "base/transfer.h"
#include "mime/parse.h"

static struct summary *understand(struct span m, struct mime_parser **p)
{
	*p = mime_parser_new(NULL);
	ENSURE(*p != NULL);
	mime_parser_feed(*p, m);
	struct summary *s = mime_parser_end(*p);
	ENSURE(s != NULL);
	return s;
}

/* Decoded; the line ends of text are CRLF, as where it is sent. */
static void content(struct span m, const struct summary_part *p, struct buf *out)
{
	struct transfer_decoder d;
	struct span body = span_sub(m, (size_t)p->body_start, (size_t)(p->body_end - p->body_start));
	struct buf raw;
	buf_init(&raw, body.len + 16);
	transfer_decoder_init(&d, transfer_encoding_of(p->encoding));
	transfer_decode(&d, body, &raw);
	transfer_decode_end(&d, &raw);
	struct span s = buf_span(&raw);
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\n' && (i == 0 || s.ptr[i - 1] != '\r'))
			buf_addc(out, '\r');
		buf_addc(out, s.ptr[i]);
	}
	buf_free(&raw);
}

static void same_parts(struct span before, struct span after)
{
	struct mime_parser *p, *q;
	struct summary *a = understand(before, &p), *b = understand(after, &q);
	ENSURE(a->part_count == b->part_count);
	for (size_t i = 0; i < a->part_count; i++) {
		struct buf x, y;
		ENSURE(a->parts[i].kind == b->parts[i].kind && a->parts[i].depth == b->parts[i].depth);
		if (a->parts[i].kind != SUMMARY_LEAF)
			continue;
		buf_init(&x, 2 * before.len + 64);
		buf_init(&y, 2 * after.len + 64);
		content(before, &a->parts[i], &x);
		content(after, &b->parts[i], &y);
		/* A message has to end with a line end. */
		if (!span_eq(buf_span(&x), buf_span(&y))) {
			buf_add(&x, SPAN("\r\n"));
			ENSURE(span_eq(buf_span(&x), buf_span(&y)));
		}
		buf_free(&x);
		buf_free(&y);
	}
	mime_parser_free(p);
	mime_parser_free(q);
}

static void turn(struct sevenbit *s, struct span m, size_t cut, struct buf *out)
{
	sevenbit_begin(s);
	for (size_t at = 0; at < m.len; at += cut) {
		struct span piece = span_sub(m, at, cut);
		size_t before = buf_len(out);
		sevenbit_turn(s, piece, out);
		ENSURE(buf_len(out) - before <= piece.len * SEVENBIT_GROWTH + SEVENBIT_MORE);
	}
	sevenbit_end(s, out);
	ENSURE(buf_ok(out));
}

enum sevenbit_can sevenbit_oracle(struct span m, size_t cut, struct buf *out)
{
	struct mime_parser *p;
	struct summary *known = understand(m, &p);
	struct arena *a = arena_new(1u << 20);
	struct sevenbit *s = sevenbit_new(known, a);
	ENSURE(a != NULL && s != NULL);
	for (size_t at = 0; at < m.len; at += cut)
		sevenbit_look(s, span_sub(m, at, cut));
	enum sevenbit_can can = sevenbit_judge(s);
	ENSURE((can > SEVENBIT_CAN) == (sevenbit_why(can)[0] != '\0'));
	if (can <= SEVENBIT_CAN) {
		struct buf again;
		turn(s, m, cut, out);
		buf_init(&again, m.len * SEVENBIT_GROWTH + 2 * SEVENBIT_MORE);
		turn(s, m, m.len + 1, &again);
		ENSURE(span_eq(buf_span(out), buf_span(&again)));
		buf_free(&again);
		struct span made = buf_span(out);
		for (size_t i = 0; i < made.len; i++)
			ENSURE((unsigned char)made.ptr[i] <= 127);
		if (can == SEVENBIT_PLAIN)
			ENSURE(span_eq(made, m));
		else
			same_parts(m, made);
	}
	arena_free(a);
	mime_parser_free(p);
	return can;
}

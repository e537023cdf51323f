/* SPDX-License-Identifier: Apache-2.0 */
/* rows: see rows.h. */
#include "rows.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "judge.h"
#include "terms/fold.h"

static bool get(void *arg, uint32_t segment, enum index_part part, uint32_t n,
		struct buf *out)
{
	struct row *r = rows_find(arg, segment, part, n);
	buf_clear(out);
	if (r == NULL)
		return false;
	buf_add(out, span_of(r->bytes, r->len));
	return buf_ok(out);
}

static bool put(void *arg, uint32_t segment, enum index_part part, uint32_t n,
		struct span bytes)
{
	struct rows *s = arg;
	ENSURE(bytes.len > 0 && bytes.len <= INDEX_ROW);
	if (s->puts_left == 0 || s->count == ROWS_MAX)
		return false;
	s->puts_left--;
	ENSURE(rows_find(s, segment, part, n) == NULL);
	struct row *r = &s->row[s->count++];
	*r = (struct row){segment, n, part, malloc(bytes.len), bytes.len};
	ENSURE(r->bytes != NULL);
	memcpy(r->bytes, bytes.ptr, bytes.len);
	return true;
}

void rows_init(struct rows *s)
{
	memset(s, 0, sizeof *s);
	s->puts_left = SIZE_MAX;
	s->get = (struct index_rows){get, s};
	s->put = (struct index_sink){put, s};
}

void rows_free(struct rows *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->row[i].bytes);
	s->count = 0;
}

struct row *rows_find(struct rows *s, uint32_t segment, enum index_part part, uint32_t n)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->row[i].segment == segment && s->row[i].part == part &&
		    s->row[i].n == n)
			return &s->row[i];
	return NULL;
}

static void fold(struct span text, struct buf *out)
{
	buf_init(out, FOLD_GROWTH * text.len + 1);
	terms_fold(out, text);
	ENSURE(buf_ok(out));
}

struct index_segment rows_segment(struct rows *s, struct span lines, uint32_t id,
				  uint32_t first)
{
	static const uint8_t secret[SIPHASH_KEY] = {3};
	struct index_gather *g = index_gather_new(secret);
	struct index_segment out;
	struct buf terms;
	uint32_t uid = first;
	ENSURE(g != NULL);
	buf_init(&terms, 1u << 20);
	for (; lines.len > 0; uid += 2) {
		struct span line;
		struct buf folded;
		(void)span_cut(&lines, '\n', &line);
		fold(line, &folded);
		judge_extract(buf_span(&folded), 100, &terms);
		index_gather_message(g, uid);
		ENSURE(index_gather_terms(g, buf_span(&terms)));
		buf_free(&folded);
	}
	ENSURE(index_gather_write(g, &s->put, id, first, uid, &out));
	index_gather_free(g);
	buf_free(&terms);
	return out;
}

void rows_check(struct rows *s, const struct index_segment *seg, struct span lines,
		struct span needle, unsigned said[3])
{
	struct index_ask *a = index_ask_new();
	struct needle cut;
	struct buf n;
	fold(needle, &n);
	needle_cut(&cut, buf_span(&n));
	ENSURE(a != NULL && index_ask_leaf(a, 1u << TERM_BODY, &cut));
	ENSURE(index_ask_leaf(a, 1u << TERM_SUBJECT, &cut));
	ENSURE(index_ask_run(a, seg, &s->get) == INDEX_OK);
	for (uint32_t d = 0; lines.len > 0; d++) {
		struct span line;
		struct buf text;
		(void)span_cut(&lines, '\n', &line);
		fold(line, &text);
		bool there = buf_len(&n) == 0 ||
			     span_find_span(buf_span(&text), buf_span(&n)) != SIZE_MAX;
		enum index_said v = index_ask_said(a, 0, d);
		ENSURE(d < seg->docs && (there ? v != INDEX_NO : v != INDEX_SURE));
		/* Nothing has a subject. */
		ENSURE(cut.count == 0 || index_ask_said(a, 1, d) == INDEX_NO);
		said[v]++;
		buf_free(&text);
	}
	index_ask_free(a);
	buf_free(&n);
}

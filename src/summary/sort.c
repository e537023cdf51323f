/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary/sort: a merge sort of indices, from runs of two upwards.
 *
 * Most comparisons are decided by eight bytes of the first key, which are
 * gathered beforehand.  Must never recurse: the stack is a fiber's.
 */
#include "summary/sort.h"

#include "base/check.h"

struct sorting {
	const struct summary_row *rows;
	const uint8_t *keys;
	size_t key_count;
	uint64_t *front; /* of the first key, in its direction */
};

static int order_i64(int64_t a, int64_t b) { return a < b ? -1 : a > b; }
static int order_u64(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

static int order_span(struct span a, struct span b)
{
	size_t n = size_min(a.len, b.len);
	int r = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;
	return r != 0 ? r : order_u64(a.len, b.len);
}

/* Where a key is a string: which. */
static int text_key(unsigned by)
{
	static const int8_t keys[SUMMARY_BY_COUNT] = {
		[SUMMARY_BY_ARRIVAL] = -1,
		[SUMMARY_BY_DATE] = -1,
		[SUMMARY_BY_SIZE] = -1,
		[SUMMARY_BY_CC] = SUMMARY_ORDER_CC,
		[SUMMARY_BY_FROM] = SUMMARY_ORDER_FROM,
		[SUMMARY_BY_SUBJECT] = SUMMARY_ORDER_BASE,
		[SUMMARY_BY_TO] = SUMMARY_ORDER_TO,
		[SUMMARY_BY_SHOWN_FROM] = SUMMARY_ORDER_SHOWN_FROM,
		[SUMMARY_BY_SHOWN_TO] = SUMMARY_ORDER_SHOWN_TO,
	};
	return keys[by];
}

static int order_by(unsigned by, const struct summary_row *a, const struct summary_row *b)
{
	int text = text_key(by);
	if (text >= 0)
		return order_span(a->order.key[text], b->order.key[text]);
	if (by == SUMMARY_BY_ARRIVAL)
		return order_i64(a->arrived, b->arrived);
	return by == SUMMARY_BY_DATE ? order_i64(a->sent, b->sent) : order_u64(a->size, b->size);
}

/* The first eight bytes of a key, so that they compare as the key does, or equal. */
static uint64_t front_of(unsigned by, const struct summary_row *r)
{
	int text = text_key(by);
	uint64_t v = 0;
	if (text >= 0) {
		struct span s = r->order.key[text];
		for (size_t i = 0; i < 8; i++)
			v = v << 8 | (i < s.len ? (uint8_t)s.ptr[i] : 0);
		return v;
	}
	if (by == SUMMARY_BY_SIZE)
		return r->size;
	return (uint64_t)(by == SUMMARY_BY_DATE ? r->sent : r->arrived) ^ UINT64_C(1) << 63;
}

static int compare_rows(const void *arg, uint32_t a, uint32_t b)
{
	const struct sorting *s = arg;
	int r = order_u64(s->front[a], s->front[b]);
	for (size_t i = 0; r == 0 && i < s->key_count; i++) {
		r = order_by(s->keys[i] & ~SUMMARY_BY_REVERSE, &s->rows[a], &s->rows[b]);
		if (s->keys[i] & SUMMARY_BY_REVERSE)
			r = -r;
	}
	return r;
}

static void merge(const uint32_t *in, uint32_t *out, size_t left, size_t middle, size_t right,
		  summary_compare_fn *compare, const void *arg, struct summary_pause *pause)
{
	size_t a = left, b = middle;
	for (size_t at = left; at < right; at++) {
		summary_step(pause);
		if (a < middle && (b >= right || compare(arg, in[a], in[b]) <= 0))
			out[at] = in[a++];
		else
			out[at] = in[b++];
	}
}

bool summary_merge_sort(uint32_t *items, size_t n, summary_compare_fn *compare, const void *arg,
			struct arena *arena, struct summary_pause *pause)
{
	if (n < 2)
		return true;
	uint32_t *in = items, *out = ARENA_ARRAY(arena, n, uint32_t);
	if (out == NULL)
		return false;
	for (size_t run = 1; run < n; run *= 2) {
		for (size_t at = 0; at < n; at += 2 * run)
			merge(in, out, at, size_min(at + run, n), size_min(at + 2 * run, n),
			      compare, arg, pause);
		uint32_t *was = in;
		in = out;
		out = was;
	}
	if (in != items)
		memcpy(items, in, n * sizeof *items);
	return true;
}

uint32_t *summary_sort(const struct summary_row *rows, size_t n, const uint8_t *keys,
		       size_t key_count, struct arena *arena, struct summary_pause *pause)
{
	struct sorting s = {.rows = rows, .keys = keys, .key_count = key_count};
	uint32_t *items = ARENA_ARRAY(arena, n + 1, uint32_t);
	s.front = ARENA_ARRAY(arena, n + 1, uint64_t);
	if (items == NULL || s.front == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		uint64_t front = key_count > 0 ? front_of(keys[0] & ~SUMMARY_BY_REVERSE, &rows[i]) : 0;
		items[i] = (uint32_t)i;
		s.front[i] = key_count > 0 && (keys[0] & SUMMARY_BY_REVERSE) ? ~front : front;
		summary_step(pause);
	}
	return summary_merge_sort(items, n, compare_rows, &s, arena, pause) ? items : NULL;
}

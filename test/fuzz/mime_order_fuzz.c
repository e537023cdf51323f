/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/order: a base subject has no base but itself and is never longer; every message has
 * a record that reads back, and orders and threads of such records are whole.
 */
#include "base/ensure.h"
#include "mime/order.h"
#include "mime/parse.h"
#include "summary/sort.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void subject(struct span in)
{
	struct buf once, twice;
	buf_init(&once, 4096);
	buf_init(&twice, 4096);
	(void)mime_base_subject(in, &once);
	ENSURE(buf_ok(&once) && buf_len(&once) <= in.len);
	ENSURE(!mime_base_subject(buf_span(&once), &twice));
	ENSURE(span_eq(buf_span(&once), buf_span(&twice)));
	buf_free(&once);
	buf_free(&twice);
}

static void record(struct span in)
{
	struct summary_order o;
	struct buf b;
	struct mime_parser *p = mime_parser_new(NULL);
	ENSURE(p != NULL);
	buf_init(&b, SUMMARY_ORDER_MAX);
	mime_parser_feed(p, in);
	struct summary *s = mime_parser_end(p);
	if (s != NULL) {
		ENSURE(mime_order(NULL, s, &b) && summary_order_read(buf_span(&b), &o));
		s->order = buf_span(&b);
		struct buf written;
		buf_init(&written, SUMMARY_MAX);
		ENSURE(summary_write(s, &written));
		ENSURE(span_eq(summary_order_of(buf_span(&written)), buf_span(&b)));
		buf_free(&written);
	}
	buf_free(&b);
	mime_parser_free(p);
}

/* Each byte: an id, or with its high bit another reference of the message before. */
static void threads(struct span in)
{
	static const uint8_t keys[] = {SUMMARY_BY_SUBJECT, SUMMARY_BY_DATE | SUMMARY_BY_REVERSE};
	struct arena *a = arena_new(8u << 20);
	struct summary_row *rows = a != NULL ? ARENA_ARRAY(a, in.len + 1, struct summary_row) : NULL;
	uint64_t *ids = rows != NULL ? ARENA_ARRAY(a, in.len + 1, uint64_t) : NULL;
	struct summary_pause pause = {0};
	struct summary_threads t;
	size_t n = 0;
	ENSURE(ids != NULL);
	for (size_t i = 0; i < in.len; i++) {
		unsigned byte = (uint8_t)in.ptr[i];
		ids[i] = byte & 31;
		if (n == 0 || byte < 128) {
			rows[n] = (struct summary_row){.uid = (uint32_t)n + 1, .sent = byte & 3};
			rows[n].order = (struct summary_order){.id = byte & 31, .subject = byte >> 5 & 3,
							       .flags = byte & 2,
							       .key = {span_sub(in, i, 1)}};
			rows[n++].order.ids = span_of((const char *)&ids[i], 0);
		} else if (summary_order_ids(&rows[n - 1].order) < SUMMARY_ORDER_IDS) {
			rows[n - 1].order.ids.len += sizeof *ids;
		}
	}
	/* The ids of a row begin where it does; the first is its own, which is no harm. */
	ENSURE(summary_sort(rows, n, keys, ARRAY_LEN(keys), a, &pause) != NULL);
	for (unsigned how = 0; how < SUMMARY_THREAD_COUNT; how++) {
		size_t found = 0;
		uint32_t depth = 0;
		ENSURE(summary_threads(rows, n, (enum summary_thread_how)how, a, &pause, &t));
		for (size_t i = 0; i < t.count; i++) {
			ENSURE(t.at[i].depth <= (i == 0 ? 0 : depth + 1));
			depth = t.at[i].depth;
			found += t.at[i].row != SUMMARY_THREAD_NOBODY;
			ENSURE(t.at[i].row != SUMMARY_THREAD_NOBODY || depth == 0);
		}
		ENSURE(found == n);
	}
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of((const char *)data, size);
	if (size > 4096)
		return 0;
	subject(in);
	record(in);
	threads(in);
	return 0;
}

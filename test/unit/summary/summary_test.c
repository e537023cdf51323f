/* SPDX-License-Identifier: Apache-2.0 */
/* summary: there and back, parts by number, and bytes of a writer who lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "summary/summary.h"

static const struct summary_address one[] = {
	{SPAN_INIT("A"), {0}, SPAN_INIT("a"), SPAN_INIT("b")},
};
static const struct summary_envelope envelope = {
	.date = SPAN_INIT("d"), .subject = SPAN_INIT(""), .who = {[SUMMARY_FROM] = {one, 1}},
};
static const struct summary_param param[] = {{SPAN_INIT("boundary"), SPAN_INIT("b")}};

#define LEAF(up, level, from)                                                  \
	{.parent = (up), .depth = (level), .header_start = (from),             \
	 .body_start = (from) + 2, .body_end = (from) + 5, .lines = 1,         \
	 .type = SPAN_INIT("text"), .subtype = SPAN_INIT("html")}

/* multipart( leaf, message( multipart( leaf, leaf ) ), leaf ) */
static void make(struct summary *s, struct summary_part parts[7])
{
	const struct summary_part all[7] = {
		{.kind = SUMMARY_MULTIPART, .parent = SUMMARY_NO_PARENT, .body_start = 10,
		 .body_end = 100, .lines = 9, .type = SPAN_INIT("multipart"),
		 .subtype = SPAN_INIT("mixed"), .params = {param, 1}, .envelope = &envelope},
		LEAF(0, 1, 10),
		{.kind = SUMMARY_MESSAGE, .depth = 1, .header_start = 20, .body_start = 22,
		 .body_end = 60, .type = SPAN_INIT("message"), .subtype = SPAN_INIT("rfc822")},
		{.kind = SUMMARY_MULTIPART, .parent = 2, .depth = 2, .header_start = 22,
		 .body_start = 25, .body_end = 60, .type = SPAN_INIT("multipart"),
		 .subtype = SPAN_INIT("x"), .envelope = &envelope},
		LEAF(3, 3, 30),
		LEAF(3, 3, 40),
		LEAF(0, 1, 70),
	};
	memcpy(parts, all, sizeof all);
	*s = (struct summary){.size = 100, .sent = -5, .parts = parts, .part_count = 7,
			      .preview = SPAN("hi")};
}

static void there_and_back(void **state)
{
	(void)state;
	struct summary s, *back = NULL;
	struct summary_part parts[7];
	struct buf b;
	struct arena *a = arena_new(1u << 20);
	buf_init(&b, SUMMARY_MAX);
	make(&s, parts);
	assert_true(summary_link(&s));
	assert_true(summary_write(&s, &b));
	assert_int_equal(summary_read(buf_span(&b), 100, a, &back), SUMMARY_OK);
	assert_int_equal(back->part_count, 7);
	assert_true(back->sent == -5);
	assert_int_equal(back->parts[0].children, 3);
	assert_ptr_equal(summary_child(back, &back->parts[0]), &back->parts[1]);
	assert_ptr_equal(summary_sibling(back, &back->parts[1]), &back->parts[2]);
	assert_ptr_equal(summary_sibling(back, &back->parts[2]), &back->parts[6]);
	assert_null(summary_sibling(back, &back->parts[6]));
	assert_ptr_equal(summary_sibling(back, &back->parts[4]), &back->parts[5]);
	assert_null(summary_sibling(back, &back->parts[5]));
	assert_null(summary_sibling(back, &back->parts[3]));
	assert_null(back->parts[0].envelope->message_id.ptr);
	assert_non_null(back->parts[0].envelope->subject.ptr);
	assert_true(span_eq(back->parts[0].envelope->who[SUMMARY_FROM].at[0].host, SPAN("b")));
	assert_true(span_eq(summary_param(back->parts[0].params, SPAN("BOUNDARY")), SPAN("b")));
	assert_null(summary_param(back->parts[0].params, SPAN("x")).ptr);
	assert_int_equal(summary_read(buf_span(&b), 101, a, &back), SUMMARY_INVALID);
	buf_free(&b);
	arena_free(a);
}

static void numbers_find_parts(void **state)
{
	(void)state;
	static const struct {
		uint32_t n[4];
		size_t count;
		int part; /* -1: none */
	} rows[] = {
		{{0}, 0, 0}, {{1}, 1, 1}, {{2}, 1, 2}, {{3}, 1, 6}, {{4}, 1, -1}, {{0}, 1, -1},
		{{2, 1}, 2, 4}, {{2, 2}, 2, 5}, {{2, 3}, 2, -1}, {{1, 1}, 2, -1},
		{{2, 1, 1}, 3, -1}, {{3, 1}, 2, -1},
	};
	struct summary s;
	struct summary_part parts[7];
	make(&s, parts);
	assert_true(summary_link(&s));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct summary_part *p = summary_find(&s, rows[i].n, rows[i].count);
		if (rows[i].part < 0)
			assert_null(p);
		else
			assert_ptr_equal(p, &parts[rows[i].part]);
	}
	struct arena *a = arena_new(65536);
	struct summary *o = summary_opaque(a, 10);
	assert_non_null(o);
	assert_ptr_equal(summary_find(o, (const uint32_t[]){1}, 1), &o->parts[0]);
	assert_null(summary_find(o, (const uint32_t[]){1, 1}, 2));
	assert_null(summary_find(o, (const uint32_t[]){2}, 1));
	struct buf b;
	buf_init(&b, SUMMARY_MAX);
	assert_true(summary_write(o, &b));
	assert_int_equal(summary_read(buf_span(&b), 10, a, &o), SUMMARY_OK);
	assert_true((o->flags & SUMMARY_OPAQUE) != 0);
	buf_free(&b);
	arena_free(a);
}

static void lies_are_seen(void **state)
{
	(void)state;
	struct summary s;
	struct summary_part p[7];
#define LIE(change)                                                            \
	do {                                                                   \
		make(&s, p);                                                   \
		change;                                                        \
		assert_false(summary_link(&s));                                \
	} while (0)
	LIE(p[1].body_end = 101);
	LIE(p[0].body_end = 99);
	LIE(p[1].body_start = 9);
	LIE(p[1].header_start = 13);
	LIE(p[4].body_end = 61);
	LIE(p[4].header_start = 24);
	LIE(p[1].lines = 4);
	LIE(p[1].parent = 1);
	LIE(p[1].parent = 5);
	LIE(p[1].depth = 2);
	LIE(p[5].parent = 1);
	LIE(p[6].parent = 2; p[6].depth = 2; p[6].header_start = 50; p[6].body_start = 52;
	    p[6].body_end = 55; p[6].envelope = &envelope);
	LIE(p[0].envelope = NULL);
	LIE(p[3].envelope = NULL);
	LIE(p[1].envelope = &envelope);
	LIE(p[0].kind = SUMMARY_LEAF);
	LIE(p[2].kind = SUMMARY_MULTIPART);
	LIE(p[1].kind = SUMMARY_MESSAGE);
	LIE(p[1].kind = (enum summary_kind)3);
	LIE(p[1].type = (struct span){0});
	LIE(s.flags = SUMMARY_OPAQUE);
	LIE(s.flags = SUMMARY_FLAGS_ALL + 1);
	LIE(s.part_count = 0);
	LIE(s.preview = span_of(p, SUMMARY_PREVIEW_MAX + 1));
#undef LIE
}

static void broken_bytes_are_refused(void **state)
{
	(void)state;
	struct summary s, *back;
	struct summary_part parts[7];
	struct buf b;
	struct arena *a = arena_new(1u << 20);
	buf_init(&b, SUMMARY_MAX);
	make(&s, parts);
	assert_true(summary_write(&s, &b));
	for (size_t n = 0; n < buf_len(&b); n++) {
		arena_reset(a);
		assert_int_equal(summary_read(span_sub(buf_span(&b), 0, n), 100, a, &back),
				 SUMMARY_INVALID);
	}
	/* Any one byte changed: an answer, and if OK one that holds. */
	for (size_t n = 0; n < buf_len(&b); n++)
		for (int v = 0; v < 256; v += 5) {
			char *c = b.data + b.from + n, was = *c;
			*c = (char)v;
			arena_reset(a);
			if (summary_read(buf_span(&b), 100, a, &back) == SUMMARY_OK)
				assert_true(summary_link(back));
			*c = was;
		}
	buf_addc(&b, 0);
	assert_int_equal(summary_read(buf_span(&b), 100, a, &back), SUMMARY_INVALID);
	buf_cut(&b, 1);
	b.data[b.from + 4] = SUMMARY_FORMAT + 1;
	assert_int_equal(summary_read(buf_span(&b), 100, a, &back), SUMMARY_NEWER);
	b.data[b.from + 4] = SUMMARY_FORMAT;
	arena_free(a);
	a = arena_new(200);
	assert_int_equal(summary_read(buf_span(&b), 100, a, &back), SUMMARY_MEMORY);
	arena_free(a);
	buf_free(&b);
}

static void too_large_is_not_written(void **state)
{
	(void)state;
	static char text[SUMMARY_MAX];
	struct summary s;
	struct summary_part parts[7];
	struct buf b;
	buf_init(&b, 2 * SUMMARY_MAX);
	make(&s, parts);
	assert_true(summary_write(&s, &b));
	size_t rest = SUMMARY_MAX - buf_len(&b);
	buf_clear(&b);
	/* A description of n bytes takes n bytes and two for a longer length. */
	for (size_t d = 0; d < 3; d++) {
		buf_clear(&b);
		parts[1].description = span_of(text, rest - 2 - 1 + d);
		assert_int_equal(summary_write(&s, &b), d < 2);
		assert_int_equal(buf_len(&b), d < 2 ? SUMMARY_MAX - 1 + d : 0);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(numbers_find_parts),
		cmocka_unit_test(lies_are_seen),
		cmocka_unit_test(broken_bytes_are_refused),
		cmocka_unit_test(too_large_is_not_written),
	};
	return cmocka_run_group_tests_name("summary/summary", tests, NULL, NULL);
}

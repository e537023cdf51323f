/* SPDX-License-Identifier: Apache-2.0 */
/* summary/order, sort and thread: there and back, each key, the trees of RFC 5256. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/pack.h"
#include "summary/sort.h"

#define ROWS_MAX 16u

/* "id>refs subject": ids are letters, a subject after a blank, "re " in front of it answers. */
struct scene {
	struct summary_row rows[ROWS_MAX];
	uint64_t ids[ROWS_MAX][SUMMARY_ORDER_IDS];
	size_t count;
};

static void scene_of(struct scene *s, const char *const *messages)
{
	memset(s, 0, sizeof *s);
	for (; messages[s->count] != NULL; s->count++) {
		const char *m = messages[s->count];
		struct summary_row *r = &s->rows[s->count];
		size_t n = 0;
		*r = (struct summary_row){.uid = (uint32_t)s->count + 1,
					  .sent = (int64_t)s->count * 10,
					  .arrived = (int64_t)s->count * 10,
					  .size = 100 - s->count};
		if (*m != '>' && *m != ' ')
			r->order.id = (uint64_t)(unsigned char)*m++;
		if (*m == '>')
			m++;
		for (; *m != ' ' && *m != 0; m++)
			s->ids[s->count][n++] = (uint64_t)(unsigned char)*m;
		r->order.ids = span_of((const char *)s->ids[s->count], n * sizeof(uint64_t));
		struct span subject = span_cstr(*m == ' ' ? m + 1 : m);
		if (span_starts(subject, SPAN("re "))) {
			r->order.flags |= SUMMARY_ORDER_REPLY;
			subject = span_skip(subject, 3);
		}
		r->order.key[SUMMARY_ORDER_BASE] = subject;
		for (size_t i = 0; i < subject.len; i++)
			r->order.subject = r->order.subject * 31 + (unsigned char)subject.ptr[i];
	}
}

/* "1(2(3)(4))": nobody is 0. */
static void tree_is(const char *const *messages, enum summary_thread_how how, const char *want)
{
	struct scene s;
	struct summary_threads t;
	struct buf out;
	struct arena *a = arena_new(1u << 20);
	struct summary_pause pause = {0};
	uint32_t depth = 0;
	scene_of(&s, messages);
	buf_init(&out, 4096);
	assert_true(summary_threads(s.rows, s.count, how, a, &pause, &t));
	for (size_t i = 0; i < t.count; i++) {
		for (; i > 0 && depth >= t.at[i].depth + 1; depth--)
			buf_addc(&out, ')');
		depth = t.at[i].depth;
		buf_printf(&out, "(%u", t.at[i].row == SUMMARY_THREAD_NOBODY ? 0 : s.rows[t.at[i].row].uid);
		depth++;
	}
	for (; depth > 0; depth--)
		buf_addc(&out, ')');
	if (!span_eq(buf_span(&out), span_cstr(want)))
		fail_msg("%.*s, not %s", (int)buf_len(&out), out.data + out.from, want);
	buf_free(&out);
	arena_free(a);
}

#define TREE(how, want, ...) tree_is((const char *const[]){__VA_ARGS__, NULL}, SUMMARY_THREAD_##how, want)

static void references(void **state)
{
	(void)state;
	TREE(REFERENCES, "(1)", "a s");
	TREE(REFERENCES, "(1(2(3)))", "a s", "b>a s", "c>ab s");
	TREE(REFERENCES, "(1(2)(3))", "a s", "b>a s", "c>a s");
	/* A message that is not here keeps its children together, alone it goes. */
	TREE(REFERENCES, "(0(1)(2))", "b>a s", "c>a s");
	TREE(REFERENCES, "(1)", "b>a s");
	TREE(REFERENCES, "(1(2))", "a s", "c>ab s");
	TREE(REFERENCES, "(1(2)(3))", "a s", "c>axy s", "d>axy s");
	/* What a message says of itself counts more than what others say of it. */
	TREE(REFERENCES, "(1(3(2)))", "a p", "c>ab p", "b>a p");
	TREE(REFERENCES, "(1)(3(4(2)))", "a p", "d>ab p", "c q", "b>c q");
	TREE(REFERENCES, "(1)(2(3))", "a p", "c q", "b>c q");
	/* Nobody stands below himself. */
	TREE(REFERENCES, "(2(1))", "a>b s", "b>a s");
	TREE(REFERENCES, "(1)", "a>a s");
	/* The second message of an id has none. */
	TREE(REFERENCES, "(1(3))(2)", "a s", "a t", "b>a s");
	/* Threads stand in the order of their first messages. */
	TREE(REFERENCES, "(1(4))(2(3))", "a s", "b t", "c>b t", "d>a s");
}

static void references_and_subjects(void **state)
{
	(void)state;
	/* An answer below the question; two questions below nobody. */
	TREE(REFERENCES, "(1(2))", "a s", "b re s");
	TREE(REFERENCES, "(2(1))", "b re s", "a s");
	TREE(REFERENCES, "(0(1)(2))", "a s", "b s");
	TREE(REFERENCES, "(0(1)(2))", "a re s", "b re s");
	TREE(REFERENCES, "(0(1)(2)(3))", "a s", "b s", "c s");
	TREE(REFERENCES, "(0(1)(2)(3))", "b>x s", "c>x s", "d s");
	TREE(REFERENCES, "(0(1)(2)(3)(4))", "b>x s", "c>x s", "d>y s", "e>y s");
	/* Without a subject nothing is joined. */
	TREE(REFERENCES, "(1)(2)", "a", "b");
	TREE(REFERENCES, "(1)(2)", "a s", "b t");
}

static void refs(void **state)
{
	(void)state;
	/* Subjects do not count; the thread with the latest message is the last. */
	TREE(REFS, "(1)(2)", "a s", "b re s");
	TREE(REFS, "(2(3))(1(4))", "a s", "b t", "c>b t", "d>a s");
	TREE(REFS, "(0(1)(2))", "b>a s", "c>a t");
}

static void ordered_subject(void **state)
{
	(void)state;
	TREE(SUBJECT, "(1(3)(4))(2)", "a s", "b t", "c s", "d re s");
	TREE(SUBJECT, "(1(2))(3)", "a s", "b s", "c");
	TREE(SUBJECT, "(1(2))", "a", "b");
}

/* A chain that only late messages close, links that would make circles by the thousand. */
static void hostile_references_end(void **state)
{
	(void)state;
	enum { N = 20000 };
	struct summary_row *rows = calloc(N, sizeof *rows);
	uint64_t *ids = calloc(N, sizeof *ids * 2);
	struct arena *a = arena_new(64u << 20);
	struct summary_pause pause = {0};
	struct summary_threads t;
	assert_true(rows != NULL && ids != NULL && a != NULL);
	for (size_t i = 0; i < N; i++) {
		/* Each says that the one before stands below the one after. */
		ids[2 * i] = i + 2;
		ids[2 * i + 1] = i % 3 == 0 ? 1 + (i * 7919) % N : i;
		rows[i] = (struct summary_row){.uid = (uint32_t)i + 1, .sent = (int64_t)(i * 31 % N)};
		rows[i].order.id = i + 1;
		rows[i].order.ids = span_of((const char *)&ids[2 * i], 2 * sizeof *ids);
	}
	assert_true(summary_threads(rows, N, SUMMARY_THREAD_REFERENCES, a, &pause, &t));
	size_t found = 0;
	for (size_t i = 0; i < t.count; i++)
		found += t.at[i].row != SUMMARY_THREAD_NOBODY;
	assert_int_equal(found, N);
	assert_true(pause.steps < 200 * (size_t)N);
	arena_free(a);
	free(rows);
	free(ids);
}

/* ---- sorting ------------------------------------------------------------------------- */

static void sorted_is(const struct summary_row *rows, size_t n, const uint8_t *keys, size_t count,
		      const char *want)
{
	struct arena *a = arena_new(1u << 20);
	struct summary_pause pause = {0};
	struct buf out;
	uint32_t *order = summary_sort(rows, n, keys, count, a, &pause);
	assert_non_null(order);
	buf_init(&out, 1024);
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%u", rows[order[i]].uid);
	if (!span_eq(buf_span(&out), span_cstr(want)))
		fail_msg("%.*s, not %s", (int)buf_len(&out), out.data + out.from, want);
	buf_free(&out);
	arena_free(a);
}

#define R(...) ((uint8_t)(SUMMARY_BY_##__VA_ARGS__ | SUMMARY_BY_REVERSE))
#define SORTED(want, ...)                                                      \
	sorted_is(rows, ARRAY_LEN(rows), (const uint8_t[]){__VA_ARGS__},       \
		  sizeof((const uint8_t[]){__VA_ARGS__}), want)

static void every_key(void **state)
{
	(void)state;
	static const struct summary_row rows[] = {
		{.uid = 1, .arrived = 5, .sent = -3, .size = 10, .order.key = {SPAN_INIT("B"), SPAN_INIT("ZZZZZZZZZ1"), SPAN_INIT(""), SPAN_INIT("C"), SPAN_INIT("x"), SPAN_INIT("q")}},
		{.uid = 2, .arrived = -1, .sent = 7, .size = 9, .order.key = {SPAN_INIT("A"), SPAN_INIT("ZZZZZZZZZ0"), SPAN_INIT("T"), SPAN_INIT("B"), SPAN_INIT("y"), SPAN_INIT("p")}},
		{.uid = 3, .arrived = 5, .sent = 7, .size = 9, .order.key = {SPAN_INIT("AB"), SPAN_INIT("ZZZZZZZZZ"), SPAN_INIT("S"), SPAN_INIT("A"), SPAN_INIT("y"), SPAN_INIT("p")}},
		{.uid = 4, .arrived = 6, .sent = 0, .size = 9000000000, .order.key = {SPAN_INIT("\xc3"), SPAN_INIT("Y"), SPAN_INIT("T"), SPAN_INIT(""), SPAN_INIT(""), SPAN_INIT("r")}},
	};
	SORTED("2134", SUMMARY_BY_ARRIVAL);
	SORTED("4132", R(ARRIVAL));
	SORTED("1423", SUMMARY_BY_DATE);
	SORTED("2314", SUMMARY_BY_SIZE);
	SORTED("2314", SUMMARY_BY_SUBJECT);
	SORTED("4132", R(SUBJECT));
	SORTED("4321", SUMMARY_BY_FROM);
	SORTED("1324", SUMMARY_BY_TO);
	SORTED("4321", SUMMARY_BY_CC);
	SORTED("4123", SUMMARY_BY_SHOWN_FROM);
	SORTED("2314", SUMMARY_BY_SHOWN_TO);
	SORTED("2341", R(DATE), SUMMARY_BY_ARRIVAL);
	SORTED("4132", R(ARRIVAL), SUMMARY_BY_DATE);
	SORTED("1324", SUMMARY_BY_TO, SUMMARY_BY_SIZE);
	sorted_is(rows, ARRAY_LEN(rows), NULL, 0, "1234");
	sorted_is(rows, 1, (const uint8_t[]){SUMMARY_BY_SIZE}, 1, "1");
	sorted_is(rows, 0, (const uint8_t[]){SUMMARY_BY_SIZE}, 1, "");
}

/* Against the library's sort, in odd numbers, and it lets others have their turns. */
static const struct summary_row *compared;

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	if (compared[*x].size != compared[*y].size)
		return compared[*x].size < compared[*y].size ? -1 : 1;
	return *x < *y ? -1 : 1;
}

static void count_turn(void *arg) { ++*(unsigned *)arg; }

static void as_the_library_does(void **state)
{
	(void)state;
	static const size_t sizes[] = {2, 3, 31, 1000, 4097};
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		size_t n = sizes[k];
		struct summary_row *rows = calloc(n, sizeof *rows);
		uint32_t *want = calloc(n, sizeof *want);
		struct arena *a = arena_new(1u << 20);
		unsigned turns = 0;
		struct summary_pause pause = {.pause = count_turn, .arg = &turns};
		for (size_t i = 0; i < n; i++) {
			rows[i].size = i * 7919 % 257;
			want[i] = (uint32_t)i;
		}
		compared = rows;
		qsort(want, n, sizeof *want, by_size);
		const uint8_t key = SUMMARY_BY_SIZE;
		uint32_t *got = summary_sort(rows, n, &key, 1, a, &pause);
		assert_non_null(got);
		assert_memory_equal(got, want, n * sizeof *want);
		assert_int_equal(turns, pause.steps / SUMMARY_SORT_TURN);
		arena_free(a);
		free(want);
		free(rows);
	}
}

/* ---- the record ------------------------------------------------------------------------ */

static void records(void **state)
{
	(void)state;
	struct summary_order o = {.flags = SUMMARY_ORDER_SENT, .sent = -5, .subject = 7, .id = UINT64_MAX}, back;
	static const char text[SUMMARY_ORDER_SUBJECT + 1];
	static const uint64_t ids[SUMMARY_ORDER_IDS + 1] = {0x0102030405060708};
	struct buf b;
	buf_init(&b, SUMMARY_ORDER_MAX);
	for (size_t over = 0; over < 3; over++) {
		buf_clear(&b);
		o.key[SUMMARY_ORDER_BASE] = span_of(text, SUMMARY_ORDER_SUBJECT - 1 + over);
		assert_int_equal(summary_order_write(&o, &b), over < 2);
	}
	o.key[SUMMARY_ORDER_BASE].len = SUMMARY_ORDER_SUBJECT;
	for (size_t over = 0; over < 3; over++) {
		buf_clear(&b);
		for (size_t i = 1; i < SUMMARY_ORDER_KEYS; i++)
			o.key[i] = span_of(text, SUMMARY_ORDER_NAME - 1 + over);
		assert_int_equal(summary_order_write(&o, &b), over < 2);
	}
	for (size_t i = 1; i < SUMMARY_ORDER_KEYS; i++)
		o.key[i].len = SUMMARY_ORDER_NAME;
	for (size_t over = 0; over < 3; over++) {
		buf_clear(&b);
		o.ids = span_of((const char *)ids, (SUMMARY_ORDER_IDS - 1 + over) * sizeof *ids);
		assert_int_equal(summary_order_write(&o, &b), over < 2);
	}
	/* The largest record fits, reads back, and no shorter piece of it does. */
	o.ids.len = sizeof ids - sizeof *ids;
	buf_clear(&b);
	assert_true(summary_order_write(&o, &b));
	assert_true(summary_order_read(buf_span(&b), &back));
	assert_true(back.flags == o.flags && back.sent == o.sent && back.subject == o.subject && back.id == o.id);
	for (size_t i = 0; i < SUMMARY_ORDER_KEYS; i++)
		assert_true(span_eq(back.key[i], o.key[i]));
	assert_int_equal(summary_order_ids(&back), SUMMARY_ORDER_IDS);
	assert_true(summary_order_id(&back, 0) == ids[0] && summary_order_id(&back, 1) == 0);
	for (size_t n = 0; n < buf_len(&b); n++)
		assert_false(summary_order_read(span_sub(buf_span(&b), 0, n), &back));
	o.flags = SUMMARY_ORDER_FLAGS + 1;
	assert_false(summary_order_write(&o, &b));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(every_key),
		cmocka_unit_test(as_the_library_does),
		cmocka_unit_test(references),
		cmocka_unit_test(references_and_subjects),
		cmocka_unit_test(refs),
		cmocka_unit_test(ordered_subject),
		cmocka_unit_test(hostile_references_end),
	};
	return cmocka_run_group_tests_name("summary/sort", tests, NULL, NULL);
}

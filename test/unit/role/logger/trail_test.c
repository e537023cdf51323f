/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trail: what came under an id is found, newest first, however much there is,
 * after a new start, a round of the ring, damage and writes that failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "os/file.h"
#include "os/linux.h"
#include "role/logger/trail.h"

#define SIZE TRAIL_LEAST

struct scene {
	struct world *w;
	struct trail *t;
	struct arena *a;
	int fd; /* another descriptor of its file */
};

static void reopen(struct scene *s, uint64_t size)
{
	int fd;
	trail_free(s->t);
	assert_int_equal(world_dup(s->w, s->fd, &fd), OS_OK);
	s->t = trail_new(s->w, fd, size);
	assert_non_null(s->t);
}

static void ready(struct scene *s)
{
	for (unsigned i = 0; i < 10000 && !trail_read(s->t); i++)
		;
	assert_true(trail_is_ready(s->t));
}

static void open_in(struct scene *s, struct world *w)
{
	*s = (struct scene){.w = w, .a = arena_new(64u << 20)};
	assert_int_equal(blob_new(w, &s->fd), OS_OK);
	reopen(s, SIZE);
	ready(s);
}

static void end(struct scene *s)
{
	trail_free(s->t);
	world_close(s->w, s->fd);
	arena_free(s->a);
	world_free(s->w);
}

/* A line that says a number, with as much behind it as wished. */
static void add(struct scene *s, uint64_t id, uint64_t n, size_t more)
{
	static char room[70000];
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	struct role_logger_field f[20] = {{SPAN("n"), span_of(digits, (size_t)len)}};
	size_t count = 1;
	memset(room, 'x', sizeof room);
	for (; more > 0 && count < 20; count++) {
		f[count] = (struct role_logger_field){SPAN("more"),
						      span_of(room, more < 4096 ? more : 4096)};
		more -= f[count].value.len;
	}
	struct role_logger_line l = {.event = SPAN("test.line"), .id = id, .fields = f,
				     .fields_count = count};
	struct trail_stamp st = {.sec = (int64_t)n, .nsec = 7, .pid = 11, .role = SPAN("store")};
	trail_add(s->t, &st, &l);
}

static uint64_t number(struct scene *s, const struct trail_entry *e)
{
	struct role_logger_line l;
	uint64_t n;
	assert_true(role_logger_line_decode(e->line, s->a, &l));
	assert_true(span_eq(l.event, SPAN("test.line")));
	assert_true(span_u64(l.fields[0].value, UINT64_MAX, &n));
	assert_int_equal(e->stamp.sec, n);
	assert_int_equal(e->stamp.pid, 11);
	assert_true(span_eq(e->stamp.role, SPAN("store")));
	return n;
}

/* All numbers under the id into `out`, newest first; how many. */
static size_t find(struct scene *s, uint64_t id, uint64_t *out, size_t max)
{
	uint64_t at = 0;
	struct trail_entry e;
	size_t count = 0;
	arena_reset(s->a);
	do {
		if (trail_next(s->t, id, &at, s->a, &e)) {
			assert_true(count < max);
			out[count++] = number(s, &e);
		}
	} while (at != 0);
	return count;
}

static void test_by_id(void **state)
{
	struct scene s;
	uint64_t n[16];
	(void)state;
	open_in(&s, world_linux());
	assert_int_equal(find(&s, 1, n, 16), 0);
	for (uint64_t i = 1; i <= 9; i++)
		add(&s, i % 3 + 1, i, 0);
	add(&s, 0, 99, 0); /* nobody's */
	assert_int_equal(find(&s, 1, n, 16), 3);
	assert_true(n[0] == 9 && n[1] == 6 && n[2] == 3);
	assert_int_equal(find(&s, 3, n, 16), 3);
	assert_true(n[0] == 8 && n[1] == 5 && n[2] == 2);
	assert_int_equal(find(&s, 4, n, 16), 0);
	assert_int_equal(find(&s, 0, n, 16), 0);
	assert_int_equal(trail_lost(s.t), 0);
	end(&s);
}

/* Lines that come before the table is whole are kept, behind those of the file. */
static void test_new_start(void **state)
{
	struct scene s;
	uint64_t n[16];
	(void)state;
	open_in(&s, world_linux());
	for (uint64_t i = 1; i <= 2000; i++)
		add(&s, i, i, 100);
	add(&s, 5, 2001, 0);
	reopen(&s, SIZE);
	assert_false(trail_is_ready(s.t));
	add(&s, 5, 2002, 0);
	ready(&s);
	assert_int_equal(find(&s, 5, n, 16), 3);
	assert_true(n[0] == 2002 && n[1] == 2001 && n[2] == 5);
	for (uint64_t i = 6; i <= 2000; i++)
		assert_int_equal(find(&s, i, n, 16), 1);
	end(&s);
}

/* Round and round: the last megabyte is there, what was before it is not. */
static void test_round(void **state)
{
	struct scene s;
	uint64_t n[16], first = 0;
	struct file_facts f;
	(void)state;
	open_in(&s, world_linux());
	for (uint64_t i = 1; i <= 20000; i++) {
		add(&s, i, i, i % 700);
		if (i % 37 == 0)
			trail_flush(s.t);
		if (i % 6000 == 0) {
			reopen(&s, SIZE);
			ready(&s);
		}
	}
	for (uint64_t i = 1; i <= 20000; i++) {
		size_t found = find(&s, i, n, 16);
		assert_true(found <= 1);
		if (found == 1 && first == 0)
			first = i;
		if (first != 0)
			assert_int_equal(found, 1);
	}
	/* About 500 bytes each, a little lost at the end of each block. */
	assert_in_range(first, 17000, 18500);
	assert_int_equal(file_facts(s.w, s.fd, &f), OS_OK);
	assert_true(f.size <= SIZE + TRAIL_PAGE);
	end(&s);
}

/* A line as long as may be, and one longer: counted, and nothing else happens. */
static void test_length(void **state)
{
	struct scene s;
	uint64_t n[4];
	(void)state;
	open_in(&s, world_linux());
	for (size_t more = TRAIL_ENTRY_MAX - 400; more <= TRAIL_ENTRY_MAX; more++) {
		uint64_t lost = trail_lost(s.t);
		add(&s, more, more, more);
		assert_int_equal(find(&s, more, n, 4) + trail_lost(s.t) - lost, 1);
	}
	assert_in_range(trail_lost(s.t), 1, 400);
	end(&s);
}

static void test_waiting_is_bounded(void **state)
{
	struct scene s;
	uint64_t n[4], kept = 0;
	(void)state;
	open_in(&s, world_linux());
	reopen(&s, 16 * SIZE);
	for (uint64_t i = 1; i <= 2000; i++)
		add(&s, i, i, 4000);
	assert_true(trail_lost(s.t) > 0);
	ready(&s);
	for (uint64_t i = 1; i <= 2000; i++)
		kept += find(&s, i, n, 4);
	assert_int_equal(kept + trail_lost(s.t), 2000);
	assert_in_range(kept, 1000, 1100); /* 4 MiB */
	end(&s);
}

/* Any byte is changed: nothing false is told, and the other blocks stand. */
static void test_damage(void **state)
{
	struct scene s;
	uint64_t n[16];
	unsigned seed = 1;
	(void)state;
	open_in(&s, world_linux());
	for (uint64_t i = 1; i <= 1500; i++)
		add(&s, i, i, 300);
	trail_flush(s.t);
	for (int turn = 0; turn < 60; turn++) {
		char was, now;
		size_t got, found = 0;
		seed = seed * 1103515245u + 12345u;
		uint64_t at = TRAIL_PAGE + seed / 7 % (600u << 10);
		assert_int_equal(file_read_at(s.w, s.fd, &was, 1, at, &got), OS_OK);
		if (got == 0)
			continue;
		now = (char)(was ^ (1 << turn % 8));
		assert_int_equal(file_write_at(s.w, s.fd, span_of(&now, 1), at), OS_OK);
		reopen(&s, SIZE);
		ready(&s);
		for (uint64_t i = 1; i <= 1500; i++)
			found += find(&s, i, n, 16) == 1 && n[0] == i;
		/* At most what was left of one block, and what leads through it. */
		assert_true(found >= 1500 - 2 * 180);
		assert_int_equal(file_write_at(s.w, s.fd, span_of(&was, 1), at), OS_OK);
	}
	end(&s);
}

static void test_cut_off(void **state)
{
	struct scene s;
	uint64_t n[16];
	(void)state;
	open_in(&s, world_linux());
	for (uint64_t i = 1; i <= 1500; i++)
		add(&s, i, i, 300);
	trail_flush(s.t);
	for (uint64_t size = 400001; size > 0; size = size > 50000 ? size - 50000 : 0) {
		assert_int_equal(file_truncate(s.w, s.fd, size), OS_OK);
		reopen(&s, SIZE);
		ready(&s);
		add(&s, 7, size, 0);
		assert_true(find(&s, 7, n, 16) >= 1 && n[0] == size);
		trail_flush(s.t);
	}
	end(&s);
}

/* Another size, or no trail at all: begun anew. */
static void test_another_size(void **state)
{
	struct scene s;
	uint64_t n[4];
	(void)state;
	open_in(&s, world_linux());
	add(&s, 3, 3, 0);
	reopen(&s, 2 * SIZE);
	ready(&s);
	assert_int_equal(find(&s, 3, n, 4), 0);
	add(&s, 4, 4, 0);
	trail_flush(s.t);
	assert_int_equal(file_write_at(s.w, s.fd, SPAN("hello"), 0), OS_OK);
	reopen(&s, 2 * SIZE);
	ready(&s);
	assert_int_equal(find(&s, 4, n, 4), 0);
	end(&s);
}

/* The disk says no: counted, and what was there before is found again. */
static void test_failed_write(void **state)
{
	struct scene s;
	uint64_t n[4];
	(void)state;
	open_in(&s, world_linux());
	add(&s, 3, 3, 0);
	trail_flush(s.t);
	assert_int_equal(blob_seal(s.w, s.fd), OS_OK);
	add(&s, 3, 4, 0);
	add(&s, 5, 5, 0);
	trail_flush(s.t);
	assert_int_equal(trail_lost(s.t), 2);
	assert_false(trail_is_ready(s.t));
	ready(&s);
	assert_int_equal(find(&s, 3, n, 4), 1);
	assert_int_equal(n[0], 3);
	assert_int_equal(find(&s, 5, n, 4), 0);
	end(&s);
}

/* However much there is, few entries are looked at: never TRAIL_STEPS in vain. */
static void test_steps(void **state)
{
	struct scene s;
	struct trail_entry e;
	(void)state;
	open_in(&s, world_linux());
	reopen(&s, 64 * SIZE);
	ready(&s);
	for (uint64_t i = 1; i <= 200000; i++) {
		add(&s, i * 7919, i, 20);
		if (i % 1000 == 0)
			trail_flush(s.t);
	}
	for (uint64_t i = 1; i <= 200000; i += 997) {
		uint64_t at = 0;
		arena_reset(s.a);
		assert_true(trail_next(s.t, i * 7919, &at, s.a, &e));
		assert_int_equal(number(&s, &e), i);
	}
	/* Of one id there may be many: they come in order, in steps. */
	uint64_t at = 0, last = 1u << 30;
	size_t count = 0;
	for (uint64_t i = 1; i <= 3000; i++)
		add(&s, 42, i, 0);
	do {
		arena_reset(s.a);
		if (trail_next(s.t, 42, &at, s.a, &e)) {
			uint64_t n = number(&s, &e);
			assert_true(n < last);
			last = n;
			count++;
		}
	} while (at != 0);
	assert_int_equal(count, 3000);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_id),
		cmocka_unit_test(test_new_start),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_waiting_is_bounded),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_another_size),
		cmocka_unit_test(test_failed_write),
		cmocka_unit_test(test_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

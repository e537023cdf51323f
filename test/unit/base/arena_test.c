/* SPDX-License-Identifier: Apache-2.0 */
/* base/arena: limits, alignment, reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static void the_limit_is_exact(void **state)
{
	(void)state;
	struct arena *a = arena_new(1000);
	assert_non_null(a);
	assert_non_null(arena_bytes(a, 999));
	assert_null(arena_bytes(a, 2));
	assert_non_null(arena_bytes(a, 1));
	assert_null(arena_bytes(a, 1));
	assert_int_equal(arena_used(a), 1000);
	arena_reset(a);
	assert_int_equal(arena_used(a), 0);
	assert_null(arena_bytes(a, 1001));
	assert_non_null(arena_bytes(a, 1000));
	arena_free(a);
}

static void memory_is_zeroed_and_aligned_in_each_life(void **state)
{
	(void)state;
	struct arena *a = arena_new(1u << 20);
	for (int life = 0; life < 2; life++) {
		for (size_t n = 1; n < 3000; n += 97) {
			assert_non_null(arena_bytes(a, 1));
			char *p = arena_alloc(a, n);
			assert_non_null(p);
			assert_int_equal((uintptr_t)p % _Alignof(max_align_t),
					 0);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xff, n);
		}
		arena_reset(a);
	}
	arena_free(a);
}

static void counts_that_overflow_are_refused(void **state)
{
	(void)state;
	struct arena *a = arena_new(SIZE_MAX);
	assert_null(arena_array(a, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_cstr(a, span_of("", SIZE_MAX)));
	assert_non_null(arena_array(a, 3, 5));
	arena_free(a);
}

static void copies_live_on_their_own(void **state)
{
	(void)state;
	struct arena *a = arena_new(4096);
	char text[] = "ab\0cd";
	struct span copy;
	assert_true(arena_copy(a, span_of(text, 5), &copy));
	char *c = arena_cstr(a, span_of(text, 2));
	memset(text, 'x', 5);
	assert_true(span_eq(copy, span_of("ab\0cd", 5)));
	assert_string_equal(c, "ab");
	assert_true(span_eq(arena_printf(a, "%d-%s", 42, "z"), SPAN("42-z")));
	assert_true(arena_copy(a, span_of(NULL, 0), &copy));
	assert_int_equal(copy.len, 0);
	arena_free(a);
}

static void printing_over_the_limit_gives_nothing(void **state)
{
	(void)state;
	struct arena *a = arena_new(4);
	assert_int_equal(arena_printf(a, "%s", "four").len, 0);
	assert_int_equal(arena_used(a), 0);
	assert_true(span_eq(arena_printf(a, "%s", "abc"), SPAN("abc")));
	arena_free(a);
}

static void blocks_larger_than_the_usual_are_served(void **state)
{
	(void)state;
	struct arena *a = arena_new(1u << 22);
	for (int life = 0; life < 2; life++) {
		char *big = arena_bytes(a, 1u << 20);
		char *small = arena_bytes(a, 10);
		assert_non_null(big);
		assert_non_null(small);
		memset(big, 1, 1u << 20);
		memset(small, 2, 10);
		assert_int_equal(big[(1u << 20) - 1], 1);
		arena_reset(a);
	}
	arena_free(a);
	arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_is_exact),
		cmocka_unit_test(memory_is_zeroed_and_aligned_in_each_life),
		cmocka_unit_test(counts_that_overflow_are_refused),
		cmocka_unit_test(copies_live_on_their_own),
		cmocka_unit_test(printing_over_the_limit_gives_nothing),
		cmocka_unit_test(blocks_larger_than_the_usual_are_served),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

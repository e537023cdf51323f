/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/aarch64/cmocka - as much of cmocka as our unit tests use, in one header.
 *
 * There is no cmocka for the foreign processor on the machine that tests, so
 * tool/aarch64 compiles the same tests against this.  The first assertion that
 * fails ends the program; output is TAP.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
	int (*before)(void **state), (*after)(void **state); /* NULL: none */
};

#define cmocka_unit_test(f) {#f, f, NULL, NULL}
#define cmocka_unit_test_setup_teardown(f, before, after) {#f, f, before, after}

#define fail_msg(...)                                                          \
	do {                                                                   \
		printf("# %s:%d: ", __FILE__, __LINE__);                       \
		printf(__VA_ARGS__);                                           \
		printf("\n");                                                  \
		fflush(stdout);                                                \
		exit(1);                                                       \
	} while (0)

#define assert_true(c)                                                         \
	do {                                                                   \
		if (!(c))                                                      \
			fail_msg("%s is false", #c);                           \
	} while (0)
#define assert_false(c)	       assert_true(!(c))
#define assert_null(p)	       assert_true((p) == NULL)
#define assert_non_null(p)     assert_true((p) != NULL)
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_int_equal(a, b)                                                 \
	assert_true((unsigned long long)(a) == (unsigned long long)(b))
#define assert_int_not_equal(a, b)                                             \
	assert_true((unsigned long long)(a) != (unsigned long long)(b))
#define assert_string_equal(a, b)    assert_true(strcmp((a), (b)) == 0)
#define assert_memory_equal(a, b, n) assert_true(memcmp((a), (b), (n)) == 0)
#define assert_in_range(v, low, high) assert_true((v) >= (low) && (v) <= (high))

static inline int run_all(const struct CMUnitTest *tests, size_t count)
{
	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		void *state = NULL;
		if (tests[i].before != NULL && tests[i].before(&state) != 0)
			fail_msg("%s: its set-up failed", tests[i].name);
		tests[i].run(&state);
		if (tests[i].after != NULL && tests[i].after(&state) != 0)
			fail_msg("%s: its end failed", tests[i].name);
		printf("ok %zu - %s\n", i + 1, tests[i].name);
		fflush(stdout);
	}
	return 0;
}

#define cmocka_run_group_tests(tests, setup, teardown)                         \
	run_all((tests), sizeof(tests) / sizeof((tests)[0]))

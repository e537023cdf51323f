/* SPDX-License-Identifier: Apache-2.0 */
/* base/check: overflow is told, and leaves the result alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"

static void sizes(void **state)
{
	(void)state;
	size_t v = 7;
	assert_true(size_add(SIZE_MAX - 1, 1, &v));
	assert_true(v == SIZE_MAX);
	assert_false(size_add(SIZE_MAX, 1, &v));
	assert_true(v == SIZE_MAX);
	assert_true(size_mul(SIZE_MAX / 2, 2, &v));
	assert_true(v == SIZE_MAX - 1);
	assert_false(size_mul(SIZE_MAX / 2 + 1, 2, &v));
	assert_true(v == SIZE_MAX - 1);
	assert_int_equal(size_min(1, 2), 1);
	assert_int_equal(size_max(1, 2), 2);
}

static void numbers(void **state)
{
	(void)state;
	uint64_t v = 7;
	assert_true(u64_add(UINT64_MAX - 1, 1, &v));
	assert_true(v == UINT64_MAX);
	assert_false(u64_add(UINT64_MAX, 1, &v));
	assert_true(u64_mul(UINT64_MAX, 1, &v));
	assert_false(u64_mul(UINT64_MAX, 2, &v));
	assert_true(v == UINT64_MAX);
	assert_true(u64_min(3, 2) == 2);
	assert_true(u64_max(3, 2) == 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

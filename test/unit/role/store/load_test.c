/* SPDX-License-Identifier: Apache-2.0 */
/* When a level is taken and when it is left: limits, one less, one more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "role/store/store.h"

#define MS NS_PER_MS

static enum edge_store_level after(uint64_t age)
{
	struct load l = {0};
	bool changed = load_judge(&l, 1, age);
	assert_int_equal(changed, l.level != EDGE_STORE_LEVEL_CALM);
	return l.level;
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(after(50 * MS), EDGE_STORE_LEVEL_CALM);
	assert_int_equal(after(50 * MS + 1), EDGE_STORE_LEVEL_WARM);
	assert_int_equal(after(250 * MS), EDGE_STORE_LEVEL_WARM);
	assert_int_equal(after(250 * MS + 1), EDGE_STORE_LEVEL_BUSY);
	assert_int_equal(after(1000 * MS), EDGE_STORE_LEVEL_BUSY);
	assert_int_equal(after(1000 * MS + 1), EDGE_STORE_LEVEL_FULL);
}

static void left_step_by_step(void **state)
{
	struct load l = {0};
	(void)state;
	assert_true(load_judge(&l, 1, 2000 * MS));
	assert_int_equal(l.raised, 1);
	/* Half of the limit is not under half of it. */
	assert_false(load_judge(&l, 10 * MS, 500 * MS));
	assert_false(load_judge(&l, 5000 * MS, 500 * MS));
	assert_int_equal(l.level, EDGE_STORE_LEVEL_FULL);
	assert_false(load_judge(&l, 5001 * MS, 0));
	assert_false(load_judge(&l, 6001 * MS - 1, 0));
	assert_true(load_judge(&l, 6001 * MS, 0));
	assert_int_equal(l.level, EDGE_STORE_LEVEL_BUSY);
	/* A look at more in between begins the second anew. */
	assert_false(load_judge(&l, 6500 * MS, 200 * MS));
	assert_false(load_judge(&l, 7001 * MS, 0));
	assert_true(load_judge(&l, 8001 * MS, 0));
	assert_true(load_judge(&l, 9001 * MS, 0));
	assert_int_equal(l.level, EDGE_STORE_LEVEL_CALM);
	assert_false(load_judge(&l, 20000 * MS, 0));
	assert_int_equal(l.highest_ns, 2000 * MS);
}

/* An age that swings around a limit makes the level change at most once a second. */
static void no_swinging(void **state)
{
	struct load l = {0};
	unsigned changes = 0;
	(void)state;
	for (uint64_t at = 1; at < 10000; at += 25)
		changes += load_judge(&l, at * MS, at / 25 % 2 ? 260 * MS : 10 * MS);
	assert_int_equal(changes, 1);
	assert_int_equal(l.level, EDGE_STORE_LEVEL_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(left_step_by_step),
		cmocka_unit_test(no_swinging),
	};
	return cmocka_run_group_tests_name("role/store/load", tests, NULL, NULL);
}

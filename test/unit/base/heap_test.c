/* SPDX-License-Identifier: Apache-2.0 */
/* base/heap: order under random steps, removal in the middle, the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/ensure.h"
#include "base/heap.h"

#define ITEMS 300u

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void random_steps_keep_the_order(void **state)
{
	(void)state;
	struct heap_item items[ITEMS] = {{.key = 0}};
	struct heap h;
	size_t count = 0;
	uint32_t seed = 5;
	heap_init(&h, ITEMS);
	for (int step = 0; step < 20000; step++) {
		struct heap_item *i = &items[next(&seed) % ITEMS];
		if (!heap_holds(i)) {
			assert_true(heap_add(&h, i, next(&seed) % 1000));
			count++;
		} else if (next(&seed) % 2) {
			heap_change(&h, i, next(&seed) % 1000);
		} else {
			heap_remove(&h, i);
			count--;
		}
		uint64_t least = UINT64_MAX;
		for (size_t k = 0; k < ITEMS; k++)
			if (heap_holds(&items[k]) && items[k].key < least)
				least = items[k].key;
		assert_int_equal(h.count, count);
		if (count > 0)
			assert_true(heap_first(&h)->key == least);
	}
	uint64_t last = 0;
	for (struct heap_item *i; (i = heap_pop(&h)) != NULL; count--) {
		assert_true(i->key >= last);
		last = i->key;
	}
	assert_int_equal(count, 0);
	heap_free(&h);
}

static void the_limit_is_exact(void **state)
{
	(void)state;
	struct heap_item items[41] = {{.key = 0}};
	struct heap h;
	heap_init(&h, 40);
	for (size_t i = 0; i < 40; i++)
		assert_true(heap_add(&h, &items[i], 40 - i));
	assert_false(heap_add(&h, &items[40], 0));
	assert_false(heap_holds(&items[40]));
	assert_ptr_equal(heap_pop(&h), &items[39]);
	assert_true(heap_add(&h, &items[40], 0));
	assert_ptr_equal(heap_first(&h), &items[40]);
	heap_free(&h);
}

static void removal_of_what_is_not_there_does_nothing(void **state)
{
	(void)state;
	struct heap_item i = {.key = 0};
	struct heap h;
	heap_init(&h, 1);
	heap_remove(&h, &i);
	assert_null(heap_first(&h));
	assert_null(heap_pop(&h));
	heap_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps_keep_the_order),
		cmocka_unit_test(the_limit_is_exact),
		cmocka_unit_test(removal_of_what_is_not_there_does_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

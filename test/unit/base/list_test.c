/* SPDX-License-Identifier: Apache-2.0 */
/* base/list: order, removal, walking while removing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	int n;
	struct list link;
};

static int number(struct list *l)
{
	return CONTAINER_OF(l, struct item, link)->n;
}

static void items_come_in_order(void **state)
{
	(void)state;
	struct item items[4] = {{.n = 0}, {.n = 1}, {.n = 2}, {.n = 3}};
	struct list head;
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_first(&head));
	assert_null(list_pop_front(&head));
	list_push_back(&head, &items[1].link);
	list_push_back(&head, &items[3].link);
	list_push_front(&head, &items[0].link);
	list_insert_before(&items[3].link, &items[2].link);
	for (int i = 0; i < 4; i++)
		assert_int_equal(number(list_pop_front(&head)), i);
	assert_true(list_empty(&head));
}

static void the_item_at_hand_may_be_removed(void **state)
{
	(void)state;
	struct item items[5] = {{.n = 0}};
	struct list head;
	int seen = 0, left = 0;
	list_init(&head);
	for (int i = 0; i < 5; i++) {
		items[i].n = i;
		list_push_back(&head, &items[i].link);
	}
	LIST_EACH(&head, it)
	{
		seen++;
		if (number(it) % 2 == 0)
			list_remove(it);
	}
	LIST_EACH(&head, it)
	left += number(it);
	assert_int_equal(seen, 5);
	assert_int_equal(left, 1 + 3);
}

static void removing_twice_is_harmless(void **state)
{
	(void)state;
	struct item a = {.n = 1}, b = {.n = 2};
	struct list head;
	list_init(&head);
	list_remove(&a.link);
	assert_false(list_linked(&a.link));
	list_push_back(&head, &a.link);
	list_push_back(&head, &b.link);
	assert_true(list_linked(&a.link));
	list_remove(&a.link);
	list_remove(&a.link);
	assert_false(list_linked(&a.link));
	assert_int_equal(number(list_first(&head)), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_come_in_order),
		cmocka_unit_test(the_item_at_hand_may_be_removed),
		cmocka_unit_test(removing_twice_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

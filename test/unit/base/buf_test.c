/* SPDX-License-Identifier: Apache-2.0 */
/* base/buf: growth, the limit, and the failure that sticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void the_limit_is_exact_for_every_writer(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 4);
	buf_add(&b, SPAN("abc"));
	buf_addc(&b, 'd');
	assert_true(buf_ok(&b));
	buf_addc(&b, 'e');
	assert_false(buf_ok(&b));
	assert_true(span_eq(buf_span(&b), SPAN("abcd")));
	buf_clear(&b);
	buf_printf(&b, "%d", 9999);
	assert_true(buf_ok(&b));
	buf_clear(&b);
	buf_add_u64(&b, 9999);
	assert_true(buf_ok(&b));
	buf_clear(&b);
	buf_printf(&b, "%d", 10000);
	assert_false(buf_ok(&b));
	assert_int_equal(buf_len(&b), 0);
	buf_free(&b);
}

static void failure_sticks_until_clear(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 2);
	buf_add(&b, SPAN("abc"));
	buf_add(&b, SPAN("a"));
	assert_false(buf_ok(&b));
	assert_int_equal(buf_len(&b), 0);
	assert_null(buf_room(&b, 1));
	buf_trim(&b);
	assert_false(buf_ok(&b));
	buf_clear(&b);
	buf_add(&b, SPAN("ab"));
	assert_true(buf_ok(&b));
	buf_free(&b);
}

static void taking_from_the_front_reuses_the_memory(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 300);
	for (int i = 0; i < 10000; i++) {
		buf_printf(&b, "%04d", i);
		buf_add(&b, SPAN("0123456789"));
		if (buf_len(&b) > 200)
			buf_take(&b, 14);
		assert_true(buf_ok(&b));
		assert_true(b.cap <= 512);
	}
	assert_true(span_ends(buf_span(&b), SPAN("99990123456789")));
	buf_take(&b, buf_len(&b));
	assert_int_equal(buf_len(&b), 0);
	buf_trim(&b);
	assert_null(b.data);
	buf_free(&b);
}

static void room_and_cut(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 8);
	char *p = buf_room(&b, 8);
	assert_non_null(p);
	memcpy(p, "abcdef", 6);
	buf_wrote(&b, 6);
	buf_cut(&b, 2);
	buf_take(&b, 1);
	assert_true(span_eq(buf_span(&b), SPAN("bcd")));
	assert_null(buf_room(&b, SIZE_MAX));
	assert_false(buf_ok(&b));
	buf_free(&b);
}

static void numbers_in_decimal(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 64);
	buf_add_u64(&b, 0);
	buf_addc(&b, ' ');
	buf_add_u64(&b, UINT64_MAX);
	assert_true(span_eq(buf_span(&b), SPAN("0 18446744073709551615")));
	buf_free(&b);
}

static void without_a_limit_huge_requests_still_fail(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, SIZE_MAX);
	buf_addc(&b, 'a');
	assert_null(buf_room(&b, SIZE_MAX));
	assert_false(buf_ok(&b));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_is_exact_for_every_writer),
		cmocka_unit_test(failure_sticks_until_clear),
		cmocka_unit_test(taking_from_the_front_reuses_the_memory),
		cmocka_unit_test(room_and_cut),
		cmocka_unit_test(numbers_in_decimal),
		cmocka_unit_test(without_a_limit_huge_requests_still_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* base/hex: both ways, and what is no digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hex.h"

static void bytes_go_both_ways(void **state)
{
	(void)state;
	struct buf b;
	uint8_t out[4];
	buf_init(&b, 8);
	hex_encode(&b, span_of("\x00\x9f\xa0\xff", 4));
	assert_true(span_eq(buf_span(&b), SPAN("009fa0ff")));
	assert_true(hex_decode(SPAN("009FA0fF"), out, 4));
	assert_memory_equal(out, "\x00\x9f\xa0\xff", 4);
	hex_encode(&b, span_of("a", 1));
	assert_false(buf_ok(&b));
	buf_free(&b);
}

static void length_and_digits_must_fit(void **state)
{
	(void)state;
	uint8_t out[2];
	assert_false(hex_decode(SPAN("00"), out, 2));
	assert_false(hex_decode(SPAN("000"), out, 2));
	assert_false(hex_decode(SPAN("00000"), out, 2));
	assert_false(hex_decode(SPAN("000000"), out, 2));
	assert_false(hex_decode(SPAN("0g00"), out, 2));
	assert_false(hex_decode(SPAN("00 0"), out, 2));
	assert_true(hex_decode(SPAN(""), out, 0));
}

static void numbers_have_1_to_16_digits(void **state)
{
	(void)state;
	uint64_t v = 0;
	assert_true(hex_u64(SPAN("ffffffffffffffff"), &v));
	assert_true(v == UINT64_MAX);
	assert_true(hex_u64(SPAN("1F"), &v));
	assert_int_equal(v, 31);
	assert_false(hex_u64(SPAN("0ffffffffffffffff"), &v));
	assert_false(hex_u64(SPAN(""), &v));
	assert_false(hex_u64(SPAN("0x1"), &v));
	assert_false(hex_u64(SPAN("-1"), &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(length_and_digits_must_fit),
		cmocka_unit_test(numbers_have_1_to_16_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

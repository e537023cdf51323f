/* SPDX-License-Identifier: Apache-2.0 */
/* base/pack: layout, the shortest varint, failure that sticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pack.h"

static void layout_is_fixed(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 64);
	pack_u8(&b, 1);
	pack_u16(&b, 0x0203);
	pack_u32(&b, 0x04050607);
	pack_u64(&b, 0x08090a0b0c0d0e0f);
	pack_u32_be(&b, 0x04050607);
	pack_u64_be(&b, 0x08090a0b0c0d0e0f);
	pack_varint(&b, 300);
	pack_span(&b, SPAN("ab"));
	assert_true(span_eq(
		buf_span(&b),
		SPAN("\x01\x03\x02\x07\x06\x05\x04\x0f\x0e\x0d\x0c\x0b\x0a\x09"
		     "\x08\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
		     "\xac\x02\x02"
		     "ab")));
	struct unpack u = unpack_of(buf_span(&b));
	assert_int_equal(unpack_u8(&u), 1);
	assert_int_equal(unpack_u16(&u), 0x0203);
	assert_int_equal(unpack_u32(&u), 0x04050607);
	assert_true(unpack_u64(&u) == 0x08090a0b0c0d0e0f);
	assert_int_equal(unpack_u32_be(&u), 0x04050607);
	assert_true(unpack_u64_be(&u) == 0x08090a0b0c0d0e0f);
	assert_int_equal(unpack_varint(&u, 300), 300);
	assert_false(unpack_done(&u));
	assert_true(span_eq(unpack_span(&u, 2), SPAN("ab")));
	assert_true(unpack_done(&u));
	buf_free(&b);
}

static uint64_t varint(struct span s, uint64_t max, bool *ok)
{
	struct unpack u = unpack_of(s);
	uint64_t v = unpack_varint(&u, max);
	*ok = unpack_done(&u);
	return v;
}

static void varints_at_every_length(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t around = (uint64_t)1 << bit;
		for (uint64_t v = around - 1; v <= around; v++) {
			struct buf b;
			bool ok;
			buf_init(&b, PACK_VARINT_MAX);
			pack_varint(&b, v);
			assert_true(varint(buf_span(&b), v, &ok) == v && ok);
			if (v > 0) {
				varint(buf_span(&b), v - 1, &ok);
				assert_false(ok);
			}
			varint(span_sub(buf_span(&b), 0, buf_len(&b) - 1), v,
			       &ok);
			assert_false(ok);
			buf_free(&b);
		}
	}
}

static void one_spelling_per_number(void **state)
{
	(void)state;
	bool ok;
	assert_true(varint(SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
			   UINT64_MAX, &ok) == UINT64_MAX);
	assert_true(ok);
	varint(SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), UINT64_MAX,
	       &ok);
	assert_false(ok);
	varint(SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"), UINT64_MAX,
	       &ok);
	assert_false(ok);
	varint(SPAN("\x80\x00"), UINT64_MAX, &ok);
	assert_false(ok);
	varint(SPAN("\x00"), 0, &ok);
	assert_true(ok);
}

static void failure_sticks(void **state)
{
	(void)state;
	struct unpack u = unpack_of(SPAN("\x01\x02\x03"));
	assert_int_equal(unpack_u32(&u), 0);
	assert_false(unpack_ok(&u));
	assert_int_equal(unpack_u8(&u), 0);
	assert_int_equal(unpack_bytes(&u, 0).len, 0);
	assert_false(unpack_done(&u));
	u = unpack_of(SPAN("\x01"));
	unpack_fail(&u);
	assert_false(unpack_ok(&u));
}

static void spans_are_bounded(void **state)
{
	(void)state;
	struct unpack u = unpack_of(SPAN("\x03"
					 "abc"));
	assert_true(span_eq(unpack_span(&u, 3), SPAN("abc")));
	u = unpack_of(SPAN("\x03"
			   "abc"));
	assert_int_equal(unpack_span(&u, 2).len, 0);
	assert_false(unpack_ok(&u));
	u = unpack_of(SPAN("\x04"
			   "abc"));
	assert_int_equal(unpack_span(&u, 9).len, 0);
	assert_false(unpack_ok(&u));
}

static void booleans_are_0_or_1(void **state)
{
	(void)state;
	struct unpack u = unpack_of(SPAN("\x00\x01\x02"));
	assert_false(unpack_bool(&u));
	assert_true(unpack_bool(&u));
	assert_true(unpack_ok(&u));
	assert_false(unpack_bool(&u));
	assert_false(unpack_ok(&u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_is_fixed),
		cmocka_unit_test(varints_at_every_length),
		cmocka_unit_test(one_spelling_per_number),
		cmocka_unit_test(failure_sticks),
		cmocka_unit_test(spans_are_bounded),
		cmocka_unit_test(booleans_are_0_or_1),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

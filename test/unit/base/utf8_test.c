/* SPDX-License-Identifier: Apache-2.0 */
/* base/utf8: borders of every length, surrogates, overlong forms, repair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static void every_code_point_goes_both_ways(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x110001; cp++) {
		char bytes[UTF8_MAX];
		uint32_t back = 0;
		size_t n = utf8_encode(cp, bytes);
		if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) {
			assert_int_equal(n, 0);
			continue;
		}
		assert_int_equal(n, cp < 0x80	   ? 1
				    : cp < 0x800   ? 2
				    : cp < 0x10000 ? 3
						   : 4);
		assert_int_equal(utf8_decode(span_of(bytes, n), &back), n);
		assert_int_equal(back, cp);
		assert_int_equal(utf8_decode(span_of(bytes, n - 1), &back), 0);
	}
}

static void what_is_not_utf8(void **state)
{
	(void)state;
	static const struct span bad[] = {
		SPAN_INIT("\x80"),
		SPAN_INIT("\xc0\xaf"),
		SPAN_INIT("\xc1\xbf"),
		SPAN_INIT("\xe0\x9f\xbf"),
		SPAN_INIT("\xed\xa0\x80"),
		SPAN_INIT("\xf0\x8f\xbf\xbf"),
		SPAN_INIT("\xf4\x90\x80\x80"),
		SPAN_INIT("\xf5\x80\x80\x80"),
		SPAN_INIT("\xff"),
		SPAN_INIT("\xc3"),
		SPAN_INIT("\xe2\x82"),
		SPAN_INIT("\xc3("),
		SPAN_INIT("ok\xe2\x28\xa1"),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(utf8_valid(bad[i]));
	assert_true(utf8_valid(SPAN("")));
	assert_true(utf8_valid(SPAN("a\0\xc3\xa4\xe2\x82\xac")));
	assert_true(utf8_ascii(SPAN("a\0\x7f")));
	assert_false(utf8_ascii(SPAN("\xc3\xa4")));
}

static void repair_replaces_each_broken_part(void **state)
{
	(void)state;
	static const struct {
		struct span in, out;
	} cases[] = {
		{SPAN_INIT("a\xffz"), SPAN_INIT("a\xef\xbf\xbdz")},
		{SPAN_INIT("\xe2\x82z"), SPAN_INIT("\xef\xbf\xbdz")},
		{SPAN_INIT("\xc0\xaf"), SPAN_INIT("\xef\xbf\xbd\xef\xbf\xbd")},
		{SPAN_INIT("\xed\xa0\x80"),
		 SPAN_INIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd")},
		{SPAN_INIT("\xf0\x9f\x98"), SPAN_INIT("\xef\xbf\xbd")},
		{SPAN_INIT("\xc3\xa4"), SPAN_INIT("\xc3\xa4")},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b;
		buf_init(&b, 64);
		utf8_repair(&b, cases[i].in);
		assert_true(span_eq(buf_span(&b), cases[i].out));
		buf_free(&b);
	}
}

static void fit_cuts_between_points(void **state)
{
	(void)state;
	struct span s = SPAN("a\xe2\x82\xac"
			     "b");
	static const size_t want[] = {0, 1, 1, 1, 4, 5, 5};
	for (size_t max = 0; max < ARRAY_LEN(want); max++)
		assert_int_equal(utf8_fit(s, max).len, want[max]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_goes_both_ways),
		cmocka_unit_test(what_is_not_utf8),
		cmocka_unit_test(repair_replaces_each_broken_part),
		cmocka_unit_test(fit_cuts_between_points),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

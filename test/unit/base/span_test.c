/* SPDX-License-Identifier: Apache-2.0 */
/* base/span: cuts, searches and numbers at their borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

static void cut_gives_head_and_rest(void **state)
{
	(void)state;
	struct span s = SPAN("a:b:c"), head;
	assert_true(span_cut(&s, ':', &head));
	assert_true(span_eq(head, SPAN("a")));
	assert_true(span_eq(s, SPAN("b:c")));
	s = SPAN("none");
	assert_false(span_cut(&s, ':', &head));
	assert_true(span_eq(head, SPAN("none")));
	assert_int_equal(s.len, 0);
}

static void numbers_stop_at_their_maximum(void **state)
{
	(void)state;
	uint64_t v = 7;
	assert_true(span_u64(SPAN("18446744073709551615"), UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_false(span_u64(SPAN("18446744073709551616"), UINT64_MAX, &v));
	assert_true(span_u64(SPAN("99"), 99, &v));
	assert_false(span_u64(SPAN("100"), 99, &v));
	assert_false(span_u64(SPAN(""), 99, &v));
	assert_false(span_u64(SPAN("+1"), 99, &v));
	assert_int_equal(v, 99);
}

static void parts_never_leave_the_span(void **state)
{
	(void)state;
	struct span s = SPAN("abc");
	assert_true(span_eq(span_sub(s, 1, 1), SPAN("b")));
	assert_true(span_eq(span_sub(s, 1, SIZE_MAX), SPAN("bc")));
	assert_int_equal(span_sub(s, 3, 1).len, 0);
	assert_int_equal(span_sub(s, SIZE_MAX, SIZE_MAX).len, 0);
	assert_int_equal(span_skip(s, 4).len, 0);
	assert_int_equal(span_sub(span_of(NULL, 0), 1, 1).len, 0);
	assert_true(span_eq(span_cstr("abc"), s));
	assert_true(span_empty(span_cstr(NULL)));
}

static void comparing(void **state)
{
	(void)state;
	assert_true(span_eq(span_of(NULL, 0), SPAN("")));
	assert_false(span_eq(SPAN("a\0b"), SPAN("a\0c")));
	assert_true(span_eq_nocase(SPAN("MaIl[@"), SPAN("mAiL[@")));
	assert_false(span_eq_nocase(SPAN("[@"), SPAN("{`")));
	assert_false(span_eq_nocase(SPAN("a"), SPAN("ab")));
	assert_true(span_starts(SPAN("abc"), SPAN("ab")));
	assert_false(span_starts(SPAN("ab"), SPAN("abc")));
	assert_true(span_starts_nocase(SPAN("ABC"), SPAN("ab")));
	assert_true(span_ends(SPAN("abc"), SPAN("bc")));
	assert_false(span_ends(SPAN("bc"), SPAN("abc")));
	assert_true(span_ends_nocase(SPAN("ABC"), SPAN("bc")));
	assert_false(span_ends_nocase(SPAN("c"), SPAN("bc")));
	assert_true(span_cmp(SPAN("a"), SPAN("b")) < 0);
	assert_true(span_cmp(SPAN("a"), SPAN("ab")) < 0);
	assert_true(span_cmp(SPAN("\xff"), SPAN("a")) > 0);
	assert_int_equal(span_cmp(SPAN(""), span_of(NULL, 0)), 0);
}

static void searching(void **state)
{
	(void)state;
	struct span s = SPAN("a.b.c\0.");
	assert_int_equal(span_find(s, '.'), 1);
	assert_int_equal(span_find_last(s, '.'), 6);
	assert_int_equal(span_find(s, '\0'), 5);
	assert_true(span_find(s, 'x') == SIZE_MAX);
	assert_true(span_find_last(span_of(NULL, 0), 'x') == SIZE_MAX);
	assert_true(span_has(s, 'c'));
	assert_int_equal(span_find_span(s, SPAN(".c")), 3);
	assert_int_equal(span_find_span(s, SPAN("")), 0);
	assert_true(span_find_span(SPAN("a"), SPAN("ab")) == SIZE_MAX);
	assert_true(span_find_span(s, SPAN("b.d")) == SIZE_MAX);
}

static void trimming_takes_blanks_and_tabs_only(void **state)
{
	(void)state;
	assert_true(span_eq(span_trim(SPAN(" \t a b\t ")), SPAN("a b")));
	assert_true(span_eq(span_trim(SPAN("\r\n")), SPAN("\r\n")));
	assert_true(span_empty(span_trim(SPAN(" \t"))));
	assert_true(span_empty(span_trim(span_of(NULL, 0))));
}

static void letters_are_ascii(void **state)
{
	(void)state;
	assert_int_equal(ascii_lower('Z'), 'z');
	assert_int_equal(ascii_lower('['), '[');
	assert_int_equal(ascii_upper('a'), 'A');
	assert_int_equal(ascii_upper('\xe4'), '\xe4');
	assert_true(ascii_alnum('0') && ascii_alnum('m'));
	assert_false(ascii_alnum('@') || ascii_alpha('`') || ascii_digit(':'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_gives_head_and_rest),
		cmocka_unit_test(numbers_stop_at_their_maximum),
		cmocka_unit_test(parts_never_leave_the_span),
		cmocka_unit_test(comparing),
		cmocka_unit_test(searching),
		cmocka_unit_test(trimming_takes_blanks_and_tabs_only),
		cmocka_unit_test(letters_are_ascii),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

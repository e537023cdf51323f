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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_gives_head_and_rest),
		cmocka_unit_test(numbers_stop_at_their_maximum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

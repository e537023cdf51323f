/* SPDX-License-Identifier: Apache-2.0 */
/* policy/report_sent: what is written reads back; what is none is refused; limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/report_sent.h"

static void both_ways(void **state)
{
	(void)state;
	static const struct policy_sent rows[] = {
		{1, POLICY_SENT_QUEUED, SPAN_INIT("a@b.example"), {0}},
		{INT64_MAX, POLICY_SENT_POSTED, SPAN_INIT("https://x/"), {0}},
		{0, POLICY_SENT_FAILED, SPAN_INIT("https://x/"), SPAN_INIT("HTTP 500 or so")},
	};
	struct buf b;
	struct policy_sent got;
	buf_init(&b, POLICY_SENT_MAX);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		policy_sent_write(&b, &rows[i]);
	struct span rest = buf_span(&b);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(policy_sent_next(&rest, &got));
		assert_true(got.when == rows[i].when && got.outcome == rows[i].outcome);
		assert_true(span_eq(got.to, rows[i].to) && span_eq(got.why, rows[i].why));
	}
	assert_false(policy_sent_next(&rest, &got));
	buf_free(&b);
}

static void lines_that_are_none(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"", "\n", "1 queued a", "x queued a\n", "1 sent a\n", "1 queued \n", "1 queued\n",
		"1  queued a\n", "-1 queued a\n", "1 queued \xc3\xbc\n", "1 queued a\tb\n",
		"9223372036854775808 queued a\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span s = span_cstr(rows[i]);
		struct policy_sent got;
		if (policy_sent_next(&s, &got))
			fail_msg("%s", rows[i]);
	}
}

static void limits(void **state)
{
	(void)state;
	char text[1024];
	memset(text, 'x', sizeof text);
	for (size_t d = 0; d < 3; d++) {
		char line[2048];
		struct policy_sent got;
		snprintf(line, sizeof line, "1 failed %.*s why\n", (int)(POLICY_SENT_TO_MAX - 1 + d), text);
		struct span s = span_cstr(line);
		assert_int_equal(policy_sent_next(&s, &got), d < 2);
		snprintf(line, sizeof line, "1 failed to %.*s\n", (int)(POLICY_SENT_WHY_MAX - 1 + d), text);
		s = span_cstr(line);
		assert_int_equal(policy_sent_next(&s, &got), d < 2);
		/* What is too long, or no text, is written so that it reads back. */
		struct buf b;
		buf_init(&b, POLICY_SENT_MAX);
		policy_sent_write(&b, &(struct policy_sent){1, POLICY_SENT_FAILED,
							    span_of(text, POLICY_SENT_TO_MAX - 1 + d),
							    SPAN("a\r\nb\xff")});
		s = buf_span(&b);
		assert_true(policy_sent_next(&s, &got) && s.len == 0);
		assert_true(span_eq(got.why, SPAN("a??b?")));
		buf_free(&b);
	}
	/* All that a report may have fits. */
	assert_true(POLICY_RUA_MAX * (POLICY_SENT_TO_MAX + POLICY_SENT_WHY_MAX + 32) <= POLICY_SENT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("policy/report_sent", tests, NULL, NULL);
}

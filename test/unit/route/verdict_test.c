/* SPDX-License-Identifier: Apache-2.0 */
/* route/verdict: what is tried again, where, and under which code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "route/verdict.h"

static const struct row {
	struct smtp_outcome o;
	bool next;
	enum route_fate fate;
	const char *status;
} rows[] = {
	{{.fate = SMTP_FATE_DELIVERED, .code = 250, .enhanced = {2, 6, 0}}, false,
	 ROUTE_DELIVERED, "2.6.0"},
	{{.fate = SMTP_FATE_DELIVERED, .code = 250}, false, ROUTE_DELIVERED, "2.0.0"},
	{{.fate = SMTP_FATE_TEMPORARY, .code = 451, .enhanced = {4, 7, 1}}, true,
	 ROUTE_DEFERRED, "4.7.1"},
	/* A code that does not fit its reply. */
	{{.fate = SMTP_FATE_TEMPORARY, .stage = SMTP_STAGE_RCPT, .code = 450, .enhanced = {5, 1, 1}},
	 true, ROUTE_DEFERRED, "4.1.1"},
	{{.fate = SMTP_FATE_TEMPORARY, .stage = SMTP_STAGE_RCPT, .code = 452}, true,
	 ROUTE_DEFERRED, "4.2.2"},
	{{.fate = SMTP_FATE_TEMPORARY, .stage = SMTP_STAGE_MAIL, .code = 421}, true,
	 ROUTE_DEFERRED, "4.3.2"},
	{{.fate = SMTP_FATE_PERMANENT, .stage = SMTP_STAGE_RCPT, .code = 550}, false,
	 ROUTE_FAILED, "5.1.1"},
	{{.fate = SMTP_FATE_PERMANENT, .stage = SMTP_STAGE_RCPT, .code = 553}, false,
	 ROUTE_FAILED, "5.1.3"},
	{{.fate = SMTP_FATE_PERMANENT, .stage = SMTP_STAGE_END, .code = 554, .enhanced = {5, 7, 1}},
	 false, ROUTE_FAILED, "5.7.1"},
	{{.fate = SMTP_FATE_PERMANENT, .cannot = SMTP_CANNOT_REQUIRETLS, .enhanced = {5, 7, 30}},
	 true, ROUTE_FAILED, "5.7.30"},
	{{.fate = SMTP_FATE_PERMANENT, .cannot = SMTP_CANNOT_ADDRESS, .enhanced = {5, 6, 7}}, true,
	 ROUTE_FAILED, "5.6.7"},
	{{.fate = SMTP_FATE_PERMANENT, .cannot = SMTP_CANNOT_ENVELOPE, .enhanced = {5, 5, 4}},
	 false, ROUTE_FAILED, "5.5.4"},
	{{.fate = SMTP_FATE_PERMANENT, .cannot = SMTP_CANNOT_DELIVERBY, .enhanced = {5, 3, 3}}, true,
	 ROUTE_FAILED, "5.3.3"},
	{{.fate = SMTP_FATE_PERMANENT, .cannot = SMTP_CANNOT_IN_TIME, .enhanced = {5, 4, 7}}, true,
	 ROUTE_FAILED, "5.4.7"},
	{{.fate = SMTP_FATE_CONVERT, .cannot = SMTP_CANNOT_8BIT, .enhanced = {5, 6, 3}}, true,
	 ROUTE_FAILED, "5.6.3"},
	{{.fate = SMTP_FATE_LOST}, true, ROUTE_DEFERRED, "4.4.2"},
	/* It may have been taken: no second server on the same day. */
	{{.fate = SMTP_FATE_UNKNOWN}, false, ROUTE_DEFERRED, "4.4.2"},
	{{.fate = SMTP_FATE_LEFT}, true, ROUTE_DEFERRED, "4.4.1"},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char status[ROUTE_STATUS_MAX];
		const struct row *r = &rows[i];
		assert_int_equal(route_asks_next(&r->o), r->next);
		assert_int_equal(route_fate(&r->o), r->fate);
		assert_true(route_words(&r->o).len > 0);
		struct span s = route_status(&r->o, status);
		assert_true(span_eq(s, span_cstr(r->status)));
	}
}

static void test_long_codes(void **state)
{
	(void)state;
	char status[ROUTE_STATUS_MAX];
	struct smtp_outcome o = {.fate = SMTP_FATE_PERMANENT, .enhanced = {5, 999, 999}};
	assert_true(span_eq(route_status(&o, status), SPAN("5.999.999")));
}

static void test_sessions(void **state)
{
	(void)state;
	assert_true(route_never(&(struct route_session){
		SMTP_CLIENT_REFUSED, SMTP_STAGE_GREETING, 521}));
	assert_false(route_never(&(struct route_session){
		SMTP_CLIENT_REFUSED, SMTP_STAGE_GREETING, 554}));
	assert_false(route_never(&(struct route_session){
		SMTP_CLIENT_REFUSED, SMTP_STAGE_MAIL, 521}));
	assert_true(route_slow(421, SMTP_STAGE_END));
	assert_true(route_slow(450, SMTP_STAGE_GREETING));
	assert_true(route_slow(452, SMTP_STAGE_MAIL));
	assert_false(route_slow(450, SMTP_STAGE_RCPT));
	assert_false(route_slow(550, SMTP_STAGE_GREETING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
					   cmocka_unit_test(test_long_codes),
					   cmocka_unit_test(test_sessions)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* dsn/rule: every event has one ruling, and nobody is told who should not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dsn/rule.h"
#include "smtp/host.h"

#define SUCCESS SMTP_NOTIFY_SUCCESS
#define FAILURE SMTP_NOTIFY_FAILURE
#define DELAY	SMTP_NOTIFY_DELAY
#define NEVER	SMTP_NOTIFY_NEVER

static const struct dsn_case usual = {.proven = true, .accepted = 1000, .now = 1000 + 3600,
				      .delay_after = 3600};

static const struct {
	enum dsn_event event;
	uint32_t notify;
	enum dsn_do what;
	enum dsn_action action; /* where it counts */
	enum dsn_account account;
} rows[] = {
	{DSN_ON_FAILED, 0, DSN_DO_REPORT, DSN_FAILED, DSN_IS_BOUNCED},
	{DSN_ON_FAILED, FAILURE, DSN_DO_REPORT, DSN_FAILED, DSN_IS_BOUNCED},
	{DSN_ON_FAILED, SUCCESS, DSN_DO_DISCARD, DSN_FAILED, DSN_IS_DISCARDED},
	{DSN_ON_FAILED, DELAY, DSN_DO_DISCARD, DSN_FAILED, DSN_IS_DISCARDED},
	{DSN_ON_FAILED, NEVER, DSN_DO_DISCARD, DSN_FAILED, DSN_IS_DISCARDED},
	{DSN_ON_WAITING, 0, DSN_DO_REPORT, DSN_DELAYED, DSN_IS_OPEN},
	{DSN_ON_WAITING, DELAY, DSN_DO_REPORT, DSN_DELAYED, DSN_IS_OPEN},
	{DSN_ON_WAITING, FAILURE, DSN_DO_NOTHING, DSN_FAILED, DSN_IS_OPEN},
	{DSN_ON_WAITING, NEVER, DSN_DO_NOTHING, DSN_FAILED, DSN_IS_OPEN},
	{DSN_ON_DELIVERED, 0, DSN_DO_NOTHING, DSN_FAILED, DSN_IS_DELIVERED},
	{DSN_ON_DELIVERED, SUCCESS, DSN_DO_REPORT, DSN_DELIVERED, DSN_IS_DELIVERED},
	{DSN_ON_DELIVERED, NEVER, DSN_DO_NOTHING, DSN_FAILED, DSN_IS_DELIVERED},
	{DSN_ON_RELAYED, SUCCESS | FAILURE, DSN_DO_REPORT, DSN_RELAYED, DSN_IS_DELIVERED},
	{DSN_ON_RELAYED, FAILURE, DSN_DO_NOTHING, DSN_FAILED, DSN_IS_DELIVERED},
	{DSN_ON_EXPANDED, SUCCESS, DSN_DO_REPORT, DSN_EXPANDED, DSN_IS_DELIVERED},
	{DSN_ON_HANDED, SUCCESS, DSN_DO_NOTHING, DSN_FAILED, DSN_IS_DELIVERED},
};

static void notify_is_obeyed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dsn_case c = usual;
		c.event = rows[i].event;
		c.notify = rows[i].notify;
		struct dsn_ruling r = dsn_rule(&c);
		assert_int_equal(r.what, rows[i].what);
		assert_int_equal(r.account, rows[i].account);
		if (r.what == DSN_DO_REPORT)
			assert_int_equal(r.action, rows[i].action);
	}
}

/* All facts there are: what may never be, and what always is. */
static void no_case_breaks_the_promises(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 64; bits++)
		for (unsigned event = 0; event < DSN_EVENTS; event++)
			for (uint32_t notify = 0; notify < 16; notify++) {
				struct dsn_case c = usual;
				c.event = (enum dsn_event)event;
				c.notify = notify;
				c.null_sender = bits & 1;
				c.proven = bits & 2;
				c.to_postmaster = bits & 4;
				c.delay_told = bits & 8;
				c.on_double = bits & 16 ? DSN_DOUBLE_POSTMASTER : DSN_DOUBLE_HOLD;
				c.delay_after = bits & 32 ? 3600 : 0;
				struct dsn_ruling r = dsn_rule(&c);
				assert_true(dsn_rule_name(r.rule)[0] != '\0');
				if (r.what == DSN_DO_REPORT)
					assert_true(!c.null_sender && c.proven && !(notify & NEVER));
				if (r.what == DSN_DO_POSTMASTER)
					assert_true(c.null_sender && c.proven && !c.to_postmaster);
				assert_int_equal(r.account == DSN_IS_OPEN, event == DSN_ON_WAITING);
				assert_int_equal(r.what == DSN_DO_DISCARD,
						 r.account == DSN_IS_DISCARDED);
				assert_int_equal(r.what == DSN_DO_HOLD, r.account == DSN_IS_HELD);
				assert_int_equal(r.account == DSN_IS_BOUNCED,
						 event == DSN_ON_FAILED && (r.what == DSN_DO_REPORT ||
									    r.what == DSN_DO_POSTMASTER));
			}
}

static void double_bounces(void **state)
{
	(void)state;
	struct dsn_case c = usual;
	c.event = DSN_ON_FAILED;
	c.null_sender = true;
	c.notify = NEVER;
	struct dsn_ruling r = dsn_rule(&c);
	assert_int_equal(r.what, DSN_DO_HOLD);
	assert_string_equal(dsn_rule_name(r.rule), "double-bounce-held");
	c.on_double = DSN_DOUBLE_POSTMASTER;
	r = dsn_rule(&c);
	assert_int_equal(r.what, DSN_DO_POSTMASTER);
	assert_string_equal(dsn_rule_name(r.rule), "double-bounce-to-postmaster");
	c.to_postmaster = true;
	r = dsn_rule(&c);
	assert_int_equal(r.what, DSN_DO_HOLD);
	assert_string_equal(dsn_rule_name(r.rule), "report-to-postmaster-held");
	/* Of strangers nothing is kept. */
	c.proven = false;
	r = dsn_rule(&c);
	assert_int_equal(r.what, DSN_DO_DISCARD);
	assert_string_equal(dsn_rule_name(r.rule), "null-sender");
}

static void no_backscatter(void **state)
{
	(void)state;
	struct dsn_case c = usual;
	c.proven = false;
	c.event = DSN_ON_FAILED;
	struct dsn_ruling r = dsn_rule(&c);
	assert_int_equal(r.what, DSN_DO_DISCARD);
	assert_string_equal(dsn_rule_name(r.rule), "unproven-sender");
	c.event = DSN_ON_WAITING;
	assert_int_equal(dsn_rule(&c).what, DSN_DO_NOTHING);
	c.event = DSN_ON_DELIVERED;
	c.notify = SUCCESS;
	assert_int_equal(dsn_rule(&c).what, DSN_DO_NOTHING);
}

static void a_delay_is_told_once_and_in_time(void **state)
{
	(void)state;
	struct dsn_case c = usual;
	c.event = DSN_ON_WAITING;
	c.now = c.accepted + c.delay_after - 1;
	assert_int_equal(dsn_rule(&c).rule, DSN_RULE_DELAY_EARLY);
	c.now++;
	assert_int_equal(dsn_rule(&c).what, DSN_DO_REPORT);
	c.now++;
	assert_int_equal(dsn_rule(&c).what, DSN_DO_REPORT);
	c.delay_told = true;
	assert_int_equal(dsn_rule(&c).rule, DSN_RULE_DELAY_TOLD);
	c.delay_told = false;
	c.delay_after = 0;
	assert_int_equal(dsn_rule(&c).rule, DSN_RULE_DELAY_OFF);
	/* A clock at the end of its range does not overflow. */
	c.delay_after = 3600;
	c.accepted = INT64_MIN;
	c.now = INT64_MAX;
	assert_int_equal(dsn_rule(&c).what, DSN_DO_REPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify_is_obeyed),
		cmocka_unit_test(no_case_breaks_the_promises),
		cmocka_unit_test(double_bounces),
		cmocka_unit_test(no_backscatter),
		cmocka_unit_test(a_delay_is_told_once_and_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* smtp AUTH: only inside TLS, each exchange from nothing, every way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "talk.h"

static struct talk tls(void)
{
	struct talk t;
	talk_init(&t, SMTP_SUBMISSION, SMTP_TLS_IMPLICIT);
	return t;
}

#define RIGHT "AHUAcmlnaHQ="
#define WRONG "AHUAd3Jvbmc="

static void right_and_wrong(void **state)
{
	(void)state;
	struct talk t = tls();
	TALK(&t, "EHLO c.example\r\nAUTH PLAIN " RIGHT "\r\n|MAIL FROM:<u@b.example>\r\n"
		 "AUTH PLAIN " RIGHT "\r\n|",
	     "220 250 235/2.7.0 250/2.1.0 503/5.5.1");
	assert_true(t.facts.authenticated);
	TALK(&t, "EHLO c.example\r\nAUTH plain " WRONG "\r\n|AUTH PLAIN\r\n|" RIGHT "\r\n|",
	     "220 250 535/5.7.8 334 235/2.7.0");
	TALK(&t, "EHLO c.example\r\nAUTH LOGIN\r\n|dQ==\r\n|cmlnaHQ=\r\n|",
	     "220 250 334 334 235/2.7.0");
	TALK(&t, "EHLO c.example\r\nAUTH LOGIN\r\n|dQ==\r\n|d3Jvbmc=\r\n|"
		 "AUTH PLAIN " RIGHT "\r\n|MAIL FROM:<>\r\n",
	     "220 250 334 334 535/5.7.8 235/2.7.0 250/2.1.0");
	talk_free(&t);
}

static void never_in_clear(void **state)
{
	(void)state;
	struct talk t;
	talk_init(&t, SMTP_SUBMISSION, SMTP_TLS_REQUIRED);
	TALK(&t, "EHLO c.example\r\nAUTH PLAIN " RIGHT "\r\nAUTH LOGIN\r\n",
	     "220 250 538/5.7.11 538/5.7.11");
	assert_true(span_eq(buf_span(&t.log), SPAN("ehlo ")));
	assert_int_equal(t.notes[SMTP_NOTE_CLEAR_AUTH], 2);
	talk_free(&t);
	talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
	TALK(&t, "STARTTLS\r\n|EHLO c.example\r\n|AUTH PLAIN " RIGHT "\r\n",
	     "220 220/2.0.0 250 502/5.5.1");
	talk_free(&t);
}

static void ways_out(void **state)
{
	(void)state;
	struct talk t = tls();
	TALK(&t, "EHLO c.example\r\nAUTH LOGIN\r\n|*\r\n|AUTH LOGIN\r\n|!!\r\n|"
		 "AUTH PLAIN dQ\r\n|AUTH PLAIN *\r\n|AUTH NTLM\r\n|AUTH CRAM-MD5\r\n|AUTH\r\n|"
		 "AUTH PLAIN =\r\n|AUTH DOWN\r\n|AUTH SLOW\r\n|AUTH TWISTED\r\n|NOOP\r\n",
	     "220 250 334 501/5.7.0 334 501/5.5.2 501/5.5.2 501/5.5.2 504/5.5.4 504/5.5.4 "
	     "501/5.5.2 535/5.7.8 454/4.7.0 454/4.7.0 501/5.5.2 250/2.0.0");
	TALK(&t, "EHLO c.example\r\nAUTH LOGIN\r\n|dQ==", "220 250 334");
	assert_true(span_eq(buf_span(&t.log), SPAN("tls ehlo auth:LOGIN cancel ")));
	TALK(&t, "AUTH PLAIN " RIGHT "\r\nHELO c.example\r\nAUTH PLAIN " RIGHT "\r\n",
	     "220 503/5.5.1 250 503/5.5.1");
	talk_free(&t);
}

static void failures_and_steps_are_counted(void **state)
{
	(void)state;
	struct talk t = tls();
	t.set.limits.auth_failures = 3;
	TALK(&t, "EHLO c.example\r\nAUTH PLAIN " WRONG "\r\n|AUTH PLAIN " WRONG "\r\n|"
		 "AUTH PLAIN " RIGHT "\r\n|", "220 250 535/5.7.8 535/5.7.8 235/2.7.0");
	TALK(&t, "EHLO c.example\r\nAUTH PLAIN " WRONG "\r\n|AUTH PLAIN " WRONG "\r\n|"
		 "AUTH PLAIN " WRONG "\r\n|NOOP\r\n|", "220 250 535/5.7.8 535/5.7.8 421/4.7.0");
	TALK(&t, "EHLO c.example\r\nAUTH LOOP\r\n|\r\n|\r\n|\r\n|\r\n|\r\n|\r\n|\r\n|\r\n|"
		 "\r\n|\r\n|\r\n|\r\n|\r\n|\r\n|\r\n|\r\n|NOOP\r\n",
	     "220 250 334 334 334 334 334 334 334 334 334 334 334 334 334 334 334 334 "
	     "535/5.7.8 250/2.0.0");
	assert_int_equal(t.steps, SMTP_AUTH_STEPS);
	talk_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_and_wrong),
		cmocka_unit_test(never_in_clear),
		cmocka_unit_test(ways_out),
		cmocka_unit_test(failures_and_steps_are_counted),
	};
	return cmocka_run_group_tests_name("smtp/auth", tests, NULL, NULL);
}

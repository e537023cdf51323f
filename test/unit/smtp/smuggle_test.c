/* SPDX-License-Identifier: Apache-2.0 */
/* smtp: framing attacks, early talkers, other protocols; messages by BDAT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "talk.h"

#define START "EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n|"
#define START_CODES "220 250 250/2.1.0 250/2.1.5 354 "
#define INNER "MAIL FROM:<x@b.example>\r\nRCPT TO:<y@d.example>\r\nDATA\r\nevil\r\n"

static struct talk mx(void)
{
	struct talk t;
	talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
	return t;
}

static void only_the_real_end_ends(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, START "a\n.\n" INNER ".\r\nNOOP\r\n", START_CODES "550/5.6.0 250/2.0.0");
	TALK(&t, START "a\n.\r\n" INNER ".\r\nNOOP\r\n", START_CODES "550/5.6.0 250/2.0.0");
	TALK(&t, START "a\r\n.\n" INNER ".\r\nNOOP\r\n", START_CODES "550/5.6.0 250/2.0.0");
	TALK(&t, START "a\r.\r" INNER ".\r\nNOOP\r\n", START_CODES "550/5.6.0 250/2.0.0");
	TALK(&t, START "a\r\n.\r" INNER ".\r\nNOOP\r\n", START_CODES "550/5.6.0 250/2.0.0");
	TALK(&t, START "a\0\r\n.\0\r\n" INNER ".\r\nNOOP\r\n",
	     START_CODES "550/5.6.0 250/2.0.0");
	TALK(&t, START "Subject: a\nX: b\r\n\r\n.\r\nNOOP\r\n",
	     START_CODES "550/5.6.0 250/2.0.0");
	assert_int_equal(t.kept, 0);
	assert_int_equal(t.notes[SMTP_NOTE_BAD_FRAMING], 1);
	talk_free(&t);
}

static void dots_come_off_exactly(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, START "..\r\n...\r\n.a\r\na.\r\n.\r\n", START_CODES "250/2.0.0");
	assert_true(span_eq(buf_span(&t.body), SPAN(".\r\n..\r\na\r\na.\r\n")));
	TALK(&t, START ".\r\n", START_CODES "250/2.0.0");
	assert_int_equal(buf_len(&t.body), 0);
	talk_free(&t);
}

static void bytes_that_no_command_has(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "NO\0OP\r\nNOOP\nNOOP\r\nNOOP\r\r\nNOOP\x7f\r\nNOOP\r\n",
	     "220 500/5.5.2 500/5.5.2 500/5.5.2 500/5.5.2 250/2.0.0");
	talk_free(&t);
}

static void early_talkers_leave(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK_ONCE(&t, "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n", "220 554/5.5.0");
	assert_int_equal(t.notes[SMTP_NOTE_EARLY_TALKER], 1);
	TALK_ONCE(&t, "HELO c.example\r\nNOOP\r\n", "220 554/5.5.0");

	struct script script;
	script_init_bytes(&script, SPAN("EHLO c.example\r\n"), 0);
	struct span early;
	assert_int_equal(stream_peek(&script.stream, &early), IO_OK);
	struct smtp_session *s = smtp_session_new(&script.stream, &t.host, &t.set);
	assert_int_equal(smtp_session_greet(s), SMTP_CLOSE);
	assert_true(span_starts(script_output(&script), SPAN("554 5.5.0 ")));
	smtp_session_free(s);
	script_free(&script);
	talk_free(&t);
	/* Our own users' programs may be in a hurry. */
	talk_init(&t, SMTP_SUBMISSION, SMTP_TLS_IMPLICIT);
	TALK_ONCE(&t, "EHLO c.example\r\nNOOP\r\n", "220 250 250/2.0.0");
	talk_free(&t);
}

static void nothing_crosses_into_tls(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK_ONCE(&t, "EHLO c.example\r\n|STARTTLS\r\nMAIL FROM:<a@b.example>\r\n|NOOP\r\n",
		  "220 250 220/2.0.0 250/2.0.0");
	assert_int_equal(t.notes[SMTP_NOTE_PIPELINED], 1);
	talk_free(&t);
}

static void other_protocols_end_at_once(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "GET / HTTP/1.1\r\nHost: x\r\nMAIL FROM:<a@b.example>\r\n", "220 554/5.5.0");
	TALK(&t, "POST / HTTP/1.1\r\n\r\nEHLO x.example\r\n", "220 554/5.5.0");
	TALK(&t, "PRI * HTTP/2.0\r\n", "220 554/5.5.0");
	TALK(&t, "\x16\x03\x01\x02\x00\x01", "220");
	assert_int_equal(t.notes[SMTP_NOTE_NOT_SMTP], 1);
	talk_free(&t);
}

static void refused_data_takes_its_body_along(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK_ONCE(&t, "EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\n"
		      "RCPT TO:<unknown@d.example>\r\nDATA\r\n" INNER ".\r\nQUIT\r\n",
		  "220 250 250/2.1.0 550/5.1.1 554/5.5.1");
	assert_int_equal(t.notes[SMTP_NOTE_PIPELINED], 1);
	talk_free(&t);
}

#define BSTART "EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
#define BINARY "EHLO c.example\r\n|MAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<c@d.example>\r\n"
#define BCODES "220 250 250/2.1.0 250/2.1.5 "

static void chunks_make_a_message(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, BSTART "BDAT 4\r\na\r\n.BDAT 2\r\n\r\nBDAT 0 LAST\r\nNOOP\r\n",
	     BCODES "250/2.0.0 250/2.0.0 250/2.0.0 250/2.0.0");
	assert_true(span_eq(buf_span(&t.body), SPAN("a\r\n.\r\n")));
	TALK(&t, BSTART "BDAT 5 last\r\nab\r\ncMAIL FROM:<x@y.example>\r\n",
	     BCODES "250/2.0.0 250/2.1.0");
	TALK(&t, BINARY "BDAT 5 LAST\r\na\n\0\rbNOOP\r\n", BCODES "250/2.0.0 250/2.0.0");
	assert_true(span_eq(buf_span(&t.body), SPAN("a\n\0\rb")));
	TALK(&t, BSTART "BDAT 5 LAST\r\na\n\0\rbNOOP\r\n", BCODES "550/5.6.0 250/2.0.0");
	TALK(&t, BSTART "BDAT 2 LAST\r\na\rNOOP\r\n", BCODES "550/5.6.0 250/2.0.0");
	TALK(&t, BSTART "BDAT 2\r\na\rBDAT 1 LAST\r\n\nNOOP\r\n",
	     BCODES "250/2.0.0 250/2.0.0 250/2.0.0");
	TALK(&t, BINARY "DATA\r\n|BDAT 1 LAST\r\nx", BCODES "503/5.5.1 250/2.0.0");
	talk_free(&t);
}

static void refused_chunks_are_read_to_their_end(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "BDAT 6\r\nNOOP\r\nEHLO c.example\r\n|BDAT 6 LAST\r\nNOOP\r\n"
		 "MAIL FROM:<a@b.example>\r\nBDAT 6\r\nNOOP\r\nRCPT TO:<c@d.example>\r\n"
		 "BDAT 6\r\nNO\nOP\nBDAT 6\r\nNOOP\r\nRCPT TO:<e@d.example>\r\nDATA\r\n"
		 "|BDAT 6 LAST\r\nNOOP\r\nMAIL FROM:<a@b.example>\r\n",
	     "220 503/5.5.1 250 503/5.5.1 250/2.1.0 554/5.5.1 250/2.1.5 550/5.6.0 503/5.5.1 "
	     "503/5.5.1 503/5.5.1 503/5.5.1 250/2.1.0");
	TALK(&t, BSTART "BDAT 3\r\nabcDATA\r\n|RSET\r\nDATA\r\n",
	     BCODES "250/2.0.0 503/5.5.1 250/2.0.0 503/5.5.1");
	TALK(&t, BSTART "BDAT\r\nNOOP\r\n", BCODES "501/5.5.4");
	TALK(&t, BSTART "BDAT -1\r\nNOOP\r\n", BCODES "501/5.5.4");
	TALK(&t, BSTART "BDAT 1 FIRST\r\nNOOP\r\n", BCODES "501/5.5.4");
	TALK(&t, BSTART "BDAT 18446744073709551616\r\nNOOP\r\n", BCODES "501/5.5.4");
	TALK(&t, BSTART "BDAT 18446744073709551615\r\nNOOP\r\n",
	     "220 250 250/2.1.0 250/2.1.5");
	talk_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_real_end_ends),
		cmocka_unit_test(dots_come_off_exactly),
		cmocka_unit_test(bytes_that_no_command_has),
		cmocka_unit_test(early_talkers_leave),
		cmocka_unit_test(nothing_crosses_into_tls),
		cmocka_unit_test(other_protocols_end_at_once),
		cmocka_unit_test(refused_data_takes_its_body_along),
		cmocka_unit_test(chunks_make_a_message),
		cmocka_unit_test(refused_chunks_are_read_to_their_end),
	};
	return cmocka_run_group_tests_name("smtp/smuggle", tests, NULL, NULL);
}

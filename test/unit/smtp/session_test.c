/* SPDX-License-Identifier: Apache-2.0 */
/* smtp/session: order of commands, what is announced, what is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "talk.h"

#define LOG(t, text) assert_true(span_eq(buf_span(&(t)->log), SPAN(text)))
#define BODY(t, text) assert_true(span_eq(buf_span(&(t)->body), SPAN(text)))

static struct talk mx(void)
{
	struct talk t;
	talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
	return t;
}

static struct talk submission(enum smtp_tls_mode tls)
{
	struct talk t;
	talk_init(&t, SMTP_SUBMISSION, tls);
	return t;
}

static void a_message_is_kept(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
		 "DATA\r\n|Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n",
	     "220 250 250/2.1.0 250/2.1.5 354 250/2.0.0 221/2.0.0");
	LOG(&t, "ehlo mail:a@b.example rcpt:c@d.example begin end reset ");
	BODY(&t, "Subject: x\r\n\r\nhello\r\n");
	assert_int_equal(t.kept, 1);
	assert_string_equal(t.hello_name, "c.example");
	talk_free(&t);
}

static void nothing_but_kept_gives_250(void **state)
{
	(void)state;
	static const struct {
		enum smtp_end end;
		const char *code;
	} rows[] = {
		{SMTP_END_REFUSED, "550/5.7.1"},   {SMTP_END_OVER_QUOTA, "552/5.2.2"},
		{SMTP_END_LOOP, "554/5.4.6"},	   {SMTP_END_TOO_BIG, "552/5.3.4"},
		{SMTP_END_NO_SPACE, "452/4.3.1"},  {SMTP_END_LATER, "451/4.3.0"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct talk t = mx();
		char expect[128];
		t.end = rows[i].end;
		snprintf(expect, sizeof expect, "220 250 250/2.1.0 250/2.1.5 354 %s 503/5.5.1",
			 rows[i].code);
		TALK(&t, "EHLO c.example\r\n|MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n"
			 "DATA\r\n|x\r\n.\r\nRCPT TO:<e@f.example>\r\n", expect);
		LOG(&t, "ehlo mail: rcpt:c@d.example begin end reset ");
		t.end = SMTP_KEPT;
		talk_free(&t);
	}
}

static void hosts_rulings_have_their_codes(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<notown@b.example>\r\n"
		 "MAIL FROM:<refused@b.example>\r\nMAIL FROM:<toobig@b.example>\r\n"
		 "MAIL FROM:<nospace@b.example>\r\nMAIL FROM:<later@b.example>\r\n"
		 "MAIL FROM:<a@b.example>\r\nRCPT TO:<unknown@x.example>\r\n"
		 "RCPT TO:<relay@x.example>\r\nRCPT TO:<disabled@x.example>\r\n"
		 "RCPT TO:<full@x.example>\r\nRCPT TO:<refused@x.example>\r\n"
		 "RCPT TO:<later@x.example>\r\nRCPT TO:<many@x.example>\r\nDATA\r\n",
	     "220 250 553/5.7.1 550/5.7.1 552/5.3.4 452/4.3.1 451/4.3.0 250/2.1.0 "
	     "550/5.1.1 550/5.7.1 550/5.2.1 452/4.2.2 550/5.7.1 451/4.3.0 452/4.5.3 "
	     "554/5.5.1");
	t.hello = SMTP_HELLO_REFUSED;
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<>\r\n", "220 550/5.7.1 503/5.5.1");
	t.hello = SMTP_HELLO_LATER;
	TALK(&t, "HELO c.example\r\n|", "220 451/4.7.1");
	talk_free(&t);
}

static void texts_of_the_host_are_one_clean_line(void **state)
{
	(void)state;
	struct talk t = mx();
	t.text = "a\r\n250 forged\x01\xff end";
	talk_run(&t, SPAN("EHLO c.example\r\n|MAIL FROM:<refused@b.example>\r\n"), 0);
	assert_true(span_ends(script_output(&t.script),
			      SPAN("\r\n550 5.7.1 a  250 forged?? end\r\n")));
	script_free(&t.script);
	talk_free(&t);
}

static void order_is_kept(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nVRFY x\r\nNOOP\r\n"
		 "RSET\r\nHELP\r\nHELO c.example\r\n|RCPT TO:<c@d.example>\r\nDATA\r\n"
		 "|MAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\nDATA\r\n"
		 "|RSET\r\nRCPT TO:<c@d.example>\r\nQUIT\r\n",
	     "220 503/5.5.1 503/5.5.1 252/2.0.0 250/2.0.0 250/2.0.0 214/2.0.0 250 "
	     "503/5.5.1 503/5.5.1 250/2.1.0 503/5.5.1 554/5.5.1 250/2.0.0 503/5.5.1 "
	     "221/2.0.0");
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\nEHLO d.example\r\n|"
		 "RCPT TO:<c@d.example>\r\n",
	     "220 250 250/2.1.0 250 503/5.5.1");
	LOG(&t, "ehlo mail:a@b.example ehlo reset ");
	talk_free(&t);
}

static void refused_by_name(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "EHLO c.example\r\n|EXPN x\r\nETRN ';--\r\nTURN\r\nATRN\r\nSEND\r\n"
		 "DEBUG\r\nWIZ\r\nXCLIENT ADDR=1\r\nXFORWARD x\r\nAUTH PLAIN AHUAcmlnaHQ=\r\n"
		 "FOO\r\n\r\nRSET x\r\nQUIT x\r\nVRFY\r\nLHLO x.example\r\n",
	     "220 250 502/5.5.1 502/5.5.1 502/5.5.1 502/5.5.1 502/5.5.1 502/5.5.1 "
	     "502/5.5.1 502/5.5.1 502/5.5.1 502/5.5.1 500/5.5.1 500/5.5.1 501/5.5.4 "
	     "501/5.5.4 501/5.5.2 500/5.5.1");
	assert_int_equal(t.notes[SMTP_NOTE_PRIVILEGED], 4);
	talk_free(&t);
}

static bool says(struct talk *t, const char *client, struct span what)
{
	talk_run(t, span_cstr(client), 0);
	bool found = span_find_span(script_output(&t->script), what) != SIZE_MAX;
	script_free(&t->script);
	return found;
}

static void announced_is_what_works(void **state)
{
	(void)state;
	struct talk t = mx();
	assert_true(says(&t, "EHLO c.example\r\n",
			 SPAN("250-mx.example.test\r\n250-PIPELINING\r\n"
			      "250-SIZE 52428800\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
			      "250-CHUNKING\r\n250-BINARYMIME\r\n"
			      "250-ENHANCEDSTATUSCODES\r\n250-LIMITS RCPTMAX=100\r\n"
			      "250-DSN\r\n250-STARTTLS\r\n250 HELP\r\n")));
	assert_false(says(&t, "EHLO c.example\r\n|STARTTLS\r\n|EHLO c.example\r\n",
			  SPAN("AUTH")));
	assert_true(says(&t, "EHLO c.example\r\n|STARTTLS\r\n|EHLO c.example\r\n",
			 SPAN("250-DSN\r\n250-REQUIRETLS\r\n250 HELP\r\n")));
	t.set.extensions = SMTP_EXT_PIPELINING;
	assert_true(says(&t, "EHLO c.example\r\n",
			 SPAN("250-mx.example.test\r\n250-PIPELINING\r\n250-STARTTLS\r\n"
			      "250 HELP\r\n")));
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<a@b.example> SIZE=1\r\n"
		 "MAIL FROM:<a@b.example> BODY=8BITMIME\r\n"
		 "MAIL FROM:<a@b.example> SMTPUTF8\r\nBDAT 3\r\nabcNOOP\r\n",
	     "220 250 555 555 555 502 250");
	talk_free(&t);
	t = submission(SMTP_TLS_REQUIRED);
	assert_false(says(&t, "EHLO c.example\r\n", SPAN("AUTH")));
	assert_true(says(&t, "EHLO c.example\r\n|STARTTLS\r\n|EHLO c.example\r\n",
			 SPAN("250-AUTH PLAIN LOGIN")));
	talk_run(&t, SPAN("EHLO c.example\r\n|STARTTLS\r\n|EHLO c.example\r\n"), 0);
	struct span inside = span_skip(script_output(&t.script), t.script.tls_at);
	assert_true(span_find_span(inside, SPAN("STARTTLS")) == SIZE_MAX);
	script_free(&t.script);
	talk_free(&t);
}

#define INSIDE "EHLO c.example\r\n|STARTTLS\r\n|EHLO c.example\r\n"

/* Everything of a message's way on: only where it was announced. */
static void what_the_queue_is_told(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, INSIDE "|MAIL FROM:<a@b.example> REQUIRETLS\r\n",
	     "220 250 220/2.0.0 250 250/2.1.0");
	assert_true(span_ends(buf_span(&t.log), SPAN("mail:a@b.example requiretls reset ")));
	TALK(&t, INSIDE "|MAIL FROM:<a@b.example> REQUIRETLS=1\r\n"
		 "MAIL FROM:<a@b.example> REQUIRETLS REQUIRETLS\r\n"
		 "MAIL FROM:<a@b.example> HOLDFOR=1\r\nMAIL FROM:<a@b.example> MT-PRIORITY=1\r\n",
	     "220 250 220/2.0.0 250 501/5.5.4 501/5.5.4 555/5.5.4 555/5.5.4");
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<a@b.example> REQUIRETLS\r\n",
	     "220 250 555/5.5.4");
	talk_free(&t);

	t = submission(SMTP_TLS_IMPLICIT);
	assert_true(says(&t, "EHLO c.example\r\n",
			 SPAN("250-FUTURERELEASE 2592000 2023-12-14T22:13:20Z\r\n"
			      "250-MT-PRIORITY\r\n250-DELIVERBY\r\n")));
	t.set.limits.bad_commands = 1000;
#define USER "EHLO c.example\r\n|AUTH PLAIN AHUAcmlnaHQ=\r\n|"
#define FROM "MAIL FROM:<a@b.example> "
	static const struct {
		const char *params, *found; /* NULL: refused */
	} rows[] = {
		{"HOLDFOR=0", ""},
		{"HOLDFOR=1 MT-PRIORITY=-9", "release=1 priority=-9 "},
		{"HOLDFOR=2591999", "release=2591999 "},
		{"HOLDFOR=2592000 MT-PRIORITY=9", "release=2592000 priority=9 "},
		{"HOLDFOR=2592001", NULL},
		{"HOLDFOR=0000000001", NULL},
		{"HOLDFOR=-1", NULL},
		{"HOLDFOR", NULL},
		{"HOLDFOR=1 HOLDFOR=1", NULL},
		{"HOLDFOR=1 HOLDUNTIL=2023-11-14T22:13:21Z", NULL},
		{"HOLDUNTIL=2023-11-14T22:13:21Z", "release=1 "},
		{"HOLDUNTIL=2023-11-14T22:13:20Z", ""},
		{"HOLDUNTIL=1999-01-01T00:00:00Z", ""},
		{"HOLDUNTIL=2023-12-14T23:13:20.9+01:00", "release=2592000 "},
		{"HOLDUNTIL=2023-12-14T22:13:21Z", NULL},
		{"HOLDUNTIL=tomorrow", NULL},
		{"MT-PRIORITY=0", ""},
		{"MT-PRIORITY=-0", NULL},
		{"MT-PRIORITY=10", NULL},
		{"MT-PRIORITY=+1", NULL},
		{"MT-PRIORITY=", NULL},
		{"MT-PRIORITY=1 MT-PRIORITY=1", NULL},
		{"MT-PRIORITY=-", NULL},
		{"BY=120;R", "by=120/1 "},
		{"BY=+1;rt", "by=1/5 "},
		{"BY=0;N", "by=0/2 "},
		{"BY=-999999999;NT MT-PRIORITY=1", "priority=1 by=-999999999/6 "},
		{"BY=999999999;N", "by=999999999/2 "},
		{"BY=1000000000;N", NULL},
		{"BY=0000000001;N", NULL},
		{"BY=0;R", NULL},
		{"BY=-1;R", NULL},
		{"BY=-0;R", NULL},
		{"BY=1", NULL},
		{"BY=1;", NULL},
		{"BY=;N", NULL},
		{"BY=+-1;N", NULL},
		{"BY=1;X", NULL},
		{"BY=1;NTT", NULL},
		{"BY=1;NR", NULL},
		{"BY=1;N BY=1;N", NULL},
		{"BY", NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char client[512], log[256];
		snprintf(client, sizeof client, USER FROM "%s\r\n", rows[i].params);
		talk_run(&t, span_cstr(client), 0);
		snprintf(log, sizeof log, "mail:a@b.example %sreset ",
			 rows[i].found ? rows[i].found : "");
		if (span_ends(buf_span(&t.log), span_cstr(log)) != (rows[i].found != NULL))
			fail_msg("%s: %.*s", rows[i].params, SPAN_FMT(buf_span(&t.log)));
		script_free(&t.script);
	}
	talk_free(&t);
}

static void submission_wants_tls_first(void **state)
{
	(void)state;
	struct talk t = submission(SMTP_TLS_REQUIRED);
	TALK(&t, "MAIL FROM:<a@b.example>\r\nEHLO c.example\r\nMAIL FROM:<a@b.example>\r\n"
		 "RCPT TO:<a@b.example>\r\nVRFY x\r\nNOOP\r\nRSET\r\nHELP\r\n"
		 "HELO c.example\r\nBDAT 6\r\nNOOP\r\nDATA\r\n|QUIT\r\n",
	     "220 530/5.7.0 250 530/5.7.0 530/5.7.0 530/5.7.0 250/2.0.0 250/2.0.0 "
	     "214/2.0.0 250 530/5.7.0 530/5.7.0 221/2.0.0");
	talk_run(&t, SPAN("EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\n"), 0);
	assert_true(span_ends(script_output(&t.script),
			      SPAN("530 5.7.0 Must issue a STARTTLS command first\r\n")));
	script_free(&t.script);
	talk_free(&t);
	t = submission(SMTP_TLS_IMPLICIT);
	TALK(&t, "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nSTARTTLS\r\n",
	     "220 250 530/5.7.0 503/5.5.1");
	assert_true(t.facts.secure);
	assert_true(span_eq(t.facts.tls.version, SPAN("TLSv1.3")));
	talk_free(&t);
}

static void starttls_forgets_everything(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\nSTARTTLS\r\n|"
		 "RCPT TO:<c@d.example>\r\nMAIL FROM:<a@b.example>\r\nSTARTTLS\r\n"
		 "EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\n",
	     "220 250 250/2.1.0 220/2.0.0 503/5.5.1 503/5.5.1 503/5.5.1 250 250/2.1.0");
	LOG(&t, "ehlo mail:a@b.example reset tls ehlo mail:a@b.example reset ");
	TALK(&t, "STARTTLS x\r\nSTARTTLS\r\n|NOOP\r\n", "220 501/5.5.4 220/2.0.0 250/2.0.0");
	talk_free(&t);
	talk_init(&t, SMTP_MX, SMTP_TLS_NONE);
	TALK(&t, "STARTTLS\r\n", "220 502/5.5.1");
	talk_free(&t);
}

static void lmtp_answers_each_recipient(void **state)
{
	(void)state;
	struct talk t;
	talk_init(&t, SMTP_LMTP, SMTP_TLS_NONE);
	t.recipient_end[1] = SMTP_END_OVER_QUOTA;
	TALK(&t, "EHLO c.example\r\nHELO c.example\r\nLHLO c.example\r\nMAIL FROM:<>\r\n"
		 "RCPT TO:<a@b.example>\r\nRCPT TO:<unknown@b.example>\r\n"
		 "RCPT TO:<c@b.example>\r\nRCPT TO:<d@b.example>\r\nDATA\r\n|x\r\n.\r\n",
	     "220 503/5.5.1 503/5.5.1 250 250/2.1.0 250/2.1.5 550/5.1.1 250/2.1.5 "
	     "250/2.1.5 354 250/2.0.0 552/5.2.2 250/2.0.0");
	t.end = SMTP_END_LATER;
	TALK(&t, "LHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n"
		 "RCPT TO:<c@b.example>\r\nBDAT 3 LAST\r\nx\r\n",
	     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 451/4.3.0 451/4.3.0");
	/* RFC 2033 4.3: also where the host would not begin, and after a broken chunk. */
	t.begin = SMTP_BODY_LATER;
	TALK(&t, "LHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n"
		 "RCPT TO:<c@b.example>\r\nBDAT 3 LAST\r\nx\r\nNOOP\r\n",
	     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 451/4.3.0 451/4.3.0 250/2.0.0");
	TALK(&t, "LHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n"
		 "RCPT TO:<c@b.example>\r\nBDAT 3\r\nx\r\nBDAT 0 LAST\r\nNOOP\r\n",
	     "220 250 250/2.1.0 250/2.1.5 250/2.1.5 451/4.3.0 503/5.5.1 503/5.5.1 250/2.0.0");
	talk_free(&t);
}

static void parameters_are_understood(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "EHLO c.example\r\n|MAIL FROM: <a@b.example> SIZE=12 BODY=8bitmime SMTPUTF8 "
		 "AUTH=<> RET=HDRS ENVID=a+2Bb\r\n"
		 "RCPT TO:<\xc3\xa9@b.example> NOTIFY=SUCCESS,delay ORCPT=rfc822;x+40y\r\n",
	     "220 250 250/2.1.0 250/2.1.5");
	LOG(&t, "ehlo mail:a@b.example size=12 body=1 utf8 auth: ret=2 envid=a+2Bb "
		"rcpt:\xc3\xa9@b.example notify=10 orcpt=rfc822;x+40y reset ");
	t.set.limits.bad_commands = 1000;
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<a@b.example> SIZE=x\r\n"
		 "MAIL FROM:<a@b.example> SIZE\r\nMAIL FROM:<a@b.example> SIZE=\r\n"
		 "MAIL FROM:<a@b.example> SIZE=1 SIZE=1\r\nMAIL FROM:<a@b.example> BODY=9BIT\r\n"
		 "MAIL FROM:<a@b.example> SMTPUTF8=1\r\nMAIL FROM:<a@b.example> RET=NO\r\n"
		 "MAIL FROM:<a@b.example> ENVID=a=b\r\nMAIL FROM:<a@b.example> ENVID=+2b\r\n"
		 "MAIL FROM:<a@b.example> X-Y=1\r\nMAIL FROM:<a@b.example>SIZE=1\r\n"
		 "MAIL FROM:<a@b.example> =1\r\nMAIL FROM:<\xc3\xa9@b.example>\r\n"
		 "MAIL FROM:<a@b.example> AUTH=+ZZ\r\nMAIL TO:<a@b.example>\r\n"
		 "MAIL FROM:a@b.example\r\nMAIL\r\nMAIL FROM:<@x.example:a@b.example>\r\n"
		 "MAIL FROM:<a>\r\n",
	     "220 250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 "
	     "501/5.5.4 501/5.5.4 555/5.5.4 501/5.5.4 501/5.5.4 553/5.6.7 501/5.5.4 "
	     "501/5.1.7 501/5.1.7 501/5.1.7 553/5.1.3 553/5.1.3");
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\n"
		 "RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY\r\n"
		 "RCPT TO:<a@b.example> NOTIFY=\r\nRCPT TO:<a@b.example> NOTIFY=X\r\n"
		 "RCPT TO:<a@b.example> ORCPT=x\r\nRCPT TO:<a@b.example> SIZE=1\r\n"
		 "RCPT TO:<>\r\nRCPT TO:<\xc3\xa9@b.example>\r\nRCPT TO:<pOstmaster>\r\n"
		 "RCPT TO:<other>\r\n",
	     "220 250 250/2.1.0 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 555/5.5.4 "
	     "501/5.1.3 553/5.6.7 250/2.1.5 553/5.1.3");
	talk_free(&t);
}

static void hello_names_are_checked(void **state)
{
	(void)state;
	struct talk t = mx();
	TALK(&t, "EHLO\r\n|EHLO ';$(id)\r\n|EHLO %n%n\r\n|EHLO [IPv6:1::2::3]\r\n|"
		 "EHLO a b\r\n|EHLO -a.example\r\n|EHLO \xc3\xa9.example\r\n|"
		 "EHLO [192.0.2.1]\r\n|EHLO [IPv6:2001:db8::1]\r\n|HELO my_pc\r\n|",
	     "220 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 "
	     "250 250 250");
	talk_free(&t);
}

static void endings_say_goodbye(void **state)
{
	(void)state;
	struct talk t = mx();
	t.at_end = IO_STOP;
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<a@b.example>\r\n", "220 250 250/2.1.0 421/4.3.2");
	LOG(&t, "ehlo mail:a@b.example reset ");
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n|half",
	     "220 250 250/2.1.0 250/2.1.5 354 421/4.3.2");
	LOG(&t, "ehlo mail: rcpt:a@b.example begin abort reset ");
	t.at_end = IO_BROKEN;
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n"
		 "BDAT 10 LAST\r\nhalf", "220 250 250/2.1.0 250/2.1.5");
	LOG(&t, "ehlo mail: rcpt:a@b.example begin-bdat abort reset ");
	assert_int_equal(t.kept, 0);
	talk_free(&t);

	t = mx();
	struct script script;
	script_init(&script, NULL, 0);
	struct smtp_session *s = smtp_session_new(&script.stream, &t.host, &t.set);
	assert_int_equal(smtp_session_greet(s), SMTP_IDLE);
	smtp_session_farewell(s, SMTP_FAREWELL_TIMEOUT);
	smtp_session_free(s);
	assert_true(span_eq(script_output(&script),
			    SPAN("220 mx.example.test ESMTP\r\n421 4.4.2 Waited too long "
				 "for a command; closing\r\n")));
	script_free(&script);
	talk_free(&t);
}

static void load_is_asked(void **state)
{
	(void)state;
	struct talk t = mx();
	t.load = SMTP_FULL;
	TALK(&t, "EHLO c.example\r\n", "421/4.3.2");
	t.load = SMTP_CALM;
	t.load_later = SMTP_BUSY;
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n|"
		 "RCPT TO:<a@b.example>\r\n",
	     "220 250 250/2.1.0 250/2.1.5 451/4.3.2 503/5.5.1");
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n"
		 "BDAT 6\r\nNOOP\r\nBDAT 6 LAST\r\nNOOP\r\nMAIL FROM:<>\r\n",
	     "220 250 250/2.1.0 250/2.1.5 451/4.3.2 503/5.5.1 250/2.1.0");
	t.load_later = SMTP_CALM;
	t.begin = SMTP_BODY_NO_SPACE;
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n",
	     "220 250 250/2.1.0 250/2.1.5 452/4.3.1");
	t.begin = SMTP_BODY_OK;
	t.chunk = SMTP_BODY_LATER;
	TALK(&t, "EHLO c.example\r\n|MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
		 "|NOOP\r\nNOOP\r\n.\r\nNOOP\r\n",
	     "220 250 250/2.1.0 250/2.1.5 354 451/4.3.0 250/2.0.0");
	assert_int_equal(t.chunks, 1);
	talk_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_kept),
		cmocka_unit_test(nothing_but_kept_gives_250),
		cmocka_unit_test(hosts_rulings_have_their_codes),
		cmocka_unit_test(texts_of_the_host_are_one_clean_line),
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(refused_by_name),
		cmocka_unit_test(announced_is_what_works),
		cmocka_unit_test(what_the_queue_is_told),
		cmocka_unit_test(submission_wants_tls_first),
		cmocka_unit_test(starttls_forgets_everything),
		cmocka_unit_test(lmtp_answers_each_recipient),
		cmocka_unit_test(parameters_are_understood),
		cmocka_unit_test(hello_names_are_checked),
		cmocka_unit_test(endings_say_goodbye),
		cmocka_unit_test(load_is_asked),
	};
	return cmocka_run_group_tests_name("smtp/session", tests, NULL, NULL);
}

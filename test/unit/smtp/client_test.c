/* SPDX-License-Identifier: Apache-2.0 */
/* smtp/client: what is said, in which order, and what becomes of whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client_talk.h"

#define HELLO     "EHLO out.example\r\n"
#define GREET     "220 mx\r\n|"
#define PLAIN     GREET "250-mx\r\n250 HELP\r\n|"
#define PIPE      GREET "250-mx\r\n250 PIPELINING\r\n|"
#define MAIL      "MAIL FROM:<a@b.example>\r\n"
#define RCPT      "RCPT TO:<c@d.example>\r\n"
#define RCPT2     "RCPT TO:<e@f.example>\r\n"
#define BODY      "Subject: x\r\n\r\n..hello\r\n.\r\n"
#define QUIT      "QUIT\r\n"
#define ALL_RCPTS MAIL RCPT RCPT2 "DATA\r\n"

static struct client_talk *one(void)
{
	struct client_talk *t = malloc(sizeof *t);
	assert_non_null(t);
	client_talk_init(t);
	client_talk_to(t, "c@d.example");
	return t;
}

static struct client_talk *two(void)
{
	struct client_talk *t = one();
	client_talk_to(t, "e@f.example");
	return t;
}

static void drop(struct client_talk *t)
{
	client_talk_free(t);
	free(t);
}

static void a_message_is_delivered(void **state)
{
	(void)state;
	struct client_talk *t = one();
	CLIENT_CUT(t, PLAIN "250 ok\r\n|250 ok\r\n|354 go\r\n|250 2.0.0 kept\r\n|",
		   HELLO MAIL RCPT "DATA\r\n" BODY QUIT, "ok D250");
	client_talk_run(t, SPAN(PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 2.0.0 kept as x\r\n|"), 0);
	const struct smtp_outcome *o = &t->to[0].outcome;
	assert_int_equal(o->stage, SMTP_STAGE_END);
	assert_int_equal(o->enhanced.klass, 2);
	assert_true(span_eq(o->text, SPAN("kept as x")));
	assert_false(t->out.mended_end);
	client_talk_end(t);
	client_talk_from(t, "");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n|",
		   HELLO "MAIL FROM:<>\r\n" RCPT "DATA\r\n" BODY QUIT, "ok D250");
	drop(t);
}

/* The whole envelope and DATA are one write; the message is the next. */
static void a_group_is_one_round_trip(void **state)
{
	(void)state;
	struct client_talk *t = two();
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n251 ok\r\n354 go\r\n|250 ok\r\n|",
		   HELLO ALL_RCPTS BODY QUIT, "ok D250 D250");
	client_talk_run(t, SPAN(PIPE "250 ok\r\n250 ok\r\n251 ok\r\n354 go\r\n|250 ok\r\n|"), 0);
	assert_int_equal(t->script.fills, 4);
	client_talk_end(t);
	drop(t);
}

static void greetings(void **state)
{
	(void)state;
	struct client_talk *t = one();
	CLIENT(t, "", "", "lost");
	CLIENT(t, "421 4.3.2 busy\r\n", "", "later");
	CLIENT(t, "450 busy\r\n", "", "later");
	CLIENT(t, "554 5.7.1 go away\r\n", "", "refused");
	CLIENT(t, "250 ok\r\n", "", "protocol");
	CLIENT(t, "354 ok\r\n", "", "protocol");
	CLIENT(t, "* OK IMAP\r\n", "", "protocol");
	CLIENT(t, "SSH-2.0-x\r\n", "", "protocol");
	t->at_end = IO_TIMEOUT;
	CLIENT(t, "220-mx\r\n", "", "lost");
	client_talk_run(t, SPAN("220-mx\r\n"), 0);
	assert_int_equal(smtp_client_lost(t->client), IO_TIMEOUT);
	client_talk_end(t);
	drop(t);
}

static void hellos(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->messages = 0;
	CLIENT(t, GREET "502 what\r\n|250 mx\r\n|", HELLO "HELO out.example\r\n" QUIT, "ok");
	CLIENT(t, GREET "500 what\r\n|550 no\r\n|", HELLO "HELO out.example\r\n" QUIT, "refused");
	CLIENT(t, GREET "550 no\r\n|", HELLO QUIT, "refused");
	CLIENT(t, GREET "451 no\r\n|", HELLO QUIT, "later");
	CLIENT(t, GREET "421 no\r\n|", HELLO, "later");
	CLIENT(t, GREET "354 go\r\n|", HELLO, "protocol");
	CLIENT(t, GREET "250-mx\r\n251 x\r\n|", HELLO, "protocol");
	t->set.lmtp = true;
	CLIENT(t, GREET "250 mx\r\n|", "LHLO out.example\r\n" QUIT, "ok");
	CLIENT(t, GREET "500 what\r\n|", "LHLO out.example\r\n" QUIT, "refused");
	drop(t);
}

static struct smtp_offer offer_of(const char *hello)
{
	struct client_talk *t = one();
	t->messages = 0;
	char text[2048];
	snprintf(text, sizeof text, "220 mx\r\n|%s|", hello);
	client_talk_run(t, span_cstr(text), 0);
	struct smtp_offer o = *smtp_client_offer(t->client);
	client_talk_end(t);
	drop(t);
	return o;
}

static void offers_are_understood(void **state)
{
	(void)state;
	struct smtp_offer o = offer_of(
		"250-PIPELINING greets\r\n250-pipelining\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
		"250-SMTPUTF8\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-ENHANCEDSTATUSCODES\r\n"
		"250-DSN\r\n250-REQUIRETLS\r\n250-STARTTLS\r\n250-AUTH PLAIN SCRAM-SHA-256 b@d "
		"toolongtobeamechanism\r\n250-X-OTHER\r\n250-MT-PRIORITY MIXER\r\n250-DELIVERBY 60\r\n"
		"250 LIMITS RCPTMAX=20 MAILMAX=5 RCPTDOMAINMAX=1\r\n");
	assert_int_equal(o.extensions, 16383);
	assert_int_equal(o.by_least, 60);
	assert_int_equal(o.size, 1000);
	assert_int_equal(o.rcpt_max, 20);
	assert_int_equal(o.mail_max, 5);
	assert_int_equal(o.rcpt_domain_max, 1);
	assert_true(span_eq(span_of(o.mechanisms, o.mechanisms_len), SPAN("PLAIN SCRAM-SHA-256")));
	/* The server's name announces nothing; twisted values count for none. */
	o = offer_of("250-PIPELINING\r\n250-SIZE 18446744073709551616\r\n"
		     "250-LIMITS RCPTMAX=0 MAILMAX=1000000 RCPTMAX= =5 RCPTDOMAINMAX=-1\r\n"
		     "250-AUTH\r\n250 AUTH=PLAIN\r\n");
	assert_int_equal(o.extensions, SMTP_OFFER_SIZE | SMTP_OFFER_LIMITS | SMTP_OFFER_AUTH);
	assert_int_equal(offer_of("250-x\r\n250 DELIVERBY 1234567890\r\n").by_least, 0);
	assert_int_equal(offer_of("250-x\r\n250 DELIVERBY 999999999\r\n").by_least, 999999999);
	assert_int_equal(offer_of("250-x\r\n250 DELIVERBY -1\r\n").by_least, 0);
	assert_int_equal(o.size, 0);
	assert_int_equal(o.rcpt_max | o.mail_max | o.rcpt_domain_max, 0);
	assert_int_equal(o.mechanisms_len, 0);
	o = offer_of("250-x\r\n250-SIZE 18446744073709551615\r\n250 LIMITS MAILMAX=999999\r\n");
	assert_true(o.size == UINT64_MAX);
	assert_int_equal(o.mail_max, 999999);
	/* 12 words of 20 and their blanks fit 256 bytes; not a 13th. */
	char many[512] = "250-x\r\n250 AUTH";
	for (int i = 0; i < 13; i++)
		strncat(many, " ABCDEFGHIJKLMNOPQRST", 30);
	strncat(many, "\r\n", 3);
	o = offer_of(many);
	assert_int_equal(o.mechanisms_len, 12 * 21 - 1);
}

static void recipients_have_their_own_fate(void **state)
{
	(void)state;
	struct client_talk *t = two();
	CLIENT_CUT(t, PIPE "250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n|250 ok\r\n|",
		   HELLO ALL_RCPTS BODY QUIT, "ok P550 D250");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n450 4.2.1 later\r\n354 go\r\n|550 5.7.1 spam\r\n|",
		   HELLO ALL_RCPTS BODY QUIT, "ok P550 T450");
	CLIENT_CUT(t, PIPE "250 ok\r\n452 4.5.3 many\r\n552 5.5.3 many\r\n503 no\r\n|",
		   HELLO ALL_RCPTS QUIT, "ok T452 T552");
	CLIENT_CUT(t, PIPE "250 ok\r\n552 many\r\n552 5.2.2 full\r\n503 no\r\n|",
		   HELLO ALL_RCPTS QUIT, "ok T552 P552");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n250 ok\r\n451 4.3.0 no\r\n|",
		   HELLO ALL_RCPTS QUIT, "ok T451 T451");
	CLIENT_CUT(t, PIPE "451 no\r\n503 ?\r\n503 ?\r\n503 ?\r\n|", HELLO ALL_RCPTS QUIT,
		   "ok T451 T451");
	CLIENT_CUT(t, PLAIN "550 no\r\n|", HELLO MAIL QUIT, "ok P550 P550");
	CLIENT_CUT(t, PLAIN "250 ok\r\n|550 no\r\n|450 no\r\n|", HELLO MAIL RCPT RCPT2 QUIT,
		   "ok P550 T450");
	client_talk_run(t, SPAN(PIPE "250 ok\r\n550 5.1.1 no\x1b\r\n250 ok\r\n354 go\r\n|"
				     "250 ok\r\n|"), 0);
	assert_int_equal(t->to[0].outcome.stage, SMTP_STAGE_RCPT);
	assert_true(span_eq(t->to[0].outcome.text, SPAN("no?")));
	client_talk_end(t);
	drop(t);
}

static void nobody_wants_it_and_354(void **state)
{
	(void)state;
	struct client_talk *t = two();
	CLIENT_CUT(t, PIPE "250 ok\r\n550 no\r\n550 no\r\n354 go\r\n|554 no\r\n|",
		   HELLO ALL_RCPTS ".\r\n" QUIT, "ok P550 P550");
	CLIENT_CUT(t, PIPE "550 no\r\n250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n|",
		   HELLO ALL_RCPTS ".\r\n" QUIT, "ok P550 P550");
	assert_false(t->out.sent);
	t->set.lmtp = true;
	CLIENT_CUT(t, PIPE "250 ok\r\n550 no\r\n550 no\r\n354 go\r\n|",
		   "LHLO out.example\r\n" ALL_RCPTS, "ok P550 P550");
	drop(t);
}

static void what_is_not_smtp_ends_it(void **state)
{
	(void)state;
	struct client_talk *t = one();
	CLIENT(t, PLAIN "354 go\r\n|", HELLO MAIL, "ok X");
	CLIENT(t, PLAIN "250 ok\r\n|354 go\r\n|", HELLO MAIL RCPT, "ok X");
	CLIENT(t, PLAIN "250 ok\r\n|250 ok\r\n|250 go\r\n|", HELLO MAIL RCPT "DATA\r\n", "ok X");
	CLIENT(t, PLAIN "250 ok\r\n|250 ok\r\n|334 go\r\n|", HELLO MAIL RCPT "DATA\r\n", "ok X");
	CLIENT(t, PLAIN "250 ok\r\n|250 ok\r\n|354 go\r\n|354 more\r\n|",
	       HELLO MAIL RCPT "DATA\r\n" BODY, "ok U");
	CLIENT(t, PLAIN "250 ok\r\n|250 ok\r\n|354 go\r\n|garbage\r\n|",
	       HELLO MAIL RCPT "DATA\r\n" BODY, "ok U");
	drop(t);
}

/* Replies to what was not said yet. */
static void replies_out_of_place_end_it(void **state)
{
	(void)state;
	struct client_talk *t = one();
	CLIENT(t, "220 mx\r\n250 mx\r\n|", "", "protocol");
	CLIENT(t, GREET "250 mx\r\n250 ok\r\n|", HELLO, "ok L");
	CLIENT(t, PLAIN "250 ok\r\n250 ok\r\n|", HELLO MAIL, "ok X");
	CLIENT(t, PLAIN "250 ok\r\n|250 ok\r\n|354 go\r\n250 kept\r\n|",
	       HELLO MAIL RCPT "DATA\r\n", "ok X");
	CLIENT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n250 kept\r\n|",
	       HELLO MAIL RCPT "DATA\r\n", "ok X");
	CLIENT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n2|", HELLO MAIL RCPT "DATA\r\n", "ok X");
	CLIENT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n421 4.3.0 bye\r\n|",
	       HELLO MAIL RCPT "DATA\r\n", "ok T421");
	t->messages = 2;
	CLIENT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n250 ok\r\n|",
	       HELLO MAIL RCPT "DATA\r\n" BODY, "ok D250 L");
	CLIENT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n421 bye\r\n|",
	       HELLO MAIL RCPT "DATA\r\n" BODY, "ok D250 L");
	drop(t);
}

static void lost_before_and_after_the_end(void **state)
{
	(void)state;
	struct client_talk *t = two();
	CLIENT_CUT(t, PIPE, HELLO ALL_RCPTS, "ok X X");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n", HELLO ALL_RCPTS, "ok X X");
	CLIENT_CUT(t, PIPE "250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n", HELLO ALL_RCPTS BODY,
		   "ok P550 U");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n|250 k", HELLO ALL_RCPTS BODY,
		   "ok U U");
	CLIENT_CUT(t, PIPE "250 ok\r\n421 4.3.2 bye\r\n", HELLO ALL_RCPTS, "ok T421 T421");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n|421 4.3.2 bye\r\n",
		   HELLO ALL_RCPTS BODY, "ok T421 T421");
	t->at_end = IO_TIMEOUT;
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", HELLO ALL_RCPTS BODY,
		   "ok U U");
	assert_true(smtp_fate_retry(SMTP_FATE_UNKNOWN) && smtp_fate_retry(SMTP_FATE_LOST));
	assert_true(smtp_fate_retry(SMTP_FATE_LEFT) && smtp_fate_retry(SMTP_FATE_TEMPORARY));
	assert_false(smtp_fate_retry(SMTP_FATE_DELIVERED) || smtp_fate_retry(SMTP_FATE_PERMANENT) ||
		     smtp_fate_retry(SMTP_FATE_CONVERT));
	drop(t);
}

/* The line breaks while the message is written. */
static void lost_inside_the_message(void **state)
{
	(void)state;
	struct client_talk *t = one();
	size_t n = (1u << 20) - 5000; /* the last write is half a buffer */
	char *text = malloc(n);
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		text[i] = "abcdefgh\r\n"[i % 10];
	t->body = span_of(text, n);
	static const struct {
		size_t limit;
		const char *results;
	} rows[] = {{1000, "ok X"}, {500000, "ok X"}, {(1u << 20) - 5000, "ok U"}, {2u << 20, "ok D250"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const struct span chunks[] = {
			SPAN_INIT("220 mx\r\n"), SPAN_INIT("250-mx\r\n250 PIPELINING\r\n"),
			SPAN_INIT("250 ok\r\n250 ok\r\n354 go\r\n"), SPAN_INIT("250 ok\r\n")};
		script_init(&t->script, chunks, ARRAY_LEN(chunks));
		t->script.flush_after = IO_BROKEN;
		t->script.flush_limit = rows[i].limit;
		client_talk_over(t, &t->script.stream);
		assert_true(span_eq(buf_span(&t->results), span_cstr(rows[i].results)));
		if (i < 2) /* it stopped asking for more */
			assert_true(t->at < rows[i].limit + 2 * SMTP_CLIENT_PIECE_MAX);
		client_talk_end(t);
	}
	free(text);
	drop(t);
}

static void a_source_that_fails_sends_no_end(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->fail_at = 10;
	t->piece = 10;
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
		   HELLO MAIL RCPT "DATA\r\nSubject: x", "ok X");
	t->fail_at = 0;
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
		   HELLO MAIL RCPT "DATA\r\n", "ok X");
	drop(t);
}

static void mended_lines_are_reported(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->body = SPAN("a\n.\nQUIT\rb\0");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
		   HELLO MAIL RCPT "DATA\r\na\r\n..\r\nQUIT\r\nb\0\r\n.\r\n" QUIT, "ok D250");
	assert_int_equal(t->out.mended_lf, 2);
	assert_int_equal(t->out.mended_cr, 1);
	assert_int_equal(t->out.nul, 1);
	assert_true(t->out.mended_end && t->out.sent);
	t->body = SPAN("");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
		   HELLO MAIL RCPT "DATA\r\n.\r\n" QUIT, "ok D250");
	drop(t);
}

static void several_transactions(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->messages = 2;
	/* Ended by its reply: no RSET.  Not ended: RSET in the next group. */
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|550 no\r\n|250 ok\r\n250 ok\r\n"
			   "354 go\r\n|250 ok\r\n|",
		   HELLO MAIL RCPT "DATA\r\n" BODY MAIL RCPT "DATA\r\n" BODY QUIT,
		   "ok P550 D250");
	CLIENT_CUT(t, PIPE "250 ok\r\n550 no\r\n503 no\r\n|250 reset\r\n250 ok\r\n250 ok\r\n"
			   "354 go\r\n|250 ok\r\n|",
		   HELLO MAIL RCPT "DATA\r\nRSET\r\n" MAIL RCPT "DATA\r\n" BODY QUIT,
		   "ok P550 D250");
	CLIENT_CUT(t, PIPE "250 ok\r\n550 no\r\n503 no\r\n|500 what\r\n|",
		   HELLO MAIL RCPT "DATA\r\nRSET\r\n" MAIL RCPT "DATA\r\n", "ok P550 L");
	CLIENT_CUT(t, PLAIN "250 ok\r\n|250 ok\r\n|451 no\r\n|250 reset\r\n|451 no\r\n|",
		   HELLO MAIL RCPT "DATA\r\nRSET\r\n" MAIL QUIT, "ok T451 T451");
	drop(t);
}

static void limits_of_the_server(void **state)
{
	(void)state;
	struct client_talk *t = two();
	t->messages = 3;
	CLIENT_CUT(t, GREET "250-mx\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=1 MAILMAX=2\r\n|"
			    "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n|"
			    "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n|",
		   HELLO MAIL RCPT "DATA\r\n" BODY MAIL RCPT "DATA\r\n" BODY QUIT,
		   "ok D250 L D250 L L L");
	drop(t);
}

/* RCPTs at the limit of one transaction: 99, 100, 101; LIMITS up to 1000. */
static void rooms(void **state)
{
	(void)state;
	static const struct {
		const char *limits;
		uint32_t count, tried;
	} rows[] = {
		{"HELP", 99, 99},	    {"HELP", 100, 100},
		{"HELP", 101, 100},	    {"LIMITS RCPTMAX=999", 1001, 999},
		{"LIMITS RCPTMAX=1000", 1001, 1000}, {"LIMITS RCPTMAX=1001", 1001, 1000},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct client_talk *t = one();
		while (t->out.count < rows[i].count)
			client_talk_to(t, "c@d.example");
		struct buf b;
		buf_init(&b, 1u << 20);
		buf_printf(&b, "220 mx\r\n|250-mx\r\n250-PIPELINING\r\n250 %s\r\n|", rows[i].limits);
		for (uint32_t n = 0; n < rows[i].tried + 1; n++)
			buf_add(&b, SPAN("250 ok\r\n"));
		buf_add(&b, SPAN("354 go\r\n|250 kept\r\n"));
		client_talk_run(t, buf_span(&b), 0);
		uint32_t delivered = 0;
		for (uint32_t n = 0; n < t->out.count; n++)
			delivered += t->to[n].outcome.fate == SMTP_FATE_DELIVERED;
		assert_int_equal(delivered, rows[i].tried);
		assert_int_equal(t->to[rows[i].count - 1].outcome.fate == SMTP_FATE_LEFT,
				 rows[i].count > rows[i].tried);
		/* One copy of the words serves all. */
		assert_true(arena_used(t->out.arena) < 256);
		client_talk_end(t);
		buf_free(&b);
		drop(t);
	}
}

/* No more commands are under way than their replies may fill a buffer. */
static void commands_under_way_are_few(void **state)
{
	(void)state;
	struct client_talk *t = one();
	while (t->out.count < 300)
		client_talk_to(t, "c@d.example");
	client_talk_run(t, SPAN(GREET "250-mx\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=300\r\n|"), 0);
	struct span said = script_output(&t->script), line;
	unsigned lines = 0;
	while (span_cut(&said, '\n', &line))
		lines++;
	assert_int_equal(lines, 1 + SMTP_CLIENT_WINDOW);
	client_talk_end(t);
	drop(t);
}

/* The longest of everything fits a command; one byte more is no envelope. */
static void the_longest_envelope(void **state)
{
	(void)state;
	struct client_talk *t = one();
	char envid[SMTP_ENVID_MAX + 1], orcpt[SMTP_ORCPT_MAX + 1];
	memset(envid, 'e', sizeof envid);
	memset(orcpt, 'o', sizeof orcpt);
	memcpy(orcpt, "rfc822;", 7);
	struct smtp_path longest = {.local_len = SMTP_LOCAL_MAX, .domain_len = SMTP_DOMAIN_MAX};
	memset(longest.local, '"', SMTP_LOCAL_MAX);
	memset(longest.domain, 'd', SMTP_DOMAIN_MAX);
	t->out.mail = (struct smtp_mail){.from = longest, .has_size = true, .size = UINT64_MAX,
					 .body = SMTP_BODY_BINARYMIME, .utf8 = true,
					 .ret = SMTP_RET_FULL};
	t->out.requiretls = t->set.secure = true;
	t->to[0].rcpt.to = longest;
	t->to[0].rcpt.notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;
#define EVERYTHING GREET "250-mx\r\n250-SIZE\r\n250-DSN\r\n250-CHUNKING\r\n250-BINARYMIME\r\n" \
	"250-SMTPUTF8\r\n250-REQUIRETLS\r\n250 PIPELINING\r\n|250 ok\r\n550 no\r\n"
	for (size_t more = 0; more < 4; more++) {
		t->out.mail.envid = span_of(envid, SMTP_ENVID_MAX + (more & 1));
		t->to[0].rcpt.orcpt = span_of(orcpt, SMTP_ORCPT_MAX + (more >> 1));
		client_talk_run(t, SPAN(EVERYTHING), 0);
		assert_true(span_eq(buf_span(&t->results), more ? SPAN("ok P!6") : SPAN("ok P550")));
		client_talk_end(t);
	}
	drop(t);
}

static void parameters_only_where_announced(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->out.mail.has_size = true;
	t->out.mail.size = 24;
	t->out.mail.ret = SMTP_RET_HDRS;
	t->out.mail.envid = SPAN("id+2B1");
	t->to[0].rcpt.notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY;
	t->to[0].rcpt.orcpt = SPAN("rfc822;c+40d.example");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
		   HELLO MAIL RCPT "DATA\r\n" BODY QUIT, "ok D250");
	t->out.mail.body = SMTP_BODY_8BITMIME;
	t->out.mail.utf8 = true;
	CLIENT_CUT(t, GREET "250-mx\r\n250-SIZE\r\n250-DSN\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
			    "250 PIPELINING\r\n|250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
		   HELLO "MAIL FROM:<a@b.example> SIZE=24 BODY=8BITMIME SMTPUTF8 RET=HDRS "
			 "ENVID=id+2B1\r\nRCPT TO:<c@d.example> NOTIFY=SUCCESS,DELAY "
			 "ORCPT=rfc822;c+40d.example\r\nDATA\r\n" BODY QUIT,
		   "ok D250");
	drop(t);
}

#define BY GREET "250-mx\r\n250-MT-PRIORITY\r\n250 DELIVERBY 60\r\n|"

/* RFC 2852, 6710: passed on where it can be; what has to come back in time is not
 * given to a server that does not promise that. */
static void a_deadline_and_a_priority(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->out.mail.priority = -3;
	CLIENT(t, BY "550 no\r\n|", HELLO "MAIL FROM:<a@b.example> MT-PRIORITY=-3\r\n" QUIT, "ok P550");
	CLIENT(t, PLAIN "550 no\r\n|", HELLO MAIL QUIT, "ok P550");
	t->out.mail.priority = 0;
	t->out.mail.by_mode = SMTP_BY_NOTIFY | SMTP_BY_TRACE;
	t->out.by_left = -5;
	CLIENT(t, BY "550 no\r\n|", HELLO "MAIL FROM:<a@b.example> BY=-5;NT\r\n" QUIT, "ok P550");
	CLIENT(t, PLAIN "550 no\r\n|", HELLO MAIL QUIT, "ok P550");
	t->out.by_left = -SMTP_BY_MOST - 1ll;
	CLIENT(t, BY "550 no\r\n|", HELLO "MAIL FROM:<a@b.example> BY=-999999999;NT\r\n" QUIT, "ok P550");
	t->out.mail.by_mode = SMTP_BY_RETURN;
	t->out.by_left = SMTP_BY_MOST + 1ll;
	CLIENT(t, BY "550 no\r\n|", HELLO "MAIL FROM:<a@b.example> BY=999999999;R\r\n" QUIT, "ok P550");
	t->out.by_left = 60;
	CLIENT(t, BY "550 no\r\n|", HELLO "MAIL FROM:<a@b.example> BY=60;R\r\n" QUIT, "ok P550");
	t->out.by_left = 59;
	CLIENT(t, BY, HELLO QUIT, "ok P!8");
	assert_int_equal(t->to[0].outcome.enhanced.detail, 7);
	t->out.by_left = 0;
	CLIENT(t, PLAIN, HELLO QUIT, "ok P!8");
	t->out.by_left = 1000;
	CLIENT(t, PLAIN, HELLO QUIT, "ok P!7");
	assert_int_equal(t->to[0].outcome.enhanced.subject, 3);
	drop(t);
}

static void what_a_server_cannot_carry(void **state)
{
	(void)state;
	struct client_talk *t = two();
	t->out.mail.body = SMTP_BODY_8BITMIME;
	CLIENT(t, PIPE, HELLO QUIT, "ok C!1 C!1");
	assert_int_equal(t->to[0].outcome.enhanced.subject, 6);
	assert_int_equal(t->to[0].outcome.enhanced.detail, 3);
	t->out.mail.body = SMTP_BODY_BINARYMIME;
	CLIENT(t, GREET "250-mx\r\n250-8BITMIME\r\n250 CHUNKING\r\n|", HELLO QUIT, "ok C!2 C!2");
	t->out.mail.body = SMTP_BODY_7BIT;
	t->out.mail.utf8 = true;
	CLIENT(t, PIPE, HELLO QUIT, "ok C!3 C!3");
	t->out.mail.utf8 = false;
	client_talk_from(t, "\xc3\xa9@b.example");
	CLIENT(t, PIPE, HELLO QUIT, "ok P!4 P!4");
	client_talk_from(t, "a@b.example");
	t->out.count = 1;
	client_talk_to(t, "\xc3\xa9@f.example");
	CLIENT(t, PIPE "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
	       HELLO MAIL RCPT "DATA\r\n" BODY QUIT, "ok D250 P!4");
	t->out.count = 1;
	t->out.requiretls = true;
	CLIENT(t, PIPE, HELLO QUIT, "ok P!5");
	CLIENT(t, GREET "250-mx\r\n250 REQUIRETLS\r\n|", HELLO QUIT, "ok P!5");
	t->set.secure = true;
	CLIENT(t, PIPE, HELLO QUIT, "ok P!5");
	assert_int_equal(t->to[0].outcome.enhanced.detail, 30);
	CLIENT(t, GREET "250-mx\r\n250 REQUIRETLS\r\n|550 no\r\n|",
	       HELLO "MAIL FROM:<a@b.example> REQUIRETLS\r\n" QUIT, "ok P550");
	drop(t);
}

/* Whatever the owner hands us, an envelope adds no command and no parameter. */
static void no_command_hides_in_an_envelope(void **state)
{
	(void)state;
	struct client_talk *t = two();
	t->out.mail.envid = SPAN("x\r\nRCPT TO:<v@w.example>");
#define DSN GREET "250-mx\r\n250-DSN\r\n250 PIPELINING\r\n|"
	CLIENT(t, DSN, HELLO QUIT, "ok P!6 P!6");
	t->out.mail.envid = SPAN("x SIZE=1");
	CLIENT(t, DSN, HELLO QUIT, "ok P!6 P!6");
	t->out.mail.envid = SPAN("");
	t->to[0].rcpt.orcpt = SPAN("rfc822;x\r\nDATA");
	CLIENT(t, DSN "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
	       HELLO MAIL RCPT2 "DATA\r\n" BODY QUIT, "ok P!6 D250");
	t->to[0].rcpt.orcpt = SPAN("");
	memcpy(t->to[0].rcpt.to.local, "\n", 1);
	CLIENT(t, DSN "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
	       HELLO MAIL RCPT2 "DATA\r\n" BODY QUIT, "ok P!6 D250");
	t->to[0].rcpt.to.null = true;
	CLIENT(t, DSN "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
	       HELLO MAIL RCPT2 "DATA\r\n" BODY QUIT, "ok P!6 D250");
	memcpy(t->out.mail.from.domain, "\r", 1);
	CLIENT(t, DSN, HELLO QUIT, "ok P!6 P!6");
	drop(t);
}

/* An announced size is asked about, not believed. */
static void a_message_over_the_announced_size(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->out.mail.has_size = true;
	t->out.mail.size = 101;
#define SIZED GREET "250-mx\r\n250-SIZE 100\r\n250 PIPELINING\r\n|"
	CLIENT_CUT(t, SIZED "552 5.3.4 too big\r\n|",
		   HELLO "MAIL FROM:<a@b.example> SIZE=101\r\n" QUIT, "ok P552");
	CLIENT_CUT(t, SIZED "250 ok\r\n|250 ok\r\n354 go\r\n|250 ok\r\n",
		   HELLO "MAIL FROM:<a@b.example> SIZE=101\r\n" RCPT "DATA\r\n" BODY QUIT,
		   "ok D250");
	t->out.mail.size = 100;
	CLIENT_CUT(t, SIZED "250 ok\r\n250 ok\r\n354 go\r\n|250 ok\r\n",
		   HELLO "MAIL FROM:<a@b.example> SIZE=100\r\n" RCPT "DATA\r\n" BODY QUIT,
		   "ok D250");
	drop(t);
}

static void binary_goes_in_chunks(void **state)
{
	(void)state;
	struct client_talk *t = two();
	t->out.mail.body = SMTP_BODY_BINARYMIME;
	t->body = SPAN("a\n\r.\r\n.\r\nb");
	t->piece = 6;
#define CHUNKED GREET "250-mx\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 PIPELINING\r\n|"
#define BMAIL "MAIL FROM:<a@b.example> BODY=BINARYMIME\r\n"
	CLIENT_CUT(t, CHUNKED "250 ok\r\n250 ok\r\n550 no\r\n|250 got\r\n250 got\r\n|250 ok\r\n",
		   HELLO BMAIL RCPT RCPT2 "BDAT 6\r\na\n\r.\r\nBDAT 4\r\n.\r\nbBDAT 0 LAST\r\n" QUIT,
		   "ok D250 P550");
	assert_int_equal(t->out.mended_lf + t->out.mended_cr, 0);
	/* A refused chunk: the others are heard, LAST is never said. */
	CLIENT_CUT(t, CHUNKED "250 ok\r\n250 ok\r\n250 ok\r\n|552 5.3.4 big\r\n503 ?\r\n|",
		   HELLO BMAIL RCPT RCPT2 "BDAT 6\r\na\n\r.\r\nBDAT 4\r\n.\r\nb" QUIT,
		   "ok P552 P552");
	CLIENT_CUT(t, CHUNKED "250 ok\r\n250 ok\r\n250 ok\r\n|250 got\r\n",
		   HELLO BMAIL RCPT RCPT2 "BDAT 6\r\na\n\r.\r\nBDAT 4\r\n.\r\nb", "ok X X");
	CLIENT_CUT(t, CHUNKED "250 ok\r\n250 ok\r\n250 ok\r\n|250 got\r\n250 got\r\n|",
		   HELLO BMAIL RCPT RCPT2 "BDAT 6\r\na\n\r.\r\nBDAT 4\r\n.\r\nbBDAT 0 LAST\r\n",
		   "ok U U");
	CLIENT_CUT(t, CHUNKED "250 ok\r\n550 no\r\n550 no\r\n|", HELLO BMAIL RCPT RCPT2 QUIT,
		   "ok P550 P550");
	/* Without PIPELINING one chunk at a time. */
	CLIENT_CUT(t, GREET "250-mx\r\n250-CHUNKING\r\n250 BINARYMIME\r\n|250 ok\r\n|250 ok\r\n|"
			    "250 ok\r\n|451 no\r\n|",
		   HELLO BMAIL RCPT RCPT2 "BDAT 6\r\na\n\r.\r\n" QUIT, "ok T451 T451");
	t->fail_at = 6;
	CLIENT_CUT(t, CHUNKED "250 ok\r\n250 ok\r\n250 ok\r\n|250 got\r\n",
		   HELLO BMAIL RCPT RCPT2 "BDAT 6\r\na\n\r.\r\n", "ok X X");
	drop(t);
}

static void chunks_under_way_are_few(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->out.mail.body = SMTP_BODY_BINARYMIME;
	t->body = SPAN("0123456789");
	t->piece = 1;
	client_talk_run(t, SPAN(CHUNKED "250 ok\r\n250 ok\r\n|"), 0);
	struct span said = script_output(&t->script);
	assert_true(span_ends(said, SPAN("BDAT 1\r\n7")));
	client_talk_end(t);
	drop(t);
}

static void lmtp_has_a_reply_for_each(void **state)
{
	(void)state;
	struct client_talk *t = two();
	client_talk_to(t, "g@h.example");
	t->set.lmtp = true;
#define LHELLO "LHLO out.example\r\n"
#define LRCPTS MAIL RCPT RCPT2 "RCPT TO:<g@h.example>\r\nDATA\r\n"
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n|"
			   "250 kept\r\n452 4.2.2 full\r\n|",
		   LHELLO LRCPTS BODY QUIT, "ok D250 P550 T452");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n|250 kept\r\n",
		   LHELLO LRCPTS BODY, "ok D250 U U");
	CLIENT_CUT(t, PIPE "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n|"
			   "250 kept\r\n421 bye\r\n",
		   LHELLO LRCPTS BODY, "ok D250 T421 U");
	t->out.mail.body = SMTP_BODY_BINARYMIME;
	CLIENT_CUT(t, CHUNKED "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n|250 got\r\n|"
			      "250 kept\r\n550 no\r\n|",
		   LHELLO BMAIL RCPT RCPT2 "RCPT TO:<g@h.example>\r\nBDAT 22\r\nSubject: x\r\n"
			  "\r\n.hello\r\n" "BDAT 0 LAST\r\n" QUIT,
		   "ok D250 P550 P550");
	drop(t);
}

static void starttls_forgets_what_was_said(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->starttls = true;
#define TLS GREET "250-mx\r\n250-PIPELINING\r\n250-SIZE 5\r\n250 STARTTLS\r\n|220 go\r\n|"
	CLIENT_CUT(t, TLS "250-mx\r\n250 8BITMIME\r\n|250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n",
		   HELLO "STARTTLS\r\n" HELLO MAIL RCPT "DATA\r\n" BODY QUIT, "ok ok D250");
	client_talk_run(t, SPAN(TLS "250 mx\r\n"), 0);
	assert_int_equal(t->script.tls, 1);
	assert_true(smtp_client_secure(t->client));
	assert_int_equal(smtp_client_offer(t->client)->extensions, 0);
	client_talk_end(t);
	CLIENT(t, PIPE, HELLO QUIT, "ok unoffered");
	CLIENT(t, GREET "250-mx\r\n250 STARTTLS\r\n|454 no\r\n", HELLO "STARTTLS\r\n" QUIT,
	       "ok later");
	CLIENT(t, GREET "250-mx\r\n250 STARTTLS\r\n|250 ok\r\n", HELLO "STARTTLS\r\n",
	       "ok protocol");
	t->set.secure = true;
	CLIENT(t, GREET "250-mx\r\n250 STARTTLS\r\n|", HELLO QUIT, "ok unoffered");
	drop(t);
}

/* Replies in clear that would look as if they came inside TLS. */
static void starttls_takes_no_reply_of_before(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->starttls = true;
	CLIENT(t, GREET "250-mx\r\n250 STARTTLS\r\n|220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n|",
	       HELLO "STARTTLS\r\n", "ok protocol");
	CLIENT(t, GREET "250-mx\r\n250 STARTTLS\r\n|220 go\r\n2|", HELLO "STARTTLS\r\n",
	       "ok protocol");
	CLIENT(t, GREET "250-mx\r\n250 STARTTLS\r\n220 go\r\n|", HELLO, "ok protocol");
	client_talk_run(t, SPAN(GREET "250-mx\r\n250 STARTTLS\r\n|220 go\r\n250 mx\r\n|"), 0);
	assert_int_equal(t->script.tls, 0);
	assert_false(smtp_client_secure(t->client));
	assert_int_equal(smtp_client_room(t->client), 0);
	client_talk_end(t);
	drop(t);
}

static void a_handshake_that_fails(void **state)
{
	(void)state;
	struct client_talk *t = one();
	static const struct span chunks[] = {SPAN_INIT("220 mx\r\n"),
					     SPAN_INIT("250-mx\r\n250 STARTTLS\r\n"),
					     SPAN_INIT("220 go\r\n")};
	t->starttls = true;
	script_init(&t->script, chunks, ARRAY_LEN(chunks));
	t->script.tls_result = IO_BROKEN;
	client_talk_over(t, &t->script.stream);
	assert_true(span_eq(buf_span(&t->results), SPAN("ok lost")));
	assert_false(smtp_client_secure(t->client));
	assert_int_equal(smtp_client_offer(t->client)->extensions, 0);
	assert_int_equal(smtp_client_room(t->client), 0);
	client_talk_end(t);
	drop(t);
}

static void auth_inside_tls_only(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->auth = true;
	t->messages = 0;
	t->mechanism = "PLAIN";
#define LOGIN GREET "250-mx\r\n250 AUTH PLAIN LATE LONG NO TWOWAY\r\n|"
	CLIENT(t, LOGIN, HELLO QUIT, "ok clear");
	t->set.secure = true;
	CLIENT_CUT(t, LOGIN "235 2.7.0 in\r\n|", HELLO "AUTH PLAIN AHUAcmlnaHQ=\r\n" QUIT, "ok ok");
	CLIENT_CUT(t, LOGIN "535 5.7.8 no\r\n|", HELLO "AUTH PLAIN AHUAcmlnaHQ=\r\n" QUIT,
		   "ok refused");
	CLIENT_CUT(t, LOGIN "454 4.7.0 no\r\n|", HELLO "AUTH PLAIN AHUAcmlnaHQ=\r\n" QUIT,
		   "ok later");
	CLIENT_CUT(t, LOGIN "250 ok\r\n|", HELLO "AUTH PLAIN AHUAcmlnaHQ=\r\n", "ok protocol");
	/* An empty answer to a challenge, as SCRAM's last. */
	CLIENT_CUT(t, LOGIN "334 dj1Y\r\n|235 in\r\n|", HELLO "AUTH PLAIN AHUAcmlnaHQ=\r\n\r\n" QUIT,
		   "ok ok");
	t->mechanism = "LATE";
	CLIENT_CUT(t, LOGIN "334 eA==\r\n|235 in\r\n|", HELLO "AUTH LATE\r\nbGF0ZXg=\r\n" QUIT,
		   "ok ok");
	CLIENT_CUT(t, LOGIN "334 not base64\r\n|501 cancelled\r\n|", HELLO "AUTH LATE\r\n*\r\n" QUIT,
		   "ok gaveup");
	CLIENT_CUT(t, LOGIN "334-eA==\r\n334 eA==\r\n|", HELLO "AUTH LATE\r\n", "ok protocol");
	CLIENT(t, LOGIN "334 eA==\r\n235 in\r\n|", HELLO "AUTH LATE\r\n", "ok protocol");
	t->mechanism = "NO";
	CLIENT_CUT(t, LOGIN "334 \r\n|501 ok\r\n|", HELLO "AUTH NO\r\n*\r\n" QUIT, "ok gaveup");
	CLIENT_CUT(t, LOGIN "334 \r\n|235 in\r\n|", HELLO "AUTH NO\r\n*\r\n", "ok protocol");
	t->mechanism = "TWOWAY";
	CLIENT_CUT(t, LOGIN "235 in\r\n|", HELLO "AUTH TWOWAY AHUAcmlnaHQ=\r\n", "ok gaveup");
	t->mechanism = "GSSAPI";
	CLIENT(t, LOGIN, HELLO QUIT, "ok unoffered");
	t->mechanism = NULL;
	CLIENT(t, LOGIN, HELLO QUIT, "ok unoffered");
	t->mechanism = "PLAIN";
	CLIENT(t, PIPE, HELLO QUIT, "ok unoffered");
	drop(t);
}

/* What the client says to a login with so many challenges, then `last`. */
static void login(struct client_talk *t, unsigned challenges, const char *last,
		  const char *results)
{
	struct buf b;
	buf_init(&b, 4096);
	buf_add(&b, SPAN(LOGIN));
	for (unsigned i = 0; i < challenges; i++)
		buf_add(&b, SPAN("334 \r\n|"));
	buf_add(&b, span_cstr(last));
	client_talk_run(t, buf_span(&b), 0);
	assert_true(span_eq(buf_span(&t->results), span_cstr(results)));
	buf_free(&b);
}

static void auth_has_limits(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->auth = t->set.secure = true;
	t->messages = 0;
	t->mechanism = "LONG";
	/* Lines of 508, 512 and 516 bytes: the last waits for a challenge. */
	static const struct {
		size_t initial;
		bool waits;
	} rows[] = {{372, false}, {375, false}, {376, true}, {5000, true}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		t->initial = rows[i].initial;
		login(t, rows[i].waits, "235 in\r\n|", "ok ok");
		struct span said = script_output(&t->script);
		assert_int_equal(span_find_span(said, SPAN("AUTH LONG\r\neHh4")) != SIZE_MAX,
				 rows[i].waits);
		client_talk_end(t);
	}
	t->initial = 500;
	CLIENT(t, LOGIN "334 eA==\r\n|501 ok\r\n|", HELLO "AUTH LONG\r\n*\r\n" QUIT, "ok gaveup");
	t->initial = SMTP_CLIENT_BLOB_MAX;
	login(t, 1, "235 in\r\n|", "ok ok");
	client_talk_end(t);
	t->initial = SMTP_CLIENT_BLOB_MAX + 1;
	CLIENT(t, LOGIN, HELLO QUIT, "ok gaveup");
	t->mechanism = "PLAIN";
	login(t, SMTP_CLIENT_AUTH_STEPS - 1, "235 in\r\n|", "ok ok");
	client_talk_end(t);
	login(t, SMTP_CLIENT_AUTH_STEPS, "535 no\r\n|", "ok gaveup");
	assert_true(span_ends(script_output(&t->script), SPAN("\r\n*\r\nQUIT\r\n")));
	client_talk_end(t);
	drop(t);
}

static void every_step_has_its_time(void **state)
{
	(void)state;
	struct client_talk *t = one();
	t->starttls = true;
	client_talk_run(t, SPAN(TLS "250 mx\r\n|250 ok\r\n|250 ok\r\n|354 go\r\n|250 ok\r\n"), 0);
	static const uint32_t times[] = {
		SMTP_CLIENT_GREETING_SECONDS, SMTP_CLIENT_HELLO_SECONDS, SMTP_CLIENT_TLS_SECONDS,
		SMTP_CLIENT_TLS_SECONDS, SMTP_CLIENT_HELLO_SECONDS, SMTP_CLIENT_MAIL_SECONDS,
		SMTP_CLIENT_RCPT_SECONDS, SMTP_CLIENT_DATA_SECONDS, SMTP_CLIENT_BLOCK_SECONDS,
		SMTP_CLIENT_END_SECONDS, SMTP_CLIENT_QUIT_SECONDS};
	assert_int_equal(t->script.deadline_count, ARRAY_LEN(times));
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		assert_int_equal(t->script.deadlines[i], times[i]);
	client_talk_end(t);
	drop(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_delivered),
		cmocka_unit_test(a_group_is_one_round_trip),
		cmocka_unit_test(greetings),
		cmocka_unit_test(hellos),
		cmocka_unit_test(offers_are_understood),
		cmocka_unit_test(recipients_have_their_own_fate),
		cmocka_unit_test(nobody_wants_it_and_354),
		cmocka_unit_test(what_is_not_smtp_ends_it),
		cmocka_unit_test(replies_out_of_place_end_it),
		cmocka_unit_test(lost_before_and_after_the_end),
		cmocka_unit_test(lost_inside_the_message),
		cmocka_unit_test(a_source_that_fails_sends_no_end),
		cmocka_unit_test(mended_lines_are_reported),
		cmocka_unit_test(several_transactions),
		cmocka_unit_test(limits_of_the_server),
		cmocka_unit_test(rooms),
		cmocka_unit_test(commands_under_way_are_few),
		cmocka_unit_test(the_longest_envelope),
		cmocka_unit_test(parameters_only_where_announced),
		cmocka_unit_test(a_deadline_and_a_priority),
		cmocka_unit_test(what_a_server_cannot_carry),
		cmocka_unit_test(no_command_hides_in_an_envelope),
		cmocka_unit_test(a_message_over_the_announced_size),
		cmocka_unit_test(binary_goes_in_chunks),
		cmocka_unit_test(chunks_under_way_are_few),
		cmocka_unit_test(lmtp_has_a_reply_for_each),
		cmocka_unit_test(starttls_forgets_what_was_said),
		cmocka_unit_test(starttls_takes_no_reply_of_before),
		cmocka_unit_test(a_handshake_that_fails),
		cmocka_unit_test(auth_inside_tls_only),
		cmocka_unit_test(auth_has_limits),
		cmocka_unit_test(every_step_has_its_time),
	};
	return cmocka_run_group_tests_name("smtp/client", tests, NULL, NULL);
}

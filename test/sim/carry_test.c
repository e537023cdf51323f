/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier: a message's way out, told by what the servers heard and by what
 * the store was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "carry.h"
#include "tls/issue.h"
#include "wire/courier_vault.h"

#define EHLO "250-mx.there.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
#define GOOD {.greeting = "220 hi\r\n", .ehlo = EHLO, .end = "250 2.6.0 taken\r\n"}

static bool holds(const struct buf *b, const char *text)
{
	struct span all = buf_span(b), part = span_cstr(text);
	for (; all.len >= part.len; all = span_skip(all, 1))
		if (span_starts(all, part))
			return true;
	return false;
}

static bool heard(const struct server *s, const char *text)
{
	return holds(&s->heard, text);
}

static void assert_fate(const struct scene *s, size_t i, size_t k, enum courier_store_fate fate,
			const char *status)
{
	assert_true(i < s->settled_count && k < s->settled[i].count);
	assert_string_equal(s->settled[i].at[k].status, status);
	assert_int_equal(s->settled[i].at[k].fate, fate);
}

static void test_one_message(void **state)
{
	(void)state;
	struct server out = GOOD;
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	scene_job(s, &(struct test_job){.body = SPAN("Subject: x\r\n\r\n.dot\r\nend")});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	assert_string_equal(s->settled[0].at[0].host, "192.0.2.1");
	assert_int_equal(s->settled[0].mood, COURIER_STORE_MOOD_FINE);
	assert_true(heard(&out, "EHLO mx.us.example\r\nMAIL FROM:<alice@us.example>\r\n"
				"RCPT TO:<bob@there.example>\r\nDATA\r\n"));
	assert_true(span_eq(buf_span(&out.data), SPAN("Received: from somewhere\r\nSubject: x\r\n"
						      "\r\n..dot\r\nend\r\n.\r\n")));
	assert_int_equal(house_figure(s->courier, "delivered"), 1);
	assert_int_equal(s->report_count, 0);
	scene_free(s);
}

static void test_long_body(void **state)
{
	(void)state;
	size_t size = 300000;
	char *body = malloc(size);
	assert_non_null(body);
	for (size_t i = 0; i < size; i++)
		body[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : (char)('a' + i % 26);
	struct server out = GOOD;
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	scene_job(s, &(struct test_job){.body = span_of(body, size)});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	struct span got = buf_span(&out.data);
	got = span_skip(got, SPAN("Received: from somewhere\r\n").len);
	assert_true(span_eq(span_sub(got, 0, size / 64 * 64), span_of(body, size / 64 * 64)));
	assert_int_equal(s->pulled, size - 32768);
	free(body);
	scene_free(s);
}

/* 4yz waits, 5yz is told to the sender, the others go. */
static void test_fates_of_recipients(void **state)
{
	(void)state;
	struct server out = GOOD;
	out.replies[0] = (struct line_reply){"RCPT TO:<no@", "550 5.1.1 nobody here\r\n"};
	out.replies[1] = (struct line_reply){"RCPT TO:<slow@", "451 4.2.0 come later\r\n"};
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	scene_job(s, &(struct test_job){.recipients = {"yes@there.example", "no@there.example",
						       "slow@there.example", "broken"}});
	scene_run(s, 1);
	assert_int_equal(s->settled[0].count, 4);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	assert_fate(s, 0, 1, COURIER_STORE_FATE_FAILED, "5.1.1");
	assert_string_equal(s->settled[0].at[1].text, "nobody here");
	assert_fate(s, 0, 2, COURIER_STORE_FATE_DEFERRED, "4.2.0");
	assert_fate(s, 0, 3, COURIER_STORE_FATE_FAILED, "5.1.3");
	assert_int_equal(s->report_count, 1);
	assert_int_equal(s->report_kind, COURIER_STORE_KIND_FAILURE);
	assert_true(holds(&s->reports, "no@there.example"));
	assert_true(holds(&s->reports, "nobody here"));
	assert_false(holds(&s->reports, "slow@there"));
	scene_free(s);
}

/* Nobody writes to a sender whom nobody proved, or about a report. */
static void test_no_backscatter(void **state)
{
	(void)state;
	struct server out = GOOD;
	out.replies[0] = (struct line_reply){"RCPT", "550 5.1.1 no\r\n"};
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	scene_job(s, &(struct test_job){.stranger = true});
	scene_job(s, &(struct test_job){.sender = ""});
	scene_job(s, &(struct test_job){.notify = 1}); /* NEVER */
	scene_job(s, &(struct test_job){.sender = "", .stranger = true});
	scene_run(s, 4);
	/* A report of ours waits for a person, one of others ends. */
	for (size_t i = 0; i < 4; i++)
		assert_fate(s, i, 0,
			    i == 1 ? COURIER_STORE_FATE_HELD : COURIER_STORE_FATE_FAILED,
			    "5.1.1");
	assert_int_equal(s->report_count, 0);
	assert_true(heard(&out, "MAIL FROM:<>\r\n"));
	scene_free(s);
}

/* A store that cannot write now is told again; nothing goes out twice. */
static void test_settled_later(void **state)
{
	(void)state;
	struct server out = GOOD;
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	s->later = 3;
	scene_job(s, &(struct test_job){0});
	scene_run(s, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(s->settled[i].job, 1);
		assert_fate(s, i, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	}
	house_run(s->house, 10000);
	assert_int_equal(s->settled_count, 4);
	assert_int_equal(out.messages, 1);
	scene_free(s);
}

/* A failure that nobody could be told of is no end. */
static void test_report_refused(void **state)
{
	(void)state;
	struct server out = GOOD;
	out.replies[0] = (struct line_reply){"RCPT", "550 5.1.1 no\r\n"};
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	s->refuse_report = true;
	scene_job(s, &(struct test_job){0});
	scene_run(s, 1);
	assert_int_equal(s->settled[0].count, 0);
	scene_free(s);
}

static void test_success_is_told(void **state)
{
	(void)state;
	struct server out = GOOD;
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	scene_job(s, &(struct test_job){.notify = 2}); /* SUCCESS */
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	assert_int_equal(s->report_count, 1);
	assert_int_equal(s->report_kind, COURIER_STORE_KIND_SUCCESS);
	assert_true(holds(&s->reports, "Action: relayed"));
	scene_free(s);
}

/* It is in a mailbox of ours: nobody is asked, the sender is told. */
static void test_what_arrived_is_told(void **state)
{
	(void)state;
	struct scene *s = scene_new(RULE(""));
	scene_job(s, &(struct test_job){.work = COURIER_STORE_WORK_DELIVERED, .notify = 2});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.0.0");
	assert_int_equal(s->report_count, 1);
	assert_int_equal(s->report_kind, COURIER_STORE_KIND_SUCCESS);
	assert_true(holds(&s->reports, "Action: delivered"));
	scene_job(s, &(struct test_job){.work = COURIER_STORE_WORK_DELIVERED, .notify = 2,
					.stranger = true});
	scene_run(s, 2);
	assert_fate(s, 1, 0, COURIER_STORE_FATE_DELIVERED, "2.0.0");
	assert_int_equal(s->report_count, 1);
	scene_free(s);
}

static void test_delay_and_expiry(void **state)
{
	(void)state;
	struct scene *s = scene_new(RULE(""));
	scene_job(s, &(struct test_job){.work = COURIER_STORE_WORK_DELAY});
	scene_run(s, 1);
	assert_int_equal(s->settled[0].count, 0);
	assert_int_equal(s->report_kind, COURIER_STORE_KIND_DELAY);
	assert_true(holds(&s->reports, "Action: delayed"));
	scene_job(s, &(struct test_job){.work = COURIER_STORE_WORK_EXPIRED});
	scene_run(s, 2);
	assert_fate(s, 1, 0, COURIER_STORE_FATE_FAILED, "4.4.7");
	assert_int_equal(s->report_count, 2);
	assert_int_equal(s->report_kind, COURIER_STORE_KIND_FAILURE);
	scene_free(s);
}

/* Lost before the end of the data, or in place of its answer: it is due again. */
static void test_lost(void **state)
{
	(void)state;
	struct server out = GOOD;
	out.end = NULL;
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	scene_job(s, &(struct test_job){0});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DEFERRED, "4.4.2");
	assert_int_equal(out.messages, 1);
	out.end = "250 ok\r\n";
	out.replies[0] = (struct line_reply){"MAIL", NULL};
	scene_job(s, &(struct test_job){0});
	scene_run(s, 2);
	assert_fate(s, 1, 0, COURIER_STORE_FATE_DEFERRED, "4.4.2");
	scene_free(s);
}

static void test_nobody_there(void **state)
{
	(void)state;
	struct scene *s = scene_new(RULE(""));
	scene_job(s, &(struct test_job){0});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DEFERRED, "4.4.1");
	assert_int_equal(s->settled[0].mood, COURIER_STORE_MOOD_DOWN);
	assert_non_null(strstr(s->settled[0].why, "nobody answers"));
	scene_free(s);
}

/* ---- sessions before mail ---------------------------------------------------- */

static void test_greetings(void **state)
{
	(void)state;
	static const struct {
		const char *greeting;
		enum courier_store_fate fate;
		enum courier_store_mood mood;
	} rows[] = {{"421 busy\r\n", COURIER_STORE_FATE_DEFERRED, COURIER_STORE_MOOD_SLOW},
		    {"554 go away\r\n", COURIER_STORE_FATE_DEFERRED, COURIER_STORE_MOOD_FINE},
		    {"521 no mail here\r\n", COURIER_STORE_FATE_FAILED, COURIER_STORE_MOOD_FINE},
		    {"HTTP/1.1 400 what\r\n", COURIER_STORE_FATE_DEFERRED, COURIER_STORE_MOOD_DOWN},
		    {NULL, COURIER_STORE_FATE_DEFERRED, COURIER_STORE_MOOD_DOWN}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server out = GOOD;
		struct scene *s = scene_new(RULE(""));
		out.greeting = rows[i].greeting;
		s->fixed = &out;
		scene_job(s, &(struct test_job){0});
		scene_run(s, 1);
		assert_int_equal(s->settled[0].at[0].fate, rows[i].fate);
		assert_int_equal(s->settled[0].mood, rows[i].mood);
		scene_free(s);
	}
}

/* ---- more than one message --------------------------------------------------- */

static void test_a_connection_is_used_again(void **state)
{
	(void)state;
	struct server out = GOOD;
	struct scene *s = scene_new(SCENE_CONF
				    "outgoing { messages-per-connection 3; idle 5s; connections 1; }\n"
				    "destination out { domain *; host 192.0.2.1; }\n");
	s->fixed = &out;
	for (unsigned i = 0; i < 7; i++)
		scene_job(s, &(struct test_job){0});
	scene_run(s, 7);
	for (size_t i = 0; i < 7; i++)
		assert_fate(s, i, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	assert_int_equal(out.connections, 3);
	assert_int_equal(house_figure(s->courier, "idle_connections"), 1);
	assert_int_equal(house_figure(s->courier, "reused"), 4);
	house_run(s->house, 6000);
	assert_int_equal(house_figure(s->courier, "idle_connections"), 0);
	scene_free(s);
}

/* What a server closed meanwhile costs nothing but another connection. */
static void test_a_stale_connection(void **state)
{
	(void)state;
	struct server out = GOOD;
	out.end = "250 2.6.0 taken\r\n421 enough\r\n";
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	scene_job(s, &(struct test_job){0});
	scene_run(s, 1);
	house_run(s->house, 10);
	assert_int_equal(house_figure(s->courier, "idle_connections"), 0);
	scene_job(s, &(struct test_job){0});
	scene_run(s, 2);
	assert_fate(s, 1, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	assert_int_equal(out.connections, 2);
	scene_free(s);
}

/* ---- by MX ------------------------------------------------------------------- */

static struct zone_host domain(const char *name, const char *first, const char *second)
{
	struct zone_host z = {.name = name,
			      .trust = COURIER_DIALER_TRUST_INSECURE,
			      .mx = {{10, first}, {20, second}},
			      .mx_count = second != NULL ? 2 : 1};
	return z;
}

static struct zone_host host(const char *name, uint8_t last, struct server *server)
{
	return (struct zone_host){.name = name,
				  .trust = COURIER_DIALER_TRUST_INSECURE,
				  .v4 = {192, 0, 2, last},
				  .server = server};
}

static void test_the_second_host(void **state)
{
	(void)state;
	static const struct {
		const char *mail, *rcpt, *end;
		bool second; /* is asked */
		enum courier_store_fate fate;
	} rows[] = {{"451 4.3.0 not now\r\n", NULL, "250 ok\r\n", true, COURIER_STORE_FATE_DELIVERED},
		    {NULL, "450 4.2.0 greylisted\r\n", "250 ok\r\n", true, COURIER_STORE_FATE_DELIVERED},
		    {"550 5.7.1 never\r\n", NULL, "250 ok\r\n", false, COURIER_STORE_FATE_FAILED},
		    {NULL, "550 5.1.1 nobody\r\n", "250 ok\r\n", false, COURIER_STORE_FATE_FAILED},
		    {NULL, NULL, "451 4.3.0 full\r\n", true, COURIER_STORE_FATE_DELIVERED},
		    {NULL, NULL, "554 5.7.1 spam\r\n", false, COURIER_STORE_FATE_FAILED},
		    /* It may have the message. */
		    {NULL, NULL, NULL, false, COURIER_STORE_FATE_DEFERRED}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server a = GOOD, b = GOOD;
		struct scene *s = scene_new(SCENE_CONF);
		size_t n = 0;
		if (rows[i].mail != NULL)
			a.replies[n++] = (struct line_reply){"MAIL", rows[i].mail};
		if (rows[i].rcpt != NULL)
			a.replies[n++] = (struct line_reply){"RCPT", rows[i].rcpt};
		a.end = rows[i].end;
		s->zone[0] = domain("there.example", "b.there.example", "a.there.example");
		s->zone[0].mx[0].preference = 20;
		s->zone[0].mx[1].preference = 10;
		s->zone[1] = host("a.there.example", 10, &a);
		s->zone[2] = host("b.there.example", 20, &b);
		s->zone_count = 3;
		scene_job(s, &(struct test_job){0});
		scene_run(s, 1);
		assert_int_equal(a.connections, 1);
		assert_int_equal(b.connections, rows[i].second);
		assert_int_equal(s->settled[0].at[0].fate, rows[i].fate);
		scene_free(s);
	}
}

static void test_a_host_that_is_down(void **state)
{
	(void)state;
	struct server b = GOOD;
	struct scene *s = scene_new(SCENE_CONF);
	s->zone[0] = domain("there.example", "a.there.example", "b.there.example");
	s->zone[1] = host("a.there.example", 10, NULL);
	s->zone[2] = host("b.there.example", 20, &b);
	s->zone_count = 3;
	scene_job(s, &(struct test_job){0});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	assert_string_equal(s->settled[0].at[0].host, "b.there.example");
	assert_int_equal(s->settled[0].mood, COURIER_STORE_MOOD_FINE);
	scene_free(s);
}

static void test_no_way(void **state)
{
	(void)state;
	static const struct {
		enum courier_dialer_trust trust;
		const char *mx;
		enum courier_store_fate fate;
		const char *status;
	} rows[] = {
		{COURIER_DIALER_TRUST_INSECURE, "", COURIER_STORE_FATE_FAILED, "5.1.10"},
		{COURIER_DIALER_TRUST_INSECURE, "mx.us.example", COURIER_STORE_FATE_FAILED, "5.4.6"},
		{COURIER_DIALER_TRUST_INSECURE, "gone.example", COURIER_STORE_FATE_FAILED, "5.4.4"},
		{COURIER_DIALER_TRUST_FAILED, "a.there.example", COURIER_STORE_FATE_DEFERRED, "4.4.3"},
		{COURIER_DIALER_TRUST_BOGUS, "a.there.example", COURIER_STORE_FATE_DEFERRED, "4.4.3"},
		{COURIER_DIALER_TRUST_INSECURE, NULL, COURIER_STORE_FATE_FAILED, "5.1.2"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server a = GOOD;
		struct scene *s = scene_new(SCENE_CONF);
		s->zone[0] = domain("there.example", rows[i].mx, NULL);
		s->zone[0].trust = rows[i].trust;
		s->zone[0].mx_count = rows[i].mx != NULL;
		s->zone[1] = host("a.there.example", 10, &a);
		s->zone_count = 2;
		scene_job(s, &(struct test_job){0});
		scene_run(s, 1);
		assert_fate(s, 0, 0, rows[i].fate, rows[i].status);
		assert_int_equal(a.connections, 0);
		scene_free(s);
	}
}

static void test_the_domain_itself(void **state)
{
	(void)state;
	struct server a = GOOD;
	struct scene *s = scene_new(SCENE_CONF);
	s->zone[0] = host("there.example", 10, &a);
	s->zone_count = 1;
	scene_job(s, &(struct test_job){0});
	scene_job(s, &(struct test_job){.destination = "[192.0.2.10]",
					.recipients = {"bob@[192.0.2.10]"}});
	scene_run(s, 2);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	assert_fate(s, 1, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	scene_free(s);
}

/* A way that hides behind names: the server says our own. */
static void test_a_loop_is_seen_in_the_greeting(void **state)
{
	(void)state;
	struct server a = GOOD;
	a.ehlo = "250-mx.us.example\r\n250 PIPELINING\r\n";
	struct scene *s = scene_new(SCENE_CONF);
	s->zone[0] = host("there.example", 10, &a);
	s->zone_count = 1;
	scene_job(s, &(struct test_job){0});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_FAILED, "5.4.6");
	assert_int_equal(a.messages, 0);
	scene_free(s);
}

/* ---- what a server does not offer --------------------------------------------- */

static void test_what_is_not_offered(void **state)
{
	(void)state;
	static const struct {
		struct test_job job;
		const char *status;
	} rows[] = {{{.requiretls = true}, "5.7.30"},
		    {{.utf8 = true}, "5.6.9"},
		    {{.recipients = {"b\xc3\xb6" "b@there.example"}}, "5.6.7"},
		    {{.eight_bit = true, .body = SPAN_INIT("DKIM-Signature: x\r\n\r\n\xc3\xbc\r\n")},
		     "5.6.3"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server a = GOOD;
		a.ehlo = "250 plain\r\n";
		struct scene *s = scene_new(RULE(""));
		s->fixed = &a;
		scene_job(s, &rows[i].job);
		scene_run(s, 1);
		assert_int_equal(s->settled[0].at[0].fate, COURIER_STORE_FATE_FAILED);
		assert_int_equal(a.messages, 0);
		if (i > 0) /* the first ends at the decision already */
			assert_string_equal(s->settled[0].at[0].status, rows[i].status);
		scene_free(s);
	}
}

/* Without 8BITMIME the message is turned on its way, larger ones too. */
static void test_eight_bits_for_seven(void **state)
{
	(void)state;
	static const char head[] = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
				   "Content-Transfer-Encoding: 8bit\r\n\r\n";
	struct server a = GOOD;
	struct buf body;
	a.ehlo = "250-plain\r\n250 SIZE\r\n";
	buf_init(&body, 1u << 20);
	buf_add(&body, span_cstr(head));
	for (size_t i = 0; i < 3000; i++)
		buf_add(&body, SPAN("lines of padding, \xc3\xbc\r\n.\r\n"));
	struct scene *s = scene_new(RULE(""));
	s->fixed = &a;
	scene_job(s, &(struct test_job){.eight_bit = true, .prefix = SPAN("Received: x\r\n"),
					.body = buf_span(&body)});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	assert_false(holds(&a.heard, "BODY=") || holds(&a.heard, "SIZE="));
	assert_true(span_starts(buf_span(&a.data),
				SPAN("Received: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
				     "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
				     "\r\nlines of padding, =C3=BC\r\n..\r\n")));
	assert_int_equal(span_find_span(buf_span(&a.data), SPAN("\xc3")), SIZE_MAX);
	scene_free(s);
	buf_free(&body);
}

/* Nothing that was declared to be there is there: it goes as it is. */
static void test_eight_bits_that_are_none(void **state)
{
	(void)state;
	struct server a = GOOD;
	a.ehlo = "250 plain\r\n";
	struct scene *s = scene_new(RULE(""));
	s->fixed = &a;
	scene_job(s, &(struct test_job){.eight_bit = true,
					.body = SPAN("DKIM-Signature: x\r\n\r\nascii\r\n")});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	assert_true(holds(&a.data, "DKIM-Signature: x\r\n\r\nascii\r\n"));
	scene_free(s);
}

static void test_eight_bits_that_stay(void **state)
{
	(void)state;
	struct server a = GOOD;
	a.ehlo = "250 plain\r\n";
	struct scene *s = scene_new(RULE(""));
	s->fixed = &a;
	struct test_job job = {.eight_bit = true,
			       .body = SPAN("DKIM-Signature: x\r\n\r\n\xc3\xbc\r\n")};
	scene_job(s, &job);
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_FAILED, "5.6.3");
	assert_non_null(strstr(s->settled[0].at[0].text, "would break its signature"));
	/* Whether it could be turned is not known now. */
	s->no_structure = true;
	scene_job(s, &job);
	scene_run(s, 2);
	assert_fate(s, 1, 0, COURIER_STORE_FATE_DEFERRED, "4.4.1");
	assert_int_equal(a.messages, 0);
	scene_free(s);
}

static void test_lmtp(void **state)
{
	(void)state;
	struct server a = GOOD;
	a.replies[0] = (struct line_reply){"RCPT TO:<no@", "550 5.1.1 nobody\r\n"};
	struct scene *s = scene_new(RULE("protocol lmtp;"));
	s->fixed = &a;
	a.end = "250 2.1.5 kept\r\n";
	scene_job(s, &(struct test_job){.recipients = {"yes@there.example", "no@there.example"}});
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.1.5");
	assert_fate(s, 0, 1, COURIER_STORE_FATE_FAILED, "5.1.1");
	assert_true(heard(&a, "LHLO mx.us.example\r\n"));
	scene_free(s);
}

/* ---- options ----------------------------------------------------------------- */

static void test_names_in_ehlo(void **state)
{
	(void)state;
	static const struct {
		const char *conf, *hello;
	} rows[] = {{RULE(""), "EHLO mx.us.example\r\n"},
		    {RULE("") "outgoing { hello out.us.example; }", "EHLO out.us.example\r\n"},
		    {RULE("hello relay.us.example;") "outgoing { hello out.us.example; }",
		     "EHLO relay.us.example\r\n"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server a = GOOD;
		struct scene *s = scene_new(rows[i].conf);
		s->fixed = &a;
		scene_job(s, &(struct test_job){0});
		scene_run(s, 1);
		assert_true(heard(&a, rows[i].hello));
		scene_free(s);
	}
}

static void test_ports(void **state)
{
	(void)state;
	static const struct {
		const char *conf;
		uint16_t port;
	} rows[] = {{SCENE_CONF, 25},
		    {SCENE_CONF "outgoing { port 2526; }", 2526},
		    {RULE("source 192.0.2.9 2001:db8::9;") "outgoing { port 2526; }", 2525},
		    {SCENE_CONF "destination l { domain *; host 192.0.2.1; protocol lmtp; }", 24}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server a = GOOD;
		struct scene *s = scene_new(rows[i].conf);
		s->fixed = &a;
		s->zone[0] = host("there.example", 10, &a);
		s->zone_count = 1;
		scene_job(s, &(struct test_job){0});
		scene_run(s, 1);
		assert_int_equal(s->port, rows[i].port);
		assert_int_equal(s->asked.has_source4, i == 2);
		assert_int_equal(s->asked.has_source6, i == 2);
		if (i == 2) {
			assert_int_equal(s->asked.source4[15], 9);
			assert_int_equal(s->asked.source6[0], 0x20);
		}
		scene_free(s);
	}
}

static void test_how_many_at_a_time(void **state)
{
	(void)state;
	struct server out = GOOD;
	struct scene *s = scene_new(RULE("") "outgoing { connections 3; }");
	out.greeting = "220-wait\r\n"; /* for what does not come */
	s->fixed = &out;
	for (unsigned i = 0; i < 7; i++)
		scene_job(s, &(struct test_job){0});
	house_run(s->house, 1000);
	assert_int_equal(out.connections, 3);
	assert_int_equal(house_figure(s->courier, "in_flight"), 3);
	scene_run(s, 7);
	assert_int_equal(out.connections, 7);
	scene_free(s);
}

/* A connection that is kept for its own domain gives way to that of another one. */
static void test_a_source_has_so_many(void **state)
{
	(void)state;
	struct server a = GOOD, b = GOOD;
	struct scene *s = scene_new(SCENE_CONF "outgoing { idle 60s; }\n"
					       "source usual { connections 1; }\n");
	s->zone[0] = host("a.example", 10, &a);
	s->zone[1] = host("b.example", 20, &b);
	s->zone_count = 2;
	for (unsigned i = 0; i < 4; i++) {
		scene_job(s, &(struct test_job){.destination = i % 2 != 0 ? "b.example"
									  : "a.example"});
		scene_run(s, i + 1);
		assert_fate(s, i, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
		assert_int_equal(house_figure(s->courier, "idle_connections"), 1);
	}
	assert_int_equal(a.connections, 2);
	assert_int_equal(b.connections, 2);
	/* More than the store would let out: they wait for each other. */
	a.greeting = "220-wait\r\n";
	for (unsigned i = 0; i < 2; i++)
		scene_job(s, &(struct test_job){.destination = "a.example"});
	house_run(s->house, 1000);
	assert_int_equal(a.connections, 3);
	scene_run(s, 6);
	assert_fate(s, 4, 0, COURIER_STORE_FATE_DEFERRED, "4.3.2");
	assert_int_equal(s->settled[4].mood, COURIER_STORE_MOOD_FINE);
	scene_free(s);
}

static void test_the_first_rule_counts(void **state)
{
	(void)state;
	static const struct {
		const char *domain;
		uint16_t port;
	} rows[] = {{"there.example", 1}, {"a.there.example", 2}, {"there.Example", 1},
		    {"xthere.example", 3}, {"b.a.there.example", 2}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server a = GOOD;
		struct scene *s = scene_new(
			SCENE_CONF
			"destination a { domain other.example there.example; host 192.0.2.1; port 1; }"
			"destination b { domain .there.example there.example; host 192.0.2.1; port 2; }"
			"destination c { domain *; host 192.0.2.1; port 3; }");
		s->fixed = &a;
		scene_job(s, &(struct test_job){.destination = rows[i].domain});
		scene_run(s, 1);
		assert_int_equal(s->port, rows[i].port);
		scene_free(s);
	}
}

static void test_no_tls_where_it_has_to_be(void **state)
{
	(void)state;
	static const char *const levels[] = {"encrypt", "verify", "secure"};
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		char conf[400];
		struct server a = GOOD;
		snprintf(conf, sizeof conf, "%s tls %s; }", SCENE_CONF
			 "destination o { domain *; host 192.0.2.1;", levels[i]);
		struct scene *s = scene_new(conf);
		s->fixed = &a;
		scene_job(s, &(struct test_job){0});
		scene_run(s, 1);
		assert_int_equal(s->settled[0].at[0].fate, COURIER_STORE_FATE_DEFERRED);
		assert_int_equal(strncmp(s->settled[0].at[0].status, "4.7.", 4), 0);
		assert_int_equal(a.messages, 0);
		scene_free(s);
	}
}

/* A signed domain whose TLSA records cannot be looked up: no mail, unless a rule of
 * ours says that what it publishes does not count. */
static void test_what_is_published_may_be_ignored(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct server a = GOOD;
		struct scene *s = scene_new(
			i == 0 ? SCENE_CONF
			       : SCENE_CONF "destination d { domain *; ignore-published on; }");
		s->zone[0] = domain("there.example", "a.there.example", NULL);
		s->zone[1] = host("a.there.example", 10, &a);
		s->zone[0].trust = s->zone[1].trust = COURIER_DIALER_TRUST_SECURE;
		s->zone_count = 2;
		s->tlsa = COURIER_DIALER_TRUST_FAILED;
		scene_job(s, &(struct test_job){0});
		scene_run(s, 1);
		assert_int_equal(s->settled[0].at[0].fate, i == 0 ? COURIER_STORE_FATE_DEFERRED
								  : COURIER_STORE_FATE_DELIVERED);
		assert_int_equal(a.messages, i);
		scene_free(s);
	}
}

/* ---- a certificate of ours ------------------------------------------------------- */

struct shelf {
	uint32_t generation;
	bool has, noise;
	struct buf chain;
};

static void on_certificates(void *role, struct ipc_call *call,
			    const struct courier_vault_certificates *m)
{
	struct shelf *v = role;
	const struct courier_vault_certificate one = {.id = 3, .name = SPAN("ours"), .key = 3};
	(void)m;
	courier_vault_certificates_answer(call, &(struct courier_vault_certificates_reply){
							.generation = v->generation,
							.certificates = &one,
							.certificates_count = v->has});
}

static void on_chain(void *role, struct ipc_call *call, const struct courier_vault_chain *m)
{
	struct shelf *v = role;
	assert_int_equal(m->id, 3);
	courier_vault_chain_answer(call, &(struct courier_vault_chain_reply){
						 .found = true,
						 .pem = v->noise ? SPAN("noise") : buf_span(&v->chain)});
}

static void on_sign(void *role, struct ipc_call *call, const struct courier_vault_sign *m)
{
	(void)role, (void)m;
	courier_vault_sign_answer(call, &(struct courier_vault_sign_reply){
						.result = COURIER_VAULT_SIGN_RESULT_FAILED});
}

static const struct courier_vault_at_vault vault_handlers = {
	.certificates = on_certificates, .chain = on_chain, .sign = on_sign};

static void issue(struct shelf *v)
{
	const struct span dns[] = {SPAN("mx.us.example")};
	const struct tls_issue_names names = {.dns = dns, .dns_count = 1};
	struct buf key, ca;
	struct tls_issued leaf = {.key = &key, .chain = &v->chain, .kind = TLS_KEY_P256};
	buf_init(&key, 65536);
	buf_init(&ca, 65536);
	buf_init(&v->chain, 65536);
	assert_true(tls_issue_throwaway(SPAN("scene"), &names, 1800000000, 30, &leaf, 1, &ca));
	buf_free(&key);
	buf_free(&ca);
}

static enum courier_store_fate fate_of_next(struct scene *s)
{
	scene_job(s, &(struct test_job){0});
	scene_run(s, s->settled_count + 1);
	return s->settled[s->settled_count - 1].at[0].fate;
}

/* A rule names it: without it mail waits, and says for what. */
static void test_a_certificate_comes_and_goes(void **state)
{
	(void)state;
	struct server out = GOOD;
	struct shelf shelf = {0};
	const struct ipc_owner owner = {.role = &shelf};
	struct scene *s = scene_new(
		SCENE_CONF "outgoing { idle 0s; }\n"
			   "certificate ours { chain /o.pem; key file:/o.key; }\n"
			   "destination o { domain *; host 192.0.2.1; certificate ours; }\n");
	s->fixed = &out;
	issue(&shelf);
	assert_int_equal(fate_of_next(s), COURIER_STORE_FATE_DEFERRED);
	assert_string_equal(s->settled[0].at[0].status, "4.7.0");
	assert_string_equal(s->settled[0].at[0].text,
			    "the certificate ours, which destination o shows, is not in the vault");
	assert_int_equal(out.connections, 0);

	/* It has only just started, and has its keys before the mail gives up. */
	struct courier_vault *v = courier_vault_join_vault(
		house_link(s->courier, HOP_COURIER_VAULT, KIND_VAULT), &owner, &vault_handlers);
	scene_job(s, &(struct test_job){0});
	house_run(s->house, 2000);
	assert_int_equal(s->settled_count, 1);
	shelf.has = true;
	shelf.generation = 1;
	scene_run(s, 2);
	assert_int_equal(s->settled[1].at[0].fate, COURIER_STORE_FATE_DELIVERED);

	/* One that cannot be used leaves the one of before, none takes it away. */
	shelf.noise = true;
	assert_int_equal(courier_vault_changed(v, &(struct courier_vault_changed){2}), IPC_OK);
	house_run(s->house, 100);
	assert_int_equal(fate_of_next(s), COURIER_STORE_FATE_DELIVERED);
	shelf.has = false;
	assert_int_equal(courier_vault_changed(v, &(struct courier_vault_changed){3}), IPC_OK);
	house_run(s->house, 100);
	assert_int_equal(fate_of_next(s), COURIER_STORE_FATE_DEFERRED);
	/* It ends while the vault is asked again and again. */
	shelf.generation = 0;
	assert_int_equal(courier_vault_changed(v, &(struct courier_vault_changed){4}), IPC_OK);
	house_run(s->house, 100);
	s->guest = courier_vault_ipc(v);
	scene_free(s);
	buf_free(&shelf.chain);
}

/* ---- the store goes ------------------------------------------------------------ */

static void test_the_store_leaves_meanwhile(void **state)
{
	(void)state;
	struct server out = GOOD;
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	out.greeting = "220-wait\r\n"; /* for what does not come */
	scene_job(s, &(struct test_job){0});
	house_run(s->house, 1000);
	ipc_free(courier_store_ipc(s->store));
	s->store = NULL;
	house_run(s->house, 1000 * 1000);
	assert_int_equal(s->settled_count, 0);
	assert_int_equal(house_figure(s->courier, "in_flight"), 0);
	/* The next one has it still. */
	out.greeting = "220 hi\r\n";
	s->leased = 0;
	scene_join(s);
	scene_run(s, 1);
	assert_fate(s, 0, 0, COURIER_STORE_FATE_DELIVERED, "2.6.0");
	scene_free(s);
}

/* It would be there twice: who comes after that store has it, too. */
static void test_nothing_goes_out_without_its_store(void **state)
{
	(void)state;
	struct server out = GOOD;
	struct scene *s = scene_new(RULE(""));
	s->fixed = &out;
	out.wait_ms = 5000;
	scene_job(s, &(struct test_job){0});
	house_run(s->house, 1000);
	assert_int_equal(out.connections, 1);
	ipc_free(courier_store_ipc(s->store));
	s->store = NULL;
	house_run(s->house, 60 * 1000);
	assert_int_equal(out.messages, 0);
	assert_int_equal(house_figure(s->courier, "in_flight"), 0);
	s->leased = 0;
	scene_join(s);
	scene_run(s, 1);
	assert_int_equal(out.messages, 1);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_message),
		cmocka_unit_test(test_long_body),
		cmocka_unit_test(test_fates_of_recipients),
		cmocka_unit_test(test_no_backscatter),
		cmocka_unit_test(test_settled_later),
		cmocka_unit_test(test_report_refused),
		cmocka_unit_test(test_success_is_told),
		cmocka_unit_test(test_what_arrived_is_told),
		cmocka_unit_test(test_delay_and_expiry),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_greetings),
		cmocka_unit_test(test_a_connection_is_used_again),
		cmocka_unit_test(test_a_stale_connection),
		cmocka_unit_test(test_the_second_host),
		cmocka_unit_test(test_a_host_that_is_down),
		cmocka_unit_test(test_no_way),
		cmocka_unit_test(test_the_domain_itself),
		cmocka_unit_test(test_a_loop_is_seen_in_the_greeting),
		cmocka_unit_test(test_what_is_not_offered),
		cmocka_unit_test(test_eight_bits_for_seven),
		cmocka_unit_test(test_eight_bits_that_are_none),
		cmocka_unit_test(test_eight_bits_that_stay),
		cmocka_unit_test(test_lmtp),
		cmocka_unit_test(test_names_in_ehlo),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_how_many_at_a_time),
		cmocka_unit_test(test_a_source_has_so_many),
		cmocka_unit_test(test_the_first_rule_counts),
		cmocka_unit_test(test_no_tls_where_it_has_to_be),
		cmocka_unit_test(test_what_is_published_may_be_ignored),
		cmocka_unit_test(test_a_certificate_comes_and_goes),
		cmocka_unit_test(test_the_store_leaves_meanwhile),
		cmocka_unit_test(test_nothing_goes_out_without_its_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

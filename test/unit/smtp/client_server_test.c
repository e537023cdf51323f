/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client with smtp/session: both halves, joined in one process.
 *
 * The server is run anew, over all that the client has written so far, each
 * time the client waits: what it says beyond what it said before is the reply.
 * So neither needs a second stack, and every run is the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/ensure.h"
#include "client_talk.h"
#include "talk.h"

#define WRITES 256u

struct pair {
	struct stream stream; /* the client's */
	struct talk server;
	struct client_talk client;
	struct span writes[WRITES]; /* of the client, a flush each; ours */
	size_t count, heard;
	bool ran;
	char in[SCRIPT_IN], out[STREAM_OUT_MAX];
};

static struct pair *pair_of(struct stream *s)
{
	return CONTAINER_OF(s, struct pair, stream);
}

static enum io on_flush(struct stream *s)
{
	struct pair *p = pair_of(s);
	ENSURE(p->count < WRITES);
	char *copy = malloc(s->out_len);
	ENSURE(copy != NULL);
	memcpy(copy, s->out, s->out_len);
	p->writes[p->count++] = span_of(copy, s->out_len);
	s->out_len = 0;
	return IO_OK;
}

static void run_server(struct pair *p)
{
	if (p->ran)
		script_free(&p->server.script);
	talk_chunks(&p->server, p->writes, p->count, 0);
	p->ran = true;
}

static enum io on_fill(struct stream *s)
{
	struct pair *p = pair_of(s);
	struct span said = script_output(&p->server.script);
	if (p->heard == said.len) {
		run_server(p);
		said = script_output(&p->server.script);
	}
	struct span news = span_sub(span_skip(said, p->heard), 0, s->in_cap);
	ENSURE(s->in_from == s->in_to || s->in_from == 0);
	size_t held = s->in_to - s->in_from;
	news = span_sub(news, 0, s->in_cap - held);
	if (news.len == 0)
		return IO_EOF;
	memmove(s->in, s->in + s->in_from, held);
	memcpy(s->in + held, news.ptr, news.len);
	s->in_from = 0;
	s->in_to = held + news.len;
	p->heard += news.len;
	return IO_OK;
}

static enum io on_tls(struct stream *s)
{
	(void)s;
	return IO_OK;
}

static void on_deadline(struct stream *s, uint32_t seconds)
{
	(void)s;
	(void)seconds;
}

static const struct stream_ops ops = {on_fill, on_flush, on_tls, on_deadline, NULL};

static struct pair *pair_new(enum smtp_role role)
{
	struct pair *p = calloc(1, sizeof *p);
	assert_non_null(p);
	talk_init(&p->server, role, SMTP_TLS_OFFERED);
	client_talk_init(&p->client);
	client_talk_to(&p->client, "c@d.example");
	p->client.set.lmtp = role == SMTP_LMTP;
	return p;
}

static void forget_writes(struct pair *p)
{
	for (size_t i = 0; i < p->count; i++)
		free((char *)(uintptr_t)p->writes[i].ptr);
	if (p->ran)
		script_free(&p->server.script);
	p->count = p->heard = 0;
	p->ran = false;
}

static void pair_free(struct pair *p)
{
	talk_free(&p->server);
	client_talk_free(&p->client);
	free(p);
}

/* One conversation; the server's findings are of its last run. */
static void converse(struct pair *p, const char *results)
{
	p->stream = (struct stream){.ops = &ops,
				    .in = p->in,
				    .in_cap = sizeof p->in,
				    .out = p->out,
				    .out_cap = sizeof p->out};
	run_server(p); /* greets */
	client_talk_over(&p->client, &p->stream);
	smtp_client_free(p->client.client);
	run_server(p);
	struct span found = buf_span(&p->client.results);
	if (!span_eq(found, span_cstr(results)))
		fprintf(stderr, "expected %s\ngot      %.*s\n", results, SPAN_FMT(found));
	assert_true(span_eq(found, span_cstr(results)));
}

static void both_understand(struct pair *p, struct span body, struct span kept,
			    const char *results)
{
	p->client.body = body;
	converse(p, results);
	assert_true(span_eq(buf_span(&p->server.body), kept));
	forget_writes(p);
}

static void messages_arrive_as_meant(void **state)
{
	(void)state;
	static const struct {
		struct span body, kept;
	} rows[] = {
		{SPAN_INIT("Subject: x\r\n\r\n.\r\n..\r\n"), SPAN_INIT("Subject: x\r\n\r\n.\r\n..\r\n")},
		{SPAN_INIT(""), SPAN_INIT("")},
		{SPAN_INIT("x"), SPAN_INIT("x\r\n")},
		{SPAN_INIT("a\n.\nMAIL FROM:<x@y.example>\nb\r.\r\n"),
		 SPAN_INIT("a\r\n.\r\nMAIL FROM:<x@y.example>\r\nb\r\n.\r\n")},
		{SPAN_INIT("a\r\n.\nRSET\n.\r"), SPAN_INIT("a\r\n.\r\nRSET\r\n.\r\n")},
	};
	for (unsigned pipelining = 0; pipelining < 2; pipelining++) {
		struct pair *p = pair_new(SMTP_MX);
		p->server.set.extensions = pipelining ? SMTP_EXT_ALL : 0;
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			both_understand(p, rows[i].body, rows[i].kept, "ok D250");
			assert_int_equal(p->server.kept, 1);
			assert_int_equal(p->server.notes[SMTP_NOTE_BAD_FRAMING], 0);
		}
		pair_free(p);
	}
}

static void a_large_message_in_pieces(void **state)
{
	(void)state;
	struct pair *p = pair_new(SMTP_MX);
	size_t n = 300000;
	char *text = malloc(n);
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		text[i] = ".a.b\r\n.\r\n..cd\r\n"[i % 15];
	p->client.piece = 16381; /* cuts at every place of the pattern */
	both_understand(p, span_of(text, n), span_of(text, n), "ok D250");
	p->client.out.mail.body = SMTP_BODY_BINARYMIME;
	both_understand(p, span_of(text, n - 1), span_of(text, n - 1), "ok D250");
	free(text);
	pair_free(p);
}

static void recipients_and_words(void **state)
{
	(void)state;
	struct pair *p = pair_new(SMTP_MX);
	client_talk_to(&p->client, "unknown@d.example");
	client_talk_to(&p->client, "later@d.example");
	struct span body = SPAN("x\r\n");
	both_understand(p, body, body, "ok D250 P550 T451");
	p->server.end = SMTP_END_OVER_QUOTA;
	both_understand(p, body, body, "ok P552 P550 T451");
	p->server.end = SMTP_KEPT;
	p->client.messages = 2;
	converse(p, "ok D250 P550 T451 D250 P550 T451");
	assert_int_equal(p->server.kept, 2);
	forget_writes(p);
	pair_free(p);
}

/* The next transaction after each way in which one can fail. */
static void a_session_goes_on_after_a_failure(void **state)
{
	(void)state;
	struct pair *p = pair_new(SMTP_MX);
	p->client.messages = 2;
	client_talk_from(&p->client, "later@b.example");
	converse(p, "ok T451 T451");
	forget_writes(p);
	client_talk_from(&p->client, "a@b.example");
	p->server.set.extensions = SMTP_EXT_PIPELINING; /* one write: DATA has no body behind it */
	p->server.begin = SMTP_BODY_NO_SPACE;
	converse(p, "ok T452 T452");
	forget_writes(p);
	p->server.begin = SMTP_BODY_OK;
	p->client.out.count = 0;
	client_talk_to(&p->client, "unknown@d.example");
	converse(p, "ok P550 P550");
	assert_int_equal(p->server.kept, 0);
	forget_writes(p);
	pair_free(p);
}

static void binary_is_kept_byte_for_byte(void **state)
{
	(void)state;
	struct pair *p = pair_new(SMTP_MX);
	p->client.out.mail.body = SMTP_BODY_BINARYMIME;
	struct span body = SPAN("a\r.\n.\r\n\0BDAT 5\r\n\r");
	for (p->client.piece = 1; p->client.piece < 20; p->client.piece += 6)
		both_understand(p, body, body, "ok D250");
	p->server.set.extensions = SMTP_EXT_ALL & ~SMTP_EXT_BINARYMIME;
	both_understand(p, body, SPAN(""), "ok C!2");
	pair_free(p);
}

static void lmtp(void **state)
{
	(void)state;
	struct pair *p = pair_new(SMTP_LMTP);
	client_talk_to(&p->client, "unknown@d.example");
	client_talk_to(&p->client, "e@d.example");
	p->server.recipient_end[1] = SMTP_END_OVER_QUOTA;
	struct span body = SPAN("x\r\n");
	both_understand(p, body, body, "ok D250 P550 P552");
	p->client.out.mail.body = SMTP_BODY_BINARYMIME;
	both_understand(p, body, body, "ok D250 P550 P552");
	p->client.out.mail.body = SMTP_BODY_7BIT;
	p->client.out.count = 1;
	client_talk_to(&p->client, "unknown@d.example");
	memcpy(p->client.to[0].rcpt.to.local, "unknown", 7);
	p->client.to[0].rcpt.to.local_len = 7;
	p->client.messages = 2;
	converse(p, "ok P550 P550 P550 P550");
	forget_writes(p);
	pair_free(p);
}

static void tls_and_a_login(void **state)
{
	(void)state;
	struct pair *p = pair_new(SMTP_SUBMISSION);
	p->client.starttls = p->client.auth = true;
	p->client.mechanism = "PLAIN";
	struct span body = SPAN("x\r\n");
	both_understand(p, body, body, "ok ok ok D250");
	p->client.mechanism = "DOWN";
	both_understand(p, body, SPAN(""), "ok ok later");
	p->client.auth = false;
	both_understand(p, body, SPAN(""), "ok ok P530");
	pair_free(p);
	p = pair_new(SMTP_MX);
	p->client.starttls = true;
	both_understand(p, body, body, "ok ok D250");
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive_as_meant),
		cmocka_unit_test(a_large_message_in_pieces),
		cmocka_unit_test(recipients_and_words),
		cmocka_unit_test(a_session_goes_on_after_a_failure),
		cmocka_unit_test(binary_is_kept_byte_for_byte),
		cmocka_unit_test(lmtp),
		cmocka_unit_test(tls_and_a_login),
	};
	return cmocka_run_group_tests_name("smtp/client_server", tests, NULL, NULL);
}

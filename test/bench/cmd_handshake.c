/* SPDX-License-Identifier: Apache-2.0 */
/* handshake: full or resumed TLS handshakes a second, for SMTP, IMAP, POP3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "conn.h"
#include "cost.h"
#include "fiber.h"
#include "smtp.h"

struct run {
	struct bench *b;
	long next, done;
	int live;
	double stop;
	char negotiated[64];
	struct samples took;
	struct usage begun, ended;
};

static bool line_starts(struct conn *c, const char *with, const char *what)
{
	const char *line = conn_line(c, NULL);
	if (line != NULL && strncmp(line, with, strlen(with)) == 0)
		return true;
	failed(c->b, "%s: %s", what, line != NULL ? line : "gone");
	return false;
}

static bool ask(struct conn *c, const char *command, const char *answer)
{
	conn_put(c, "%s\r\n", command);
	return conn_flush(c) && line_starts(c, answer, command);
}

static bool start_tls(struct bench *b, struct conn *c)
{
	bool pipelining;
	if (strcmp(b->o.proto, "imap") == 0)
		return line_starts(c, "* OK", "greeting") &&
		       ask(c, "a STARTTLS", "a OK");
	if (strcmp(b->o.proto, "pop3") == 0)
		return line_starts(c, "+OK", "greeting") &&
		       ask(c, "STLS", "+OK");
	if (smtp_reply(c, NULL, 0) != 220) {
		failed(b, "no greeting");
		return false;
	}
	return smtp_ehlo(b, c, &pipelining) && ask(c, "STARTTLS", "220");
}

static void keep_ticket(struct run *r, struct conn *c)
{
	struct bench *b = r->b;
	if (r->done > 0 && !SSL_session_reused(c->ssl))
		failed(b, "not resumed");
	SSL_SESSION_free(b->ticket);
	b->ticket = SSL_get1_session(c->ssl);
}

static bool shake(struct run *r, struct conn *c)
{
	struct bench *b = r->b;
	if (b->o.tls == TLS_START && !start_tls(b, c))
		return false;
	if (!conn_tls(c))
		return false;
	if (r->negotiated[0] == '\0')
		(void)snprintf(r->negotiated, sizeof r->negotiated, "%s %s",
			       SSL_get_version(c->ssl),
			       SSL_get_cipher_name(c->ssl));
	if (b->o.tls == TLS_IMPLICIT && conn_line(c, NULL) == NULL) {
		failed(b, "no greeting after TLS");
		return false;
	}
	if (b->o.resume)
		keep_ticket(r, c);
	return true;
}

static void session(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	while (r->next < b->o.messages && (r->stop <= 0 || now() < r->stop)) {
		r->next++;
		double start = now();
		struct conn *c = conn_open(b, b->o.port);
		if (c != NULL && shake(r, c)) {
			r->done++;
			samples_add(&r->took, now() - start);
		}
		conn_close(c);
	}
	r->live--;
}

static void conduct(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	r->begun = usage_now(b);
	if (b->o.seconds > 0)
		r->stop = now() + b->o.seconds;
	r->live = b->o.sessions;
	for (int i = 0; i < b->o.sessions; i++)
		loop_start(b->loop, session, r);
	while (r->live > 0)
		loop_sleep(b->loop, 5);
	r->ended = usage_now(b);
}

int cmd_handshake(struct bench *b)
{
	struct run r = {.b = b};
	if (b->o.tls == TLS_NONE)
		die("handshake needs --tls starttls or --tls implicit");
	loop_start(b->loop, conduct, &r);
	loop_run(b->loop);
	double wall = r.ended.at - r.begun.at, done = (double)r.done;
	json_text(b, "proto", b->o.proto);
	json_text(b, "tls", tls_name(b->o.tls));
	json_text(b, "negotiated", r.negotiated);
	json_int(b, "resume", b->o.resume);
	json_int(b, "sessions", b->o.sessions);
	json_int(b, "handshakes", r.done);
	json_number(b, "wall_s", wall);
	json_number(b, "per_s", done / wall);
	json_samples(b, "", &r.took);
	json_usage(b, &r.begun, &r.ended, done, "handshake");
	say(b,
	    "%s handshake %s/%s: %ld in %.2f s = %.0f/s (%s); server cpu %.0f "
	    "us each\n",
	    b->o.label, b->o.proto, tls_name(b->o.tls), r.done, wall,
	    done / wall, r.negotiated,
	    usage_server_us(&r.begun, &r.ended, done));
	free(r.took.us);
	return report_done(b);
}

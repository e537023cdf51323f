/* SPDX-License-Identifier: Apache-2.0 */
/* pop3: each user logs in, takes all messages and checks them. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "conn.h"
#include "cost.h"
#include "fiber.h"
#include "message.h"

struct run {
	struct bench *b;
	int next, live;
	long messages, wrong, logins;
	uint64_t bytes;
	struct samples login, retrieve;
	struct usage begun, ended;
};

/* The answer to what was put, or NULL: it was no +OK, which is counted. */
static const char *accepted(struct conn *c, const char *what)
{
	const char *line = conn_flush(c) ? conn_line(c, NULL) : NULL;
	if (line != NULL && line[0] == '+')
		return line;
	failed(c->b, "POP3 %s: %s", what, line != NULL ? line : "gone");
	return NULL;
}

static bool login(struct run *r, struct conn *c, int user)
{
	struct bench *b = r->b;
	char name[160];
	if (b->o.tls == TLS_IMPLICIT && !conn_tls(c))
		return false;
	if (accepted(c, "greeting") == NULL)
		return false;
	if (b->o.tls == TLS_START) {
		conn_put(c, "STLS\r\n");
		if (accepted(c, "STLS") == NULL || !conn_tls(c))
			return false;
	}
	conn_put(c, "USER %s\r\n",
		 numbered(b->o.user, user, name, sizeof name));
	if (accepted(c, "USER") == NULL)
		return false;
	conn_put(c, "PASS %s\r\n", b->o.pass);
	return accepted(c, "PASS") != NULL;
}

static bool retrieve(struct run *r, struct conn *c, long number)
{
	struct check k;
	size_t length;
	double start = now();
	conn_put(c, "RETR %ld\r\n", number);
	if (accepted(c, "RETR") == NULL)
		return false;
	check_start(&k);
	for (;;) {
		const char *line = conn_line(c, &length);
		if (line == NULL) {
			failed(r->b, "RETR cut");
			return false;
		}
		if (line[0] == '.') {
			if (length == 1)
				break;
			line++;
			length--;
		}
		check_add(&k, line, length);
		check_add(&k, "\n", 1);
		r->bytes += length + 2;
	}
	r->wrong += !check_good(&k);
	r->messages++;
	samples_add(&r->retrieve, now() - start);
	if (!r->b->o.dele)
		return true;
	conn_put(c, "DELE %ld\r\n", number);
	return accepted(c, "DELE") != NULL;
}

static void take_all(struct run *r, struct conn *c, int user)
{
	double start = now();
	if (!login(r, c, user))
		return;
	samples_add(&r->login, now() - start);
	conn_put(c, "STAT\r\n");
	const char *line = accepted(c, "STAT");
	if (line == NULL || strlen(line) < 5)
		return;
	long count = strtol(line + 4, NULL, 10);
	for (long i = 1; i <= count; i++)
		if (!retrieve(r, c, i))
			return;
	conn_put(c, "QUIT\r\n");
	r->logins += accepted(c, "QUIT") != NULL;
}

static void session(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	while (r->next < b->o.users * b->o.repeat) {
		int user = 1 + r->next++ % b->o.users;
		struct conn *c = conn_open(b, b->o.port);
		if (c != NULL)
			take_all(r, c, user);
		conn_close(c);
	}
	r->live--;
}

static void conduct(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	int count = b->o.sessions < b->o.users ? b->o.sessions : b->o.users;
	r->begun = usage_now(b);
	r->live = count;
	for (int i = 0; i < count; i++)
		loop_start(b->loop, session, r);
	while (r->live > 0)
		loop_sleep(b->loop, 5);
	r->ended = usage_now(b);
}

int cmd_pop3(struct bench *b)
{
	struct run r = {.b = b};
	loop_start(b->loop, conduct, &r);
	loop_run(b->loop);
	double wall = r.ended.at - r.begun.at, count = (double)r.messages;
	if (r.wrong > 0)
		failed(b, "%ld messages came back wrong", r.wrong);
	if (b->o.expect >= 0 && r.messages != b->o.expect)
		failed(b, "%ld messages, not %ld", r.messages, b->o.expect);
	json_int(b, "sessions", b->o.sessions);
	json_int(b, "users", b->o.users);
	json_text(b, "tls", tls_name(b->o.tls));
	json_int(b, "logins", r.logins);
	json_int(b, "messages", r.messages);
	json_number(b, "wall_s", wall);
	json_number(b, "retr_per_s", count / wall);
	json_number(b, "MBps", (double)r.bytes / wall / 1e6);
	json_number(b, "logins_per_s", (double)r.logins / wall);
	json_samples(b, "retr_", &r.retrieve);
	json_number(b, "login_p50_ms", samples_at(&r.login, .5));
	json_usage(b, &r.begun, &r.ended, count, "msg");
	say(b,
	    "%s pop3: %ld logins, %ld RETR in %.2f s = %.0f/s; server cpu %.0f "
	    "us/msg\n",
	    b->o.label, r.logins, r.messages, wall, count / wall,
	    usage_server_us(&r.begun, &r.ended, count));
	free(r.login.us);
	free(r.retrieve.us);
	return report_done(b);
}

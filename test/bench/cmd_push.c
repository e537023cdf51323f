/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push: how long after its 250 an idle session hears of a message.  Sessions
 * IDLE, one a user; messages are sent by SMTP one at a time, to each user in
 * turn.  A session that was told before the 250 was read counts as 0.  After
 * --seconds no more are sent.
 */
#include <stdlib.h>

#include "bench.h"
#include "conn.h"
#include "cost.h"
#include "fiber.h"
#include "imap.h"
#include "smtp.h"

#define DAY 86400.0

struct run {
	struct bench *b;
	struct listener *all;
	int idling, lost;
	long sent;
	bool over;
	struct samples push,
		whole; /* after the 250; after the last byte was sent */
	struct usage begun, ended;
};

struct listener {
	struct run *run;
	int user;
	struct imap m;
	long told;   /* messages that it knows of */
	double when; /* of the last EXISTS that was news */
	bool open, ended;
};

static void listen_for_mail(void *argument)
{
	struct listener *l = argument;
	struct run *r = l->run;
	struct bench *b = r->b;
	l->open = imap_open(&l->m, b, b->o.imap, b->o.imap_tls, l->user) &&
		  imap_do(&l->m, "SELECT %s", b->o.box) == ANSWER_OK &&
		  imap_idle(&l->m);
	if (!l->open) {
		r->lost++;
		l->ended = true;
		return;
	}
	l->told = l->m.exists;
	l->m.c->patience = DAY;
	r->idling++;
	while (imap_response(&l->m) != NULL) {
		if (l->m.exists > l->told) {
			l->when = now();
			l->told = l->m.exists;
		}
	}
	if (!r->over)
		failed(b, "the idle session of user %d was dropped", l->user);
	l->ended = true;
}

static void deliver(struct run *r, struct smtp *s, struct message *m,
		    long number)
{
	struct bench *b = r->b;
	int user = 1 + (int)(number % b->o.sessions);
	struct listener *l = &r->all[user - 1];
	long before = l->told;
	char to[160];
	message_make(b, number, b->o.from,
		     numbered(b->o.to, user, to, sizeof to), m);
	if (smtp_send(s, m, user) < 0)
		return;
	double accepted = now(), limit = accepted + b->o.timeout;
	while (l->told == before && !l->ended && now() < limit)
		loop_sleep(b->loop, 1);
	if (l->told == before) {
		failed(b, "user %d never heard of message %ld", user, number);
		return;
	}
	samples_add(&r->push, l->when - accepted);
	samples_add(&r->whole, l->when - s->sent);
}

static void send_all(struct run *r)
{
	struct bench *b = r->b;
	struct smtp s;
	struct message m = {0};
	if (!smtp_open(&s, b, 1))
		return;
	r->begun = usage_now(b);
	double stop = b->o.seconds > 0 ? now() + b->o.seconds : 0;
	for (long n = 0; n < b->o.messages && (stop <= 0 || now() < stop);
	     n++) {
		r->sent++;
		deliver(r, &s, &m, n);
		if (s.c == NULL || b->report.failed != 0)
			break;
	}
	r->ended = usage_now(b);
	smtp_quit(&s, true);
	free(m.bytes);
}

static void conduct(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	r->all = zeroed((size_t)b->o.sessions, sizeof *r->all);
	for (int i = 0; i < b->o.sessions; i++) {
		r->all[i].run = r;
		r->all[i].user = i + 1;
		loop_start(b->loop, listen_for_mail, &r->all[i]);
	}
	while (r->idling + r->lost < b->o.sessions)
		loop_sleep(b->loop, 5);
	if (r->lost == 0)
		send_all(r);
	/* DONE and LOGOUT: the server says BYE, which ends the listener */
	r->over = true;
	for (int i = 0; i < b->o.sessions; i++) {
		struct listener *l = &r->all[i];
		if (l->ended)
			continue;
		conn_put(l->m.c, "DONE\r\nz LOGOUT\r\n");
		(void)conn_flush(l->m.c);
		while (!l->ended)
			loop_sleep(b->loop, 1);
	}
	for (int i = 0; i < b->o.sessions; i++)
		conn_close(r->all[i].m.c);
	free(r->all);
}

int cmd_push(struct bench *b)
{
	struct run r = {.b = b};
	if (b->o.imap == 0)
		die("push needs --imap PORT");
	if (b->o.users < b->o.sessions)
		b->o.users = b->o.sessions;
	loop_start(b->loop, conduct, &r);
	loop_run(b->loop);
	long told = (long)r.push.count;
	if (told < r.sent || told == 0)
		failed(b, "%ld of %ld messages were heard of", told, r.sent);
	json_int(b, "sessions", b->o.sessions);
	json_text(b, "tls", tls_name(b->o.imap_tls));
	json_int(b, "told", told);
	json_samples(b, "push_", &r.push);
	json_samples(b, "from_data_", &r.whole);
	json_usage(b, &r.begun, &r.ended, (double)told, "msg");
	say(b,
	    "%s push: %ld to %d idle sessions: after the 250 p50 %.3f ms, p99 "
	    "%.3f ms, max %.3f ms\n",
	    b->o.label, told, b->o.sessions, samples_at(&r.push, .5),
	    samples_at(&r.push, .99), samples_at(&r.push, 1));
	free(r.push.us);
	free(r.whole.us);
	return report_done(b);
}

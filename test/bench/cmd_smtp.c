/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp: sessions send a total of messages, then all must have been delivered:
 * counted in Maildirs, by IMAP STATUS, or at a sink behind a relay.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "conn.h"
#include "cost.h"
#include "fiber.h"
#include "imap.h"
#include "sink.h"
#include "smtp.h"

#define RETRIES	      3
#define MAILDIR_DEPTH 12
#define STUCK	      30.0 /* seconds without one delivery */

struct run {
	struct bench *b;
	long next, accepted, recipients;
	int live, opening, opened; /* opened: sessions that are ready */
	double stop, last; /* last: when the last message was taken */
	uint64_t bytes;
	struct samples message, open;
	struct usage begun, accepted_all, drained;
	struct sink sink;
	struct imap *watch; /* one a user */
	long *before;	    /* what its box held */
	long base, delivered;
	double delivered_at;
};

struct session {
	struct run *run;
	int id;
};

static bool more(const struct run *r)
{
	return r->next < r->b->o.messages && (r->stop <= 0 || now() < r->stop);
}

/* A few at a time: a short listen backlog must not lose any. */
static bool open_session(struct run *r, struct smtp *s, int id)
{
	struct bench *b = r->b;
	for (int attempt = 0; attempt <= RETRIES; attempt++) {
		while (r->opening >= b->o.inflight)
			loop_sleep(b->loop, 2);
		if (!more(r))
			return false;
		double start = now();
		r->opening++;
		bool good = smtp_open(s, b, 1 + id % b->o.users);
		r->opening--;
		if (good) {
			samples_add(&r->open, now() - start);
			return true;
		}
		loop_sleep(b->loop, 200);
	}
	return false;
}

/* What follows is what is counted: no login, no handshake. */
static void wait_for_all(struct run *r)
{
	struct bench *b = r->b;
	if (++r->opened == b->o.sessions)
		r->begun = usage_now(b);
	while (r->opened < b->o.sessions)
		loop_sleep(b->loop, 2);
}

static void send_one(struct run *r, struct smtp *s, struct message *m)
{
	struct bench *b = r->b;
	char to[160];
	long number = r->next++;
	int first = 1 + (int)(number * b->o.recipients % b->o.users);
	numbered(b->o.to, first, to, sizeof to);
	message_make(b, number, s->from, to, m);
	double start = now();
	int took = smtp_send(s, m, first);
	if (took < 0)
		return;
	r->last = now();
	samples_add(&r->message, r->last - start);
	r->accepted++;
	r->recipients += took;
	r->bytes += m->length;
}

static void session(void *argument)
{
	struct session *self = argument;
	struct run *r = self->run;
	struct smtp s = {0};
	struct message m = {0};
	int on_connection = 0;
	while (more(r)) {
		if (s.c == NULL) {
			if (!open_session(r, &s, self->id))
				break;
			on_connection = 0;
			if (r->b->o.warm && r->opened < r->b->o.sessions)
				wait_for_all(r);
			if (!more(r))
				break;
		}
		send_one(r, &s, &m);
		/* relays do not wait for the answer to QUIT either */
		if (r->b->o.per_connection > 0 &&
		    ++on_connection >= r->b->o.per_connection)
			smtp_quit(&s, false);
	}
	smtp_quit(&s, true);
	free(m.bytes);
	r->live--;
}

static long maildir_count(const char *folder, int depth)
{
	const char *base = strrchr(folder, '/');
	bool counts = base != NULL &&
		      (strcmp(base, "/new") == 0 || strcmp(base, "/cur") == 0);
	DIR *d = opendir(folder);
	struct dirent *entry;
	long n = 0;
	while (d != NULL && (entry = readdir(d)) != NULL) {
		char path[4096];
		if (entry->d_name[0] == '.' ||
		    strcmp(entry->d_name, "tmp") == 0)
			continue;
		if (counts)
			n++;
		else if (entry->d_type == DT_DIR && depth < MAILDIR_DEPTH &&
			 snprintf(path, sizeof path, "%s/%s", folder,
				  entry->d_name) < (int)sizeof path)
			n += maildir_count(path, depth + 1);
	}
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static bool drains(const struct bench *b)
{
	return b->o.sink > 0 || b->o.imap > 0 || b->o.drain_maildir != NULL;
}

/* One logged-in IMAP session a user, made before the clock starts. */
static void watch_boxes(struct run *r)
{
	struct bench *b = r->b;
	r->watch = zeroed((size_t)b->o.users, sizeof *r->watch);
	r->before = zeroed((size_t)b->o.users, sizeof *r->before);
	for (int i = 0; i < b->o.users; i++) {
		if (!imap_open(&r->watch[i], b, b->o.imap, b->o.imap_tls,
			       i + 1))
			die("no IMAP to watch deliveries with");
		(void)imap_do(&r->watch[i], "STATUS %s (MESSAGES)", b->o.box);
		r->before[i] = r->watch[i].messages;
	}
}

static long box_growth(struct run *r, int user)
{
	return r->watch[user].messages - r->before[user];
}

/* Asks only as far as the first box that is not complete, unless `all`. */
static long boxes_count(struct run *r, bool all)
{
	struct bench *b = r->b;
	long sum = 0;
	for (int i = 0; i < b->o.users; i++) {
		long share = r->recipients / b->o.users +
			     (i < r->recipients % b->o.users);
		if (all || box_growth(r, i) < share)
			(void)imap_do(&r->watch[i], "STATUS %s (MESSAGES)",
				      b->o.box);
		sum += box_growth(r, i);
		if (!all && box_growth(r, i) < share)
			break;
	}
	return sum;
}

static long delivered(struct run *r)
{
	if (r->b->o.sink > 0)
		return r->sink.messages;
	if (r->b->o.drain_maildir != NULL)
		return maildir_count(r->b->o.drain_maildir, 0) - r->base;
	return boxes_count(r, false);
}

static void drain(struct run *r)
{
	struct bench *b = r->b;
	double limit = now() + b->o.timeout, moved = now();
	long wanted = b->o.sink > 0 ? r->accepted : r->recipients, count = -1;
	for (;;) {
		long n = delivered(r);
		if (n != count)
			moved = now();
		count = n;
		if (n >= wanted || now() > limit || now() - moved > STUCK)
			break;
		loop_sleep(b->loop, 10);
	}
	r->drained = usage_now(b);
	r->delivered_at =
		b->o.sink > 0 && count >= wanted ? r->sink.last : now();
	if (r->watch != NULL)
		count = boxes_count(r, true);
	r->delivered = count;
	if (count != wanted)
		failed(b, "delivered %ld of %ld", count, wanted);
}

static void conduct(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	if (b->o.drain_maildir != NULL)
		r->base = maildir_count(b->o.drain_maildir, 0);
	if (b->o.imap > 0)
		watch_boxes(r);
	if (b->o.sink > 0)
		sink_start(&r->sink, b, b->o.sink);
	r->begun = usage_now(b);
	if (b->o.seconds > 0)
		r->stop = now() + b->o.seconds;
	struct session *all = zeroed((size_t)b->o.sessions, sizeof *all);
	r->live = b->o.sessions;
	for (int i = 0; i < b->o.sessions; i++) {
		all[i] = (struct session){r, i};
		loop_start(b->loop, session, &all[i]);
	}
	while (r->live > 0)
		loop_sleep(b->loop, 5);
	free(all);
	r->accepted_all = usage_now(b);
	if (drains(b))
		drain(r);
	for (int i = 0; r->watch != NULL && i < b->o.users; i++)
		imap_close(&r->watch[i]);
	r->sink.stop = true;
}

static void describe(struct run *r, double wall, double delivery)
{
	struct bench *b = r->b;
	json_int(b, "sessions", b->o.sessions);
	json_int(b, "size", b->o.size);
	json_int(b, "rcpts", b->o.recipients);
	json_int(b, "users", b->o.users);
	json_int(b, "per_connection", b->o.per_connection);
	json_text(b, "tls", tls_name(b->o.tls));
	json_int(b, "warm", b->o.warm);
	if (b->o.sink > 0) {
		json_text(b, "sink_tls", tls_name(b->o.sink_tls));
		json_int(b, "sink_connections", r->sink.connections);
		json_int(b, "sink_handshakes", r->sink.handshakes);
	}
	json_int(b, "lmtp", b->o.lmtp);
	json_int(b, "accepted", r->accepted);
	json_int(b, "recipients_ok", r->recipients);
	json_number(b, "accept_s", wall);
	json_number(b, "accept_per_s", (double)r->accepted / wall);
	json_number(b, "accept_MBps", (double)r->bytes / wall / 1e6);
	json_samples(b, "", &r->message);
	json_number(b, "connect_p50_ms", samples_at(&r->open, .5));
	if (drains(b)) {
		json_int(b, "delivered", r->delivered);
		json_number(b, "delivered_s", delivery);
		json_number(b, "delivered_per_s",
			    (double)r->delivered / delivery);
	}
}

int cmd_smtp(struct bench *b)
{
	struct run r = {.b = b};
	loop_start(b->loop, conduct, &r);
	loop_run(b->loop);
	double wall = r.last - r.begun.at,
	       delivery = r.delivered_at - r.begun.at;
	if (b->o.seconds <= 0 && r.accepted < b->o.messages)
		failed(b, "%ld of %ld messages accepted", r.accepted,
		       b->o.messages);
	if (r.accepted == 0) {
		sink_end(&r.sink);
		return report_done(b);
	}
	describe(&r, wall, delivery);
	/* with a drain, the cost of the whole path */
	const struct usage *end = drains(b) ? &r.drained : &r.accepted_all;
	json_usage(b, &r.begun, end, (double)r.accepted, "msg");
	say(b,
	    "%s smtp: %d sessions, %ld B: %ld accepted in %.2f s = %.0f/s; p50 "
	    "%.2f ms, p99 %.2f ms",
	    b->o.label, b->o.sessions, b->o.size, r.accepted, wall,
	    (double)r.accepted / wall, samples_at(&r.message, .5),
	    samples_at(&r.message, .99));
	if (drains(b))
		say(b, "; delivered %ld in %.2f s", r.delivered, delivery);
	say(b, "; server cpu %.0f us/msg\n",
	    usage_server_us(&r.begun, end, (double)r.accepted));
	sink_end(&r.sink);
	free(r.watch);
	free(r.before);
	free(r.message.us);
	free(r.open.us);
	return report_done(b);
}

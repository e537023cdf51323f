/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle: opens many connections that LOGIN, SELECT and IDLE, measures what each
 * costs the server in memory, then appends a message for each user and times
 * how long until every session was told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "bench.h"
#include "conn.h"
#include "cost.h"
#include "fiber.h"
#include "imap.h"

#define DAY	86400.0
#define LONGEST 60.0 /* seconds that a notification may take */

struct run {
	struct bench *b;
	struct session *all;
	int opening, idling, lost, told, live;
	double notify;
	bool over;
	struct samples open, notified;
	struct usage begun, opened, quiet, heard; /* around the telling */
	struct memory before, after;
	double free_before, free_after;
};

struct session {
	struct run *run;
	int id;
	struct imap m;
};

static bool open_session(struct session *s)
{
	struct bench *b = s->run->b;
	double start = now();
	if (!imap_open(&s->m, b, b->o.port, b->o.tls, 1 + s->id % b->o.users) ||
	    imap_do(&s->m, "SELECT %s", b->o.box) != ANSWER_OK)
		return false;
	if (!b->o.no_idle && !imap_idle(&s->m))
		return false;
	samples_add(&s->run->open, now() - start);
	return true;
}

static void session(void *argument)
{
	struct session *s = argument;
	struct run *r = s->run;
	while (r->opening >= r->b->o.inflight)
		loop_sleep(r->b->loop, 2 + s->id % 7);
	r->opening++;
	bool open = open_session(s);
	r->opening--;
	if (!open) {
		r->lost++;
		r->live--;
		return;
	}
	r->idling++;
	long had = s->m.exists;
	s->m.c->patience = DAY;
	while (imap_response(&s->m) != NULL) {
		if (r->notify > 0 && s->m.exists > had) {
			had = s->m.exists;
			samples_add(&r->notified, now() - r->notify);
			r->told++;
		}
	}
	if (!r->over)
		failed(r->b, "an idle connection was dropped");
	r->live--;
}

static void notify_all(struct run *r)
{
	struct bench *b = r->b;
	struct imap *senders = zeroed((size_t)b->o.users, sizeof *senders);
	struct message m = {0};
	char to[160];
	bool open = true;
	for (int i = 0; i < b->o.users && open; i++)
		open = imap_open(&senders[i], b, b->o.port, b->o.tls, i + 1);
	r->quiet = usage_now(b);
	r->notify = now();
	for (int i = 0; i < b->o.users && open; i++) {
		message_make(b, i, b->o.from,
			     numbered(b->o.to, i + 1, to, sizeof to), &m);
		(void)imap_append(&senders[i], b->o.box, &m);
	}
	double limit =
		now() + (b->o.timeout < LONGEST ? b->o.timeout : LONGEST);
	while (open && r->told < r->idling && now() < limit)
		loop_sleep(b->loop, 2);
	r->heard = usage_now(b);
	if (r->told < r->idling)
		failed(b, "%d of %d were told of the new message", r->told,
		       r->idling);
	for (int i = 0; i < b->o.users; i++)
		imap_close(&senders[i]);
	free(senders);
	free(m.bytes);
}

static void open_all(struct run *r)
{
	struct bench *b = r->b;
	r->all = zeroed((size_t)b->o.sessions, sizeof *r->all);
	r->live = b->o.sessions;
	for (int i = 0; i < b->o.sessions; i++) {
		r->all[i].run = r;
		r->all[i].id = i;
		loop_start(b->loop, session, &r->all[i]);
	}
	while (r->idling + r->lost < b->o.sessions)
		loop_sleep(b->loop, 5);
}

static void conduct(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	struct imap first;
	/* one connection first, so that what the server makes once is not
	 * counted */
	if (!imap_open(&first, b, b->o.port, b->o.tls, 1))
		return;
	(void)imap_do(&first, "SELECT %s", b->o.box);
	imap_close(&first);
	loop_sleep(b->loop, b->o.settle * 1000.0);
	r->before = memory_now(b);
	r->free_before = memory_available();
	r->begun = usage_now(b);
	open_all(r);
	r->opened = usage_now(b);
	loop_sleep(b->loop, b->o.settle * 1000.0);
	r->after = memory_now(b);
	r->free_after = memory_available();
	if (b->o.messages > 0)
		notify_all(r);
	loop_sleep(b->loop, b->o.hold * 1000.0);
	r->over = true;
	/* a cut socket wakes its reader, which then ends */
	for (int i = 0; i < b->o.sessions; i++)
		if (r->all[i].m.c != NULL)
			(void)shutdown(r->all[i].m.c->fd, SHUT_RDWR);
	while (r->live > 0)
		loop_sleep(b->loop, 2);
	for (int i = 0; i < b->o.sessions; i++)
		conn_close(r->all[i].m.c);
	free(r->all);
}

int cmd_idle(struct bench *b)
{
	struct run r = {.b = b};
	struct rusage own;
	loop_start(b->loop, conduct, &r);
	loop_run(b->loop);
	if (r.idling == 0)
		return report_done(b);
	double each = r.idling, wall = r.opened.at - r.begun.at;
	(void)getrusage(RUSAGE_SELF, &own);
	json_int(b, "connections", r.idling);
	json_int(b, "users", b->o.users);
	json_text(b, "tls", tls_name(b->o.tls));
	json_number(b, "open_s", wall);
	json_number(b, "open_per_s", each / wall);
	json_samples(b, "open_", &r.open);
	json_number(b, "pss_kb_before", r.before.pss);
	json_number(b, "pss_kb_after", r.after.pss);
	json_number(b, "pss_kb_per_conn", (r.after.pss - r.before.pss) / each);
	json_number(b, "private_kb_per_conn",
		    (r.after.private_ - r.before.private_) / each);
	json_number(b, "processes_per_conn",
		    (r.after.processes - r.before.processes) / each);
	json_number(b, "client_rss_kb_per_conn", (double)own.ru_maxrss / each);
	json_number(b, "system_kb_per_conn_all",
		    (r.free_before - r.free_after) / each);
	if (r.told > 0) {
		json_int(b, "notified", r.told);
		json_samples(b, "notify_", &r.notified);
		if (b->o.cgroup != NULL || b->o.root_pid > 0)
			json_number(b, "server_cpu_us_per_told",
				    usage_server_us(&r.quiet, &r.heard,
						    (double)r.told));
	}
	json_usage(b, &r.begun, &r.opened, each, "open");
	say(b,
	    "%s idle: %d connections in %.2f s = %.0f/s; server PSS %.1f KiB "
	    "each; %d told, p50 %.1f ms, all %.1f ms\n",
	    b->o.label, r.idling, wall, each / wall,
	    (r.after.pss - r.before.pss) / each, r.told,
	    samples_at(&r.notified, .5), samples_at(&r.notified, 1));
	free(r.open.us);
	free(r.notified.us);
	return report_done(b);
}

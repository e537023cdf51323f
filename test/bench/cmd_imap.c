/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap: sessions, each with a mailbox of its own, draw operations from a
 * weighted mix.  At the end each mailbox must hold what its session knows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "bench.h"
#include "conn.h"
#include "cost.h"
#include "fiber.h"
#include "imap.h"

#define FEW	25 /* messages under which only APPEND is drawn for the rest */
#define HEADERS 20 /* messages a fetch of headers asks for */

static const char *const mix_names[MIX_COUNT] = {
	"fetch_hdrs", "fetch_body", "store",	   "append",  "select",
	"status",     "search_hdr", "search_body", "expunge", "noop"};

struct run {
	struct bench *b;
	struct samples each[MIX_COUNT], login;
	long done;
	int live, gathered, phase;
	double stop;
	struct usage made, begun, ended;
};

struct session {
	struct run *run;
	int id;
	struct imap m;
	struct message message;
	struct check check;
	uint64_t state;
	long expect;
	char to[160];
};

/* All sessions come to a phase together. */
static void gather(struct run *r, int phase)
{
	r->gathered++;
	while (r->phase < phase)
		loop_sleep(r->b->loop, 5);
}

static bool append(struct session *s, long number)
{
	struct bench *b = s->run->b;
	message_make(b, number, b->o.from, s->to, &s->message);
	if (imap_append(&s->m, b->o.box, &s->message) != ANSWER_OK)
		return false;
	s->expect++;
	return true;
}

static bool fetch_headers(struct session *s, long from)
{
	struct imap *m = &s->m;
	long to =
		from + HEADERS - 1 > m->exists ? m->exists : from + HEADERS - 1;
	m->fetched = 0;
	if (imap_do(m,
		    "FETCH %ld:%ld (UID FLAGS INTERNALDATE RFC822.SIZE "
		    "ENVELOPE)",
		    from, to) != ANSWER_OK)
		return false;
	if (m->fetched >= to - from + 1)
		return true;
	failed(m->b, "FETCH gave %ld of %ld", m->fetched, to - from + 1);
	return false;
}

static bool fetch_body(struct session *s, long number)
{
	struct imap *m = &s->m;
	m->check = &s->check;
	m->bad = m->checked = 0;
	enum answer answer = imap_do(m, "FETCH %ld (BODY.PEEK[])", number);
	m->check = NULL;
	if (answer == ANSWER_OK && (m->checked != 1 || m->bad != 0))
		failed(m->b, "a body came back wrong");
	return answer == ANSWER_OK && m->checked == 1 && m->bad == 0;
}

static bool expunge(struct session *s, long number)
{
	if (imap_do(&s->m, "STORE %ld +FLAGS.SILENT (\\Deleted)", number) !=
		    ANSWER_OK ||
	    imap_do(&s->m, "EXPUNGE") != ANSWER_OK)
		return false;
	s->expect--;
	return true;
}

static bool operate(struct session *s, enum mix what, long n, long number)
{
	struct imap *m = &s->m;
	switch (what) {
	case MIX_HEADERS:
		return fetch_headers(s, n);
	case MIX_BODY:
		return fetch_body(s, n);
	case MIX_STORE:
		return imap_do(m, "STORE %ld %cFLAGS (\\%s)", n,
			       draw(&s->state) % 3 ? '+' : '-',
			       draw(&s->state) % 2 ? "Seen" : "Flagged") ==
		       ANSWER_OK;
	case MIX_APPEND:
		return append(s, 10000000L + s->id * 1000000L + number);
	case MIX_SELECT:
		return imap_do(m, "SELECT %s", m->b->o.box) == ANSWER_OK;
	case MIX_STATUS:
		return imap_do(m, "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)") ==
		       ANSWER_OK;
	case MIX_SEARCH:
		return imap_do(m, "SEARCH SUBJECT subj%d UNSEEN",
			       (int)(draw(&s->state) % MESSAGE_NEEDLES)) ==
		       ANSWER_OK;
	case MIX_SEARCH_BODY:
		return imap_do(m, "SEARCH BODY needle%d",
			       (int)(draw(&s->state) % MESSAGE_NEEDLES)) ==
		       ANSWER_OK;
	case MIX_EXPUNGE:
		return expunge(s, n);
	case MIX_NOOP:
		return imap_do(m, "NOOP") == ANSWER_OK;
	case MIX_COUNT:
		break;
	}
	return false;
}

static enum mix draw_mix(struct session *s, int total)
{
	const int *weights = s->run->b->o.weights;
	int at = (int)(draw(&s->state) % (uint64_t)total), what = 0;
	while (at >= weights[what])
		at -= weights[what++];
	bool needs_mail = what == MIX_EXPUNGE || what == MIX_HEADERS ||
			  what == MIX_BODY || what == MIX_STORE;
	return needs_mail && s->m.exists < FEW ? MIX_APPEND : (enum mix)what;
}

static void draw_all(struct session *s)
{
	struct run *r = s->run;
	struct bench *b = r->b;
	int total = 0;
	for (int i = 0; i < MIX_COUNT; i++)
		total += b->o.weights[i];
	for (long n = 0;
	     n < b->o.ops && (r->stop <= 0 || now() < r->stop) && !s->m.c->dead;
	     n++) {
		enum mix what = draw_mix(s, total);
		long at = s->m.exists > 0 ? 1 + (long)(draw(&s->state) %
						       (uint64_t)s->m.exists)
					  : 1;
		double start = now();
		bool good = operate(s, what, at, n);
		samples_add(&r->each[what], now() - start);
		r->done += good;
	}
}

static void prepare(struct session *s)
{
	struct bench *b = s->run->b;
	imap_create(&s->m, b->o.box);
	for (long i = 0; i < b->o.init; i++)
		if (!append(s, i + s->id * 1000000L))
			break;
	if (imap_do(&s->m, "SELECT %s", b->o.box) != ANSWER_OK)
		s->m.exists = 0;
	s->expect = s->m.exists;
}

static void finish(struct session *s)
{
	struct bench *b = s->run->b;
	bool alone = b->o.sessions <= b->o.users;
	if (alone && !s->m.c->dead &&
	    imap_do(&s->m, "SELECT %s", b->o.box) == ANSWER_OK &&
	    s->m.exists != s->expect)
		failed(b, "user %d has %ld messages, not %ld", s->id + 1,
		       s->m.exists, s->expect);
	imap_close(&s->m);
	free(s->message.bytes);
}

static void session(void *argument)
{
	struct session *s = argument;
	struct run *r = s->run;
	struct bench *b = r->b;
	double start = now();
	numbered(b->o.to, 1 + s->id % b->o.users, s->to, sizeof s->to);
	bool open = imap_open(&s->m, b, b->o.port, b->o.tls,
			      1 + s->id % b->o.users);
	if (open) {
		samples_add(&r->login, now() - start);
		prepare(s);
	}
	gather(r, 1);
	if (open)
		draw_all(s);
	gather(r, 2);
	if (open)
		finish(s);
	r->live--;
}

static void conduct(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	struct session *all = zeroed((size_t)b->o.sessions, sizeof *all);
	r->made = usage_now(b);
	r->live = b->o.sessions;
	for (int i = 0; i < b->o.sessions; i++) {
		all[i].run = r;
		all[i].id = i;
		all[i].state = b->o.seed * 7919u + (uint64_t)i;
		loop_start(b->loop, session, &all[i]);
	}
	while (r->gathered < b->o.sessions)
		loop_sleep(b->loop, 5);
	r->begun = usage_now(b);
	if (b->o.seconds > 0)
		r->stop = now() + b->o.seconds;
	r->gathered = 0;
	r->phase = 1;
	while (r->gathered < b->o.sessions)
		loop_sleep(b->loop, 2);
	r->ended = usage_now(b);
	r->phase = 2;
	while (r->live > 0)
		loop_sleep(b->loop, 5);
	free(all);
}

static void json_mix(struct run *r)
{
	struct bench *b = r->b;
	for (int i = 0; i < MIX_COUNT; i++) {
		char key[64];
		struct samples *s = &r->each[i];
		if (s->count == 0)
			continue;
		(void)snprintf(key, sizeof key, "%s_n", mix_names[i]);
		json_int(b, key, (long)s->count);
		(void)snprintf(key, sizeof key, "%s_p50_ms", mix_names[i]);
		json_number(b, key, samples_at(s, .5));
		(void)snprintf(key, sizeof key, "%s_p99_ms", mix_names[i]);
		json_number(b, key, samples_at(s, .99));
		say(b, "  %-12s %7zu  p50 %8.3f ms  p99 %8.3f ms\n",
		    mix_names[i], s->count, samples_at(s, .5),
		    samples_at(s, .99));
		free(s->us);
	}
}

int cmd_imap(struct bench *b)
{
	struct run r = {.b = b};
	int total = 0;
	for (int i = 0; i < MIX_COUNT; i++)
		total += b->o.weights[i];
	if (total == 0)
		die("all weights are 0");
	loop_start(b->loop, conduct, &r);
	loop_run(b->loop);
	double wall = r.ended.at - r.begun.at, done = (double)r.done;
	json_int(b, "sessions", b->o.sessions);
	json_int(b, "users", b->o.users);
	json_int(b, "init", b->o.init);
	json_int(b, "size", b->o.size);
	json_text(b, "tls", tls_name(b->o.tls));
	if (b->o.init > 0)
		json_number(b, "setup_append_per_s",
			    (double)(b->o.init * b->o.sessions) /
				    (r.begun.at - r.made.at));
	json_int(b, "ops", r.done);
	json_number(b, "wall_s", wall);
	json_number(b, "ops_per_s", done / wall);
	json_number(b, "login_p50_ms", samples_at(&r.login, .5));
	say(b,
	    "%s imap: %d sessions: %ld ops in %.2f s = %.0f/s; server cpu %.0f "
	    "us/op\n",
	    b->o.label, b->o.sessions, r.done, wall, done / wall,
	    usage_server_us(&r.begun, &r.ended, done));
	json_mix(&r);
	json_usage(b, &r.begun, &r.ended, done, "op");
	free(r.login.us);
	return report_done(b);
}

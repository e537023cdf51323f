/* SPDX-License-Identifier: Apache-2.0 */
/* imapcmd: one IMAP command again and again; count: what the boxes hold. */
#include <stdlib.h>

#include "bench.h"
#include "conn.h"
#include "cost.h"
#include "fiber.h"
#include "imap.h"

struct run {
	struct bench *b;
	struct imap m;
	struct check check;
	struct samples took;
	double select, first; /* seconds, milliseconds */
	uint64_t bytes;
	struct usage begun, ended;
	long total, checked, bad;
};

static void repeat(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	struct imap *m = &r->m;
	if (!imap_open(m, b, b->o.port, b->o.tls, b->o.as))
		return;
	double start = now();
	bool good = imap_do(m, "SELECT %s", b->o.box) == ANSWER_OK;
	r->select = now() - start;
	uint64_t before = m->c->taken;
	r->begun = usage_now(b);
	if (b->o.verify)
		m->check = &r->check;
	for (int i = 0; good && i < b->o.repeat; i++) {
		m->fetched = m->found = m->checked = m->bad = 0;
		start = now();
		good = imap_do(m, "%s", b->o.cmd) == ANSWER_OK;
		samples_add(&r->took, now() - start);
		if (i == 0)
			r->first = (now() - start) * 1000;
		if (m->bad > 0)
			failed(b, "%ld of %ld bodies wrong", m->bad,
			       m->checked);
	}
	r->ended = usage_now(b);
	r->bytes = m->c->taken - before;
	imap_close(m);
}

int cmd_imapcmd(struct bench *b)
{
	struct run r = {.b = b};
	if (b->o.cmd == NULL)
		die("--cmd is needed");
	loop_start(b->loop, repeat, &r);
	loop_run(b->loop);
	double wall = r.ended.at - r.begun.at, times = (double)r.took.count;
	double fetched = (double)r.m.fetched;
	json_text(b, "imap", b->o.cmd);
	json_int(b, "exists", r.m.exists);
	json_int(b, "fetched", r.m.fetched);
	json_int(b, "found", r.m.found);
	json_number(b, "select_ms", r.select * 1000);
	json_number(b, "first_ms", r.first);
	json_samples(b, "", &r.took);
	json_number(b, "MBps", wall > 0 ? (double)r.bytes / wall / 1e6 : 0);
	if (r.m.fetched > 0)
		json_number(b, "fetch_per_s", fetched * times / wall);
	if (b->o.expect >= 0 && r.m.fetched + r.m.found != b->o.expect)
		failed(b, "answer %ld, not %ld", r.m.fetched + r.m.found,
		       b->o.expect);
	json_usage(b, &r.begun, &r.ended,
		   times * (r.m.fetched > 0 ? fetched : 1),
		   r.m.fetched > 0 ? "msg" : "cmd");
	say(b, "%s %s: exists %ld fetched %ld found %ld: p50 %.2f ms\n",
	    b->o.label, b->o.cmd, r.m.exists, r.m.fetched, r.m.found,
	    samples_at(&r.took, .5));
	free(r.took.us);
	return report_done(b);
}

static void count_boxes(void *argument)
{
	struct run *r = argument;
	struct bench *b = r->b;
	for (int user = 1; user <= b->o.users; user++) {
		struct imap *m = &r->m;
		if (!imap_open(m, b, b->o.port, b->o.tls, user))
			continue;
		if (imap_do(m, "STATUS %s (MESSAGES)", b->o.box) == ANSWER_OK)
			r->total += m->messages;
		if (b->o.verify && m->messages > 0 &&
		    imap_do(m, "EXAMINE %s", b->o.box) == ANSWER_OK) {
			m->check = &r->check;
			(void)imap_do(m, "FETCH 1:* (BODY.PEEK[])");
			r->checked += m->checked;
			r->bad += m->bad;
		}
		imap_close(m);
	}
}

int cmd_count(struct bench *b)
{
	struct run r = {.b = b};
	loop_start(b->loop, count_boxes, &r);
	loop_run(b->loop);
	json_int(b, "messages", r.total);
	if (b->o.verify) {
		json_int(b, "checked", r.checked);
		json_int(b, "bad", r.bad);
	}
	if (r.bad > 0 || (b->o.verify && r.checked != r.total))
		failed(b, "%ld bodies are wrong, %ld of %ld came", r.bad,
		       r.checked, r.total);
	if (b->o.expect >= 0 && r.total != b->o.expect)
		failed(b, "%ld messages, not %ld", r.total, b->o.expect);
	say(b, "%s count: %ld messages, %ld checked, %ld bad\n", b->o.label,
	    r.total, r.checked, r.bad);
	return report_done(b);
}

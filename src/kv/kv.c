/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/kv: staging, groups, the order of answers.
 *
 * One group is being written, one is being built.  A commit is staged into the
 * building group: its rows enter the space's overlay, the staged head moves.
 * When the written group comes back, good commits leave the overlay (their
 * rows are the engine's now) and move the visible head; a bad one takes every
 * later commit of its space with it, because those were built on it.
 *
 * Must never: answer, hint or show as visible what is not durable.
 */
#include "kv/kv.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "kv/front.h"

static void group_init(struct group *g)
{
	*g = (struct group){0};
	g->last = &g->first;
}

struct kv *kv_over(struct engine *engine)
{
	struct kv *kv = calloc(1, sizeof(*kv));
	if (kv) {
		kv->tag = KV_TAG;
		kv->engine = engine;
		kv->diced = KV_DICE;
		kv->reserve_percent = KV_RESERVE_PERCENT;
		kv->reserve_least = KV_RESERVE_LEAST;
		kv->chain_count = 64;
		kv->chains = calloc(kv->chain_count, sizeof(struct kv_space *));
	}
	if (!kv || !kv->chains) {
		free(kv);
		engine->ops->close(engine);
		return NULL;
	}
	group_init(&kv->building);
	kv->ready_last = &kv->ready;
	return kv;
}

/* ---- answers ---- */

static void answer(struct staged *c, enum kv_result result)
{
	struct kv_space *s = c->space;
	struct kv_done said = {.result = result};
	c->batch->busy = false;
	s->waiting--;
	if (result == KV_OK) {
		said.turn = c->head.turn;
		said.version = c->head.version;
	}
	s->kv->stats.conflicts += result == KV_CONFLICT;
	s->kv->stats.unknown += result == KV_UNKNOWN;
	c->done(c->arg, &said);
	kv_space_close(s);
	free(c);
}

static void answer_all(struct staged *c)
{
	for (struct staged *next; c; c = next) {
		next = c->next;
		answer(c, c->result);
	}
}

static void space_fail(struct kv_space *s)
{
	s->failed = true;
	if (s->rows)
		kv_sorted_clear(s->rows);
}

/* The space's head as the engine has it; the old one when it cannot say. */
static void space_reload(struct kv_space *s)
{
	struct kv *kv = s->kv;
	struct buf b;
	struct head head = {0};
	buf_init(&b, HEAD_MAX);
	enum kv_result r = kv->engine->ops->head(kv->engine, s->name, &b);
	if (r == KV_NONE || (r == KV_OK && kv_head_read(buf_span(&b), &head)))
		s->visible = head;
	s->staged = s->visible;
	buf_free(&b);
}

/* Remember a space until its group's hints are out. */
static void touch(struct kv_space *s, struct kv_space **list)
{
	if (s->touched)
		return;
	s->touched = true;
	s->users++;
	s->touched_next = *list;
	*list = s;
}

/* Commits of failed spaces (or all) leave the building group, in order. */
static struct staged *take_failed(struct kv *kv, bool all,
				  struct kv_space **touched)
{
	struct staged *out = NULL, **last = &out, **at = &kv->building.first;
	while (*at) {
		struct staged *c = *at;
		if (!all && !c->space->failed) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		kv->building.bytes -= c->bytes;
		kv->stats.staged_bytes -= c->bytes;
		space_fail(c->space);
		touch(c->space, touched);
		c->result = all ? KV_UNAVAILABLE : KV_CONFLICT;
		c->next = NULL;
		*last = c;
		last = &c->next;
	}
	kv->building.last = at;
	return out;
}

/* ---- finishing a group ---- */

static void commit_visible(struct kv *kv, struct staged *c)
{
	struct kv_space *s = c->space;
	struct kv_batch *b = c->batch;
	for (size_t i = 0; i < b->count; i++)
		if (b->rows[i].node->mark == b->rows[i].seq)
			kv_sorted_remove(s->rows, batch_key(b, i));
	s->visible = c->head;
	kv->stats.commits++;
	kv->stats.rows += b->count;
	kv->stats.row_bytes += buf_len(&b->bytes);
	kv->stats.bodies += b->body_count;
	kv->stats.body_bytes += b->body_bytes;
}

/* What became of each commit; true: reads have to move on. */
static bool judge(struct kv *kv, struct group *g, struct kv_space **touched)
{
	bool any = false;
	for (struct staged *c = g->first; c; c = c->next) {
		touch(c->space, touched);
		if (c->space->failed && c->result == KV_OK)
			c->result = KV_CONFLICT; /* a barrier behind a failure */
		if (c->result != KV_OK)
			space_fail(c->space);
		else if (!c->barrier) {
			commit_visible(kv, c);
			any = true;
		}
	}
	return any;
}

static void space_settle(struct kv_space *s)
{
	if (!s->failed)
		return;
	s->failed = false;
	if (s->kv->down)
		s->staged = s->visible;
	else
		space_reload(s);
}

static void hint(struct kv_space *s)
{
	if (s->told == s->visible.version)
		return;
	s->told = s->visible.version;
	for (struct kv_watch *w = s->watches, *next; w; w = next) {
		next = w->next;
		w->moved(w, s, s->told);
	}
}

static void hint_all(struct kv_space *s)
{
	for (struct kv_space *next; s; s = next) {
		next = s->touched_next;
		s->touched = false;
		hint(s);
		kv_space_close(s);
	}
}

static void finish_group(struct kv *kv)
{
	struct group g = *kv->writing;
	struct kv_space *touched = NULL;
	kv->writing = NULL;
	kv->stats.groups += g.writes;
	kv->stats.staged_bytes -= g.bytes;
	kv->down |= g.broken;
	if (judge(kv, &g, &touched))
		kv->engine->ops->advance(kv->engine);
	struct staged *lost = take_failed(kv, g.broken, &touched);
	for (struct kv_space *s = touched; s; s = s->touched_next)
		space_settle(s);
	answer_all(g.first);
	answer_all(lost);
	hint_all(touched);
}

/* ---- starting a group ---- */

/* Rows that a later commit of the group overwrites need not be written. */
static void mark_stale(struct group *g)
{
	for (struct staged *c = g->first; c; c = c->next)
		for (size_t i = 0; !c->barrier && i < c->batch->count; i++) {
			struct batch_row *row = &c->batch->rows[i];
			row->stale = row->node->mark != row->seq;
		}
}

static void mark_last(struct group *g)
{
	for (struct staged *c = g->first; c; c = c->next)
		if (!c->barrier) {
			g->writes = true;
			c->last = c->head.turn == c->space->staged.turn;
		}
}

static void start_group(struct kv *kv)
{
	kv->written = kv->building;
	if (kv->building.first)
		kv->written.last = kv->building.last;
	kv->writing = &kv->written;
	group_init(&kv->building);
	mark_stale(kv->writing);
	mark_last(kv->writing);
	kv->writing->engine = kv->engine;
	if (kv->writing->writes)
		kv->engine->ops->start(kv->engine, kv->writing);
}

/* A group of barriers alone has nothing to wait for, and nobody to wake us. */
static void next_group(struct kv *kv)
{
	while (!kv->writing && kv->building.first && !kv->down) {
		start_group(kv);
		if (kv->writing->writes)
			return;
		finish_group(kv);
	}
}

/* ---- reopening ---- */

static void reopen_run(struct worker_job *job)
{
	struct kv *kv = CONTAINER_OF(job, struct kv, reopen_job);
	kv->reopen_result = kv->engine->ops->reopen(kv->engine);
}

/* In the order in which they began to wait: later batches were built on the
 * earlier ones. */
static void wake_all(struct kv *kv)
{
	struct waiter *w = NULL;
	for (struct waiter *last = kv->waiters, *next; last; last = next) {
		next = last->next;
		last->next = w;
		w = last;
	}
	kv->waiters = NULL;
	for (struct waiter *next; w; w = next) {
		next = w->next;
		w->woken(w);
	}
}

static void reopen_done(struct kv *kv)
{
	kv->reopening = false;
	if (kv->reopen_result != KV_OK) {
		kv->reopen_at = world_now(kv->engine->world) + KV_REOPEN_EVERY;
	} else {
		kv->down = false;
		kv->stats.reopened++;
		for (size_t i = 0; i < kv->chain_count; i++)
			for (struct kv_space *s = kv->chains[i]; s; s = s->next)
				space_reload(s);
		for (size_t i = 0; i < kv->chain_count; i++)
			for (struct kv_space *s = kv->chains[i]; s; s = s->next)
				hint(s);
	}
	wake_all(kv);
}

static void reopen_start(struct kv *kv)
{
	if (!kv->down || kv->reopening || kv->jobs > 0 || kv->writing ||
	    world_now(kv->engine->world) < kv->reopen_at)
		return;
	kv->reopening = true;
	kv->reopen_job.run = reopen_run;
	if (kv->engine->workers)
		workers_submit(kv->engine->workers, LANE_WRITE,
			       &kv->reopen_job);
	else {
		reopen_run(&kv->reopen_job);
		reopen_done(kv);
	}
}

void kv_front_wait_up(struct kv *kv, struct waiter *w)
{
	w->next = kv->waiters;
	kv->waiters = w;
}

/* ---- the loop's side ---- */

static void claim_jobs(struct kv *kv)
{
	struct worker_job *job;
	while (kv->engine->workers &&
	       (job = workers_finished(kv->engine->workers))) {
		if (job == &kv->reopen_job)
			reopen_done(kv);
		else if (kv->writing && job == &kv->writing->job)
			finish_group(kv);
		else
			kv_front_body_done(CONTAINER_OF(job, struct body_job, job));
	}
	struct body_job *ready = kv->ready;
	kv->ready = NULL;
	kv->ready_last = &kv->ready;
	for (struct body_job *next; ready; ready = next) {
		next = ready->next;
		kv_front_body_done(ready);
	}
}

bool kv_poll(struct kv *kv)
{
	ENSURE_TAG(kv, KV_TAG);
	ENSURE(kv->scans == 0 && !kv->polling);
	kv->polling = true;
	claim_jobs(kv);
	if (kv->writing &&
	    (!kv->writing->writes ||
	     kv->engine->ops->finish(kv->engine, kv->writing)))
		finish_group(kv);
	reopen_start(kv);
	next_group(kv);
	kv->polling = false;
	return kv->writing || kv->building.first || kv->jobs ||
	       kv->reopening || kv->waiters;
}

bool kv_pause(struct kv *kv)
{
	bool more = kv_poll(kv);
	if (more && kv->engine->workers)
		workers_wait(kv->engine->workers);
	return more;
}

void kv_wait(struct kv *kv)
{
	while (kv_pause(kv))
		;
}

int kv_fd(const struct kv *kv)
{
	ENSURE_TAG(kv, KV_TAG);
	return kv->engine->workers ? workers_fd(kv->engine->workers) : -1;
}

bool kv_up(const struct kv *kv)
{
	ENSURE_TAG(kv, KV_TAG);
	return !kv->down;
}

static void answer_unknown(struct staged *c)
{
	for (struct staged *i = c; i; i = i->next)
		i->result = KV_UNKNOWN;
	answer_all(c);
}

static void kv_end(struct kv *kv, void (*end)(struct engine *))
{
	ENSURE(kv->scans == 0);
	kv->abandoned = kv->down = true;
	struct staged *rest = kv->building.first;
	group_init(&kv->building);
	while (kv->engine->workers && (kv->jobs || kv->reopening ||
				       (kv->writing && kv->writing->writes))) {
		workers_wait(kv->engine->workers);
		claim_jobs(kv);
	}
	claim_jobs(kv);
	end(kv->engine);
	if (kv->writing)
		answer_unknown(kv->writing->first);
	answer_unknown(rest);
	wake_all(kv);
	for (size_t i = 0; i < kv->chain_count; i++)
		for (struct kv_space *s = kv->chains[i], *next; s; s = next) {
			next = s->next;
			kv_sorted_free(s->rows);
			s->tag = 0;
			free(s);
		}
	kv->tag = 0;
	free(kv->chains);
	free(kv);
}

void kv_close(struct kv *kv)
{
	if (!kv)
		return;
	if (!kv->down)
		kv_wait(kv);
	kv_end(kv, kv->engine->ops->close);
}

void kv_abandon(struct kv *kv)
{
	ENSURE_TAG(kv, KV_TAG);
	void (*cut)(struct engine *) = kv->engine->ops->power_cut;
	kv_end(kv, cut ? cut : kv->engine->ops->close);
}

void kv_stats(const struct kv *kv, struct kv_stats *out)
{
	ENSURE_TAG(kv, KV_TAG);
	*out = kv->stats;
	out->open_spaces = kv->space_count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/slot: fibers that lease, carry and settle.
 *
 * A few wait at the store at any time; whenever one gets work and none is left
 * waiting, another one is started, up to the limit of the configuration.  Those
 * that are too many end when their work is done.
 *
 * Must never: have more than the limit at work, nor leave the store without
 * anybody who waits while there is room.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "role/courier/job.h"
#include "role/courier/line.h"

#define PAUSE_NS  NS_PER_SEC /* after an answer that is none */
#define PREFER_MAX 255u

struct slot {
	struct courier *courier;
	struct list link;
	struct fiber *fiber;
	struct arena *arena;
	bool waiting; /* for a lease */
	char prefer[PREFER_MAX]; /* where it was last */
	size_t prefer_len;
};

static void slot_run(void *arg);

static void slot_add(struct courier *c)
{
	struct slot *s = calloc(1, sizeof *s);
	struct fiber *f = NULL;
	if (s != NULL) {
		*s = (struct slot){.courier = c, .arena = arena_new(COURIER_MEMORY)};
		if (s->arena != NULL)
			f = fiber_start(c->role->loop, slot_run, s);
	}
	if (f == NULL) { /* memory is short: the others go on */
		if (s != NULL)
			arena_free(s->arena);
		free(s);
		return;
	}
	s->fiber = f;
	list_push_back(&c->slots, &s->link);
	c->slot_count++;
}

void slots_wake(struct courier *c)
{
	if (c->serving && !c->draining && c->store != NULL && c->waiting == 0 &&
	    c->slot_count < c->conf->outgoing.connections)
		slot_add(c);
}

/* ---- a lease --------------------------------------------------------------- */

static enum ipc_result ask(struct slot *s, bool only,
			   struct courier_store_lease_reply *l)
{
	struct courier *c = s->courier;
	struct courier_store_lease m = {
		.prefer = span_of(s->prefer, s->prefer_len), .only = only};
	arena_reset(s->arena);
	s->waiting = !only;
	c->waiting += s->waiting;
	enum ipc_result r =
		courier_store_lease(c->store, &m, s->arena, l, IPC_NEVER);
	c->waiting -= s->waiting;
	s->waiting = false;
	return r;
}

static bool goes_on(const struct slot *s)
{
	const struct courier *c = s->courier;
	return c->store != NULL && c->serving && !c->draining &&
	       !fiber_stopped(s->fiber);
}

static void pause_for(struct slot *s)
{
	struct loop *l = s->courier->role->loop;
	(void)!fiber_sleep_until(l, loop_now(l) + PAUSE_NS);
}

/* Something of where the last message went, while a connection is open. */
static bool more_of_the_same(struct slot *s, struct courier_store_lease_reply *l)
{
	return s->prefer_len > 0 && s->courier->line_count > 0 && goes_on(s) &&
	       ask(s, true, l) == IPC_OK &&
	       l->answer == COURIER_STORE_ANSWER_YES;
}

/* False: there is nothing more to do for this slot. */
static bool next_lease(struct slot *s, struct courier_store_lease_reply *l)
{
	struct courier *c = s->courier;
	if (more_of_the_same(s, l))
		return true;
	while (goes_on(s)) {
		if (c->waiting >= COURIER_WAITING)
			return false;
		enum ipc_result r = ask(s, false, l);
		if (r == IPC_OK && l->answer == COURIER_STORE_ANSWER_YES)
			return true;
		if (r == IPC_STOPPED)
			return false;
		pause_for(s);
	}
	return false;
}

static void remember(struct slot *s, struct span destination)
{
	s->prefer_len = destination.len <= PREFER_MAX ? destination.len : 0;
	memcpy(s->prefer, destination.ptr, s->prefer_len);
}

/* ---- life ------------------------------------------------------------------ */

/* What was counted in the last minute is for the store, too. */
static void leave(void *arg)
{
	struct courier *c = arg;
	if (!courier_tlsrpt_save(c->tlsrpt))
		LOG(c->role->log, NOTICE, "tlsrpt.not-saved", 0,
		    F_CSTR("why", "the store does not answer"));
	role_drained(c->role);
	c->slot_count--;
}

static void drain_look(struct courier *c)
{
	if (!c->draining || c->drained || c->slot_count > 0)
		return;
	c->drained = true;
	timer_stop(&c->drain);
	lines_end(c);
	c->slot_count++; /* a fiber like the others */
	if (fiber_start(c->role->loop, leave, c) != NULL)
		return;
	c->slot_count--;
	role_drained(c->role);
}

static void slot_run(void *arg)
{
	struct slot *s = arg;
	struct courier *c = s->courier;
	struct courier_store_lease_reply l;
	while (next_lease(s, &l)) {
		uint64_t epoch = c->epoch;
		c->counts.leased++;
		slots_wake(c);
		carry(c, s->arena, epoch, &l);
		remember(s, l.destination);
	}
	list_remove(&s->link);
	c->slot_count--;
	arena_free(s->arena);
	free(s);
	slots_wake(c);
	drain_look(c);
}

static void on_time(struct timer *t)
{
	slots_end(t->arg);
}

/* What waits ends now, what is on its way within the time. */
void slots_drain(struct courier *c, uint32_t within_ms)
{
	c->draining = true;
	LIST_EACH (&c->slots, at) {
		struct slot *s = CONTAINER_OF(at, struct slot, link);
		if (s->waiting)
			fiber_stop(s->fiber);
	}
	if (!timer_start(c->role->loop, &c->drain,
			 courier_within(c, within_ms * NS_PER_MS), on_time, c))
		slots_end(c);
	drain_look(c);
}

void slots_end(struct courier *c)
{
	LIST_EACH (&c->slots, at)
		fiber_stop(CONTAINER_OF(at, struct slot, link)->fiber);
}

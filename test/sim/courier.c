/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Couriers: what is for elsewhere they lease, and deliver, or not yet, or never; now
 * and then one dies with what it has.
 *
 * A settle that was answered yes is the end of those recipients: nobody is given them
 * again.  When all is quiet each message that was taken for elsewhere has gone there or
 * was given up, one that was refused never left, and the ledger of the queue balances.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ipc/ipc.h"
#include "storm.h"

#define COURIERS 3u
#define PATIENCE (600 * NS_PER_SEC)

struct courier {
	struct storm *storm;
	struct dice dice;
};

static void dies(struct storm *s)
{
	struct courier_store *c = s->courier;

	s->courier = NULL; /* a new one comes with the next who is raised */
	ipc_free(courier_store_ipc(c));
}

static enum courier_store_fate fate(struct courier *me)
{
	if (me->storm->stop)
		return COURIER_STORE_FATE_DELIVERED;
	if (dice_chance(&me->dice, 30))
		return COURIER_STORE_FATE_DEFERRED;
	return dice_chance(&me->dice, 15) ? COURIER_STORE_FATE_FAILED
					  : COURIER_STORE_FATE_DELIVERED;
}

static struct away *away_of(struct courier *me, unsigned token,
			    const struct courier_store_recipient *r)
{
	bool alias = span_ends(r->address, SPAN("@elsewhere.test"));

	return &me->storm->ledger.away[token][alias ? 1 : 0];
}

static unsigned token_of(struct courier *me, const struct courier_store_lease_reply *l)
{
	unsigned token = ledger_token(l->body);

	if (token == LEDGER_TOKENS)
		storm_fail("a courier got a message that nobody sent");
	if (l->size == l->body.len && !ledger_same(&me->storm->ledger, token, l->body))
		storm_fail("message %u reached a courier with other bytes", token);
	for (size_t i = 0; i < l->recipients_count; i++) {
		const struct away *w = away_of(me, token, &l->recipients[i]);
		if (w->over)
			storm_fail("message %u was leased again after it was settled", token);
		if (w->said == SAID_NO)
			storm_fail("message %u was refused, and goes out", token);
	}
	return token;
}

/* Later is not done: what was leased stays ours until it is said. */
static bool says(struct courier *me, const struct courier_store_settle *m, struct arena *a)
{
	struct storm *s = me->storm;
	struct loop *loop = house_loop(s->town->house);
	struct courier_store_settle_reply r;

	do {
		if (s->courier == NULL ||
		    courier_store_settle(s->courier, m, a, &r, IPC_NEVER) != IPC_OK)
			return false;
	} while (r.answer == COURIER_STORE_ANSWER_LATER &&
		 fiber_sleep_until(loop, loop_now(loop) + NS_PER_SEC) == WOKE_TIMEOUT);
	return r.answer == COURIER_STORE_ANSWER_YES;
}

static void settles(struct courier *me, unsigned token,
		    const struct courier_store_lease_reply *l, struct arena *a)
{
	struct courier_store_outcome o[LEDGER_WAYS] = {{0}};
	struct courier_store_settle m = {
		.lease = l->lease, .outcomes = o, .outcomes_count = l->recipients_count};

	if (!me->storm->stop)
		m.mood = (enum courier_store_mood)dice_below(&me->dice, 3);
	for (size_t i = 0; i < l->recipients_count; i++) {
		o[i].n = l->recipients[i].n;
		o[i].fate = l->work == COURIER_STORE_WORK_EXPIRED ? COURIER_STORE_FATE_FAILED
								 : fate(me);
		/* Whether it is known may stay unclear: the answer can be lost. */
		if (l->work != COURIER_STORE_WORK_DELAY &&
		    o[i].fate != COURIER_STORE_FATE_DEFERRED)
			away_of(me, token, &l->recipients[i])->carried++;
	}
	bool done = says(me, &m, a);
	storm_say(me->storm, "message %u elsewhere: fate %u, %s", token, o[0].fate,
		  done ? "settled" : "not settled");
	for (size_t i = 0; done && i < l->recipients_count; i++)
		if (l->work != COURIER_STORE_WORK_DELAY &&
		    o[i].fate != COURIER_STORE_FATE_DEFERRED)
			away_of(me, token, &l->recipients[i])->over = true;
}

static void works(struct courier *me, struct arena *a)
{
	struct storm *s = me->storm;
	struct loop *loop = house_loop(s->town->house);
	struct courier_store_lease m = {.only = false};
	struct courier_store_lease_reply l;

	if (courier_store_lease(s->courier, &m, a, &l, loop_now(loop) + PATIENCE) != IPC_OK ||
	    l.answer != COURIER_STORE_ANSWER_YES)
		return;
	if (l.recipients_count == 0 || l.recipients_count > LEDGER_WAYS)
		storm_fail("a courier got %zu recipients", l.recipients_count);
	unsigned token = token_of(me, &l);
	storm_say(s, "message %u to %.*s is leased, job %.*s, lease %llu", token,
		  SPAN_FMT(l.recipients[0].address), SPAN_FMT(l.job),
		  (unsigned long long)l.lease);
	(void)!fiber_sleep_until(loop, loop_now(loop) + dice_below(&me->dice, 3000) * NS_PER_MS);
	if (s->courier != NULL && !s->stop && dice_chance(&me->dice, 10))
		dies(s);
	if (s->courier != NULL)
		settles(me, token, &l, a);
}

static void lives(void *arg)
{
	struct courier *me = arg;
	struct storm *s = me->storm;
	struct loop *loop = house_loop(s->town->house);
	struct arena *a = arena_new(1u << 20);

	while (!s->over) {
		if (s->courier != NULL)
			works(me, a);
		if (!s->over)
			(void)!fiber_sleep_until(loop, loop_now(loop) + 100 * NS_PER_MS);
		arena_reset(a);
	}
	arena_free(a);
	free(me);
	s->couriers--;
}

void couriers_begin(struct storm *s)
{
	for (unsigned i = 0; i < COURIERS; i++) {
		struct courier *me = calloc(1, sizeof *me);
		if (me == NULL)
			storm_fail("memory is short");
		*me = (struct courier){s, {dice_draw(&s->dice)}};
		s->couriers++;
		if (fiber_start(house_loop(s->town->house), lives, me) == NULL)
			storm_fail("no stack for a courier");
	}
}

void couriers_end(struct storm *s)
{
	s->over = true;
	if (s->courier != NULL)
		dies(s);
	for (unsigned i = 0; i < 100 && s->couriers > 0; i++)
		house_run(s->town->house, 100);
	if (s->couriers > 0)
		storm_fail("%u couriers do not end", s->couriers);
}

/* ---- what must hold when all is quiet ------------------------------------------------ */

static void check_book(struct storm *s)
{
	struct arena *a = arena_new(1u << 20);
	struct admin_store_queue_ledger m = {.recount = true};
	struct admin_store_queue_ledger_reply r;

	do {
		if (admin_store_queue_ledger(s->admin, &m, a, &r, IPC_NEVER) != IPC_OK ||
		    r.answer != ADMIN_STORE_ANSWER_DONE)
			storm_fail("the ledger of the queue cannot be read");
		if (r.accepted != r.delivered + r.bounced + r.discarded + r.held + r.open ||
		    r.open != r.seen_open || r.held != r.seen_held || r.open != 0)
			storm_fail("the ledger of the queue does not balance: %llu accepted, "
				   "%llu delivered, %llu bounced, %llu open, %llu seen",
				   (unsigned long long)r.accepted,
				   (unsigned long long)r.delivered,
				   (unsigned long long)r.bounced, (unsigned long long)r.open,
				   (unsigned long long)r.seen_open);
		m.from = r.next;
	} while (r.more);
	arena_free(a);
}

void check_away(void *arg)
{
	struct storm *s = arg;

	check_book(s);
	for (unsigned i = 0; i < s->ledger.count * LEDGER_WAYS; i++) {
		unsigned t = i / LEDGER_WAYS;
		const struct away *w = &s->ledger.away[t][i % LEDGER_WAYS];
		if (w->said == SAID_YES && w->carried == 0 && !w->over)
			storm_fail("message %u was taken for elsewhere and never went there", t);
		s->ledger.sent += w->said == SAID_YES;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator: accounts come and go and come back, limits change, aliases
 * are made, verification runs beside it all.
 *
 * What waits for others is held, let go, tried at once, removed or sent back.
 *
 * The last account, u4, is removed and restored; what was promised to it must be
 * there when it is back.
 */
#include <stdio.h>

#include "ipc/ipc.h"
#include "storm.h"

#define LAST     (TOWN_PEOPLE - 1)
#define LAST_AT  SPAN("u4@example.test")
#define DEADLINE (60 * NS_PER_SEC)

static uint64_t deadline(struct person *p)
{
	return world_now(house_world(p->storm->town->house)) + DEADLINE;
}

static void removes(struct person *p, struct arena *a)
{
	struct admin_store_account_remove m = {.name = LAST_AT};
	struct admin_store_account_remove_reply r = {0};

	(void)!admin_store_account_remove(p->storm->admin, &m, a, &r, deadline(p));
}

static void restores(struct person *p, struct arena *a)
{
	struct admin_store_account_restore m = {.name = LAST_AT};
	struct admin_store_account_restore_reply r = {0};

	(void)!admin_store_account_restore(p->storm->admin, &m, a, &r, deadline(p));
}

static void limits(struct person *p, struct arena *a)
{
	char name[32];
	struct admin_store_account_set m = {.has_quota = true};
	struct admin_store_account_set_reply r = {0};

	(void)snprintf(name, sizeof name, "u%u@example.test",
		       (unsigned)dice_below(&p->dice, TOWN_PEOPLE));
	m.name = span_cstr(name);
	m.quota = dice_chance(&p->dice, 50) ? 0 : 5000 + dice_below(&p->dice, 40000);
	(void)!admin_store_account_set(p->storm->admin, &m, a, &r, deadline(p));
}

static void alias(struct person *p, struct arena *a)
{
	struct span to[] = {SPAN("u0@example.test"), SPAN("u3@example.test")};
	struct admin_store_alias_add m = {.name = SPAN("other@example.test"),
					  .targets = to, .targets_count = 1};
	struct admin_store_alias_add_reply r = {0};
	struct admin_store_alias_remove gone = {.name = m.name};
	struct admin_store_alias_remove_reply rr = {0};

	enum said *now = &p->storm->alias;

	if (dice_chance(&p->dice, 50))
		*now = admin_store_alias_add(p->storm->admin, &m, a, &r, deadline(p)) ==
				       IPC_OK &&
			       (r.answer == ADMIN_STORE_ANSWER_DONE ||
				r.answer == ADMIN_STORE_ANSWER_EXISTS)
			       ? SAID_YES
			       : SAID_MAYBE;
	else
		*now = admin_store_alias_remove(p->storm->admin, &gone, a, &rr,
						deadline(p)) == IPC_OK &&
				       (rr.answer == ADMIN_STORE_ANSWER_DONE ||
					rr.answer == ADMIN_STORE_ANSWER_UNKNOWN)
			       ? SAID_NO
			       : SAID_MAYBE;
}

static void account(struct person *p, struct arena *a)
{
	char name[32];
	struct admin_store_account_add m = {.quota = 0};
	struct admin_store_account_add_reply r = {0};

	unsigned n = (unsigned)dice_below(&p->dice, GUESTS);

	(void)snprintf(name, sizeof name, "guest%02u@example.test", n);
	m.name = span_cstr(name);
	if (admin_store_account_add(p->storm->admin, &m, a, &r, deadline(p)) == IPC_OK &&
	    (r.answer == ADMIN_STORE_ANSWER_DONE || r.answer == ADMIN_STORE_ANSWER_EXISTS))
		p->storm->guests[n] = SAID_YES;
	else if (p->storm->guests[n] == SAID_NO)
		p->storm->guests[n] = SAID_MAYBE;
}

/* The same one: sessions under way do not mind, logins must go on. */
static void password(struct person *p, struct arena *a)
{
	char name[32];

	(void)snprintf(name, sizeof name, "u%u@example.test",
		       (unsigned)dice_below(&p->dice, TOWN_PEOPLE));
	if (p->storm->auth != NULL)
		(void)town_password(p->storm->auth, name, a);
}

static void verifies(struct person *p, struct arena *a)
{
	struct admin_store_fsck m = {.repair = false};
	struct admin_store_fsck_reply r = {0};

	if (admin_store_fsck(p->storm->admin, &m, a, &r, deadline(p)) == IPC_OK &&
	    r.findings_count > 0)
		storm_fail("fsck, while mail goes on: %.*s %.*s: %.*s",
			   SPAN_FMT(r.findings[0].kind), SPAN_FMT(r.findings[0].where),
			   SPAN_FMT(r.findings[0].what));
}

/* What may be removed now, or was while the request was under way. */
static void may_go(struct storm *s, unsigned domain)
{
	for (unsigned i = 0; i < s->ledger.count * LEDGER_WAYS; i++) {
		struct away *w = &s->ledger.away[i / LEDGER_WAYS][i % LEDGER_WAYS];
		if (w->said != SAID_NO && !w->over && w->domain == domain)
			w->removed = true;
	}
}

/* All that waits for a domain elsewhere: later, now, never. */
static void queue(struct person *p, struct arena *a)
{
	static const enum admin_store_queue_step steps[] = {
		ADMIN_STORE_QUEUE_STEP_HOLD, ADMIN_STORE_QUEUE_STEP_HOLD,
		ADMIN_STORE_QUEUE_STEP_RELEASE, ADMIN_STORE_QUEUE_STEP_RETRY,
		ADMIN_STORE_QUEUE_STEP_REMOVE, ADMIN_STORE_QUEUE_STEP_BOUNCE};
	struct storm *s = p->storm;
	unsigned domain = (unsigned)dice_below(&p->dice, LEDGER_DOMAINS);
	char name[32] = "elsewhere.test";
	struct admin_store_queue_change m = {.step = steps[dice_below(&p->dice, ARRAY_LEN(steps))]};
	struct admin_store_queue_change_reply r = {0};
	bool removes = m.step == ADMIN_STORE_QUEUE_STEP_REMOVE;

	if (domain < LEDGER_DOMAINS - 1)
		(void)snprintf(name, sizeof name, "d%u.test", domain);
	m.filter.destination = span_cstr(name);
	if (removes)
		may_go(s, domain);
	bool done = admin_store_queue_change(s->admin, &m, a, &r, deadline(p)) == IPC_OK &&
		    r.answer == ADMIN_STORE_ANSWER_DONE;
	if (removes)
		may_go(s, domain);
	storm_say(s, "the queue for %s: step %d, %u changed, %s", name, (int)m.step, r.changed,
		  done ? "done" : "unclear");
}

void person_administers(struct person *p)
{
	static void (*const verbs[])(struct person *, struct arena *) = {
		removes, restores, limits, alias, account, password, verifies, queue, queue};
	struct arena *a = arena_new(1u << 20);

	for (unsigned i = 0; i < p->n && person_rests(p, 3000); i++) {
		if (p->storm->admin != NULL)
			verbs[dice_below(&p->dice, ARRAY_LEN(verbs))](p, a);
		arena_reset(a);
	}
	arena_free(a);
}

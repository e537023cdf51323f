/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/guest: `isolate user`, a process for each connection.
 *
 * The porter (edge-access 0) hands over what it accepted; here it gets a process
 * that was started before and read nothing yet, or the next one that comes up.
 * The process ends with its guest.  A few stand ready; the limit is the
 * administrator's and counts all of them.
 *
 * Must never give a process a second guest, nor believe anybody but the porter
 * about guests.
 */
#include "role/supervisor/supervisor.h"

#include "base/ensure.h"

#define SPARE  4u /* stand ready */
#define OTHERS (3 * POOL_MAX + 12) /* pools that follow each other, and the rest */

_Static_assert(CONF_ISOLATED_MAX + CONF_ISOLATED_MAX / 10 + 1 + SPARE + 1 + OTHERS <=
		       ROLE_PROCESSES_MAX,
	       "a place in every role's table for each of them");

static bool isolates(const struct super *s)
{
	return s->settings.conf->processes.isolate == CONF_ISOLATE_USER;
}

bool guest_porter(const struct process *p)
{
	return p->kind == KIND_EDGE_ACCESS && p->index == 0 &&
	       isolates(p->super);
}

bool guest_place(const struct process *p)
{
	return p->kind == KIND_EDGE_ACCESS && p->index != 0 &&
	       isolates(p->super);
}

bool guest_serves(const struct process *p)
{
	return guest_place(p) && (p->state == RETIRED || p->state == LEAVING);
}

static bool spare(const struct process *p)
{
	return guest_place(p) && p->guest == NULL && p->state != FREE &&
	       !guest_serves(p);
}

void guest_json(const struct super *s, struct buf *out)
{
	size_t serve = 0, ready = 0;
	if (!isolates(s))
		return;
	for (size_t i = 0; i < s->process_count; i++) {
		const struct process *p = &s->processes[i];
		serve += guest_serves(p);
		ready += guest_place(p) && p->state == READY;
	}
	buf_printf(out,
		   ",\"isolated\":{\"limit\":%llu,\"connections\":%zu,"
		   "\"ready\":%zu}",
		   (unsigned long long)s->settings.conf->processes.isolated,
		   serve, ready);
}

/* Those that make room are still there when the next one comes. */
static size_t most(const struct super *s)
{
	size_t n = (size_t)s->settings.conf->processes.isolated;
	return n + n / 10 + 1 + SPARE;
}

static struct process *add(struct super *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->process_count; i++)
		n += s->processes[i].state != FREE &&
		     guest_place(&s->processes[i]);
	return n < most(s) ? cohort_add(s, KIND_EDGE_ACCESS) : NULL;
}

void guest_top_up(struct super *s)
{
	size_t n = 0;
	if (s->stopping || !s->up || !isolates(s))
		return;
	for (size_t i = 0; i < s->process_count; i++)
		n += spare(&s->processes[i]);
	while (n < SPARE) {
		struct process *p = add(s);
		if (p == NULL)
			return;
		process_raise(p);
		n++;
	}
}

/* The connection has ended, or was never begun: the porter counts it out. */
static void over(struct process *p, bool served)
{
	struct ipc_call *call = p->guest;
	if (p->guest_fd >= 0)
		world_close(p->super->world, p->guest_fd);
	p->guest_fd = -1;
	p->guest = NULL;
	if (call != NULL)
		boss_role_guest_answer(
			call, &(struct boss_role_guest_reply){
				      .outcome = served ? BOSS_ROLE_OUTCOME_DONE
							: BOSS_ROLE_OUTCOME_REFUSED});
}

static void gone(void *ctx, enum ipc_result r)
{
	struct process *p = ctx;
	over(p, r == IPC_OK);
	if (p->state == RETIRED && !p->super->stopping)
		process_end(p);
}

void guest_ready(struct process *p)
{
	if (p->guest == NULL || p->state != READY || p->channel == NULL)
		return;
	const struct boss_role_guest *g = p->guest_ask;
	struct boss_role_come m = {
		.listener = g->listener, .port = g->port, .socket = p->guest_fd};
	memcpy(m.address, g->address, sizeof m.address);
	p->guest_fd = -1; /* the channel's from here on */
	p->state = RETIRED;
	arena_free(p->come_arena);
	p->come_arena = arena_new(4096);
	if (p->come_arena == NULL) {
		world_close(p->super->world, m.socket);
		gone(p, IPC_NO_MEMORY);
	} else if (boss_role_come_start(p->channel, &m, p->come_arena,
					&p->come_reply, IPC_NEVER, gone,
					p) != IPC_OK) {
		gone(p, IPC_DEAD);
	}
}

/* The one that is soonest there. */
static struct process *place(struct super *s)
{
	struct process *best = NULL;
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->processes[i];
		if (spare(p) && (best == NULL || p->state > best->state))
			best = p;
	}
	if (best != NULL)
		return best;
	best = add(s);
	if (best != NULL)
		process_raise(best);
	return best;
}

void guest_came(struct process *porter, struct ipc_call *call,
		const struct boss_role_guest *m)
{
	struct super *s = porter->super;
	bool allowed = guest_porter(porter) && s->up && !s->stopping;
	struct process *p = allowed ? place(s) : NULL;
	if (p == NULL) {
		world_close(s->world, m->socket);
		ipc_refuse(call, allowed ? IPC_BUSY : IPC_NOT_NOW);
		return;
	}
	ipc_keep(call);
	p->guest = call;
	p->guest_ask = m;
	p->guest_id = m->id;
	p->guest_fd = m->socket;
	guest_ready(p);
	guest_top_up(s);
}

/* Who logged in meanwhile stays: only its process knows that for certain. */
static void leave(struct process *p)
{
	if (p->state != RETIRED)
		over(p, false); /* it has not begun */
	else if (p->channel != NULL)
		(void)boss_role_make_way(p->channel,
					 &(struct boss_role_make_way){0});
}

void guest_dismiss(struct process *porter, uint64_t id)
{
	struct super *s = porter->super;
	for (size_t i = 0; i < s->process_count && guest_porter(porter); i++)
		if (s->processes[i].guest != NULL &&
		    s->processes[i].guest_id == id) {
			leave(&s->processes[i]);
			return;
		}
}

void guest_known(struct process *p, bool known)
{
	struct super *s = p->super;
	struct boss_role_guest_known m = {.id = p->guest_id, .known = known};
	for (size_t i = 0; i < s->process_count && p->guest != NULL; i++) {
		struct process *porter = &s->processes[i];
		if (guest_porter(porter) && porter->state == READY &&
		    porter->channel != NULL)
			(void)boss_role_guest_known(porter->channel, &m);
	}
}

void guest_died(struct process *p)
{
	if (guest_place(p))
		over(p, false);
}

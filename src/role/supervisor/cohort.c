/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/cohort: one process of a pool after the other.
 *
 * A process that has done its share asks for a successor.  That one is raised
 * beside it; only when it serves is the old one told to take nothing new, so
 * nobody is refused meanwhile.  The old one ends by itself when nothing is left
 * in it; its place in the table is free then.
 *
 * A pool has POOL_MAX processes at most, those that only go on among them.  When
 * all are there, one that is full stays as it is; one that is old has the longest
 * retired one say goodbye to whoever is left in it.
 */
#include "role/supervisor/supervisor.h"

#include "base/ensure.h"

#define LEAVE_MS 10000u /* for the sessions of one that has to go */

static bool followed(enum kind k)
{
	return k == KIND_EDGE_MX || k == KIND_EDGE_ACCESS ||
	       k == KIND_SORTER_MX || k == KIND_SORTER_ACCESS;
}

/* The smallest number that no process of the kind has. */
static unsigned free_index(const struct super *s, enum kind k)
{
	unsigned index = 0;
	for (size_t i = 0; i < s->process_count; i++) {
		const struct process *p = &s->processes[i];
		if (p->state == FREE || p->kind != k || p->index != index)
			continue;
		index++;
		i = SIZE_MAX; /* again from the first */
	}
	return index;
}

/* NULL: the pool or the table is full. */
static struct process *place_for(struct super *s, enum kind k, size_t most)
{
	struct process *place = NULL;
	size_t n = 0;
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->processes[i];
		if (p->state == FREE && p->raising == NULL && p->channel == NULL)
			place = p;
		else if (p->state != FREE && p->kind == k && !guest_place(p))
			n++;
	}
	if (n >= most)
		return NULL;
	if (place == NULL && s->process_count < PROCESSES_MAX)
		place = &s->processes[s->process_count++];
	return place;
}

static struct process *make(struct super *s, enum kind k, size_t most)
{
	struct process *p = place_for(s, k, most);
	if (p == NULL)
		return NULL;
	unsigned index = free_index(s, k);
	arena_free(p->drain_arena);
	arena_free(p->retire_arena);
	arena_free(p->come_arena);
	*p = (struct process){.super = s,
			      .kind = k,
			      .index = index,
			      .state = DOWN,
			      .guest_fd = -1};
	return p;
}

struct process *cohort_add(struct super *s, enum kind k)
{
	return make(s, k, SIZE_MAX);
}

static void gone(void *ctx, enum ipc_result r)
{
	struct process *p = ctx;
	(void)r;
	if (p->state == RETIRED && !p->super->stopping)
		process_end(p);
}

static void drained(void *ctx, enum ipc_result r)
{
	(void)ctx; /* `retire` is answered, too: that is what counts */
	(void)r;
}

/* The longest retired one of its pool lets go. */
static void longest_leaves(struct super *s, enum kind k)
{
	struct process *longest = NULL;
	struct boss_role_drain m = {.within_ms = LEAVE_MS};
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->processes[i];
		if (p->state == RETIRED && p->kind == k && !p->drained &&
		    (longest == NULL || p->ready < longest->ready))
			longest = p;
	}
	if (longest == NULL || longest->channel == NULL)
		return;
	longest->drained = true;
	arena_free(longest->drain_arena);
	longest->drain_arena = arena_new(4096);
	if (longest->drain_arena != NULL)
		(void)!boss_role_drain_start(
			longest->channel, &m, longest->drain_arena,
			&longest->drain_reply, IPC_NEVER, drained, longest);
}

void cohort_worn(struct process *p, bool old)
{
	struct super *s = p->super;
	if (!s->up || s->stopping || p->state != READY || p->after != NULL ||
	    p->before != NULL || !followed(p->kind) || guest_porter(p) ||
	    guest_place(p))
		return;
	struct process *next = make(s, p->kind, POOL_MAX);
	if (next == NULL) {
		if (old)
			longest_leaves(s, p->kind);
		return;
	}
	next->before = p;
	p->after = next;
	process_raise(next);
}

void cohort_ready(struct process *p)
{
	struct process *old = p->before;
	p->before = NULL;
	if (old == NULL)
		return;
	ENSURE(old->after == p);
	old->after = NULL;
	if (old->state != READY || old->channel == NULL)
		return;
	old->state = RETIRED;
	old->retire_arena = arena_new(4096);
	if (old->retire_arena == NULL ||
	    boss_role_retire_start(old->channel, &(struct boss_role_retire){0},
				   old->retire_arena, &old->retire_reply,
				   IPC_NEVER, gone, old) != IPC_OK)
		process_end(old);
	LOG(p->super->log, INFO, "role.followed", 0,
	    F_CSTR("role", kind_name(p->kind)), F_U64("index", old->index),
	    F_U64("by", p->index));
}

bool cohort_ended(struct process *p)
{
	if (p->before != NULL) /* a successor: it is raised again */
		return false;
	if (p->state != RETIRED && p->after == NULL)
		return false;
	if (p->after != NULL) /* died early: the next one is on its way */
		p->after->before = NULL;
	p->after = NULL;
	p->state = FREE;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/load: see load.h.
 *
 * Edges are told when the level changes.  One whose channel had no room is told
 * at the next look: looks go on until all know that it is calm.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "role/store/session.h"

static const uint64_t limits[] = {
	[EDGE_STORE_LEVEL_CALM] = 0,
	[EDGE_STORE_LEVEL_WARM] = LOAD_WARM_NS,
	[EDGE_STORE_LEVEL_BUSY] = LOAD_BUSY_NS,
	[EDGE_STORE_LEVEL_FULL] = LOAD_FULL_NS,
};

bool load_judge(struct load *l, uint64_t now, uint64_t age)
{
	enum edge_store_level to = EDGE_STORE_LEVEL_FULL;
	while (to > EDGE_STORE_LEVEL_CALM && age <= limits[to])
		to--;
	l->oldest_ns = age;
	l->highest_ns = u64_max(l->highest_ns, age);
	if (to > l->level) {
		l->raised += l->level == EDGE_STORE_LEVEL_CALM;
		l->level = to;
		l->lower_since = 0;
		return true;
	}
	if (l->level == EDGE_STORE_LEVEL_CALM || age * 2 >= limits[l->level]) {
		l->lower_since = 0;
		return false;
	}
	if (l->lower_since == 0)
		l->lower_since = now;
	if (now - l->lower_since < LOAD_LEAVE_NS)
		return false;
	l->level--;
	l->lower_since = now;
	return true;
}

static uint64_t oldest(const struct store *s, uint64_t now)
{
	unsigned n = 0;
	LIST_EACH (&s->load.waiting, at) {
		const struct job *j = CONTAINER_OF(at, struct job, waits);
		if (n++ == LOAD_STRAGGLERS)
			return now > j->waits_since ? now - j->waits_since : 0;
	}
	return 0;
}

/* False: one of them has to be told again. */
static bool tell(struct store *s)
{
	bool all = true;
	struct edge_store_load m = {.level = s->load.level};
	for (size_t i = 0; i < STORE_PEERS_MAX; i++) {
		struct peer *p = &s->peers[i];
		if (p->channel == NULL || p->who.hop != HOP_EDGE_STORE ||
		    p->level == m.level)
			continue;
		if (edge_store_load(edge_store_of(p->channel), &m) == IPC_OK)
			p->level = m.level;
		else
			all = false;
	}
	return all;
}

static const char *level_name(enum edge_store_level l)
{
	static const char *const names[] = {
		[EDGE_STORE_LEVEL_CALM] = "calm",
		[EDGE_STORE_LEVEL_WARM] = "warm",
		[EDGE_STORE_LEVEL_BUSY] = "busy",
		[EDGE_STORE_LEVEL_FULL] = "full",
	};
	return names[l];
}

static void look(struct timer *t)
{
	struct store *s = t->arg;
	uint64_t now = loop_now(s->role->loop);
	enum edge_store_level before = s->load.level;
	bool changed = load_judge(&s->load, now, oldest(s, now));
	/* Warm stops the store's own background work only: no news. */
	if (changed && (s->load.level >= EDGE_STORE_LEVEL_BUSY ||
			before >= EDGE_STORE_LEVEL_BUSY))
		LOG(s->role->log, NOTICE, "store.load", 0,
		    F_CSTR("level", level_name(s->load.level)),
		    F_U64("oldest_ms", s->load.oldest_ns / NS_PER_MS),
		    F_U64("waiting", s->load.count));
	if (!tell(s) || s->load.level != EDGE_STORE_LEVEL_CALM ||
	    s->load.count > LOAD_STRAGGLERS)
		load_watch(s);
}

void load_watch(struct store *s)
{
	if (s->closing || timer_active(&s->load.look))
		return;
	(void)!timer_start(s->role->loop, &s->load.look,
			   loop_now(s->role->loop) + LOAD_LOOK_NS, look, s);
}

void load_waits(struct job *j)
{
	struct store *s = j->store;
	if (j->call == NULL || list_linked(&j->waits))
		return;
	j->waits_since = loop_now(s->role->loop);
	list_push_back(&s->load.waiting, &j->waits);
	if (++s->load.count > LOAD_STRAGGLERS)
		load_watch(s);
}

void load_done(struct job *j)
{
	if (!list_linked(&j->waits))
		return;
	ENSURE(j->store->load.count > 0);
	list_remove(&j->waits);
	j->store->load.count--;
}

void load_end(struct store *s)
{
	timer_stop(&s->load.look);
}

void load_figures(const struct store *s, struct buf *json)
{
	buf_printf(json,
		   "\"load\":\"%s\",\"load_raised\":%llu,"
		   "\"load_highest_ms\":%llu,\"waiting\":%zu,",
		   level_name(s->load.level),
		   (unsigned long long)s->load.raised,
		   (unsigned long long)(s->load.highest_ns / NS_PER_MS),
		   s->load.count);
}

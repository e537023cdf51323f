/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/berth: see berth.h.
 *
 * Addresses are compared with the blocks whenever one is counted, so that a reload
 * needs no care.  Nothing is counted where no block says how many.
 */
#include "role/courier/berth.h"

#include "role/courier/line.h"

struct waiter {
	struct list link;
	struct fiber_gate room;
};

static bool in_block(const struct courier *c, const struct conf_source *s,
		     const struct berth *b, unsigned v4)
{
	const struct conf_net *usual = conf_leaves_by(c->conf, NULL, v4 != 0);
	if (!b->by[v4])
		return false;
	if (s->address.count > 0)
		return b->named[v4] && conf_net_listed(&s->address, &b->from[v4]);
	for (size_t i = 0; b->named[v4] && i < c->conf->source_count; i++)
		if (conf_net_listed(&c->conf->sources[i].address, &b->from[v4]))
			return false;
	return !b->named[v4] ||
	       (usual != NULL && conf_net_same(usual, &b->from[v4]));
}

static bool stands_by(const struct courier *c, const struct conf_source *s,
		      const struct berth *b)
{
	return in_block(c, s, b, 0) || in_block(c, s, b, 1);
}

static uint64_t count(const struct courier *c, const struct conf_source *s)
{
	uint64_t n = 0;
	LIST_EACH (&c->berths, at)
		n += stands_by(c, s, CONTAINER_OF(at, struct berth, link));
	return n;
}

/* False: none of those that stand there is kept for later. */
static bool end_kept(struct courier *c, const struct conf_source *s)
{
	LIST_EACH (&c->lines, at) {
		struct line *l = CONTAINER_OF(at, struct line, link);
		if (!stands_by(c, s, &l->berth))
			continue;
		line_end(l);
		return true;
	}
	return false;
}

/* The block that has no place for it; NULL: all have. */
static const struct conf_source *full(struct courier *c, const struct berth *b)
{
	for (size_t i = 0; i < c->conf->source_count; i++) {
		const struct conf_source *s = &c->conf->sources[i];
		if (s->connections == 0 || !stands_by(c, s, b))
			continue;
		while (count(c, s) >= s->connections)
			if (!end_kept(c, s))
				return s;
	}
	return NULL;
}

static void describe(struct courier *c, struct berth *b,
		     const struct conf_destination *rule, bool v6, bool v4)
{
	*b = (struct berth){.courier = c, .by = {v6, v4}};
	for (unsigned i = 0; i < 2; i++) {
		const struct conf_net *from =
			conf_leaves_by(c->conf, rule, i != 0);
		b->named[i] = from != NULL;
		if (from != NULL)
			b->from[i] = *from;
	}
	if (c->conf->outgoing.families == CONF_FAMILIES_IPV4)
		b->by[0] = false;
	if (c->conf->outgoing.families == CONF_FAMILIES_IPV6)
		b->by[1] = false;
}

const struct conf_source *berth_take(struct courier *c, struct berth *b,
				     const struct conf_destination *rule,
				     bool v6, bool v4)
{
	struct loop *loop = c->role->loop;
	uint64_t until = courier_within(c, COURIER_BERTH_NS);
	const struct conf_source *none;
	enum woke woke = WOKE_VALUE;
	describe(c, b, rule, v6, v4);
	while ((none = full(c, b)) != NULL && woke == WOKE_VALUE) {
		struct waiter me = {0};
		list_push_back(&c->berth_waiters, &me.link);
		woke = gate_wait(loop, &me.room, until, NULL);
		list_remove(&me.link);
	}
	if (none == NULL)
		list_push_back(&c->berths, &b->link);
	return none;
}

void berth_settle(struct berth *b, bool v4)
{
	b->by[v4 ? 0 : 1] = false;
}

void berth_move(struct berth *to, struct berth *from)
{
	*to = *from;
	list_remove(&from->link);
	list_push_back(&to->courier->berths, &to->link);
}

void berths_changed(struct courier *c)
{
	LIST_EACH (&c->berth_waiters, at)
		(void)gate_open(&CONTAINER_OF(at, struct waiter, link)->room, 0);
}

/* All look again: who waits may wait for another block. */
void berth_leave(struct berth *b)
{
	if (!list_linked(&b->link))
		return;
	list_remove(&b->link);
	berths_changed(b->courier);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/sluice: see sluice.h.
 *
 * Each list is in the order of turns, so the first of each is all that has to be
 * looked at.
 */
#include "spool/sluice.h"

#include <string.h>

#include "base/ensure.h"

void sluices_init(struct sluices *g)
{
	*g = (struct sluices){.count = 1};
	list_init(&g->at[0].waiting);
}

static const struct sluice_source *source_named(const struct sluice_source *list,
					      size_t count, struct span name)
{
	for (size_t i = 0; i < count; i++)
		if (span_eq(span_of(list[i].name, list[i].name_len), name))
			return &list[i];
	return NULL;
}

void sluices_build(struct sluices *g, const struct sluice_limit *limits, size_t count)
{
	struct sluice_source was[SLUICE_SOURCES];
	size_t had = g->source_count;
	ENSURE(count <= SLUICE_SOURCES);
	for (size_t i = 0; i < g->count; i++)
		ENSURE(list_empty(&g->at[i].waiting));
	memcpy(was, g->sources, sizeof(was));
	for (size_t i = 0; i < count; i++) {
		struct sluice_source *s = &g->sources[i];
		const struct sluice_source *old =
			source_named(was, had, limits[i].name);
		ENSURE(limits[i].name.len <= SLUICE_NAME);
		*s = (struct sluice_source){.name_len = limits[i].name.len,
					  .most = limits[i].leases};
		memcpy(s->name, limits[i].name.ptr, s->name_len);
		if (old != NULL)
			s->pace = old->pace;
		s->pace.a_minute = limits[i].a_minute;
	}
	g->source_count = count;
	g->count = 1;
}

struct sluice *sluice_for(struct sluices *g, const unsigned source[2])
{
	unsigned a = source[0], b = source[1] != a ? source[1] : 0;
	if (a == 0 || (b != 0 && b < a)) {
		unsigned other = a;
		a = b;
		b = other;
	}
	ENSURE(a <= g->source_count && b <= g->source_count);
	for (size_t i = 0; i < g->count; i++)
		if (g->at[i].source[0] == a && g->at[i].source[1] == b)
			return &g->at[i];
	ENSURE(g->count < SLUICE_MOST);
	struct sluice *n = &g->at[g->count++];
	*n = (struct sluice){.source = {(uint8_t)a, (uint8_t)b}};
	list_init(&n->waiting);
	return n;
}

/* The one at k, or NULL. */
static struct sluice_source *source_at(struct sluices *g, const struct sluice *sluice,
				     unsigned k)
{
	return sluice->source[k] != 0 ? &g->sources[sluice->source[k] - 1] : NULL;
}

static const struct sluice_source *
source_seen(const struct sluices *g, const struct sluice *sluice, unsigned k)
{
	return sluice->source[k] != 0 ? &g->sources[sluice->source[k] - 1] : NULL;
}

/* ---- who waits ---- */

void sluice_wait(struct sluices *g, struct sluice_place *p)
{
	p->turn = ++g->turn;
	list_push_back(&p->sluice->waiting, &p->link);
}

static struct sluice_place *first(const struct sluice *sluice)
{
	struct list *l = list_first(&sluice->waiting);
	return l != NULL ? CONTAINER_OF(l, struct sluice_place, link) : NULL;
}

struct sluice_place *sluices_next(struct sluices *g, bool all, int64_t now)
{
	struct sluice_place *best = NULL;
	for (size_t i = 0; i < g->count; i++) {
		struct sluice_place *p = first(&g->at[i]);
		if (p == NULL || (best != NULL && best->turn < p->turn))
			continue;
		if (!all)
			sluice_mind_clock(g, &g->at[i], now);
		if (all || sluice_opens(g, &g->at[i]) <= now)
			best = p;
	}
	return best;
}

static bool meet(const struct sluice *a, const struct sluice *b)
{
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < 2; k++)
			if (a->source[i] != 0 && a->source[i] == b->source[k])
				return true;
	return false;
}

bool sluice_shared(const struct sluices *g, const struct sluice_place *me)
{
	for (size_t i = 0; me->sluice->source[0] != 0 && i < g->count; i++) {
		const struct list *w = &g->at[i].waiting;
		if (meet(&g->at[i], me->sluice) && !list_empty(w) &&
		    (w->next != &me->link || w->prev != &me->link))
			return true;
	}
	return false;
}

/* ---- limits ---- */

static int64_t source_opens(const struct sluice_source *s)
{
	if (s->most > 0 && s->leases >= s->most)
		return INT64_MAX;
	return pace_until(&s->pace);
}

int64_t sluice_opens(const struct sluices *g, const struct sluice *sluice)
{
	int64_t at = 0;
	for (unsigned k = 0; k < 2; k++) {
		const struct sluice_source *s = source_seen(g, sluice, k);
		int64_t opens = s != NULL ? source_opens(s) : 0;
		if (opens > at)
			at = opens;
	}
	return at;
}

int64_t sluices_wake(const struct sluices *g)
{
	int64_t at = INT64_MAX;
	for (size_t i = 0; i < g->count; i++) {
		int64_t opens = list_empty(&g->at[i].waiting)
					? INT64_MAX
					: sluice_opens(g, &g->at[i]);
		if (opens < at)
			at = opens;
	}
	return at;
}

void sluice_mind_clock(struct sluices *g, const struct sluice *sluice, int64_t now)
{
	for (unsigned k = 0; k < 2; k++)
		if (source_at(g, sluice, k) != NULL)
			pace_mind_clock(&source_at(g, sluice, k)->pace, now);
}

void sluice_leased(struct sluices *g, const struct sluice *sluice, bool counted,
		 int64_t now)
{
	for (unsigned k = 0; k < 2; k++) {
		struct sluice_source *s = source_at(g, sluice, k);
		if (s == NULL)
			continue;
		s->leases++;
		if (counted)
			pace_count(&s->pace, now);
	}
}

void sluice_done(struct sluices *g, const struct sluice *sluice)
{
	for (unsigned k = 0; k < 2; k++) {
		struct sluice_source *s = source_at(g, sluice, k);
		if (s == NULL)
			continue;
		ENSURE(s->leases > 0);
		s->leases--;
	}
}

const struct sluice_source *sluice_closed_by(const struct sluices *g,
					 const struct sluice *sluice, int64_t now)
{
	for (unsigned k = 0; k < 2; k++) {
		const struct sluice_source *s = source_seen(g, sluice, k);
		if (s != NULL && source_opens(s) > now)
			return s;
	}
	return NULL;
}

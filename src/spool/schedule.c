/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/schedule: see schedule.h.
 *
 * A destination waits behind its sluice (ready), or in the heap (until a time), or in
 * neither: then as many leases are out as may be, and the end of one places it
 * again.  `place` is called after every change.  What its sources have no room for
 * stays behind the sluice.
 *
 * A partition that is being worked off keeps the place of the last row that was
 * found, so that the rows that went before, which an engine may still have to step
 * over, are not met again for each lease.
 */
#include "spool/schedule.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "spool/sluice.h"

#define SPOT_NEVER UINT32_MAX

struct spot {
	uint32_t at; /* seconds; something may be due there from then on */
	uint8_t partition, priority;
	bool again; /* something came that the cursor may have passed */
};

struct destination {
	struct sluice_place turn;
	struct list hand;
	size_t held; /* in it */
	struct heap_item wakes;
	struct spot *spots;
	unsigned count, cap;
	unsigned leases, limit, most; /* most: by the rules */
	struct pace pace;
	unsigned stayed; /* leases since its turn came */
	uint32_t failures;
	bool probe; /* one alone tries whether it is up again */
	int64_t until, changed;
	bool has_cursor;
	unsigned partition; /* of the cursor */
	struct spool_due cursor;
	/* Behind the cursor, the next one at ahead_at; NULL: never any. */
	struct spool_due *ahead;
	unsigned ahead_at, ahead_count;
	size_t len;
	char name[];
};

struct schedule {
	struct schedule_rules rules;
	size_t most;
	struct map *known;
	struct sluices sluices;
	struct heap waiting;
};

int64_t schedule_wait(const struct schedule_rules *r, uint32_t failures,
		      uint64_t random)
{
	size_t i = failures ? failures - 1 : 0;
	uint32_t step = r->steps[i < r->step_count ? i : r->step_count - 1];
	return step - step / 8 + (int64_t)(random % (step / 4 + 1));
}

static void check(const struct schedule_rules *r)
{
	ENSURE(r->per_destination > 0 && r->step_count > 0 &&
	       r->step_count <= SCHEDULE_STEPS);
}

static void build_sluices(struct schedule *s)
{
	struct sluice_limit limits[SLUICE_SOURCES];
	const struct schedule_rules *r = &s->rules;
	ENSURE(r->source_count <= SLUICE_SOURCES);
	for (size_t i = 0; i < r->source_count; i++)
		limits[i] = r->source(r->ctx, i);
	sluices_build(&s->sluices, limits, r->source_count);
}

struct schedule *schedule_new(const uint8_t secret[SIPHASH_KEY],
			      const struct schedule_rules *rules, size_t most)
{
	struct schedule *s = calloc(1, sizeof(*s));
	check(rules);
	if (s)
		s->known = map_new(secret, most);
	if (!s || !s->known) {
		free(s);
		return NULL;
	}
	s->rules = *rules;
	s->most = most;
	sluices_init(&s->sluices);
	build_sluices(s);
	heap_init(&s->waiting, most);
	return s;
}

void schedule_free(struct schedule *s)
{
	size_t at = 0;
	struct destination *d;
	if (!s)
		return;
	while ((d = map_next(s->known, &at)) != NULL) {
		free(d->spots);
		free(d->ahead);
		free(d);
	}
	map_free(s->known);
	heap_free(&s->waiting);
	free(s);
}

static struct schedule_most most_of(const struct schedule *s, struct span name)
{
	const struct schedule_rules *r = &s->rules;
	struct schedule_most m = {0};
	if (r->of != NULL)
		m = r->of(r->ctx, name);
	if (m.leases == 0)
		m.leases = r->per_destination;
	return m;
}

static void take_rules(struct schedule *s, struct destination *d)
{
	unsigned was = d->most;
	struct schedule_most m = most_of(s, span_of(d->name, d->len));
	d->most = m.leases;
	d->pace.a_minute = m.a_minute;
	d->turn.sluice = sluice_for(&s->sluices, m.source);
	if (d->limit == was || d->limit > d->most)
		d->limit = d->most;
}

static struct destination *of_turn(struct sluice_place *p)
{
	return p != NULL ? CONTAINER_OF(p, struct destination, turn) : NULL;
}

/* Those who wait keep their order; leases that are out count where they would go
 * out now. */
void schedule_adopt(struct schedule *s, const struct schedule_rules *rules)
{
	size_t at = 0;
	struct destination *d;
	struct list order, *l;
	check(rules);
	s->rules = *rules;
	list_init(&order);
	while ((d = of_turn(sluices_next(&s->sluices, true, 0))) != NULL) {
		sluice_leave(&d->turn);
		list_push_back(&order, &d->turn.link);
	}
	build_sluices(s);
	while ((d = map_next(s->known, &at)) != NULL) {
		take_rules(s, d);
		for (unsigned i = 0; i < d->leases; i++)
			sluice_leased(&s->sluices, d->turn.sluice, false, 0);
	}
	while ((l = list_pop_front(&order)) != NULL)
		sluice_wait(&s->sluices, CONTAINER_OF(l, struct sluice_place, link));
}

static void forget(struct schedule *s, struct destination *d)
{
	sluice_leave(&d->turn);
	heap_remove(&s->waiting, &d->wakes);
	map_remove(s->known, span_of(d->name, d->len));
	free(d->spots);
	free(d->ahead);
	free(d);
}

static uint32_t spot_time(int64_t at)
{
	if (at < 0)
		return 0;
	return at < SPOT_NEVER ? (uint32_t)at : SPOT_NEVER - 1;
}

static int64_t earliest(const struct destination *d)
{
	uint32_t at = SPOT_NEVER;
	if (d->held > 0)
		return 0;
	for (unsigned i = 0; i < d->count; i++)
		if (d->spots[i].at < at)
			at = d->spots[i].at;
	return at == SPOT_NEVER ? SPOOL_NEVER : at;
}

static unsigned limit_of(const struct destination *d)
{
	return d->probe ? 1 : d->limit;
}

/* But for what it shares with others. */
static bool ready(const struct destination *d, int64_t now)
{
	return d->leases < limit_of(d) && d->until <= now &&
	       pace_until(&d->pace) <= now && earliest(d) <= now;
}

bool schedule_ready(const struct schedule *s, const struct destination *d,
		    int64_t now)
{
	return ready(d, now) && sluice_opens(&s->sluices, d->turn.sluice) <= now;
}

bool schedule_stays(const struct schedule *s, const struct destination *d,
		    int64_t now)
{
	return schedule_ready(s, d, now) &&
	       (d->stayed < SCHEDULE_TURN || !sluice_shared(&s->sluices, &d->turn));
}

/* What it learned is worth keeping for a while, also with nothing to do. */
static int64_t remembered(const struct destination *d)
{
	int64_t at = d->until;
	if (d->limit < d->most && d->changed + SCHEDULE_FORGET_S > at)
		at = d->changed + SCHEDULE_FORGET_S;
	if (d->pace.a_minute > 0 && d->pace.had > 0 &&
	    d->pace.minute + PACE_MINUTE_S > at)
		at = d->pace.minute + PACE_MINUTE_S;
	return at;
}

/* The clock may have been set back: no back-off is longer than the longest. */
static void mind_clock(struct schedule *s, struct destination *d,
		       int64_t now)
{
	uint32_t most = 0;
	pace_mind_clock(&d->pace, now);
	sluice_mind_clock(&s->sluices, d->turn.sluice, now);
	if (d->until <= now)
		return;
	for (size_t i = 0; i < s->rules.step_count; i++)
		if (s->rules.steps[i] > most)
			most = s->rules.steps[i];
	if (d->until > now + most + most / 4)
		d->until = now;
}

/* True: it is still there. */
static bool place(struct schedule *s, struct destination *d, int64_t now)
{
	mind_clock(s, d, now);
	int64_t at = earliest(d);
	bool idle = at == SPOOL_NEVER;
	if (idle)
		at = remembered(d);
	else if (at < d->until)
		at = d->until;
	if (!idle && at < pace_until(&d->pace))
		at = pace_until(&d->pace);
	if (idle && d->leases == 0 && at <= now) {
		forget(s, d);
		return false;
	}
	bool waits = at > now && (!idle || d->leases == 0);
	bool turns = !idle && at <= now && d->leases < limit_of(d);
	if (!turns)
		sluice_leave(&d->turn);
	else if (!sluice_waits(&d->turn))
		sluice_wait(&s->sluices, &d->turn);
	if (!waits)
		heap_remove(&s->waiting, &d->wakes);
	else if (heap_holds(&d->wakes))
		heap_change(&s->waiting, &d->wakes, (uint64_t)at);
	else if (!heap_add(&s->waiting, &d->wakes, (uint64_t)at) &&
		 !sluice_waits(&d->turn))
		/* Memory is short: when its turn comes it is looked at again. */
		sluice_wait(&s->sluices, &d->turn);
	return true;
}

static struct destination *destination_new(struct schedule *s,
					   struct span name)
{
	if (map_count(s->known) >= s->most)
		return NULL;
	struct destination *d = calloc(1, sizeof(*d) + name.len);
	if (!d)
		return NULL;
	list_init(&d->hand);
	d->len = name.len;
	if (name.len)
		memcpy(d->name, name.ptr, name.len);
	take_rules(s, d);
	if (!map_put(s->known, span_of(d->name, d->len), d)) {
		free(d);
		return NULL;
	}
	return d;
}

static struct spot *spot_of(struct destination *d, unsigned partition)
{
	for (unsigned i = 0; i < d->count; i++)
		if (d->spots[i].partition == partition)
			return &d->spots[i];
	return NULL;
}

static struct spot *spot_new(struct destination *d, unsigned partition)
{
	if (d->count == d->cap) {
		unsigned cap = d->cap ? d->cap * 4 : 1;
		struct spot *more = realloc(d->spots, cap * sizeof(*more));
		if (!more)
			return NULL;
		d->spots = more;
		d->cap = cap;
	}
	struct spot *p = &d->spots[d->count++];
	*p = (struct spot){.at = SPOT_NEVER,
			   .partition = (uint8_t)partition,
			   .priority = SPOOL_LAST};
	return p;
}

static void forget_cursor(struct destination *d)
{
	d->has_cursor = false;
	d->ahead_at = d->ahead_count = 0;
}

/* A row came: is it behind the cursor, where it will be met? */
static void mind_cursor(struct destination *d, struct spot *p,
			enum spool_priority priority, int64_t at)
{
	const struct spool_due *last = &d->cursor;
	if (!d->has_cursor || d->partition != p->partition)
		return;
	if (d->ahead_at < d->ahead_count)
		last = &d->ahead[d->ahead_count - 1];
	if (priority < last->priority ||
	    (priority == last->priority && at <= last->at))
		p->again = true;
	if (priority < d->cursor.priority)
		forget_cursor(d);
}

bool schedule_add(struct schedule *s, struct span name, unsigned partition,
		  enum spool_priority priority, int64_t at, int64_t now)
{
	ENSURE(partition < SPOOL_PARTITIONS);
	struct destination *d = schedule_find(s, name);
	if (!d)
		d = destination_new(s, name);
	if (!d)
		return false;
	struct spot *p = spot_of(d, partition);
	if (!p)
		p = spot_new(d, partition);
	if (p) {
		if (spot_time(at) < p->at)
			p->at = spot_time(at);
		if (priority < p->priority)
			p->priority = (uint8_t)priority;
		mind_cursor(d, p, priority, at);
	}
	(void)place(s, d, now);
	return p != NULL;
}

struct destination *schedule_find(const struct schedule *s, struct span name)
{
	return map_get(s->known, name);
}

struct span schedule_name(const struct destination *d)
{
	return span_of(d->name, d->len);
}

/* ---- what is at hand ---- */

struct destination *schedule_hold(struct schedule *s, struct span name,
				  struct list *one, int64_t now)
{
	struct destination *d = schedule_find(s, name);
	if (!d)
		d = destination_new(s, name);
	if (!d)
		return NULL;
	list_push_back(&d->hand, one);
	d->held++;
	(void)place(s, d, now);
	return d;
}

void schedule_give_back(struct schedule *s, struct destination *d,
			struct list *one, int64_t now)
{
	list_push_front(&d->hand, one);
	d->held++;
	(void)place(s, d, now);
}

void schedule_take(struct schedule *s, struct destination *d, struct list *one,
		   int64_t now)
{
	ENSURE(d->held > 0);
	list_remove(one);
	d->held--;
	(void)place(s, d, now);
}

/* The priority of a row that was not looked at yet counts as the first. */
struct list *schedule_at_hand(const struct destination *d, int64_t now)
{
	if (d->held == 0)
		return NULL;
	for (unsigned i = 0; i < d->count; i++)
		if (d->spots[i].at <= now &&
		    d->spots[i].priority == SPOOL_FIRST)
			return NULL;
	return d->hand.next;
}

bool schedule_calm(const struct destination *d, size_t most, int64_t now)
{
	if (d->until > now || d->probe || d->held >= most)
		return false;
	for (unsigned i = 0; i < d->count; i++)
		if (d->spots[i].at <= now)
			return false;
	return true;
}

struct destination *schedule_next(struct schedule *s, int64_t now)
{
	struct heap_item *i;
	struct destination *d;
	while ((i = heap_first(&s->waiting)) != NULL &&
	       i->key <= (uint64_t)now) {
		heap_remove(&s->waiting, i);
		(void)place(s, CONTAINER_OF(i, struct destination, wakes), now);
	}
	size_t most = map_count(s->known);
	while (most-- > 0 &&
	       (d = of_turn(sluices_next(&s->sluices, false, now))) != NULL) {
		sluice_leave(&d->turn);
		if (!place(s, d, now) || !schedule_ready(s, d, now))
			continue;
		d->stayed = 0;
		return d; /* behind all the others */
	}
	return NULL;
}

int64_t schedule_wake(const struct schedule *s)
{
	struct heap_item *i = heap_first(&s->waiting);
	int64_t at = i ? (int64_t)i->key : SPOOL_NEVER;
	int64_t opens = sluices_wake(&s->sluices);
	return opens < at ? opens : at;
}

/* Better: by priority, then where the cursor is, then by time. */
static bool better(const struct destination *d, const struct spot *a,
		   const struct spot *b)
{
	bool here = d->has_cursor && a->partition == d->partition;
	bool there = d->has_cursor && b->partition == d->partition;
	if (a->priority != b->priority)
		return a->priority < b->priority;
	if (here != there)
		return here;
	return a->at < b->at;
}

void schedule_look(struct destination *d, int64_t now,
		   struct schedule_look *look)
{
	const struct spot *best = NULL;
	for (unsigned i = 0; i < d->count; i++)
		if (d->spots[i].at <= now &&
		    (!best || better(d, &d->spots[i], best)))
			best = &d->spots[i];
	ENSURE(best != NULL); /* it was ready */
	*look = (struct schedule_look){
		.partition = best->partition,
		.has_from = d->has_cursor && d->partition == best->partition,
		.from = d->cursor};
}

void schedule_looked(struct schedule *s, struct destination *d,
		     const struct schedule_look *look,
		     const struct spool_due *found, int64_t next, int64_t now)
{
	struct spot *p = spot_of(d, look->partition);
	if (found) {
		if (d->partition != look->partition)
			forget_cursor(d);
		d->has_cursor = true;
		d->partition = look->partition;
		d->cursor = *found;
		if (p)
			p->priority = (uint8_t)found->priority;
	} else {
		if (d->partition == look->partition)
			forget_cursor(d);
		if (p && !p->again)
			p->at = next == SPOOL_NEVER ? SPOT_NEVER
						    : spot_time(next);
		if (p)
			p->priority = SPOOL_FIRST; /* not known */
		if (p && p->at == SPOT_NEVER)
			*p = d->spots[--d->count];
		else if (p)
			p->again = false;
	}
	(void)place(s, d, now);
}

void schedule_ahead(struct destination *d, const struct spool_due *rows,
		    size_t n)
{
	d->ahead_at = d->ahead_count = 0;
	if (n == 0)
		return;
	ENSURE(d->has_cursor && n <= SCHEDULE_AHEAD);
	if (!d->ahead)
		d->ahead = malloc(SCHEDULE_AHEAD * sizeof(*d->ahead));
	if (!d->ahead)
		return; /* they are found again */
	memcpy(d->ahead, rows, n * sizeof(*rows));
	d->ahead_count = (unsigned)n;
}

bool schedule_next_row(struct destination *d, const struct schedule_look *look,
		       struct spool_due *out)
{
	if (!look->has_from || d->partition != look->partition ||
	    d->ahead_at == d->ahead_count)
		return false;
	*out = d->ahead[d->ahead_at++];
	return true;
}

bool schedule_yields(struct destination *d, const struct schedule_look *look,
		     enum spool_priority priority, int64_t now)
{
	struct spot *p = spot_of(d, look->partition);
	if (p)
		p->priority = (uint8_t)priority;
	for (unsigned i = 0; i < d->count; i++)
		if (d->spots[i].at <= now && d->spots[i].priority < priority)
			return true;
	return false;
}

void schedule_leased(struct schedule *s, struct destination *d, int64_t now)
{
	d->leases++;
	d->stayed += d->stayed < SCHEDULE_TURN;
	pace_count(&d->pace, now);
	sluice_leased(&s->sluices, d->turn.sluice, true, now);
	(void)place(s, d, now);
}

static void went_slow(struct destination *d, int64_t now)
{
	if (now < d->changed + SCHEDULE_SLOW_S && d->changed != 0)
		return;
	d->limit = d->limit > 1 ? d->limit / 2 : 1;
	d->changed = now;
}

static void went_down(struct schedule *s, struct destination *d, int64_t now,
		      uint64_t random)
{
	if (now < d->until)
		return; /* others that went there at the same time */
	d->failures += d->failures < UINT32_MAX;
	d->until = now + schedule_wait(&s->rules, d->failures, random);
	d->probe = true;
}

static void went_well(struct destination *d, int64_t now)
{
	d->failures = 0;
	d->probe = false;
	if (d->until > now) /* others found it down: this one knows better */
		d->until = 0;
	if (d->limit < d->most &&
	    now >= d->changed + SCHEDULE_GROW_S) {
		d->limit++;
		d->changed = now;
	}
}

void schedule_done(struct schedule *s, struct destination *d,
		   enum schedule_mood mood, int64_t now, uint64_t random)
{
	ENSURE(d->leases > 0);
	d->leases--;
	sluice_done(&s->sluices, d->turn.sluice);
	if (mood == SCHEDULE_SLOW)
		went_slow(d, now);
	else if (mood == SCHEDULE_DOWN)
		went_down(s, d, now, random);
	else if (mood == SCHEDULE_FINE)
		went_well(d, now);
	(void)place(s, d, now);
}

void schedule_state(const struct destination *d, struct schedule_state *out)
{
	*out = (struct schedule_state){.leases = d->leases,
				       .limit = limit_of(d),
				       .failures = d->failures,
				       .until = d->until};
}

void schedule_waits(const struct schedule *s, const struct destination *d,
		    int64_t now, struct schedule_waits *out)
{
	const struct sluice_source *by = sluice_closed_by(&s->sluices, d->turn.sluice, now);
	*out = (struct schedule_waits){0};
	if (d->until > now) {
		out->why = SCHEDULE_WAITS_DOWN;
		out->until = d->until;
	} else if (d->leases >= limit_of(d)) {
		out->why = SCHEDULE_WAITS_LEASES;
		out->limit = limit_of(d);
	} else if (pace_until(&d->pace) > now) {
		out->why = SCHEDULE_WAITS_MINUTE;
		out->limit = d->pace.a_minute;
		out->until = pace_until(&d->pace);
	} else if (by != NULL && by->most > 0 && by->leases >= by->most) {
		out->why = SCHEDULE_WAITS_SOURCE_LEASES;
		out->limit = by->most;
	} else if (by != NULL) {
		out->why = SCHEDULE_WAITS_SOURCE_MINUTE;
		out->limit = by->pace.a_minute;
		out->until = pace_until(&by->pace);
	}
	if (by != NULL)
		out->source = span_of(by->name, by->name_len);
}

size_t schedule_count(const struct schedule *s)
{
	return map_count(s->known);
}

void schedule_retry(struct schedule *s, struct destination *d, int64_t now)
{
	d->until = 0;
	forget_cursor(d);
	(void)place(s, d, now);
}

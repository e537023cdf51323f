/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/carry: see carry.h.
 *
 * Must never: lease a recipient that is out already; forget a destination that has
 * rows without knowing that the rows have to be looked at again.
 */
#include "spool/carry.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/list.h"
#include "base/map.h"
#include "spool/hand.h"

#define TRIES	    32u /* looks in one carry_take */
#define CANDIDATES  8u	/* rows of one look */
#define TELL_NEVER  UINT32_MAX

struct lease {
	struct list all;
	struct list same; /* others of the job */
	uint64_t number;
	void *owner;
	enum carry_work work;
	struct spool_id job;
	struct destination *destination; /* CARRY_MAIL */
	enum spool_priority priority;
	int64_t at; /* of its row in the index */
	bool more;  /* the job has others that are due there */
	struct kv_id body;
	uint64_t size;
	uint32_t recipients; /* that the job has */
	unsigned holds;
	bool over; /* ended while it was held */
	struct held *at_hand; /* NULL: it was read */
	size_t count;
	uint32_t n[];
};

/* The leases of one job. */
struct out {
	struct spool_id job;
	struct list leases;
};

struct carry {
	struct spool *spool;
	struct schedule *schedule;
	struct map *numbers, *jobs;
	struct list leases;
	uint64_t next_number;
	uint32_t tell[SPOOL_PARTITIONS]; /* when somebody has to hear something */
	/* What discovery has looked at. */
	unsigned partition;
	uint64_t hash;
	bool begun, looking, missed;
	struct hand hand;
	bool lost; /* a job of one row that nobody has at hand */
};

/* ---- life ---- */

static uint32_t tell_time(int64_t at)
{
	if (at < 0)
		return 0;
	return at < TELL_NEVER ? (uint32_t)at : TELL_NEVER;
}

static void hear_due(void *arg, unsigned partition, struct span destination,
		     enum spool_priority priority, int64_t at, int64_t now)
{
	struct carry *c = arg;
	if (!schedule_add(c->schedule, destination, partition, priority, at,
			  now))
		c->missed = true;
}

static void hear_tell(void *arg, unsigned partition, int64_t at)
{
	struct carry *c = arg;
	if (tell_time(at) < c->tell[partition])
		c->tell[partition] = tell_time(at);
}

/* ---- what is at hand ---- */

static void *hold(void *arg, const struct spool_accept *q)
{
	struct carry *c = arg;
	char room[SPOOL_DESTINATION_MAX];
	int64_t now = spool_now(c->spool);
	const struct destination *d = schedule_find(
		c->schedule, spool_destination(&q->recipients[0], room));
	if (d && !schedule_calm(d, HAND_EACH, now))
		return NULL;
	return hand_copy(&c->hand, q, now);
}

static void held(void *arg, void *copy, enum spool_held what)
{
	struct carry *c = arg;
	struct held *h = copy;
	if (what == SPOOL_HELD_YES && !h->copy.gone)
		h->destination = schedule_hold(c->schedule, h->name, &h->link,
					       spool_now(c->spool));
	h->durable = h->destination != NULL;
	if (h->durable)
		return;
	c->lost |= what != SPOOL_HELD_NO;
	hand_drop(&c->hand, h);
}

/* Its row is gone: what the indexes tell of it counts, if it is not over. */
static void let_go(struct carry *c, struct held *h, bool over, int64_t now)
{
	struct destination *d = h->destination;
	const struct spool_job *job = &h->copy.job;
	h->copy.gone = true;
	if (!over)
		hear_tell(c, job->id.byte[0],
			  job->warns < job->expires ? job->warns
						    : job->expires);
	if (!h->durable)
		return; /* the end of its commit sees to it */
	if (!over && !schedule_add(c->schedule, h->name, h->copy.job.id.byte[0],
			  h->copy.job.priority, h->copy.job.accepted, now))
		c->missed = true;
	if (h->out)
		return; /* the end of its lease does */
	schedule_take(c->schedule, d, &h->link, now);
	hand_drop(&c->hand, h);
}

static void spread(void *arg, unsigned partition, const struct spool_id *id,
		   enum spool_spread what)
{
	struct carry *c = arg;
	int64_t now = spool_now(c->spool);
	bool over = what == SPOOL_SPREAD_OVER;
	c->lost |= what == SPOOL_SPREAD_UNKNOWN;
	struct held *one = id ? hand_find(&c->hand, id) : NULL;
	if (one && !one->copy.gone)
		let_go(c, one, over, now);
	if (id)
		return;
	LIST_EACH (&c->hand.all, l) {
		one = CONTAINER_OF(l, struct held, all);
		if (one->copy.job.id.byte[0] == partition && !one->copy.gone)
			let_go(c, one, over, now);
	}
}

/* The lease of one ended: it waits again, unless its row is gone. */
static void put_back(struct carry *c, struct held *h, int64_t now)
{
	h->out = false;
	if (h->copy.gone)
		hand_drop(&c->hand, h);
	else
		schedule_give_back(c->schedule, h->destination, &h->link, now);
}

struct carry *carry_new(struct spool *s, const uint8_t secret[SIPHASH_KEY],
			const struct schedule_rules *rules, size_t most)
{
	struct carry *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->spool = s;
	c->schedule = schedule_new(secret, rules, most);
	c->numbers = map_new(secret, CARRY_LEASES);
	c->jobs = map_new(secret, CARRY_LEASES);
	bool hands = hand_init(&c->hand, secret);
	list_init(&c->leases);
	memset(c->tell, 0xff, sizeof(c->tell));
	/* Not from 1: what an earlier start gave out must mean nothing now. */
	c->next_number = siphash(secret, SPAN("leases")) >> 1;
	carry_rediscover(c);
	if (!c->schedule || !c->numbers || !c->jobs || !hands) {
		carry_free(c);
		return NULL;
	}
	spool_watch(s, &(struct spool_watch){.arg = c,
					     .hold = hold,
					     .held = held,
					     .spread = spread,
					     .due = hear_due,
					     .tell = hear_tell});
	return c;
}

void carry_free(struct carry *c)
{
	size_t at = 0;
	struct out *o;
	if (!c)
		return;
	spool_watch(c->spool, NULL);
	LIST_EACH (&c->leases, l)
		free(CONTAINER_OF(l, struct lease, all));
	while (c->jobs && (o = map_next(c->jobs, &at)) != NULL)
		free(o);
	map_free(c->jobs);
	map_free(c->numbers);
	hand_free(&c->hand);
	schedule_free(c->schedule);
	free(c);
}

void carry_adopt(struct carry *c, const struct schedule_rules *rules)
{
	schedule_adopt(c->schedule, rules);
}

struct schedule *carry_schedule(struct carry *c) { return c->schedule; }

/* ---- leases ---- */

static struct span job_key(const struct spool_id *id)
{
	return span_of(id->byte, sizeof(id->byte));
}

bool lease_has(const struct lease *l, uint32_t n)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->n[i] == n)
			return true;
	return false;
}

static bool is_out(const struct out *o, uint32_t n)
{
	if (!o)
		return false;
	LIST_EACH (&o->leases, l)
		if (lease_has(CONTAINER_OF(l, struct lease, same), n))
			return true;
	return false;
}

bool carry_is_out(const struct carry *c, const struct spool_id *job, uint32_t n)
{
	return is_out(map_get(c->jobs, job_key(job)), n);
}

static struct out *out_of(struct carry *c, const struct spool_id *job)
{
	struct out *o = map_get(c->jobs, job_key(job));
	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->job = *job;
	list_init(&o->leases);
	if (!map_put(c->jobs, job_key(&o->job), o)) {
		free(o);
		return NULL;
	}
	return o;
}

static void unlist(struct carry *c, struct lease *l)
{
	struct out *o = map_get(c->jobs, job_key(&l->job));
	list_remove(&l->same);
	list_remove(&l->all);
	map_remove_id(c->numbers, l->number);
	if (o && list_empty(&o->leases)) {
		map_remove(c->jobs, job_key(&o->job));
		free(o);
	}
}

static struct lease *lease_new(struct carry *c, const struct carried *w,
			       void *owner)
{
	struct out *o = out_of(c, &w->job.id);
	struct lease *l = calloc(1, sizeof(*l) + w->count * sizeof(l->n[0]));
	if (!l || !o || !map_put_id(c->numbers, c->next_number + 1, l)) {
		if (o && list_empty(&o->leases)) {
			map_remove(c->jobs, job_key(&o->job));
			free(o);
		}
		free(l);
		return NULL;
	}
	l->number = ++c->next_number;
	l->owner = owner;
	l->work = w->work;
	l->job = w->job.id;
	l->body = w->job.body;
	l->size = w->job.body_size;
	l->recipients = w->job.recipients;
	l->count = w->count;
	for (size_t i = 0; i < w->count; i++)
		l->n[i] = w->recipients[i].n;
	list_push_back(&o->leases, &l->same);
	list_push_back(&c->leases, &l->all);
	return l;
}

struct lease *carry_find(const struct carry *c, uint64_t number,
			 const void *owner)
{
	struct lease *l = map_get_id(c->numbers, number);
	return l && l->owner == owner && !l->over ? l : NULL;
}

uint64_t lease_number(const struct lease *l) { return l->number; }
enum carry_work lease_work(const struct lease *l) { return l->work; }
const struct spool_id *lease_job(const struct lease *l) { return &l->job; }

const struct kv_id *lease_body(const struct lease *l) { return &l->body; }
uint64_t lease_size(const struct lease *l) { return l->size; }
uint32_t lease_job_recipients(const struct lease *l) { return l->recipients; }
size_t lease_count(const struct lease *l) { return l->count; }

const struct spool_copy *lease_copy(const struct lease *l)
{
	return l->at_hand ? &l->at_hand->copy : NULL;
}

struct span lease_bytes(const struct lease *l)
{
	return l->at_hand ? l->at_hand->body : span_of(NULL, 0);
}

uint32_t lease_recipient(const struct lease *l, size_t i)
{
	ENSURE(i < l->count);
	return l->n[i];
}

uint64_t lease_epoch(const struct carry *c, const struct lease *l)
{
	return spool_epoch(c->spool, l->job.byte[0]);
}

/* ---- choosing recipients ---- */

struct choice {
	struct carry *carry;
	const struct out *out;
	struct span destination;
	struct arena *arena;
	int64_t now, warns, expires;
	enum carry_work work;
	bool has_prefix;
	struct span prefix;
	size_t bytes; /* so far */
	bool full; /* another one was left out */
	bool failed;
};

/* The first one always fits. */
static bool there_is_room(struct choice *c, const struct spool_recipient *r)
{
	size_t more = r->address.len + r->original.len + r->reason.len + 32;
	if (c->bytes > 0 && c->bytes + more > CARRY_BYTES) {
		c->full = true;
		return false;
	}
	c->bytes += more;
	return true;
}

static bool same_prefix(struct choice *c, const struct spool_recipient *r)
{
	if (c->has_prefix) {
		bool same = span_eq(c->prefix, r->prefix);
		c->full |= !same;
		return same;
	}
	c->has_prefix = true;
	if (!arena_copy(c->arena, r->prefix, &c->prefix))
		c->failed = true;
	return true;
}

static bool want_mail(void *arg, const struct spool_recipient *r)
{
	struct choice *c = arg;
	char room[SPOOL_DESTINATION_MAX];
	return r->state == SPOOL_REMOTE && r->next <= c->now &&
	       !(r->marks & (SPOOL_GIVE_UP | SPOOL_DELIVERED)) &&
	       span_eq(spool_destination(r, room), c->destination) &&
	       !is_out(c->out, r->n) && same_prefix(c, r) &&
	       there_is_room(c, r);
}

static bool is_expired(const struct choice *c, const struct spool_recipient *r)
{
	return (r->marks & SPOOL_GIVE_UP) || c->expires <= c->now;
}

static bool want_told(void *arg, const struct spool_recipient *r)
{
	struct choice *c = arg;
	if (r->state != SPOOL_REMOTE || is_out(c->out, r->n))
		return false;
	/* What arrived is neither late nor given up. */
	if ((c->work == CARRY_DELIVERED) != !!(r->marks & SPOOL_DELIVERED))
		return false;
	if (c->work == CARRY_EXPIRED && !is_expired(c, r))
		return false;
	if (c->work == CARRY_DELAY &&
	    (c->warns > c->now || (r->marks & SPOOL_TOLD)))
		return false;
	return there_is_room(c, r);
}

static enum spool_result gather(struct carry *c, struct choice *h,
				spool_want_fn *want, const struct spool_id *id,
				struct arena *a, struct carried *out,
				bool *more)
{
	struct spool_recipient *list =
		ARENA_ARRAY(a, CARRY_RECIPIENTS, struct spool_recipient);
	out->recipients = list;
	if (!list)
		return SPOOL_UNAVAILABLE;
	h->arena = a;
	h->carry = c;
	h->out = map_get(c->jobs, job_key(id));
	enum spool_result r =
		spool_gather(c->spool, id, out->job.recipients, a, want, h, list,
			     CARRY_RECIPIENTS, &out->count, more);
	*more |= h->full;
	if (r == SPOOL_OK && h->failed)
		r = SPOOL_UNAVAILABLE;
	return r == SPOOL_OK && out->count == 0 ? SPOOL_NONE : r;
}

/* ---- mail for a destination ---- */

struct candidates {
	struct carry *carry;
	struct span name;
	struct spool_due row[CANDIDATES];
	size_t count;
	unsigned partition;
	int64_t now;
};

static bool candidate(void *arg, const struct spool_due *d, struct span name)
{
	struct candidates *k = arg;
	if (!span_eq(name, k->name)) { /* they share a hash */
		if (!schedule_find(k->carry->schedule, name) &&
		    !schedule_add(k->carry->schedule, name, k->partition,
				  d->priority, d->at, k->now))
			k->carry->missed = true;
		return true;
	}
	k->row[k->count++] = *d;
	return k->count < CANDIDATES;
}

static enum spool_result take_job(struct carry *c, struct span destination,
				  const struct spool_due *d, int64_t now,
				  struct arena *a, struct carried *out,
				  bool *more)
{
	struct choice h = {.destination = destination, .now = now};
	enum spool_result r = spool_job(c->spool, &d->id, a, &out->job);
	if (r == SPOOL_OK)
		r = gather(c, &h, want_mail, &d->id, a, out, more);
	out->work = CARRY_MAIL;
	return r;
}

static enum spool_result give(struct carry *c, struct destination *to,
			      const struct spool_due *d, bool more,
			      const struct carry_ask *ask, struct carried *out)
{
	struct lease *l = lease_new(c, out, ask->owner);
	if (!l)
		return SPOOL_UNAVAILABLE;
	l->destination = to;
	l->priority = d->priority;
	l->at = d->at;
	l->more = more;
	out->lease = l;
	schedule_leased(c->schedule, to, ask->now);
	return SPOOL_OK;
}

static enum spool_result take_held(struct carry *c, struct held *h,
				   const struct carry_ask *ask,
				   struct carried *out)
{
	*out = (struct carried){.work = CARRY_MAIL,
				.destination = h->name,
				.job = h->copy.job,
				.recipients = h->copy.recipients,
				.count = h->copy.count,
				.body = h->body};
	struct spool_due d = {
		h->copy.job.id, h->copy.job.priority, h->copy.job.accepted};
	enum spool_result r =
		give(c, h->destination, &d, false, ask, out);
	if (r != SPOOL_OK)
		return r;
	schedule_take(c->schedule, h->destination, &h->link, ask->now);
	h->out = true;
	out->lease->at_hand = h;
	return SPOOL_OK;
}

/* SPOOL_NONE: it is out, or damaged. */
static enum spool_result try_row(struct carry *c, struct destination *to,
				 const struct schedule_look *look,
				 const struct spool_due *row,
				 const struct carry_ask *ask, struct arena *a,
				 struct carried *out)
{
	struct span name = schedule_name(to);
	bool more;
	enum spool_result r =
		take_job(c, name, row, ask->now, a, out, &more);
	if (r == SPOOL_UNAVAILABLE)
		return r;
	if (r != SPOOL_OK)
		return SPOOL_NONE;
	if (!arena_copy(a, name, &out->destination))
		return SPOOL_UNAVAILABLE;
	r = give(c, to, row, more, ask, out);
	if (r == SPOOL_OK)
		schedule_looked(c->schedule, to, look, row, 0, ask->now);
	return r;
}

/* One look; SPOOL_NONE: nothing in that partition, the schedule knows it. */
static enum spool_result try_destination(struct carry *c,
					 struct destination *to,
					 const struct carry_ask *ask,
					 struct arena *a, struct carried *out)
{
	struct schedule_look look;
	struct spool_due row;
	struct list *first = schedule_at_hand(to, ask->now);
	if (first)
		return take_held(c, CONTAINER_OF(first, struct held, link), ask,
				 out);
	schedule_look(to, ask->now, &look);
	while (schedule_next_row(to, &look, &row)) {
		bool yields = schedule_yields(to, &look, row.priority, ask->now);
		enum spool_result known =
			yields ? SPOOL_NONE
			       : try_row(c, to, &look, &row, ask, a, out);
		if (yields || (known != SPOOL_OK && known != SPOOL_NONE))
			schedule_ahead(to, NULL, 0); /* it is met again */
		if (yields || known != SPOOL_NONE)
			return known;
		look.from = row;
	}
	struct candidates k = {.carry = c, .name = schedule_name(to),
			       .partition = look.partition, .now = ask->now};
	int64_t next;
	enum spool_result r =
		spool_due(c->spool, look.partition, k.name, ask->now,
			  look.has_from ? &look.from : NULL, candidate, &k,
			  &next);
	if (r != SPOOL_OK && r != SPOOL_CORRUPT)
		return r;
	if (k.count > 0 && schedule_yields(to, &look, k.row[0].priority,
					   ask->now))
		return SPOOL_NONE;
	for (size_t i = 0; i < k.count; i++) {
		r = try_row(c, to, &look, &k.row[i], ask, a, out);
		if (r == SPOOL_OK)
			schedule_ahead(to, &k.row[i + 1], k.count - i - 1);
		if (r != SPOOL_NONE)
			return r;
	}
	schedule_looked(c->schedule, to, &look,
			k.count == CANDIDATES ? &k.row[k.count - 1] : NULL,
			next, ask->now);
	return SPOOL_NONE;
}

/* ---- telling senders ---- */

static bool first_rows(void *arg, const struct spool_due *d, struct span name)
{
	struct candidates *k = arg;
	(void)name;
	k->row[k->count++] = *d;
	return k->count < CANDIDATES;
}

static enum spool_result take_told(struct carry *c, const struct spool_id *id,
				   const struct carry_ask *ask,
				   struct arena *a, struct carried *out)
{
	static const enum carry_work works[] = {CARRY_DELIVERED, CARRY_EXPIRED,
						CARRY_DELAY};
	char room[SPOOL_DESTINATION_MAX];
	bool more = false;
	enum spool_result r = spool_job(c->spool, id, a, &out->job);
	struct choice h = {.now = ask->now,
			   .warns = out->job.warns,
			   .expires = out->job.expires};
	if (r != SPOOL_OK)
		return r;
	r = SPOOL_NONE;
	for (size_t i = 0; i < ARRAY_LEN(works) && r == SPOOL_NONE; i++) {
		h.work = works[i];
		r = gather(c, &h, want_told, id, a, out, &more);
	}
	if (r != SPOOL_OK)
		return r;
	out->work = h.work;
	if (!arena_copy(a, spool_destination(&out->recipients[0], room),
			&out->destination))
		return SPOOL_UNAVAILABLE;
	struct lease *l = lease_new(c, out, ask->owner);
	out->lease = l;
	if (!l)
		return SPOOL_UNAVAILABLE;
	l->more = more;
	return SPOOL_OK;
}

static enum spool_result tell_partition(struct carry *c, unsigned p,
					const struct carry_ask *ask,
					struct arena *a, struct carried *out)
{
	struct spool_due from;
	bool behind = false;
	for (unsigned i = 0; i < TRIES; i++) {
		struct candidates k = {.carry = c};
		int64_t next;
		enum spool_result r =
			spool_tells(c->spool, p, ask->now,
				    behind ? &from : NULL, first_rows, &k,
				    &next);
		if (r != SPOOL_OK && r != SPOOL_CORRUPT)
			return r;
		for (size_t n = 0; n < k.count; n++) {
			r = take_told(c, &k.row[n].id, ask, a, out);
			if (r == SPOOL_OK || r == SPOOL_UNAVAILABLE)
				return r;
		}
		if (k.count < CANDIDATES) {
			/* Those that were met are out, or damaged. */
			c->tell[p] = tell_time(
				behind || k.count ? ask->now + CARRY_LATER_S
						  : next);
			return SPOOL_NONE;
		}
		from = k.row[k.count - 1];
		behind = true;
	}
	c->tell[p] = tell_time(ask->now + CARRY_LATER_S);
	return SPOOL_NONE;
}

static enum spool_result take_tell(struct carry *c,
				   const struct carry_ask *ask,
				   struct arena *a, struct carried *out)
{
	for (unsigned p = 0; p < SPOOL_PARTITIONS; p++) {
		if (c->tell[p] > ask->now)
			continue;
		enum spool_result r = tell_partition(c, p, ask, a, out);
		if (r != SPOOL_NONE)
			return r;
	}
	return SPOOL_NONE;
}

/* ---- asking ---- */

static enum spool_result take_preferred(struct carry *c,
					const struct carry_ask *ask,
					struct arena *a, struct carried *out)
{
	enum spool_result r = SPOOL_NONE;
	for (unsigned i = 0; i < TRIES && r == SPOOL_NONE; i++) {
		struct destination *d =
			schedule_find(c->schedule, ask->prefer);
		if (!d || !schedule_stays(c->schedule, d, ask->now))
			return SPOOL_NONE;
		r = try_destination(c, d, ask, a, out);
	}
	return r;
}

enum spool_result carry_take(struct carry *c, const struct carry_ask *ask,
			     struct arena *a, struct carried *out)
{
	enum spool_result r = SPOOL_NONE;
	*out = (struct carried){0};
	if (map_count(c->numbers) >= CARRY_LEASES)
		return SPOOL_LIMIT;
	if (ask->prefer.len > 0)
		r = take_preferred(c, ask, a, out);
	if (r != SPOOL_NONE || ask->only)
		return r;
	r = take_tell(c, ask, a, out);
	for (unsigned i = 0; i < TRIES && r == SPOOL_NONE; i++) {
		struct destination *d = schedule_next(c->schedule, ask->now);
		if (!d)
			return SPOOL_NONE;
		r = try_destination(c, d, ask, a, out);
	}
	return r == SPOOL_NONE ? SPOOL_STALE : r;
}

int64_t carry_wake(const struct carry *c)
{
	int64_t at = schedule_wake(c->schedule);
	for (unsigned p = 0; p < SPOOL_PARTITIONS; p++)
		if (c->tell[p] != TELL_NEVER && c->tell[p] < at)
			at = c->tell[p];
	return at;
}

/* ---- the end of a lease ---- */

void lease_hold(struct lease *l) { l->holds++; }

static void finish(struct carry *c, struct lease *l)
{
	unlist(c, l);
	free(l);
}

bool lease_release(struct carry *c, struct lease *l, int64_t now)
{
	bool over = l->over;
	ENSURE(l->holds > 0);
	if (--l->holds == 0 && over)
		carry_end(c, l, SCHEDULE_UNKNOWN, false, now, 0);
	return !over;
}

struct again {
	struct carry *carry;
	unsigned partition;
	int64_t now;
};

static bool add_again(void *arg, const struct spool_recipient *r)
{
	const struct again *x = arg;
	char room[SPOOL_DESTINATION_MAX];
	if (r->state == SPOOL_REMOTE && !(r->marks & SPOOL_DELIVERED))
		hear_due(x->carry, x->partition, spool_destination(r, room),
			 SPOOL_NORMAL, r->next, x->now);
	return false;
}

/* While its recipients were out, who looked for them by destination found none. */
static void add_destinations(struct carry *c, const struct lease *l,
			     int64_t now)
{
	struct again x = {c, l->job.byte[0], now};
	struct spool_recipient none;
	size_t count;
	bool more;
	if (spool_gather(c->spool, &l->job, 0, NULL, add_again, &x, &none, 1,
			 &count, &more) != SPOOL_OK)
		c->missed = true;
}

void carry_end(struct carry *c, struct lease *l, enum schedule_mood mood,
	       bool whole, int64_t now, uint64_t random)
{
	struct destination *d = l->destination;
	bool waits = l->at_hand && !l->at_hand->copy.gone;
	l->over = true;
	if (l->holds > 0)
		return;
	if (l->at_hand)
		put_back(c, l->at_hand, now);
	if (d && !waits && (!whole || l->more) &&
	    !schedule_add(c->schedule, schedule_name(d), l->job.byte[0],
			  l->priority, l->at, now))
		c->missed = true;
	if (d)
		schedule_done(c->schedule, d, mood, now, random);
	if (!d)
		add_destinations(c, l, now);
	if (!d && (!whole || l->more))
		hear_tell(c, l->job.byte[0],
			  whole ? now : now + CARRY_LATER_S);
	finish(c, l);
}

void carry_drop(struct carry *c, const void *owner, int64_t now)
{
	LIST_EACH (&c->leases, i) {
		struct lease *l = CONTAINER_OF(i, struct lease, all);
		if (l->owner == owner && !l->over)
			carry_end(c, l, SCHEDULE_UNKNOWN, false, now, 0);
	}
}

/* ---- discovery ---- */

void carry_rediscover(struct carry *c)
{
	c->looking = true;
	c->lost = false;
	c->begun = false;
	c->missed = false;
	c->partition = 0;
	c->hash = 0;
}

static void first_tell(struct carry *c)
{
	int64_t next;
	/* -1: nothing is due, so that the first is told. */
	if (spool_tells(c->spool, c->partition, -1, NULL, first_rows,
			&(struct candidates){0}, &next) == SPOOL_OK)
		hear_tell(c, c->partition, next);
	else
		c->missed = true;
}

static void next_partition(struct carry *c)
{
	c->hash = 0;
	c->begun = false;
	c->partition++;
	if (c->partition == SPOOL_PARTITIONS)
		c->looking = false;
}

bool carry_discover(struct carry *c, int64_t now)
{
	char room[SPOOL_DESTINATION_MAX];
	struct span name;
	enum spool_priority priority;
	int64_t at;
	if (!c->looking)
		return false;
	if (!c->begun)
		first_tell(c);
	c->begun = true;
	enum spool_result r =
		spool_destination_next(c->spool, c->partition, &c->hash, room,
				       &name, &priority, &at);
	if (r == SPOOL_OK && !schedule_add(c->schedule, name, c->partition,
					   priority, at, now))
		c->missed = true;
	if (r != SPOOL_OK && r != SPOOL_NONE)
		c->missed = true; /* looked at again by a later round */
	if (r != SPOOL_OK || c->hash == UINT64_MAX)
		next_partition(c);
	else
		c->hash++;
	return c->looking;
}

bool carry_old_hand(const struct carry *c, int64_t now)
{
	return hand_old(&c->hand, now) != NULL;
}

void carry_figures(const struct carry *c, struct carry_figures *out)
{
	*out = (struct carry_figures){.leases = map_count(c->numbers),
				      .destinations =
					      schedule_count(c->schedule),
				      .looking = c->looking || c->missed,
				      .wholes = c->lost};
}

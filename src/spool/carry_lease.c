/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/carry_lease: what is out, and by whom (carry.h).
 *
 * Must never: end a lease while one waits for a commit of it; end one twice.
 */
#include "spool/carry_inner.h"

#include <stdlib.h>

#include "base/ensure.h"

/* ---- leases ---- */

bool lease_has(const struct lease *l, uint32_t n)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->n[i] == n)
			return true;
	return false;
}

bool out_has(const struct out *o, uint32_t n)
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
	return out_has(map_get(c->jobs, carry_job_key(job)), n);
}

static struct out *out_of(struct carry *c, const struct spool_id *job)
{
	struct out *o = map_get(c->jobs, carry_job_key(job));
	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->job = *job;
	list_init(&o->leases);
	if (!map_put(c->jobs, carry_job_key(&o->job), o)) {
		free(o);
		return NULL;
	}
	return o;
}

static void unlist(struct carry *c, struct lease *l)
{
	struct out *o = map_get(c->jobs, carry_job_key(&l->job));
	list_remove(&l->same);
	list_remove(&l->all);
	map_remove_id(c->numbers, l->number);
	if (o && list_empty(&o->leases)) {
		map_remove(c->jobs, carry_job_key(&o->job));
		free(o);
	}
}

struct lease *lease_new(struct carry *c, const struct carried *w,
			       void *owner)
{
	struct out *o = out_of(c, &w->job.id);
	struct lease *l = calloc(1, sizeof(*l) + w->count * sizeof(l->n[0]));
	if (!l || !o || !map_put_id(c->numbers, c->next_number + 1, l)) {
		if (o && list_empty(&o->leases)) {
			map_remove(c->jobs, carry_job_key(&o->job));
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
		carry_hear_due(x->carry, x->partition, spool_destination(r, room),
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
		carry_put_back(c, l->at_hand, now);
	if (d && !waits && (!whole || l->more) &&
	    !schedule_add(c->schedule, schedule_name(d), l->job.byte[0],
			  l->priority, l->at, now))
		c->missed = true;
	if (d)
		schedule_done(c->schedule, d, mood, now, random);
	if (!d)
		add_destinations(c, l, now);
	if (!d && (!whole || l->more))
		carry_hear_tell(c, l->job.byte[0],
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/carry: see carry.h.
 *
 * Must never: forget a destination that has rows without knowing that the rows have
 * to be looked at again.
 */
#include "spool/carry_inner.h"

#include <stdlib.h>

/* ---- life ---- */

void carry_hear_due(void *arg, unsigned partition, struct span destination,
		     enum spool_priority priority, int64_t at, int64_t now)
{
	struct carry *c = arg;
	if (!schedule_add(c->schedule, destination, partition, priority, at,
			  now))
		c->missed = true;
}

void carry_hear_tell(void *arg, unsigned partition, int64_t at)
{
	struct carry *c = arg;
	if (carry_tell_time(at) < c->tell[partition])
		c->tell[partition] = carry_tell_time(at);
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
		carry_hear_tell(c, job->id.byte[0],
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

void carry_put_back(struct carry *c, struct held *h, int64_t now)
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
					     .due = carry_hear_due,
					     .tell = carry_hear_tell});
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
	if (spool_tells(c->spool, c->partition, -1, NULL, carry_first_rows,
			&(struct candidates){0}, &next) == SPOOL_OK)
		carry_hear_tell(c, c->partition, next);
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

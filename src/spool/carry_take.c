/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/carry_take: what goes out next (carry.h).
 *
 * Must never: lease a recipient that is out already.
 */
#include "spool/carry_inner.h"

#define TRIES 32u /* looks in one carry_take */

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
	       !out_has(c->out, r->n) && same_prefix(c, r) &&
	       there_is_room(c, r);
}

static bool is_expired(const struct choice *c, const struct spool_recipient *r)
{
	return (r->marks & SPOOL_GIVE_UP) || c->expires <= c->now;
}

static bool want_told(void *arg, const struct spool_recipient *r)
{
	struct choice *c = arg;
	if (r->state != SPOOL_REMOTE || out_has(c->out, r->n))
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
	h->out = map_get(c->jobs, carry_job_key(id));
	enum spool_result r =
		spool_gather(c->spool, id, out->job.recipients, a, want, h, list,
			     CARRY_RECIPIENTS, &out->count, more);
	*more |= h->full;
	if (r == SPOOL_OK && h->failed)
		r = SPOOL_UNAVAILABLE;
	return r == SPOOL_OK && out->count == 0 ? SPOOL_NONE : r;
}

/* ---- mail for a destination ---- */

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

bool carry_first_rows(void *arg, const struct spool_due *d, struct span name)
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
				    behind ? &from : NULL, carry_first_rows, &k,
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
			c->tell[p] = carry_tell_time(
				behind || k.count ? ask->now + CARRY_LATER_S
						  : next);
			return SPOOL_NONE;
		}
		from = k.row[k.count - 1];
		behind = true;
	}
	c->tell[p] = carry_tell_time(ask->now + CARRY_LATER_S);
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

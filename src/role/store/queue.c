/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/queue: its life, and what waits in the rows.
 *
 * At the start one fiber goes through the partitions, in slices: jobs that an
 * earlier release wrote are put into the indexes, those with recipients of ours are
 * given to custody, destinations to the schedule.  Leases go out meanwhile.
 */
#include "role/store/queue.h"

#include "base/check.h"

#define LOOK_NS	      (5 * NS_PER_SEC)
#define AGAIN_NS      (60 * NS_PER_SEC)
#define SOON_NS	      (20 * NS_PER_MS)
#define PAUSE_NS      (250 * NS_PER_MS)

/* By the first block that is for it, as the courier takes it. */
static struct schedule_most most_of(const void *store, struct span destination)
{
	const struct store *s = store;
	const struct conf_destination *d =
		conf_destination_for(s->conf, destination);
	struct schedule_most m = {0};
	if (d != NULL) {
		m.leases = (unsigned)d->connections;
		m.a_minute = (unsigned)d->per_minute;
	}
	for (unsigned v4 = 0; v4 < 2; v4++) {
		const struct conf_source *by =
			conf_source_for(s->conf, d, v4 != 0);
		if (by != NULL)
			m.source[v4] = 1 + (unsigned)(by - s->conf->sources);
	}
	return m;
}

_Static_assert(SLUICE_SOURCES >= CONF_SOURCES_MAX, "a source each");
_Static_assert(SLUICE_MOST > CONF_DESTINATIONS_MAX + 1, "one a rule, and none");

static struct sluice_limit source_at(const void *store, size_t i)
{
	const struct store *s = store;
	const struct conf_source *by = &s->conf->sources[i];
	return (struct sluice_limit){.name = by->name,
				   .leases = (unsigned)by->connections,
				   .a_minute = (unsigned)by->per_minute};
}

struct schedule_rules queue_rules(const struct store *s)
{
	const struct conf *c = s->conf;
	struct schedule_rules r = {
		.per_destination = (unsigned)c->queue.per_destination,
		.of = most_of,
		.source = source_at,
		.source_count = c->source_count,
		.ctx = s};
	for (size_t i = 0; i < c->queue.retry.count && i < SCHEDULE_STEPS; i++)
		r.steps[r.step_count++] = (uint32_t)c->queue.retry.at[i];
	return r;
}

void queue_times(struct store *s, struct spool_job *job, int64_t released)
{
	const struct conf_queue *q = &s->conf->queue;
	job->expires = released + (int64_t)q->lifetime;
	/* Nobody is told of what nobody sent. */
	job->warns = q->warn == 0 || job->sender.len == 0
			     ? SPOOL_NEVER
			     : released + (int64_t)q->warn;
}

/* ---- finding what waits ------------------------------------------------------ */

static bool stop(const struct store *s)
{
	return s->closing || s->draining;
}

/* False: not all of it, now. */
static bool upgrade(struct job *j, unsigned partition)
{
	struct store *s = j->store;
	struct spool_upgrade q = {.partition = partition};
	enum spool_result r = SPOOL_OK;
	if (!spool_is_old(s->spool, partition))
		return true;
	do
		r = job_spool(j, spool_upgrade(s->spool, &q, spool_gate,
					       job_gate(j)));
	while (r == SPOOL_OK && q.more && !stop(s));
	if (r != SPOOL_OK)
		LOG(s->role->log, ERROR, "queue.not_upgraded", 0,
		    F_U64("partition", partition),
		    F_CSTR("why", spool_result_name(r)));
	return r == SPOOL_OK;
}

static void slice(struct job *j, uint64_t *until)
{
	struct world *w = j->store->role->world;
	if (world_now(w) < *until)
		return;
	queue_kick(j->store);
	fiber_yield(j->store->role->loop);
	*until = world_now(w) + QUEUE_SLICE_NS;
}

static void run_find(struct job *j)
{
	struct store *s = j->store;
	uint64_t until = world_now(s->role->world) + QUEUE_SLICE_NS;
	bool all = true;
	if (s->unlisted) {
		s->unlisted = false;
		for (unsigned p = 0; p < SPOOL_PARTITIONS && !stop(s); p++) {
			all &= upgrade(j, p);
			all &= custody_find(s, p);
			slice(j, &until);
		}
		s->unlisted |= !all;
	}
	while (!stop(s) && carry_discover(s->queue.carry, now_wall(s)))
		slice(j, &until);
	s->queue.finding = false;
	queue_kick(s);
}

static void find(struct store *s)
{
	if (s->queue.finding || stop(s))
		return;
	s->queue.finding = job_background(s, run_find, NULL);
}

/* What was not found at first is looked for again: after a failure soon, without
 * room for its destination when there may be some. */
static void look(struct timer *t)
{
	struct store *s = t->arg;
	struct carry_figures f;
	uint64_t now = loop_now(s->role->loop);
	carry_figures(s->queue.carry, &f);
	s->unlisted |= f.wholes || carry_old_hand(s->queue.carry, now_wall(s));
	if (f.wholes && !s->queue.finding)
		carry_rediscover(s->queue.carry);
	if (!s->queue.finding && f.looking &&
	    (f.destinations < SCHEDULE_MOST / 4 * 3 ||
	     now >= s->queue.looked + AGAIN_NS)) {
		s->queue.looked = now;
		carry_rediscover(s->queue.carry);
		find(s);
	}
	if (s->unlisted)
		find(s);
	(void)!timer_start(s->role->loop, &s->queue.look, now + LOOK_NS, look,
			   s);
}

/* ---- life --------------------------------------------------------------------- */

bool queue_open(struct store *s, struct buf *why)
{
	uint8_t secret[SIPHASH_KEY];
	struct schedule_rules rules = queue_rules(s);
	world_random(s->role->world, secret, sizeof secret);
	s->queue.carry = carry_new(s->spool, secret, &rules, SCHEDULE_MOST);
	list_init(&s->queue.asks);
	while (s->queue.owner == 0)
		s->queue.owner = world_random_u64(s->role->world);
	spool_owner(s->spool, s->queue.owner);
	if (s->queue.carry == NULL)
		buf_add(why, SPAN("memory is short"));
	return s->queue.carry != NULL;
}

void queue_adopt(struct store *s)
{
	struct schedule_rules rules = queue_rules(s);
	if (s->queue.carry == NULL)
		return;
	carry_adopt(s->queue.carry, &rules);
	queue_kick(s); /* there may be room for more */
}

void queue_begin(struct store *s)
{
	s->unlisted = true;
	s->queue.looked = loop_now(s->role->loop);
	find(s);
	if (!timer_start(s->role->loop, &s->queue.look,
			 s->queue.looked + LOOK_NS, look, s))
		LOG(s->role->log, ERROR, "queue.waits", 0,
		    F_CSTR("why", "memory is short"));
}

void queue_end(struct store *s)
{
	timer_stop(&s->queue.look);
	timer_stop(&s->queue.wake);
}

void queue_close(struct store *s)
{
	carry_free(s->queue.carry);
	s->queue.carry = NULL;
}

/* ---- waking who asked --------------------------------------------------------- */

static bool paused(const struct store *s)
{
	return stop(s) || s->load.level >= EDGE_STORE_LEVEL_BUSY;
}

static void woken(struct timer *t) { queue_kick(t->arg); }

static void wake_at(struct store *s, int64_t sec)
{
	struct wall wall = world_wall(s->role->world);
	uint64_t ns = SOON_NS;
	if (s->closing)
		return;
	if (paused(s))
		ns = PAUSE_NS;
	else if (sec == SPOOL_NEVER)
		return;
	else if (sec > wall.sec)
		ns = (uint64_t)(sec - wall.sec) * NS_PER_SEC - wall.nsec;
	(void)!timer_start(s->role->loop, &s->queue.wake,
			   loop_now(s->role->loop) + ns, woken, s);
}

void queue_rest(struct store *s, bool soon)
{
	if (!list_empty(&s->queue.asks) && s->queue.giving == 0)
		wake_at(s, soon ? 0 : carry_wake(s->queue.carry));
}

void queue_kick(struct store *s)
{
	if (s->queue.carry == NULL || s->closing ||
	    list_empty(&s->queue.asks))
		return;
	int64_t at = carry_wake(s->queue.carry);
	timer_stop(&s->queue.wake);
	if (!paused(s) && at <= now_wall(s))
		while (s->queue.giving < QUEUE_GIVING &&
		       queue_give(s))
			;
	if (!list_empty(&s->queue.asks) && s->queue.giving == 0)
		wake_at(s, at);
}

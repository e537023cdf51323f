/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/carry: who gets which recipients; a random run in which couriers settle,
 * give up, die and the store is cut off, and every recipient ends once; rows of an
 * earlier format.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "spool/carry.h"
#include "spool/format.h"
#include "spool/hand.h"

static const struct schedule_rules rules = {
	.per_destination = 3, .steps = {60, 600}, .step_count = 2};
static const uint8_t secret[SIPHASH_KEY] = "fifteen letters";

struct test {
	struct fixture f;
	struct spool *s;
	struct carry *c;
	struct arena *a;
	int64_t now;
};

struct answer {
	bool done;
	enum spool_result result;
};

static void answered(void *arg, enum spool_result r)
{
	*(struct answer *)arg = (struct answer){true, r};
}

static enum spool_result wait_for(struct test *t, enum spool_result started,
				  struct answer *a)
{
	while (started == SPOOL_OK && !a->done)
		kv_poll(t->f.kv);
	return started == SPOOL_OK ? a->result : started;
}

static void discover(struct test *t)
{
	struct carry_figures f;
	while (carry_discover(t->c, t->now))
		;
	carry_figures(t->c, &f);
	assert_false(f.looking);
}

/* Jobs of one row get rows of their own, in one partition. */
static void spread(struct test *t, unsigned partition)
{
	struct spool_upgrade u = {.partition = partition};
	do {
		struct answer a = {0};
		assert_int_equal(
			wait_for(t, spool_upgrade(t->s, &u, answered, &a), &a),
			SPOOL_OK);
	} while (u.more);
}

static void open_it(struct test *t)
{
	assert_int_equal(spool_open(t->f.kv, &t->s), SPOOL_OK);
	t->c = carry_new(t->s, secret, &rules, SCHEDULE_MOST);
	assert_non_null(t->c);
	for (unsigned p = 0; p < SPOOL_PARTITIONS; p++)
		if (spool_is_old(t->s, p))
			spread(t, p);
	discover(t);
}

static void begin(struct test *t, uint64_t seed)
{
	*t = (struct test){.a = arena_new(16 << 20), .now = 1000};
	fixture_start(&t->f, MEMORY, seed);
	open_it(t);
}

/* The clock of the spool: what comes is kept at hand.  (Else it has expired.) */
static void begin_at_hand(struct test *t, uint64_t seed)
{
	begin(t, seed);
	t->now = kv_now(t->f.kv);
}

static void end(struct test *t)
{
	struct spool_fsck_count n;
	assert_int_equal(spool_fsck(t->s, true, false, NULL, NULL, &n),
			 SPOOL_OK);
	assert_true(n.wrong == 0);
	carry_free(t->c);
	spool_close(t->s);
	fixture_stop(&t->f);
	arena_free(t->a);
}

static struct spool_accept job_of(struct test *t, const struct spool_recipient *r,
				  size_t n)
{
	struct span body = SPAN("Subject: x\r\n\r\nhello");
	return (struct spool_accept){.job = {.id = spool_name(t->s),
					     .sender = SPAN("a@example.org"),
					     .body = kv_body_name(t->f.kv),
					     .body_size = body.len,
					     .body_crc = crc32c(0, body),
					     .accepted = t->now,
					     .expires = t->now + 5000,
					     .warns = t->now + 1000,
					     .priority = SPOOL_NORMAL},
				     .bytes = body,
				     .recipients = r,
				     .count = n};
}

static struct spool_id accept_job(struct test *t, const struct spool_recipient *r,
				  size_t n)
{
	struct spool_accept q = job_of(t, r, n);
	struct answer a = {0};
	assert_int_equal(
		wait_for(t, spool_accept(t->s, &q, answered, &a), &a),
		SPOOL_OK);
	return q.job.id;
}

static enum spool_result take(struct test *t, void *owner, const char *prefer,
			      bool only, struct carried *w)
{
	struct carry_ask ask = {.owner = owner,
				.prefer = span_cstr(prefer),
				.only = only,
				.now = t->now};
	enum spool_result r;
	unsigned looks = 0;
	do
		r = carry_take(t->c, &ask, t->a, w);
	while (r == SPOOL_STALE && looks++ < 10000);
	return r;
}

static enum spool_result settle(struct test *t, struct lease *l,
				const struct spool_verdict *v, size_t n)
{
	struct answer a = {0};
	struct spool_settle q = {
		.id = *lease_job(l), .verdicts = v, .count = n,
		.copy = lease_copy(l), .recipients = lease_job_recipients(l),
		.lenient = true};
	return wait_for(t, spool_settle(t->s, &q, answered, &a), &a);
}

/* All of the lease in one state. */
static void settle_all(struct test *t, struct lease *l, enum spool_state state,
		       int64_t next, enum schedule_mood mood)
{
	struct spool_verdict v[CARRY_RECIPIENTS];
	for (size_t i = 0; i < lease_count(l); i++)
		v[i] = (struct spool_verdict){.n = lease_recipient(l, i),
					      .state = state,
					      .next = next,
					      .attempted = true};
	assert_int_equal(settle(t, l, v, lease_count(l)), SPOOL_OK);
	carry_end(t->c, l, mood, true, t->now, 0);
}

#define REMOTE(who, at)                                                        \
	{.state = SPOOL_REMOTE, .address = SPAN(who), .prefix = SPAN("P"),     \
	 .next = (at)}

static void one_destination_one_prefix(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	int me;
	begin(&t, 1);
	const struct spool_recipient r[] = {
		REMOTE("a@far.com", 0),
		REMOTE("b@FAR.com", 0),
		REMOTE("c@near.com", 0),
		REMOTE("d@far.com", 2000),
		{.state = SPOOL_REMOTE, .address = SPAN("e@far.com"),
		 .prefix = SPAN("Q")},
		{.state = SPOOL_HELD, .address = SPAN("f@far.com")},
		{.state = SPOOL_LOCAL, .address = SPAN("g@far.com"), .account = 1},
		{.state = SPOOL_REMOTE, .address = SPAN("h@x.com"),
		 .destination = SPAN("near.com"), .prefix = SPAN("P")}};
	(void)accept_job(&t, r, ARRAY_LEN(r));
	assert_int_equal(take(&t, &me, "far.com", true, &w), SPOOL_OK);
	assert_true(w.count == 2 && w.recipients[0].n == 0 &&
		    w.recipients[1].n == 1 && w.work == CARRY_MAIL);
	struct lease *first = w.lease;
	/* It is known where it went: the other prefix comes when that is over. */
	assert_int_equal(take(&t, &me, "near.com", true, &w), SPOOL_OK);
	assert_true(w.count == 2 && w.recipients[1].n == 7);
	settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	assert_int_equal(take(&t, &me, "near.com", true, &w), SPOOL_NONE);
	settle_all(&t, first, SPOOL_DONE, 0, SCHEDULE_FINE);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	assert_true(w.count == 1 && w.recipients[0].n == 4);
	settle_all(&t, w.lease, SPOOL_FAILED, 0, SCHEDULE_FINE);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	assert_int_equal(carry_wake(t.c), 2000);
	t.now = 2000; /* it is late by then: the sender hears of it first */
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	assert_int_equal(w.work, CARRY_DELAY);
	end(&t);
}

static void a_crowd_comes_in_hundreds(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	int me;
	static struct spool_recipient r[250];
	begin(&t, 1);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = (struct spool_recipient)REMOTE("a@far.com", 0);
	(void)accept_job(&t, r, ARRAY_LEN(r));
	size_t seen = 0;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
		assert_int_equal(w.count, i < 2 ? CARRY_RECIPIENTS : 50);
		seen += w.count;
		settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	}
	assert_int_equal(seen, 250);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	end(&t);
}

/* Addresses and reasons that would not fit a frame together. */
static void long_ones_come_in_several(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	int me;
	static char name[1000];
	struct spool_recipient r[30];
	begin(&t, 1);
	memset(name, 'a', sizeof name);
	memcpy(name + sizeof name - 6, "@f.com", 6);
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = (struct spool_recipient){
			.state = SPOOL_REMOTE,
			.address = span_of(name, sizeof name)};
	(void)accept_job(&t, r, ARRAY_LEN(r));
	size_t seen = 0, leases = 0;
	while (take(&t, &me, "", false, &w) == SPOOL_OK) {
		assert_true(w.count * sizeof name <= CARRY_BYTES);
		seen += w.count;
		leases++;
		settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	}
	assert_true(seen == 30 && leases == 2);
	end(&t);
}

static void an_owner_that_goes_leaves_all(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	int me, other;
	begin(&t, 1);
	const struct spool_recipient r[] = {REMOTE("a@far.com", 0)};
	for (unsigned i = 0; i < 5; i++)
		(void)accept_job(&t, r, 1);
	for (unsigned i = 0; i < rules.per_destination; i++)
		assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	uint64_t number = lease_number(w.lease);
	assert_non_null(carry_find(t.c, number, &me));
	assert_null(carry_find(t.c, number, &other));
	assert_int_equal(take(&t, &other, "", false, &w), SPOOL_NONE);
	struct lease *l = carry_find(t.c, number, &me);
	lease_hold(l);
	carry_drop(t.c, &me, t.now);
	assert_null(carry_find(t.c, number, &me));
	assert_false(lease_release(t.c, l, t.now));
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(take(&t, &other, "", false, &w), SPOOL_OK);
		settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	}
	assert_int_equal(take(&t, &other, "", false, &w), SPOOL_NONE);
	end(&t);
}

static void urgent_first_reports_last(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	int me;
	begin(&t, 1);
	const struct spool_recipient r[] = {REMOTE("a@far.com", 0)};
	static const enum spool_priority order[] = {SPOOL_LAST, SPOOL_NORMAL,
						    SPOOL_FIRST};
	for (size_t i = 0; i < 12; i++) {
		struct spool_accept q = job_of(&t, r, 1);
		struct answer a = {0};
		q.job.priority = order[i % 3];
		q.job.id.byte[0] = (uint8_t)(i % 2);
		assert_int_equal(
			wait_for(&t, spool_accept(t.s, &q, answered, &a), &a),
			SPOOL_OK);
	}
	for (size_t i = 0; i < 12; i++) {
		assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
		assert_int_equal(w.job.priority, i / 4);
		settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	}
	end(&t);
}

/* What is looked for while its sender is told is not lost. */
static void a_delay_hides_nothing(void **state)
{
	(void)state;
	struct test t;
	struct carried w, mail;
	int me;
	begin(&t, 1);
	const struct spool_recipient r[] = {REMOTE("a@far.com", 0)};
	(void)accept_job(&t, r, 1);
	t.now = 2500;
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	assert_int_equal(w.work, CARRY_DELAY);
	assert_int_equal(take(&t, &me, "", false, &mail), SPOOL_NONE);
	struct spool_verdict v = {.untouched = true, .marks = SPOOL_TOLD};
	assert_int_equal(settle(&t, w.lease, &v, 1), SPOOL_OK);
	carry_end(t.c, w.lease, SCHEDULE_FINE, true, t.now, 0);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	assert_int_equal(w.work, CARRY_MAIL);
	settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	end(&t);
}

/* It is told, carried nowhere, and neither late nor expired, whatever the time. */
static void what_arrived_is_told(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	struct answer a = {0};
	int me;
	begin(&t, 1);
	const struct spool_recipient r[] = {
		{.state = SPOOL_LOCAL, .address = SPAN("a@example.org"),
		 .account = 1},
		REMOTE("b@far.com", 9000)};
	struct spool_id id = accept_job(&t, r, 2);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	const struct spool_verdict v = {.state = SPOOL_REMOTE,
					.marks = SPOOL_DELIVERED,
					.next = t.now,
					.attempted = true};
	struct spool_settle q = {.id = id, .verdicts = &v, .count = 1};
	assert_int_equal(
		wait_for(&t, spool_settle(t.s, &q, answered, &a), &a), SPOOL_OK);
	struct spool_fsck_count n;
	assert_int_equal(spool_fsck(t.s, true, false, NULL, NULL, &n), SPOOL_OK);
	assert_int_equal(n.wrong, 0);
	carry_free(t.c); /* who comes next finds it in the rows */
	t.c = carry_new(t.s, secret, &rules, SCHEDULE_MOST);
	assert_non_null(t.c);
	discover(&t);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(take(&t, &me, "example.org", true, &w),
				 SPOOL_NONE);
		assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
		assert_int_equal(w.work, CARRY_DELIVERED);
		assert_true(w.count == 1 && w.recipients[0].n == 0);
		if (i == 0) {
			carry_drop(t.c, &me, t.now);
			t.now = 7000; /* the job has expired */
		}
	}
	struct carried late;
	assert_int_equal(take(&t, &me, "", false, &late), SPOOL_OK);
	assert_true(late.work == CARRY_EXPIRED && late.count == 1 &&
		    late.recipients[0].n == 1);
	settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	settle_all(&t, late.lease, SPOOL_FAILED, 0, SCHEDULE_FINE);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	end(&t);
}

/* A number of before a restart is nobody's: couriers may come with it. */
static void numbers_are_not_given_out_again(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	static const uint8_t other[SIPHASH_KEY] = "sixteen letters";
	int me;
	begin(&t, 1);
	const struct spool_recipient r[] = {REMOTE("a@far.com", 0)};
	(void)accept_job(&t, r, 1);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	uint64_t number = lease_number(w.lease);
	carry_free(t.c);
	t.c = carry_new(t.s, other, &rules, SCHEDULE_MOST);
	discover(&t);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	assert_int_not_equal(lease_number(w.lease), number);
	assert_null(carry_find(t.c, number, &me));
	settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	end(&t);
}

/* ---- random ---- */

#define OWNERS 3u
#define MOST   400u

struct model {
	struct spool_id id[MOST];
	unsigned count[MOST], jobs;
	unsigned settled, accepted;
	char owners[OWNERS];
	struct {
		uint64_t number;
		unsigned owner;
	} out[64];
	unsigned outs, delays;
};

static void new_job(struct test *t, struct model *m, uint64_t *seed)
{
	struct spool_recipient r[6];
	static const char *const names[] = {"a@one.com", "b@two.com", "c@three.com",
					    "d@dead.com", "e@one.com"};
	unsigned n = 1 + (unsigned)roll(seed, ARRAY_LEN(r));
	for (unsigned i = 0; i < n; i++)
		r[i] = (struct spool_recipient){
			.state = SPOOL_REMOTE,
			.address = span_cstr(names[roll(seed, ARRAY_LEN(names))]),
			.prefix = roll(seed, 5) ? SPAN("P") : SPAN("Q"),
			.next = t->now + (int64_t)(roll(seed, 4) ? 0 : roll(seed, 900))};
	m->count[m->jobs] = n;
	m->accepted += n;
	m->id[m->jobs++] = accept_job(t, r, n);
}

static void end_one(struct test *t, struct model *m, uint64_t *seed, unsigned i)
{
	struct lease *l = carry_find(t->c, m->out[i].number,
				     &m->owners[m->out[i].owner]);
	struct spool_verdict v[CARRY_RECIPIENTS];
	size_t n = 0;
	m->out[i] = m->out[--m->outs];
	assert_non_null(l);
	bool delay = lease_work(l) == CARRY_DELAY;
	m->delays += delay;
	for (size_t k = 0; k < lease_count(l); k++) {
		bool over = lease_work(l) == CARRY_EXPIRED || roll(seed, 3);
		if (!delay && !roll(seed, 8))
			continue; /* not named: due again */
		v[n++] = (struct spool_verdict){
			.n = lease_recipient(l, k),
			.state = over ? (roll(seed, 4) ? SPOOL_DONE : SPOOL_FAILED)
				      : SPOOL_REMOTE,
			.next = t->now + schedule_wait(&rules, 1, roll(seed, 99)),
			.attempted = true,
			.untouched = delay,
			.marks = delay ? SPOOL_TOLD : 0};
		m->settled += over && !delay;
	}
	if (n > 0)
		assert_int_equal(settle(t, l, v, n), SPOOL_OK);
	carry_end(t->c, l, (enum schedule_mood)roll(seed, 4),
		  n == lease_count(l), t->now, roll(seed, 1000));
}

static void cut(struct test *t, struct model *m)
{
	carry_free(t->c);
	spool_close(t->s);
	fixture_cut(&t->f);
	m->outs = 0;
	open_it(t);
}

static void step(struct test *t, struct model *m, uint64_t *seed)
{
	struct carried w;
	unsigned owner = (unsigned)roll(seed, OWNERS);
	arena_reset(t->a);
	switch (roll(seed, 10)) {
	case 9:
		if (m->jobs > 0 && roll(seed, 20) == 0)
			spread(t, m->id[roll(seed, m->jobs)].byte[0]);
		break;
	case 0:
		if (m->jobs < MOST / 2)
			new_job(t, m, seed);
		break;
	case 1:
		t->now += (int64_t)roll(seed, 60);
		break;
	case 2:
		if (roll(seed, 10) == 0) {
			carry_drop(t->c, &m->owners[owner], t->now);
			for (unsigned i = m->outs; i-- > 0;)
				if (m->out[i].owner == owner)
					m->out[i] = m->out[--m->outs];
		} else if (roll(seed, 20) == 0) {
			cut(t, m);
		}
		break;
	case 3:
	case 4:
	case 5:
		if (m->outs > 0)
			end_one(t, m, seed, (unsigned)roll(seed, m->outs));
		break;
	default:
		if (m->outs < ARRAY_LEN(m->out) &&
		    take(t, &m->owners[owner], roll(seed, 2) ? "one.com" : "",
			 false, &w) == SPOOL_OK) {
			m->out[m->outs].number = lease_number(w.lease);
			m->out[m->outs++].owner = owner;
		}
	}
}

/* No more new ones: all that is left ends. */
static void drain(struct test *t, struct model *m, uint64_t *seed)
{
	struct carried w;
	while (m->outs > 0)
		end_one(t, m, seed, 0);
	for (unsigned idle = 0; m->settled < m->accepted; idle++) {
		arena_reset(t->a);
		if (idle > 5000)
			fail_msg("%u of %u are left over", m->accepted - m->settled,
				 m->accepted);
		int64_t at = carry_wake(t->c);
		if (at > t->now && at != SPOOL_NEVER)
			t->now = at;
		if (take(t, &m->owners[0], "", false, &w) != SPOOL_OK)
			continue;
		m->out[m->outs].number = lease_number(w.lease);
		m->out[m->outs++].owner = 0;
		end_one(t, m, seed, 0);
	}
}

static struct spool_ledger ledger(struct test *t)
{
	struct spool_ledger sum = {0};
	for (unsigned p = 0; p < SPOOL_PARTITIONS; p++) {
		struct spool_ledger l;
		assert_int_equal(spool_ledger(t->s, p, &l), SPOOL_OK);
		assert_true(spool_balanced(&l));
		sum.accepted += l.accepted;
		sum.delivered += l.delivered;
		sum.bounced += l.bounced;
		sum.open += l.open;
	}
	return sum;
}

static void every_recipient_ends_once(void **state)
{
	(void)state;
	unsigned delays = 0;
	for (uint64_t s = 1; s <= 12; s++) {
		struct test t;
		static struct model m;
		uint64_t seed = s;
		m = (struct model){0};
		if (s % 3 == 0)
			begin(&t, s);
		else
			begin_at_hand(&t, s);
		for (unsigned i = 0; i < 2500; i++)
			step(&t, &m, &seed);
		drain(&t, &m, &seed);
		struct spool_ledger l = ledger(&t);
		assert_true(l.accepted == m.accepted && l.open == 0 &&
			    l.delivered + l.bounced == m.settled);
		struct carry_figures f;
		carry_figures(t.c, &f);
		assert_int_equal(f.leases, 0);
		delays += m.delays;
		end(&t);
	}
	assert_true(delays > 0);
}

/* ---- at hand ---- */

static bool is_whole(struct test *t, const struct spool_id *id)
{
	struct spool_id at = *id;
	enum spool_result sr;
	for (size_t i = sizeof at; i-- > 0 && at.byte[i]-- == 0;)
		; /* the row behind that one */
	struct kv_space *space = spool_space(t->s, id->byte[0], &sr);
	return spool_job_next(space, KV_VISIBLE, 'W', &at) == KV_OK &&
	       memcmp(&at, id, sizeof at) == 0;
}

static size_t rows(struct test *t, unsigned partition)
{
	enum spool_result sr;
	struct kv_scan *scan;
	struct span key, value, all = SPAN("");
	size_t n = 0;
	assert_int_equal(kv_scan_open(spool_space(t->s, partition, &sr), KV_VISIBLE,
				      all, all, false, &scan), KV_OK);
	while (kv_scan_next(scan, &key, &value) == KV_OK)
		n++;
	kv_scan_close(scan);
	return n;
}

/* One row, leased with its body, and nothing is left of it but the ledger. */
static void what_just_came_is_one_row(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	struct spool_job job;
	struct spool_recipient rc;
	uint64_t size;
	int me;
	begin_at_hand(&t, 1);
	const struct spool_recipient r[] = {REMOTE("a@far.com", 0),
					    REMOTE("b@far.com", 0)};
	struct spool_id id = accept_job(&t, r, 2);
	assert_true(is_whole(&t, &id) && rows(&t, id.byte[0]) == 2);
	assert_true(carry_wake(t.c) == 0); /* of the destination, not the sender */
	assert_int_equal(spool_job(t.s, &id, t.a, &job), SPOOL_OK);
	assert_true(job.open == 2 && job.warns == t.now + 1000);
	assert_int_equal(spool_recipient(t.s, &id, 1, t.a, &rc), SPOOL_OK);
	assert_true(span_eq(rc.address, SPAN("b@far.com")));
	assert_int_equal(spool_recipient(t.s, &id, 2, t.a, &rc), SPOOL_NONE);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	assert_true(w.count == 2 && w.work == CARRY_MAIL &&
		    lease_copy(w.lease) != NULL &&
		    span_eq(w.body, SPAN("Subject: x\r\n\r\nhello")) &&
		    span_eq(w.destination, SPAN("far.com")));
	struct carried none;
	assert_int_equal(take(&t, &me, "", false, &none), SPOOL_NONE);
	settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	assert_int_equal(rows(&t, id.byte[0]), 1);
	assert_int_equal(kv_body_size(t.f.kv, &job.body, &size), KV_NONE);
	assert_int_equal(spool_job(t.s, &id, t.a, &job), SPOOL_NONE);
	assert_int_equal(schedule_count(carry_schedule(t.c)), 0);
	end(&t);
}

/* What could not be delivered at once is found by the indexes, and only there. */
static void what_is_put_off_gets_its_rows(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	int me;
	begin_at_hand(&t, 1);
	const struct spool_recipient r[] = {REMOTE("a@far.com", 0),
					    REMOTE("b@far.com", 0)};
	struct spool_id id = accept_job(&t, r, 2);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	const struct spool_verdict v[] = {
		{.n = 1, .state = SPOOL_DONE, .attempted = true},
		{.n = 0, .state = SPOOL_REMOTE, .next = t.now + 60,
		 .attempted = true}};
	assert_int_equal(settle(&t, w.lease, v, 2), SPOOL_OK);
	carry_end(t.c, w.lease, SCHEDULE_FINE, true, t.now, 0);
	assert_false(is_whole(&t, &id));
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	t.now += 60;
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	assert_true(w.count == 1 && w.recipients[0].attempts == 1 && !lease_copy(w.lease));
	settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	end(&t);
}

/* Others may have to do with it meanwhile: an administrator, a report, time. */
static void what_changes_is_not_leased_from_memory(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	struct answer a = {0};
	int me;
	begin_at_hand(&t, 1);
	const struct spool_recipient r[] = {REMOTE("a@far.com", 0)};
	/* Held: nobody gets it. */
	struct spool_id id = accept_job(&t, r, 1);
	struct spool_verdict v = {.state = SPOOL_HELD};
	struct spool_settle q = {.id = id, .verdicts = &v, .count = 1};
	assert_int_equal(wait_for(&t, spool_settle(t.s, &q, answered, &a), &a),
			 SPOOL_OK);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	v.state = SPOOL_DROPPED;
	a = (struct answer){0};
	assert_int_equal(wait_for(&t, spool_settle(t.s, &q, answered, &a), &a),
			 SPOOL_OK);
	/* A report about it while it is out. */
	id = accept_job(&t, r, 1);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	struct spool_accept report = job_of(&t, r, 1);
	struct spool_about about = {.job = id, .kind = 1};
	report.about = &about;
	report.job.id.byte[0] = id.byte[0];
	a = (struct answer){0};
	assert_int_equal(
		wait_for(&t, spool_accept(t.s, &report, answered, &a), &a),
		SPOOL_OK);
	assert_false(is_whole(&t, &id));
	settle_all(&t, w.lease, SPOOL_FAILED, 0, SCHEDULE_FINE);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	assert_int_equal(memcmp(&w.job.id, &report.job.id, sizeof id), 0);
	settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	/* It waits for a minute. */
	id = accept_job(&t, r, 1);
	int64_t came = kv_now(t.f.kv); /* or a second before */
	assert_false(carry_old_hand(t.c, came + HAND_S - 2));
	assert_true(carry_old_hand(t.c, came + HAND_S));
	spread(&t, id.byte[0]);
	assert_false(is_whole(&t, &id) || carry_old_hand(t.c, came + HAND_S));
	t.now += 1000; /* and its sender hears that it takes long */
	assert_true(take(&t, &me, "", false, &w) == SPOOL_OK && w.work == CARRY_DELAY);
	carry_drop(t.c, &me, t.now);
	t.now -= 1000;
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	assert_null(lease_copy(w.lease));
	/* Its owner ends: it is due as before; so is one that is at hand. */
	(void)accept_job(&t, r, 1);
	carry_drop(t.c, &me, t.now);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
		carry_drop(t.c, &me, t.now);
		assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
		settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	}
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	end(&t);
}

/* Behind what waits longer, and never more than may be held. */
static void what_is_behind_others_is_indexed(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	struct spool_id first, id;
	int me;
	begin_at_hand(&t, 1);
	const struct spool_recipient later[] = {REMOTE("a@far.com", t.now + 9)},
				     r[] = {REMOTE("b@far.com", 0)},
				     two[] = {REMOTE("a@one.com", 0),
					      REMOTE("a@two.com", 0)};
	first = accept_job(&t, later, 1); /* not now */
	assert_false(is_whole(&t, &first));
	id = accept_job(&t, two, 2);
	assert_false(is_whole(&t, &id));
	id = accept_job(&t, r, 1);
	assert_true(is_whole(&t, &id));
	/* As long as nothing else waits there, and it is not full. */
	for (unsigned i = 1; i < HAND_EACH; i++)
		assert_true((id = accept_job(&t, r, 1), is_whole(&t, &id)));
	id = accept_job(&t, r, 1);
	assert_false(is_whole(&t, &id));
	unsigned n = 0;
	for (; take(&t, &me, "far.com", true, &w) == SPOOL_OK; n++) {
		assert_int_equal(lease_copy(w.lease) != NULL, n < HAND_EACH);
		settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
		arena_reset(t.a);
	}
	assert_int_equal(n, HAND_EACH + 1);
	end(&t);
}

/* A start finds it, also damaged. */
static void one_row_is_found_after_a_cut(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	struct spool_fsck_count n;
	struct model m = {0};
	int me;
	begin_at_hand(&t, 1);
	const struct spool_recipient r[] = {REMOTE("a@far.com", 0)};
	struct spool_id id = accept_job(&t, r, 1);
	assert_int_equal(spool_fsck(t.s, true, false, NULL, NULL, &n), SPOOL_OK);
	assert_true(spool_is_old(t.s, id.byte[0]) && n.jobs == 1 && n.recipients == 1 && n.bodies == 1 && n.wrong == 0);
	cut(&t, &m);
	assert_false(is_whole(&t, &id) || spool_is_old(t.s, id.byte[0]));
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	end(&t);
}

/* ---- format 1 ---- */

struct old {
	struct spool_id id;
	struct spool_recipient r[3];
};

static void old_recipient(struct buf *b, const struct spool_recipient *r)
{
	buf_clear(b);
	pack_u8(b, 1);
	pack_u8(b, (uint8_t)r->state);
	pack_u64(b, r->account);
	pack_varint(b, r->flags);
	pack_varint(b, r->notify);
	pack_varint(b, r->attempts);
	pack_u64(b, (uint64_t)r->next);
	pack_u64(b, (uint64_t)r->last);
	pack_span(b, r->address);
	pack_span(b, r->original);
	pack_span(b, r->folder);
	pack_span(b, r->prefix);
	pack_span(b, r->reason);
}

static enum kv_result old_run(struct kv_op *op, struct kv_batch *batch, void *arg)
{
	const struct old *o = arg;
	struct buf b;
	struct kv_id body = kv_body_name(kv_space_kv(op->space));
	struct job_row job = {.job = {.id = o->id,
				      .sender = SPAN("a@example.org"),
				      .body = body,
				      .body_size = 5,
				      .body_crc = crc32c(0, SPAN("hello")),
				      .accepted = 900,
				      .expires = 4000,
				      .recipients = 3}};
	struct spool_key j = spool_key_id('J', &o->id), c = spool_key_id('C', &o->id),
			 t = spool_key_due('T', 1000, &o->id);
	buf_init(&b, SPOOL_ROW);
	spool_job_write(&b, &job);
	kv_put_row(batch, spool_span(&j), &b);
	kv_put_body(batch, &body, SPAN("hello"));
	for (uint32_t n = 0; n < 3; n++) {
		struct spool_key k = spool_key_n(&o->id, n);
		old_recipient(&b, &o->r[n]);
		kv_put_row(batch, spool_span(&k), &b);
	}
	buf_clear(&b);
	pack_u8(&b, 1);
	pack_varint(&b, 3);
	pack_u64(&b, 1000);
	kv_put_row(batch, spool_span(&c), &b);
	kv_put(batch, spool_span(&t), SPAN("\1"));
	buf_free(&b);
	return KV_OK;
}

static void rows_of_the_first_format_are_carried(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	int me;
	begin(&t, 1);
	struct old o = {.r = {REMOTE("a@FAR.com", 1000), REMOTE("b@far.com", 3000),
			      {.state = SPOOL_HELD, .address = SPAN("c@far.com")}}};
	enum spool_result sr;
	for (unsigned i = 0; i < 20; i++) {
		o.id = spool_name(t.s);
		o.id.byte[0] = (uint8_t)(i % 3);
		assert_int_equal(kv_op_wait(spool_space(t.s, i % 3, &sr), 0,
					    old_run, &o, NULL),
				 KV_OK);
	}
	struct spool_fsck_count n;
	assert_int_equal(spool_fsck(t.s, true, false, NULL, NULL, &n), SPOOL_OK);
	assert_true(n.wrong == 0 && n.jobs == 20);
	/* One of them is touched before it was upgraded. */
	struct spool_verdict v = {.n = 0, .state = SPOOL_DROPPED};
	struct spool_settle q = {.id = o.id, .verdicts = &v, .count = 1};
	struct answer a = {0};
	assert_int_equal(wait_for(&t, spool_settle(t.s, &q, answered, &a), &a),
			 SPOOL_OK);
	assert_false(spool_is_old(t.s, 5));
	for (unsigned p = 0; p < 3; p++) {
		struct spool_upgrade u = {.partition = p};
		assert_true(spool_is_old(t.s, p));
		do {
			a = (struct answer){0};
			assert_int_equal(
				wait_for(&t, spool_upgrade(t.s, &u, answered, &a),
					 &a),
				SPOOL_OK);
		} while (u.more);
		assert_false(spool_is_old(t.s, p));
	}
	struct spool_ledger l = ledger(&t);
	assert_true(l.accepted == 60 && l.open == 39);
	carry_rediscover(t.c);
	discover(&t);
	for (unsigned i = 0; i < 19; i++) {
		assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
		assert_true(w.count == 1 && w.work == CARRY_MAIL &&
			    span_eq(w.destination, SPAN("far.com")));
		settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	}
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	t.now = 4000; /* they expire; nobody is warned */
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
		assert_true(w.count == 1 && w.work == CARRY_EXPIRED);
		settle_all(&t, w.lease, SPOOL_FAILED, 0, SCHEDULE_FINE);
	}
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	end(&t);
}

/* ---- damage of the indexes ---- */

static enum kv_result spoil_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	const struct spool_id *id = arg;
	struct spool_id other = *id;
	struct spool_key k = spool_key_destination(spool_hash(SPAN("far.com")),
						   SPOOL_NORMAL, 0, id);
	(void)op;
	kv_delete(b, spool_span(&k));
	other.byte[15] ^= 1;
	k = spool_key_destination(7, SPOOL_NORMAL, 0, &other);
	kv_put(b, spool_span(&k), SPAN("x"));
	k = spool_key_due('X', 77, id);
	kv_put(b, spool_span(&k), SPAN("\1"));
	k = spool_key('A');
	kv_delete(b, spool_span(&k));
	return KV_OK;
}

static void lost_indexes_are_mended(void **state)
{
	(void)state;
	struct test t;
	struct carried w;
	struct spool_fsck_count n;
	enum spool_result sr;
	int me;
	begin(&t, 1);
	const struct spool_recipient r[] = {REMOTE("a@far.com", 0)};
	struct spool_id id = accept_job(&t, r, 1);
	assert_int_equal(kv_op_wait(spool_space(t.s, id.byte[0], &sr), 0,
				    spoil_run, &id, NULL),
			 KV_OK);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_NONE);
	assert_int_equal(spool_fsck(t.s, true, false, NULL, NULL, &n), SPOOL_OK);
	assert_true(n.wrong >= 3 && n.repaired == 0);
	assert_int_equal(spool_fsck(t.s, true, true, NULL, NULL, &n), SPOOL_OK);
	assert_true(n.repaired >= 2);
	assert_int_equal(spool_fsck(t.s, true, false, NULL, NULL, &n), SPOOL_OK);
	assert_int_equal(n.wrong, 0);
	assert_int_equal(ledger(&t).open, 1);
	carry_rediscover(t.c);
	discover(&t);
	assert_int_equal(take(&t, &me, "", false, &w), SPOOL_OK);
	settle_all(&t, w.lease, SPOOL_DONE, 0, SCHEDULE_FINE);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_destination_one_prefix),
		cmocka_unit_test(a_crowd_comes_in_hundreds),
		cmocka_unit_test(long_ones_come_in_several),
		cmocka_unit_test(an_owner_that_goes_leaves_all),
		cmocka_unit_test(urgent_first_reports_last),
		cmocka_unit_test(a_delay_hides_nothing),
		cmocka_unit_test(what_arrived_is_told),
		cmocka_unit_test(numbers_are_not_given_out_again),
		cmocka_unit_test(every_recipient_ends_once),
		cmocka_unit_test(what_just_came_is_one_row),
		cmocka_unit_test(what_is_put_off_gets_its_rows),
		cmocka_unit_test(what_changes_is_not_leased_from_memory),
		cmocka_unit_test(what_is_behind_others_is_indexed),
		cmocka_unit_test(one_row_is_found_after_a_cut),
		cmocka_unit_test(rows_of_the_first_format_are_carried),
		cmocka_unit_test(lost_indexes_are_mended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

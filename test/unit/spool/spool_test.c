/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool: custody in one commit, states, leases, lists; and a random run under
 * faults and power cuts in which every recipient is in exactly one state.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "spool/due.h"
#include "spool/format.h"
#include "spool/spool.h"

struct test {
	struct fixture f;
	struct spool *s;
	struct arena *a;
};

struct answer {
	bool done;
	enum spool_result result;
};

static void answered(void *arg, enum spool_result r)
{
	struct answer *a = arg;
	assert_false(a->done);
	*a = (struct answer){true, r};
}

static void start(struct test *t, uint64_t seed)
{
	*t = (struct test){.a = arena_new(8 << 20)};
	fixture_start(&t->f, MEMORY, seed);
	assert_int_equal(spool_open(t->f.kv, &t->s), SPOOL_OK);
}

static void stop(struct test *t)
{
	spool_close(t->s);
	fixture_stop(&t->f);
	arena_free(t->a);
}

static enum spool_result wait_for(struct test *t, enum spool_result started,
				  struct answer *a)
{
	if (started != SPOOL_OK)
		return started;
	while (!a->done)
		kv_poll(t->f.kv);
	return a->result;
}

static struct spool_accept job_of(struct test *t,
				  const struct spool_recipient *r, size_t n)
{
	struct span body = SPAN("Subject: x\r\n\r\nhello");
	return (struct spool_accept){
		.job = {.id = spool_name(t->s),
			.sender = SPAN("from@far.com"),
			.facts = SPAN("facts"),
			.body = kv_body_name(t->f.kv),
			.body_size = body.len,
			.body_crc = crc32c(0, body),
			.summary = SPAN("summary"),
			.accepted = 100,
			.expires = 1000},
		.bytes = body,
		.recipients = r,
		.count = n};
}

static enum spool_result accept_job(struct test *t, struct spool_accept *q)
{
	struct answer a = {0};
	return wait_for(t, spool_accept(t->s, q, answered, &a), &a);
}

static enum spool_result settle(struct test *t, struct spool_settle *q)
{
	struct answer a = {0};
	return wait_for(t, spool_settle(t->s, q, answered, &a), &a);
}

static enum spool_result lease(struct test *t, struct spool_lease *q)
{
	struct answer a = {0};
	return wait_for(t, spool_lease(t->s, q, answered, &a), &a);
}

static void clean(struct test *t)
{
	struct spool_fsck_count c;
	assert_int_equal(spool_fsck(t->s, true, false, NULL, NULL, &c),
			 SPOOL_OK);
	assert_true(c.wrong == 0);
}

struct dues {
	struct spool_due row[8];
	size_t count;
};

static bool note_due(void *arg, const struct spool_due *d, struct span name)
{
	struct dues *k = arg;
	(void)name;
	assert_true(k->count < ARRAY_LEN(k->row));
	k->row[k->count++] = *d;
	return true;
}

/* How many jobs are due there, and when the next one is. */
static size_t due_at(struct test *t, unsigned p, struct span destination,
		     int64_t now, int64_t *next)
{
	struct dues k = {.count = 0};
	assert_int_equal(spool_due(t->s, p, destination, now, NULL, note_due,
				   &k, next),
			 SPOOL_OK);
	return k.count;
}

static size_t locals(struct test *t, unsigned p)
{
	struct dues k = {.count = 0};
	assert_int_equal(spool_locals(t->s, p, note_due, &k), SPOOL_OK);
	return k.count;
}

static void a_job_lives_until_its_last_recipient(void **state)
{
	(void)state;
	struct test t;
	const struct span far = SPAN("far.com");
	struct spool_job job;
	struct spool_recipient rc;
	int64_t at;
	start(&t, 1);
	const struct spool_recipient r[] = {
		{.state = SPOOL_LOCAL, .address = SPAN("a@e.org"), .account = 7,
		 .prefix = SPAN("P"), .next = 100},
		{.state = SPOOL_REMOTE, .address = SPAN("b@far.com"),
		 .next = 200},
		{.state = SPOOL_HELD, .address = SPAN("c@far.com")},
	};
	struct spool_accept q = job_of(&t, r, 3);
	unsigned p = q.job.id.byte[0];
	assert_int_equal(accept_job(&t, &q), SPOOL_OK);
	assert_int_equal(spool_job(t.s, &q.job.id, t.a, &job), SPOOL_OK);
	assert_true(job.open == 3 && job.recipients == 3 &&
		    span_eq(job.summary, SPAN("summary")) &&
		    span_eq(job.sender, SPAN("from@far.com")));
	assert_int_equal(locals(&t, p), 1);
	assert_int_equal(due_at(&t, p, far, 199, &at), 0);
	assert_true(at == 200);
	assert_int_equal(due_at(&t, p, far, 200, &at), 1);
	assert_true(at == SPOOL_NEVER);
	assert_int_equal(due_at(&t, p, SPAN("far.org"), 200, &at), 0);
	struct spool_lease l = {.partition = p, .owner = 5, .until = INT64_MAX};
	assert_int_equal(lease(&t, &l), SPOOL_OK);
	struct spool_verdict v = {.n = 0, .state = SPOOL_DONE};
	struct spool_settle s = {.id = q.job.id,
				 .epoch = l.epoch + 1,
				 .verdicts = &v,
				 .count = 1};
	assert_int_equal(settle(&t, &s), SPOOL_STALE);
	s.epoch = l.epoch;
	assert_int_equal(settle(&t, &s), SPOOL_OK);
	assert_false(s.finished);
	assert_int_equal(settle(&t, &s), SPOOL_STALE); /* never twice */
	assert_int_equal(locals(&t, p), 0);
	assert_int_equal(due_at(&t, p, far, 200, &at), 1);
	/* Tried, again later. */
	v = (struct spool_verdict){.n = 1,
				   .state = SPOOL_REMOTE,
				   .next = 900,
				   .attempted = true,
				   .reason = SPAN("451 later")};
	assert_int_equal(settle(&t, &s), SPOOL_OK);
	assert_int_equal(spool_recipient(t.s, &q.job.id, 1, t.a, &rc),
			 SPOOL_OK);
	assert_true(rc.attempts == 1 && rc.next == 900 &&
		    span_eq(rc.reason, SPAN("451 later")));
	clean(&t);
	v.n = 3;
	assert_int_equal(settle(&t, &s), SPOOL_NONE);
	/* An administrator needs no lease. */
	struct spool_verdict both[] = {{.n = 1, .state = SPOOL_FAILED},
				       {.n = 2, .state = SPOOL_DROPPED}};
	s = (struct spool_settle){
		.id = q.job.id, .verdicts = both, .count = 2};
	assert_int_equal(settle(&t, &s), SPOOL_OK);
	assert_true(s.finished);
	assert_int_equal(spool_job(t.s, &q.job.id, t.a, &job), SPOOL_NONE);
	assert_int_equal(due_at(&t, p, far, 2000, &at), 0);
	assert_true(at == SPOOL_NEVER);
	assert_int_equal(settle(&t, &s), SPOOL_NONE);
	clean(&t);
	stop(&t);
}

static void leases_rise_and_exclude(void **state)
{
	(void)state;
	struct test t;
	start(&t, 1);
	int64_t now = kv_now(t.f.kv);
	struct spool_lease a = {.partition = 3, .owner = 1, .until = now + 60},
			   b = {.partition = 3, .owner = 2, .until = now + 60};
	assert_int_equal(lease(&t, &a), SPOOL_OK);
	assert_int_equal(lease(&t, &b), SPOOL_STALE);
	uint64_t first = a.epoch;
	assert_int_equal(lease(&t, &a), SPOOL_OK); /* renewed */
	assert_true(a.epoch == first);
	a.until = now - 1; /* given back */
	assert_int_equal(lease(&t, &a), SPOOL_OK);
	assert_int_equal(lease(&t, &b), SPOOL_OK);
	assert_true(b.epoch == first + 1);
	spool_close(t.s);
	fixture_cut(&t.f);
	assert_int_equal(spool_open(t.f.kv, &t.s), SPOOL_OK);
	b.until = 0;
	assert_int_equal(lease(&t, &b), SPOOL_OK);
	assert_true(b.epoch == first + 1);
	stop(&t);
}

/* In one commit with the first job that comes there. */
static void accepting_takes_the_partition(void **state)
{
	(void)state;
	struct test t;
	start(&t, 1);
	struct spool_recipient r = {.state = SPOOL_REMOTE,
				    .address = SPAN("a@b.example")};
	struct spool_accept q = job_of(&t, &r, 1);
	unsigned p = q.job.id.byte[0];
	spool_owner(t.s, 7);
	assert_true(spool_epoch(t.s, p) == 0);
	assert_int_equal(accept_job(&t, &q), SPOOL_OK);
	uint64_t mine = spool_epoch(t.s, p);
	assert_true(mine != 0 && !spool_is_old(t.s, p));
	assert_true(spool_epoch(t.s, (p + 1) % SPOOL_PARTITIONS) == 0);
	/* Not one that somebody holds. */
	struct spool_lease other = {
		.partition = p, .owner = 8, .until = INT64_MAX};
	assert_int_equal(lease(&t, &other), SPOOL_OK);
	assert_true(other.epoch == mine + 1);
	q = job_of(&t, &r, 1);
	q.job.id.byte[0] = (uint8_t)p;
	assert_int_equal(accept_job(&t, &q), SPOOL_OK);
	struct spool_verdict v = {.state = SPOOL_DONE};
	struct spool_settle late = {
		.id = q.job.id, .epoch = mine, .verdicts = &v, .count = 1};
	assert_int_equal(settle(&t, &late), SPOOL_STALE);
	stop(&t);
}

static void names_of_a_time_lie_together(void **state)
{
	(void)state;
	struct test t;
	start(&t, 1);
	struct spool_id last = spool_name(t.s);
	unsigned turns = 0;
	for (unsigned i = 0; i < 2 * SPOOL_TOGETHER; i++) {
		struct spool_id id = spool_name(t.s);
		bool same = id.byte[0] == last.byte[0];
		turns += !same;
		assert_true(!same || memcmp(id.byte, last.byte, 8) != 0);
		last = id;
	}
	assert_int_equal(turns, 2);
	stop(&t);
}

struct listed {
	size_t n;
	struct spool_id last;
};

static bool list_one(void *arg, const struct spool_job *j)
{
	struct listed *l = arg;
	assert_true(l->n == 0 ||
		    memcmp(l->last.byte, j->id.byte, 16) < 0);
	l->last = j->id;
	l->n++;
	return true;
}

static bool list_three(void *arg, const struct spool_job *j)
{
	list_one(arg, j);
	return ((struct listed *)arg)->n < 3;
}

static bool count_one(void *arg, const struct spool_recipient *r)
{
	size_t *n = arg;
	assert_int_equal(r->n, *n);
	++*n;
	return true;
}

static void lists_walk_all_partitions(void **state)
{
	(void)state;
	struct test t;
	struct listed l = {0};
	const struct spool_id none = {{0}};
	struct spool_recipient r[2] = {
		{.state = SPOOL_REMOTE, .address = SPAN("x@far.com")},
		{.state = SPOOL_REMOTE, .address = SPAN("y@far.com")}};
	start(&t, 1);
	struct spool_id one = none;
	for (unsigned i = 0; i < 300; i++) {
		struct spool_accept q = job_of(&t, r, 2);
		if (i % 2)
			q.job.id.byte[0] = 9; /* more than a step in one */
		assert_int_equal(accept_job(&t, &q), SPOOL_OK);
		one = q.job.id;
	}
	assert_int_equal(spool_list(t.s, &none, list_one, &l), SPOOL_OK);
	assert_int_equal(l.n, 300);
	l = (struct listed){0};
	assert_int_equal(spool_list(t.s, &none, list_three, &l), SPOOL_OK);
	assert_int_equal(l.n, 3);
	struct spool_id last = l.last;
	l = (struct listed){0};
	assert_int_equal(spool_list(t.s, &last, list_one, &l), SPOOL_OK);
	assert_int_equal(l.n, 297);
	size_t n = 0;
	assert_int_equal(spool_recipients(t.s, &one, count_one, &n), SPOOL_OK);
	assert_int_equal(n, 2);
	assert_int_equal(spool_recipients(t.s, &none, count_one, &n),
			 SPOOL_NONE);
	clean(&t);
	stop(&t);
}

static void limits_are_kept(void **state)
{
	(void)state;
	struct test t;
	static struct spool_recipient r[SPOOL_RECIPIENTS_MAX + 1];
	static char big[SPOOL_FACTS_MAX + 1];
	start(&t, 1);
	for (size_t i = 0; i <= SPOOL_RECIPIENTS_MAX; i++)
		r[i] = (struct spool_recipient){.state = SPOOL_REMOTE,
						.address = SPAN("x@far.com")};
	for (size_t n = SPOOL_RECIPIENTS_MAX - 1; n <= SPOOL_RECIPIENTS_MAX + 1;
	     n++) {
		struct spool_accept q = job_of(&t, r, n);
		assert_int_equal(accept_job(&t, &q), n > SPOOL_RECIPIENTS_MAX
							     ? SPOOL_LIMIT
							     : SPOOL_OK);
		if (n > SPOOL_RECIPIENTS_MAX)
			continue;
		/* And all at once out of it again. */
		struct spool_verdict *v = calloc(n, sizeof(*v));
		for (size_t i = 0; i < n; i++)
			v[i] = (struct spool_verdict){.n = (uint32_t)i,
						      .state = SPOOL_DONE};
		struct spool_settle s = {
			.id = q.job.id, .verdicts = v, .count = n};
		assert_int_equal(settle(&t, &s), SPOOL_OK);
		assert_true(s.finished);
		free(v);
	}
	for (size_t n = SPOOL_FACTS_MAX - 1; n <= SPOOL_FACTS_MAX + 1; n++) {
		struct spool_accept q = job_of(&t, r, 1);
		q.job.facts = span_of(big, n);
		assert_int_equal(accept_job(&t, &q), n > SPOOL_FACTS_MAX
							     ? SPOOL_LIMIT
							     : SPOOL_OK);
	}
	for (size_t n = SPOOL_PREFIX_MAX - 1; n <= SPOOL_PREFIX_MAX + 1; n++) {
		struct spool_recipient one = r[0];
		one.prefix = span_of(big, n);
		struct spool_accept q = job_of(&t, &one, 1);
		assert_int_equal(accept_job(&t, &q), n > SPOOL_PREFIX_MAX
							     ? SPOOL_LIMIT
							     : SPOOL_OK);
	}
	struct spool_accept q = job_of(&t, r, 0);
	assert_int_equal(accept_job(&t, &q), SPOOL_LIMIT);
	clean(&t);
	stop(&t);
}

static void names_and_tokens(void **state)
{
	(void)state;
	struct spool_id id = {{0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
			       0xff, 0xff, 0xff}},
			back;
	char text[SPOOL_ID_TEXT];
	spool_id_text(&id, text);
	assert_string_equal(text, "ab0102030405060708090a0b0cffffff");
	assert_true(spool_id_parse(span_cstr(text), &back));
	assert_memory_equal(&id, &back, sizeof(id));
	assert_false(spool_id_parse(span_of(text, 31), &back));
	text[3] = 'g';
	assert_false(spool_id_parse(span_cstr(text), &back));
	struct spool_token a = spool_token(&id, 0), b = spool_token(&id, 1);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &id, sizeof(a));
	assert_int_equal(a.byte[12], 13);
	assert_string_equal(spool_state_name(SPOOL_HELD), "held");
}

/* ---- random ---- */

#define JOBS 12u
#define RCPT 5u

struct mjob {
	bool there;
	struct spool_id id;
	enum spool_state state[RCPT];
	unsigned count;
};

static bool same_job(struct test *t, const struct mjob *m)
{
	struct spool_job job;
	struct spool_recipient rc;
	enum spool_result r = spool_job(t->s, &m->id, t->a, &job);
	if (!m->there)
		return r == SPOOL_NONE;
	if (r != SPOOL_OK || job.recipients != m->count)
		return false;
	for (uint32_t i = 0; i < m->count; i++) {
		assert_int_equal(spool_recipient(t->s, &m->id, i, t->a, &rc),
				 SPOOL_OK);
		if (rc.state != m->state[i])
			return false;
	}
	return true;
}

static void random_step(struct test *t, struct mjob *m, uint64_t *seed,
			unsigned *cuts)
{
	struct spool_recipient r[RCPT];
	struct spool_verdict v[RCPT];
	struct mjob next = *m;
	struct answer a = {0};
	struct spool_accept acc;
	struct spool_settle set;
	enum spool_result started;
	if (!m->there) {
		next.there = true;
		next.count = 1 + (unsigned)roll(seed, RCPT);
		for (unsigned i = 0; i < next.count; i++) {
			next.state[i] = SPOOL_LOCAL +
					(enum spool_state)roll(seed, 3);
			r[i] = (struct spool_recipient){
				.state = next.state[i],
				.address = SPAN("x@y"),
				.next = (int64_t)roll(seed, 1000)};
		}
		acc = job_of(t, r, next.count);
		next.id = m->id = acc.job.id;
		started = spool_accept(t->s, &acc, answered, &a);
	} else {
		size_t n = 0;
		bool stale = false, open = false;
		for (unsigned i = 0; i < m->count; i++) {
			if (roll(seed, 2)) {
				v[n++] = (struct spool_verdict){
					.n = i,
					.state = SPOOL_LOCAL +
						 (enum spool_state)roll(seed, 6),
					.next = (int64_t)roll(seed, 1000)};
				stale |= spool_settled(m->state[i]);
				next.state[i] = v[n - 1].state;
			}
			open |= !spool_settled(next.state[i]);
		}
		if (stale)
			next = *m;
		else if (!open)
			next.there = false;
		set = (struct spool_settle){
			.id = m->id, .verdicts = v, .count = n};
		started = spool_settle(t->s, &set, answered, &a);
	}
	if (started != SPOOL_OK)
		return;
	unsigned polls = 0,
		 cut = roll(seed, 15) ? UINT32_MAX : (unsigned)roll(seed, 4);
	while (!a.done && polls++ < cut)
		kv_poll(t->f.kv);
	if (!a.done) {
		++*cuts;
		spool_close(t->s);
		fixture_cut(&t->f);
		assert_int_equal(spool_open(t->f.kv, &t->s), SPOOL_OK);
	}
	arena_reset(t->a);
	bool known = a.done && polls <= cut && a.result == SPOOL_OK;
	if (known || !same_job(t, m)) {
		assert_true(same_job(t, &next));
		*m = next;
	}
}

static void every_recipient_is_in_one_state(void **state)
{
	(void)state;
	unsigned cuts = 0;
	for (uint64_t s = 1; s <= 10; s++) {
		struct test t;
		struct mjob jobs[JOBS] = {{0}};
		uint64_t seed = s;
		start(&t, s);
		kv_disk_faults(t.f.disk,
			       &(struct kv_memory_faults){.conflict = 50,
							  .unknown_done = 50,
							  .unknown_lost = 50,
							  .group_failed = 20});
		for (unsigned i = 0; i < 400; i++)
			random_step(&t, &jobs[roll(&seed, JOBS)], &seed, &cuts);
		for (unsigned i = 0; i < JOBS; i++) {
			arena_reset(t.a);
			assert_true(same_job(&t, &jobs[i]));
		}
		clean(&t);
		stop(&t);
	}
	print_message("4000 steps, power cuts %u\n", cuts);
	assert_true(cuts > 0);
}

/* ---- damage ---- */

/* One damaged job holds up none of the others. */
static void damage_hides_no_other_job(void **state)
{
	(void)state;
	struct test t;
	struct listed l = {0};
	const struct spool_id none = {{0}};
	struct spool_recipient r = {.state = SPOOL_LOCAL,
				    .address = SPAN("y@e.org")};
	start(&t, 1);
	for (unsigned i = 0; i < 9; i++) {
		struct spool_accept q = job_of(&t, &r, 1);
		q.job.id.byte[0] = (uint8_t)(i / 3); /* three partitions */
		assert_int_equal(accept_job(&t, &q), SPOOL_OK);
		struct spool_key k = spool_key_id('J', &q.job.id);
		struct kv_name name = {KV_SPOOL, q.job.id.byte[0]};
		if (i == 4)
			assert_true(kv_disk_damage_row(t.f.disk, name,
						       spool_span(&k), 0));
	}
	assert_int_equal(spool_list(t.s, &none, list_one, &l), SPOOL_CORRUPT);
	assert_int_equal(l.n, 8);
	stop(&t);
}

static void damage_is_found_and_mended(void **state)
{
	(void)state;
	struct spool_recipient r[2] = {
		{.state = SPOOL_REMOTE, .address = SPAN("x@far.com"), .next = 5},
		{.state = SPOOL_LOCAL, .address = SPAN("y@e.org"), .next = 9}};
	for (unsigned kind = 0; kind < 4; kind++) {
		struct test t;
		struct spool_fsck_count c;
		struct spool_recipient rc;
		start(&t, 1);
		struct spool_accept q = job_of(&t, r, 2);
		assert_int_equal(accept_job(&t, &q), SPOOL_OK);
		const struct kv_name name = {KV_SPOOL, q.job.id.byte[0]};
		struct spool_key k[] = {spool_key_id('J', &q.job.id),
					spool_key_id('C', &q.job.id),
					spool_key_n(&q.job.id, 1)};
		if (kind < 3)
			assert_true(kv_disk_damage_row(t.f.disk, name,
						       spool_span(&k[kind]),
						       0));
		else
			assert_true(kv_disk_damage_body(t.f.disk, &q.job.body,
							7));
		assert_int_equal(spool_fsck(t.s, true, false, NULL, NULL, &c),
				 SPOOL_OK);
		assert_true(c.wrong > 0 && c.repaired == 0);
		assert_int_equal(spool_fsck(t.s, true, true, NULL, NULL, &c),
				 SPOOL_OK);
		assert_int_equal(c.repaired, 1);
		assert_int_equal(spool_recipient(t.s, &q.job.id, 0, t.a, &rc),
				 SPOOL_OK);
		/* Without its message or its envelope nothing is sent. */
		assert_int_equal(rc.state, kind == 0 || kind == 3 ? SPOOL_HELD
								  : SPOOL_REMOTE);
		assert_int_equal(spool_fsck(t.s, true, false, NULL, NULL, &c),
				 SPOOL_OK);
		/* What cannot be mended stays named. */
		assert_int_equal(c.wrong, kind == 0 || kind == 3 ? 1 : 0);
		stop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_lives_until_its_last_recipient),
		cmocka_unit_test(leases_rise_and_exclude),
		cmocka_unit_test(accepting_takes_the_partition),
		cmocka_unit_test(names_of_a_time_lie_together),
		cmocka_unit_test(lists_walk_all_partitions),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(names_and_tokens),
		cmocka_unit_test(every_recipient_is_in_one_state),
		cmocka_unit_test(damage_hides_no_other_job),
		cmocka_unit_test(damage_is_found_and_mended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/op under injected conflicts, unknown outcomes, failed groups and power
 * cuts: a counter per space is raised by operations; each one that was
 * answered counts exactly once, each that is unknown at most once.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define SPACES 4u

struct sums {
	uint64_t yes[SPACES], unknown[SPACES], calls;
};

struct add {
	struct sums *sums;
	unsigned space;
	bool refuse;
};

static uint64_t value_of(struct kv_space *s, enum kv_view view)
{
	struct buf b;
	uint64_t v = 0;
	buf_init(&b, 64);
	if (kv_get(s, view, SPAN("n"), &b) == KV_OK)
		assert_true(span_u64(buf_span(&b), UINT64_MAX, &v));
	buf_free(&b);
	return v;
}

static enum kv_result add_one(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct add *a = arg;
	char text[32];
	if (a->refuse)
		return KV_LIMIT;
	int n = snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)value_of(op->space, KV_STAGED) + 1);
	kv_put(b, SPAN("n"), span_of(text, (size_t)n));
	return KV_OK;
}

static void added(void *arg, enum kv_result r, uint64_t version)
{
	struct add *a = arg;
	(void)version;
	a->sums->calls++;
	if (a->refuse)
		assert_true(r == KV_LIMIT || r == KV_UNKNOWN ||
			    r == KV_UNAVAILABLE);
	else if (r == KV_OK)
		a->sums->yes[a->space]++;
	else if (r == KV_UNKNOWN)
		a->sums->unknown[a->space]++;
	free(a);
}

static void start(struct kv_space **s, struct sums *sums, unsigned i,
		  bool refuse)
{
	struct add *a = calloc(1, sizeof(*a));
	*a = (struct add){sums, i, refuse};
	if (kv_op_run(s[i], 0, add_one, added, a) != KV_OK) {
		sums->calls++;
		free(a);
	}
}

static void open_all(struct fixture *f, struct kv_space **s)
{
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(
			kv_space_open(f->kv,
				      (struct kv_name){KV_ACCOUNT, i}, &s[i]),
			KV_OK);
}

static void close_all(struct kv_space **s)
{
	for (unsigned i = 0; i < SPACES; i++)
		kv_space_close(s[i]);
}

static void each_answered_operation_counts_once(void **state)
{
	(void)state;
	uint64_t conflicts = 0, unknown = 0, reopened = 0, cuts = 0;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct fixture f;
		struct kv_space *s[SPACES];
		struct sums sums = {0};
		uint64_t r = seed * 77, started = 0;
		fixture_start(&f, MEMORY, seed);
		kv_disk_faults(f.disk, &(struct kv_memory_faults){
					       .conflict = 30,
					       .unknown_done = 30,
					       .unknown_lost = 30,
					       .group_failed = 20});
		open_all(&f, s);
		for (unsigned step = 0; step < 1500; step++) {
			if (roll(&r, 4) == 0) {
				kv_poll(f.kv);
			} else if (roll(&r, 400) == 0) {
				struct kv_stats st;
				kv_stats(f.kv, &st);
				conflicts += st.conflicts;
				unknown += st.unknown;
				reopened += st.reopened;
				cuts++;
				close_all(s);
				fixture_cut(&f);
				open_all(&f, s);
			} else {
				start(s, &sums, (unsigned)roll(&r, SPACES),
				      roll(&r, 20) == 0);
				started++;
			}
		}
		kv_wait(f.kv);
		assert_true(sums.calls == started);
		for (unsigned i = 0; i < SPACES; i++) {
			uint64_t v = value_of(s[i], KV_VISIBLE);
			assert_true(v == kv_turn(s[i], KV_VISIBLE));
			assert_true(v >= sums.yes[i]);
			assert_true(v <= sums.yes[i] + sums.unknown[i]);
		}
		close_all(s);
		fixture_stop(&f);
	}
	print_message("conflicts %u, unknown %u, reopened %u, power cuts %u\n",
		      (unsigned)conflicts, (unsigned)unknown,
		      (unsigned)reopened, (unsigned)cuts);
	assert_true(conflicts && unknown && reopened && cuts);
}

static void a_refusal_waits_for_what_it_saw(void **state)
{
	(void)state;
	struct fixture f;
	struct kv_space *s[SPACES];
	struct sums sums = {0};
	fixture_start(&f, MEMORY, 1);
	open_all(&f, s);
	start(s, &sums, 0, false);
	start(s, &sums, 0, true);
	assert_true(sums.calls == 0);
	kv_poll(f.kv);
	assert_true(sums.calls == 0);
	kv_poll(f.kv);
	assert_true(sums.calls == 2 && sums.yes[0] == 1);
	struct add wait = {&sums, 0, false};
	uint64_t version;
	assert_int_equal(kv_op_wait(s[0], 0, add_one, &wait, &version), KV_OK);
	assert_true(version == 2);
	close_all(s);
	fixture_stop(&f);
}

static void an_engine_may_limit_the_rows_of_a_space(void **state)
{
	(void)state;
	struct fixture f;
	struct kv_space *s[SPACES];
	fixture_start(&f, MEMORY, 1);
	kv_disk_faults(f.disk, &(struct kv_memory_faults){.rows_per_space = 1});
	open_all(&f, s);
	struct sums sums = {0};
	struct add wait = {&sums, 0, false};
	assert_int_equal(kv_op_wait(s[0], 0, add_one, &wait, NULL), KV_OK);
	assert_int_equal(kv_op_wait(s[0], 0, add_one, &wait, NULL), KV_FULL);
	assert_true(value_of(s[0], KV_STAGED) == 1);
	close_all(s);
	fixture_stop(&f);
}

/* More in one space than the tokens that a head keeps. */
static void lose_a_group(enum which engine)
{
	struct fixture f;
	struct kv_space *s[SPACES];
	struct sums sums = {0};
	enum { OPS = 5 * KV_TOKENS };
	fixture_start(&f, engine, 1);
	open_all(&f, s);
	fixture_fault(&f, "kv.write", 1);
	for (unsigned i = 0; i < OPS; i++)
		start(s, &sums, i % 2, false);
	kv_wait(f.kv);
	assert_true(sums.calls == OPS);
	assert_true(sums.yes[0] == OPS / 2 && sums.yes[1] == OPS / 2);
	assert_true(value_of(s[0], KV_VISIBLE) == OPS / 2);
	assert_true(kv_turn(s[0], KV_VISIBLE) == OPS / 2);
	close_all(s);
	fixture_stop(&f);
}

static void a_lost_group_goes_in_after_all(void **state)
{
	(void)state;
	lose_a_group(MEMORY);
	lose_a_group(ROCKSDB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answered_operation_counts_once),
		cmocka_unit_test(a_refusal_waits_for_what_it_saw),
		cmocka_unit_test(an_engine_may_limit_the_rows_of_a_space),
		cmocka_unit_test(a_lost_group_goes_in_after_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

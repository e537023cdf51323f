/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/sluice, through the schedule: what several destinations share, whose turn it
 * is there, and that no count is lost or kept when rules change or couriers go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/span.h"
#include "spool/schedule.h"

static const uint8_t secret[SIPHASH_KEY] = "fifteen letters";

/* Names begin with the sources that they leave by: "a...", "b...", "ab...". */
struct world {
	struct sluice_limit a, b;
	bool only_b; /* the rules know no a: b is their first */
};

static struct sluice_limit source(const void *ctx, size_t i)
{
	const struct world *w = ctx;
	return i == 0 && !w->only_b ? w->a : w->b;
}

static struct schedule_most of(const void *ctx, struct span name)
{
	const struct world *w = ctx;
	struct schedule_most m = {0};
	bool a = name.ptr[0] == 'a' && !w->only_b;
	bool b = name.ptr[0] == 'b' || (name.len > 1 && name.ptr[1] == 'b');
	m.source[0] = a ? 1 : 0;
	m.source[1] = b ? (w->only_b ? 1 : 2) : 0;
	return m;
}

static struct schedule_rules rules_of(const struct world *w)
{
	return (struct schedule_rules){.per_destination = 100,
				       .of = of,
				       .source = source,
				       .source_count = w->only_b ? 1 : 2,
				       .ctx = w,
				       .steps = {300},
				       .step_count = 1};
}

static struct schedule *make(const struct world *w)
{
	struct schedule_rules r = rules_of(w);
	struct schedule *s = schedule_new(secret, &r, SCHEDULE_MOST);
	assert_non_null(s);
	return s;
}

static void adopt(struct schedule *s, const struct world *w)
{
	struct schedule_rules r = rules_of(w);
	schedule_adopt(s, &r);
}

static void add(struct schedule *s, const char *name, int64_t now)
{
	assert_true(schedule_add(s, span_cstr(name), 1, SPOOL_NORMAL, now, now));
}

static void lease(struct schedule *s, struct destination *d, int64_t now)
{
	struct schedule_look look;
	schedule_look(d, now, &look);
	schedule_looked(s, d, &look,
			&(struct spool_due){.priority = SPOOL_NORMAL, .at = now},
			0, now);
	schedule_leased(s, d, now);
}

/* The next destination, a lease of which goes out; "" for none. */
static const char *take(struct schedule *s, int64_t now)
{
	static char name[64];
	struct destination *d = schedule_next(s, now);
	if (d == NULL)
		return "";
	lease(s, d, now);
	snprintf(name, sizeof name, "%.*s", SPAN_FMT(schedule_name(d)));
	return name;
}

static void done(struct schedule *s, const char *name, int64_t now)
{
	struct destination *d = schedule_find(s, span_cstr(name));
	assert_non_null(d);
	schedule_done(s, d, SCHEDULE_FINE, now, 0);
}

static enum schedule_why why(struct schedule *s, const char *name, int64_t now,
			     struct schedule_waits *w)
{
	schedule_waits(s, schedule_find(s, span_cstr(name)), now, w);
	return w->why;
}

#define A(n, m)                                                                \
	{.name = SPAN_INIT("first"), .leases = (n), .a_minute = (m)}
#define B(n, m)                                                                \
	{.name = SPAN_INIT("second"), .leases = (n), .a_minute = (m)}

static void a_source_has_so_many(void **state)
{
	(void)state;
	struct world w = {A(3, 0), B(0, 0), false};
	struct schedule *s = make(&w);
	struct schedule_waits x;
	add(s, "a1", 0);
	add(s, "a2", 0);
	add(s, "c", 0);
	assert_string_equal(take(s, 1), "a1");
	assert_string_equal(take(s, 1), "a2");
	assert_string_equal(take(s, 1), "c");
	/* One less than the limit, the limit, one more. */
	assert_string_equal(take(s, 1), "a1");
	assert_string_equal(take(s, 1), "c");
	assert_string_equal(take(s, 1), "c");
	assert_int_equal(why(s, "a2", 1, &x), SCHEDULE_WAITS_SOURCE_LEASES);
	assert_true(span_eq(x.source, SPAN("first")) && x.limit == 3);
	assert_int_equal(why(s, "c", 1, &x), SCHEDULE_WAITS_NOT);
	done(s, "a1", 2);
	assert_int_equal(why(s, "a2", 2, &x), SCHEDULE_WAITS_NOT);
	/* Who waits for longest is the next one. */
	assert_string_equal(take(s, 2), "a2");
	assert_string_equal(take(s, 2), "c");
	schedule_free(s);
}

/* Nobody asks in vain while all that waits waits for a lease's end. */
static void it_wakes_when_a_gate_opens(void **state)
{
	(void)state;
	struct world w = {A(1, 0), B(0, 2), false};
	struct schedule *s = make(&w);
	add(s, "a", 100);
	assert_true(schedule_wake(s) == 0);
	assert_string_equal(take(s, 100), "a");
	assert_true(schedule_wake(s) == SPOOL_NEVER);
	done(s, "a", 101);
	assert_true(schedule_wake(s) == 0);
	assert_string_equal(take(s, 101), "a");
	add(s, "b1", 101);
	add(s, "b2", 101);
	assert_string_equal(take(s, 102), "b1");
	assert_string_equal(take(s, 103), "b2");
	assert_string_equal(take(s, 103), "");
	assert_true(schedule_wake(s) == 102 + PACE_MINUTE_S);
	schedule_free(s);
}

static void a_source_has_so_many_a_minute(void **state)
{
	(void)state;
	struct world w = {A(0, 3), B(0, 0), false};
	struct schedule *s = make(&w);
	struct schedule_waits x;
	add(s, "a1", 1000);
	add(s, "a2", 1000);
	add(s, "a3", 1000);
	assert_string_equal(take(s, 1000), "a1");
	done(s, "a1", 1000);
	assert_string_equal(take(s, 1010), "a2");
	assert_string_equal(take(s, 1020), "a3");
	assert_string_equal(take(s, 1020), "");
	assert_int_equal(why(s, "a1", 1030, &x), SCHEDULE_WAITS_SOURCE_MINUTE);
	assert_true(x.limit == 3 && x.until == 1060 &&
		    span_eq(x.source, SPAN("first")));
	assert_string_equal(take(s, 1059), "");
	assert_string_equal(take(s, 1060), "a1");
	/* The clock is set back: nobody waits longer than a minute for it. */
	add(s, "a2", 500);
	assert_string_equal(take(s, 500), "a2");
	assert_string_equal(take(s, 500), "a2");
	assert_string_equal(take(s, 559), "");
	assert_string_equal(take(s, 560), "a2");
	schedule_free(s);
}

/* IPv4 in one block, IPv6 in another: both have to have room. */
static void two_sources_hold_together(void **state)
{
	(void)state;
	struct world w = {A(2, 0), B(1, 0), false};
	struct schedule *s = make(&w);
	struct schedule_waits x;
	add(s, "ab", 0);
	add(s, "a", 0);
	add(s, "b", 0);
	assert_string_equal(take(s, 1), "ab");
	assert_string_equal(take(s, 1), "a");
	assert_string_equal(take(s, 1), "");
	assert_int_equal(why(s, "b", 1, &x), SCHEDULE_WAITS_SOURCE_LEASES);
	assert_true(span_eq(x.source, SPAN("second")));
	done(s, "a", 2);
	/* The second one is still full: who waits for longer is passed over. */
	assert_string_equal(take(s, 2), "a");
	done(s, "ab", 3);
	assert_string_equal(take(s, 3), "b");
	assert_string_equal(take(s, 3), "a");
	schedule_free(s);
}

/* Beside what a destination has for itself. */
static void both_kinds_of_limits_hold(void **state)
{
	(void)state;
	struct world w = {A(3, 0), B(0, 0), false};
	struct schedule_rules r = rules_of(&w);
	struct schedule_waits x;
	r.per_destination = 2;
	struct schedule *s = schedule_new(secret, &r, 10);
	assert_non_null(s);
	add(s, "a1", 0);
	assert_string_equal(take(s, 1), "a1");
	assert_string_equal(take(s, 1), "a1");
	assert_string_equal(take(s, 1), "");
	assert_int_equal(why(s, "a1", 1, &x), SCHEDULE_WAITS_LEASES);
	assert_int_equal(x.limit, 2);
	add(s, "a2", 1);
	assert_string_equal(take(s, 1), "a2");
	assert_string_equal(take(s, 1), "");
	assert_int_equal(why(s, "a2", 1, &x), SCHEDULE_WAITS_SOURCE_LEASES);
	schedule_free(s);
}

/* A million for one, a few for ten others, one connection for all. */
static void they_take_turns(void **state)
{
	(void)state;
	struct world w = {A(1, 0), B(0, 0), false};
	struct schedule *s = make(&w);
	unsigned had[11] = {0};
	char name[8];
	add(s, "a10", 0);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "a%u", i);
		add(s, name, 0);
	}
	for (unsigned i = 0; i < 22; i++) {
		snprintf(name, sizeof name, "%s", take(s, 1));
		had[strtoul(name + 1, NULL, 10)]++;
		done(s, name, 1);
	}
	for (unsigned i = 0; i < 11; i++)
		assert_int_equal(had[i], 2);
	schedule_free(s);
}

/* Over a connection that is open it may go on, but not for ever. */
static void who_stays_goes_in_the_end(void **state)
{
	(void)state;
	struct world w = {A(1, 0), B(0, 0), false};
	struct schedule *s = make(&w);
	add(s, "a1", 0);
	struct destination *d = schedule_next(s, 1);
	lease(s, d, 1);
	done(s, "a1", 1);
	/* Alone: as long as it likes. */
	for (unsigned i = 0; i < 5 * SCHEDULE_TURN; i++) {
		assert_true(schedule_stays(s, d, 1));
		lease(s, d, 1);
		done(s, "a1", 1);
	}
	add(s, "a2", 1);
	assert_ptr_equal(schedule_next(s, 1), d);
	for (unsigned i = 0; i < SCHEDULE_TURN; i++) {
		assert_true(schedule_stays(s, d, 1));
		lease(s, d, 1);
		assert_false(schedule_stays(s, d, 1)); /* the source is full */
		done(s, "a1", 1);
	}
	assert_false(schedule_stays(s, d, 1));
	assert_true(schedule_ready(s, d, 1));
	assert_string_equal(take(s, 1), "a2");
	done(s, "a2", 1);
	assert_ptr_equal(schedule_next(s, 1), d);
	assert_true(schedule_stays(s, d, 1));
	/* Without a source nothing is shared. */
	add(s, "c1", 1);
	add(s, "c2", 1);
	d = schedule_find(s, SPAN("c1"));
	for (unsigned i = 0; i < 3 * SCHEDULE_TURN; i++) {
		assert_true(schedule_stays(s, d, 1));
		lease(s, d, 1);
		done(s, "c1", 1);
	}
	schedule_free(s);
}

static void other_rules_keep_the_counts(void **state)
{
	(void)state;
	struct world w = {A(2, 0), B(0, 0), false};
	struct schedule *s = make(&w);
	add(s, "a1", 0);
	add(s, "a2", 0);
	assert_string_equal(take(s, 1), "a1");
	assert_string_equal(take(s, 1), "a2");
	assert_string_equal(take(s, 1), "");
	w.a.leases = 1; /* lowered: two are out */
	adopt(s, &w);
	assert_string_equal(take(s, 1), "");
	done(s, "a1", 1);
	assert_string_equal(take(s, 1), "");
	done(s, "a2", 1);
	assert_string_equal(take(s, 1), "a1");
	assert_string_equal(take(s, 1), "");
	w.a.leases = 3; /* raised: one is out; who waited keeps his place */
	adopt(s, &w);
	assert_string_equal(take(s, 1), "a2");
	assert_string_equal(take(s, 1), "a1");
	assert_string_equal(take(s, 1), "");
	w.only_b = true; /* removed: three are out */
	adopt(s, &w);
	for (unsigned i = 0; i < 7; i++)
		assert_string_not_equal(take(s, 1), "");
	w.only_b = false; /* there again: all ten count */
	w.a.leases = 11;
	adopt(s, &w);
	assert_string_not_equal(take(s, 1), "");
	assert_string_equal(take(s, 1), "");
	struct schedule_state st, other;
	schedule_state(schedule_find(s, SPAN("a1")), &st);
	schedule_state(schedule_find(s, SPAN("a2")), &other);
	assert_int_equal(st.leases + other.leases, 11);
	/* All end, as when their courier is lost: nothing is left over. */
	while (st.leases-- > 0)
		done(s, "a1", 2);
	while (other.leases-- > 0)
		done(s, "a2", 2);
	for (unsigned i = 0; i < 11; i++)
		assert_string_not_equal(take(s, 3), "");
	assert_string_equal(take(s, 3), "");
	schedule_free(s);
}

/* A reload begins no new minute, whatever place the block has in the file. */
static void other_rules_keep_the_minute(void **state)
{
	(void)state;
	struct world w = {A(0, 0), B(0, 2), false};
	struct schedule *s = make(&w);
	add(s, "b", 1000);
	assert_string_equal(take(s, 1000), "b");
	w.only_b = true;
	adopt(s, &w);
	assert_string_equal(take(s, 1001), "b");
	assert_string_equal(take(s, 1001), "");
	w.b.a_minute = 3;
	adopt(s, &w);
	assert_string_equal(take(s, 1002), "b");
	assert_string_equal(take(s, 1002), "");
	w.b.a_minute = 0;
	adopt(s, &w);
	assert_string_equal(take(s, 1003), "b");
	w.b.a_minute = 4;
	adopt(s, &w);
	assert_string_equal(take(s, 1059), "");
	assert_string_equal(take(s, 1060), "b");
	schedule_free(s);
}

/* As many blocks as there may be, each pair that a rule can have. */
static struct sluice_limit one_each(const void *ctx, size_t i)
{
	static const char names[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	(void)ctx;
	return (struct sluice_limit){.name = span_of(names + i, 1), .leases = 1};
}

static struct schedule_most by_number(const void *ctx, struct span name)
{
	uint64_t n = 0;
	(void)ctx;
	assert_true(span_u64(name, 100000, &n));
	return (struct schedule_most){
		.source = {1 + (unsigned)(n % SLUICE_SOURCES),
			   1 + (unsigned)(n / SLUICE_SOURCES % 4)}};
}

static void all_sources_at_once(void **state)
{
	(void)state;
	struct schedule_rules r = {.per_destination = 5,
				   .of = by_number,
				   .source = one_each,
				   .source_count = SLUICE_SOURCES,
				   .steps = {300},
				   .step_count = 1};
	struct schedule *s = schedule_new(secret, &r, SCHEDULE_MOST);
	char name[8];
	unsigned out = 0;
	assert_non_null(s);
	for (unsigned i = 0; i < 4 * SLUICE_SOURCES; i++) {
		snprintf(name, sizeof name, "%u", i);
		add(s, name, 0);
	}
	while (*take(s, 1) != '\0')
		out++;
	/* One each of the first four; the others share those. */
	assert_int_equal(out, 4);
	schedule_adopt(s, &r);
	assert_string_equal(take(s, 1), "");
	schedule_free(s);
}

/* A lease costs the same, whether ten destinations wait behind a full sluice or
 * tens of thousands. */
static double seconds_for(unsigned destinations)
{
	struct world w = {A(1, 0), B(1, 0), false};
	struct schedule *s = make(&w);
	struct timespec from, to;
	char name[16];
	double best = 1e9;
	for (unsigned i = 0; i < destinations; i++) {
		snprintf(name, sizeof name, "%s%u", i % 3 == 0 ? "ab" : i % 3 == 1 ? "a" : "b", i);
		add(s, name, 0);
	}
	for (unsigned round = 0; round < 5; round++) {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		for (unsigned i = 0; i < 3000; i++) {
			snprintf(name, sizeof name, "%s", take(s, 1));
			done(s, name, 1);
		}
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		double t = (double)(to.tv_sec - from.tv_sec) +
			   (double)(to.tv_nsec - from.tv_nsec) / 1e9;
		best = t < best ? t : best;
	}
	schedule_free(s);
	return best;
}

static void a_turn_costs_the_same(void **state)
{
	(void)state;
	double few = seconds_for(30), many = seconds_for(60000);
	/* More for the memory that it walks through, not 2,000 times. */
	if (many > few * 30)
		fail_msg("%.6f s with 30 destinations, %.6f s with 60,000", few,
			 many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_has_so_many),
		cmocka_unit_test(it_wakes_when_a_gate_opens),
		cmocka_unit_test(a_source_has_so_many_a_minute),
		cmocka_unit_test(two_sources_hold_together),
		cmocka_unit_test(both_kinds_of_limits_hold),
		cmocka_unit_test(they_take_turns),
		cmocka_unit_test(who_stays_goes_in_the_end),
		cmocka_unit_test(other_rules_keep_the_counts),
		cmocka_unit_test(other_rules_keep_the_minute),
		cmocka_unit_test(all_sources_at_once),
		cmocka_unit_test(a_turn_costs_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

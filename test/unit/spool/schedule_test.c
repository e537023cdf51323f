/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/schedule: turns, limits, moods, partitions; how it forgets.  No rows, no
 * clock: what a look finds is said by the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/span.h"
#include "spool/schedule.h"

static const struct schedule_rules rules = {
	.per_destination = 8, .steps = {300, 600, 1200}, .step_count = 3};
static const uint8_t secret[SIPHASH_KEY] = "fifteen letters";

static struct schedule *make(size_t most)
{
	struct schedule *s = schedule_new(secret, &rules, most);
	assert_non_null(s);
	return s;
}

static void add(struct schedule *s, const char *name, unsigned partition,
		int64_t at, int64_t now)
{
	assert_true(schedule_add(s, span_cstr(name), partition, SPOOL_NORMAL,
				 at, now));
}

/* The next destination, a lease of which goes out; "" for none. */
static const char *take(struct schedule *s, int64_t now)
{
	struct destination *d = schedule_next(s, now);
	struct schedule_look look;
	static char name[64];
	if (d == NULL)
		return "";
	schedule_look(d, now, &look);
	schedule_looked(s, d, &look,
			&(struct spool_due){.priority = SPOOL_NORMAL, .at = now},
			0, now);
	schedule_leased(s, d, now);
	snprintf(name, sizeof name, "%.*s", SPAN_FMT(schedule_name(d)));
	return name;
}

static void done(struct schedule *s, const char *name, enum schedule_mood mood,
		 int64_t now)
{
	struct destination *d = schedule_find(s, span_cstr(name));
	assert_non_null(d);
	schedule_done(s, d, mood, now, 0);
}

static void waits_are_as_configured(void **state)
{
	(void)state;
	int64_t least = INT64_MAX, most = 0;
	for (uint64_t r = 0; r < 1000; r++) {
		int64_t w = schedule_wait(&rules, 1, r);
		least = w < least ? w : least;
		most = w > most ? w : most;
	}
	assert_int_equal(least, 300 - 37);
	assert_int_equal(most, 300 - 37 + 75);
	assert_in_range(schedule_wait(&rules, 0, 5), 263, 338);
	assert_in_range(schedule_wait(&rules, 2, 5), 525, 675);
	assert_in_range(schedule_wait(&rules, 3, 5), 1050, 1350);
	assert_in_range(schedule_wait(&rules, 4000000000u, 5), 1050, 1350);
}

static void destinations_take_turns(void **state)
{
	(void)state;
	struct schedule *s = make(100);
	for (unsigned p = 0; p < SPOOL_PARTITIONS; p++)
		add(s, "crowd", p, 10, 10);
	add(s, "one", 3, 10, 10);
	add(s, "two", 4, 11, 10);
	assert_string_equal(take(s, 10), "crowd");
	assert_string_equal(take(s, 10), "one");
	assert_string_equal(take(s, 10), "crowd");
	assert_string_equal(take(s, 10), "one");
	/* What becomes due stands behind the others, not behind all of them. */
	assert_string_equal(take(s, 11), "crowd");
	assert_string_equal(take(s, 11), "one");
	assert_string_equal(take(s, 11), "two");
	assert_string_equal(take(s, 11), "crowd");
	schedule_free(s);
}

static void a_limit_holds_and_gives_way(void **state)
{
	(void)state;
	struct schedule *s = make(100);
	struct schedule_state st;
	add(s, "a", 1, 0, 0);
	for (unsigned i = 0; i < rules.per_destination; i++)
		assert_string_equal(take(s, 1), "a");
	assert_string_equal(take(s, 1), "");
	assert_true(schedule_wake(s) == SPOOL_NEVER);
	done(s, "a", SCHEDULE_FINE, 2);
	assert_string_equal(take(s, 2), "a");
	assert_string_equal(take(s, 2), "");
	/* Slow: half; said by several at once it counts once. */
	done(s, "a", SCHEDULE_SLOW, 100);
	done(s, "a", SCHEDULE_SLOW, 101);
	schedule_state(schedule_find(s, SPAN("a")), &st);
	assert_true(st.limit == 4 && st.leases == 6);
	assert_string_equal(take(s, 102), "");
	for (unsigned i = 0; i < 3; i++)
		done(s, "a", SCHEDULE_FINE, 103);
	assert_string_equal(take(s, 103), "a");
	/* One more each minute. */
	assert_string_equal(take(s, 104), "");
	done(s, "a", SCHEDULE_FINE, 161);
	schedule_state(schedule_find(s, SPAN("a")), &st);
	assert_int_equal(st.limit, 5);
	done(s, "a", SCHEDULE_SLOW, 200);
	done(s, "a", SCHEDULE_SLOW, 220);
	schedule_state(schedule_find(s, SPAN("a")), &st);
	assert_int_equal(st.limit, 1); /* never none */
	schedule_free(s);
}

static void one_alone_tries_again(void **state)
{
	(void)state;
	struct schedule *s = make(100);
	struct schedule_state st;
	add(s, "a", 1, 0, 0);
	(void)take(s, 1);
	(void)take(s, 1);
	done(s, "a", SCHEDULE_DOWN, 10);
	done(s, "a", SCHEDULE_DOWN, 11); /* the same failure */
	schedule_state(schedule_find(s, SPAN("a")), &st);
	assert_int_equal(st.failures, 1);
	assert_int_equal(st.until, 10 + 263);
	assert_string_equal(take(s, 272), "");
	assert_int_equal(schedule_wake(s), 273);
	assert_string_equal(take(s, 273), "a");
	assert_string_equal(take(s, 273), "");
	done(s, "a", SCHEDULE_DOWN, 280);
	schedule_state(schedule_find(s, SPAN("a")), &st);
	assert_true(st.failures == 2 && st.until == 280 + 525);
	assert_string_equal(take(s, 805), "a");
	/* It ended without a word: the next one tries. */
	done(s, "a", SCHEDULE_UNKNOWN, 806);
	assert_string_equal(take(s, 806), "a");
	assert_string_equal(take(s, 806), "");
	done(s, "a", SCHEDULE_FINE, 807);
	assert_string_equal(take(s, 807), "a");
	assert_string_equal(take(s, 807), "a");
	schedule_free(s);
}

static void the_dead_do_not_slow_the_living(void **state)
{
	(void)state;
	struct schedule *s = make(100000);
	char name[32];
	for (unsigned i = 0; i < 50000; i++) {
		snprintf(name, sizeof name, "dead%u", i);
		add(s, name, i % SPOOL_PARTITIONS, 0, 0);
		assert_string_equal(take(s, 0), name);
		done(s, name, SCHEDULE_DOWN, 0);
	}
	add(s, "alive", 7, 1, 1);
	assert_string_equal(take(s, 1), "alive");
	assert_string_equal(take(s, 1), "alive");
	schedule_free(s);
}

static void partitions_are_worked_off(void **state)
{
	(void)state;
	struct schedule *s = make(100);
	struct schedule_look look;
	struct spool_due row = {.priority = SPOOL_NORMAL, .at = 5};
	add(s, "a", 1, 5, 9);
	add(s, "a", 2, 4, 9);
	struct destination *d = schedule_next(s, 9);
	schedule_look(d, 9, &look);
	assert_true(look.partition == 2 && !look.has_from);
	row.at = 4;
	schedule_looked(s, d, &look, &row, 0, 9);
	/* On in the same one, behind what was found. */
	schedule_look(d, 9, &look);
	assert_true(look.partition == 2 && look.has_from && look.from.at == 4);
	/* A row that came at the same second may stand before the place. */
	add(s, "a", 2, 4, 9);
	schedule_looked(s, d, &look, NULL, 50, 9);
	assert_true(schedule_ready(s, d, 9));
	schedule_look(d, 9, &look);
	assert_true(!look.has_from);
	schedule_looked(s, d, &look, NULL, 50, 9);
	schedule_looked(s, d, &(struct schedule_look){.partition = 2}, NULL, 50,
			9);
	/* What is urgent goes first. */
	assert_true(schedule_add(s, SPAN("a"), 200, SPOOL_FIRST, 9, 9));
	schedule_look(d, 9, &look);
	assert_int_equal(look.partition, 200);
	schedule_looked(s, d, &look, NULL, SPOOL_NEVER, 9);
	schedule_look(d, 9, &look);
	assert_int_equal(look.partition, 1);
	schedule_looked(s, d, &look, NULL, SPOOL_NEVER, 9);
	assert_null(schedule_next(s, 9));
	assert_int_equal(schedule_wake(s), 50);
	assert_ptr_equal(schedule_next(s, 50), d);
	schedule_look(d, 50, &look);
	schedule_looked(s, d, &look, NULL, SPOOL_NEVER, 50);
	/* Nothing is left of it, and nothing is known of it. */
	assert_int_equal(schedule_count(s), 0);
	schedule_free(s);
}

static void memory_is_bounded(void **state)
{
	(void)state;
	for (size_t most = 9; most <= 11; most++) {
		struct schedule *s = make(most);
		char name[8];
		size_t had = 0;
		for (unsigned i = 0; i < 10; i++) {
			snprintf(name, sizeof name, "d%u", i);
			had += schedule_add(s, span_cstr(name), 1,
					    SPOOL_NORMAL, 0, 0);
		}
		assert_int_equal(had, most < 10 ? most : 10);
		schedule_free(s);
	}
	struct schedule *s = make(1);
	struct schedule_look look;
	add(s, "a", 1, 0, 0);
	assert_false(schedule_add(s, SPAN("b"), 1, SPOOL_NORMAL, 0, 0));
	struct destination *d = schedule_next(s, 0);
	schedule_look(d, 0, &look);
	schedule_looked(s, d, &look, NULL, SPOOL_NEVER, 0);
	assert_true(schedule_add(s, SPAN("b"), 1, SPOOL_NORMAL, 0, 0));
	schedule_free(s);
}

/* What a destination asked for is not forgotten with its last message. */
static void what_was_learned_stays_a_while(void **state)
{
	(void)state;
	struct schedule *s = make(10);
	struct schedule_look look;
	struct schedule_state st;
	add(s, "a", 1, 1000, 1000);
	struct destination *d = schedule_next(s, 1000);
	schedule_leased(s, d, 1000);
	schedule_look(d, 1000, &look);
	schedule_looked(s, d, &look, NULL, SPOOL_NEVER, 1000);
	schedule_done(s, d, SCHEDULE_SLOW, 1001, 0);
	add(s, "a", 1, 1500, 1500);
	schedule_state(schedule_find(s, SPAN("a")), &st);
	assert_int_equal(st.limit, 4);
	d = schedule_next(s, 1500);
	schedule_look(d, 1500, &look);
	schedule_looked(s, d, &look, NULL, SPOOL_NEVER, 1500);
	assert_int_equal(schedule_count(s), 1);
	assert_null(schedule_next(s, 1001 + SCHEDULE_FORGET_S));
	assert_int_equal(schedule_count(s), 0);
	schedule_free(s);
}

/* A clock that was ahead leaves no destination alone for a day. */
static void a_clock_is_set_back(void **state)
{
	(void)state;
	struct schedule *s = make(10);
	add(s, "a", 1, 100, 100);
	assert_string_equal(take(s, 86400), "a");
	done(s, "a", SCHEDULE_DOWN, 86400);
	assert_string_equal(take(s, 86401), "");
	add(s, "a", 1, 100, 200);
	assert_string_equal(take(s, 200), "a");
	schedule_free(s);
}

static void new_rules_hold_at_once(void **state)
{
	(void)state;
	struct schedule *s = make(10);
	struct schedule_rules other = rules;
	other.per_destination = 1;
	add(s, "a", 1, 0, 0);
	schedule_adopt(s, &other);
	assert_string_equal(take(s, 1), "a");
	assert_string_equal(take(s, 1), "");
	schedule_free(s);
}

static struct schedule_most of(const void *ctx, struct span destination)
{
	bool own = span_eq(destination, SPAN("own"));
	return (struct schedule_most){
		.leases = own ? *(const unsigned *)ctx : 0,
		.a_minute = span_eq(destination, SPAN("paced")) ? 2 : 0};
}

/* So many in a minute, whatever became of them; what is forgotten would not count. */
static void a_minute_has_so_many(void **state)
{
	(void)state;
	struct schedule_rules other = rules;
	other.of = of;
	struct schedule *s = schedule_new(secret, &other, 10);
	assert_non_null(s);
	add(s, "paced", 1, 0, 1000);
	assert_string_equal(take(s, 1000), "paced");
	done(s, "paced", SCHEDULE_FINE, 1000);
	assert_string_equal(take(s, 1030), "paced");
	done(s, "paced", SCHEDULE_FINE, 1030);
	assert_string_equal(take(s, 1030), "");
	assert_true(schedule_wake(s) == 1060);
	assert_string_equal(take(s, 1059), "");
	assert_string_equal(take(s, 1060), "paced");
	done(s, "paced", SCHEDULE_FINE, 1060);
	/* The clock is set back: nobody waits longer than a minute for it. */
	add(s, "paced", 2, 0, 500);
	assert_string_equal(take(s, 500), "paced");
	assert_string_equal(take(s, 559), "");
	assert_string_equal(take(s, 560), "paced");
	/* New rules have no limit. */
	assert_string_equal(take(s, 561), "paced");
	assert_string_equal(take(s, 561), "");
	schedule_adopt(s, &rules);
	add(s, "paced", 3, 0, 561);
	assert_string_equal(take(s, 561), "paced");
	schedule_free(s);
}

/* A limit by name, also above the others', and taken over when it changes. */
static void one_has_a_limit_of_its_own(void **state)
{
	(void)state;
	struct schedule *s = make(10);
	unsigned most = 3;
	struct schedule_rules other = rules;
	other.per_destination = 2;
	other.of = of;
	other.ctx = &most;
	add(s, "early", 1, 0, 0);
	schedule_adopt(s, &other);
	add(s, "own", 1, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(take(s, 1), "early");
		assert_string_equal(take(s, 1), "own");
	}
	assert_string_equal(take(s, 1), "own");
	assert_string_equal(take(s, 1), "");
	most = 4;
	schedule_adopt(s, &other);
	done(s, "own", SCHEDULE_FINE, 1);
	assert_string_equal(take(s, 1), "own");
	assert_string_equal(take(s, 1), "own");
	assert_string_equal(take(s, 1), "");
	schedule_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_are_as_configured),
		cmocka_unit_test(destinations_take_turns),
		cmocka_unit_test(a_limit_holds_and_gives_way),
		cmocka_unit_test(one_alone_tries_again),
		cmocka_unit_test(the_dead_do_not_slow_the_living),
		cmocka_unit_test(partitions_are_worked_off),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(one_has_a_limit_of_its_own),
		cmocka_unit_test(a_minute_has_so_many),
		cmocka_unit_test(what_was_learned_stays_a_while),
		cmocka_unit_test(a_clock_is_set_back),
		cmocka_unit_test(new_rules_hold_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

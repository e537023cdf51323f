/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each call fails once: for a scenario, the k-th memory, socket or engine call of
 * the roles fails, for k = 1 to the last.
 *
 * loop_test SCENARIO [long [TEST]], or loop_test list.  After each run: what the client was told is a yes that
 * is kept, a "not now", or a connection that ended; nothing acknowledged is lost;
 * no role complained about another; no connection, request or descriptor is left
 * over; and the same thing asked again is done.  At the end every block of memory
 * is given back (LeakSanitizer).  With `long` every way in which a call can fail is
 * tried, once and for good; without it one way, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fault.h"
#include "scene.h"

#define RECOVERY_MS 2000u /* until all works again after a failure for good */
#define COMPLAINTS  12u	  /* said in full; the others are counted */
#define CALLS_MAX   100000u

static const struct scenario *scenario;
static bool long_run;

struct tally {
	unsigned runs, failed[4], wrong;
};

static void in_prepare(void *arg)
{
	struct scene *s = arg;

	s->why[0] = 0;
	(void)snprintf(s->mark, sizeof s->mark, "mark%05u", ++s->serial);
	if (scenario->prepare != NULL)
		scenario->prepare(s);
}

static void in_act(void *arg)
{
	struct scene *s = arg;
	s->verdict = scenario->act(s);
}

static void in_check(void *arg)
{
	struct scene *s = arg;
	if (scenario->check != NULL && s->verdict != SAID_WRONG)
		scenario->check(s, s->verdict);
}

static void at_rest(struct scene *s)
{
	struct town *t = s->town;
	const char *hurt = town_hurt(t);
	unsigned held = (unsigned)(s->actor.fd >= 0) + (unsigned)(s->looker.fd >= 0);
	uint64_t busy = 0;

	if (hurt != NULL)
		wrong(s, "hurt: %s", hurt);
	for (unsigned i = 0; i < 100; i++) {
		busy = town_busy(t);
		if (busy <= held)
			return;
		house_run(t->house, 100);
	}
	wrong(s, "%u connections or requests are left, %u are held", (unsigned)busy,
	      held);
}

/* The answer: how many calls of the kind there were. */
static uint64_t run(struct scene *s, const struct fault_plan *plan)
{
	uint64_t calls;

	house_do(s->town->house, in_prepare, s);
	s->silence = plan->for_good && plan->kind == FAULT_WORLD;
	fault_arm(plan);
	house_do(s->town->house, in_act, s);
	calls = fault_disarm();
	s->silence = false;
	house_run(s->town->house, plan->for_good ? RECOVERY_MS : 100);
	house_do(s->town->house, in_check, s);
	at_rest(s);
	return calls;
}

static void complain(struct tally *t, struct scene *s, const struct fault_plan *p,
		     const char *when, const char *site)
{
	if (t->wrong++ < COMPLAINTS)
		print_error("# %s: %s %llu %s%s, %s: %s: %s\n", scenario->name,
			    fault_kind_name(p->kind), (unsigned long long)p->at,
			    fault_way_name(p->kind, p->way), p->for_good ? " for good" : "",
			    when, site, s->why);
	s->why[0] = 0;
}

/* Without a failure: all must be well. */
static uint64_t calm(struct scene *s, struct tally *t, const struct fault_plan *p,
		     const char *site)
{
	struct fault_plan none = {.kind = p->kind, .way = p->way};
	uint64_t calls = run(s, &none);

	if (s->verdict != SAID_YES)
		wrong(s, "not done: verdict %d", s->verdict);
	if (s->why[0] != 0)
		complain(t, s, p, "the time after", site);
	return calls;
}

static void each_call(struct scene *s, struct tally *t, enum fault_kind kind, unsigned way,
		      bool for_good)
{
	struct fault_plan p = {.kind = kind, .way = way, .for_good = for_good};
	char site[200];

	(void)calm(s, t, &p, "before");
	for (p.at = 1; p.at < CALLS_MAX; p.at++) {
		(void)run(s, &p);
		if (fault_failed() == 0)
			break;
		fault_site(site, sizeof site);
		t->runs++;
		t->failed[s->verdict]++;
		if (s->why[0] != 0)
			complain(t, s, &p, "then", site);
		(void)calm(s, t, &p, site);
	}
	assert_true(p.at > 1); /* or nothing was tried */
}

static void kind_fails(enum fault_kind kind)
{
	struct scene s = {.town = town_new(7), .actor = {.fd = -1}, .looker = {.fd = -1}};
	struct tally t = {0};

	buf_init(&s.data, 4u << 20);
	for (unsigned way = 0; way < (long_run ? fault_ways(kind) : 1); way++) {
		each_call(&s, &t, kind, way, false);
		/* Nothing that is ready says "again" for ever: a loop would spin. */
		if (long_run && strcmp(fault_way_name(kind, way), "again") != 0)
			each_call(&s, &t, kind, way, true);
	}
	print_message("# %s, %s: %u failures: %u done all the same, %u refused, %u ended\n",
		      scenario->name, fault_kind_name(kind), t.runs, t.failed[SAID_YES],
		      t.failed[SAID_NO], t.failed[SAID_NONE]);
	talk_close(&s.actor);
	talk_close(&s.looker);
	buf_free(&s.data);
	town_free(s.town);
	if (t.wrong > 0)
		fail_msg("%u times it was not as it should be", t.wrong);
}

static void test_memory(void **state)
{
	(void)state;
	kind_fails(FAULT_MEMORY);
}

static void test_world(void **state)
{
	(void)state;
	kind_fails(FAULT_WORLD);
}

static void test_engine(void **state)
{
	(void)state;
	kind_fails(FAULT_ENGINE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory),
					   cmocka_unit_test(test_world),
					   cmocka_unit_test(test_engine)};
	const struct CMUnitTest diskless[] = {tests[0], tests[1]};

	for (size_t i = 0; argc == 2 && strcmp(argv[1], "list") == 0 && i < scenario_count; i++)
		(void)printf("%s\n", scenarios[i].name);
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return 0;
	for (size_t i = 0; argc > 1 && i < scenario_count; i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0)
			scenario = &scenarios[i];
	long_run = argc > 2 && strcmp(argv[2], "long") == 0;
	if (scenario == NULL) {
		(void)fprintf(stderr, "loop_test SCENARIO [long [TEST]] | list\n");
		return 2;
	}
	if (argc > 3)
		cmocka_set_test_filter(argv[3]);
	if (scenario->diskless)
		return cmocka_run_group_tests(diskless, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a storm, from the seed to its end. */
#include "storm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ipc/ipc.h"

#define EVENTS   10u
#define QUIET_MS 3600000u /* virtual: the longest that people may still take */
#define HURRY_MS 60000u
#define PATIENT_OF   5u /* of a hundred seeds */
#define WEEKS_SHIFTS 36u
#define SHIFT_HOURS  36u

/* Of the process: a run is a process's only one when it fails. */
static const struct storm_how *running;

void storm_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fflush(stdout);
	fprintf(stderr, "seed %llu%s%s: ",
		(unsigned long long)(running != NULL ? running->seed : 0),
		running != NULL && running->mutant != NULL ? ", mutant " : "",
		running != NULL && running->mutant != NULL ? running->mutant->name : "");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	_Exit(1);
}

enum lie storm_lie(const struct storm *s)
{
	return s->how.mutant != NULL ? s->how.mutant->lie : LIE_NONE;
}

void storm_say(const struct storm *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->how.trace)
		return;
	va_start(ap, fmt);
	printf("%12.6f  ", (double)world_now(house_world(s->town->house)) / 1e9);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

static void told(void *arg, const char *what, const struct loop *by, uint64_t now,
		 struct span bytes)
{
	struct storm *s = arg;
	const char *who = "test";

	if (strcmp(what, "turn") == 0)
		return;
	for (size_t i = 0; i < town_kinds_count; i++) {
		struct house_role *r = s->town->role[town_kinds[i]];
		if (r != NULL && r->loop == by)
			who = kind_name(town_kinds[i]);
	}
	printf("%12.6f    %-14s %s", (double)now / 1e9, who, what);
	if (strcmp(what, "fault") == 0)
		printf(" %.*s\n", SPAN_FMT(bytes));
	else
		printf(" %zu bytes\n", bytes.len);
}

/* ---- ends at the store ------------------------------------------------------------- */

static void end_dead(void *arg, struct ipc *c, const char *why)
{
	struct storm *s = arg;

	(void)why;
	if (s->admin != NULL && admin_store_ipc(s->admin) == c)
		s->admin = NULL;
	if (s->eye != NULL && edge_store_ipc(s->eye) == c)
		s->eye = NULL;
	if (s->auth != NULL && auth_store_ipc(s->auth) == c)
		s->auth = NULL;
	ipc_free(c);
}

static void free_ends(struct storm *s)
{
	if (s->admin != NULL)
		ipc_free(admin_store_ipc(s->admin));
	if (s->eye != NULL)
		ipc_free(edge_store_ipc(s->eye));
	if (s->auth != NULL)
		ipc_free(auth_store_ipc(s->auth));
}

void storm_raise(struct storm *s)
{
	const struct ipc_owner owner = {.role = s, .dead = end_dead};

	for (size_t i = 0; i < town_kinds_count; i++)
		town_raise(s->town, town_kinds[i]);
	house_run(s->town->house, 1); /* who has lost a channel has seen it */
	if (s->admin == NULL)
		s->admin = town_admin(s->town, &owner);
	if (s->eye == NULL)
		s->eye = town_access(s->town, &owner);
	if (s->auth == NULL)
		s->auth = town_auth(s->town, &owner);
}

/* ---- people ----------------------------------------------------------------------- */

bool person_rests(struct person *p, uint64_t ms)
{
	struct loop *loop = house_loop(p->storm->town->house);
	uint64_t ns = dice_below(&p->dice, ms * NS_PER_MS);

	return !p->storm->stop &&
	       fiber_sleep_until(loop, loop_now(loop) + ns) == WOKE_TIMEOUT &&
	       !p->storm->stop;
}

bool person_dials(struct person *p, struct client *c, uint16_t port)
{
	client_dial(c, house_loop(p->storm->town->house), port);
	return c->code == 1 && client_tls(c);
}

static const struct {
	void (*live)(struct person *);
	unsigned who, n, of_hundred;
} cast[] = {
	{person_mx, 0, 4, 100},       {person_mx, 0, 4, 100},
	{person_mx, 0, 4, 60},	      {person_submits, 1, 2, 60},
	{person_submits, 2, 2, 30},   {person_imap, 0, 3, 100},
	{person_imap, 1, 2, 60},      {person_imap, 2, 2, 40},
	{person_watches, 0, 2, 50},   {person_pop3, 3, 3, 70},
	{person_administers, 0, 6, 60}, {person_looks, 0, 12, 80},
};

struct life {
	struct person p;
	void (*live)(struct person *);
};

static void live(void *arg)
{
	struct life *l = arg;

	l->live(&l->p);
	l->p.storm->busy--;
}

static void let_in(struct storm *s, struct life *lives)
{
	for (size_t i = 0; i < ARRAY_LEN(cast); i++) {
		lives[i] = (struct life){
			.p = {.storm = s, .dice = {dice_draw(&s->dice)},
			      .who = cast[i].who, .n = cast[i].n},
			.live = cast[i].live};
		if (!dice_chance(&s->dice, cast[i].of_hundred))
			continue;
		s->busy++;
		if (fiber_start(house_loop(s->town->house), live, &lives[i]) == NULL)
			storm_fail("no stack for a person");
	}
}

/* ---- the run ------------------------------------------------------------------------ */

/* Until then, or for so many turns; whoever is doomed dies between two of them. */
static void turns(struct storm *s, uint64_t until, uint64_t most)
{
	struct world *w = house_world(s->town->house);

	while (most-- > 0 && sim_run(w, until, 1) == SIM_STEPS)
		if (s->doomed != KIND_COUNT)
			trouble_dooms(s);
}

static void rage(struct storm *s)
{
	struct world *w = house_world(s->town->house);
	unsigned n = (unsigned)dice_below(&s->dice, EVENTS + 1);

	trouble_choose(s);
	s->raging = true;
	while (n-- > 0 && s->busy > 0) {
		/* By turns, so that it falls where much happens; now and then later. */
		if (dice_chance(&s->dice, 30))
			turns(s, world_now(w) + dice_below(&s->dice, 3000) * NS_PER_MS,
			      UINT64_MAX);
		turns(s, world_now(w) + 3 * NS_PER_SEC, dice_below(&s->dice, 500));
		trouble_make(s);
	}
	turns(s, world_now(w) + 3 * NS_PER_SEC, UINT64_MAX);
	s->raging = false;
	trouble_end(s);
}

/* Where the queue is patient weeks go by, far away nothing is better for long. */
static void weeks(struct storm *s)
{
	static const enum kind idle[] = {KIND_EDGE_MX, KIND_EDGE_ACCESS, KIND_SORTER_ACCESS,
					 KIND_SORTER_MX};
	struct world *w = house_world(s->town->house);
	unsigned n = (unsigned)dice_below(&s->dice, WEEKS_SHIFTS);

	s->raging = true;
	while (n-- > 0) {
		/* Nobody comes, so nobody needs these for a while: less to simulate. */
		for (size_t i = 0; i < ARRAY_LEN(idle); i++)
			town_kill(s->town, idle[i]);
		turns(s, world_now(w) + dice_below(&s->dice, SHIFT_HOURS * 3600) * NS_PER_SEC,
		      UINT64_MAX);
		far_shift(s->far);
		if (!dice_chance(&s->dice, 20))
			continue;
		storm_raise(s);
		turns(s, world_now(w) + NS_PER_SEC, UINT64_MAX);
	}
	s->raging = false;
	storm_raise(s);
}

static uint64_t wait_for_people(struct storm *s)
{
	struct world *w = house_world(s->town->house);
	uint64_t began = world_now(w), ms = 0;

	house_run(s->town->house, dice_below(&s->dice, HURRY_MS));
	s->stop = true;
	for (; s->busy > 0 && ms < QUIET_MS; ms += 500)
		house_run(s->town->house, 500);
	if (s->busy > 0)
		storm_fail("%u people still wait, an hour after the last fault", s->busy);
	return (world_now(w) - began) / NS_PER_MS;
}

struct storm_end storm_run(const struct storm_how *how)
{
	struct storm *s = calloc(1, sizeof *s);
	struct life lives[ARRAY_LEN(cast)];
	struct storm_end end = {0};

	running = how;
	if (s == NULL)
		storm_fail("memory is short");
	s->how = *how;
	s->dice.state = how->seed;
	s->steps.state = ~how->seed;
	s->doomed = KIND_COUNT;
	s->patient = dice_chance(&s->dice, PATIENT_OF);
	s->far = far_new(how->seed);
	s->town = town_new(how->seed, s->patient, far_names(s->far));
	far_begin(s->far, s);
	away_watch(s);
	if (how->trace)
		sim_tell(house_world(s->town->house), told, s);
	if (how->mutant != NULL)
		kv_disk_lies(town_disk(s->town), &how->mutant->lies);
	storm_raise(s);
	let_in(s, lives);
	rage(s);
	end.settled_ms = wait_for_people(s);
	check_people(s);
	if (s->patient)
		weeks(s);
	check_all(s);
	end.kills = s->town->kills;
	for (size_t i = 0; trouble_name(i) != NULL; i++)
		end.troubles[i] = trouble_count(s, i);
	end.messages = s->ledger.count;
	end.promised = s->ledger.promised;
	end.unanswered = s->ledger.unanswered;
	end.found = s->ledger.found;
	end.sent = s->ledger.sent;
	end.trace = sim_trace(house_world(s->town->house));
	end.steps = sim_steps(house_world(s->town->house));
	end.again = s->ledger.again;
	end.bounced = s->ledger.bounced;
	away_watch(NULL);
	far_end(s->far);
	free_ends(s);
	town_free(s->town);
	far_free(s->far);
	free(s);
	running = NULL;
	return end;
}

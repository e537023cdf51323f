/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_storm: storms by the number.
 *
 *   sim_storm --seed N [--trace] [--mutant NAME]    one, told in detail with --trace
 *   sim_storm [--from N] [--count N]                 so many seeds (1000)
 *   sim_storm --minutes M --count N                  for that long, N at the least
 *   sim_storm --mutants                              each lying store and courier must be found
 *
 * Many run in processes of their own, --jobs at a time; every 25th is run twice, and
 * both runs must have the same trace.  The first that fails ends it all, with the
 * seed and the command that repeats it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storm.h"

#define JOBS_MAX     16u
#define AGAIN_EVERY  25u
#define RUN_SECONDS  120u  /* of CPU: a run that takes longer does not end */
#define SEEDS_FOR_ALL 300u /* among these everything has gone wrong */
#define MUTANT_SEEDS 250u  /* within these each mutant must be found */

struct slot {
	pid_t pid; /* 0: free */
	struct storm_how how;
	unsigned run; /* 1 or 2 of the same seed */
	uint64_t first_trace;
	struct storm_end *shared; /* written by the child */
};

struct crew {
	const char *program;
	struct slot slots[JOBS_MAX];
	unsigned jobs;
	struct storm_end total;
	uint64_t done, again, longest_ms, slowest;
};

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void limit_cpu(void)
{
	struct rlimit r = {RUN_SECONDS, RUN_SECONDS + 1};
	(void)setrlimit(RLIMIT_CPU, &r);
}

static void repeat(const struct crew *c, const struct storm_how *how)
{
	printf("FAILED; to repeat it: %s --seed %llu%s%s --trace\n", c->program,
	       (unsigned long long)how->seed, how->mutant != NULL ? " --mutant " : "",
	       how->mutant != NULL ? how->mutant->name : "");
}

static void start(struct slot *s)
{
	*s->shared = (struct storm_end){0};
	(void)fflush(stdout);
	s->pid = fork();
	if (s->pid < 0) {
		perror("fork");
		exit(2);
	}
	if (s->pid > 0)
		return;
	limit_cpu();
	*s->shared = storm_run(&s->how);
	exit(0); /* with the sanitizers' look for leaks */
}

static void add(struct crew *c, const struct slot *s)
{
	const struct storm_end *e = s->shared;

	c->done++;
	c->total.messages += e->messages;
	c->total.promised += e->promised;
	c->total.unanswered += e->unanswered;
	c->total.found += e->found;
	c->total.kills += e->kills;
	c->total.sent += e->sent;
	c->total.again += e->again;
	c->total.bounced += e->bounced;
	for (size_t i = 0; i < TROUBLES_MAX; i++)
		c->total.troubles[i] += e->troubles[i];
	c->total.steps += e->steps;
	if (e->settled_ms > c->longest_ms) {
		c->longest_ms = e->settled_ms;
		c->slowest = s->how.seed;
	}
}

/* Waits for one; its slot is free again.  NULL: it failed, *status says how. */
static struct slot *reap(struct crew *c, int *status)
{
	pid_t pid = wait(status);

	for (unsigned i = 0; i < c->jobs; i++)
		if (c->slots[i].pid == pid) {
			c->slots[i].pid = 0;
			return &c->slots[i];
		}
	fprintf(stderr, "a child that nobody has\n");
	exit(2);
}

static void rest_of(struct crew *c)
{
	for (unsigned i = 0; i < c->jobs; i++)
		if (c->slots[i].pid != 0) {
			(void)waitpid(c->slots[i].pid, NULL, 0);
			c->slots[i].pid = 0;
		}
}

static struct slot *free_slot(struct crew *c)
{
	for (unsigned i = 0; i < c->jobs; i++)
		if (c->slots[i].pid == 0)
			return &c->slots[i];
	return NULL;
}

/* Every so many seeds the same once more; false: it was another run. */
static bool once_more(struct crew *c, struct slot *s)
{
	if (s->run == 2 && s->shared->trace != s->first_trace) {
		printf("seed %llu: the second run was another\n",
		       (unsigned long long)s->how.seed);
		return false;
	}
	c->again += s->run == 2;
	if (s->run == 1 && s->how.seed % AGAIN_EVERY == 0) {
		s->first_trace = s->shared->trace;
		s->run = 2;
		start(s);
	}
	return true;
}

static bool finish_one(struct crew *c)
{
	int status;
	struct slot *s = reap(c, &status);

	if (status != 0) {
		if (WIFSIGNALED(status))
			printf("seed %llu: killed by signal %d\n",
			       (unsigned long long)s->how.seed, WTERMSIG(status));
		repeat(c, &s->how);
		return false;
	}
	if (s->run == 1)
		add(c, s);
	return once_more(c, s);
}

static void prepare(struct crew *c)
{
	struct storm_end *page =
		mmap(NULL, JOBS_MAX * sizeof *page, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	for (unsigned i = 0; i < JOBS_MAX; i++)
		c->slots[i].shared = &page[i];
}

static bool busy(const struct crew *c)
{
	for (unsigned i = 0; i < c->jobs; i++)
		if (c->slots[i].pid != 0)
			return true;
	return false;
}

/* How often each thing went wrong; false: one never does, so it tests nothing. */
static bool told_of_all(const struct crew *c)
{
	bool good = true;

	for (size_t i = 0; trouble_name(i) != NULL; i++) {
		printf("%8u  %s\n", c->total.troubles[i], trouble_name(i));
		if (c->total.troubles[i] == 0 && c->done >= SEEDS_FOR_ALL) {
			printf("FAILED: %s never happened\n", trouble_name(i));
			good = false;
		}
	}
	return good;
}

static bool many(struct crew *c, uint64_t from, uint64_t count, double minutes)
{
	double began = seconds();
	uint64_t seed = from;
	bool good = true;

	while (good) {
		bool over = seed - from >= count && seconds() - began >= minutes * 60;
		struct slot *s = free_slot(c);
		if (over && !busy(c))
			break;
		if (!over && s != NULL) {
			s->how = (struct storm_how){.seed = seed++};
			s->run = 1;
			start(s);
			continue;
		}
		good = finish_one(c);
	}
	rest_of(c);
	good &= told_of_all(c);
	printf("%llu seeds, %llu of them twice, in %.1f s: %u messages, %u promises, %u "
	       "unclear, %u found; %u sent elsewhere, %u of them again, %u bounced; "
	       "%u kills, %llu turns; slowest to settle: seed %llu, %llu s of its time\n",
	       (unsigned long long)c->done, (unsigned long long)c->again,
	       seconds() - began, c->total.messages, c->total.promised,
	       c->total.unanswered, c->total.found, c->total.sent, c->total.again,
	       c->total.bounced, c->total.kills,
	       (unsigned long long)c->total.steps, (unsigned long long)c->slowest,
	       (unsigned long long)c->longest_ms / 1000);
	return good;
}

/* How many seeds it takes to find this one; 0: nobody noticed. */
static unsigned find(struct crew *c, const struct mutant *m)
{
	for (unsigned seed = 1; seed <= MUTANT_SEEDS; seed++) {
		struct slot *s = &c->slots[0];
		int status;
		s->how = (struct storm_how){.seed = seed, .mutant = m};
		start(s);
		(void)reap(c, &status);
		/* By an oracle: a store that fell over it does not count. */
		if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
			return seed;
	}
	return 0;
}

static bool all_mutants(struct crew *c)
{
	bool good = true;

	for (size_t i = 0; i < mutants_count; i++) {
		unsigned seed = find(c, &mutants[i]);
		good &= seed != 0;
		if (seed != 0)
			printf("%s: found by seed %u\n", mutants[i].name, seed);
		else
			printf("%s: NOT FOUND by %u seeds: %s\n", mutants[i].name,
			       MUTANT_SEEDS, mutants[i].what);
	}
	return good;
}

static int one(const struct storm_how *how)
{
	struct storm_end e;

	limit_cpu();
	e = storm_run(how);
	for (size_t i = 0; trouble_name(i) != NULL; i++)
		if (e.troubles[i] > 0)
			printf("%6u  %s\n", e.troubles[i], trouble_name(i));
	printf("seed %llu: %u messages, %u promises, %u unclear, %u found; %u kills, "
	       "%llu turns; settled in %llu ms; trace %016llx\n",
	       (unsigned long long)how->seed, e.messages, e.promised, e.unanswered,
	       e.found, e.kills, (unsigned long long)e.steps,
	       (unsigned long long)e.settled_ms, (unsigned long long)e.trace);
	return 0;
}

static const struct mutant *mutant_named(const char *name)
{
	for (size_t i = 0; i < mutants_count; i++)
		if (strcmp(mutants[i].name, name) == 0)
			return &mutants[i];
	fprintf(stderr, "no mutant %s\n", name);
	exit(2);
}

struct asked {
	struct storm_how how;
	bool single, mutants;
	uint64_t from, count;
	double minutes;
};

static bool option(struct asked *a, struct crew *c, const char *name, const char *value)
{
	if (strcmp(name, "--trace") == 0)
		a->how.trace = true;
	else if (strcmp(name, "--mutants") == 0)
		a->mutants = true;
	else if (value == NULL)
		return false;
	else if (strcmp(name, "--seed") == 0)
		a->how.seed = strtoull(value, NULL, 10), a->single = true;
	else if (strcmp(name, "--from") == 0)
		a->from = strtoull(value, NULL, 10);
	else if (strcmp(name, "--count") == 0)
		a->count = strtoull(value, NULL, 10);
	else if (strcmp(name, "--minutes") == 0)
		a->minutes = strtod(value, NULL);
	else if (strcmp(name, "--jobs") == 0)
		c->jobs = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(name, "--mutant") == 0)
		a->how.mutant = mutant_named(value);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct crew c = {.program = argv[0], .jobs = 2};
	struct asked a = {.from = 1, .count = 1000};

	for (int i = 1; i < argc; i++) {
		bool alone = strcmp(argv[i], "--trace") == 0 ||
			     strcmp(argv[i], "--mutants") == 0;
		if (!option(&a, &c, argv[i], alone ? NULL : argv[i + 1])) {
			fprintf(stderr, "sim_storm: %s? see test/sim/storm_main.c\n",
				argv[i]);
			return 2;
		}
		i += !alone;
	}
	if (c.jobs == 0 || c.jobs > JOBS_MAX)
		c.jobs = JOBS_MAX;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	town_prepare();
	if (a.single)
		return one(&a.how);
	prepare(&c);
	if (a.mutants)
		return all_mutants(&c) ? 0 : 1;
	return many(&c, a.from, a.count, a.minutes) ? 0 : 1;
}

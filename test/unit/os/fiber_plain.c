/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/fiber without a test library, so that it can be cross-built and run by an
 * emulator: floating point and integers kept across switches, sleeping in
 * order of time, many fibers.  Exit status 0: all was right.
 */
#include <stdio.h>

#include "base/ensure.h"
#include "os/fiber.h"
#include "os/sim.h"

#define COUNT 500u

struct one {
	struct loop *loop;
	unsigned n, *done;
};

static void fiber(void *arg)
{
	struct one *o = arg;
	double f = 1.5 * o->n;
	uint64_t i = o->n * 7919ull;

	for (unsigned k = 0; k < 20; k++) {
		f += 0.25;
		i += k;
		fiber_yield(o->loop);
	}
	ENSURE(fiber_sleep_until(o->loop, loop_now(o->loop) + o->n + 1) ==
	       WOKE_TIMEOUT);
	ENSURE(f == 1.5 * o->n + 5 && i == o->n * 7919ull + 190);
	ENSURE(*o->done == o->n);
	++*o->done;
}

int main(void)
{
	static struct one all[COUNT];
	struct world *w = world_sim(1);
	struct loop *l = w != NULL ? loop_new(w) : NULL;
	unsigned done = 0;

	ENSURE(l != NULL);
	for (unsigned n = 0; n < COUNT; n++) {
		all[n] = (struct one){l, n, &done};
		ENSURE(fiber_start(l, fiber, &all[n]) != NULL);
	}
	ENSURE(sim_run(w, NS_NEVER, 100000) == SIM_IDLE);
	ENSURE(done == COUNT && fiber_count(l) == 0);
	loop_free(l);
	world_free(w);
	(void)printf("%u fibers\n", done);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/fiber and os/loop: waking, deadlines, many fibers, the guard page.  The
 * clock is the virtual one, so nothing here waits.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/fiber.h"
#include "os/sim.h"

#define MANY 10000

struct box {
	struct world *world;
	struct loop *loop;
	struct fiber_gate gate;
	uint64_t value, at;
	enum woke why;
	unsigned runs;
	char order[16];
	size_t order_len;
};

static void open_box(struct box *b)
{
	*b = (struct box){0};
	b->world = world_sim(1);
	b->loop = loop_new(b->world);
	assert_non_null(b->loop);
}

static void close_box(struct box *b)
{
	assert_int_equal(sim_run(b->world, NS_NEVER, 1000), SIM_IDLE);
	assert_int_equal(fiber_count(b->loop), 0);
	loop_free(b->loop);
	world_free(b->world);
}

static void parks(void *arg)
{
	struct box *b = arg;
	b->why = fiber_park_until(b->loop, NS_NEVER, &b->value);
	b->runs++;
}

static void test_wake_before_park(void **state)
{
	struct box b;
	struct fiber *f;

	(void)state;
	open_box(&b);
	f = fiber_start(b.loop, parks, &b);
	assert_non_null(f);
	assert_true(fiber_wake(f, 7)); /* it has not even begun */
	assert_false(fiber_wake(f, 8));
	close_box(&b);
	assert_int_equal(b.why, WOKE_VALUE);
	assert_int_equal(b.value, 7);
}

static void test_wake_after_park_and_stop(void **state)
{
	struct box b;
	struct fiber *f;

	(void)state;
	open_box(&b);
	f = fiber_start(b.loop, parks, &b);
	assert_true(loop_turn(b.loop));
	assert_int_equal(b.runs, 0);
	assert_null(fiber_self(b.loop));
	assert_true(fiber_wake(f, 9));
	assert_true(loop_turn(b.loop));
	assert_int_equal(b.value, 9);
	f = fiber_start(b.loop, parks, &b);
	assert_true(loop_turn(b.loop));
	fiber_stop(f);
	fiber_stop(f);
	close_box(&b);
	assert_int_equal(b.why, WOKE_STOPPED);
}

static void waits_gate(void *arg)
{
	struct box *b = arg;
	b->why = gate_wait(b->loop, &b->gate, loop_now(b->loop) + NS_PER_SEC, &b->value);
	b->at = loop_now(b->loop);
}

static void test_gate(void **state)
{
	struct box b;
	uint64_t began;

	(void)state;
	open_box(&b);
	began = world_now(b.world);
	assert_non_null(fiber_start(b.loop, waits_gate, &b));
	assert_int_equal(sim_run(b.world, NS_NEVER, 100), SIM_IDLE);
	assert_int_equal(b.why, WOKE_TIMEOUT);
	assert_int_equal(b.at, began + NS_PER_SEC);
	assert_non_null(fiber_start(b.loop, waits_gate, &b));
	assert_true(loop_turn(b.loop));
	assert_true(gate_open(&b.gate, 5));
	assert_false(gate_open(&b.gate, 6));
	close_box(&b);
	assert_int_equal(b.why, WOKE_VALUE);
	assert_int_equal(b.value, 5);
}

static void deep(void *arg)
{
	struct box *b = arg;
	volatile char room[4096];
	double half = 0.5 * (double)b->runs;

	room[0] = room[4095] = 1;
	fiber_yield(b->loop);
	assert_true(half >= 0);
	if (fiber_sleep_until(b->loop, loop_now(b->loop) + NS_PER_SEC) == WOKE_TIMEOUT)
		b->runs += (unsigned)room[4095];
}

static void test_many(void **state)
{
	struct box b;

	(void)state;
	open_box(&b);
	for (int i = 0; i < MANY; i++)
		assert_non_null(fiber_start(b.loop, deep, &b));
	assert_int_equal(fiber_count(b.loop), MANY);
	assert_int_equal(sim_run(b.world, NS_NEVER, MANY), SIM_IDLE);
	assert_int_equal(b.runs, MANY);
	close_box(&b);
}

static void test_limit(void **state)
{
	struct box b;

	(void)state;
	open_box(&b);
	fiber_limit(b.loop, 3);
	for (int i = 0; i < 3; i++)
		assert_non_null(fiber_start(b.loop, deep, &b));
	assert_null(fiber_start(b.loop, deep, &b));
	close_box(&b);
}

static void note(struct timer *t)
{
	struct box *b = ((void **)t->arg)[0];
	b->order[b->order_len++] = *(char *)((void **)t->arg)[1];
}

static void test_timer_order(void **state)
{
	struct box b;
	struct timer t[3] = {0};
	void *args[3][2] = {{&b, &(char){97}}, {&b, &(char){98}},
			    {&b, &(char){99}}};
	uint64_t now;

	(void)state;
	open_box(&b);
	now = loop_now(b.loop);
	assert_true(timer_start(b.loop, &t[0], now + 30, note, args[0]));
	assert_true(timer_start(b.loop, &t[1], now + 10, note, args[1]));
	assert_true(timer_start(b.loop, &t[2], now + 20, note, args[2]));
	assert_true(timer_start(b.loop, &t[2], now + 40, note, args[2]));
	close_box(&b);
	assert_string_equal(b.order, "bac");
}

static void recurse(volatile char *above, int depth)
{
	volatile char here[1024];
	here[0] = above[0];
	if (depth > 0)
		recurse(here, depth - 1);
	above[0] = here[0];
}

static void overflows(void *arg)
{
	volatile char c = 0;
	(void)arg;
	recurse(&c, 1 << 20);
}

static void in_child(void (*fn)(struct box *), int *status)
{
	pid_t pid = fork();
	struct box b;

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = {0, 0};
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)close(2);
		open_box(&b);
		fn(&b);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, status, 0), pid);
}

static void overflow_child(struct box *b)
{
	(void)(fiber_start(b->loop, overflows, b) && loop_turn(b->loop));
}

static void park_outside(struct box *b)
{
	(void)!fiber_park(b->loop, NULL);
}

struct noting {
	struct hook hook;
	struct box *box;
	char name;
	struct hook *more; /* asked for from inside */
};

static void notes(struct hook *h)
{
	struct noting *n = h->arg;
	n->box->order[n->box->order_len++] = n->name;
	if (n->more != NULL)
		loop_at_end(n->box->loop, n->more, notes, n->more->arg);
}

/* At the end of a turn in their order, the last ones behind all others. */
static void test_hooks_in_order(void **state)
{
	struct box b;
	(void)state;
	open_box(&b);
	struct noting next = {.box = &b, .name = 'n'};
	struct noting one = {.box = &b, .name = 'a', .more = &next.hook},
		      two = {.box = &b, .name = 'b'}, last = {.box = &b, .name = 'z'},
		      gone = {.box = &b, .name = 'x'};
	next.hook.arg = &next;
	loop_at_last(b.loop, &last.hook, notes, &last);
	loop_at_last(b.loop, &gone.hook, notes, &gone);
	loop_at_end(b.loop, &one.hook, notes, &one);
	loop_at_end(b.loop, &two.hook, notes, &two);
	loop_at_last(b.loop, &last.hook, notes, &last); /* changes nothing */
	hook_stop(&gone.hook);
	(void)loop_turn(b.loop);
	assert_memory_equal(b.order, "abz", 4);
	close_box(&b);
	assert_memory_equal(b.order, "abzn", 5);
}

static void test_misuse(void **state)
{
	int status;

	(void)state;
	in_child(overflow_child, &status);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#ifndef LL_SANITIZE
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
#endif
	in_child(park_outside, &status);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake_before_park),
		cmocka_unit_test(test_wake_after_park_and_stop),
		cmocka_unit_test(test_gate), cmocka_unit_test(test_many),
		cmocka_unit_test(test_limit), cmocka_unit_test(test_timer_order),
		cmocka_unit_test(test_hooks_in_order), cmocka_unit_test(test_misuse)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

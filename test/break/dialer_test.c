/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialer against a taken-over edge-admin: broken frames, names that are none,
 * more questions than it may have.  Nothing is sent to anybody, and an honest
 * edge-admin is answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attack.h"
#include "hostile.h"
#include "ipc/over_os.h"
#include "role/dialer/role.h"
#include "wire/admin_dialer.h"

#define CHANNELS 2000u /* that come and go */

static const char conf[] = "hostname mx.example.test;\ndata /nowhere;\n"
			   "store { engine memory; }\ndns { lookups off; }\n";

struct scene {
	struct target target;
	struct admin_dialer *honest;
};

static void answered(void *ctx, enum ipc_result r)
{
	assert_int_equal(r, IPC_OK);
	*(bool *)ctx = true;
}

static enum admin_dialer_verdict ask(struct scene *s, struct span name, struct span type)
{
	struct admin_dialer_query m = {.name = name, .type = type};
	struct admin_dialer_query_reply rep;
	struct arena *a = arena_new(1u << 20);
	bool done = false;

	assert_int_equal(admin_dialer_query_start(s->honest, &m, a, &rep, IPC_NEVER,
						  answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	arena_free(a);
	return rep.verdict;
}

static void honest_asks(void *arg)
{
	assert_int_equal(ask(arg, SPAN("example.org"), SPAN("MX")),
			 ADMIN_DIALER_VERDICT_OFF);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(15, conf);
	const struct ipc_owner owner = {.role = s};

	s->target = (struct target){.house = h,
				    .role = house_raise(h, &dialer_role, KIND_DIALER),
				    .schema = &admin_dialer_hop,
				    .hop = HOP_ADMIN_DIALER,
				    .peer = KIND_EDGE_ADMIN,
				    .side = 0,
				    .honest = honest_asks,
				    .arg = s};
	assert_true(house_activate(s->target.role));
	s->honest = admin_dialer_join_admin(
		house_link(s->target.role, HOP_ADMIN_DIALER, KIND_EDGE_ADMIN), &owner);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	ipc_free(admin_dialer_ipc(s->honest));
	house_free(s->target.house);
	free(s);
	return 0;
}

static void test_framing(void **state)
{
	struct scene *s = *state;

	attack_framing(&s->target, 0xd1a1);
}

/* A role's log is lossy: whatever its logger does, the role serves on. */
static void test_framing_of_logger(void **state)
{
	struct scene *s = *state;
	struct target t = s->target;

	t.schema = &role_logger_hop;
	t.hop = HOP_ROLE_LOGGER;
	t.peer = KIND_LOGGER;
	t.side = 1;
	t.untold = true;
	attack_framing(&t, 0xd1a2);
}

static void test_names(void **state)
{
	struct scene *s = *state;
	static char dots[255];
	size_t before = sim_open(house_world(s->target.house));

	memset(dots, '.', sizeof dots);
	assert_int_equal(ask(s, SPAN(""), SPAN("A")), ADMIN_DIALER_VERDICT_UNASKED);
	assert_int_equal(ask(s, SPAN("a..b"), SPAN("A")), ADMIN_DIALER_VERDICT_UNASKED);
	assert_int_equal(ask(s, span_of(dots, sizeof dots), SPAN("A")),
			 ADMIN_DIALER_VERDICT_UNASKED);
	assert_int_equal(ask(s, SPAN("example.org"), SPAN("TYPE65536")),
			 ADMIN_DIALER_VERDICT_UNASKED);
	assert_int_equal(ask(s, SPAN("example.org"), SPAN("\1")),
			 ADMIN_DIALER_VERDICT_UNASKED);
	honest_asks(s);
	assert_int_equal(sim_open(house_world(s->target.house)), before);
}

/* Channels come, ask, and go: nothing is left of them. */
static void test_comes_and_goes(void **state)
{
	struct scene *s = *state;
	const struct ipc_owner owner = {.role = s};
	struct admin_dialer *first = s->honest;
	size_t before = sim_open(house_world(s->target.house));

	for (unsigned i = 0; i < CHANNELS; i++) {
		s->honest = admin_dialer_join_admin(
			house_link(s->target.role, HOP_ADMIN_DIALER, KIND_EDGE_ADMIN),
			&owner);
		honest_asks(s);
		ipc_free(admin_dialer_ipc(s->honest));
		house_run(s->target.house, 1);
	}
	s->honest = first;
	honest_asks(s);
	assert_int_equal(sim_open(house_world(s->target.house)), before);
	assert_int_equal(s->target.role->broken, 0);
}

/* More at a time than there are places: the rest is turned away whole. */
static void test_too_many(void **state)
{
	struct scene *s = *state;
	struct world *w = house_world(s->target.house);
	size_t before = sim_open(w);
	int fds[40];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = attack_join(&s->target);
	house_run(s->target.house, 5);
	assert_false(attack_ended(&s->target, fds[0]));
	assert_true(attack_ended(&s->target, fds[ARRAY_LEN(fds) - 1]));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		world_close(w, fds[i]);
	house_run(s->target.house, 5);
	honest_asks(s);
	assert_int_equal(sim_open(w), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_logger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

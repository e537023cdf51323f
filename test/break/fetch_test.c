/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web client against a taken-over courier, and against a dialer that lies: no
 * answer of it makes a page out of nothing, none makes a request hang, and an honest
 * courier is answered.  With web servers: test/unit/role/fetch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attack.h"
#include "hostile.h"
#include "role/fetch/role.h"
#include "wire/courier_fetch.h"
#include "wire/fetch_dialer.h"

#define GET_MS 70000u /* what a request may take, and some */

static const char conf[] = "hostname mx.example.test;\ndata /nowhere;\n"
			   "store { engine memory; }\n";

struct scene {
	struct target target;
	struct courier_fetch *honest;
};

struct asked {
	struct courier_fetch_get_reply rep;
	struct arena *arena;
	enum ipc_result result;
	bool done;
};

static void answered(void *ctx, enum ipc_result r)
{
	struct asked *a = ctx;

	a->result = r;
	a->done = true;
}

static void begin(struct scene *s, struct asked *a, struct span host)
{
	struct courier_fetch_get m = {.host = host, .path = SPAN("/")};

	*a = (struct asked){.arena = arena_new(1u << 20)};
	assert_int_equal(courier_fetch_get_start(s->honest, &m, a->arena, &a->rep, IPC_NEVER,
						 answered, a),
			 IPC_OK);
}

/* No dialer is asked for what is no host. */
static void honest_asks(void *arg)
{
	struct scene *s = arg;
	struct asked a;

	begin(s, &a, SPAN("192.0.2.1"));
	assert_true(house_until(s->target.house, &a.done, 1000));
	assert_int_equal(a.result, IPC_OK);
	assert_int_equal(a.rep.outcome, COURIER_FETCH_OUTCOME_REFUSED);
	arena_free(a.arena);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(16, conf);
	const struct ipc_owner owner = {.role = s};

	s->target = (struct target){.house = h,
				    .role = house_raise(h, &fetch_role, KIND_FETCH),
				    .schema = &courier_fetch_hop,
				    .hop = HOP_COURIER_FETCH,
				    .peer = KIND_EDGE_ADMIN, /* as if it were a courier */
				    .side = 0,
				    .honest = honest_asks,
				    .arg = s};
	assert_true(house_material(s->target.role, MATERIAL_AUTHORITIES, "system",
				   SPAN("-----BEGIN CERTIFICATE-----\n"), NULL));
	assert_true(house_activate(s->target.role));
	s->honest = courier_fetch_join_courier(
		house_link(s->target.role, HOP_COURIER_FETCH, KIND_EDGE_ADMIN), &owner);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	ipc_free(courier_fetch_ipc(s->honest));
	house_free(s->target.house);
	free(s);
	return 0;
}

static void test_framing(void **state)
{
	struct scene *s = *state;

	attack_framing(&s->target, 0xfe7c);
}

static struct target as_dialer(const struct scene *s)
{
	struct target t = s->target;

	t.schema = &fetch_dialer_hop;
	t.hop = HOP_FETCH_DIALER;
	t.peer = KIND_DIALER;
	t.side = 1;
	return t;
}

static void test_framing_of_dialer(void **state)
{
	struct target t = as_dialer(*state);

	attack_framing(&t, 0xfe7d);
}

/* "Connected" without a connection is among these. */
static void test_lying_dialer(void **state)
{
	struct scene *s = *state;
	struct target t = as_dialer(s);
	struct world *w = house_world(t.house);
	uint64_t seed = 0x11e7;
	size_t before = 0;

	for (unsigned round = 0; round < 6 * LIE_COUNT; round++) {
		enum lie how = (enum lie)(round % LIE_COUNT);
		struct asked a;
		int fd = attack_join(&t);
		begin(s, &a, SPAN("mta-sts.example.org"));
		if (!attack_lie(&t, &fd, how, &seed, &a.done, GET_MS))
			fail_msg("lie %d: the request hangs", how);
		if (a.result != IPC_BUSY) {
			assert_int_equal(a.result, IPC_OK);
			assert_true(a.rep.outcome == COURIER_FETCH_OUTCOME_UNREACHABLE ||
				    a.rep.outcome == COURIER_FETCH_OUTCOME_LATE);
		}
		arena_free(a.arena);
		world_close(w, fd);
		house_run(t.house, 5);
		honest_asks(s);
		if (round == LIE_COUNT)
			before = sim_open(w);
	}
	assert_int_equal(sim_open(w), before);
	assert_int_equal(house_figure(t.role, "active"), 0);
}

/* More channels at a time than there are places: the rest is turned away whole. */
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
		cmocka_unit_test_setup_teardown(test_framing_of_dialer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lying_dialer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

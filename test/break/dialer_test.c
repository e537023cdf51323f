/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialer against a taken-over edge-admin, courier and fetch: broken frames, names
 * that are none, more questions than it may have, addresses that are forbidden.
 * Nothing is sent to anybody, and an honest edge-admin is answered.
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
#include "wire/courier_dialer.h"
#include "wire/fetch_dialer.h"

#define CHANNELS 2000u /* that come and go */
#define TARGETS	 32u   /* of one connect, as the schema has it */
#define CALLS	 512u  /* the courier's credit */

static const char conf[] = "hostname mx.example.test;\ndata /nowhere;\n"
			   "store { engine memory; }\ndns { lookups off; }\n";

struct scene {
	struct target target;
	struct admin_dialer *honest;
	struct courier_dialer *courier;
	struct fetch_dialer *fetch;
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

/* The courier and fetch beside it. */
static void all_ask(void *arg)
{
	struct scene *s = arg;
	struct courier_dialer_mx m = {.name = SPAN("example.org")};
	struct courier_dialer_mx_reply rep;
	struct fetch_dialer_connect f = {.host = SPAN("example.org"), .port = 443};
	struct fetch_dialer_connect_reply got;
	struct arena *a = arena_new(1u << 20);
	bool done = false;

	honest_asks(s);
	assert_int_equal(courier_dialer_mx_start(s->courier, &m, a, &rep, IPC_NEVER,
						 answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	assert_int_equal(rep.trust, COURIER_DIALER_TRUST_FAILED);
	assert_true(rep.why.len > 0);
	done = false;
	assert_int_equal(fetch_dialer_connect_start(s->fetch, &f, a, &got, IPC_NEVER,
						    answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	assert_int_equal(got.reached, FETCH_DIALER_REACHED_OFF);
	arena_free(a);
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
				    .honest = all_ask,
				    .arg = s};
	assert_true(house_activate(s->target.role));
	s->honest = admin_dialer_join_admin(
		house_link(s->target.role, HOP_ADMIN_DIALER, KIND_EDGE_ADMIN), &owner);
	s->courier = courier_dialer_join_courier(
		house_link(s->target.role, HOP_COURIER_DIALER, KIND_STORE), &owner);
	s->fetch = fetch_dialer_join_fetch(
		house_link(s->target.role, HOP_FETCH_DIALER, KIND_STORE), &owner);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	ipc_free(courier_dialer_ipc(s->courier));
	ipc_free(fetch_dialer_ipc(s->fetch));

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

static struct target as_courier(const struct scene *s)
{
	struct target t = s->target;

	t.schema = &courier_dialer_hop;
	t.hop = HOP_COURIER_DIALER;
	t.peer = KIND_STORE; /* whoever it is */
	return t;
}

static void test_framing_of_courier(void **state)
{
	struct target t = as_courier(*state);

	attack_framing(&t, 0xd1a3);
}

static void test_framing_of_fetch(void **state)
{
	struct scene *s = *state;
	struct target t = s->target;

	t.schema = &fetch_dialer_hop;
	t.hop = HOP_FETCH_DIALER;
	t.peer = KIND_STORE;
	attack_framing(&t, 0xd1a4);
}

/* Chance, with a bias to what is near to something forbidden. */
static void draw_target(uint64_t *chance, struct courier_dialer_target *t)
{
	static const uint8_t fronts[][16] = {
		{[10] = 0xff, [11] = 0xff, 127},
		{[10] = 0xff, [11] = 0xff, 10},
		{[10] = 0xff, [11] = 0xff, 169, 254},
		{[10] = 0xff, [11] = 0xff, 224},
		{0, 0x64, 0xff, 0x9b, [12] = 127},
		{0x20, 0x02, 10},
		{0xfe, 0x80},
		{0xfd},
		{0}};

	*chance = *chance * 6364136223846793005u + 1442695040888963407u;
	memcpy(t->address, fronts[*chance >> 33 & 7], sizeof t->address);
	t->address[15] = (uint8_t)(*chance >> 40);
	t->address[14] = (uint8_t)(*chance >> 48);
	t->port = *chance >> 56 & 1 ? 25 : (uint16_t)(*chance >> 20);
}

/* All that it may ask at once, and once more; not one socket is made. */
static void test_courier_wants_inside(void **state)
{
	struct scene *s = *state;
	struct target t = as_courier(s);
	struct courier_dialer_target list[TARGETS];
	struct courier_dialer_connect m = {.targets = list, .targets_count = TARGETS};
	struct courier_dialer_connect_reply rep;
	struct arena *a = arena_new(4u << 20);
	uint64_t chance = 0xd1a5;
	int fd = attack_join(&t);
	struct buf frame;

	buf_init(&frame, IPC_FRAME_MAX);
	for (uint32_t i = 1; i <= CALLS + 50; i++) {
		unsigned refused = 0;

		for (size_t k = 0; k < TARGETS; k++)
			draw_target(&chance, &list[k]);
		buf_clear(&frame);
		attack_call(&t, &frame, i, "connect", &m);
		attack_send(&t, fd, &frame, -1);
		assert_true(attack_reply(&t, fd, "connect", i, a, &rep, &refused));
		assert_int_equal(rep.reached, COURIER_DIALER_REACHED_DENIED);
		assert_int_equal(rep.attempts_count, TARGETS);
		assert_false(rep.has_connection);
		arena_reset(a);
	}
	assert_int_equal(house_figure(s->target.role, "denied"), CALLS + 50);
	assert_int_equal(house_figure(s->target.role, "unreachable"), 0);
	world_close(house_world(s->target.house), fd);
	house_run(s->target.house, 5);
	all_ask(s);
	buf_free(&frame);
	arena_free(a);
}

/* It asks for connections to everywhere and reads no answer: it holds nobody up,
 * and what is made for it is bounded. */
static void test_courier_reads_nothing(void **state)
{
	struct scene *s = *state;
	struct target t = as_courier(s);
	struct world *w = house_world(s->target.house);
	struct courier_dialer_target list[TARGETS];
	struct courier_dialer_connect m = {.targets = list, .targets_count = TARGETS};
	size_t before = sim_open(w);
	int fd = attack_join(&t);
	struct buf frame;

	assert_true(sim_fault_set(w, "sim.connect.hole", 1000000));
	buf_init(&frame, IPC_FRAME_MAX);
	for (uint32_t i = 1; i <= CALLS; i++) {
		for (size_t k = 0; k < TARGETS; k++) {
			list[k] = (struct courier_dialer_target){.port = 25};
			memcpy(list[k].address, (uint8_t[16]){[10] = 0xff, [11] = 0xff,
				(uint8_t)(11 + i % 89), (uint8_t)(i / 89), (uint8_t)k, 1}, 16);
		}
		buf_clear(&frame);
		attack_call(&t, &frame, i, "connect", &m);
		attack_send(&t, fd, &frame, -1);
		house_run(s->target.house, 2);
	}
	house_run(s->target.house, 3000);
	assert_in_range(house_figure(s->target.role, "connecting"), 100, 384);
	all_ask(s);
	world_close(w, fd);
	house_run(s->target.house, 5);
	assert_int_equal(house_figure(s->target.role, "connecting"), 0);
	assert_true(sim_fault_set(w, "sim.connect.hole", 0));
	assert_int_equal(sim_open(w), before);
	all_ask(s);
	buf_free(&frame);
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
		cmocka_unit_test_setup_teardown(test_framing_of_courier, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_fetch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_courier_wants_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_courier_reads_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

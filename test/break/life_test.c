/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a role, out of order and broken: what arrives where the supervisor
 * should be.  A role does nothing before it has a configuration, refuses what is
 * none, and after a broken frame hangs up for good.  Nothing stays open.
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
#include "os/file.h"
#include "os/sock.h"
#include "role/dialer/role.h"

static const char conf[] = "hostname mx.example.test;\ndata /nowhere;\n"
			   "store { engine memory; }\n";

/* A role whose supervisor is a bare socket. */
struct scene {
	struct target target;
	struct loop *loop;
	struct role *role;
	int boss;
};

static void role_begin(struct scene *s)
{
	struct world *w = house_world(s->target.house);
	int pair[2];

	assert_int_equal(sock_packet_pair(w, pair), OS_OK);
	s->boss = pair[0];
	s->loop = loop_new(w);
	assert_non_null(s->loop);
	s->role = role_new(&dialer_role, w, s->loop, KIND_DIALER, 0,
			   ipc_link_os(s->loop, pair[1]));
	assert_non_null(s->role);
	log_set_level(s->role->log, ROLE_LOGGER_LEVEL_ERROR);
}

static void role_end(struct scene *s)
{
	role_free(s->role);
	loop_free(s->loop);
	world_close(house_world(s->target.house), s->boss);
	house_run(s->target.house, 5);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	s->target = (struct target){.house = house_new(19, conf),
				    .schema = &boss_role_hop,
				    .side = 0};
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	house_free(s->target.house);
	free(s);
	return 0;
}

static void greet(struct scene *s)
{
	struct buf frame;

	buf_init(&frame, IPC_FRAME_MAX);
	hostile_hello(&frame, s->target.schema, 0);
	attack_send(&s->target, s->boss, &frame, -1);
	buf_free(&frame);
}

/* Any bytes: the role hangs up, and cannot be had to do anything any more. */
static void test_garbage(void **state)
{
	struct scene *s = *state;
	uint64_t x = 88172645463325252u;
	size_t before = sim_open(house_world(s->target.house));

	for (unsigned round = 0; round < 400; round++) {
		struct buf frame;
		char noise[64];
		for (size_t i = 0; i < sizeof noise; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			noise[i] = (char)x;
		}
		noise[0] = (char)(7 + round % 100); /* no kind of message */
		role_begin(s);
		if (round % 2 == 0)
			greet(s);
		buf_init(&frame, IPC_FRAME_MAX);
		buf_add(&frame, span_of(noise, 1 + round % sizeof noise));
		attack_send(&s->target, s->boss, &frame, -1);
		house_run(s->target.house, 5);
		assert_true(attack_ended(&s->target, s->boss));
		buf_free(&frame);
		role_end(s);
	}
	assert_int_equal(sim_open(house_world(s->target.house)), before);
}

static enum boss_role_outcome ask(struct scene *s, const char *name, uint32_t id,
				  const void *fields, int pass)
{
	/* The first field of each of these answers. */
	struct {
		enum boss_role_outcome outcome;
		char rest[256];
	} rep = {0};
	struct arena *a = arena_new(65536);
	struct buf frame;
	unsigned why;

	buf_init(&frame, IPC_FRAME_MAX);
	attack_call(&s->target, &frame, id, name, fields);
	attack_send(&s->target, s->boss, &frame, pass);
	world_close(house_world(s->target.house), pass);
	if (!attack_reply(&s->target, s->boss, name, id, a, &rep, &why))
		fail_msg("%s: no answer (%u)", name, why);
	buf_free(&frame);
	arena_free(a);
	return rep.outcome;
}

static int file_of(struct scene *s, struct span bytes, bool seal)
{
	struct world *w = house_world(s->target.house);
	int fd;

	assert_int_equal(blob_new(w, &fd), OS_OK);
	if (bytes.len > 0)
		assert_int_equal(file_append(w, fd, bytes), OS_OK);
	if (seal)
		assert_int_equal(blob_seal(w, fd), OS_OK);
	return fd;
}

static void test_out_of_order(void **state)
{
	struct scene *s = *state;
	struct world *w = house_world(s->target.house);
	size_t before = sim_open(w);
	struct boss_role_activate go = {.generation = 1};
	struct boss_role_configure c = {.generation = 1};
	struct boss_role_attach at = {.hop = HOP_ADMIN_DIALER, .peer = KIND_EDGE_ADMIN};
	struct boss_role_listener l = {.name = SPAN("x")};
	struct boss_role_material m = {.kind = 60000, .name = SPAN("x")};
	int pair[2];

	role_begin(s);
	greet(s);
	assert_int_equal(ask(s, "activate", 1 << 12 | 1, &go, -1), BOSS_ROLE_OUTCOME_REFUSED);
	assert_int_equal(sock_packet_pair(w, pair), OS_OK);
	assert_int_equal(ask(s, "attach", 2 << 12 | 1, &at, pair[0]),
			 BOSS_ROLE_OUTCOME_REFUSED);
	world_close(w, pair[1]);
	assert_int_equal(ask(s, "listener", 3 << 12 | 1, &l, file_of(s, SPAN(""), false)),
			 BOSS_ROLE_OUTCOME_REFUSED);
	assert_int_equal(ask(s, "material", 4 << 12 | 1, &m, file_of(s, SPAN(""), true)),
			 BOSS_ROLE_OUTCOME_REFUSED);
	assert_int_equal(ask(s, "configure", 5 << 12 | 1, &c, file_of(s, SPAN(""), true)),
			 BOSS_ROLE_OUTCOME_REFUSED);
	assert_int_equal(ask(s, "configure", 6 << 12 | 1, &c,
			     file_of(s, SPAN("no slice at all"), false)),
			 BOSS_ROLE_OUTCOME_REFUSED);
	assert_int_equal(ask(s, "activate", 7 << 12 | 1, &go, -1), BOSS_ROLE_OUTCOME_REFUSED);
	role_end(s);
	assert_int_equal(sim_open(w), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_order, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of local users against hostile programs of theirs, and against a store
 * that lies.
 *
 * Who breaks the rules loses his own channel and nothing else; what is asked out of
 * order is answered no; when the store lies, each question still ends with an answer,
 * and none is yes unless the store said so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attack.h"
#include "hostile.h"
#include "os/file.h"
#include "role/local/role.h"
#include "wire/cmd_local.h"
#include "wire/edge_store.h"

#define ASK_MS 200000u /* virtual */

static const char conf[] = "hostname mx.example.test;\ndata /nowhere;\n"
			   "store { engine memory; }\n";

struct scene {
	struct target target; /* a program's hop */
	struct cmd_local *honest;
};

struct question {
	bool done;
	enum ipc_result result;
	struct arena *arena;
};

static void asked(void *ctx, enum ipc_result r)
{
	struct question *q = ctx;
	q->done = true;
	q->result = r;
}

/* Out of order, and so without the store: refused by a sentence. */
static void honest_is_told(void *arg)
{
	struct scene *s = arg;
	struct question q = {.arena = arena_new(65536)};
	struct cmd_local_recipient m = {.address = SPAN("a@b.example")};
	struct cmd_local_recipient_reply rep;

	assert_int_equal(cmd_local_recipient_start(s->honest, &m, q.arena, &rep, IPC_NEVER, asked,
						   &q), IPC_OK);
	assert_true(house_until(s->target.house, &q.done, 1000));
	assert_int_equal(q.result, IPC_OK);
	assert_int_equal(rep.answer, CMD_LOCAL_ANSWER_NO);
	arena_free(q.arena);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(16, conf);
	const struct ipc_owner owner = {.role = s};

	s->target = (struct target){.house = h,
				    .role = house_raise(h, &local_role, KIND_EDGE_LOCAL),
				    .schema = &cmd_local_hop,
				    .hop = HOP_CMD_LOCAL,
				    .peer = KIND_COMMAND,
				    .side = 0,
				    .untold = true,
				    .honest = honest_is_told,
				    .arg = s};
	assert_true(house_activate(s->target.role));
	s->honest = cmd_local_join_cmd(
		house_link(s->target.role, HOP_CMD_LOCAL, KIND_COMMAND), &owner);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	ipc_free(cmd_local_ipc(s->honest));
	house_free(s->target.house);
	free(s);
	return 0;
}

static struct target towards_store(const struct scene *s)
{
	struct target t = s->target;

	t.schema = &edge_store_hop;
	t.hop = HOP_EDGE_STORE;
	t.peer = KIND_STORE;
	t.side = 1;
	t.untold = false;
	return t;
}

static void test_framing(void **state)
{
	struct scene *s = *state;

	attack_framing(&s->target, 0x10ca1);
}

static void test_framing_of_the_store(void **state)
{
	struct scene *s = *state;
	struct target t = towards_store(s);

	attack_framing(&t, 0x10ca2);
}

/* Whoever is in no list of users gets no further than to be told so. */
static void test_a_user_without_a_name(void **state)
{
	struct scene *s = *state;
	struct question q = {.arena = arena_new(65536)};
	struct cmd_local_who m = {0};
	struct cmd_local_who_reply rep;

	assert_int_equal(cmd_local_who_start(s->honest, &m, q.arena, &rep, IPC_NEVER, asked, &q),
			 IPC_OK);
	assert_true(house_until(s->target.house, &q.done, 1000));
	assert_int_equal(rep.answer, CMD_LOCAL_ANSWER_LATER);
	assert_true(rep.why.len > 0);
	arena_free(q.arena);
	q = (struct question){.arena = arena_new(65536)};
	struct cmd_local_begin begin = {.sender = SPAN("root@example.test")};
	struct cmd_local_begin_reply begun;
	assert_int_equal(cmd_local_begin_start(s->honest, &begin, q.arena, &begun, IPC_NEVER, asked,
					       &q), IPC_OK);
	assert_true(house_until(s->target.house, &q.done, 1000));
	assert_int_equal(begun.answer, CMD_LOCAL_ANSWER_LATER);
	arena_free(q.arena);
}

/* Each step in each order, from a socket that says what it likes. */
static void test_any_order(void **state)
{
	struct scene *s = *state;
	struct world *w = house_world(s->target.house);
	size_t before = sim_open(w);
	static const char *const names[] = {"end", "piece", "recipient", "begin", "who"};
	struct cmd_local_who who = {0};
	struct cmd_local_end end = {0};
	struct cmd_local_piece piece = {.bytes = SPAN("x")};
	struct cmd_local_recipient recipient = {.address = SPAN("\r\nRCPT TO:<x>")};
	struct cmd_local_begin begin = {.sender = SPAN("not an address")};
	const void *const fields[] = {&end, &piece, &recipient, &begin, &who};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int fd = attack_join(&s->target);
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			size_t at = (i + k) % ARRAY_LEN(names);
			struct buf frame;
			buf_init(&frame, IPC_FRAME_MAX);
			attack_call(&s->target, &frame, (uint32_t)(k + 1), names[at], fields[at]);
			attack_send(&s->target, fd, &frame, -1);
			buf_free(&frame);
			house_run(s->target.house, 2);
		}
		world_close(w, fd);
		house_run(s->target.house, 2);
		honest_is_told(s);
	}
	assert_int_equal(sim_open(w), before);
	assert_int_equal(house_figure(s->target.role, "kept"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_the_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_user_without_a_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_order, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

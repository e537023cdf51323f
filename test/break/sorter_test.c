/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sorter against a store that lies: bodies that are shorter than said, files
 * that shrink or are none, summaries that were never written by a sorter.  Its
 * next message is understood as if nothing had been.
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
#include "role/sorter/role.h"
#include "wire/store_sorter.h"

static const char conf[] = "hostname mx.example.test;\ndata /nowhere;\n"
			   "store { engine memory; }\n";

#define MESSAGE                                                                \
	"From: Anna <anna@example.test>\r\nTo: bob@example.test\r\n"           \
	"Subject: hello\r\nMessage-ID: <1@example.test>\r\n\r\nHow are you?\r\n"

struct scene {
	struct target target;
	struct store_sorter *honest;
};

static void answered(void *ctx, enum ipc_result r)
{
	assert_int_equal(r, IPC_OK);
	*(bool *)ctx = true;
}

static struct store_sorter_understand ask(struct span body)
{
	return (struct store_sorter_understand){
		.purpose = STORE_SORTER_PURPOSE_ARRIVE,
		.size = body.len,
		.body = body,
		.hostname = SPAN("mx.example.test"),
		.id = SPAN("abc"),
		.now = 1800000000,
		.login = SPAN("anna@example.test")};
}

static void honest_understands(void *arg)
{
	struct scene *s = arg;
	struct store_sorter_understand m = ask(SPAN(MESSAGE));
	struct store_sorter_understand_reply rep;
	struct arena *a = arena_new(1 << 20);
	bool done = false;

	assert_int_equal(store_sorter_understand_start(s->honest, &m, a, &rep, IPC_NEVER,
						       answered, &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 1000));
	assert_int_equal(rep.answer, STORE_SORTER_ANSWER_UNDERSTOOD);
	assert_true(rep.summary.len > 0);
	arena_free(a);
}

static void leaving(void *role, struct ipc_call *call, const struct store_sorter_leaving *m)
{
	(void)role;
	(void)m;
	store_sorter_leaving_answer(call, &(struct store_sorter_leaving_reply){0});
}

static const struct store_sorter_at_store at_store = {.leaving = leaving};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(13, conf);
	const struct ipc_owner owner = {.role = s};

	s->target = (struct target){.house = h,
				    .role = house_raise(h, &sorter_role, KIND_SORTER_MX),
				    .schema = &store_sorter_hop,
				    .hop = HOP_STORE_SORTER,
				    .peer = KIND_STORE,
				    .side = 0,
				    .honest = honest_understands,
				    .arg = s};
	assert_true(house_activate(s->target.role));
	int fd = house_peer(s->target.role, HOP_STORE_SORTER, KIND_STORE, 0);
	s->honest = store_sorter_join_store(ipc_link_os(house_loop(h), fd), &owner,
						    &at_store);
	house_run(h, 5);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	ipc_free(store_sorter_ipc(s->honest));
	house_free(s->target.house);
	free(s);
	return 0;
}

static void test_framing(void **state)
{
	struct scene *s = *state;

	attack_framing(&s->target, 0x50f7);
}

/* One request, with a descriptor or -1; whatever is answered, it is an answer. */
static unsigned one(struct scene *s, const char *name, const void *fields, int pass)
{
	union {
		struct store_sorter_understand_reply understand;
		struct store_sorter_match_reply match;
		struct store_sorter_terms_reply terms;
	} rep;
	struct arena *a = arena_new(1 << 20);
	struct world *w = house_world(s->target.house);
	int fd = attack_join(&s->target);
	struct buf frame;
	unsigned why, answer;

	buf_init(&frame, IPC_FRAME_MAX);
	attack_call(&s->target, &frame, 1, name, fields);
	attack_send(&s->target, fd, &frame, pass);
	world_close(w, pass);
	if (!attack_reply(&s->target, fd, name, 1, a, &rep, &why))
		fail_msg("%s: no answer (%u)", name, why);
	answer = strcmp(name, "match") == 0   ? rep.match.answer
		 : strcmp(name, "terms") == 0 ? rep.terms.answer
					      : rep.understand.answer;
	world_close(w, fd);
	buf_free(&frame);
	arena_free(a);
	honest_understands(s);
	return answer;
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

static void test_sizes(void **state)
{
	struct scene *s = *state;
	struct store_sorter_understand m = ask(SPAN(MESSAGE));
	const uint64_t sizes[] = {0, 1, sizeof(MESSAGE), 1u << 20, 1ull << 40,
				  UINT64_MAX};
	int pair[2];

	/* inside the request: the bytes that are there count, not the number */
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		m.size = sizes[i];
		(void)one(s, "understand", &m, -1);
	}
	/* in a file that is shorter than that, sealed or not */
	m.has_file = true;
	m.body = SPAN("");
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		m.size = sizes[i];
		(void)one(s, "understand", &m, file_of(s, SPAN(MESSAGE), i % 2 == 0));
		(void)one(s, "understand", &m, file_of(s, SPAN(""), i % 2 == 0));
	}
	/* a descriptor that is no file at all */
	assert_int_equal(sock_stream_pair(house_world(s->target.house), pair), OS_OK);
	(void)one(s, "understand", &m, pair[0]);
	world_close(house_world(s->target.house), pair[1]);
}

/* Half of the requests that carry a file come without one: not decodable. */
static void test_no_file(void **state)
{
	struct scene *s = *state;
	struct store_sorter_understand m = ask(SPAN(""));
	struct buf frame;
	int fd = attack_join(&s->target);

	m.has_file = true;
	buf_init(&frame, IPC_FRAME_MAX);
	attack_call(&s->target, &frame, 1, "understand", &m);
	attack_send(&s->target, fd, &frame, -1);
	house_run(s->target.house, 5);
	assert_true(attack_ended(&s->target, fd));
	world_close(house_world(s->target.house), fd);
	buf_free(&frame);
	honest_understands(s);
}

static void test_summaries(void **state)
{
	struct scene *s = *state;
	static char noise[49152];
	const struct store_sorter_needle needles[] = {
		{.name = SPAN("subject"), .text = SPAN("hello")},
		{.whole = true, .text = SPAN("how are")},
		{.name = SPAN("\0\xff"), .text = SPAN("")}};
	struct store_sorter_match m = {.size = strlen(MESSAGE),
				       .body = SPAN(MESSAGE),
				       .needles = needles,
				       .needles_count = 3};
	uint64_t x = 88172645463325252u;

	assert_int_equal(one(s, "match", &m, -1), STORE_SORTER_ANSWER_NOT_UNDERSTOOD);
	for (int round = 0; round < 60; round++) {
		for (size_t i = 0; i < sizeof noise; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			noise[i] = (char)(round % 2 == 0 ? x : x % 4);
		}
		m.summary = span_of(noise, (size_t)(x % sizeof noise));
		(void)one(s, "match", &m, -1);
		struct store_sorter_terms t = {.size = m.size, .body = m.body,
					       .prefix = span_sub(m.summary, 0, 8192),
					       .summary = m.summary,
					       .skip = (uint32_t)x};
		(void)one(s, "terms", &t, -1);
	}
}

/* The asker leaves while a long message is being read. */
static void test_leaves_midway(void **state)
{
	struct scene *s = *state;
	struct world *w = house_world(s->target.house);
	struct store_sorter_understand m = ask(SPAN(""));
	size_t before = sim_open(w);
	static char zeroes[1u << 20];

	m.has_file = true;
	m.size = sizeof zeroes;
	for (int i = 0; i < 20; i++) {
		int file = file_of(s, span_of(zeroes, sizeof zeroes), true);
		int fd = attack_join(&s->target);
		struct buf frame;
		buf_init(&frame, IPC_FRAME_MAX);
		attack_call(&s->target, &frame, 1, "understand", &m);
		attack_send(&s->target, fd, &frame, file);
		world_close(w, file);
		(void)sim_run(w, world_now(w), (uint64_t)i); /* so far, no further */
		world_close(w, fd);
		house_run(s->target.house, 5);
		buf_free(&frame);
		honest_understands(s);
	}
	assert_int_equal(sim_open(w), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_summaries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_midway, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

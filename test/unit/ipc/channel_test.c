/* SPDX-License-Identifier: Apache-2.0 */
/* ipc: calls, casts, credit, deadlines, death; and a peer that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ends.h"
#include "hostile.h"
#include "memory_link.h"

struct fix {
	struct memory_pair *pair;
	struct ends a, b; /* here, there */
	struct here_there *here, *there;
	struct arena *arena;
	unsigned done[16];
	enum ipc_result result[16];
};


static void close_fd(void *arg, int fd)
{
	(void)fd;
	memory_fd_close(arg);
}

static void open_ends(struct fix *f, bool with_here, bool with_there)
{
	*f = (struct fix){.pair = memory_pair_new(),
			  .arena = arena_new(IPC_DECODE_MAX)};
	f->a.arg = f->b.arg = f->pair;
	f->a.fd_close = f->b.fd_close = close_fd;
	struct ipc_owner a = ends_owner(&f->a), b = ends_owner(&f->b);
	if (with_here)
		f->here = here_there_join_here(memory_link(f->pair, 0), &a,
					       &ends_here);
	if (with_there)
		f->there = here_there_join_there(memory_link(f->pair, 1), &b,
						 &ends_there);
}

static void shut_ends(struct fix *f)
{
	ipc_free(here_there_ipc(f->here));
	ipc_free(here_there_ipc(f->there));
	memory_pair_free(f->pair);
	arena_free(f->arena);
}

#define DONE(n)                                                                \
	static void done##n(void *ctx, enum ipc_result r)                      \
	{                                                                      \
		struct fix *f = ctx;                                           \
		f->done[n]++;                                                  \
		f->result[n] = r;                                              \
	}
DONE(0)
DONE(1)
DONE(2)
DONE(3)
static void (*const dones[])(void *, enum ipc_result) = {done0, done1, done2,
							 done3};

static enum ipc_result begin_start(struct fix *f, unsigned n,
				   struct here_there_begin_reply *rep,
				   uint64_t deadline)
{
	return here_there_begin_start(
		f->here, &(struct here_there_begin){.who = SPAN("me")},
		f->arena, rep, deadline, dones[n], f);
}

static void stats_of(struct here_there *ch, struct ipc_stats *s)
{
	ipc_stats(here_there_ipc(ch), s);
}

static void a_call_is_answered(void **state)
{
	(void)state;
	struct fix f;
	open_ends(&f, true, true);
	struct here_there_begin_reply rep;
	assert_int_equal(begin_start(&f, 0, &rep, IPC_NEVER), IPC_OK);
	memory_run(f.pair);
	assert_int_equal(f.a.ready, 1);
	assert_int_equal(f.b.ready, 1);
	assert_int_equal(f.done[0], 1);
	assert_int_equal(f.result[0], IPC_OK);
	assert_true(rep.session == 7);
	assert_int_equal(ipc_state(here_there_ipc(f.here)), HERE_THERE_IN_OPEN);
	assert_int_equal(ipc_state(here_there_ipc(f.there)), HERE_THERE_IN_OPEN);
	/* Both directions; the greeting and the call shared one frame. */
	struct here_there_back_reply back;
	assert_int_equal(here_there_back_start(
				 f.there, &(struct here_there_back){.n = 4},
				 f.arena, &back, IPC_NEVER, done1, &f),
			 IPC_OK);
	memory_run(f.pair);
	assert_int_equal(f.result[1], IPC_OK);
	assert_int_equal(back.n, 5);
	struct ipc_stats s;
	stats_of(f.here, &s);
	assert_int_equal(s.frames_out, 2);
	assert_int_equal(s.messages_out, 3);
	assert_int_equal(s.calls_out, 0);
	assert_int_equal(s.queue_now, 0);
	shut_ends(&f);
}

static void wrong_state_is_refused_and_counted(void **state)
{
	(void)state;
	struct fix f;
	open_ends(&f, true, true);
	struct here_there_only_open_reply rep;
	struct here_there_only_open req = {0};
	assert_int_equal(here_there_only_open_start(f.here, &req, f.arena, &rep,
						    IPC_NEVER, done0, &f),
			 IPC_OK);
	assert_int_equal(here_there_only_open_cast(
				 f.here,
				 &(struct here_there_only_open_cast){.n = 9}),
			 IPC_OK);
	memory_run(f.pair);
	assert_int_equal(f.result[0], IPC_NOT_NOW);
	assert_int_equal(f.b.last, 0);
	struct ipc_stats s;
	stats_of(f.there, &s);
	assert_int_equal(s.refused_by_us, 2);
	stats_of(f.here, &s);
	assert_int_equal(s.refused_by_peer, 1);
	assert_false(ipc_is_dead(here_there_ipc(f.here)));
	shut_ends(&f);
}

static void credit_makes_calls_wait_in_order(void **state)
{
	(void)state;
	struct fix f;
	open_ends(&f, true, true);
	f.b.hold = true;
	struct here_there_echo_reply rep[4];
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(
			here_there_echo_start(
				f.here, &(struct here_there_echo){.a = (uint8_t)i},
				f.arena, &rep[i], IPC_NEVER, dones[i], &f),
			IPC_OK);
	memory_run(f.pair);
	struct ipc_stats s;
	stats_of(f.here, &s);
	assert_int_equal(f.b.kept_count, 3); /* credit there 3 */
	assert_int_equal(s.waited, 1);
	assert_int_equal(s.calls_out, 3);
	const struct here_there_echo *first = f.b.kept_request[0];
	assert_int_equal(first->a, 0); /* kept: still readable */
	here_there_echo_answer(f.b.kept[1],
			       &(struct here_there_echo_reply){.name = SPAN("x")});
	memory_run(f.pair);
	assert_int_equal(f.done[1], 1);
	assert_true(span_eq(rep[1].name, SPAN("x")));
	assert_int_equal(f.b.kept_count, 4);
	assert_int_equal(((const struct here_there_echo *)f.b.kept_request[3])->a,
			 3);
	/* The rest outlives the channel. */
	ipc_free(here_there_ipc(f.there));
	f.there = NULL;
	assert_null(ipc_call_channel(f.b.kept[0]));
	memory_run(f.pair);
	assert_int_equal(f.a.dead, 1);
	assert_string_equal(f.a.reason, "the peer closed");
	assert_int_equal(f.result[0], IPC_DEAD);
	assert_int_equal(f.result[2], IPC_DEAD);
	assert_int_equal(f.result[3], IPC_DEAD);
	assert_false(here_there_echo_answer(
		f.b.kept[0], &(struct here_there_echo_reply){0}));
	ipc_refuse(f.b.kept[2], IPC_BUSY);
	ipc_refuse(f.b.kept[3], IPC_NOT_NOW);
	shut_ends(&f);
}

static void deadlines_pass(void **state)
{
	(void)state;
	struct fix f;
	open_ends(&f, true, true);
	f.b.hold = true;
	struct here_there_begin_reply rep = {.session = 1};
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(begin_start(&f, i, &rep, 100 + i), IPC_OK);
	memory_run(f.pair);
	memory_clock(f.pair, 99);
	memory_run(f.pair);
	assert_int_equal(f.done[0], 0);
	memory_clock(f.pair, 100);
	memory_run(f.pair);
	assert_int_equal(f.result[0], IPC_LATE);
	assert_int_equal(f.done[0], 1);
	assert_int_equal(f.done[1], 0);
	memory_clock(f.pair, 103);
	memory_run(f.pair);
	assert_int_equal(f.result[3], IPC_LATE); /* never left */
	assert_int_equal(f.b.kept_count, 3);
	assert_true(ipc_call_is_late(f.b.kept[0]));
	/* A late answer is discarded, and gives its credit back. */
	for (unsigned i = 0; i < 3; i++)
		here_there_begin_answer(
			f.b.kept[i],
			&(struct here_there_begin_reply){.session = 8});
	memory_run(f.pair);
	assert_true(rep.session == 1);
	assert_int_equal(f.done[0], 1);
	struct ipc_stats s;
	stats_of(f.here, &s);
	assert_int_equal(s.calls_out, 0);
	assert_int_equal(s.late, 4);
	/* A request that is late on arrival never reaches the handler. */
	f.b.hold = false;
	unsigned served = f.b.served;
	f.done[0] = 0;
	struct here_there_echo_reply echo;
	assert_int_equal(here_there_echo_start(f.here,
					       &(struct here_there_echo){0},
					       f.arena, &echo, 103, done0, &f),
			 IPC_OK);
	memory_run(f.pair);
	assert_int_equal(f.result[0], IPC_LATE);
	assert_int_equal(f.b.served, served);
	shut_ends(&f);
}

static void casts_have_a_window(void **state)
{
	(void)state;
	struct fix f;
	open_ends(&f, true, true);
	struct here_there_hint h = {.n = 1};
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(here_there_hint(f.there, &h), IPC_OK);
	assert_int_equal(here_there_hint(f.there, &h), IPC_BUSY);
	struct here_there_note n = {.n = 2};
	assert_int_equal(here_there_note(f.here, &n), IPC_OK);
	assert_int_equal(here_there_note(f.here, &n), IPC_OK);
	assert_int_equal(here_there_note(f.here, &n), IPC_BUSY); /* no fiber */
	memory_run(f.pair);
	assert_int_equal(f.a.hints, 4);
	assert_int_equal(f.b.notes, 2);
	assert_int_equal(here_there_note(f.here, &n), IPC_OK); /* came back */
	assert_int_equal(here_there_hint(f.there, &h), IPC_OK);
	memory_run(f.pair);
	assert_int_equal(f.a.hints, 5);
	struct ipc_stats s;
	stats_of(f.there, &s);
	assert_int_equal(s.casts_dropped, 1);
	shut_ends(&f);
}

static void descriptors_find_their_owner(void **state)
{
	(void)state;
	struct fix f;
	open_ends(&f, true, true);
	struct here_there_pass_reply rep = {0};
	struct here_there_pass req = {.end = memory_fd(f.pair)};
	assert_int_equal(here_there_pass_start(f.here, &req, f.arena, &rep,
					       IPC_NEVER, done0, &f),
			 IPC_OK);
	struct here_there_give give = {.end = memory_fd(f.pair)};
	assert_int_equal(here_there_give(f.here, &give), IPC_OK);
	memory_run(f.pair);
	assert_int_equal(f.result[0], IPC_OK);
	assert_true(rep.has_end);
	assert_int_equal(f.b.fds, 2);
	assert_int_equal(memory_fds(f.pair), 1); /* the one in rep */
	memory_fd_close(f.pair);
	/* Nobody waits for the answer any more: it is closed. */
	f.b.hold = true;
	req.end = memory_fd(f.pair);
	assert_int_equal(here_there_pass_start(f.here, &req, f.arena, &rep, 50,
					       done1, &f),
			 IPC_OK);
	memory_run(f.pair);
	memory_clock(f.pair, 50);
	memory_run(f.pair);
	assert_int_equal(f.result[1], IPC_LATE);
	const struct here_there_pass *m = f.b.kept_request[0];
	here_there_pass_answer(f.b.kept[0], &(struct here_there_pass_reply){
						    .has_end = true,
						    .end = m->end});
	memory_run(f.pair);
	assert_int_equal(memory_fds(f.pair), 0);
	/* Sent on a dead channel: closed as well. */
	ipc_kill(here_there_ipc(f.here), "test");
	req.end = memory_fd(f.pair);
	assert_int_equal(here_there_pass_start(f.here, &req, f.arena, &rep,
					       IPC_NEVER, done2, &f),
			 IPC_DEAD);
	give.end = memory_fd(f.pair);
	assert_int_equal(here_there_give(f.here, &give), IPC_DEAD);
	assert_int_equal(memory_fds(f.pair), 0);
	shut_ends(&f);
}

static void largest_bodies_pass(void **state)
{
	(void)state;
	struct fix f;
	open_ends(&f, true, true);
	char *bytes = calloc(1, 65519);
	assert_non_null(bytes);
	struct here_there_big_reply rep;
	for (size_t len = 65517; len <= 65519; len++) {
		f.done[0] = 0;
		struct here_there_big req = {.body = span_of(bytes, len)};
		enum ipc_result r = here_there_big_start(
			f.here, &req, f.arena, &rep, IPC_NEVER, done0, &f);
		memory_run(f.pair);
		assert_int_equal(r, len <= 65518 ? IPC_OK : IPC_TOO_BIG);
		assert_int_equal(f.done[0], len <= 65518);
		assert_true(len > 65518 || rep.body.len == len);
		arena_reset(f.arena);
	}
	free(bytes);
	shut_ends(&f);
}

/* ---- a peer that lies -------------------------------------------------- */

/* One frame to `there`, after a greeting if wanted; the channel must die. */
static void dies(const char *why, struct buf *b, bool greet, int with_fd)
{
	struct fix f;
	open_ends(&f, false, true);
	struct buf all;
	buf_init(&all, IPC_FRAME_MAX + 16);
	if (greet)
		hostile_hello(&all, &here_there_hop, 0);
	if (greet && with_fd) {
		memory_push(f.pair, 0, buf_span(&all), -1);
		buf_clear(&all);
	}
	buf_add(&all, buf_span(b));
	memory_push(f.pair, 0, buf_span(&all), with_fd ? 77 : -1);
	memory_run(f.pair);
	assert_int_equal(f.b.dead, 1);
	assert_string_equal(f.b.reason, why);
	assert_int_equal(memory_fds(f.pair), 0);
	buf_free(&all);
	buf_clear(b);
	shut_ends(&f);
}

static void garbage_kills_the_channel(void **state)
{
	(void)state;
	const struct ipc_hop *hop = &here_there_hop;
	unsigned begin = hostile_number(hop, "begin");
	unsigned note = hostile_number(hop, "note");
	struct buf b;
	buf_init(&b, IPC_FRAME_MAX + 16);
	dies("a frame of a wrong size", &b, false, 0);
	hostile_cast(&b, note, SPAN("abcd"));
	dies("a message before the greeting", &b, false, 0);
	hostile_hello(&b, hop, 1);
	dies("the peer is at the same end of the hop", &b, false, 0);
	struct ipc_hop other = *hop;
	other.hash[3] ^= 1;
	hostile_hello(&b, &other, 0);
	dies("the peer has another version of the schema", &b, false, 0);
	other.name = "here_where";
	hostile_hello(&b, &other, 0);
	dies("the peer speaks another hop", &b, false, 0);
	hostile_hello(&b, hop, 0);
	dies("the greeting makes no sense", &b, true, 0);
	hostile_hello(&b, hop, 0);
	dies("a descriptor that nobody asked for", &b, false, 1);
	hostile_head(&b, HOSTILE_CAST, note, 5);
	buf_add(&b, SPAN("abcd"));
	dies("a message is cut short", &b, true, 0);
	hostile_cast(&b, note, SPAN("abcde"));
	dies("a request that cannot be decoded", &b, true, 0);
	hostile_cast(&b, note, SPAN("abcd"));
	dies("a request that cannot be decoded", &b, true, 1);
	hostile_cast(&b, hostile_number(hop, "give"), SPAN(""));
	dies("a request that cannot be decoded", &b, true, 0);
	hostile_cast(&b, hostile_number(hop, "hint"), SPAN("abcd"));
	dies("an unknown message", &b, true, 0);
	hostile_cast(&b, 200, SPAN(""));
	dies("an unknown message", &b, true, 0);
	hostile_call(&b, note, 1, 0, SPAN("abcd"));
	dies("an unknown message", &b, true, 0);
	hostile_head(&b, 9, 0, 0);
	dies("an unknown kind of message", &b, true, 0);
	hostile_head(&b, HOSTILE_RETURN, 0, 1);
	dies("more casts handled than were sent", &b, true, 0);
	hostile_reply(&b, hostile_number(hop, "back"), 4096, SPAN("abcd"));
	dies("an answer to nothing", &b, true, 0);
	hostile_refusal(&b, IPC_DEAD, 4096);
	dies("an unknown kind of refusal", &b, true, 0);
	for (unsigned i = 0; i < 3; i++)
		hostile_cast(&b, note, SPAN("abcd")); /* window there 2 */
	dies("more casts than its window", &b, true, 0);
	for (uint32_t i = 0; i < 4; i++) /* credit there 3 */
		hostile_call(&b, begin, i, UINT64_MAX, SPAN("\1\0x"));
	dies("more calls than its credit", &b, true, 0);
	while (buf_len(&b) < IPC_FRAME_MAX + 1)
		buf_addc(&b, 'x');
	dies("a frame of a wrong size", &b, false, 0);
	buf_free(&b);
}

/* Stand at `there`, answer a call, then answer it again. */
static void a_replayed_answer_kills(void **state)
{
	(void)state;
	struct fix f;
	open_ends(&f, true, false);
	struct here_there_begin_reply rep;
	assert_int_equal(begin_start(&f, 0, &rep, IPC_NEVER), IPC_OK);
	memory_run(f.pair);
	char *frame = malloc(IPC_FRAME_MAX);
	size_t len;
	int fd;
	assert_true(memory_pull(f.pair, 1, frame, &len, &fd));
	uint32_t id = hostile_first_call(span_of(frame, len));
	free(frame);
	struct buf b;
	buf_init(&b, IPC_FRAME_MAX);
	hostile_hello(&b, &here_there_hop, 1);
	hostile_reply(&b, hostile_number(&here_there_hop, "begin"), id,
		      SPAN("12345678"));
	memory_push(f.pair, 1, buf_span(&b), -1);
	memory_run(f.pair);
	assert_int_equal(f.result[0], IPC_OK);
	/* The slot is used again; the old id does not fit it. */
	assert_int_equal(begin_start(&f, 1, &rep, IPC_NEVER), IPC_OK);
	memory_run(f.pair);
	buf_clear(&b);
	hostile_reply(&b, hostile_number(&here_there_hop, "begin"), id,
		      SPAN("12345678"));
	memory_push(f.pair, 1, buf_span(&b), -1);
	memory_run(f.pair);
	assert_int_equal(f.a.dead, 1);
	assert_string_equal(f.a.reason, "an answer to nothing");
	assert_int_equal(f.result[1], IPC_DEAD);
	buf_free(&b);
	shut_ends(&f);
}

/* It calls and never reads: our queue stays bounded, then it dies. */
static void a_peer_that_never_reads_is_bounded(void **state)
{
	(void)state;
	struct fix f;
	open_ends(&f, false, true);
	struct buf b;
	buf_init(&b, IPC_FRAME_MAX);
	hostile_hello(&b, &here_there_hop, 0);
	for (uint32_t i = 0; i < 200 && f.b.dead == 0; i++) {
		hostile_call(&b, hostile_number(&here_there_hop, "big"), i,
			     UINT64_MAX, SPAN("\0\0"));
		memory_push(f.pair, 0, buf_span(&b), -1);
		memory_run(f.pair);
		buf_clear(&b);
	}
	assert_int_equal(f.b.dead, 1);
	assert_string_equal(f.b.reason, "more calls than its credit");
	/* What the queue of the socket took, and the credit. */
	assert_int_equal(f.b.served, MEMORY_FRAMES + 3);
	buf_free(&b);
	shut_ends(&f);
}

/* Bit flips in real frames: answered, refused or dead; nothing leaks. */
static void flipped_bits_do_no_harm(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, IPC_FRAME_MAX);
	hostile_hello(&b, &here_there_hop, 0);
	hostile_call(&b, hostile_number(&here_there_hop, "pass"), 5, UINT64_MAX,
		     SPAN(""));
	hostile_call(&b, hostile_number(&here_there_hop, "begin"), 6,
		     UINT64_MAX, SPAN("\2\0me"));
	for (size_t bit = 0; bit < buf_len(&b) * 8; bit++) {
		struct fix f;
		open_ends(&f, false, true);
		f.b.hold = false;
		b.data[b.from + bit / 8] ^= (char)(1 << bit % 8);
		memory_push(f.pair, 0, buf_span(&b), 77);
		memory_run(f.pair);
		b.data[b.from + bit / 8] ^= (char)(1 << bit % 8);
		ipc_free(here_there_ipc(f.there));
		f.there = NULL;
		memory_close(f.pair, 0);
		assert_int_equal(memory_fds(f.pair), 0);
		shut_ends(&f);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_answered),
		cmocka_unit_test(wrong_state_is_refused_and_counted),
		cmocka_unit_test(credit_makes_calls_wait_in_order),
		cmocka_unit_test(deadlines_pass),
		cmocka_unit_test(casts_have_a_window),
		cmocka_unit_test(descriptors_find_their_owner),
		cmocka_unit_test(largest_bodies_pass),
		cmocka_unit_test(garbage_kills_the_channel),
		cmocka_unit_test(a_replayed_answer_kills),
		cmocka_unit_test(a_peer_that_never_reads_is_bounded),
		cmocka_unit_test(flipped_bits_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

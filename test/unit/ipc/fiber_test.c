/* SPDX-License-Identifier: Apache-2.0 */
/* ipc over real sockets: fibers that call, wait, and are told to stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ends.h"
#include "hostile.h"
#include "ipc/over_os.h"
#include "os/fiber.h"
#include "os/sock.h"

struct fix {
	struct world *world;
	struct loop *loop;
	struct ends a, b;
	struct here_there *here, *there;
	unsigned ok, late, dead, stopped, other;
	int raw; /* the hostile end */
};

static void close_fd(void *arg, int fd) { world_close(arg, fd); }

static void setup(struct fix *f, bool with_there)
{
	int fds[2];
	*f = (struct fix){.world = world_linux(), .raw = -1};
	f->loop = loop_new(f->world);
	f->a.fd_close = f->b.fd_close = close_fd;
	f->a.arg = f->b.arg = f->world;
	assert_int_equal(sock_packet_pair(f->world, fds), OS_OK);
	struct ipc_owner a = ends_owner(&f->a), b = ends_owner(&f->b);
	f->here = here_there_join_here(ipc_link_os(f->loop, fds[0]), &a,
				       &ends_here);
	assert_non_null(f->here);
	if (with_there)
		f->there = here_there_join_there(ipc_link_os(f->loop, fds[1]),
						 &b, &ends_there);
	else
		f->raw = fds[1];
}

static void settle(struct fix *f)
{
	for (unsigned quiet = 0; quiet < 3;)
		quiet = loop_turn(f->loop) ? 0 : quiet + 1;
}

static void teardown(struct fix *f)
{
	ipc_free(here_there_ipc(f->here));
	ipc_free(here_there_ipc(f->there));
	settle(f);
	world_close(f->world, f->raw);
	loop_free(f->loop);
	world_free(f->world);
}

static void count(struct fix *f, enum ipc_result r)
{
	f->ok += r == IPC_OK;
	f->late += r == IPC_LATE;
	f->dead += r == IPC_DEAD;
	f->stopped += r == IPC_STOPPED;
	f->other += r != IPC_OK && r != IPC_LATE && r != IPC_DEAD &&
		    r != IPC_STOPPED;
}

static void echo_with(struct fix *f, uint64_t deadline)
{
	struct arena *a = arena_new(IPC_DECODE_MAX);
	struct here_there_echo_reply rep;
	struct here_there_echo req = {.name = SPAN("hello")};
	enum ipc_result r = here_there_echo(f->here, &req, a, &rep, deadline);
	count(f, r);
	if (r == IPC_OK)
		assert_true(span_eq(rep.name, SPAN("hello")));
	arena_free(a);
}

static void echo_fiber(void *arg) { echo_with(arg, IPC_NEVER); }

static void late_fiber(void *arg)
{
	struct fix *f = arg;
	echo_with(f, loop_now(f->loop) + NS_PER_MS);
}

static void fibers_call_and_wait_for_credit(void **state)
{
	(void)state;
	struct fix f;
	setup(&f, true);
	for (unsigned i = 0; i < 50; i++)
		assert_non_null(fiber_start(f.loop, echo_fiber, &f));
	settle(&f);
	assert_int_equal(f.ok, 50);
	assert_int_equal(f.b.served, 50);
	struct ipc_stats s;
	ipc_stats(here_there_ipc(f.here), &s);
	assert_int_equal(s.waited, 47);
	assert_true(s.frames_out < 25); /* gathered */
	teardown(&f);
}

static void note_fiber(void *arg)
{
	struct fix *f = arg;
	for (uint32_t i = 1; i <= 20; i++)
		count(f, here_there_note(f->here,
					 &(struct here_there_note){.n = i}));
}

static void casts_wait_for_their_window(void **state)
{
	(void)state;
	struct fix f;
	setup(&f, true);
	assert_non_null(fiber_start(f.loop, note_fiber, &f));
	assert_non_null(fiber_start(f.loop, note_fiber, &f));
	settle(&f);
	assert_int_equal(f.ok, 40);
	assert_int_equal(f.b.notes, 40);
	teardown(&f);
}

static void death_and_stop_wake_everybody(void **state)
{
	(void)state;
	struct fix f;
	setup(&f, true);
	f.b.hold = true;
	struct fiber *stop[2];
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(fiber_start(f.loop, echo_fiber, &f));
	settle(&f);
	stop[0] = fiber_start(f.loop, echo_fiber, &f); /* waits for credit */
	stop[1] = fiber_start(f.loop, echo_fiber, &f);
	settle(&f);
	fiber_stop(stop[0]);
	settle(&f);
	assert_int_equal(f.stopped, 1);
	for (unsigned i = 0; i < 3; i++)
		ipc_refuse(f.b.kept[i], IPC_BUSY);
	settle(&f); /* the other one that waited is kept now */
	assert_int_equal(f.other, 3);
	assert_int_equal(f.b.kept_count, 4);
	fiber_stop(stop[1]);
	settle(&f);
	assert_int_equal(f.stopped, 2);
	assert_non_null(fiber_start(f.loop, echo_fiber, &f));
	settle(&f);
	ipc_kill(here_there_ipc(f.there), "test");
	settle(&f);
	assert_int_equal(f.dead, 1);
	assert_int_equal(f.a.dead, 1);
	assert_int_equal(f.b.dead, 1);
	assert_string_equal(f.b.reason, "test");
	ipc_refuse(f.b.kept[3], IPC_BUSY);
	ipc_refuse(f.b.kept[4], IPC_BUSY);
	teardown(&f);
}

static void deadlines_use_the_loops_clock(void **state)
{
	(void)state;
	struct fix f;
	setup(&f, true);
	f.b.hold = true;
	assert_non_null(fiber_start(f.loop, late_fiber, &f));
	for (unsigned i = 0; f.late == 0 && i < 10000000; i++)
		loop_turn(f.loop);
	assert_int_equal(f.late, 1);
	ipc_refuse(f.b.kept[0], IPC_BUSY);
	settle(&f);
	assert_false(ipc_is_dead(here_there_ipc(f.here)));
	teardown(&f);
}

static void a_hostile_socket_hurts_its_channel_alone(void **state)
{
	(void)state;
	struct fix f, good;
	setup(&f, false);
	setup(&good, true);
	assert_non_null(fiber_start(f.loop, echo_fiber, &f));
	struct buf b;
	buf_init(&b, IPC_FRAME_MAX);
	hostile_hello(&b, &here_there_hop, 1);
	assert_int_equal(sock_send(f.world, f.raw, buf_span(&b), -1), OS_OK);
	buf_clear(&b);
	hostile_cast(&b, hostile_number(&here_there_hop, "hint"), SPAN("abcd"));
	assert_int_equal(sock_send(f.world, f.raw, buf_span(&b), f.raw), OS_OK);
	buf_free(&b);
	settle(&f);
	assert_int_equal(f.dead, 1);
	assert_int_equal(f.a.dead, 1);
	assert_int_equal(f.a.hints, 0);
	assert_non_null(fiber_start(good.loop, echo_fiber, &good));
	settle(&good);
	assert_int_equal(good.ok, 1);
	teardown(&f);
	teardown(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fibers_call_and_wait_for_credit),
		cmocka_unit_test(casts_wait_for_their_window),
		cmocka_unit_test(death_and_stop_wake_everybody),
		cmocka_unit_test(deadlines_use_the_loops_clock),
		cmocka_unit_test(a_hostile_socket_hurts_its_channel_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/sock, os/file's blobs and os/sim: the same checks in both worlds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/fiber.h"
#include "os/file.h"
#include "os/sim.h"
#include "os/sock.h"

static void pass_a_blob(struct world *w)
{
	int p[2], blob, got, none;
	char buf[64];
	uint64_t size;
	size_t len;

	assert_int_equal(sock_packet_pair(w, p), OS_OK);
	assert_int_equal(blob_new(w, &blob), OS_OK);
	assert_int_equal(file_append(w, blob, SPAN("sealed text")), OS_OK);
	assert_int_equal(blob_check(w, blob, &size), OS_BAD);
	assert_int_equal(blob_seal(w, blob), OS_OK);
	assert_int_not_equal(file_append(w, blob, SPAN("x")), OS_OK);
	assert_int_equal(sock_send(w, p[0], SPAN("hello"), blob), OS_OK);
	world_close(w, blob);
	assert_int_equal(sock_recv(w, p[1], buf, sizeof(buf), &len, &got), OS_OK);
	assert_int_equal(len, 5);
	assert_true(got >= 0);
	assert_int_equal(blob_check(w, got, &size), OS_OK);
	assert_int_equal(size, 11);
	assert_int_equal(file_read_at(w, got, buf, sizeof(buf), 7, &len), OS_OK);
	assert_memory_equal(buf, "text", 4);
	world_close(w, got);
	assert_int_equal(sock_recv(w, p[1], buf, 4, &len, &none), OS_AGAIN);
	assert_int_equal(sock_send(w, p[0], SPAN("12345"), -1), OS_OK);
	assert_int_equal(sock_recv(w, p[1], buf, 4, &len, &none), OS_TOOBIG);
	assert_int_equal(none, -1);
	world_close(w, p[0]);
	assert_int_equal(sock_recv(w, p[1], buf, 4, &len, &none), OS_EOF);
	world_close(w, p[1]);
}

static void packet_sizes(struct world *w)
{
	static char big[SOCK_PACKET_MAX + 1], in[SOCK_PACKET_MAX + 1];
	int p[2], none;
	size_t len;

	assert_int_equal(sock_packet_pair(w, p), OS_OK);
	for (size_t n = SOCK_PACKET_MAX - 1; n <= SOCK_PACKET_MAX; n++) {
		assert_int_equal(sock_send(w, p[0], span_of(big, n), -1), OS_OK);
		assert_int_equal(sock_recv(w, p[1], in, sizeof(in), &len, &none), OS_OK);
		assert_int_equal(len, n);
	}
	assert_int_equal(sock_send(w, p[0], span_of(big, sizeof(big)), -1), OS_TOOBIG);
	world_close(w, p[0]);
	world_close(w, p[1]);
}

static void test_packets(void **state)
{
	struct world *real = world_linux(), *sim = world_sim(3);

	(void)state;
	pass_a_blob(real);
	pass_a_blob(sim);
	packet_sizes(real);
	packet_sizes(sim);
	assert_int_equal(sim_open(sim), 0);
	world_free(real);
	world_free(sim);
}

/* More than one descriptor in a packet: none is kept, none leaks. */
static void test_many_descriptors(void **state)
{
	struct world *w = world_linux();
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} c = {0};
	char byte = 'x';
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = c.room,
			   .msg_controllen = sizeof(c.room)};
	int p[2], fds[3] = {0, 1, 2}, got, before = dup(0), after;
	size_t len;

	(void)state;
	(void)close(before);
	assert_int_equal(sock_packet_pair(w, p), OS_OK);
	CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, sizeof(fds));
	assert_int_equal(sendmsg(p[0], &m, 0), 1);
	assert_int_equal(sock_recv(w, p[1], &byte, 1, &len, &got), OS_BAD);
	assert_int_equal(got, -1);
	world_close(w, p[0]);
	world_close(w, p[1]);
	after = dup(0);
	assert_int_equal(before, after);
	(void)close(after);
	world_free(w);
}

struct talk {
	struct world *w;
	struct loop *loop;
	int fd, listener;
	size_t got;
	enum os end;
};

#define TALK_BYTES 300000u

static void writer(void *arg)
{
	static const char bytes[4096];
	struct talk *t = arg;
	struct fiber_io io;
	size_t left = TALK_BYTES, n;

	if (fiber_io_start(t->loop, &io, t->fd) != OS_OK)
		return;
	while (left > 0) {
		enum os r = sock_write(t->w, t->fd, bytes,
				       left < sizeof(bytes) ? left : sizeof(bytes), &n);
		left -= n;
		if (r == OS_AGAIN && fiber_io_wait(&io, READY_OUT, NS_NEVER) != WOKE_VALUE)
			break;
		if (r != OS_OK && r != OS_AGAIN)
			break;
	}
	fiber_io_end(&io);
	world_close(t->w, t->fd);
}

static void reader(void *arg)
{
	struct talk *t = arg;
	struct fiber_io on_listener, io;
	struct addr peer;
	char buf[1000];
	size_t n;
	int fd;

	assert_int_equal(fiber_io_start(t->loop, &on_listener, t->listener), OS_OK);
	while ((t->end = sock_accept(t->w, t->listener, &fd, &peer)) == OS_AGAIN)
		assert_int_equal(fiber_io_wait(&on_listener, READY_IN, NS_NEVER),
				 WOKE_VALUE);
	fiber_io_end(&on_listener);
	assert_int_equal(t->end, OS_OK);
	assert_true(addr_is_loopback(&peer));
	assert_int_equal(fiber_io_start(t->loop, &io, fd), OS_OK);
	for (;;) {
		t->end = sock_read(t->w, fd, buf, sizeof(buf), &n);
		t->got += n;
		if (t->end == OS_AGAIN)
			(void)!fiber_io_wait(&io, READY_IN, NS_NEVER);
		else if (t->end != OS_OK)
			break;
	}
	fiber_io_end(&io);
	world_close(t->w, fd);
	loop_stop(t->loop);
}

static uint64_t talk(struct world *w, bool sim)
{
	struct loop *a = loop_new(w), *b = sim ? loop_new(w) : a;
	struct talk in = {.w = w, .loop = a}, out = {.w = w, .loop = b};
	struct addr to = addr_v4(127, 0, 0, 1, 0);
	uint64_t steps = 0;

	assert_int_equal(sock_listen(w, &to, (struct listen_how){.reuse_addr = true},
				     &in.listener), OS_OK);
	assert_int_equal(sock_local(w, in.listener, &to), OS_OK);
	assert_int_equal(sock_connect(w, &to, NULL, &out.fd), OS_OK);
	assert_non_null(fiber_start(a, reader, &in));
	assert_non_null(fiber_start(b, writer, &out));
	if (sim) {
		assert_int_equal(sim_run(w, NS_NEVER, 100000), SIM_IDLE);
		steps = sim_steps(w);
		loop_free(b);
	} else {
		loop_run(a);
	}
	assert_int_equal(in.got, TALK_BYTES);
	assert_int_equal(in.end, OS_EOF);
	world_close(w, in.listener);
	loop_free(a);
	return steps;
}

static void test_streams(void **state)
{
	struct world *real = world_linux();
	uint64_t steps[2];

	(void)state;
	(void)talk(real, false);
	world_free(real);
	for (int i = 0; i < 2; i++) {
		struct world *sim = world_sim(42);
		assert_true(sim_fault_set(sim, "sim.read.short", 200000));
		assert_true(sim_fault_set(sim, "sim.write.short", 200000));
		steps[i] = talk(sim, true);
		assert_true(sim_fault_count(sim, "sim.read.short") > 0);
		assert_int_equal(sim_open(sim), 0);
		world_free(sim);
	}
	assert_int_equal(steps[0], steps[1]); /* the same seed, the same run */
}

/* What a receiver on a loop of its own got, and when. */
struct heard {
	struct watch watch;
	struct world *world;
	int fd;
	char text[64];
	size_t len;
	uint64_t at;
	bool end;
};

static void on_packet(struct watch *w, unsigned ready)
{
	struct heard *h = w->arg;
	size_t len = 0;
	int none;
	enum os r = sock_recv(h->world, h->fd, h->text + h->len,
			      sizeof h->text - h->len, &len, &none);

	(void)ready;
	h->len += len;
	h->at = world_now(h->world);
	h->end = r == OS_EOF;
	if (h->end)
		watch_stop(w);
}

/*
 * Packets that are late keep their order; the dead's last ones arrive, and what it
 * says after its death does not.
 */
static uint64_t late_and_dead(uint64_t seed)
{
	struct world *w = world_sim(seed);
	struct loop *dead = loop_new(w), *lives = loop_new(w);
	struct heard h = {.world = w};
	uint64_t began = world_now(w), trace;
	int p[2];

	assert_int_equal(sock_packet_pair(w, p), OS_OK);
	sim_give(dead, p[0]);
	h.fd = p[1];
	assert_int_equal(watch_start(lives, &h.watch, p[1], READY_IN, on_packet, &h),
			 OS_OK);
	assert_true(sim_fault_set(w, "sim.packet.late", 1000000));
	for (char c = 'a'; c < 'e'; c++)
		assert_int_equal(sock_send(w, p[0], span_of(&c, 1), -1), OS_OK);
	assert_int_equal(sim_owned(dead), 1);
	sim_kill(dead);
	assert_int_equal(sock_send(w, p[0], SPAN("ghost"), -1), OS_BROKEN);
	(void)sim_run(w, began + 5 * SIM_LATE_NS, 10000);
	assert_memory_equal(h.text, "abcd", 4);
	assert_int_equal(h.len, 4);
	assert_true(h.end);
	assert_true(h.at > began && h.at < began + 4 * SIM_LATE_NS);
	world_close(w, p[0]);
	world_close(w, p[1]);
	assert_int_equal(sim_owned(dead), 0);
	loop_free(dead);
	loop_free(lives);
	trace = sim_trace(w);
	world_free(w);
	return trace;
}

static void test_late_and_dead(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		assert_true(late_and_dead(seed) == late_and_dead(seed));
		assert_true(late_and_dead(seed) != late_and_dead(seed + 1));
	}
}

static void test_port_holder(void **state)
{
	struct world *w = world_linux();
	struct addr a = addr_v4(127, 0, 0, 1, 0);
	struct port_holder who;
	int fd, again;

	(void)state;
	assert_int_equal(sock_listen(w, &a, (struct listen_how){0}, &fd), OS_OK);
	assert_int_equal(sock_local(w, fd, &a), OS_OK);
	assert_int_equal(sock_listen(w, &a, (struct listen_how){0}, &again), OS_INUSE);
	assert_true(sock_who_holds(a.port, &who));
	assert_int_equal(who.pid, getpid());
	world_close(w, fd);
	assert_false(sock_who_holds(a.port, &who));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets), cmocka_unit_test(test_many_descriptors),
		cmocka_unit_test(test_streams), cmocka_unit_test(test_late_and_dead),
		cmocka_unit_test(test_port_holder)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

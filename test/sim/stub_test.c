/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialer with a resolver that it trusts, which is played here: it tells what it
 * validated, stumbles in every way, and is asked in one connection.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/pack.h"
#include "dns/packet.h"
#include "ipc/over_os.h"
#include "house.h"
#include "os/sock.h"
#include "role/dialer/role.h"
#include "wire/courier_dialer.h"

#define CONF                                                                   \
	"hostname mx.example.test;\ndata /nowhere;\nstore { engine memory; }\n"  \
	"dns { lookups on; trust-resolver 127.0.0.1:5353; timeout 30s; }\n"

enum mood {
	SECURE,
	INSECURE,
	NXDOMAIN,
	SERVFAIL,
	REFUSED,
	TRUNCATED,
	OTHER_NAME, /* answers another question */
	OTHER_TYPE,
	OTHER_ID,   /* and then the right one */
	GARBAGE,
	HANG_UP,    /* instead of an answer; the next connection is served */
	HANG_UP_ALWAYS,
	SILENCE,
};

struct fix {
	struct house *house;
	struct house_role *dialer;
	struct courier_dialer *courier;
	struct arena *arena;
	enum mood mood;
	/* the resolver */
	int listener, fd;
	struct watch accept_watch, watch;
	unsigned connections, questions;
	struct buf in;
	size_t open;
};

/* ---- the resolver ----------------------------------------------------------------- */

static void u16(struct buf *b, unsigned v)
{
	pack_u8(b, (uint8_t)(v >> 8));
	pack_u8(b, (uint8_t)v);
}

static void say(struct fix *f, struct span message)
{
	struct buf b;
	size_t done = 0;
	buf_init(&b, 66000);
	u16(&b, (unsigned)message.len);
	buf_add(&b, message);
	while (buf_len(&b) > 0) {
		struct span s = buf_span(&b);
		if (sock_write(house_world(f->house), f->fd, s.ptr, s.len, &done) !=
		    OS_OK)
			break;
		buf_take(&b, done);
	}
	buf_free(&b);
}

static void close_now(struct fix *f)
{
	watch_stop(&f->watch);
	world_close(house_world(f->house), f->fd);
	f->fd = -1;
	buf_clear(&f->in);
}

/* The question is id, flags, counts, name, type, class. */
static void reply(struct fix *f, struct span question, int id_off)
{
	bool none = f->mood == NXDOMAIN || f->mood == SERVFAIL || f->mood == REFUSED;
	unsigned rcode = f->mood == NXDOMAIN   ? 3
			 : f->mood == SERVFAIL ? 2
			 : f->mood == REFUSED  ? 5
					       : 0;
	unsigned flags = 0x8180u | rcode;
	struct buf b;
	if (f->mood != INSECURE)
		flags |= 0x20;
	if (f->mood == TRUNCATED)
		flags |= 0x200;
	buf_init(&b, 1024);
	pack_u8(&b, (uint8_t)question.ptr[0]);
	pack_u8(&b, (uint8_t)(question.ptr[1] + id_off));
	u16(&b, flags);
	u16(&b, 1);
	u16(&b, none ? 0 : 1);
	pack_u32_be(&b, 0);
	buf_add(&b, span_skip(question, 12));
	if (f->mood == OTHER_NAME)
		b.data[b.from + 13] ^= 1;
	if (f->mood == OTHER_TYPE)
		b.data[b.from + buf_len(&b) - 3] ^= 1;
	if (!none) {
		buf_add(&b, SPAN("\xc0\x0c"));
		u16(&b, DNS_MX);
		u16(&b, DNS_CLASS_IN);
		pack_u32_be(&b, 60);
		u16(&b, 7);
		buf_add(&b, SPAN("\0\x0a\2mx\xc0\x0c"));
	}
	say(f, buf_span(&b));
	buf_free(&b);
}

/* False: the connection is over. */
static bool on_question(struct fix *f, struct span question)
{
	f->questions++;
	/* Recursion desired, and whether it is authentic. */
	assert_int_equal((unsigned char)question.ptr[2], 1);
	assert_int_equal((unsigned char)question.ptr[3], 0x20);
	switch (f->mood) {
	case SILENCE:
		return true;
	case GARBAGE:
		say(f, SPAN("no message at all"));
		return true;
	case HANG_UP:
		f->mood = SECURE;
		return false;
	case HANG_UP_ALWAYS:
		return false;
	case OTHER_ID:
		reply(f, question, 1);
		break;
	default:
		break;
	}
	reply(f, question, 0);
	return true;
}

static void on_bytes(struct watch *w, unsigned ready)
{
	struct fix *f = w->arg;
	char bytes[4096];
	size_t got;
	(void)ready;
	enum os r = sock_read(house_world(f->house), f->fd, bytes, sizeof bytes, &got);
	if (r == OS_AGAIN)
		return;
	bool good = r == OS_OK;
	buf_add(&f->in, span_of(bytes, got));
	while (good && buf_len(&f->in) >= 2) {
		struct span in = buf_span(&f->in);
		size_t len = (size_t)(unsigned char)in.ptr[0] << 8 |
			     (unsigned char)in.ptr[1];
		if (in.len < 2 + len)
			break;
		good = on_question(f, span_sub(in, 2, len));
		if (good)
			buf_take(&f->in, 2 + len);
	}
	if (!good)
		close_now(f);
}

static void on_connection(struct watch *w, unsigned ready)
{
	struct fix *f = w->arg;
	struct addr peer;
	int fd;
	(void)ready;
	if (sock_accept(house_world(f->house), f->listener, &fd, &peer) != OS_OK)
		return;
	if (f->fd >= 0)
		close_now(f);
	f->connections++;
	f->fd = fd;
	assert_int_equal(watch_start(house_loop(f->house), &f->watch, fd, READY_IN,
				     on_bytes, f),
			 OS_OK);
}

static void serve(struct fix *f)
{
	struct addr a = addr_v4(127, 0, 0, 1, 5353);
	assert_int_equal(sock_listen(house_world(f->house), &a,
				     (struct listen_how){0}, &f->listener),
			 OS_OK);
	assert_int_equal(watch_start(house_loop(f->house), &f->accept_watch,
				     f->listener, READY_IN, on_connection, f),
			 OS_OK);
}

/* ---- life --------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof *f);
	const struct ipc_owner owner = {.role = f};
	assert_non_null(f);
	f->fd = f->listener = -1;
	buf_init(&f->in, 1u << 20);
	f->house = house_new(11, CONF);
	f->dialer = house_raise(f->house, &dialer_role, KIND_DIALER);
	assert_true(house_activate(f->dialer));
	f->courier = courier_dialer_join_courier(
		house_link(f->dialer, HOP_COURIER_DIALER, KIND_COURIER), &owner);
	f->arena = arena_new(16u << 20);
	house_run(f->house, 5);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;
	if (f->fd >= 0)
		close_now(f);
	watch_stop(&f->accept_watch);
	world_close(house_world(f->house), f->listener);
	buf_free(&f->in);
	ipc_free(courier_dialer_ipc(f->courier));
	house_free(f->house); /* every descriptor is back */
	arena_free(f->arena);
	free(f);
	return 0;
}

static void answered(void *ctx, enum ipc_result r)
{
	assert_int_equal(r, IPC_OK);
	*(bool *)ctx = true;
}

static struct courier_dialer_mx_reply ask(struct fix *f, enum mood mood)
{
	struct courier_dialer_mx m = {.name = SPAN("example.org")};
	struct courier_dialer_mx_reply rep;
	bool done = false;
	f->mood = mood;
	arena_reset(f->arena);
	assert_int_equal(courier_dialer_mx_start(f->courier, &m, f->arena, &rep,
						 IPC_NEVER, answered, &done),
			 IPC_OK);
	assert_true(house_until(f->house, &done, 60000));
	return rep;
}

static void its_word_is_believed(void **state)
{
	struct fix *f = *state;
	serve(f);
	struct courier_dialer_mx_reply r = ask(f, SECURE);
	assert_int_equal(r.trust, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(r.mx_count, 1);
	assert_true(span_eq(r.mx[0].name, SPAN("mx.example.org")));
	r = ask(f, INSECURE);
	assert_int_equal(r.trust, COURIER_DIALER_TRUST_INSECURE);
	assert_true(r.found);
	r = ask(f, NXDOMAIN);
	assert_int_equal(r.trust, COURIER_DIALER_TRUST_SECURE);
	assert_false(r.found);
	/* All in one connection, and none of it kept. */
	assert_int_equal(f->connections, 1);
	assert_int_equal(f->questions, 3);
}

static void what_is_no_answer_has_failed(void **state)
{
	static const enum mood moods[] = {SERVFAIL, REFUSED, TRUNCATED, OTHER_NAME,
					  OTHER_TYPE, GARBAGE, HANG_UP_ALWAYS};
	struct fix *f = *state;
	serve(f);
	for (size_t i = 0; i < ARRAY_LEN(moods); i++) {
		struct courier_dialer_mx_reply r = ask(f, moods[i]);
		assert_int_equal(r.trust, COURIER_DIALER_TRUST_FAILED);
		assert_false(r.found);
		assert_int_equal(r.mx_count, 0);
		/* And the next one is answered. */
		assert_int_equal(ask(f, SECURE).trust, COURIER_DIALER_TRUST_SECURE);
	}
}

static void a_late_or_lost_one_does_no_harm(void **state)
{
	struct fix *f = *state;
	serve(f);
	assert_int_equal(ask(f, OTHER_ID).trust, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(f->connections, 1);
	assert_int_equal(ask(f, HANG_UP).trust, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(f->connections, 2);
}

static void silence_ends(void **state)
{
	struct fix *f = *state;
	serve(f);
	uint64_t began = world_now(house_world(f->house));
	assert_int_equal(ask(f, SILENCE).trust, COURIER_DIALER_TRUST_FAILED);
	assert_in_range((world_now(house_world(f->house)) - began) / NS_PER_SEC, 15, 16);
	assert_int_equal(house_figure(f->dialer, "pending"), 0);
	assert_int_equal(ask(f, SECURE).trust, COURIER_DIALER_TRUST_SECURE);
	assert_int_equal(f->connections, 2);
}

static void nobody_is_there(void **state)
{
	struct fix *f = *state;
	assert_int_equal(ask(f, SECURE).trust, COURIER_DIALER_TRUST_FAILED);
	serve(f);
	assert_int_equal(ask(f, SECURE).trust, COURIER_DIALER_TRUST_SECURE);
}

static void many_at_once_in_pieces(void **state)
{
	enum { COUNT = 300 };
	struct fix *f = *state;
	struct world *w = house_world(f->house);
	struct courier_dialer_mx_reply *rep = calloc(COUNT, sizeof *rep);
	bool done[COUNT] = {0};
	char name[COUNT][24];
	assert_non_null(rep);
	serve(f);
	f->mood = SECURE;
	assert_true(sim_fault_set(w, "sim.read.short", 500000));
	assert_true(sim_fault_set(w, "sim.write.short", 500000));
	for (unsigned i = 0; i < COUNT; i++) {
		(void)snprintf(name[i], sizeof name[i], "n%u.example", i);
		struct courier_dialer_mx m = {.name = span_cstr(name[i])};
		assert_int_equal(courier_dialer_mx_start(f->courier, &m, f->arena,
							 &rep[i], IPC_NEVER, answered,
							 &done[i]),
				 IPC_OK);
	}
	house_run(f->house, 14000);
	assert_true(sim_fault_set(w, "sim.read.short", 0));
	assert_true(sim_fault_set(w, "sim.write.short", 0));
	for (unsigned i = 0; i < COUNT; i++) {
		char want[32];
		assert_true(done[i]);
		assert_int_equal(rep[i].trust, COURIER_DIALER_TRUST_SECURE);
		(void)snprintf(want, sizeof want, "mx.n%u.example", i);
		assert_true(span_eq(rep[i].mx[0].name, span_cstr(want)));
	}
	assert_int_equal(f->questions, COUNT);
	free(rep);
}

static void ended(void *ctx, enum ipc_result r)
{
	assert_int_equal(r, IPC_DEAD);
	*(bool *)ctx = true;
}

/* The role ends while it waits. */
static void it_may_end_at_any_time(void **state)
{
	struct fix *f = *state;
	struct courier_dialer_mx m = {.name = SPAN("example.org")};
	struct courier_dialer_mx_reply rep;
	bool done = false;
	serve(f);
	f->mood = SILENCE;
	assert_int_equal(courier_dialer_mx_start(f->courier, &m, f->arena, &rep,
						 IPC_NEVER, ended, &done),
			 IPC_OK);
	house_run(f->house, 100);
	assert_int_equal(f->questions, 1);
	house_fall(f->dialer);
	assert_true(done);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_word_is_believed),
		TEST(what_is_no_answer_has_failed),
		TEST(a_late_or_lost_one_does_no_harm),
		TEST(silence_ends),
		TEST(nobody_is_there),
		TEST(many_at_once_in_pieces),
		TEST(it_may_end_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

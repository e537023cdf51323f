/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer as the administrator's pool sees it: switched off it sends nothing
 * and opens nothing; switched on it answers what needs no server, and in time.
 * With real servers: test/interop/dns_test.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ipc/over_os.h"
#include "os/sock.h"
#include "role/dialer/resolver.h"
#include "role/dialer/role.h"
#include "wire/admin_dialer.h"

struct fix {
	struct world *world;
	struct loop *loop;
	struct role role;
	struct conf conf;
	void *dialer;
	struct admin_dialer *admin;
	struct arena *arena;
	struct admin_dialer_query_reply reply;
	enum ipc_result result;
	bool done;
};

static void gone(void *ctx, struct ipc *c, const char *reason)
{
	(void)ctx;
	(void)c;
	(void)reason;
}

static void setup(struct fix *f, bool lookups, const struct conf_resolver *upstream)
{
	int fds[2];
	struct buf why;
	struct ipc_owner owner = {.role = f, .dead = gone};
	struct role_peer peer = {.hop = HOP_ADMIN_DIALER,
				 .kind = KIND_EDGE_ADMIN};
	*f = (struct fix){.world = world_linux(), .arena = arena_new(1u << 20)};
	f->loop = loop_new(f->world);
	f->conf.dns = (struct conf_dns){
		.lookups = lookups, .timeout = 1, .cache = 1u << 20};
	if (upstream != NULL)
		f->conf.dns.resolvers = (struct conf_resolvers){upstream, 1};
	f->role = (struct role){.world = f->world,
				.loop = f->loop,
				.log = log_new("dialer"),
				.def = &dialer_role,
				.kind = KIND_DIALER};
	buf_init(&why, 1024);
	f->dialer = dialer_role.create(&f->role, &f->conf, &why);
	if (f->dialer == NULL)
		fail_msg("%.*s", SPAN_FMT(buf_span(&why)));
	buf_free(&why);
	assert_int_equal(sock_packet_pair(f->world, fds), OS_OK);
	dialer_role.attach(f->dialer, &peer, ipc_link_os(f->loop, fds[0]));
	f->admin = admin_dialer_join_admin(ipc_link_os(f->loop, fds[1]), &owner);
	assert_non_null(f->admin);
}

static void teardown(struct fix *f)
{
	dialer_role.destroy(f->dialer);
	ipc_free(admin_dialer_ipc(f->admin));
	for (int i = 0; i < 10; i++)
		(void)loop_turn(f->loop);
	log_free(f->role.log);
	arena_free(f->arena);
	loop_free(f->loop);
	world_free(f->world);
}

static void answered(void *ctx, enum ipc_result r)
{
	struct fix *f = ctx;
	f->result = r;
	f->done = true;
	loop_stop(f->loop);
}

static void ask(struct fix *f, struct span name, struct span type)
{
	struct admin_dialer_query req = {.name = name, .type = type};
	f->done = false;
	assert_int_equal(admin_dialer_query_start(f->admin, &req, f->arena,
						  &f->reply, IPC_NEVER, answered,
						  f),
			 IPC_OK);
	loop_run(f->loop);
	assert_true(f->done);
	assert_int_equal(f->result, IPC_OK);
}

/* The lowest free descriptor: what is open below it did not change. */
static int next_fd(struct fix *f)
{
	int fds[2];
	assert_int_equal(sock_packet_pair(f->world, fds), OS_OK);
	world_close(f->world, fds[0]);
	world_close(f->world, fds[1]);
	return fds[0];
}

static void off_sends_nothing(void **state)
{
	struct fix f;
	(void)state;
	setup(&f, false, NULL);
	int before = next_fd(&f);
	ask(&f, SPAN("example.org"), SPAN("MX"));
	assert_int_equal(f.reply.verdict, ADMIN_DIALER_VERDICT_OFF);
	assert_int_equal(f.reply.records_count, 0);
	assert_int_equal(next_fd(&f), before);
	teardown(&f);
}

static void what_needs_no_server(void **state)
{
	/* Nothing listens there: whatever is answered comes from inside. */
	struct conf_resolver nobody = {4, {127, 255, 255, 254}, 53};
	struct fix f;
	(void)state;
	setup(&f, true, &nobody);
	ask(&f, SPAN("LocalHost"), SPAN("a"));
	assert_int_equal(f.reply.verdict, ADMIN_DIALER_VERDICT_INSECURE);
	assert_int_equal(f.reply.records_count, 1);
	assert_true(span_ends(f.reply.records[0], SPAN(" IN A 127.0.0.1")));
	ask(&f, SPAN("two..dots"), SPAN("a"));
	assert_int_equal(f.reply.verdict, ADMIN_DIALER_VERDICT_UNASKED);
	assert_true(span_eq(f.reply.why, SPAN("that is no domain name")));
	ask(&f, SPAN("localhost"), SPAN("AAAAA"));
	assert_int_equal(f.reply.verdict, ADMIN_DIALER_VERDICT_UNASKED);
	teardown(&f);
}

static void silence_ends_in_time(void **state)
{
	struct conf_resolver nobody = {4, {127, 255, 255, 254}, 53};
	struct fix f;
	(void)state;
	setup(&f, true, &nobody);
	uint64_t began = world_now(f.world);
	ask(&f, SPAN("example.org"), SPAN("a"));
	assert_true(f.reply.verdict == ADMIN_DIALER_VERDICT_TIMEOUT ||
		    f.reply.verdict == ADMIN_DIALER_VERDICT_FAILED);
	assert_true(world_now(f.world) - began < 2 * NS_PER_SEC);
	/* It may end with a question that the library still works on. */
	teardown(&f);
}

static void settings_are_judged(void **state)
{
	struct fix f;
	struct conf next;
	struct buf why;
	(void)state;
	setup(&f, false, NULL);
	buf_init(&why, 1024);
	next = f.conf;
	next.dns.timeout = 5;
	assert_true(dialer_role.prepare(f.dialer, &next, &why));
	next.dns.lookups = true;
	assert_false(dialer_role.prepare(f.dialer, &next, &why));
	buf_clear(&why);
	next = f.conf;
	next.dns.trust_anchor = SPAN("/does/not/exist");
	assert_null(dialer_role.create(&f.role, &next, &why));
	assert_true(span_find_span(buf_span(&why), SPAN("/does/not/exist")) !=
		    SIZE_MAX);
	buf_free(&why);
	teardown(&f);
}

/* Another port is another resolver. */
static void a_port_counts(void **state)
{
	struct conf_resolver nobody = {4, {127, 255, 255, 254}, 53};
	struct conf_resolver other = nobody;
	struct fix f;
	struct conf next;
	struct buf why;
	(void)state;
	setup(&f, true, &nobody);
	buf_init(&why, 1024);
	next = f.conf;
	next.dns.resolvers = (struct conf_resolvers){&other, 1};
	assert_true(dialer_role.prepare(f.dialer, &next, &why));
	other.port = 54;
	assert_false(dialer_role.prepare(f.dialer, &next, &why));
	buf_free(&why);
	teardown(&f);
}

static void anchors_are_judged(void **state)
{
	static const struct {
		struct span text;
		bool good;
	} cases[] = {
		{SPAN_INIT(""), true},
		{SPAN_INIT("# nothing\n ; more nothing\r\n\n"
			   "example. IN DS 1 13 2 E06D44B80B8F1D39A95C0B0D7C65"
			   "D08458E880409BBC683457104237C7F8EC8D ; one\n"),
		 true},
		{SPAN_INIT("example. IN DS nonsense\n"), false},
	};
	struct world *w = world_linux();
	struct loop *loop = loop_new(w);
	struct buf why;
	(void)state;
	buf_init(&why, 1024);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct resolver_settings s = {.anchors = cases[i].text,
					      .cache = 1u << 20};
		struct resolver *r = resolver_new(loop, &s, &why);
		assert_int_equal(r != NULL, cases[i].good);
		resolver_free(r);
	}
	buf_free(&why);
	loop_free(loop);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_sends_nothing),
		cmocka_unit_test(what_needs_no_server),
		cmocka_unit_test(silence_ends_in_time),
		cmocka_unit_test(settings_are_judged),
		cmocka_unit_test(a_port_counts),
		cmocka_unit_test(anchors_are_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

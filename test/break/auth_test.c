/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Auth against a taken-over edge, a taken-over edge-admin and a store that lies.
 *
 * Whatever one of them sends, an honest edge's login with the right password is
 * bound afterwards; and as long as the store says nothing right, nobody is.
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
#include "role/auth/role.h"
#include "role/store/role.h"
#include "wire/admin_auth.h"
#include "wire/admin_store.h"
#include "wire/auth_store.h"
#include "wire/edge_auth.h"
#include "wire/edge_store.h"

#define USER     "alice@example.test"
#define PASSWORD "right horse battery"
#define LOGIN_MS 30000u
#define CHANNELS 2000u /* that come and go */

static const char conf[] =
	"hostname mx.example.test;\ndata /nowhere;\n"
	"store { engine memory; }\n"
	"auth { argon2-memory 8M; argon2-passes 1; scram-iterations 4096; threads 1; }\n";

struct scene {
	struct target target;
	struct house_role *store;
	struct edge_store *sessions; /* where an edge opens them */
	struct edge_auth *honest;
};

static void hint(void *role, struct edge_store *c, const struct edge_store_hint *m)
{
	(void)role, (void)c, (void)m;
}

static void load(void *role, struct edge_store *c, const struct edge_store_load *m)
{
	(void)role;
	(void)c;
	(void)m;
}

static const struct edge_store_at_edge at_edge = {.hint = hint, .load = load};

static void prepare(void *arg)
{
	struct scene *s = arg;
	const struct ipc_owner owner = {.role = s};
	struct arena *a = arena_new(1u << 20);
	struct admin_store *store = admin_store_join_admin(
		house_link(s->store, HOP_ADMIN_STORE, KIND_EDGE_ADMIN), &owner);
	struct admin_auth *auth = admin_auth_join_admin(
		house_link(s->target.role, HOP_ADMIN_AUTH, KIND_EDGE_ADMIN), &owner);
	struct admin_store_domain_add d = {.name = SPAN("example.test")};
	struct admin_store_account_add u = {.name = SPAN(USER)};
	struct admin_auth_set_password p = {.name = SPAN(USER), .password = SPAN(PASSWORD)};
	struct admin_store_domain_add_reply dr;
	struct admin_store_account_add_reply ur;
	struct admin_auth_set_password_reply pr;

	assert_int_equal(admin_store_domain_add(store, &d, a, &dr, IPC_NEVER), IPC_OK);
	assert_int_equal(admin_store_account_add(store, &u, a, &ur, IPC_NEVER), IPC_OK);
	assert_int_equal(admin_auth_set_password(auth, &p, a, &pr, IPC_NEVER), IPC_OK);
	if (pr.answer != ADMIN_AUTH_ANSWER_DONE)
		fail_msg("%.*s", SPAN_FMT(pr.why));
	ipc_free(admin_store_ipc(store));
	ipc_free(admin_auth_ipc(auth));
	arena_free(a);
}

static void connect_store(struct scene *s)
{
	world_close(house_world(s->target.house),
		    house_join(s->target.role, s->store, HOP_AUTH_STORE));
}

/* ---- an honest edge ---------------------------------------------------------- */

struct login {
	struct scene *scene;
	const char *password;
	bool done;
	enum ipc_result result;
	enum edge_auth_state state;
};

static void log_in(void *arg)
{
	struct login *l = arg;
	struct scene *s = l->scene;
	struct arena *a = arena_new(1u << 20);
	struct edge_store_session_open open = {.service = EDGE_STORE_SERVICE_IMAP,
					       .listener = SPAN("imap")};
	struct edge_store_session_open_reply o;
	struct edge_auth_password m = {.service = EDGE_AUTH_SERVICE_IMAP,
				       .user = SPAN(USER),
				       .password = span_cstr(l->password)};
	struct edge_auth_password_reply r = {0};

	assert_int_equal(edge_store_session_open(s->sessions, &open, a, &o, IPC_NEVER),
			 IPC_OK);
	m.session = o.session;
	l->result = edge_auth_password(s->honest, &m, a, &r, IPC_NEVER);
	l->state = r.state;
	struct edge_store_session_close end = {.session = o.session};
	assert_int_equal(edge_store_session_close(s->sessions, &end), IPC_OK);
	arena_free(a);
	l->done = true;
}

static struct login login(struct scene *s, const char *password)
{
	struct login l = {.scene = s, .password = password};

	house_do(s->target.house, log_in, &l);
	house_run(s->target.house, 5); /* the session's end arrives */
	return l;
}

static void honest_logs_in(void *arg)
{
	struct login l = login(arg, PASSWORD);

	assert_int_equal(l.result, IPC_OK);
	assert_int_equal(l.state, EDGE_AUTH_STATE_BOUND);
}

/* The same once the true store is back. */
static void honest_after_attach(void *arg)
{
	connect_store(arg);
	honest_logs_in(arg);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(17, conf);
	const struct ipc_owner owner = {.role = s};

	s->target = (struct target){.house = h,
				    .schema = &edge_auth_hop,
				    .hop = HOP_EDGE_AUTH,
				    .peer = KIND_EDGE_ACCESS,
				    .side = 0,
				    .honest = honest_logs_in,
				    .arg = s};
	sim_wall_set(house_world(h), (struct wall){1800000000, 0});
	s->store = house_raise(h, &store_role, KIND_STORE);
	s->target.role = house_raise(h, &auth_role, KIND_AUTH);
	connect_store(s);
	assert_true(house_activate(s->store));
	assert_true(house_activate(s->target.role));
	house_do(h, prepare, s);
	s->sessions = edge_store_join_edge(
		house_link(s->store, HOP_EDGE_STORE, KIND_EDGE_ACCESS), &owner, &at_edge);
	s->honest = edge_auth_join_edge(
		house_link(s->target.role, HOP_EDGE_AUTH, KIND_EDGE_ACCESS), &owner);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	ipc_free(edge_auth_ipc(s->honest));
	ipc_free(edge_store_ipc(s->sessions));
	house_fall(s->target.role);
	house_free(s->target.house);
	free(s);
	return 0;
}

/* ---- the attacks ---------------------------------------------------------------- */

static void test_framing_of_edge(void **state)
{
	struct scene *s = *state;

	attack_framing(&s->target, 0xa07);
}

static void test_framing_of_admin(void **state)
{
	struct scene *s = *state;
	struct target t = s->target;

	t.schema = &admin_auth_hop;
	t.hop = HOP_ADMIN_AUTH;
	t.peer = KIND_EDGE_ADMIN;
	attack_framing(&t, 0xa08);
}

static struct target as_store(const struct scene *s)
{
	struct target t = s->target;

	t.schema = &auth_store_hop;
	t.hop = HOP_AUTH_STORE;
	t.peer = KIND_STORE;
	t.side = 1;
	t.honest = honest_after_attach;
	return t;
}

static void test_framing_of_store(void **state)
{
	struct target t = as_store(*state);

	attack_framing(&t, 0xa09);
}

/* No lie of a store that does not know the verifier makes a wrong password right. */
static void test_lying_store(void **state)
{
	struct scene *s = *state;
	struct target t = as_store(s);
	struct world *w = house_world(t.house);
	uint64_t seed = 0x11e6;
	size_t before;

	honest_after_attach(s);
	before = sim_open(w);
	for (unsigned round = 0; round < 8 * LIE_COUNT; round++) {
		enum lie how = (enum lie)(round % LIE_COUNT);
		struct login l = {.scene = s, .password = "wrong horse"};
		uint64_t from = world_now(w);
		int fd = attack_join(&t);
		assert_non_null(fiber_start(house_loop(t.house), log_in, &l));
		if (!attack_lie(&t, &fd, how, &seed, &l.done, LOGIN_MS))
			fail_msg("lie %d: the login hangs", how);
		assert_int_equal(l.result, IPC_OK);
		assert_int_not_equal(l.state, EDGE_AUTH_STATE_BOUND);
		assert_int_not_equal(l.state, EDGE_AUTH_STATE_MORE);
		assert_true(world_now(w) - from < 5 * NS_PER_SEC);
		world_close(w, fd);
		house_run(t.house, 700 * 1000); /* the throttle forgets */
		honest_after_attach(s);
	}
	house_run(t.house, 5);
	assert_int_equal(sim_open(w), before);
}

/* Exchanges of another edge, and numbers made up, are none. */
static void test_made_up_exchanges(void **state)
{
	struct scene *s = *state;
	const uint64_t ids[] = {0, 1, UINT64_MAX, 0x5eed};
	int fd = attack_join(&s->target);

	for (uint32_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct edge_auth_step m = {.exchange = ids[i], .blob = SPAN("AAAA")};
		struct edge_auth_step_reply rep = {0};
		struct arena *a = arena_new(65536);
		struct buf frame;
		unsigned why;
		buf_init(&frame, IPC_FRAME_MAX);
		attack_call(&s->target, &frame, i + 1, "step", &m);
		attack_send(&s->target, fd, &frame, -1);
		if (attack_reply(&s->target, fd, "step", i + 1, a, &rep, &why))
			assert_true(rep.state == EDGE_AUTH_STATE_FAILED ||
				    rep.state == EDGE_AUTH_STATE_LATER);
		else
			assert_int_not_equal(why, 0);
		buf_free(&frame);
		arena_free(a);
	}
	world_close(house_world(s->target.house), fd);
	house_run(s->target.house, 5);
	honest_logs_in(s);
}

/* Edges come, start an exchange, and go: nothing is left of them. */
static void test_comes_and_goes(void **state)
{
	struct scene *s = *state;
	struct world *w = house_world(s->target.house);
	size_t before = sim_open(w);

	for (uint32_t i = 0; i < CHANNELS; i++) {
		struct edge_auth_start m = {.session = i,
					    .service = EDGE_AUTH_SERVICE_IMAP,
					    .mechanism = SPAN("PLAIN")};
		struct edge_auth_start_reply rep = {0};
		struct arena *a = arena_new(65536);
		struct buf frame;
		unsigned why;
		int fd = attack_join(&s->target);
		buf_init(&frame, IPC_FRAME_MAX);
		attack_call(&s->target, &frame, 1, "start", &m);
		attack_send(&s->target, fd, &frame, -1);
		if (i % 2 == 0) {
			assert_true(attack_reply(&s->target, fd, "start", 1, a, &rep, &why));
			assert_int_equal(rep.state, EDGE_AUTH_STATE_MORE);
		}
		world_close(w, fd);
		buf_free(&frame);
		arena_free(a);
		house_run(s->target.house, 1);
	}
	house_run(s->target.house, 5);
	honest_logs_in(s);
	assert_int_equal(sim_open(w), before);
	assert_int_equal(s->target.role->broken, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_framing_of_edge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_admin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lying_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_made_up_exchanges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

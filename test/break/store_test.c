/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store against a taken-over edge: it names sessions of another channel, reads
 * before anybody logged in, offers mail to handles that it made up.  What it gets is
 * a no; the honest edge's session goes on.
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
#include "role/store/role.h"
#include "wire/admin_store.h"
#include "wire/auth_store.h"
#include "wire/courier_store.h"
#include "wire/edge_store.h"

#define USER "alice@example.test"

static const char conf[] = "hostname mx.example.test;\ndata /nowhere;\n"
			   "store { engine memory; }\n";

struct scene {
	struct target target;
	struct edge_store *honest; /* of edge-access */
	struct auth_store *auth;
	uint64_t bound;   /* a session of the honest channel, logged in */
	uint64_t unbound; /* and one before its login */
	uint64_t account;
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

static void forget(void *role, struct auth_store *c, const struct auth_store_changed *m)
{
	(void)role, (void)c, (void)m;
}

static const struct auth_store_at_auth at_auth = {.changed = forget};

/* ---- the honest ones -------------------------------------------------------------- */

static uint64_t open_session(struct scene *s, struct arena *a)
{
	struct edge_store_session_open m = {.service = EDGE_STORE_SERVICE_IMAP,
					    .listener = SPAN("imap")};
	struct edge_store_session_open_reply r;

	assert_int_equal(edge_store_session_open(s->honest, &m, a, &r, IPC_NEVER), IPC_OK);
	assert_int_equal(r.answer, EDGE_STORE_ANSWER_YES);
	return r.session;
}

static bool bind_to(struct scene *s, uint64_t session, struct arena *a)
{
	struct auth_store_bind m = {session, s->account, AUTH_STORE_SERVICE_IMAP};
	struct auth_store_bind_reply r;

	assert_int_equal(auth_store_bind(s->auth, &m, a, &r, IPC_NEVER), IPC_OK);
	return r.answer == AUTH_STORE_ANSWER_YES;
}

static void prepare(void *arg)
{
	struct scene *s = arg;
	const struct ipc_owner owner = {.role = s};
	struct arena *a = arena_new(1u << 20);
	struct admin_store *admin = admin_store_join_admin(
		house_link(s->target.role, HOP_ADMIN_STORE, KIND_EDGE_ADMIN), &owner);
	struct admin_store_domain_add d = {.name = SPAN("example.test")};
	struct admin_store_account_add u = {.name = SPAN(USER)};
	struct admin_store_domain_add_reply dr;
	struct admin_store_account_add_reply ur;
	struct auth_store_verifiers ask = {.user = SPAN(USER)};
	struct auth_store_verifiers_reply v;

	assert_int_equal(admin_store_domain_add(admin, &d, a, &dr, IPC_NEVER), IPC_OK);
	assert_int_equal(admin_store_account_add(admin, &u, a, &ur, IPC_NEVER), IPC_OK);
	assert_int_equal(ur.answer, ADMIN_STORE_ANSWER_DONE);
	ipc_free(admin_store_ipc(admin));
	assert_int_equal(auth_store_verifiers(s->auth, &ask, a, &v, IPC_NEVER), IPC_OK);
	s->account = v.account;
	s->bound = open_session(s, a);
	assert_true(bind_to(s, s->bound, a));
	s->unbound = open_session(s, a);
	/* Once, and to nothing else ever after. */
	assert_false(bind_to(s, s->bound, a));
	assert_false(bind_to(s, s->bound + 12345, a));
	arena_free(a);
}

static void answered(void *ctx, enum ipc_result r)
{
	assert_int_equal(r, IPC_OK);
	*(bool *)ctx = true;
}

/* The logged-in session selects its INBOX. */
static void honest_selects(void *arg)
{
	struct scene *s = arg;
	struct edge_store_select m = {.session = s->bound, .name = SPAN("INBOX")};
	struct edge_store_select_reply r;
	struct arena *a = arena_new(65536);
	bool done = false;

	assert_int_equal(edge_store_select_start(s->honest, &m, a, &r, IPC_NEVER, answered,
						 &done),
			 IPC_OK);
	assert_true(house_until(s->target.house, &done, 5000));
	assert_int_equal(r.answer, EDGE_STORE_ANSWER_YES);
	struct edge_store_deselect end = {.session = s->bound, .mailbox = r.mailbox};
	assert_int_equal(edge_store_deselect(s->honest, &end), IPC_OK);
	house_run(s->target.house, 5);
	arena_free(a);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(14, conf);
	const struct ipc_owner owner = {.role = s};

	s->target = (struct target){.house = h,
				    .role = house_raise(h, &store_role, KIND_STORE),
				    .schema = &edge_store_hop,
				    .hop = HOP_EDGE_STORE,
				    .peer = KIND_EDGE_MX,
				    .side = 0,
				    .honest = honest_selects,
				    .arg = s};
	sim_wall_set(house_world(h), (struct wall){1800000000, 0});
	assert_true(house_activate(s->target.role));
	s->honest = edge_store_join_edge(
		house_link(s->target.role, HOP_EDGE_STORE, KIND_EDGE_ACCESS), &owner,
		&at_edge);
	s->auth = auth_store_join_auth(house_link(s->target.role, HOP_AUTH_STORE, KIND_AUTH),
				       &owner, &at_auth);
	house_do(h, prepare, s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	struct house *h = s->target.house;

	ipc_free(edge_store_ipc(s->honest));
	ipc_free(auth_store_ipc(s->auth));
	house_free(h);
	free(s);
	return 0;
}

/* ---- the attacks -------------------------------------------------------------------- */

static void test_framing(void **state)
{
	struct scene *s = *state;

	attack_framing(&s->target, 0x5707e);
}

static void test_framing_of_auth(void **state)
{
	struct scene *s = *state;
	struct target t = s->target;

	t.schema = &auth_store_hop;
	t.hop = HOP_AUTH_STORE;
	t.peer = KIND_AUTH;
	attack_framing(&t, 0x5708e);
}

static void test_framing_of_admin(void **state)
{
	struct scene *s = *state;
	struct target t = s->target;

	t.schema = &admin_store_hop;
	t.hop = HOP_ADMIN_STORE;
	t.peer = KIND_EDGE_ADMIN;
	attack_framing(&t, 0x5709e);
}

static void test_framing_of_courier(void **state)
{
	struct scene *s = *state;
	struct target t = s->target;

	t.schema = &courier_store_hop;
	t.hop = HOP_COURIER_STORE;
	t.peer = KIND_EDGE_MX;
	attack_framing(&t, 0x570ae);
}

/* The first field of every answer on this hop says how it went. */
struct any_reply {
	enum edge_store_answer answer;
	char rest[4096];
};

/* Neither a yes nor a death: a no, or a refusal. */
static void denied(struct scene *s, int fd, const char *name, const void *fields)
{
	const struct target *t = &s->target;
	struct arena *a = arena_new(1u << 20);
	struct any_reply rep = {0};
	struct buf frame;
	unsigned why;

	buf_init(&frame, IPC_FRAME_MAX);
	attack_call(t, &frame, 1, name, fields);
	attack_send(t, fd, &frame, -1);
	bool got = attack_reply(t, fd, name, 1, a, &rep, &why);
	if (got ? rep.answer == EDGE_STORE_ANSWER_YES : why == 0)
		fail_msg("%s: %s", name, got ? "was answered with yes" : "the channel died");
	buf_free(&frame);
	arena_free(a);
	honest_selects(s);
}

static void everything(struct scene *s, int fd, uint64_t session)
{
	const struct edge_store_range all[] = {{1, UINT32_MAX}};
	const uint32_t uids[] = {1};
	const uint64_t handles[] = {1, UINT64_MAX};

	denied(s, fd, "local", &(struct edge_store_local){session, 0, SPAN("root")});
	denied(s, fd, "entries", &(struct edge_store_entries){.session = session});
	denied(s, fd, "create", &(struct edge_store_create){session, SPAN("mine"), 0});
	denied(s, fd, "remove", &(struct edge_store_remove){session, SPAN("INBOX")});
	denied(s, fd, "rename", &(struct edge_store_rename){session, SPAN("INBOX"), SPAN("x")});
	denied(s, fd, "status", &(struct edge_store_status){session, SPAN("INBOX"), true});
	denied(s, fd, "select", &(struct edge_store_select){.session = session,
							     .name = SPAN("INBOX")});
	denied(s, fd, "uids", &(struct edge_store_uids){.session = session, .mailbox = 1});
	denied(s, fd, "rows", &(struct edge_store_rows){.session = session, .mailbox = 1,
							 .uids = uids, .uids_count = 1});
	denied(s, fd, "body", &(struct edge_store_body){.session = session, .mailbox = 1,
							 .uid = 1, .length = 61440});
	denied(s, fd, "store_flags",
	       &(struct edge_store_store_flags){.session = session, .mailbox = 1, .uids = all,
						.uids_count = 1, .flags = 0xff});
	denied(s, fd, "expunge", &(struct edge_store_expunge){.session = session, .mailbox = 1,
							       .all = true, .force = true});
	denied(s, fd, "copy", &(struct edge_store_copy){.session = session, .mailbox = 1,
							 .uids = all, .uids_count = 1,
							 .to = SPAN("INBOX")});
	denied(s, fd, "append", &(struct edge_store_append){.session = session,
							     .name = SPAN("INBOX"),
							     .body = SPAN("x: y\r\n\r\n")});
	denied(s, fd, "quota", &(struct edge_store_quota){.session = session});
	denied(s, fd, "namespaces", &(struct edge_store_namespaces){.session = session});
	denied(s, fd, "rights", &(struct edge_store_rights){.session = session,
							     .name = SPAN("INBOX")});
	denied(s, fd, "grants", &(struct edge_store_grants){.session = session,
							     .name = SPAN("INBOX")});
	denied(s, fd, "grant", &(struct edge_store_grant){.session = session,
							   .name = SPAN("INBOX"),
							   .who = SPAN("anyone"),
							   .rights = 0xffff});
	denied(s, fd, "grantable", &(struct edge_store_grantable){.session = session,
								   .name = SPAN("INBOX"),
								   .who = SPAN("anyone")});
	/* handles that the store never gave out, and none at all */
	denied(s, fd, "offer", &(struct edge_store_offer){.session = session, .id = SPAN("a"),
							   .recipients = handles,
							   .recipients_count = 2,
							   .body = SPAN("x: y\r\n\r\n")});
	denied(s, fd, "offer", &(struct edge_store_offer){.session = session, .id = SPAN("a"),
							   .body = SPAN("x: y\r\n\r\n")});
}

/* Sessions of the honest edge, by their very numbers, and numbers made up. */
static void test_sessions_of_others(void **state)
{
	struct scene *s = *state;
	const uint64_t ids[] = {s->bound, s->unbound, 0, 1, UINT64_MAX};
	int fd = attack_join(&s->target);

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		everything(s, fd, ids[i]);
	/* closing them is no way either */
	for (size_t i = 0; i < 2; i++) {
		struct edge_store_session_close m = {.session = ids[i]};
		struct buf frame;
		buf_init(&frame, IPC_FRAME_MAX);
		attack_cast(&s->target, &frame, "session_close", &m);
		attack_send(&s->target, fd, &frame, -1);
		house_run(s->target.house, 5);
		buf_free(&frame);
		honest_selects(s);
	}
	world_close(house_world(s->target.house), fd);
}

/* A session of its own, which nobody logged in to: mail may be offered, no more. */
static void test_unbound(void **state)
{
	struct scene *s = *state;
	struct edge_store_session_open m = {.service = EDGE_STORE_SERVICE_MX,
					    .listener = SPAN("mx")};
	struct edge_store_session_open_reply r;
	struct arena *a = arena_new(65536);
	struct buf frame;
	unsigned why;
	int fd = attack_join(&s->target);

	buf_init(&frame, IPC_FRAME_MAX);
	attack_call(&s->target, &frame, 1, "session_open", &m);
	attack_send(&s->target, fd, &frame, -1);
	assert_true(attack_reply(&s->target, fd, "session_open", 1, a, &r, &why));
	assert_int_equal(r.answer, EDGE_STORE_ANSWER_YES);
	everything(s, fd, r.session);
	denied(s, fd, "recipient",
	       &(struct edge_store_recipient){.session = r.session,
					      .address = SPAN("somebody@relay.invalid")});
	world_close(house_world(s->target.house), fd);
	buf_free(&frame);
	arena_free(a);
}

/* ---- a courier that was taken over -------------------------------------------------- */

struct courier_reply {
	enum courier_store_answer answer;
	char rest[4096];
};

static enum courier_store_answer courier_says(struct target *t, int fd, const char *name,
					      const void *fields, void *rep)
{
	struct courier_reply other;
	struct arena *a = arena_new(1u << 20);
	struct buf frame;
	unsigned why;

	buf_init(&frame, IPC_FRAME_MAX);
	attack_call(t, &frame, 1, name, fields);
	attack_send(t, fd, &frame, -1);
	bool got = attack_reply(t, fd, name, 1, a, rep != NULL ? rep : &other, &why);
	if (!got && why == 0)
		fail_msg("%s: the channel died", name);
	buf_free(&frame);
	arena_free(a);
	t->honest(t->arg);
	return got ? *(enum courier_store_answer *)(rep != NULL ? rep : &other)
		   : COURIER_STORE_ANSWER_REFUSED;
}

static struct target courier_target(const struct scene *s)
{
	struct target t = s->target;

	t.schema = &courier_store_hop;
	t.hop = HOP_COURIER_STORE;
	t.peer = KIND_EDGE_MX;
	return t;
}

/* Numbers of leases that it was never given say nothing, and change nothing. */
static void nothing_of(struct target *t, int fd, uint64_t lease)
{
	const struct courier_store_outcome gone = {.fate = COURIER_STORE_FATE_DELIVERED};

	assert_int_equal(courier_says(t, fd, "body",
				      &(struct courier_store_body){.lease = lease,
								   .length = 60000},
				      NULL),
			 COURIER_STORE_ANSWER_STALE);
	assert_int_equal(courier_says(t, fd, "settle",
				      &(struct courier_store_settle){.lease = lease,
								     .outcomes = &gone,
								     .outcomes_count = 1},
				      NULL),
			 COURIER_STORE_ANSWER_STALE);
	assert_int_equal(courier_says(t, fd, "report",
				      &(struct courier_store_report){.lease = lease,
								     .body = SPAN("a: b\r\n\r\n")},
				      NULL),
			 COURIER_STORE_ANSWER_STALE);
}

static void test_leases_of_others(void **state)
{
	struct scene *s = *state;
	struct target t = courier_target(s);
	struct courier_store_lease_reply mine;
	const struct courier_store_outcome wrong[] = {
		{.n = 7, .fate = COURIER_STORE_FATE_DELIVERED},
		{.n = 0, .fate = COURIER_STORE_FATE_DELIVERED}};
	int one = attack_join(&t), two = attack_join(&t);

	/* In nobody's name but ours. */
	assert_int_equal(courier_says(&t, one, "send",
				      &(struct courier_store_send){
					      .sender = SPAN("boss@bank.invalid"),
					      .recipient = SPAN("x@far.invalid"),
					      .body = SPAN("a: b\r\n\r\n")},
				      NULL),
			 COURIER_STORE_ANSWER_REFUSED);
	assert_int_equal(courier_says(&t, one, "send",
				      &(struct courier_store_send){
					      .sender = SPAN("tls@mx.example.test"),
					      .recipient = SPAN("x@far.invalid"),
					      .body = SPAN("a: b\r\n\r\n")},
				      NULL),
			 COURIER_STORE_ANSWER_YES);
	assert_int_equal(courier_says(&t, one, "lease", &(struct courier_store_lease){0}, &mine),
			 COURIER_STORE_ANSWER_YES);
	const uint64_t ids[] = {mine.lease, 0, mine.lease + 1, UINT64_MAX};
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
		nothing_of(&t, two, ids[i]);
	/* Recipients that the lease does not have; one twice. */
	struct courier_store_settle m = {
		.lease = mine.lease, .outcomes = wrong, .outcomes_count = 1};
	assert_int_equal(courier_says(&t, one, "settle", &m, NULL),
			 COURIER_STORE_ANSWER_REFUSED);
	m.outcomes_count = 2;
	assert_int_equal(courier_says(&t, one, "settle", &m, NULL),
			 COURIER_STORE_ANSWER_REFUSED);
	m.outcomes = wrong + 1;
	m.outcomes_count = 1;
	assert_int_equal(courier_says(&t, one, "settle", &m, NULL), COURIER_STORE_ANSWER_YES);
	assert_int_equal(house_figure(s->target.role, "sent"), 1);
	world_close(house_world(s->target.house), one);
	world_close(house_world(s->target.house), two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_auth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_admin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_courier, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leases_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sessions_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unbound, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin pool against hostile commands, and against every role that it asks.
 *
 * A command that breaks the rules loses its own channel and nothing else.  When
 * a role that is asked lies, each verb still ends with an answer in bounded time,
 * the liar is reported, and after a new attach everything goes on.
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
#include "role/admin/role.h"
#include "wire/admin_auth.h"
#include "wire/admin_boss.h"
#include "wire/admin_courier.h"
#include "wire/admin_dialer.h"
#include "wire/admin_logger.h"
#include "wire/admin_store.h"
#include "wire/admin_vault.h"
#include "wire/cmd_admin.h"

#define VERB_MS 1000000u /* virtual; a verb asks many questions, each with its end */

static const char conf[] = "hostname mx.example.test;\ndata /nowhere;\n"
			   "store { engine memory; }\ndns { addresses 192.0.2.1; }\n";

struct scene {
	struct target target; /* the command's hop */
	struct cmd_admin *honest;
	struct admin_vault *vault; /* an honest one, until another is joined */
	unsigned rows;
};

/* Who is asked by it, and with which verbs. */
struct asked {
	const struct ipc_hop *schema;
	enum hop hop;
	enum kind peer;
	bool untold;
	const char *verbs[32];
};

static const struct asked others[] = {
	{&admin_store_hop, HOP_ADMIN_STORE, KIND_STORE, false,
	 {"domain.add", "domain.set", "domain.remove", "domain.list", "domain.show",
	  "account.add", "account.set", "account.remove", "account.restore",
	  "account.list", "account.show", "app-password.remove", "alias.add",
	  "alias.set", "alias.remove", "alias.list", "alias.show", "queue.list", "fsck",
	  "backup.begin", "backup.keep", "backup.end", "restore.begin",
	  "restore.mailbox", "restore.piece", "restore.message", "restore.end",
	  "statistics", "dns.show", "tls.sent"}},
	{&admin_auth_hop, HOP_ADMIN_AUTH, KIND_AUTH, false,
	 {"account.passwd", "app-password.add", "statistics"}},
	{&admin_dialer_hop, HOP_ADMIN_DIALER, KIND_DIALER, false, 
	 {"dns.query", "dns.check", "dns.keys"}},
	{&admin_boss_hop, HOP_ADMIN_BOSS, KIND_SUPERVISOR, true,
	 {"status", "reload", "stop", "probe"}},
	{&admin_logger_hop, HOP_ADMIN_LOGGER, KIND_LOGGER, false, {"why"}},
	{&admin_courier_hop, HOP_ADMIN_COURIER, KIND_COURIER, false, {"why-not"}},
	/* The last: the others are asked after an honest vault has answered. */
	{&admin_vault_hop, HOP_ADMIN_VAULT, KIND_VAULT, false,
	 {"dns.show", "dns.check", "dns.keys"}},
};

static const struct cmd_admin_argument arguments[] = {
	{SPAN_INIT("name"), SPAN_INIT("alice@example.test")},
	{SPAN_INIT("password"), SPAN_INIT("right horse battery")},
	{SPAN_INIT("domain"), SPAN_INIT("example.org")},
	{SPAN_INIT("label"), SPAN_INIT("phone")},
	{SPAN_INIT("type"), SPAN_INIT("MX")},
	{SPAN_INIT("id"), SPAN_INIT("1")},
	{SPAN_INIT("target"), SPAN_INIT("bob@example.test")},
	{SPAN_INIT("role"), SPAN_INIT("store")},
	{SPAN_INIT("attempt"), SPAN_INIT("1")},
	{SPAN_INIT("folder"), SPAN_INIT("Restored/2026")},
	{SPAN_INIT("session"), SPAN_INIT("1")},
	{SPAN_INIT("mailbox"), SPAN_INIT("INBOX")},
	{SPAN_INIT("flags"), SPAN_INIT("1")},
	{SPAN_INIT("date"), SPAN_INIT("1795328400")},
	{SPAN_INIT("keywords"), SPAN_INIT("one two")},
	{SPAN_INIT("piece"), SPAN_INIT("Subject: x\r\n\r\n")},
};

struct verb_run {
	bool done;
	enum ipc_result result;
	struct cmd_admin_run_reply rep;
	struct arena *arena;
};

static void ran(void *ctx, enum ipc_result r)
{
	struct verb_run *v = ctx;
	v->done = true;
	v->result = r;
}

static void run_start(struct scene *s, const char *verb, struct verb_run *v)
{
	struct cmd_admin_run m = {.verb = span_cstr(verb),
				  .arguments = arguments,
				  .arguments_count = ARRAY_LEN(arguments)};

	*v = (struct verb_run){.arena = arena_new(65536)};
	assert_int_equal(cmd_admin_run_start(s->honest, &m, v->arena, &v->rep, IPC_NEVER,
					     ran, v),
			 IPC_OK);
}

/* A verb that needs nobody else. */
static void honest_runs(void *arg)
{
	struct verb_run v;

	run_start(arg, "no.such.verb", &v);
	assert_true(house_until(((struct scene *)arg)->target.house, &v.done, 1000));
	assert_int_equal(v.result, IPC_OK);
	assert_int_equal(v.rep.status, CMD_ADMIN_STATUS_USAGE);
	arena_free(v.arena);
}

static void on_row(void *ctx, struct cmd_admin *c, const struct cmd_admin_row *m)
{
	struct scene *s = ctx;
	(void)c, (void)m;
	s->rows++;
}

static void on_progress(void *ctx, struct cmd_admin *c, const struct cmd_admin_progress *m)
{
	(void)ctx, (void)c, (void)m;
}

static const struct cmd_admin_at_cmd at_cmd = {.row = on_row, .progress = on_progress};

/* One key is shown, one is to follow. */
static void on_key(void *ctx, struct ipc_call *call, const struct admin_vault_key *m)
{
	struct admin_vault_key_reply rep = {.found = m->index < 2,
					    .certificate = SPAN("default"),
					    .next = m->index == 1};
	(void)ctx;
	rep.spki[0] = (uint8_t)m->index;
	admin_vault_key_answer(call, &rep);
}

static const struct admin_vault_at_vault at_vault = {.key = on_key};

/* Its channel is the test's to free, also when it is dead. */
static void join_vault(struct scene *s)
{
	const struct ipc_owner owner = {.role = s};
	s->vault = admin_vault_join_vault(
		house_link(s->target.role, HOP_ADMIN_VAULT, KIND_VAULT), &owner, &at_vault);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct house *h = house_new(16, conf);
	const struct ipc_owner owner = {.role = s};

	s->target = (struct target){.house = h,
				    .role = house_raise(h, &admin_role, KIND_EDGE_ADMIN),
				    .schema = &cmd_admin_hop,
				    .hop = HOP_CMD_ADMIN,
				    .peer = KIND_COMMAND,
				    .side = 0,
				    .untold = true,
				    .honest = honest_runs,
				    .arg = s};
	assert_true(house_activate(s->target.role));
	s->honest = cmd_admin_join_cmd(
		house_link(s->target.role, HOP_CMD_ADMIN, KIND_COMMAND), &owner, &at_cmd);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	ipc_free(cmd_admin_ipc(s->honest));
	ipc_free(s->vault ? admin_vault_ipc(s->vault) : NULL);
	house_free(s->target.house);
	free(s);
	return 0;
}

static void test_framing(void **state)
{
	struct scene *s = *state;

	attack_framing(&s->target, 0xad01);
}

static struct target towards(const struct scene *s, const struct asked *o)
{
	struct target t = s->target;

	t.schema = o->schema;
	t.hop = o->hop;
	t.peer = o->peer;
	t.side = 1;
	t.untold = o->untold;
	return t;
}

static void test_framing_of_peers(void **state)
{
	struct scene *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct target t = towards(s, &others[i]);
		attack_framing(&t, 0xad02 + i);
	}
}

/* Keeps to the form of the hop, as far as that goes. */
static bool is_form(enum lie how)
{
	return how == LIE_ZEROES || how == LIE_FLIPPED || how == LIE_REFUSAL ||
	       how == LIE_SILENCE || how == LIE_LEAVE;
}

static void one_verb(struct scene *s, const struct asked *o, const char *verb,
		     enum lie how, uint64_t *seed)
{
	struct target t = towards(s, o);
	int fd = attack_join(&t);
	unsigned told = t.role->broken;
	struct verb_run v;

	run_start(s, verb, &v);
	if (!attack_lie(&t, &fd, how, seed, &v.done, VERB_MS))
		fail_msg("%s: lie %d: the verb does not end", verb, how);
	assert_int_equal(v.result, IPC_OK);
	house_run(t.house, 5);
	/* A liar is reported once, whatever it did; who only leaves is not. */
	assert_true(t.role->broken - told <= (o->untold || is_form(how) ? 0 : 1) ||
		    how == LIE_FLIPPED);
	world_close(house_world(t.house), fd);
	arena_free(v.arena);
	house_run(t.house, 5);
}

static void test_lies(void **state)
{
	struct scene *s = *state;
	struct world *w = house_world(s->target.house);
	uint64_t seed = 0x11e5;
	join_vault(s);
	house_run(s->target.house, 20);
	size_t before = sim_open(w);

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		for (const char *const *v = others[i].verbs; *v != NULL; v++)
			for (int how = 0; how < LIE_COUNT; how++)
				one_verb(s, &others[i], *v, (enum lie)how, &seed);
	honest_runs(s);
	/* The honest vault has been replaced: both its ends are closed. */
	assert_int_equal(sim_open(w), before - 2);
}

/* Whoever asked leaves in the middle of its verb. */
static void test_command_leaves(void **state)
{
	struct scene *s = *state;
	struct world *w = house_world(s->target.house);
	struct target store = towards(s, &others[0]);
	size_t before = sim_open(w);
	uint64_t seed = 1;

	for (int i = 0; i < 100; i++) {
		struct cmd_admin_run m = {.verb = SPAN("account.list")};
		bool never = false;
		struct buf frame;
		int peer = attack_join(&store), fd = attack_join(&s->target);
		buf_init(&frame, IPC_FRAME_MAX);
		attack_call(&s->target, &frame, 1, "run", &m);
		attack_send(&s->target, fd, &frame, -1);
		if (i % 2 == 0)
			house_run(s->target.house, 2);
		world_close(w, fd);
		(void)attack_lie(&store, &peer, LIE_ZEROES, &seed, &never, 20);
		world_close(w, peer);
		house_run(s->target.house, 2);
		buf_free(&frame);
		honest_runs(s);
	}
	assert_int_equal(sim_open(w), before);
	assert_int_equal(house_figure(s->target.role, "running"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing_of_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_command_leaves, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

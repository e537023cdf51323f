/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The town: raised in the order of kinds along the process graph.
 *
 * Passwords are kept as hashes of the least cost, put there as auth would: logins
 * take the whole way, but no run pays for argon2's memory.
 */
#include "town.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "crypto/password.h"
#include "ipc/over_os.h"
#include "os/sock.h"
#include "role/auth/role.h"
#include "role/courier/role.h"
#include "role/dialer/role.h"
#include "role/edge/role.h"
#include "role/logger/role.h"
#include "role/sorter/role.h"
#include "role/store/role.h"
#include "role/vault/role.h"
#include "tls/issue.h"

static const char conf[] =
	"hostname mx.example.test;\n"
	"data /nowhere;\n"
	"store { engine memory; }\n"
	"dns { lookups off; }\n"
	"outgoing { reach 127.0.0.0/8; }\n"
	"log { level error; }\n"
	"limits { connections-per-address 0; }\n"
	"auth { argon2-memory 8M; argon2-passes 1; scram-iterations 4096; threads 1; }\n"
	"certificate default { chain /nowhere/c.pem; key file:/nowhere/k.pem; }\n"
	"listener mx { role mx; address 127.0.0.1; port 2525; }\n"
	"listener submissions { role submission; address 127.0.0.1; port 2465; "
	"tls implicit; }\n"
	"listener imaps { role imap; address 127.0.0.1; port 2993; tls implicit; }\n"
	"listener pop3s { role pop3; address 127.0.0.1; port 2995; tls implicit; }\n";

static const char *const queues[] = {
	"queue { retry 10s 20s; lifetime 1h; warn 30s; per-destination 4; }\n"
	"source usual { connections 2; }\n", /* TOWN_BY_ONE */
	"queue { retry 5m 30m 2h 6h; lifetime 4d; warn 4h; per-destination 4; }\n"
	"source usual { connections 2; per-minute 60; }\n"};

static const struct {
	const char *name;
	uint16_t port;
	enum kind kind;
} listeners[] = {{"mx", TOWN_MX, KIND_EDGE_MX},
		 {"submissions", TOWN_SUBMISSION, KIND_EDGE_ACCESS},
		 {"imaps", TOWN_IMAP, KIND_EDGE_ACCESS},
		 {"pop3s", TOWN_POP3, KIND_EDGE_ACCESS}};

static const struct role_def *const defs[KIND_COUNT] = {
	[KIND_LOGGER] = &logger_role,     [KIND_VAULT] = &vault_role,
	[KIND_SORTER_MX] = &sorter_role,  [KIND_SORTER_ACCESS] = &sorter_role,
	[KIND_STORE] = &store_role,       [KIND_AUTH] = &auth_role,
	[KIND_DIALER] = &dialer_role,     [KIND_COURIER] = &courier_role,
	[KIND_EDGE_MX] = &edge_role,      [KIND_EDGE_ACCESS] = &edge_role};

const enum kind town_kinds[] = {KIND_LOGGER,        KIND_VAULT,   KIND_DIALER,
				KIND_SORTER_MX,     KIND_SORTER_ACCESS,
				KIND_STORE,         KIND_AUTH,    KIND_COURIER,
				KIND_EDGE_MX,       KIND_EDGE_ACCESS};
const size_t town_kinds_count = ARRAY_LEN(town_kinds);

/* ---- what all towns of a process share -------------------------------------------- */

static struct {
	struct buf key, chain, ca;
	char verifier[PASSWORD_TEXT_MAX];
} shared;

void town_prepare(void)
{
	const struct span dns[] = {SPAN("mx.example.test")};
	const struct tls_issue_names names = {dns, 1, NULL, 0};
	struct tls_issued leaf = {&shared.key, &shared.chain, TLS_KEY_P256, 0};

	dice_load(1);
	buf_init(&shared.key, 65536);
	buf_init(&shared.chain, 65536);
	buf_init(&shared.ca, 65536);
	assert_true(tls_issue_throwaway(SPAN("Town CA"), &names, TOWN_WALL - 40 * 86400,
					3650, &leaf, 1, &shared.ca));
	assert_true(password_library_start());
	assert_int_equal(password_hash(SPAN(TOWN_PASSWORD),
				       (struct password_cost){PASSWORD_MEMORY_MIN, 1},
				       shared.verifier),
			 PASSWORD_OK);
}

/* ---- raising ------------------------------------------------------------------------ */

static void give_materials(struct town *t, enum kind k)
{
	struct house_role *r = t->role[k];

	if (k == KIND_LOGGER)
		assert_true(house_material(r, MATERIAL_LOG, "log", span_of(NULL, 0), NULL));
	if (k != KIND_VAULT)
		return;
	assert_true(house_material(r, MATERIAL_CHAIN, "default 0",
				   buf_span(&shared.chain), NULL));
	assert_true(house_material(r, MATERIAL_KEY, "default 0", buf_span(&shared.key),
				   NULL));
}

static void give_channels(struct town *t, enum kind k)
{
	for (size_t i = 0; i < hop_graph_count; i++) {
		const struct hop_line *l = &hop_graph[i];
		struct house_role *a = t->role[l->a], *b = t->role[l->b];
		if ((l->a == k || l->b == k) && a != NULL && b != NULL)
			world_close(house_world(t->house), house_join(a, b, l->hop));
	}
}

void town_raise(struct town *t, enum kind k)
{
	int fd;

	if (t->role[k] != NULL)
		return;
	t->role[k] = house_raise(t->house, defs[k], k);
	if (k == KIND_DIALER)
		names_serve(t->names, t->role[k]);
	give_materials(t, k);
	give_channels(t, k);
	for (size_t i = 0; i < ARRAY_LEN(listeners); i++)
		if (listeners[i].kind == k) {
			assert_int_equal(world_dup(house_world(t->house), t->sockets[i],
						   &fd),
					 OS_OK);
			house_lend(t->role[k], listeners[i].name, fd);
		}
	assert_true(house_activate(t->role[k]));
	t->raised++;
}

struct kv_disk *town_disk(struct town *t)
{
	return world_kept(house_world(t->house))->what;
}

static void end_role(struct town *t, enum kind k)
{
	if (k == KIND_DIALER)
		names_drop(t->names);
	t->severed += k == KIND_STORE || k == KIND_COURIER;
	t->couriers += k == KIND_COURIER;
	if (!house_kill(t->role[k])) {
		print_message("%s left a descriptor open\n", kind_name(k));
		t->leaks++;
	}
	t->role[k] = NULL;
	t->kills++;
}

void town_kill(struct town *t, enum kind k)
{
	if (t->role[k] == NULL)
		return;
	if (k == KIND_STORE)
		kv_disk_cut(town_disk(t), false);
	end_role(t, k);
}

void town_power_cut(struct town *t)
{
	kv_disk_cut(town_disk(t), true);
	for (size_t i = 0; i < town_kinds_count; i++)
		if (t->role[town_kinds[i]] != NULL)
			sim_kill(t->role[town_kinds[i]]->loop);
	for (size_t i = town_kinds_count; i-- > 0;)
		if (t->role[town_kinds[i]] != NULL)
			end_role(t, town_kinds[i]);
}

/* ---- ends of the test's own ----------------------------------------------------------- */

static void on_hint(void *role, struct edge_store *c, const struct edge_store_hint *m)
{
	(void)role, (void)c, (void)m;
}

static void on_load(void *role, struct edge_store *c, const struct edge_store_load *m)
{
	(void)role, (void)c, (void)m;
}

static void on_changed(void *role, struct auth_store *c,
		       const struct auth_store_changed *m)
{
	(void)role, (void)c, (void)m;
}

static const struct edge_store_at_edge at_edge = {.hint = on_hint, .load = on_load};
static const struct auth_store_at_auth at_auth = {.changed = on_changed};

/* Only from outside of any loop: it waits for the store to take its end. */
struct admin_store *town_admin(struct town *t, const struct ipc_owner *o)
{
	return admin_store_join_admin(
		house_link(t->role[KIND_STORE], HOP_ADMIN_STORE, KIND_EDGE_ADMIN), o);
}

struct edge_store *town_access(struct town *t, const struct ipc_owner *o)
{
	return edge_store_join_edge(
		house_link(t->role[KIND_STORE], HOP_EDGE_STORE, KIND_EDGE_ACCESS), o,
		&at_edge);
}

struct auth_store *town_auth(struct town *t, const struct ipc_owner *o)
{
	return auth_store_join_auth(
		house_link(t->role[KIND_STORE], HOP_AUTH_STORE, KIND_AUTH), o, &at_auth);
}

uint64_t town_session(struct edge_store *const *c, struct auth_store *const *auth,
		      const char *user, struct arena *a)
{
	struct edge_store_session_open open = {.service = EDGE_STORE_SERVICE_IMAP,
					       .listener = SPAN("imaps")};
	struct edge_store_session_open_reply o;
	struct auth_store_verifiers ask = {.user = span_cstr(user)};
	struct auth_store_verifiers_reply v;
	struct auth_store_bind_reply b;

	if (edge_store_session_open(*c, &open, a, &o, IPC_NEVER) != IPC_OK ||
	    *auth == NULL ||
	    auth_store_verifiers(*auth, &ask, a, &v, IPC_NEVER) != IPC_OK ||
	    v.answer != AUTH_STORE_ANSWER_YES || *auth == NULL)
		return 0;
	struct auth_store_bind bind = {o.session, v.account, AUTH_STORE_SERVICE_IMAP};
	return auth_store_bind(*auth, &bind, a, &b, IPC_NEVER) == IPC_OK &&
			       b.answer == AUTH_STORE_ANSWER_YES
		       ? o.session
		       : 0;
}

bool town_password(struct auth_store *auth, const char *user, struct arena *a)
{
	struct auth_store_set_verifiers m = {.name = span_cstr(user),
					     .argon2 = span_cstr(shared.verifier)};
	struct auth_store_set_verifiers_reply r;

	return auth_store_set_verifiers(auth, &m, a, &r, IPC_NEVER) == IPC_OK &&
	       r.answer == AUTH_STORE_ANSWER_YES;
}

/* ---- people ----------------------------------------------------------------------------- */

static void settle_in(void *arg)
{
	struct town *t = arg;
	struct arena *a = arena_new(1u << 20);
	const struct ipc_owner owner = {.role = t};
	struct admin_store *c = town_admin(t, &owner);
	struct auth_store *auth = town_auth(t, &owner);
	struct admin_store_domain_add d = {.name = SPAN("example.test")};
	struct admin_store_domain_add_reply dr;
	const struct span team[] = {SPAN("u0@example.test"), SPAN("u1@example.test"),
				    SPAN("u2@example.test")};
	struct admin_store_alias_add al = {.name = SPAN("team@example.test"),
					   .targets = team, .targets_count = 3};
	const struct span elsewhere[] = {SPAN("somebody@elsewhere.test")};
	struct admin_store_alias_add far = {.name = SPAN("far@example.test"),
					    .targets = elsewhere, .targets_count = 1};
	struct admin_store_alias_add_reply ar;

	assert_int_equal(admin_store_domain_add(c, &d, a, &dr, IPC_NEVER), IPC_OK);
	assert_int_equal(dr.answer, ADMIN_STORE_ANSWER_DONE);
	for (unsigned i = 0; i < TOWN_PEOPLE; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "u%u@example.test", i);
		struct admin_store_account_add u = {.name = span_cstr(name)};
		struct admin_store_account_add_reply ur;
		assert_int_equal(admin_store_account_add(c, &u, a, &ur, IPC_NEVER),
				 IPC_OK);
		assert_int_equal(ur.answer, ADMIN_STORE_ANSWER_DONE);
		assert_true(town_password(auth, name, a));
	}
	assert_int_equal(admin_store_alias_add(c, &al, a, &ar, IPC_NEVER), IPC_OK);
	assert_int_equal(ar.answer, ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(admin_store_alias_add(c, &far, a, &ar, IPC_NEVER), IPC_OK);
	assert_int_equal(ar.answer, ADMIN_STORE_ANSWER_DONE);
	ipc_free(auth_store_ipc(auth));
	ipc_free(admin_store_ipc(c));
	arena_free(a);
}

struct town *town_new(uint64_t seed, bool patient, struct names *names)
{
	struct town *t = calloc(1, sizeof *t);
	char text[sizeof conf + 256];

	assert_non_null(t);
	dice_load(seed);
	t->names = names;
	(void)snprintf(text, sizeof text, "%s%s", conf, queues[patient]);
	t->house = house_new(seed, text);
	sim_wall_set(house_world(t->house), (struct wall){TOWN_WALL, 0});
	for (size_t i = 0; i < ARRAY_LEN(listeners); i++) {
		struct addr a = addr_v4(127, 0, 0, 1, listeners[i].port);
		assert_int_equal(sock_listen(house_world(t->house), &a,
					     (struct listen_how){0}, &t->sockets[i]),
				 OS_OK);
	}
	for (size_t i = 0; i < town_kinds_count; i++)
		town_raise(t, town_kinds[i]);
	house_do(t->house, settle_in, t);
	return t;
}

void town_free(struct town *t)
{
	names_drop(t->names);
	for (size_t i = town_kinds_count; i-- > 0;)
		if (t->role[town_kinds[i]] != NULL)
			house_fall(t->role[town_kinds[i]]);
	for (size_t i = 0; i < ARRAY_LEN(listeners); i++)
		world_close(house_world(t->house), t->sockets[i]);
	house_free(t->house);
	free(t);
}

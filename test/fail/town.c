/* SPDX-License-Identifier: Apache-2.0 */
/* The town: roles in the order of kinds, channels along the graph of hops. */
#include "town.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "crypto/library.h"
#include "fault.h"
#include "ipc/over_os.h"
#include "os/sock.h"
#include "role/auth/role.h"
#include "role/dialer/role.h"
#include "role/edge/role.h"
#include "role/sorter/role.h"
#include "role/store/role.h"
#include "role/vault/role.h"
#include "tls/issue.h"

#define CONF(host, more)                                                       \
	"hostname " host ";\n"                                                  \
	"data /nowhere;\n"                                                     \
	"store { engine memory; }\n"                                           \
	"dns { lookups off; }\n"                                               \
	"outgoing { reach 127.0.0.0/8; }\n"                                    \
	"log { level error; }\n"                                               \
	"auth { argon2-memory 8M; argon2-passes 1; scram-iterations 4096; threads 1; }\n" \
	"certificate default { chain /nowhere/c.pem; key file:/nowhere/k.pem; }\n" \
	"listener mx { role mx; address 127.0.0.1; port 2525; }\n"             \
	"listener submissions { role submission; port 2465; tls implicit; }\n" \
	"listener imaps { role imap; port 2993; tls implicit; }\n"             \
	"listener pop3s { role pop3; port 2995; tls implicit; }\n" more

static const char *const confs[] = {
	CONF("mx.example.test", ""),
	CONF("other.example.test", "limits { recipients 50; }\n")};
const char *const town_names[] = {"mx.example.test", "other.example.test"};

const struct town_listener town_listeners[TOWN_LISTENERS] = {
	{"mx", TOWN_MX, KIND_EDGE_MX},
	{"submissions", TOWN_SUBMISSION, KIND_EDGE_ACCESS},
	{"imaps", TOWN_IMAP, KIND_EDGE_ACCESS},
	{"pop3s", TOWN_POP3, KIND_EDGE_ACCESS}};

const char *town_conf(unsigned generation)
{
	return confs[generation % 2];
}

const struct role_def *town_def(enum kind k)
{
	static const struct role_def *const defs[KIND_COUNT] = {
		[KIND_VAULT] = &vault_role,	    [KIND_SORTER_MX] = &sorter_role,
		[KIND_DIALER] = &dialer_role,
		[KIND_SORTER_ACCESS] = &sorter_role, [KIND_STORE] = &store_role,
		[KIND_AUTH] = &auth_role,	    [KIND_EDGE_MX] = &edge_role,
		[KIND_EDGE_ACCESS] = &edge_role,
	};
	return defs[k];
}

static void certificate(struct town *t)
{
	const struct span dns[] = {SPAN("mx.example.test")};
	const struct tls_issue_names names = {.dns = dns, .dns_count = 1};
	struct house_role *vault = t->role[KIND_VAULT];
	struct buf ca;
	struct tls_issued leaf = {.key = &t->key, .chain = &t->chain, .kind = TLS_KEY_P256};
	int64_t now = world_wall(house_world(t->house)).sec;

	buf_init(&t->key, 65536);
	buf_init(&t->chain, 65536);
	buf_init(&ca, 65536);
	assert_true(tls_issue_throwaway(SPAN("fail"), &names, now, 30, &leaf, 1, &ca));
	assert_true(house_material(vault, MATERIAL_CHAIN, "default 0", buf_span(&t->chain),
				   NULL));
	assert_true(house_material(vault, MATERIAL_KEY, "default 0", buf_span(&t->key), NULL));
	buf_free(&ca);
}

static void account(struct town *t, const char *name)
{
	struct admin_store_account_add u = {.name = span_cstr(name)};
	struct admin_store_account_add_reply ur;
	struct admin_auth_set_password p = {.name = span_cstr(name),
					    .password = SPAN(TOWN_PASSWORD)};
	struct admin_auth_set_password_reply pr;

	arena_reset(t->arena);
	assert_int_equal(admin_store_account_add(t->directory, &u, t->arena, &ur, IPC_NEVER),
			 IPC_OK);
	assert_int_equal(ur.answer, ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(admin_auth_set_password(t->passwords, &p, t->arena, &pr, IPC_NEVER),
			 IPC_OK);
	assert_int_equal(pr.answer, ADMIN_AUTH_ANSWER_DONE);
}

static void people(void *arg)
{
	struct town *t = arg;
	struct admin_store_domain_add d = {.name = SPAN("example.test")};
	struct admin_store_domain_add_reply dr;

	assert_int_equal(admin_store_domain_add(t->directory, &d, t->arena, &dr, IPC_NEVER),
			 IPC_OK);
	assert_int_equal(dr.answer, ADMIN_STORE_ANSWER_DONE);
	account(t, TOWN_ALICE);
	account(t, TOWN_BOB);
	account(t, TOWN_CAROL);
}

static void admin(struct town *t)
{
	const struct ipc_owner owner = {.role = t};

	t->directory = admin_store_join_admin(
		house_link(t->role[KIND_STORE], HOP_ADMIN_STORE, KIND_EDGE_ADMIN), &owner);
	t->passwords = admin_auth_join_admin(
		house_link(t->role[KIND_AUTH], HOP_ADMIN_AUTH, KIND_EDGE_ADMIN), &owner);
	t->courier = courier_dialer_join_courier(
		house_link(t->role[KIND_DIALER], HOP_COURIER_DIALER, KIND_COURIER), &owner);
	assert_true(t->directory != NULL && t->passwords != NULL && t->courier != NULL);
	struct addr far = addr_v4(127, 0, 0, 2, 25);
	assert_int_equal(sock_listen(house_world(t->house), &far, (struct listen_how){0},
				     &t->elsewhere),
			 OS_OK);
	house_do(t->house, people, t);
}

struct town *town_new(uint64_t seed)
{
	struct town *t = calloc(1, sizeof *t);

	assert_true(t != NULL && crypto_library_start());
	t->house = house_new(seed, town_conf(0));
	fault_exempt(house_loop(t->house));
	t->arena = arena_new(1u << 20);
	sim_wall_set(house_world(t->house), (struct wall){1800000000, 0});
	for (unsigned k = 0; k < KIND_COUNT; k++)
		if (town_def((enum kind)k) != NULL)
			t->role[k] = house_raise(t->house, town_def((enum kind)k),
						 (enum kind)k);
	certificate(t);
	for (size_t i = 0; i < hop_graph_count; i++) {
		const struct hop_line *l = &hop_graph[i];
		if (t->role[l->a] != NULL && t->role[l->b] != NULL)
			world_close(house_world(t->house),
				    house_join(t->role[l->a], t->role[l->b], l->hop));
	}
	for (size_t i = 0; i < TOWN_LISTENERS; i++) {
		const struct town_listener *l = &town_listeners[i];
		struct addr at = addr_v4(127, 0, 0, 1, l->port);
		int fd;
		assert_int_equal(sock_listen(house_world(t->house), &at,
					     (struct listen_how){0}, &t->sockets[i]),
				 OS_OK);
		assert_int_equal(world_dup(house_world(t->house), t->sockets[i], &fd), OS_OK);
		house_lend(t->role[l->kind], l->name, fd);
	}
	for (unsigned k = 0; k < KIND_COUNT; k++)
		if (t->role[k] != NULL)
			assert_true(house_activate(t->role[k]));
	admin(t);
	return t;
}

void town_free(struct town *t)
{
	ipc_free(admin_store_ipc(t->directory));
	ipc_free(admin_auth_ipc(t->passwords));
	ipc_free(courier_dialer_ipc(t->courier));
	world_close(house_world(t->house), t->elsewhere);
	for (size_t i = 0; i < TOWN_LISTENERS; i++)
		world_close(house_world(t->house), t->sockets[i]);
	buf_free(&t->key);
	buf_free(&t->chain);
	for (unsigned k = KIND_COUNT; k-- > 0;)
		if (t->role[k] != NULL)
			house_fall(t->role[k]);
	arena_free(t->arena);
	house_free(t->house);
	free(t);
}

const char *town_hurt(struct town *t)
{
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		struct house_role *r = t->role[k];
		if (r == NULL)
			continue;
		if (r->boss == NULL)
			return kind_name(r->kind);
		if (r->broken > 0) {
			r->broken = 0;
			return "a role complained about a peer";
		}
	}
	if (ipc_is_dead(admin_store_ipc(t->directory)) ||
	    ipc_is_dead(admin_auth_ipc(t->passwords)) ||
	    ipc_is_dead(courier_dialer_ipc(t->courier)))
		return "a channel of the administration died";
	return NULL;
}

uint64_t town_busy(struct town *t)
{
	return house_figure(t->role[KIND_EDGE_MX], "connections") +
	       house_figure(t->role[KIND_EDGE_ACCESS], "connections") +
	       house_figure(t->role[KIND_STORE], "jobs") +
	       house_figure(t->role[KIND_DIALER], "connecting");
}

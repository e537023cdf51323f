/* SPDX-License-Identifier: Apache-2.0 */
/* The site: raised in the order of kinds, looked into by straight-line fibers. */
#include "site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ipc/over_os.h"
#include "role/edge/role.h"
#include "role/sorter/role.h"
#include "role/store/role.h"
#include "role/vault/role.h"
#include "wire/admin_store.h"
#include "wire/auth_store.h"
#include "wire/edge_store.h"

#define PIECE 61440u
#define WHOLE (8u << 20)

static const char conf[] =
	"hostname mx.example.test;\n"
	"data /nowhere;\n"
	"store { engine memory; }\n"
	"dns { lookups off; }\n"
	"log { level error; }\n"
	"auth { argon2-memory 8M; argon2-passes 1; scram-iterations 4096; threads 1; }\n"
	"listener mx { role mx; address 127.0.0.1; port 2525; tls none; }\n";

/* ---- making the account ------------------------------------------------------- */

static void make_account(void *arg)
{
	struct site *s = arg;
	struct arena *a = arena_new(1u << 20);
	const struct ipc_owner owner = {.role = s};
	struct admin_store *c = admin_store_join_admin(
		house_link(s->store, HOP_ADMIN_STORE, KIND_EDGE_ADMIN), &owner);
	struct admin_store_domain_add d = {.name = SPAN("example.test")};
	struct admin_store_account_add u = {.name = SPAN(SITE_USER)};
	struct admin_store_domain_add_reply dr;
	struct admin_store_account_add_reply ur;

	assert_int_equal(admin_store_domain_add(c, &d, a, &dr, IPC_NEVER), IPC_OK);
	assert_int_equal(dr.answer, ADMIN_STORE_ANSWER_DONE);
	assert_int_equal(admin_store_account_add(c, &u, a, &ur, IPC_NEVER), IPC_OK);
	assert_int_equal(ur.answer, ADMIN_STORE_ANSWER_DONE);
	ipc_free(admin_store_ipc(c));
	arena_free(a);
}

struct site *site_new(uint64_t seed)
{
	struct site *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->house = house_new(seed, conf);
	sim_wall_set(house_world(s->house), (struct wall){1800000000, 0});
	s->vault = house_raise(s->house, &vault_role, KIND_VAULT);
	s->sorter = house_raise(s->house, &sorter_role, KIND_SORTER_MX);
	s->store = house_raise(s->house, &store_role, KIND_STORE);
	s->edge = house_raise(s->house, &edge_role, KIND_EDGE_MX);
	world_close(house_world(s->house),
		    house_join(s->store, s->sorter, HOP_STORE_SORTER));
	world_close(house_world(s->house),
		    house_join(s->edge, s->vault, HOP_EDGE_VAULT));
	s->wire = house_join(s->edge, s->store, HOP_EDGE_STORE);
	house_listen(s->edge, "mx", SITE_PORT);
	assert_true(house_activate(s->vault));
	assert_true(house_activate(s->sorter));
	assert_true(house_activate(s->store));
	assert_true(house_activate(s->edge));
	house_do(s->house, make_account, s);
	return s;
}

void site_free(struct site *s)
{
	world_close(house_world(s->house), s->wire);
	house_fall(s->edge);
	house_fall(s->store);
	house_fall(s->sorter);
	house_fall(s->vault);
	house_free(s->house);
	free(s);
}

void site_break(struct site *s)
{
	sim_break(house_world(s->house), s->wire);
	world_close(house_world(s->house), s->wire);
	s->wire = -1;
}

void site_mend(struct site *s)
{
	s->wire = house_join(s->edge, s->store, HOP_EDGE_STORE);
}

/* ---- looking into the mailbox ---------------------------------------------------- */

struct look {
	struct site *site;
	unsigned number; /* 0: only count */
	unsigned count;
	struct buf message;
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

static uint64_t log_in(struct site *s, struct edge_store *c, struct arena *a)
{
	const struct ipc_owner owner = {.role = s};
	struct auth_store *auth = auth_store_join_auth(
		house_link(s->store, HOP_AUTH_STORE, KIND_AUTH), &owner, &at_auth);
	struct edge_store_session_open open = {.service = EDGE_STORE_SERVICE_IMAP,
					       .listener = SPAN("imap")};
	struct edge_store_session_open_reply o;
	struct auth_store_verifiers ask = {.user = SPAN(SITE_USER)};
	struct auth_store_verifiers_reply v;
	struct auth_store_bind_reply b;

	assert_int_equal(edge_store_session_open(c, &open, a, &o, IPC_NEVER), IPC_OK);
	assert_int_equal(o.answer, EDGE_STORE_ANSWER_YES);
	assert_int_equal(auth_store_verifiers(auth, &ask, a, &v, IPC_NEVER), IPC_OK);
	assert_int_equal(v.answer, AUTH_STORE_ANSWER_YES);
	struct auth_store_bind bind = {o.session, v.account, AUTH_STORE_SERVICE_IMAP};
	assert_int_equal(auth_store_bind(auth, &bind, a, &b, IPC_NEVER), IPC_OK);
	assert_int_equal(b.answer, AUTH_STORE_ANSWER_YES);
	ipc_free(auth_store_ipc(auth));
	return o.session;
}

static void read_whole(struct look *l, struct edge_store *c, uint64_t session,
		       uint64_t mailbox, struct arena *a)
{
	struct edge_store_body m = {.session = session, .mailbox = mailbox,
				    .uid = l->number, .length = PIECE};
	struct edge_store_body_reply r;

	do {
		m.offset = buf_len(&l->message);
		assert_int_equal(edge_store_body(c, &m, a, &r, IPC_NEVER), IPC_OK);
		if (r.answer != EDGE_STORE_ANSWER_YES)
			return;
		buf_add(&l->message, r.bytes);
	} while (r.bytes.len > 0);
}

static void look(void *arg)
{
	struct look *l = arg;
	struct arena *a = arena_new(WHOLE);
	const struct ipc_owner owner = {.role = l};
	struct edge_store *c = edge_store_join_edge(
		house_link(l->site->store, HOP_EDGE_STORE, KIND_EDGE_ACCESS), &owner,
		&at_edge);
	uint64_t session = log_in(l->site, c, a);
	struct edge_store_select m = {.session = session, .name = SPAN("INBOX"),
				      .read_only = true};
	struct edge_store_select_reply r;

	assert_int_equal(edge_store_select(c, &m, a, &r, IPC_NEVER), IPC_OK);
	assert_int_equal(r.answer, EDGE_STORE_ANSWER_YES);
	l->count = r.exists;
	if (l->number > 0)
		read_whole(l, c, session, r.mailbox, a);
	ipc_free(edge_store_ipc(c));
	arena_free(a);
}

unsigned site_count(struct site *s)
{
	struct look l = {.site = s};

	buf_init(&l.message, 0);
	house_do(s->house, look, &l);
	buf_free(&l.message);
	return l.count;
}

struct span site_message(struct site *s, unsigned n)
{
	struct look l = {.site = s, .number = n};
	struct span out;
	char *copy;

	buf_init(&l.message, WHOLE);
	house_do(s->house, look, &l);
	out = buf_span(&l.message);
	copy = malloc(out.len + 1);
	assert_non_null(copy);
	if (out.len > 0)
		memcpy(copy, out.ptr, out.len);
	buf_free(&l.message);
	return span_of(copy, out.len);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/library.h"
#include "house.h"
#include "ipc/over_os.h"
#include "os/sim.h"
#include "os/sock.h"

/* ---- the store --------------------------------------------------------------- */

static void on_verifiers(void *ctx, struct ipc_call *call,
			 const struct auth_store_verifiers *m)
{
	struct house *h = ctx;
	struct auth_store_app_password apps[HOUSE_APPS];
	struct auth_store_verifiers_reply r = {.answer = h->verifiers_answer};
	h->asked++;
	if (h->silent) {
		assert_true(h->kept_count < HOUSE_KEPT);
		ipc_keep(call);
		h->kept[h->kept_count++] = call;
		return;
	}
	if (r.answer == AUTH_STORE_ANSWER_YES &&
	    !span_eq(m->user, SPAN("alice@example.org")))
		r.answer = AUTH_STORE_ANSWER_NO;
	if (r.answer == AUTH_STORE_ANSWER_YES) {
		r.account = HOUSE_ALICE;
		r.name = SPAN("alice@example.org");
		r.version = h->version;
		r.argon2 = span_cstr(h->argon2);
		if (h->has_scram) {
			r.scram_iterations = h->scram.iterations;
			r.scram_salt = span_of(h->scram.salt, SCRAM_SALT_LEN);
			r.scram_stored = span_of(h->scram.stored_key.bytes, 32);
			r.scram_server = span_of(h->scram.server_key.bytes, 32);
		}
		for (size_t i = 0; i < h->app_count; i++)
			apps[i] = (struct auth_store_app_password){
				.id = (uint32_t)i + 1,
				.scopes = h->apps[i].scopes,
				.argon2 = span_cstr(h->apps[i].argon2)};
		r.app_passwords = apps;
		r.app_passwords_count = h->app_count;
	}
	auth_store_verifiers_answer(call, &r);
}

static void on_bind(void *ctx, struct ipc_call *call,
		    const struct auth_store_bind *m)
{
	struct house *h = ctx;
	h->binds++;
	h->bound_session = m->session;
	h->bound_account = m->account;
	auth_store_bind_answer(
		call, &(struct auth_store_bind_reply){.answer = h->bind_answer});
}

static void on_set(void *ctx, struct ipc_call *call,
		   const struct auth_store_set_verifiers *m)
{
	struct house *h = ctx;
	bool ok = span_eq(m->name, SPAN("alice@example.org")) &&
		  m->argon2.len < sizeof h->argon2;
	struct auth_store_set_verifiers_reply r = {
		.answer = ok ? AUTH_STORE_ANSWER_YES : AUTH_STORE_ANSWER_NO,
		.why = ok ? SPAN("") : SPAN("no such account")};
	if (ok) {
		memset(h->argon2, 0, sizeof h->argon2);
		memcpy(h->argon2, m->argon2.ptr, m->argon2.len);
		h->has_scram = m->scram_iterations > 0;
		h->scram.iterations = m->scram_iterations;
		if (h->has_scram) {
			memcpy(h->scram.salt, m->scram_salt.ptr, SCRAM_SALT_LEN);
			memcpy(h->scram.stored_key.bytes, m->scram_stored.ptr, 32);
			memcpy(h->scram.server_key.bytes, m->scram_server.ptr, 32);
		}
		h->version++;
		house_change(h);
	}
	auth_store_set_verifiers_answer(call, &r);
}

static void on_add(void *ctx, struct ipc_call *call,
		   const struct auth_store_add_app_password *m)
{
	struct house *h = ctx;
	struct auth_store_add_app_password_reply r = {
		.answer = AUTH_STORE_ANSWER_YES};
	assert_true(h->app_count < HOUSE_APPS);
	memcpy(h->apps[h->app_count].argon2, m->argon2.ptr, m->argon2.len);
	h->apps[h->app_count].argon2[m->argon2.len] = '\0';
	h->apps[h->app_count++].scopes = m->scopes;
	r.id = (uint32_t)h->app_count;
	h->version++;
	house_change(h);
	auth_store_add_app_password_answer(call, &r);
}

static void on_secret(void *ctx, struct ipc_call *call,
		      const struct auth_store_secret *m)
{
	struct house *h = ctx;
	(void)m;
	h->secrets++;
	auth_store_secret_answer(call,
				 &(struct auth_store_secret_reply){
					 .answer = h->secret_answer,
					 .bytes = SPAN("0123456789abcdef"
						       "0123456789abcdef")});
}

static const struct auth_store_at_store store_handlers = {
	.secret = on_secret,
	.verifiers = on_verifiers,
	.bind = on_bind,
	.set_verifiers = on_set,
	.add_app_password = on_add,
};

static void store_gone(void *ctx, struct ipc *c, const char *reason)
{
	struct house *h = ctx;
	(void)reason;
	if (h->store != NULL && auth_store_ipc(h->store) == c)
		h->store = NULL;
	ipc_free(c);
}

void house_change(struct house *h)
{
	(void)auth_store_changed(h->store, &(struct auth_store_changed){
						   .account = HOUSE_ALICE});
}

void house_set_password(struct house *h, const char *password)
{
	struct password_cost cheap = {PASSWORD_MEMORY_MIN, 1};
	unsigned char salt[SCRAM_SALT_LEN] = "0123456789abcde";
	assert_int_equal(password_hash(span_cstr(password), cheap, h->argon2),
			 PASSWORD_OK);
	assert_true(scram_verifier_make(span_cstr(password), salt,
					SCRAM_ITERATIONS_MIN, &h->scram));
	h->has_scram = true;
	h->version++;
}

/* ---- the house ------------------------------------------------------------------ */

static struct ipc_link *pair(struct house *h, enum hop hop, enum kind kind)
{
	int fds[2];
	struct role_peer peer = {.hop = hop, .kind = kind};
	assert_int_equal(sock_packet_pair(h->world, fds), OS_OK);
	auth_role.attach(h->auth, &peer, ipc_link_os(h->loop, fds[0]));
	return ipc_link_os(h->loop, fds[1]);
}

static void gone(void *ctx, struct ipc *c, const char *reason)
{
	(void)ctx;
	(void)c;
	(void)reason;
}

void house_connect_store(struct house *h)
{
	struct ipc_owner owner = {.role = h, .dead = store_gone};
	h->store = auth_store_join_store(pair(h, HOP_AUTH_STORE, KIND_STORE),
					 &owner, &store_handlers);
}

void house_open(struct house *h)
{
	int fds[2];
	struct buf why;
	struct ipc_owner owner = {.role = h, .dead = gone};
	assert_true(crypto_library_start());
	assert_true(password_library_start());
	*h = (struct house){.world = world_sim(1)};
	h->loop = loop_new(h->world);
	h->conf.auth = (struct conf_auth){.scram = true,
					  .scram_iterations = 4096,
					  .argon2_memory = 8192,
					  .argon2_passes = 1,
					  .threads = 1,
					  .queue = 8,
					  .remember = 300,
					  .window = 600};
	assert_int_equal(sock_packet_pair(h->world, fds), OS_OK);
	h->boss = fds[1];
	h->role = role_new(&auth_role, h->world, h->loop, KIND_AUTH, 0,
			   ipc_link_os(h->loop, fds[0]));
	assert_non_null(h->role);
	log_set_level(h->role->log, ROLE_LOGGER_LEVEL_ERROR);
	buf_init(&why, 256);
	h->auth = auth_role.create(h->role, &h->conf, &why);
	assert_non_null(h->auth);
	assert_true(auth_role.start(h->auth, &why));
	buf_free(&why);
	house_set_password(h, HOUSE_PASSWORD);
	house_connect_store(h);
	h->edge = edge_auth_join_edge(pair(h, HOP_EDGE_AUTH, KIND_EDGE_ACCESS),
				      &owner);
	h->admin = admin_auth_join_admin(
		pair(h, HOP_ADMIN_AUTH, KIND_EDGE_ADMIN), &owner);
	house_run(h, NS_PER_MS);
}

void house_run(struct house *h, uint64_t ns)
{
	(void)sim_run(h->world, world_now(h->world) + ns, 1000000);
}

void house_close(struct house *h)
{
	for (size_t i = 0; i < h->kept_count; i++)
		ipc_refuse(h->kept[i], IPC_LATE);
	auth_role.destroy(h->auth);
	ipc_free(edge_auth_ipc(h->edge));
	ipc_free(admin_auth_ipc(h->admin));
	if (h->store != NULL)
		ipc_free(auth_store_ipc(h->store));
	house_run(h, NS_PER_SEC);
	role_free(h->role);
	world_close(h->world, h->boss);
	house_run(h, NS_PER_SEC);
	loop_free(h->loop);
	world_free(h->world);
}

/* ---- the edge ---------------------------------------------------------------------- */

struct asking {
	struct house *house;
	struct arena *arena;
	struct house_answer *out;
	enum { START, STEP, PASSWORD } what;
	union {
		struct edge_auth_start_reply start;
		struct edge_auth_step_reply step;
		struct edge_auth_password_reply password;
	} r;
};

static void copy(char *out, size_t cap, struct span s)
{
	assert_true(s.len < cap);
	memcpy(out, s.ptr ? s.ptr : "", s.len);
	out[s.len] = '\0';
}

static void answered(void *ctx, enum ipc_result result)
{
	struct asking *a = ctx;
	struct house_answer *o = a->out;
	struct span blob = {0}, user = {0}, why = {0};
	o->done = true;
	o->result = result;
	if (result == IPC_OK && a->what == START) {
		o->state = a->r.start.state;
		o->exchange = a->r.start.exchange;
		blob = a->r.start.blob;
		user = a->r.start.user;
		why = a->r.start.why;
	} else if (result == IPC_OK && a->what == STEP) {
		o->state = a->r.step.state;
		blob = a->r.step.blob;
		user = a->r.step.user;
		why = a->r.step.why;
	} else if (result == IPC_OK) {
		o->state = a->r.password.state;
		user = a->r.password.user;
		why = a->r.password.why;
	}
	copy(o->user, sizeof o->user, user);
	copy(o->why, sizeof o->why, why);
	copy(o->blob, sizeof o->blob, blob);
	o->blob_len = blob.len;
	arena_free(a->arena);
	free(a);
}

static struct asking *ask_new(struct house *h, struct house_answer *out)
{
	struct asking *a = calloc(1, sizeof *a);
	assert_non_null(a);
	*out = (struct house_answer){0};
	a->house = h;
	a->out = out;
	a->arena = arena_new(IPC_DECODE_MAX);
	return a;
}

static struct edge_auth_peer peer_of(const struct addr *from)
{
	struct edge_auth_peer p = {.port = from->port};
	memcpy(p.address, from->ip, sizeof p.address);
	return p;
}

void house_login_start(struct house *h, const struct house_ask *q,
		       struct house_answer *out)
{
	struct asking *a = ask_new(h, out);
	struct edge_auth_password req = {.session = q->session,
					 .service = q->service,
					 .peer = peer_of(&q->from),
					 .user = span_cstr(q->user),
					 .password = span_cstr(q->password)};
	a->what = PASSWORD;
	assert_int_equal(edge_auth_password_start(h->edge, &req, a->arena,
						  &a->r.password, IPC_NEVER,
						  answered, a),
			 IPC_OK);
}

struct house_answer house_login_as(struct house *h, const struct house_ask *q)
{
	struct house_answer out;
	house_login_start(h, q, &out);
	for (int i = 0; i < 100 && !out.done; i++)
		house_run(h, 50 * NS_PER_MS);
	assert_true(out.done);
	return out;
}

struct house_answer house_login(struct house *h, const char *user,
				const char *password, struct addr from)
{
	struct house_ask q = {.user = user,
			      .password = password,
			      .service = EDGE_AUTH_SERVICE_IMAP,
			      .from = from,
			      .session = 42};
	return house_login_as(h, &q);
}

struct house_answer house_start(struct house *h, const struct house_ask *q,
				struct span binding, const struct span *initial)
{
	struct house_answer out;
	struct asking *a = ask_new(h, &out);
	struct edge_auth_start req = {.session = q->session,
				      .service = q->service,
				      .peer = peer_of(&q->from),
				      .mechanism = span_cstr(q->mechanism),
				      .binding = binding};
	if (initial != NULL) {
		req.has_initial = true;
		req.initial = *initial;
	}
	a->what = START;
	assert_int_equal(edge_auth_start_start(h->edge, &req, a->arena,
					       &a->r.start, IPC_NEVER, answered,
					       a),
			 IPC_OK);
	house_run(h, NS_PER_SEC);
	assert_true(out.done);
	return out;
}

struct house_answer house_step(struct house *h, uint64_t exchange,
			       struct span blob)
{
	struct house_answer out;
	struct asking *a = ask_new(h, &out);
	struct edge_auth_step req = {.exchange = exchange, .blob = blob};
	a->what = STEP;
	assert_int_equal(edge_auth_step_start(h->edge, &req, a->arena,
					      &a->r.step, IPC_NEVER, answered,
					      a),
			 IPC_OK);
	house_run(h, NS_PER_SEC);
	assert_true(out.done);
	return out;
}

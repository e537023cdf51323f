/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_auth: verifiers go to auth, bindings come back.
 *
 * Must never bind a session twice, one of another service than auth says, or
 * one whose account may not log in; nor hand verifiers to anybody but auth.
 */
#include <stdlib.h>

#include "base/pack.h"
#include "crypto/secret.h"
#include "role/store/session.h"

#define SCRAM_BYTES 192u

/* ---- how a SCRAM verifier is kept ------------------------------------------------ */

static bool scram_pack(uint32_t iterations, struct span salt, struct span stored,
		       struct span server, struct buf *out)
{
	if (iterations == 0)
		return stored.len == 0 && server.len == 0;
	if (stored.len != 32 || server.len != 32 || salt.len == 0)
		return false;
	pack_u32(out, iterations);
	pack_span(out, salt);
	buf_add(out, stored);
	buf_add(out, server);
	return buf_ok(out);
}

static void scram_unpack(struct span packed,
			 struct auth_store_verifiers_reply *rep)
{
	struct unpack u = unpack_of(packed);
	uint32_t iterations = unpack_u32(&u);
	struct span salt = unpack_span(&u, 64);
	struct span stored = unpack_bytes(&u, 32);
	struct span server = unpack_bytes(&u, 32);
	if (packed.len == 0 || !unpack_done(&u))
		return;
	rep->scram_iterations = iterations;
	rep->scram_salt = salt;
	rep->scram_stored = stored;
	rep->scram_server = server;
}

/* ---- verifiers ------------------------------------------------------------------- */

static void put_verifier(const struct directory_verifier *v, int64_t now,
			 struct auth_store_app_password *apps,
			 struct auth_store_verifiers_reply *rep)
{
	if (v->number == 0) {
		rep->argon2 = v->argon2;
		scram_unpack(v->scram, rep);
	} else if ((v->expires == 0 || v->expires > now) &&
		   rep->app_passwords_count < DIRECTORY_APPS_MAX) {
		apps[rep->app_passwords_count++] =
			(struct auth_store_app_password){
				.id = v->number,
				.scopes = v->scopes,
				.argon2 = v->argon2};
	}
}

static void on_verifiers(void *ctx, struct ipc_call *call,
			 const struct auth_store_verifiers *m)
{
	struct peer *p = ctx;
	struct directory *d = p->store->directory;
	int64_t now = world_wall(p->store->role->world).sec;
	struct auth_store_app_password apps[DIRECTORY_APPS_MAX];
	struct auth_store_verifiers_reply rep = {.answer = AUTH_STORE_ANSWER_NO,
						 .app_passwords = apps};
	const struct directory_account *a = directory_account_named(d, m->user);
	size_t count = 0;
	if (a != NULL && a->state == DIRECTORY_ACTIVE) {
		const struct directory_verifier *v =
			directory_verifiers(d, a->id, &count);
		rep.answer = AUTH_STORE_ANSWER_YES;
		rep.account = a->id;
		rep.name = a->name;
		rep.version = directory_generation(d);
		for (size_t i = 0; i < count; i++)
			put_verifier(&v[i], now, apps, &rep);
	}
	auth_store_verifiers_answer(call, &rep);
}

/* ---- bind -------------------------------------------------------------------------- */

/* A session is bound as what it was opened for: one of MX never is. */
static bool same_service(const struct session *ss, enum auth_store_service s)
{
	switch (ss->service) {
	case EDGE_STORE_SERVICE_SUBMISSION:
		return s == AUTH_STORE_SERVICE_SUBMISSION;
	case EDGE_STORE_SERVICE_IMAP:
		return s == AUTH_STORE_SERVICE_IMAP;
	case EDGE_STORE_SERVICE_POP3:
		return s == AUTH_STORE_SERVICE_POP3;
	case EDGE_STORE_SERVICE_MX:
	case EDGE_STORE_SERVICE_LOCAL:
		break;
	}
	return false;
}

static void on_bind(void *ctx, struct ipc_call *call,
		    const struct auth_store_bind *m)
{
	struct peer *p = ctx;
	struct store *s = p->store;
	struct session *ss = map_get_id(s->sessions, m->session);
	const struct directory_account *a =
		directory_account(s->directory, m->account);
	bool ok = ss != NULL && ss->peer != NULL && ss->account == 0 &&
		  ss->peer->who.kind == KIND_EDGE_ACCESS &&
		  same_service(ss, m->service) && a != NULL &&
		  a->state == DIRECTORY_ACTIVE;
	if (ok)
		ss->account = m->account;
	else
		s->count.violations++;
	auth_store_bind_answer(call,
			       &(struct auth_store_bind_reply){
				       .answer = ok ? AUTH_STORE_ANSWER_YES
						    : AUTH_STORE_ANSWER_NO});
}

/* ---- new verifiers ----------------------------------------------------------------- */

static enum directory_result put(struct job *j, struct span name,
				 struct directory_change *c)
{
	const struct directory_account *a =
		directory_account_named(j->store->directory, name);
	if (a == NULL)
		return DIRECTORY_NONE;
	c->verb = DIRECTORY_VERIFIER_PUT;
	c->account.id = a->id;
	return job_directory(j, directory_change(j->store->directory, c,
						 directory_gate, job_gate(j)));
}

static enum auth_store_answer said(enum directory_result r, struct span *why)
{
	if (r == DIRECTORY_OK)
		return AUTH_STORE_ANSWER_YES;
	*why = r == DIRECTORY_NONE ? SPAN("There is no such account")
				   : span_cstr(directory_result_name(r));
	return r == DIRECTORY_UNAVAILABLE || r == DIRECTORY_FULL
		       ? AUTH_STORE_ANSWER_LATER
		       : AUTH_STORE_ANSWER_NO;
}

static void run_set_verifiers(struct job *j)
{
	const struct auth_store_set_verifiers *m = j->ask;
	struct auth_store_set_verifiers_reply rep = {
		.answer = AUTH_STORE_ANSWER_NO,
		.why = SPAN("The SCRAM verifier is not whole")};
	struct directory_change *c = ARENA_NEW(j->arena, struct directory_change);
	struct buf scram;
	buf_init(&scram, SCRAM_BYTES);
	if (c != NULL && scram_pack(m->scram_iterations, m->scram_salt,
				    m->scram_stored, m->scram_server, &scram)) {
		c->verifier = (struct directory_verifier){
			.scopes = DIRECTORY_ALL,
			.argon2 = m->argon2,
			.scram = buf_span(&scram),
			.made = world_wall(j->store->role->world).sec};
		rep.why = span_of(NULL, 0);
		rep.answer = said(put(j, m->name, c), &rep.why);
	}
	if (c == NULL || buf_short(&scram))
		rep = (struct auth_store_set_verifiers_reply){
			.answer = AUTH_STORE_ANSWER_LATER};
	auth_store_set_verifiers_answer(j->call, &rep);
	buf_free(&scram);
}

static void on_set_verifiers(void *ctx, struct ipc_call *call,
			     const struct auth_store_set_verifiers *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_set_verifiers);
}

static void run_add_app_password(struct job *j)
{
	const struct auth_store_add_app_password *m = j->ask;
	struct auth_store_add_app_password_reply rep = {
		.answer = AUTH_STORE_ANSWER_LATER};
	struct directory_change *c = ARENA_NEW(j->arena, struct directory_change);
	if (c != NULL) {
		c->verifier = (struct directory_verifier){
			.number = UINT32_MAX,
			.label = m->label,
			.scopes = m->scopes & DIRECTORY_ALL,
			.argon2 = m->argon2,
			.made = world_wall(j->store->role->world).sec};
		rep.answer = said(put(j, m->name, c), &rep.why);
		rep.id = c->verifier.number;
	}
	auth_store_add_app_password_answer(j->call, &rep);
}

static void on_add_app_password(void *ctx, struct ipc_call *call,
				const struct auth_store_add_app_password *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_add_app_password);
}

/* ---- the secret of auth ------------------------------------------------------------ */

static void run_secret(struct job *j)
{
	struct auth_store_secret_reply rep = {.answer = AUTH_STORE_ANSWER_LATER};
	unsigned char bytes[STORE_SECRET];
	if (secret_of(j, SPAN("auth-secret"), bytes)) {
		rep.answer = AUTH_STORE_ANSWER_YES;
		rep.bytes = span_of(bytes, sizeof bytes);
	}
	auth_store_secret_answer(j->call, &rep);
	secret_wipe(bytes, sizeof bytes);
}

static void on_secret(void *ctx, struct ipc_call *call,
		      const struct auth_store_secret *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_secret);
}

/* ---- changed ---------------------------------------------------------------------- */

static void tell(struct store *s, uint64_t account)
{
	struct auth_store_changed m = {.account = account};
	for (size_t i = 0; i < STORE_PEERS_MAX; i++) {
		struct peer *p = &s->peers[i];
		if (p->channel != NULL && p->who.hop == HOP_AUTH_STORE)
			(void)auth_store_changed(auth_store_of(p->channel), &m);
	}
}

/* In a fiber, where a full window makes it wait rather than fail. */
static void run_tell(struct job *j)
{
	struct store *s = j->store;
	for (size_t i = 0; i < s->changed_count; i++)
		tell(s, s->changed[i]);
	s->changed_count = 0;
	s->telling = false;
}

/* auth must not go on with what it remembers: it starts anew. */
static void forget_all(struct store *s)
{
	for (size_t i = 0; i < STORE_PEERS_MAX; i++)
		if (s->peers[i].channel != NULL &&
		    s->peers[i].who.hop == HOP_AUTH_STORE)
			ipc_kill(s->peers[i].channel, "a change cannot be told");
}

void account_changed(void *store, uint64_t account)
{
	struct store *s = store;
	if (account == 0 || s->closing)
		return;
	postmaster_choose(s);
	if (s->changed_count == s->changed_cap) {
		size_t cap = s->changed_cap ? s->changed_cap * 2 : 16;
		uint64_t *more = realloc(s->changed, cap * sizeof *more);
		if (more == NULL) {
			forget_all(s);
			return;
		}
		s->changed = more;
		s->changed_cap = cap;
	}
	s->changed[s->changed_count++] = account;
	if (s->telling)
		return;
	s->telling = job_background(s, run_tell, NULL);
	if (!s->telling)
		forget_all(s);
}

const struct auth_store_at_store store_for_auth = {
	.verifiers = on_verifiers,
	.bind = on_bind,
	.set_verifiers = on_set_verifiers,
	.add_app_password = on_add_app_password,
	.secret = on_secret,
};

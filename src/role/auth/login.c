/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/login: one credential, from name to binding.
 *
 * Must never answer a wrong password and an unknown name differently, in words,
 * work or order; never say "bound" before the store did; never log a password.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "crypto/secret.h"
#include "role/auth/auth.h"

#define SECRET_REPLY_MAX 4096u

/* What an app password must open for a service; 0: none opens it.  The bits
 * are those that the directory keeps. */
static uint32_t scope_of(enum edge_auth_service s)
{
	switch (s) {
	case EDGE_AUTH_SERVICE_IMAP:
		return 1;
	case EDGE_AUTH_SERVICE_POP3:
		return 2;
	case EDGE_AUTH_SERVICE_SUBMISSION:
		return 4;
	case EDGE_AUTH_SERVICE_MANAGESIEVE:
		return 8;
	case EDGE_AUTH_SERVICE_ADMIN:
		break;
	}
	return 0;
}

static const char *service_name(enum edge_auth_service s)
{
	static const char *const names[] = {
		[EDGE_AUTH_SERVICE_SUBMISSION] = "submission",
		[EDGE_AUTH_SERVICE_IMAP] = "imap",
		[EDGE_AUTH_SERVICE_POP3] = "pop3",
		[EDGE_AUTH_SERVICE_MANAGESIEVE] = "managesieve",
		[EDGE_AUTH_SERVICE_ADMIN] = "admin",
	};
	return (size_t)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

static struct span key_of(const struct login *l)
{
	return span_of(l->key, l->key_len);
}

bool login_name(struct login *l, struct span name)
{
	struct span domain = l->auth->conf->auth.login_domain;
	if (!sasl_name_normalise(name, l->key, &l->key_len))
		return false;
	if (!span_has(key_of(l), '@') && domain.len > 0) {
		if (l->key_len + 1 + domain.len > sizeof l->key)
			return false;
		l->key[l->key_len++] = '@';
		memcpy(l->key + l->key_len, domain.ptr, domain.len);
		l->key_len += domain.len;
	}
	for (size_t i = 0; i < l->key_len; i++)
		l->key[i] = ascii_lower(l->key[i]);
	return true;
}

/* ---- verdicts ------------------------------------------------------------- */

static void note(const struct login *l, const char *reason)
{
	char text[ADDR_TEXT_MAX];
	struct log *log = l->auth->role->log;
	struct span peer = addr_format(&l->peer, text);
	if (reason == NULL)
		LOG(log, INFO, "auth.ok", l->session, F("user", key_of(l)),
		    F("address", peer),
		    F_CSTR("service", service_name(l->service)),
		    F("mechanism", l->mechanism));
	else
		LOG(log, NOTICE, "auth.failed", l->session,
		    F("user", key_of(l)), F("address", peer),
		    F_CSTR("service", service_name(l->service)),
		    F("mechanism", l->mechanism), F_CSTR("reason", reason));
}

static void over(struct login *l, enum throttle_end end)
{
	struct auth *a = l->auth;
	throttle_end(a->throttle, loop_now(a->role->loop), &l->attempt, end);
}

static void say_failed(struct login *l, struct verdict *v, const char *reason,
		       enum throttle_end end)
{
	over(l, end);
	l->auth->failed++;
	note(l, reason);
	v->state = EDGE_AUTH_STATE_FAILED;
	(void)snprintf(v->why, sizeof v->why, "Authentication failed");
}

static void say_later(struct login *l, struct verdict *v, const char *reason)
{
	over(l, THROTTLE_NEITHER);
	l->auth->later++;
	note(l, reason);
	v->state = EDGE_AUTH_STATE_LATER;
	(void)snprintf(v->why, sizeof v->why,
		       "Cannot be checked right now, try again later");
}

void login_end(struct login *l)
{
	over(l, THROTTLE_NEITHER);
	user_release(l->user);
	l->user = NULL;
}

void login_refused(struct login *l, enum sasl_failure f, struct verdict *v)
{
	static const char *const reasons[] = {
		[SASL_F_NONE] = "cancelled",   [SASL_F_SYNTAX] = "syntax",
		[SASL_F_NAME] = "name",	       [SASL_F_AUTHZID] = "authzid",
		[SASL_F_WRONG] = "credentials", [SASL_F_BINDING] = "binding",
		[SASL_F_MEMORY] = "memory",
	};
	if (f == SASL_F_MEMORY)
		say_later(l, v, reasons[f]);
	else
		say_failed(l, v, reasons[f],
			   f == SASL_F_WRONG ? THROTTLE_WRONG
					     : THROTTLE_NEITHER);
}

/* ---- the way of a credential ---------------------------------------------- */

static void say_slowed(struct login *l, struct verdict *v)
{
	uint64_t wait = l->attempt.wait_ns;
	l->auth->throttled++;
	note(l, "throttled");
	v->state = EDGE_AUTH_STATE_THROTTLED;
	(void)snprintf(v->why, sizeof v->why,
		       "Too many failures, try again in %llu seconds",
		       (unsigned long long)((wait + NS_PER_SEC - 1) /
					    NS_PER_SEC));
}

static void on_turn(struct throttle_attempt *attempt)
{
	struct login *l = CONTAINER_OF(attempt, struct login, attempt);
	(void)fiber_wake(l->fiber, 0);
}

void login_admit(struct login *l, struct ipc_call *call, struct verdict *v)
{
	struct auth *a = l->auth;
	struct loop *loop = a->role->loop;
	uint64_t ignored, until = auth_deadline(a, call, LOGIN_WAIT_NS);
	v->state = EDGE_AUTH_STATE_MORE;
	l->fiber = fiber_self(loop);
	l->attempt.turn = on_turn;
	enum throttle_way way = throttle_begin(a->throttle, loop_now(loop),
					       &l->peer, key_of(l), &l->attempt);
	while (way == THROTTLE_LINE_UP) {
		a->in_line++;
		enum woke woke = fiber_park_until(loop, until, &ignored);
		a->in_line--;
		way = l->attempt.way;
		if (way == THROTTLE_LINE_UP && woke != WOKE_VALUE)
			break;
	}
	if (way == THROTTLE_SLOWED)
		say_slowed(l, v);
	else if (way != THROTTLE_GO)
		say_later(l, v, "queue");
}

void login_lookup(struct login *l, struct ipc_call *call, struct verdict *v)
{
	struct auth *a = l->auth;
	user_release(l->user);
	l->user = users_get(a->users, a->store, key_of(l),
			    auth_deadline(a, call, STORE_WAIT_NS));
	v->state = EDGE_AUTH_STATE_MORE;
	if (l->user == NULL)
		say_later(l, v, "store");
}

static bool ask_secret(struct auth *a, struct ipc_call *call)
{
	struct auth_store_secret_reply rep;
	struct arena *arena = arena_new(SECRET_REPLY_MAX);
	bool ok = arena != NULL && a->store != NULL &&
		  auth_store_secret(a->store, &(struct auth_store_secret){0},
				    arena, &rep,
				    auth_deadline(a, call, STORE_WAIT_NS)) ==
			  IPC_OK &&
		  rep.answer == AUTH_STORE_ANSWER_YES &&
		  rep.bytes.len == sizeof a->unknown_secret;
	if (ok) {
		memcpy(a->unknown_secret, rep.bytes.ptr, rep.bytes.len);
		a->has_secret = true;
	}
	arena_free(arena);
	return ok;
}

void login_secret(struct login *l, struct ipc_call *call,
		  unsigned char out[32], struct verdict *v)
{
	struct auth *a = l->auth;
	if (!a->has_secret && !ask_secret(a, call)) {
		say_later(l, v, "store");
		return;
	}
	memcpy(out, a->unknown_secret, sizeof a->unknown_secret);
}

/* False: nothing of that service is kept at the store. */
static bool service_of(enum edge_auth_service s, enum auth_store_service *out)
{
	switch (s) {
	case EDGE_AUTH_SERVICE_SUBMISSION:
		*out = AUTH_STORE_SERVICE_SUBMISSION;
		return true;
	case EDGE_AUTH_SERVICE_IMAP:
		*out = AUTH_STORE_SERVICE_IMAP;
		return true;
	case EDGE_AUTH_SERVICE_POP3:
		*out = AUTH_STORE_SERVICE_POP3;
		return true;
	case EDGE_AUTH_SERVICE_MANAGESIEVE:
	case EDGE_AUTH_SERVICE_ADMIN:
		break;
	}
	return false;
}

static void bind(struct login *l, struct ipc_call *call, struct verdict *v)
{
	struct auth *a = l->auth;
	struct auth_store_bind req = {.session = l->session,
				      .account = l->user->account};
	struct auth_store_bind_reply rep = {.answer = AUTH_STORE_ANSWER_LATER};
	struct arena *arena = arena_new(IPC_DECODE_MAX);
	enum ipc_result r = IPC_DEAD;
	if (!service_of(l->service, &req.service)) {
		arena_free(arena);
		say_failed(l, v, "service", THROTTLE_NEITHER);
		return;
	}
	if (arena != NULL && a->store != NULL)
		r = auth_store_bind(a->store, &req, arena, &rep,
				    auth_deadline(a, call, STORE_WAIT_NS));
	arena_free(arena);
	if (r == IPC_OK && rep.answer == AUTH_STORE_ANSWER_NO) {
		say_failed(l, v, "session", THROTTLE_NEITHER);
		return;
	}
	if (r != IPC_OK || rep.answer != AUTH_STORE_ANSWER_YES) {
		say_later(l, v, "store");
		return;
	}
	over(l, THROTTLE_RIGHT);
	a->verified++;
	v->state = EDGE_AUTH_STATE_BOUND;
	memcpy(v->user, l->user->name, l->user->name_len);
	v->user_len = l->user->name_len;
	note(l, NULL);
}

static void judge(struct login *l, struct ipc_call *call, uint32_t scopes,
		  struct verdict *v)
{
	uint32_t need = scope_of(l->service);
	if (scopes != SCOPES_ALL && (need == 0 || (scopes & need) == 0))
		say_failed(l, v, "scope", THROTTLE_NEITHER);
	else
		bind(l, call, v);
}

void login_proven(struct login *l, struct ipc_call *call, struct verdict *v)
{
	if (l->user == NULL || !l->user->found)
		say_failed(l, v, "credentials", THROTTLE_WRONG);
	else if (l->user->stale) /* the password was changed meanwhile */
		say_later(l, v, "changed");
	else
		bind(l, call, v);
}

static struct remembered memory_of(const struct login *l, struct span password)
{
	return (struct remembered){.account = l->user->account,
				   .version = l->user->version,
				   .password = password};
}

/* True: remembered. */
static bool recall(struct login *l, struct span password, uint32_t *scopes)
{
	struct auth *a = l->auth;
	struct remembered what = memory_of(l, password);
	if (!l->user->found || a->conf->auth.remember == 0 ||
	    !remember_check(a->remember, loop_now(a->role->loop), &what, scopes))
		return false;
	a->remembered++;
	return true;
}

/* The same password may have been found right while this one waited. */
static bool found_meanwhile(struct hash_job *j)
{
	struct login *l = j->ctx;
	struct span password = span_of(j->password, j->password_len);
	if (l->user->stale || !recall(l, password, &j->scopes))
		return false;
	j->end = HASH_DONE;
	return true;
}

/* HASH_DONE and scopes, HASH_WRONG or HASH_LATER. */
static enum hash_end hash(struct login *l, struct ipc_call *call,
			  struct span password, uint32_t *scopes)
{
	struct auth *a = l->auth;
	struct hash_job *j = calloc(1, sizeof *j);
	if (j == NULL || a->hasher == NULL ||
	    password.len > sizeof j->password) {
		free(j);
		return HASH_LATER;
	}
	j->work = HASH_CHECK;
	j->favoured = l->attempt.known;
	j->cost = auth_cost(a);
	j->user = l->user;
	j->answered = found_meanwhile;
	j->ctx = l;
	memcpy(j->password, password.ptr, password.len);
	j->password_len = password.len;
	enum hash_end end =
		hasher_run(a->hasher, j, auth_deadline(a, call, LOGIN_WAIT_NS));
	*scopes = j->scopes;
	secret_wipe(j, sizeof *j);
	free(j);
	return end;
}

static void learn(struct login *l, struct span password, uint32_t scopes)
{
	struct auth *a = l->auth;
	struct remembered what = memory_of(l, password);
	uint64_t life = a->conf->auth.remember * NS_PER_SEC;
	if (life > 0)
		remember_put(a->remember, loop_now(a->role->loop) + life, &what,
			     scopes);
}

void login_check(struct login *l, struct ipc_call *call,
		    struct span password, struct verdict *v)
{
	enum hash_end end = HASH_LATER;
	uint32_t scopes = 0;
	for (unsigned i = 0; i < CHECKS_MAX; i++) {
		login_lookup(l, call, v);
		if (v->state != EDGE_AUTH_STATE_MORE)
			return;
		if (recall(l, password, &scopes)) {
			judge(l, call, scopes, v);
			return;
		}
		end = hash(l, call, password, &scopes);
		if (end == HASH_LATER || !l->user->stale)
			break;
	}
	if (end == HASH_LATER || l->user->stale) {
		say_later(l, v, end == HASH_LATER ? "queue" : "changed");
	} else if (end == HASH_WRONG || !l->user->found) {
		say_failed(l, v, "credentials", THROTTLE_WRONG);
	} else {
		learn(l, password, scopes);
		judge(l, call, scopes, v);
	}
}

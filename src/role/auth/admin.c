/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/admin: passwords are set.
 *
 * A password becomes verifiers here and nowhere else: argon2id and, unless
 * switched off, SCRAM beside it, on the same threads as logins.  An app
 * password is made here and given back once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "crypto/secret.h"
#include "role/auth/auth.h"

struct setting {
	struct auth *auth;
	struct ipc_call *call;
	const struct admin_auth_set_password *password; /* one of the two */
	const struct admin_auth_add_app_password *app;
	struct hash_job job;
	char name[SASL_NAME_MAX];
	size_t name_len;
	enum admin_auth_answer answer;
	uint32_t id;
	char text[APP_PASSWORD_TEXT];
	char why[256];
};

static void say(struct setting *s, enum admin_auth_answer answer,
		struct span why)
{
	s->answer = answer;
	(void)snprintf(s->why, sizeof s->why, "%.*s", SPAN_FMT(why));
}

/* ---- the store's part ------------------------------------------------------ */

static enum admin_auth_answer answer_of(enum auth_store_answer a)
{
	switch (a) {
	case AUTH_STORE_ANSWER_YES:
		return ADMIN_AUTH_ANSWER_DONE;
	case AUTH_STORE_ANSWER_NO:
		return ADMIN_AUTH_ANSWER_REFUSED;
	case AUTH_STORE_ANSWER_LATER:
		break;
	}
	return ADMIN_AUTH_ANSWER_LATER;
}

static void keep_password(struct setting *s, struct arena *a)
{
	const struct scram_verifier *v = &s->job.scram;
	struct auth_store_set_verifiers req = {
		.name = span_of(s->name, s->name_len),
		.argon2 = span_cstr(s->job.argon2)};
	struct auth_store_set_verifiers_reply rep;
	if (s->job.scram_iterations > 0) {
		req.scram_iterations = v->iterations;
		req.scram_salt = span_of(v->salt, SCRAM_SALT_LEN);
		req.scram_stored = span_of(v->stored_key.bytes, SHA256_LEN);
		req.scram_server = span_of(v->server_key.bytes, SHA256_LEN);
	}
	if (auth_store_set_verifiers(
		    s->auth->store, &req, a, &rep,
		    auth_deadline(s->auth, s->call, IPC_NEVER)) == IPC_OK)
		say(s, answer_of(rep.answer), rep.why);
}

static void keep_app(struct setting *s, struct arena *a)
{
	struct auth_store_add_app_password req = {
		.name = span_of(s->name, s->name_len),
		.label = s->app->label,
		.scopes = s->app->scopes,
		.argon2 = span_cstr(s->job.argon2)};
	struct auth_store_add_app_password_reply rep;
	if (auth_store_add_app_password(
		    s->auth->store, &req, a, &rep,
		    auth_deadline(s->auth, s->call, IPC_NEVER)) != IPC_OK)
		return;
	say(s, answer_of(rep.answer), rep.why);
	s->id = rep.id;
}

static void keep(struct setting *s)
{
	struct arena *a = arena_new(IPC_DECODE_MAX);
	say(s, ADMIN_AUTH_ANSWER_LATER, SPAN("the store cannot be asked"));
	if (a != NULL && s->auth->store != NULL) {
		if (s->password != NULL)
			keep_password(s, a);
		else
			keep_app(s, a);
	}
	arena_free(a);
}

/* ---- the password ------------------------------------------------------------ */

static bool fit(struct setting *s, struct span name, struct span password)
{
	struct login l = {.auth = s->auth};
	if (!login_name(&l, name)) {
		say(s, ADMIN_AUTH_ANSWER_REFUSED, SPAN("that is no account name"));
		return false;
	}
	memcpy(s->name, l.key, l.key_len);
	s->name_len = l.key_len;
	if (password.len == 0 || password.len > PASSWORD_MAX) {
		say(s, ADMIN_AUTH_ANSWER_REFUSED,
		    SPAN("a password has 1 to 1024 bytes"));
		return false;
	}
	/* SCRAM clients normalise text; there is no such thing for other bytes. */
	if (!utf8_valid(password) || span_has(password, '\0')) {
		say(s, ADMIN_AUTH_ANSWER_REFUSED,
		    SPAN("a password is UTF-8 text without NUL"));
		return false;
	}
	memcpy(s->job.password, password.ptr, password.len);
	s->job.password_len = password.len;
	return true;
}

static void plan_password(struct setting *s)
{
	const struct conf_auth *c = &s->auth->conf->auth;
	s->job.work = HASH_MAKE;
	if (!c->scram)
		return;
	s->job.scram_iterations =
		(uint32_t)(c->scram_iterations > SCRAM_ITERATIONS_MAX
				   ? SCRAM_ITERATIONS_MAX
				   : c->scram_iterations);
	world_random(s->auth->role->world, s->job.salt, sizeof s->job.salt);
}

/* Its digits are what is hashed: people leave out hyphens. */
static struct span plan_app(struct setting *s, char digits[APP_PASSWORD_DIGITS])
{
	unsigned char random[15];
	s->job.work = HASH_MAKE_APP;
	world_random(s->auth->role->world, random, sizeof random);
	app_password_text(random, s->text);
	secret_wipe(random, sizeof random);
	(void)!app_password_digits(span_of(s->text, sizeof s->text), digits);
	return span_of(digits, APP_PASSWORD_DIGITS);
}

static void work(struct setting *s)
{
	char digits[APP_PASSWORD_DIGITS];
	struct span name = s->password ? s->password->name : s->app->name;
	struct span password =
		s->password ? s->password->password : plan_app(s, digits);
	bool ok = fit(s, name, password);
	secret_wipe(digits, sizeof digits);
	if (!ok)
		return;
	if (s->password != NULL)
		plan_password(s);
	s->job.favoured = true;
	s->job.cost = auth_cost(s->auth);
	if (s->auth->hasher != NULL &&
	    hasher_run(s->auth->hasher, &s->job,
		       auth_deadline(s->auth, s->call, LOGIN_WAIT_NS)) ==
	    HASH_DONE)
		keep(s);
	else
		say(s, ADMIN_AUTH_ANSWER_LATER,
		    SPAN("too many logins are waiting"));
}

static void answer(struct setting *s)
{
	bool done = s->answer == ADMIN_AUTH_ANSWER_DONE;
	struct span why = span_cstr(s->why);
	LOG(s->auth->role->log, NOTICE,
	    s->password ? "auth.password" : "auth.app_password", 0,
	    F("user", span_of(s->name, s->name_len)),
	    F_CSTR("outcome", done ? "done" : "refused"), F("why", why));
	why = span_sub(why, 0, 255);
	if (s->password != NULL)
		admin_auth_set_password_answer(
			s->call, &(struct admin_auth_set_password_reply){
					 .answer = s->answer, .why = why});
	else
		admin_auth_add_app_password_answer(
			s->call,
			&(struct admin_auth_add_app_password_reply){
				.answer = s->answer,
				.id = s->id,
				.password = span_of(s->text,
						    done ? sizeof s->text : 0),
				.why = why});
}

static void setting_fiber(void *arg)
{
	struct setting *s = arg;
	struct auth *a = s->auth;
	work(s);
	answer(s);
	secret_wipe(s, sizeof *s);
	free(s);
	a->fibers--;
}

/* ---- requests ------------------------------------------------------------------ */

static struct setting *setting_new(struct client *c, struct ipc_call *call)
{
	struct setting *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->auth = c->auth;
	s->call = call;
	return s;
}

static void setting_run(struct setting *s)
{
	struct auth *a = s->auth;
	ipc_keep(s->call);
	if (fiber_start(a->role->loop, setting_fiber, s) != NULL) {
		a->fibers++;
		return;
	}
	say(s, ADMIN_AUTH_ANSWER_LATER, SPAN("memory is short"));
	answer(s);
	free(s);
}

static void on_set_password(void *ctx, struct ipc_call *call,
			    const struct admin_auth_set_password *m)
{
	struct setting *s = setting_new(ctx, call);
	if (s == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	s->password = m;
	setting_run(s);
}

static void on_add_app_password(void *ctx, struct ipc_call *call,
				const struct admin_auth_add_app_password *m)
{
	struct setting *s = setting_new(ctx, call);
	if (s == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	s->app = m;
	setting_run(s);
}

static void on_statistics(void *ctx, struct ipc_call *call,
			  const struct admin_auth_statistics *m)
{
	struct client *c = ctx;
	struct auth *a = c->auth;
	(void)m;
	admin_auth_statistics_answer(
		call, &(struct admin_auth_statistics_reply){
			      .verified = a->verified,
			      .remembered = a->remembered,
			      .failed = a->failed,
			      .throttled = a->throttled,
			      .queued = a->in_line +
					hasher_waiting(a->hasher)});
}

const struct admin_auth_at_auth auth_admin_handlers = {
	.set_password = on_set_password,
	.add_app_password = on_add_app_password,
	.statistics = on_statistics,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/edge: exchanges, and the fibers that answer edges.
 *
 * An exchange belongs to the channel that started it; its number is random and
 * means nothing on another one.  While a fiber works for it, it is busy: the
 * peer has to wait for that answer first.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "base/map.h"
#include "crypto/secret.h"
#include "role/auth/auth.h"

enum asked { ASKED_START, ASKED_STEP, ASKED_PASSWORD };

struct exchange {
	struct list link; /* in its client's */
	uint64_t id, until;
	struct client *client; /* NULL: its channel is gone */
	struct sasl_server *sasl;
	struct sasl_owner owner;
	struct login login;
	bool busy, abandoned, listed;
	/* What is being answered. */
	enum asked asked;
	struct ipc_call *call;
	struct span in, name; /* name: ASKED_PASSWORD, in is the password */
	bool has_in;
	struct verdict verdict;
	struct buf out;
};

/* ---- life of an exchange --------------------------------------------------- */

static void on_expiry(struct timer *t);

static void expire_at(struct auth *a, uint64_t when)
{
	if (!timer_active(&a->expiry) &&
	    !timer_start(a->role->loop, &a->expiry, when, on_expiry, a))
		LOG(a->role->log, WARNING, "auth.timer", 0);
}

static struct exchange *exchange_new(struct client *c, struct ipc_call *call,
				     enum asked asked)
{
	struct exchange *e = calloc(1, sizeof *e);
	if (e == NULL)
		return NULL;
	e->client = c;
	e->asked = asked;
	e->call = call;
	e->login.auth = c->auth;
	buf_init(&e->out, SASL_MESSAGE_MAX);
	return e;
}

/* From now on a step may find it. */
static bool exchange_list(struct exchange *e)
{
	struct client *c = e->client;
	struct auth *a = c->auth;
	if (c->exchange_count >= EXCHANGES_MAX)
		return false;
	do
		world_random(a->role->world, &e->id, sizeof e->id);
	while (e->id == 0 || map_get_id(a->exchanges, e->id) != NULL);
	if (!map_put_id(a->exchanges, e->id, e))
		return false;
	e->listed = true;
	e->until = loop_now(a->role->loop) + EXCHANGE_NS;
	list_push_back(&c->exchanges, &e->link);
	c->exchange_count++;
	expire_at(a, e->until);
	return true;
}

static void exchange_unlist(struct exchange *e)
{
	if (!e->listed)
		return;
	list_remove(&e->link);
	(void)map_remove_id(e->login.auth->exchanges, e->id);
	e->client->exchange_count--;
	e->listed = false;
}

static void exchange_free(struct exchange *e)
{
	exchange_unlist(e);
	login_end(&e->login);
	sasl_server_free(e->sasl);
	buf_free(&e->out);
	secret_wipe(e, sizeof *e);
	free(e);
}

/* Somebody else lost interest; a busy one ends with its fiber. */
static void exchange_abandon(struct exchange *e)
{
	exchange_unlist(e);
	e->abandoned = true;
	if (!e->busy)
		exchange_free(e);
}

static void on_expiry(struct timer *t)
{
	struct auth *a = t->arg;
	uint64_t now = loop_now(a->role->loop), next = NS_NEVER;
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct client *c = &a->clients[i];
		if (c->edge == NULL)
			continue;
		LIST_EACH(&c->exchanges, link) {
			struct exchange *e =
				CONTAINER_OF(link, struct exchange, link);
			if (e->until > now) {
				next = e->until < next ? e->until : next;
				break;
			}
			exchange_abandon(e);
		}
	}
	if (next != NS_NEVER)
		expire_at(a, next);
}

void edge_drop_all(struct client *c)
{
	LIST_EACH(&c->exchanges, link) {
		struct exchange *e = CONTAINER_OF(link, struct exchange, link);
		exchange_abandon(e);
	}
}

/* ---- answers ----------------------------------------------------------------- */

static void answer(struct exchange *e)
{
	struct verdict *v = &e->verdict;
	struct span user = span_of(v->user, v->user_len);
	struct span why = span_cstr(v->why), blob = buf_span(&e->out);
	switch (e->asked) {
	case ASKED_START:
		edge_auth_start_answer(
			e->call, &(struct edge_auth_start_reply){
					 .state = v->state,
					 .exchange = e->listed ? e->id : 0,
					 .blob = blob,
					 .user = user,
					 .why = why});
		break;
	case ASKED_STEP:
		edge_auth_step_answer(e->call, &(struct edge_auth_step_reply){
						       .state = v->state,
						       .blob = blob,
						       .user = user,
						       .why = why});
		break;
	case ASKED_PASSWORD:
		edge_auth_password_answer(
			e->call,
			&(struct edge_auth_password_reply){
				.state = v->state, .user = user, .why = why});
		break;
	}
	e->call = NULL;
}

/* More to come keeps it; anything else was its last word. */
static void conclude(struct exchange *e)
{
	bool more = e->verdict.state == EDGE_AUTH_STATE_MORE && !e->abandoned;
	if (more && !e->listed && !exchange_list(e)) {
		more = false;
		e->verdict.state = EDGE_AUTH_STATE_LATER;
	}
	answer(e);
	e->busy = false;
	if (!more)
		exchange_free(e);
}

/* ---- in the fiber ------------------------------------------------------------ */

/* The saslname of a SCRAM client-first message: gs2-header "n=" name ",". */
static bool scram_name(struct span in, char out[SASL_NAME_MAX], size_t *len)
{
	struct span part;
	size_t n = 0;
	if (!span_cut(&in, ',', &part) || !span_cut(&in, ',', &part) ||
	    !span_cut(&in, ',', &part) || !span_starts(part, SPAN("n=")))
		return false;
	part = span_skip(part, 2);
	for (size_t i = 0; i < part.len; i++, n++) {
		struct span escape = span_sub(part, i, 3);
		if (n == SASL_NAME_MAX)
			return false;
		out[n] = part.ptr[i];
		if (part.ptr[i] != '=')
			continue;
		if (!span_eq_nocase(escape, SPAN("=2C")) &&
		    !span_eq_nocase(escape, SPAN("=3D")))
			return false;
		out[n] = escape.ptr[2] == 'D' || escape.ptr[2] == 'd' ? '=' : ',';
		i += 2;
	}
	*len = n;
	return true;
}

/* SCRAM's keys have to be in memory before the name's message is answered. */
static void prefetch(struct exchange *e)
{
	char name[SASL_NAME_MAX];
	size_t len = 0;
	e->verdict.state = EDGE_AUTH_STATE_MORE;
	if (e->login.user != NULL || !scram_name(e->in, name, &len) ||
	    !login_name(&e->login, span_of(name, len)))
		return; /* the second message, or one that fails by itself */
	login_admit(&e->login, e->call, &e->verdict);
	if (e->verdict.state == EDGE_AUTH_STATE_MORE)
		login_lookup(&e->login, e->call, &e->verdict);
	if (e->verdict.state == EDGE_AUTH_STATE_MORE)
		login_secret(&e->login, e->call, e->owner.secret, &e->verdict);
}

static bool give_verifier(void *owner, struct span user,
			  struct scram_verifier *out)
{
	struct exchange *e = owner;
	const struct user *u = e->login.user;
	struct login seen = {.auth = e->login.auth};
	/* What libgsasl read must be the name that we looked up. */
	if (u == NULL || !login_name(&seen, user) ||
	    !span_eq(span_of(seen.key, seen.key_len),
		     span_of(u->key, u->key_len)) ||
	    !u->found || !u->has_scram)
		return false;
	*out = u->scram;
	return true;
}

static void check_password(struct exchange *e, struct span name,
			   struct span password)
{
	if (!login_name(&e->login, name)) {
		login_refused(&e->login, SASL_F_NAME, &e->verdict);
		return;
	}
	if (password.len == 0 || password.len > SASL_PASSWORD_MAX) {
		login_refused(&e->login, SASL_F_SYNTAX, &e->verdict);
		return;
	}
	login_admit(&e->login, e->call, &e->verdict);
	if (e->verdict.state == EDGE_AUTH_STATE_MORE)
		login_check(&e->login, e->call, password, &e->verdict);
}

static void step(struct exchange *e)
{
	bool scram = span_starts(e->login.mechanism, SPAN("SCRAM"));
	bool bound;
	if (scram && e->has_in) {
		prefetch(e);
		if (e->verdict.state != EDGE_AUTH_STATE_MORE)
			return;
	}
	switch (sasl_server_step(e->sasl, e->has_in ? &e->in : NULL, &e->out)) {
	case SASL_CONTINUE:
		e->verdict.state = EDGE_AUTH_STATE_MORE;
		break;
	case SASL_PASSWORD:
		check_password(e, sasl_user(e->sasl), sasl_password(e->sasl));
		bound = e->verdict.state == EDGE_AUTH_STATE_BOUND;
		ENSURE(sasl_verdict(e->sasl, bound) ==
		       (bound ? SASL_DONE : SASL_FAILED));
		break;
	case SASL_DONE:
		login_proven(&e->login, e->call, &e->verdict);
		break;
	case SASL_FAILED:
		login_refused(&e->login, sasl_failure(e->sasl), &e->verdict);
		break;
	}
}

static void exchange_fiber(void *arg)
{
	struct exchange *e = arg;
	struct auth *a = e->login.auth;
	e->verdict = (struct verdict){0};
	if (e->asked == ASKED_PASSWORD)
		check_password(e, e->name, e->in);
	else
		step(e);
	conclude(e);
	a->fibers--;
}

static void exchange_run(struct exchange *e)
{
	struct auth *a = e->login.auth;
	e->busy = true;
	ipc_keep(e->call);
	if (fiber_start(a->role->loop, exchange_fiber, e) != NULL) {
		a->fibers++;
		return;
	}
	e->verdict = (struct verdict){.state = EDGE_AUTH_STATE_LATER};
	conclude(e);
}

/* ---- requests ------------------------------------------------------------------ */

static void on_mechanisms(void *ctx, struct ipc_call *call,
			  const struct edge_auth_mechanisms *m)
{
	static const struct span plain[] = {SPAN_INIT("SCRAM-SHA-256"),
					    SPAN_INIT("PLAIN"),
					    SPAN_INIT("LOGIN")};
	static const struct span plus[] = {SPAN_INIT("SCRAM-SHA-256-PLUS")};
	struct client *c = ctx;
	bool scram = c->auth->conf->auth.scram;
	(void)m;
	edge_auth_mechanisms_answer(
		call, &(struct edge_auth_mechanisms_reply){
			      .names = scram ? plain : plain + 1,
			      .names_count = scram ? 3 : 2,
			      .plus_names = plus,
			      .plus_names_count = scram ? 1 : 0});
}

static void fill_login(struct login *l, uint64_t session,
		       enum edge_auth_service service,
		       const struct edge_auth_peer *peer)
{
	l->session = session;
	l->service = service;
	memcpy(l->peer.ip, peer->address, sizeof l->peer.ip);
	l->peer.port = peer->port;
}

/* False: there is no such mechanism here.  e->sasl NULL: memory is short. */
static bool open_sasl(struct exchange *e, const struct edge_auth_start *m)
{
	struct auth *a = e->login.auth;
	struct sasl_channel channel = {0};
	enum sasl_mechanism mechanism;
	if (!sasl_mechanism_find(m->mechanism, &mechanism) ||
	    (m->binding.len != 0 && m->binding.len != SASL_BINDING_LEN))
		return false;
	if (mechanism >= SASL_SCRAM_SHA_256 && !a->conf->auth.scram)
		return false;
	if (mechanism == SASL_SCRAM_SHA_256_PLUS && m->binding.len == 0)
		return false;
	if (m->binding.len > 0)
		channel.binding = (const unsigned char *)m->binding.ptr;
	e->owner.verifier = give_verifier;
	e->owner.owner = e;
	e->owner.iterations =
		(uint32_t)(a->conf->auth.scram_iterations > SCRAM_ITERATIONS_MAX
				   ? SCRAM_ITERATIONS_MAX
				   : a->conf->auth.scram_iterations);
	e->login.mechanism = sasl_mechanism_name(mechanism);
	e->sasl = sasl_server_new(a->sasl, &e->owner, &channel, mechanism);
	return true;
}

static void on_start(void *ctx, struct ipc_call *call,
		     const struct edge_auth_start *m)
{
	struct exchange *e = exchange_new(ctx, call, ASKED_START);
	if (e == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	fill_login(&e->login, m->session, m->service, &m->peer);
	if (!open_sasl(e, m)) {
		e->verdict.state = EDGE_AUTH_STATE_FAILED;
		memcpy(e->verdict.why, "No such mechanism",
		       sizeof "No such mechanism");
		conclude(e);
		return;
	}
	if (e->sasl == NULL) {
		e->verdict.state = EDGE_AUTH_STATE_LATER;
		conclude(e);
		return;
	}
	e->has_in = m->has_initial;
	e->in = m->initial;
	exchange_run(e);
}

/* NULL, and the call is refused: not an exchange of this channel. */
static struct exchange *exchange_of(struct client *c, uint64_t id)
{
	struct exchange *e = map_get_id(c->auth->exchanges, id);
	return e != NULL && e->client == c ? e : NULL;
}

static void on_step(void *ctx, struct ipc_call *call,
		    const struct edge_auth_step *m)
{
	struct exchange *e = exchange_of(ctx, m->exchange);
	if (e == NULL || e->busy) {
		ipc_refuse(call, IPC_NOT_NOW);
		return;
	}
	e->asked = ASKED_STEP;
	e->call = call;
	e->has_in = true;
	e->in = m->blob;
	exchange_run(e);
}

static void on_password(void *ctx, struct ipc_call *call,
			const struct edge_auth_password *m)
{
	struct exchange *e = exchange_new(ctx, call, ASKED_PASSWORD);
	if (e == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	fill_login(&e->login, m->session, m->service, &m->peer);
	e->login.mechanism = SPAN("password");
	e->name = m->user;
	e->in = m->password;
	exchange_run(e);
}

static void on_abandon(void *ctx, struct edge_auth *channel,
		       const struct edge_auth_abandon *m)
{
	struct exchange *e = exchange_of(ctx, m->exchange);
	(void)channel;
	if (e != NULL)
		exchange_abandon(e);
}

const struct edge_auth_at_auth auth_edge_handlers = {
	.mechanisms = on_mechanisms,
	.start = on_start,
	.step = on_step,
	.password = on_password,
	.abandon = on_abandon,
};

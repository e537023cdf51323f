/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/auth: logins of all protocols, asked of auth.
 *
 * Edge carries names, passwords and SASL blobs and judges none.  A login is one
 * only when auth says `bound`: the store has acknowledged by then whose session
 * this is.
 *
 * Must never keep a credential after the question, nor tell one kind of failed
 * login from another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "role/edge/connection.h"

#define EXCHANGE_MAX 65536u

/* A SASL exchange under way. */
struct exchange {
	struct arena *arena; /* the last challenge */
	uint64_t id;
	bool under_way; /* auth waits for a step */
	bool bound;     /* it is over; the client has to see the last message */
};

/* ---- mechanisms ------------------------------------------------------------ */

static size_t join(char *out, size_t len, const struct span *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (len + names[i].len + 2 > EDGE_MECHANISMS_MAX)
			break;
		if (len > 0)
			out[len++] = ' ';
		memcpy(out + len, names[i].ptr, names[i].len);
		len += names[i].len;
	}
	return len;
}

static void learn(struct connection *c)
{
	struct edge *e = c->edge;
	struct edge_auth_mechanisms m = {0};
	struct edge_auth_mechanisms_reply r;
	if (e->auth == NULL ||
	    edge_auth_mechanisms(e->auth, &m, connection_scratch(c), &r,
				 edge_within(e, EDGE_ASK_NS)) != IPC_OK)
		return;
	e->mechanisms_len = join(e->mechanisms, 0, r.names, r.names_count);
	e->with_binding_len =
		join(e->with_binding, 0, r.plus_names, r.plus_names_count);
	e->with_binding_len = join(e->with_binding, e->with_binding_len,
				   r.names, r.names_count);
}

/* Nothing yet, or what auth offered before a reload switched SCRAM on or off. */
static bool is_stale(const struct edge *e)
{
	struct span known = span_of(e->mechanisms, e->mechanisms_len);
	bool scram = span_find_span(known, SPAN("SCRAM-")) != SIZE_MAX;
	return known.len == 0 || scram != e->conf->auth.scram;
}

struct span login_mechanisms(struct connection *c)
{
	struct edge *e = c->edge;
	if (!c->secured.on || c->bound)
		return SPAN("");
	if (is_stale(e))
		learn(c);
	if (c->secured.bindable)
		return span_of(e->with_binding, e->with_binding_len);
	return span_of(e->mechanisms, e->mechanisms_len);
}

bool login_knows(struct connection *c, struct span mechanism)
{
	struct span rest = login_mechanisms(c), name;
	bool more = rest.len > 0;
	while (more) {
		more = span_cut(&rest, ' ', &name);
		if (span_eq_nocase(name, mechanism))
			return true;
	}
	return false;
}

/* ---- what auth said --------------------------------------------------------- */

static struct edge_auth_peer peer_of(const struct connection *c)
{
	struct edge_auth_peer p = {.port = c->peer.port};
	memcpy(p.address, c->peer.ip, sizeof p.address);
	return p;
}

static void logged_in(struct connection *c, struct span user)
{
	char ip[ADDR_TEXT_MAX];
	c->user = strndup(user.ptr ? user.ptr : "", user.len);
	c->edge->counts.logins++;
	LOG(c->edge->role->log, INFO, "login.accepted", c->id, F("user", user),
	    F_CSTR("protocol", c->protocol->name),
	    F("listener", c->service->name), F("ip", connection_ip(c, ip)));
}

static enum login failed(struct connection *c, enum edge_auth_state s)
{
	char ip[ADDR_TEXT_MAX];
	bool wrong = s == EDGE_AUTH_STATE_FAILED;
	const char *how = wrong ? "refused"
			  : s == EDGE_AUTH_STATE_THROTTLED ? "throttled"
							   : "not now";
	LOG(c->edge->role->log, NOTICE, "login.refused", c->id,
	    F_CSTR("how", how), F_CSTR("protocol", c->protocol->name),
	    F("listener", c->service->name), F("ip", connection_ip(c, ip)));
	if (wrong)
		return LOGIN_FAILED;
	return s == EDGE_AUTH_STATE_THROTTLED ? LOGIN_THROTTLED : LOGIN_LATER;
}

enum login login_password(struct connection *c, struct span user,
			  struct span password)
{
	struct edge *e = c->edge;
	struct edge_auth_password_reply r;
	if (!store_session(c) || e->auth == NULL)
		return LOGIN_LATER;
	struct edge_auth_password m = {.session = c->session,
				       .service = c->protocol->auth,
				       .peer = peer_of(c),
				       .user = user,
				       .password = password};
	enum ipc_result got = edge_auth_password(
		e->auth, &m, connection_scratch(c), &r,
		edge_within(e, EDGE_LOGIN_NS));
	if (got == IPC_TOO_BIG)
		return failed(c, EDGE_AUTH_STATE_FAILED);
	if (got != IPC_OK)
		return LOGIN_LATER;
	if (r.state != EDGE_AUTH_STATE_BOUND)
		return failed(c, r.state);
	connection_bound(c);
	logged_in(c, r.user);
	return LOGIN_OK;
}

/* ---- SASL -------------------------------------------------------------------- */

static enum login answered(struct connection *c, enum edge_auth_state s,
			   struct span blob, struct span user, struct span *out)
{
	struct exchange *x = c->exchange;
	*out = (struct span){0};
	x->under_way = s == EDGE_AUTH_STATE_MORE;
	if (x->under_way) {
		*out = blob;
		return LOGIN_MORE;
	}
	if (s != EDGE_AUTH_STATE_BOUND) {
		login_cancel(c);
		return failed(c, s);
	}
	connection_bound(c);
	logged_in(c, user);
	if (blob.len > 0) { /* SCRAM: the server proves itself last */
		x->bound = true;
		*out = blob;
		return LOGIN_MORE;
	}
	login_cancel(c);
	return LOGIN_OK;
}

enum login login_start(struct connection *c, struct span mechanism,
		       const struct span *initial, struct span *out)
{
	struct edge *e = c->edge;
	struct edge_auth_start_reply r;
	login_cancel(c);
	*out = (struct span){0};
	if (!store_session(c) || e->auth == NULL)
		return LOGIN_LATER;
	struct exchange *x = c->exchange = calloc(1, sizeof *x);
	if (x != NULL)
		x->arena = arena_new(EXCHANGE_MAX);
	if (x == NULL || x->arena == NULL) {
		login_cancel(c);
		return LOGIN_LATER;
	}
	struct edge_auth_start m = {.session = c->session,
				    .service = c->protocol->auth,
				    .peer = peer_of(c),
				    .mechanism = mechanism,
				    .has_initial = initial != NULL};
	if (initial != NULL)
		m.initial = *initial;
	if (c->secured.bindable)
		m.binding = span_of(c->secured.binding,
				    sizeof c->secured.binding);
	if (edge_auth_start(e->auth, &m, x->arena, &r,
			    edge_within(e, EDGE_LOGIN_NS)) != IPC_OK) {
		login_cancel(c);
		return LOGIN_LATER;
	}
	x->id = r.exchange;
	return answered(c, r.state, r.blob, r.user, out);
}

enum login login_step(struct connection *c, struct span blob, struct span *out)
{
	struct edge *e = c->edge;
	struct exchange *x = c->exchange;
	struct edge_auth_step_reply r;
	*out = (struct span){0};
	if (x == NULL)
		return LOGIN_LATER;
	if (x->bound) {
		login_cancel(c);
		return LOGIN_OK;
	}
	struct edge_auth_step m = {.exchange = x->id, .blob = blob};
	arena_reset(x->arena);
	if (e->auth == NULL ||
	    edge_auth_step(e->auth, &m, x->arena, &r,
			   edge_within(e, EDGE_LOGIN_NS)) != IPC_OK) {
		login_cancel(c);
		return LOGIN_LATER;
	}
	return answered(c, r.state, r.blob, r.user, out);
}

void login_cancel(struct connection *c)
{
	struct exchange *x = c->exchange;
	if (x == NULL)
		return;
	struct edge_auth_abandon m = {.exchange = x->id};
	if (x->under_way && c->edge->auth != NULL)
		(void)edge_auth_abandon(c->edge->auth, &m);
	arena_free(x->arena);
	free(x);
	c->exchange = NULL;
}

/* ---- the mechanism before its first step ------------------------------------ */

bool login_begin(struct connection *c, struct login_mechanism *kept,
		 struct span mechanism)
{
	if (mechanism.len >= sizeof kept->name || !login_knows(c, mechanism))
		return false;
	memcpy(kept->name, mechanism.ptr, mechanism.len);
	kept->len = mechanism.len;
	return true;
}

enum login login_next(struct connection *c, struct login_mechanism *kept,
		      bool first, struct span in, struct arena *arena,
		      struct span *out)
{
	struct span blob = {0}, name = span_of(kept->name, kept->len);
	enum login l;
	kept->len = 0;
	if (name.len > 0)
		l = login_start(c, name, first ? NULL : &in, &blob);
	else
		l = login_step(c, in, &blob);
	if (l == LOGIN_MORE && !arena_copy(arena, blob, out))
		return LOGIN_LATER;
	return l;
}

void login_abandon(struct connection *c)
{
	login_cancel(c);
	/* The store has bound the session, the client does not know it: over. */
	c->lost = c->lost || c->bound;
}

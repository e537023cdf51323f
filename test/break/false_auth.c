/* SPDX-License-Identifier: Apache-2.0 */
/*
 * false_auth - auth, taken over: it comes up in good order and then lies to edges.
 *
 * A login name says how: "honest" is bound at the store as the true role would, for
 * the account whose number is behind the dash; every other one is a lie of the table
 * in false_auth_test.py.  For that test, which swaps letterlock-auth for it.
 */
#include <stdlib.h>

#include "hostile.h"
#include "os/fiber.h"
#include "role/common/role.h"
#include "wire/admin_auth.h"
#include "wire/auth_store.h"
#include "wire/edge_auth.h"

#define EDGES_MAX 16u
#define BIND_NS   (2 * NS_PER_SEC)
#define FLOOD     64u /* answers that nobody asked for */

struct liar {
	struct role *role;
	struct auth_store *store;
	struct edge {
		struct liar *me;
		struct role_peer peer;
		struct edge_auth *channel;
		struct ipc_link *link; /* under it: what the codec would not send */
	} edges[EDGES_MAX];
	struct ipc_call *other; /* a question kept to be answered for another */
};

struct login {
	struct edge *edge;
	struct ipc_call *call;
	uint64_t session, account;
	enum edge_auth_service service;
};

/* ---- lies that the codec does not make --------------------------------------- */

static void raw(struct edge *e, const struct buf *frame)
{
	(void)e->link->ops->send(e->link, buf_span(frame), -1);
}

/* Answers with ids that no question has, all of them `bound`. */
static void unasked(struct edge *e, uint32_t first, unsigned count)
{
	static const char user[] = "alice@example.test";
	struct edge_auth_password_reply rep = {.state = EDGE_AUTH_STATE_BOUND,
					       .user = span_of(user, sizeof user - 1)};
	unsigned number = hostile_number(&edge_auth_hop, "password");
	struct buf frame, body;
	buf_init(&body, IPC_BODY_MAX);
	buf_init(&frame, IPC_FRAME_MAX);
	if (ipc_encode(&edge_auth_hop.messages[number].reply, &rep, &body))
		for (unsigned i = 0; i < count; i++)
			hostile_reply(&frame, number, first + i, buf_span(&body));
	raw(e, &frame);
	buf_free(&body);
	buf_free(&frame);
}

static void garble(struct edge *e)
{
	struct buf frame;
	buf_init(&frame, IPC_FRAME_MAX);
	buf_add(&frame, SPAN("a0 OK LOGIN completed\r\n"));
	raw(e, &frame);
	buf_free(&frame);
}

/* ---- answers in the right form ------------------------------------------------ */

static void say(struct ipc_call *call, enum edge_auth_state state, struct span user)
{
	edge_auth_password_answer(call, &(struct edge_auth_password_reply){
						.state = state, .user = user});
}

static void bind_fiber(void *arg)
{
	struct login *l = arg;
	struct liar *me = l->edge->me;
	struct arena *a = arena_new(65536);
	struct auth_store_bind m = {.session = l->session,
				    .account = l->account,
				    .service = (enum auth_store_service)l->service};
	struct auth_store_bind_reply rep = {.answer = AUTH_STORE_ANSWER_NO};
	if (a == NULL || me->store == NULL ||
	    auth_store_bind(me->store, &m, a, &rep,
			    world_now(me->role->world) + BIND_NS) != IPC_OK)
		rep.answer = AUTH_STORE_ANSWER_LATER;
	say(l->call,
	    rep.answer == AUTH_STORE_ANSWER_YES ? EDGE_AUTH_STATE_BOUND
						: EDGE_AUTH_STATE_LATER,
	    SPAN("alice@example.test"));
	arena_free(a);
	free(l);
}

static uint64_t account_of(struct edge *e, struct span name)
{
	struct auth_store_verifiers m = {.user = name};
	struct auth_store_verifiers_reply rep = {0};
	struct arena *a = arena_new(1u << 20);
	uint64_t account = 0;
	if (a != NULL && e->me->store != NULL &&
	    auth_store_verifiers(e->me->store, &m, a, &rep,
				 world_now(e->me->role->world) + BIND_NS) == IPC_OK)
		account = rep.account;
	arena_free(a);
	return account;
}

/* In truth auth may bind any session to any account: doc, the trust table. */
static void honest_fiber(void *arg)
{
	struct login *l = arg;
	l->account = account_of(l->edge, SPAN("alice@example.test"));
	bind_fiber(l);
}

static void in_fiber(struct edge *e, struct ipc_call *call,
		     const struct edge_auth_password *m, fiber_fn *fn)
{
	struct login *l = malloc(sizeof *l);
	if (l == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	*l = (struct login){.edge = e, .call = call, .session = m->session,
			    .account = UINT64_MAX, .service = m->service};
	ipc_keep(call);
	if (fiber_start(e->me->role->loop, fn, l) == NULL) {
		ipc_refuse(call, IPC_BUSY);
		free(l);
	}
}

/* The first question waits; the second one's answer is given to it, and none to it. */
static void swap(struct edge *e, struct ipc_call *call)
{
	if (e->me->other == NULL) {
		ipc_keep(call);
		e->me->other = call;
		return;
	}
	say(e->me->other, EDGE_AUTH_STATE_BOUND, SPAN("bob@example.test"));
	e->me->other = NULL;
	say(call, EDGE_AUTH_STATE_LATER, SPAN(""));
}

static void on_password(void *ctx, struct ipc_call *call,
			const struct edge_auth_password *m)
{
	static const char long_user[320] = {[0 ... 319] = 'u'};
	struct edge *e = ctx;
	struct span how = m->user;
	if (span_eq(how, SPAN("honest"))) {
		in_fiber(e, call, m, honest_fiber);
	} else if (span_eq(how, SPAN("bound"))) { /* the store knows nothing of it */
		say(call, EDGE_AUTH_STATE_BOUND, SPAN("alice@example.test"));
	} else if (span_eq(how, SPAN("nobody"))) { /* bind to an account that is none */
		in_fiber(e, call, m, bind_fiber);
	} else if (span_eq(how, SPAN("huge"))) {
		say(call, EDGE_AUTH_STATE_BOUND, span_of(long_user, sizeof long_user));
	} else if (span_eq(how, SPAN("more"))) { /* no state of this question */
		say(call, EDGE_AUTH_STATE_MORE, SPAN(""));
	} else if (span_eq(how, SPAN("swap"))) {
		swap(e, call);
	} else if (span_eq(how, SPAN("silent"))) {
		ipc_keep(call);
	} else if (span_eq(how, SPAN("unasked"))) {
		ipc_keep(call);
		unasked(e, 0x70000000u, FLOOD);
	} else if (span_eq(how, SPAN("wrong-id"))) {
		ipc_keep(call);
		unasked(e, UINT32_MAX, 1);
	} else if (span_eq(how, SPAN("garbage"))) {
		ipc_keep(call);
		garble(e);
	} else {
		say(call, EDGE_AUTH_STATE_FAILED, SPAN(""));
	}
}

static void on_mechanisms(void *ctx, struct ipc_call *call,
			  const struct edge_auth_mechanisms *m)
{
	static const struct span plain[] = {SPAN_INIT("PLAIN")};
	(void)ctx, (void)m;
	edge_auth_mechanisms_answer(call, &(struct edge_auth_mechanisms_reply){
						  .names = plain, .names_count = 1});
}

/* Exchanges: a number that is another's, and a challenge that never ends. */
static void on_start(void *ctx, struct ipc_call *call, const struct edge_auth_start *m)
{
	(void)ctx, (void)m;
	edge_auth_start_answer(call, &(struct edge_auth_start_reply){
					     .state = EDGE_AUTH_STATE_MORE,
					     .exchange = UINT64_MAX,
					     .blob = SPAN("never enough")});
}

static void on_step(void *ctx, struct ipc_call *call, const struct edge_auth_step *m)
{
	(void)ctx;
	edge_auth_step_answer(call, &(struct edge_auth_step_reply){
					    .state = EDGE_AUTH_STATE_MORE,
					    .blob = m->blob});
}

static void on_abandon(void *ctx, struct edge_auth *c, const struct edge_auth_abandon *m)
{
	(void)ctx, (void)c, (void)m;
}

static const struct edge_auth_at_auth to_edge = {
	.mechanisms = on_mechanisms,
	.start = on_start,
	.step = on_step,
	.password = on_password,
	.abandon = on_abandon,
};

/* ---- a role like others --------------------------------------------------------- */

static void on_changed(void *ctx, struct auth_store *c, const struct auth_store_changed *m)
{
	(void)ctx, (void)c, (void)m;
}

static const struct auth_store_at_auth to_store = {.changed = on_changed};

static void store_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct liar *me = ctx;
	(void)reason;
	me->store = NULL;
	ipc_free(c);
}

static void edge_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct edge *e = ctx;
	(void)reason;
	e->channel = NULL;
	ipc_free(c);
}

static void attach_edge(struct liar *me, const struct role_peer *peer, struct ipc_link *link)
{
	for (size_t i = 0; i < EDGES_MAX; i++) {
		struct edge *e = &me->edges[i];
		struct ipc_owner owner = {.role = e, .dead = edge_dead};
		if (e->channel != NULL)
			continue;
		*e = (struct edge){.me = me, .peer = *peer, .link = link};
		e->channel = edge_auth_join_auth(link, &owner, &to_edge);
		return;
	}
	link->ops->close(link);
	link->ops->free(link);
}

static void attach(void *self, const struct role_peer *peer, struct ipc_link *link)
{
	struct liar *me = self;
	struct ipc_owner owner = {.role = me, .dead = store_dead};
	if (peer->hop == HOP_EDGE_AUTH) {
		attach_edge(me, peer, link);
	} else if (peer->hop == HOP_AUTH_STORE) {
		me->store = auth_store_join_auth(link, &owner, &to_store);
	} else { /* edge-admin: nothing is administered here */
		link->ops->close(link);
		link->ops->free(link);
	}
}

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct liar *me = calloc(1, sizeof *me);
	(void)conf, (void)why;
	if (me != NULL)
		me->role = role;
	return me;
}

/* The honest one's book of failed logins is of no use to a liar. */
static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct liar *me = self;
	(void)kind, (void)name, (void)why;
	world_close(me->role->world, fd);
	return true;
}

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE, .max_fds = 256};
}

static const struct role_def liar_role = {
	.create = create,
	.attach = attach,
	.material = material,
	.rights = rights,
};

int main(int argc, char **argv)
{
	return role_main(&liar_role, argc, argv);
}

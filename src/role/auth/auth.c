/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth - verifies credentials, slows guessing, binds sessions at the store.
 *
 * Rights: its channels, and threads for hashing.  The threads are started after
 * confinement, because Landlock and dropped capabilities hold for a thread and
 * those that it starts.  Verifiers are in memory while they are needed, and
 * come from the store; there is no message that returns one.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "crypto/library.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "role/auth/auth.h"

#define TURNS_MAX 1000u /* for the fibers that end with the role */

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE | RIGHT_THREADS, .max_fds = 512};
}

/* ---- settings -------------------------------------------------------------- */

struct password_cost auth_cost(const struct auth *a)
{
	const struct conf_auth *c = &a->conf->auth;
	uint64_t kib = c->argon2_memory / 1024;
	return (struct password_cost){
		.memory_kib = (uint32_t)u64_min(u64_max(kib, PASSWORD_MEMORY_MIN),
						PASSWORD_MEMORY_MAX),
		.passes = (uint32_t)u64_min(c->argon2_passes,
					    PASSWORD_PASSES_MAX)};
}

uint64_t auth_deadline(const struct auth *a, const struct ipc_call *call,
		       uint64_t wait)
{
	uint64_t until;
	if (!u64_add(loop_now(a->role->loop), wait, &until))
		until = IPC_NEVER;
	return u64_min(until, ipc_call_deadline(call));
}

static struct throttle_limits limits_of(const struct conf *conf)
{
	const struct conf_auth *c = &conf->auth;
	return (struct throttle_limits){.window_ns = c->window * NS_PER_SEC,
					.address = c->failures_address,
					.network = c->failures_network,
					.account = c->failures_account};
}

/* ---- channels -------------------------------------------------------------- */

static void store_changed(void *ctx, struct auth_store *channel,
			  const struct auth_store_changed *m)
{
	struct auth *a = ctx;
	(void)channel;
	users_changed(a->users, m->account);
	remember_drop(a->remember, m->account);
}

static const struct auth_store_at_auth store_handlers = {
	.changed = store_changed,
};

/* Changes may be missed from here on; versions guard what is remembered. */
static void store_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct auth *a = ctx;
	if (a->store != NULL && auth_store_ipc(a->store) == c) {
		a->store = NULL;
		users_forget_all(a->users);
	}
	role_peer_dead(a->role, &a->store_peer, c, reason);
}

static void edge_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct client *cl = ctx;
	edge_drop_all(cl);
	cl->edge = NULL;
	role_peer_dead(cl->auth->role, &cl->peer, c, reason);
}

static void admin_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct client *cl = ctx;
	cl->admin = NULL;
	role_peer_dead(cl->auth->role, &cl->peer, c, reason);
}

static void attach_store(struct auth *a, const struct role_peer *peer,
			 struct ipc_link *link)
{
	struct ipc_owner owner = {.role = a, .dead = store_dead};
	if (a->store != NULL)
		ipc_free(auth_store_ipc(a->store));
	users_forget_all(a->users);
	a->store_peer = *peer;
	a->store = auth_store_join_auth(link, &owner, &store_handlers);
}

static void attach_client(struct auth *a, const struct role_peer *peer,
			  struct ipc_link *link)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct client *c = &a->clients[i];
		if (c->edge != NULL || c->admin != NULL)
			continue;
		*c = (struct client){.auth = a, .peer = *peer};
		list_init(&c->exchanges);
		struct ipc_owner owner = {.role = c};
		if (peer->hop == HOP_ADMIN_AUTH) {
			owner.dead = admin_dead;
			c->admin = admin_auth_join_auth(link, &owner,
							&auth_admin_handlers);
		} else {
			owner.dead = edge_dead;
			c->edge = edge_auth_join_auth(link, &owner,
						      &auth_edge_handlers);
		}
		return;
	}
	link->ops->close(link);
	link->ops->free(link);
}

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct auth *a = self;
	if (peer->hop == HOP_AUTH_STORE)
		attach_store(a, peer, link);
	else if (peer->hop == HOP_EDGE_AUTH || peer->hop == HOP_ADMIN_AUTH)
		attach_client(a, peer, link);
	else {
		link->ops->close(link);
		link->ops->free(link);
	}
}

/* ---- life ------------------------------------------------------------------ */

static void destroy(void *self)
{
	struct auth *a = self;
	timer_stop(&a->expiry);
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct client *c = &a->clients[i];
		if (c->edge != NULL) {
			edge_drop_all(c);
			ipc_free(edge_auth_ipc(c->edge));
			c->edge = NULL;
		}
		if (c->admin != NULL)
			ipc_free(admin_auth_ipc(c->admin));
	}
	if (a->store != NULL)
		ipc_free(auth_store_ipc(a->store));
	a->store = NULL;
	/* Fibers that wait for what just went still need the rest. */
	for (unsigned i = 0; a->fibers > 0 && i < TURNS_MAX; i++) {
		hasher_settle(a->hasher);
		throttle_settle(a->throttle);
		(void)loop_turn(a->role->loop);
	}
	hasher_free(a->hasher);
	users_free(a->users);
	remember_free(a->remember);
	throttle_free(a->throttle);
	book_close(&a->book);
	sasl_library_free(a->sasl);
	map_free(a->exchanges);
	secret_wipe(a, sizeof *a);
	free(a);
}

/* What needs chance: every table has a secret of its own. */
static bool make_parts(struct auth *a)
{
	struct {
		uint8_t users[SIPHASH_KEY], exchanges[SIPHASH_KEY],
			remember[SIPHASH_KEY], throttle[2 * SIPHASH_KEY];
		unsigned char mac[32];
	} secret;
	struct throttle_limits limits = limits_of(a->conf);
	struct world *w = a->role->world;
	world_random(w, &secret, sizeof secret);
	a->users = users_new(a->role->loop, secret.users);
	a->exchanges = map_new(secret.exchanges, (size_t)CHANNELS_MAX *
							 EXCHANGES_MAX);
	a->remember = remember_new(secret.mac, secret.remember);
	a->throttle = throttle_new(secret.throttle, &limits);
	a->sasl = sasl_library_new();
	secret_wipe(&secret, sizeof secret);
	return a->users != NULL && a->exchanges != NULL &&
	       a->remember != NULL && a->throttle != NULL && a->sasl != NULL;
}

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct auth *a = calloc(1, sizeof *a);
	if (a == NULL || !crypto_library_start() || !password_library_start()) {
		buf_add(why, SPAN("the crypto library cannot work here"));
		free(a);
		return NULL;
	}
	a->role = role;
	a->conf = conf;
	if (make_parts(a))
		return a;
	buf_add(why, SPAN("memory is short"));
	destroy(a);
	return NULL;
}

/* The throttle goes on where that of the process before ended. */
static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct auth *a = self;
	struct throttle_limits limits = limits_of(a->conf);
	(void)name;
	if (kind != MATERIAL_BOOK || a->book.world != NULL) {
		world_close(a->role->world, fd);
		if (kind != MATERIAL_BOOK)
			buf_add(why, SPAN("auth takes a book only"));
		return kind == MATERIAL_BOOK;
	}
	struct throttle *t = book_open(&a->book, a->role->world, fd,
				       loop_now(a->role->loop), &limits);
	if (t == NULL) {
		buf_add(why, SPAN("memory is short"));
		return false;
	}
	throttle_free(a->throttle);
	a->throttle = t;
	return true;
}

static bool start(void *self, struct buf *why)
{
	struct auth *a = self;
	const struct conf_auth *c = &a->conf->auth;
	a->hasher = hasher_new(a->role->loop, (unsigned)c->threads,
			       (size_t)c->queue);
	if (a->hasher != NULL)
		return true;
	buf_add(why, SPAN("no threads can be started"));
	return false;
}

static void adopt(void *self, const struct conf *conf)
{
	struct auth *a = self;
	struct throttle_limits limits = limits_of(conf);
	a->conf = conf;
	throttle_set(a->throttle, &limits);
	hasher_limit(a->hasher, (size_t)conf->auth.queue);
}

static void status(void *self, struct buf *json)
{
	struct auth *a = self;
	buf_printf(json,
		   "\"store\":%s,\"users\":%zu,\"verified\":%llu,"
		   "\"remembered\":%llu,\"failed\":%llu,\"throttled\":%llu,"
		   "\"later\":%llu,\"hashes\":%llu,\"queued\":%zu",
		   a->store != NULL ? "true" : "false", users_count(a->users),
		   (unsigned long long)a->verified,
		   (unsigned long long)a->remembered,
		   (unsigned long long)a->failed,
		   (unsigned long long)a->throttled,
		   (unsigned long long)a->later,
		   (unsigned long long)(a->hasher ? hasher_hashes(a->hasher) : 0),
		   a->in_line + (a->hasher ? hasher_waiting(a->hasher) : 0));
}

const struct role_def auth_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.material = material,
	.rights = rights,
	.start = start,
	.adopt = adopt,
	.status = status,
};

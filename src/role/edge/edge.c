/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge - speaks SMTP, IMAP and POP3 with anybody, and holds live sessions.
 *
 * Rights: accept on the sockets that it was given, read, write.  It holds no
 * key, opens nothing, and understands no message: keys sign in the vault,
 * credentials are judged by auth, mail is the store's.
 *
 * Must never answer for the store: what a client is told about mail is what
 * the store said.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/library.h"
#include "role/edge/connection.h"
#include "role/edge/role.h"

#define CLOSE_TURNS 1000u /* for fibers to end in, when the role does */

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	const struct edge *e = self;
	/* As many descriptors as the administrator's limit lets it have. */
	*r = (struct rights){.sys = RIGHT_BASE | RIGHT_ACCEPT,
			     .max_fds = 1u << 20};
	if (e->isolated) /* its only connection is handed to it */
		*r = (struct rights){.sys = RIGHT_BASE, .max_fds = 64};
}

/* ---- peers ---------------------------------------------------------------- */

/* Its sessions are gone with it; those who live in one are told goodbye. */
static void store_lost(struct edge *e)
{
	e->store = NULL;
	e->load = EDGE_STORE_LEVEL_CALM; /* the next one tells */
	LIST_EACH (&e->connections, at) {
		struct connection *c = CONTAINER_OF(at, struct connection, link);
		if (c->session == 0 || c->epoch != e->store_epoch)
			continue;
		(void)map_remove_id(e->sessions, c->session);
		c->session = 0;
		c->lost = c->lost || c->bound;
	}
	e->store_epoch++;
	LIST_EACH (&e->connections, at) {
		struct connection *c = CONTAINER_OF(at, struct connection, link);
		if (c->lost)
			connection_kick(c);
	}
}

static void dead(struct edge *e, const struct role_peer *peer, struct ipc *c,
		 const char *reason)
{
	LOG(e->role->log, WARNING, "peer.lost", 0,
	    F_CSTR("peer", kind_name(peer->kind)), F_CSTR("reason", reason));
	role_peer_dead(e->role, peer, c, reason);
}

static void store_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct edge *e = ctx;
	store_lost(e);
	dead(e, &e->store_peer, c, reason);
}

static void auth_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct edge *e = ctx;
	e->auth = NULL;
	dead(e, &e->auth_peer, c, reason);
}

static void vault_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct edge *e = ctx;
	e->vault = NULL;
	dead(e, &e->vault_peer, c, reason);
}

/* In one piece of memory; NULL: none, so it will be asked. */
static struct edge_store_hint *keep_news(const struct edge_store_hint *m)
{
	size_t gone = m->gone_count * sizeof *m->gone;
	size_t flags = m->flags_count * sizeof *m->flags;
	struct edge_store_hint *h = malloc(sizeof *h + flags + gone);
	if (h == NULL)
		return NULL;
	struct edge_store_flagged *to = (struct edge_store_flagged *)(h + 1);
	struct edge_store_left *left =
		(struct edge_store_left *)(to + m->flags_count);
	*h = *m;
	if (flags > 0)
		memcpy(to, m->flags, flags);
	if (gone > 0)
		memcpy(left, m->gone, gone);
	h->flags = to;
	h->gone = left;
	return h;
}

static void on_hint(void *ctx, struct edge_store *channel,
		    const struct edge_store_hint *m)
{
	struct edge *e = ctx;
	struct connection *c = map_get_id(e->sessions, m->session);
	(void)channel;
	if (c == NULL || c->side == NULL)
		return;
	if (c->fiber == NULL && !c->protocol->idling(c))
		return; /* it asks by itself, with its next command */
	/* A second one before the first was told: the first is not all. */
	struct edge_store_hint *news = NULL;
	if (!c->hinted && m->since != 0)
		news = keep_news(m);
	free(c->news);
	c->news = news;
	c->hinted = true;
	if (c->fiber == NULL)
		connection_kick(c);
}

static void on_changed(void *ctx, struct edge_vault *channel,
		       const struct edge_vault_changed *m)
{
	(void)channel;
	(void)m;
	contexts_refresh(ctx);
}

static void on_load(void *ctx, struct edge_store *channel,
		    const struct edge_store_load *m)
{
	struct edge *e = ctx;
	(void)channel;
	e->load = m->level;
}

static const struct edge_store_at_edge store_handlers = {.hint = on_hint,
							  .load = on_load};
static const struct edge_vault_at_edge vault_handlers = {.changed = on_changed};

static void attach_store(struct edge *e, struct ipc_link *link)
{
	struct ipc_owner owner = {.role = e, .dead = store_dead};
	if (e->store != NULL) {
		struct ipc *old = edge_store_ipc(e->store);
		store_lost(e);
		ipc_free(old);
	}
	e->store = edge_store_join_edge(link, &owner, &store_handlers);
}

static void attach_auth(struct edge *e, struct ipc_link *link)
{
	struct ipc_owner owner = {.role = e, .dead = auth_dead};
	if (e->auth != NULL)
		ipc_free(edge_auth_ipc(e->auth));
	e->mechanisms_len = e->with_binding_len = 0;
	e->auth = edge_auth_join_edge(link, &owner);
}

static void attach_vault(struct edge *e, struct ipc_link *link)
{
	struct ipc_owner owner = {.role = e, .dead = vault_dead};
	if (e->vault != NULL)
		ipc_free(edge_vault_ipc(e->vault));
	e->vault = edge_vault_join_edge(link, &owner, &vault_handlers);
	if (e->vault != NULL && e->started)
		contexts_refresh(e);
}

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct edge *e = self;
	switch (peer->hop) {
	case HOP_EDGE_STORE:
		e->store_peer = *peer;
		attach_store(e, link);
		return;
	case HOP_EDGE_AUTH:
		e->auth_peer = *peer;
		attach_auth(e, link);
		return;
	case HOP_EDGE_VAULT:
		e->vault_peer = *peer;
		attach_vault(e, link);
		return;
	default:
		link->ops->close(link);
		link->ops->free(link);
	}
}

/* ---- life ------------------------------------------------------------------ */

static void listener(void *self, struct span name, int fd)
{
	listener_add(self, name, fd);
}

/* Who may sign a listener's clients, before the contexts are made. */
static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct edge *e = self;
	bool ok = kind == MATERIAL_CLIENT_CA &&
		  listener_client_ca(e, name, fd, why);
	if (kind != MATERIAL_CLIENT_CA)
		buf_add(why, SPAN("edge takes authorities of clients only"));
	world_close(e->role->world, fd);
	return ok;
}

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct edge *e = calloc(1, sizeof *e);
	uint8_t secret[SIPHASH_KEY];
	if (e != NULL) {
		world_random(role->world, secret, sizeof secret);
		e->sessions = map_new(secret, EDGE_CONNECTIONS);
		/* It opens what it needs before confinement, nothing after. */
		if (crypto_library_start())
			e->tls = tls_library_new(&(struct tls_signer){
				.sign = contexts_sign, .owner = e});
	}
	if (e == NULL || e->sessions == NULL || e->tls == NULL) {
		buf_add(why, SPAN("memory is short, or the TLS library cannot "
				  "work here"));
		if (e != NULL) {
			tls_library_free(e->tls);
			map_free(e->sessions);
		}
		free(e);
		return NULL;
	}
	e->role = role;
	e->conf = conf;
	if (role->kind == KIND_EDGE_ACCESS &&
	    conf->processes.isolate == CONF_ISOLATE_USER) {
		e->porter = role->index == 0;
		e->isolated = !e->porter;
	}
	list_init(&e->connections);
	list_init(&e->guests);
	porter_prepare(e, conf);
	return e;
}

static bool start(void *self, struct buf *why)
{
	struct edge *e = self;
	(void)why;
	e->started = true;
	e->began = loop_now(e->role->loop);
	retire_watch(e);
	listener_take_authorities(e);
	contexts_refresh(e);
	return true;
}

static bool prepare(void *self, const struct conf *conf, struct buf *why)
{
	struct edge *e = self;
	e->round++; /* the sockets that it wants are named from here on */
	listener_drop_authorities(e);
	/* Every value was checked when it was written. */
	if (listener_prepare(e, conf))
		return true;
	buf_add(why, SPAN("memory is short"));
	return false;
}

static void adopt(void *self, const struct conf *conf)
{
	struct edge *e = self;
	e->conf = conf;
	listener_take_authorities(e);
	listener_configure(e);
	porter_prepare(e, conf);
	contexts_refresh(e);
	retire_watch(e);
}

static void drain(void *self, uint32_t within_ms)
{
	drain_begin(self, within_ms);
}

static void retire(void *self)
{
	retire_begin(self);
}

static void come(void *self, struct span listener, const struct addr *peer,
		 int fd)
{
	porter_come(self, listener, peer, fd);
}

static void make_way(void *self)
{
	porter_make_way(self);
}

static void guest_known(void *self, uint64_t id, bool known)
{
	porter_known(self, id, known);
}

static void drop_all(struct edge *e)
{
	LIST_EACH (&e->connections, at) {
		struct connection *c = CONTAINER_OF(at, struct connection, link);
		if (c->fiber == NULL)
			connection_drop(c);
	}
}

/* Every fiber comes to its end: whom it waits for is gone, or does not count. */
static void finish_fibers(struct edge *e)
{
	for (unsigned i = 0; i < CLOSE_TURNS && (e->connection_count > 0 ||
						 e->contexts != NULL);
	     i++) {
		LIST_EACH (&e->connections, at) {
			struct connection *c =
				CONTAINER_OF(at, struct connection, link);
			c->stop = true;
			if (c->fiber != NULL)
				fiber_stop(c->fiber);
		}
		if (e->contexts != NULL)
			fiber_stop(e->contexts);
		(void)loop_turn(e->role->loop);
		drop_all(e);
	}
}

static void destroy(void *self)
{
	struct edge *e = self;
	struct workspace *w;
	e->draining = e->drained = true;
	listener_close_all(e);
	timer_stop(&e->drain);
	timer_stop(&e->worn);
	if (e->store != NULL)
		ipc_free(edge_store_ipc(e->store));
	if (e->auth != NULL)
		ipc_free(edge_auth_ipc(e->auth));
	if (e->vault != NULL)
		ipc_free(edge_vault_ipc(e->vault));
	e->store = NULL;
	e->auth = NULL;
	e->vault = NULL;
	porter_close(e);
	drop_all(e);
	finish_fibers(e);
	/* A fiber that still serves uses all this: the process ends with it. */
	if (e->connection_count > 0 || e->contexts != NULL)
		return;
	for (size_t i = 0; i < e->port_count; i++) {
		service_release(e->ports[i].service);
		service_release(e->ports[i].next_service);
		crowd_free(&e->ports[i].crowd);
		free(e->ports[i].client_ca);
		free(e->ports[i].next_ca);
	}
	while ((w = e->spare) != NULL) {
		e->spare = w->next;
		arena_free(w->arena);
		free(w);
	}
	tls_library_free(e->tls);
	map_free(e->sessions);
	free(e);
}

static void status(void *self, struct buf *json)
{
	struct edge *e = self;
	const struct edge_counts *n = &e->counts;
	buf_printf(json,
		   "\"connections\":%zu,\"accepted\":%llu,\"refused\":%llu,"
		   "\"handshakes\":%llu,\"handshakes_failed\":%llu,"
		   "\"kept\":%llu,\"logins\":%llu,\"serving\":%s,"
		   "\"shed\":%llu,\"put_off\":%llu,\"gave_way\":%llu,"
		   "\"logged_in\":%zu",
		   e->connection_count, (unsigned long long)n->accepted,
		   (unsigned long long)n->refused,
		   (unsigned long long)n->shaken,
		   (unsigned long long)n->shake_failures,
		   (unsigned long long)n->kept, (unsigned long long)n->logins,
		   e->serving ? "true" : "false", (unsigned long long)n->shed,
		   (unsigned long long)n->put_off,
		   (unsigned long long)n->gave_way, e->bound_count);
}

const struct role_def edge_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.listener = listener,
	.material = material,
	.rights = rights,
	.start = start,
	.prepare = prepare,
	.adopt = adopt,
	.drain = drain,
	.retire = retire,
	.come = come,
	.make_way = make_way,
	.guest_known = guest_known,
	.status = status,
};

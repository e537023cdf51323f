/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/local - takes mail from users of this machine over a local socket.
 *
 * Rights: accept on that socket, its channels.  Who connects is known from the
 * kernel; what he is called from the list of users, which the supervisor opens
 * and hands over.  Whom the list does not name is told so.
 *
 * Must never tell the store of a user whom the kernel did not tell it of.
 */
#include "role/local/local.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "os/sock.h"
#include "os/spawn.h"

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE | RIGHT_ACCEPT, .max_fds = 256};
}

/* ---- clients -------------------------------------------------------------- */

static void client_free(struct client *c)
{
	message_forget(c);
	buf_free(&c->rest);
	arena_free(c->arena);
	*c = (struct client){.local = c->local};
}

static void client_dead(void *ctx, struct ipc *ch, const char *reason)
{
	struct client *c = ctx;
	(void)reason;
	c->channel = NULL;
	ipc_free(ch);
	if (!c->busy)
		client_free(c);
}

static void client_fiber(void *arg)
{
	struct client *c = arg;
	struct local *l = c->local;
	c->run(c);
	c->busy = false;
	arena_reset(c->arena);
	if (c->channel == NULL)
		client_free(c);
	l->jobs--;
	if (l->draining && l->jobs == 0)
		role_drained(l->role);
}

static void begin(struct client *c, struct ipc_call *call, const void *ask,
		  void (*run)(struct client *))
{
	struct local *l = c->local;
	if (c->busy || l->draining) {
		ipc_refuse(call, l->draining ? IPC_BUSY : IPC_NOT_NOW);
		return;
	}
	ipc_keep(call);
	c->busy = true;
	c->call = call;
	c->ask = ask;
	c->run = run;
	l->jobs++;
	if (fiber_start(l->role->loop, client_fiber, c) == NULL) {
		c->busy = false;
		l->jobs--;
		ipc_refuse(call, IPC_BUSY);
	}
}

#define HANDLER(verb)                                                          \
	static void on_##verb(void *ctx, struct ipc_call *call,                \
			      const struct cmd_local_##verb *m)                \
	{                                                                      \
		begin(ctx, call, m, message_##verb);                           \
	}
HANDLER(who)
HANDLER(begin)
HANDLER(recipient)
HANDLER(piece)
HANDLER(end)

static const struct cmd_local_at_local handlers = {.who = on_who,
						   .begin = on_begin,
						   .recipient = on_recipient,
						   .piece = on_piece,
						   .end = on_end};

/* NULL: no room, or he has enough. */
static struct client *client_place(struct local *l, uint32_t uid)
{
	struct client *place = NULL;
	unsigned his = 0;
	for (size_t i = 0; i < LOCAL_CLIENTS_MAX; i++) {
		struct client *c = &l->clients[i];
		if (!c->taken)
			place = c;
		else
			his += c->uid == uid;
	}
	return uid != 0 && his >= LOCAL_CLIENTS_EACH ? NULL : place;
}

static void client_add(struct local *l, struct ipc_link *link,
		       const struct peer_cred *who)
{
	struct client *c = client_place(l, who->uid);
	struct arena *arena = c != NULL ? arena_new(LOCAL_ANSWER_MEMORY) : NULL;
	if (arena == NULL) {
		l->refused_peers++;
		link->ops->close(link);
		link->ops->free(link);
		return;
	}
	struct span name = users_name(buf_span(&l->users), who->uid);
	*c = (struct client){.local = l, .uid = who->uid, .pid = who->pid,
			     .taken = true, .arena = arena};
	buf_init(&c->rest, LOCAL_PIECE);
	snprintf(c->name, sizeof c->name, "%.*s", SPAN_FMT(name));
	struct ipc_owner owner = {.role = c, .dead = client_dead};
	c->channel = cmd_local_join_local(link, &owner, &handlers);
	if (c->channel == NULL)
		client_free(c);
}

/* ---- the socket ------------------------------------------------------------ */

static void take(void *self, int fd, const struct peer_cred *who)
{
	struct local *l = self;
	struct ipc_link *link = ipc_link_os(l->role->loop, fd);
	if (link != NULL)
		client_add(l, link, who);
}

static void listener(void *self, struct span name, int fd)
{
	struct local *l = self;
	doors_add(&l->doors, name, fd);
}

/* ---- the store, and who is who ------------------------------------------------ */

static void on_load(void *ctx, struct edge_store *c, const struct edge_store_load *m)
{
	(void)ctx; /* users of ours are never shed */
	(void)c;
	(void)m;
}

static void on_hint(void *ctx, struct edge_store *c, const struct edge_store_hint *m)
{
	(void)ctx;
	(void)c;
	(void)m;
}

static const struct edge_store_at_edge store_handlers = {.load = on_load,
							 .hint = on_hint};

static void store_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct local *l = ctx;
	l->store = NULL;
	l->epoch++;
	role_peer_dead(l->role, &l->store_peer, c, reason);
}

static void attach(void *self, const struct role_peer *peer, struct ipc_link *link)
{
	struct local *l = self;
	struct ipc_owner owner = {.role = l, .dead = store_dead};
	if (peer->hop == HOP_CMD_LOCAL) {
		struct peer_cred who = {.uid = os_uid(), .pid = (int32_t)peer->pid};
		client_add(l, link, &who);
		return;
	}
	if (peer->hop != HOP_EDGE_STORE) {
		link->ops->close(link);
		link->ops->free(link);
		return;
	}
	ipc_free(l->store ? edge_store_ipc(l->store) : NULL);
	l->epoch++;
	l->store_peer = *peer;
	l->store = edge_store_join_edge(link, &owner, &store_handlers);
}

static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct local *l = self;
	char *bytes = kind == MATERIAL_USERS ? malloc(USERS_MAX) : NULL;
	size_t got = 0;
	(void)name;
	bool ok = bytes != NULL &&
		  file_read_at(l->role->world, fd, bytes, USERS_MAX, 0, &got) == OS_OK;
	if (ok) {
		buf_clear(&l->users);
		buf_add(&l->users, span_of(bytes, got));
		ok = buf_ok(&l->users);
	}
	if (!ok)
		buf_add(why, SPAN("the list of users could not be read"));
	free(bytes);
	world_close(l->role->world, fd);
	return ok;
}

/* ---- life ----------------------------------------------------------------- */

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct local *l = calloc(1, sizeof *l);
	if (l == NULL) {
		buf_add(why, SPAN("memory is short"));
		return NULL;
	}
	l->role = role;
	l->conf = conf;
	buf_init(&l->users, USERS_MAX);
	for (size_t i = 0; i < LOCAL_CLIENTS_MAX; i++)
		l->clients[i] = (struct client){.local = l};
	doors_init(&l->doors, role, take);
	return l;
}

static void destroy(void *self)
{
	struct local *l = self;
	doors_close(&l->doors);
	for (size_t i = 0; i < LOCAL_CLIENTS_MAX; i++) {
		struct client *c = &l->clients[i];
		if (c->channel != NULL)
			ipc_free(cmd_local_ipc(c->channel));
		buf_free(&c->rest);
		arena_free(c->arena);
	}
	ipc_free(l->store ? edge_store_ipc(l->store) : NULL);
	buf_free(&l->users);
	free(l);
}

static bool start(void *self, struct buf *why)
{
	struct local *l = self;
	(void)why;
	doors_open(&l->doors);
	return true;
}

static void adopt(void *self, const struct conf *conf)
{
	struct local *l = self;
	l->conf = conf;
	doors_keep(&l->doors, conf);
}

static void drain(void *self, uint32_t within_ms)
{
	struct local *l = self;
	(void)within_ms;
	l->draining = true;
	doors_close(&l->doors);
	if (l->jobs == 0)
		role_drained(l->role);
}

static void status(void *self, struct buf *json)
{
	struct local *l = self;
	unsigned clients = 0;
	for (size_t i = 0; i < LOCAL_CLIENTS_MAX; i++)
		clients += l->clients[i].taken;
	buf_printf(json,
		   "\"clients\":%u,\"kept\":%llu,\"refused\":%llu,"
		   "\"refused_peers\":%llu",
		   clients, (unsigned long long)l->kept,
		   (unsigned long long)l->refused,
		   (unsigned long long)l->refused_peers);
}

const struct role_def local_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.listener = listener,
	.material = material,
	.rights = rights,
	.start = start,
	.adopt = adopt,
	.drain = drain,
	.status = status,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store - keeps mail, the queue and the directory; the only writer.
 *
 * Rights: its channels, its own folder, threads of the engine (started before
 * confinement), sealed memory for messages that the sorter has to read.
 *
 * Must never parse mail, speak to a network, or answer yes to anything that is
 * not durable yet.
 */
#include <stdlib.h>

#include "role/store/index.h"
#include "role/store/queue.h"
#include "role/store/role.h"
#include "role/store/session.h"

#define STORE_FDS 4096u
#define CLOSE_TURNS 100000u

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	struct store *s = self;
	*r = (struct rights){.sys = RIGHT_BASE | RIGHT_BLOBS,
			     .max_fds = STORE_FDS};
	if (s->folder < 0)
		return;
	s->dir = (struct rights_dir){.fd = s->folder, .writable = true};
	r->sys |= RIGHT_DATA_FILES | RIGHT_THREADS;
	r->dirs = &s->dir;
	r->dir_count = 1;
}

/* ---- channels -------------------------------------------------------------- */

static void peer_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct peer *p = ctx;
	LOG(p->store->role->log, INFO, "store.peer_gone", 0,
	    F_CSTR("peer", kind_name(p->who.kind)), F_CSTR("why", reason));
	sessions_close(p);
	p->channel = NULL;
	if (p->who.hop == HOP_COURIER_STORE)
		queue_left(p);
	role_peer_dead(p->store->role, &p->who, c, reason);
}

/* Calls on one channel keep their order: none follows this answer. */
static void on_leaving(void *ctx, struct ipc_call *call,
		       const struct store_sorter_leaving *m)
{
	struct peer *p = ctx;
	(void)m;
	p->leaving = true;
	store_sorter_leaving_answer(call, &(struct store_sorter_leaving_reply){0});
}

static const struct store_sorter_at_store store_for_sorter = {
	.leaving = on_leaving};

static struct ipc *join(struct peer *p, struct ipc_link *link)
{
	struct ipc_owner owner = {.role = p, .dead = peer_dead};
	switch (p->who.hop) {
	case HOP_EDGE_STORE:
		return edge_store_ipc(
			edge_store_join_store(link, &owner, &store_for_edge));
	case HOP_AUTH_STORE:
		return auth_store_ipc(
			auth_store_join_store(link, &owner, &store_for_auth));
	case HOP_COURIER_STORE:
		return courier_store_ipc(courier_store_join_store(
			link, &owner, &store_for_courier));
	case HOP_ADMIN_STORE:
		return admin_store_ipc(
			admin_store_join_store(link, &owner, &store_for_admin));
	case HOP_STORE_SORTER:
		return store_sorter_ipc(store_sorter_join_store(
			link, &owner, &store_for_sorter));
	default:
		link->ops->close(link);
		link->ops->free(link);
		return NULL;
	}
}

static void attach(void *self, const struct role_peer *who,
		   struct ipc_link *link)
{
	struct store *s = self;
	for (size_t i = 0; i < STORE_PEERS_MAX; i++) {
		struct peer *p = &s->peers[i];
		if (p->channel != NULL || p->link != NULL)
			continue;
		*p = (struct peer){.store = s, .who = *who};
		list_init(&p->sessions);
		if (s->directory != NULL)
			p->channel = join(p, link);
		else
			p->link = link;
		if (s->load.level != EDGE_STORE_LEVEL_CALM)
			load_watch(s);
		return;
	}
	link->ops->close(link);
	link->ops->free(link);
}

/* What peers sent meanwhile is still in their channels. */
static void attach_waiting(struct store *s)
{
	for (size_t i = 0; i < STORE_PEERS_MAX; i++) {
		struct peer *p = &s->peers[i];
		struct ipc_link *link = p->link;
		p->link = NULL;
		if (link != NULL)
			p->channel = join(p, link);
	}
}

/* ---- life -------------------------------------------------------------------- */

static struct map *new_map(struct role *role, size_t limit)
{
	uint8_t secret[SIPHASH_KEY];
	world_random(role->world, secret, sizeof secret);
	return map_new(secret, limit);
}

static void free_all(struct store *s)
{
	map_free(s->sessions);
	map_free(s->boxes);
	map_free(s->moving);
	free(s->changed);
	free(s);
}

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct store *s = calloc(1, sizeof *s);
	if (s == NULL) {
		buf_add(why, SPAN("memory is short"));
		return NULL;
	}
	s->role = role;
	s->conf = conf;
	s->folder = -1;
	list_init(&s->idle_jobs);
	list_init(&s->busy_jobs);
	list_init(&s->idle_boxes);
	list_init(&s->hinting);
	indexing_begin(s);
	list_init(&s->waiting);
	list_init(&s->load.waiting);
	list_init(&s->queue.asks);
	s->sessions = new_map(role, STORE_SESSIONS_MAX);
	s->boxes = new_map(role, STORE_SESSIONS_MAX);
	s->moving = new_map(role, STORE_SESSIONS_MAX);
	if (s->sessions == NULL || s->boxes == NULL || s->moving == NULL)
		buf_add(why, SPAN("memory is short"));
	else if (conf->store.engine != CONF_ENGINE_MEMORY ||
		 engine_open(s, why))
		return s;
	free_all(s);
	return NULL;
}

static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct store *s = self;
	(void)name;
	if (kind != MATERIAL_DIR || s->folder >= 0) {
		world_close(s->role->world, fd);
		if (kind != MATERIAL_DIR)
			buf_add(why, SPAN("the store takes a folder only"));
		return kind == MATERIAL_DIR;
	}
	if (s->kv != NULL) { /* kept in memory */
		world_close(s->role->world, fd);
		return true;
	}
	s->folder = fd;
	return true; /* start opens it: its threads have to be confined, too */
}

static bool start(void *self, struct buf *why)
{
	struct store *s = self;
	if (s->kv == NULL && !engine_open(s, why))
		return false;
	if (!engine_watch(s)) {
		buf_add(why, SPAN("descriptors are short"));
		return false;
	}
	attach_waiting(s);
	custody_begin(s);
	queue_begin(s);
	sweep_begin(s);
	return true;
}

static void adopt(void *self, const struct conf *conf)
{
	struct store *s = self;
	s->conf = conf;
	if (s->kv != NULL)
		engine_adopt(s);
}

static void drain(void *self, uint32_t within_ms)
{
	struct store *s = self;
	(void)within_ms;
	s->draining = true;
	if (s->jobs == 0)
		role_drained(s->role);
}

/* Let every job come to its end: nothing new can come, channels are gone. */
static void finish_jobs(struct store *s)
{
	for (unsigned i = 0; s->jobs > 0 && i < CLOSE_TURNS; i++) {
		if (s->kv != NULL)
			(void)kv_pause(s->kv);
		jobs_hurry(s);
		(void)loop_turn(s->role->loop);
	}
}

static void destroy(void *self)
{
	struct store *s = self;
	s->closing = true;
	custody_end(s);
	queue_end(s);
	sweep_end(s);
	indexing_end(s);
	load_end(s);
	backup_stop(s);
	restore_stop(s);
	for (size_t i = 0; i < STORE_PEERS_MAX; i++) {
		struct peer *p = &s->peers[i];
		if (p->link != NULL)
			p->link->ops->close(p->link);
		if (p->channel == NULL)
			continue;
		sessions_close(p);
		struct ipc *channel = p->channel;
		p->channel = NULL;
		if (p->who.hop == HOP_COURIER_STORE)
			queue_left(p);
		ipc_free(channel);
	}
	finish_jobs(s);
	if (s->jobs > 0)
		return; /* the process ends; the engine recovers at its start */
	custody_end(s); /* what its jobs gave back */
	watches_stop(s);
	jobs_free(s);
	boxes_close(s);
	engine_close(s);
	world_close(s->role->world, s->folder);
	free_all(s);
}

void store_figures(struct store *s, struct buf *json)
{
	struct kv_stats kv = {0};
	const struct counters *c = &s->count;
	if (s->kv != NULL)
		kv_stats(s->kv, &kv);
	load_figures(s, json);
	buf_printf(json,
		   "\"commits\":%llu,\"groups\":%llu,\"engine_up\":%s,"
		   "\"sessions\":%zu,\"boxes\":%zu,\"jobs\":%zu,"
		   "\"staged\":%llu,\"conflicts\":%llu,\"reopened\":%llu,",
		   (unsigned long long)kv.commits, (unsigned long long)kv.groups,
		   s->kv != NULL && kv_up(s->kv) ? "true" : "false",
		   map_count(s->sessions), map_count(s->boxes), s->jobs,
		   (unsigned long long)s->staged,
		   (unsigned long long)kv.conflicts,
		   (unsigned long long)kv.reopened);
	buf_printf(json,
		   "\"offered\":%llu,\"kept_direct\":%llu,\"kept_spool\":%llu,"
		   "\"appended\":%llu,\"refused\":%llu,\"opaque\":%llu,"
		   "\"loops\":%llu,\"delivered\":%llu,\"undelivered\":%llu,"
		   "\"sent\":%llu,\"deferred\":%llu,\"failed\":%llu,"
		   "\"reported\":%llu,"
		   "\"hints\":%llu,\"violations\":%llu",
		   (unsigned long long)c->offered,
		   (unsigned long long)c->kept_direct,
		   (unsigned long long)c->kept_spool,
		   (unsigned long long)c->appended,
		   (unsigned long long)c->refused,
		   (unsigned long long)c->opaque, (unsigned long long)c->loops,
		   (unsigned long long)c->delivered,
		   (unsigned long long)c->undelivered,
		   (unsigned long long)c->sent,
		   (unsigned long long)c->deferred,
		   (unsigned long long)c->failed,
		   (unsigned long long)c->reported,
		   (unsigned long long)c->hints,
		   (unsigned long long)c->violations);
}

static void status(void *self, struct buf *json)
{
	store_figures(self, json);
}

const struct role_def store_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.material = material,
	.rights = rights,
	.start = start,
	.adopt = adopt,
	.drain = drain,
	.status = status,
};

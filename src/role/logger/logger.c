/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/logger - appends what roles tell, stamped with time, role and pid.
 *
 * Rights: its descriptors.  It opens nothing: the supervisor hands it the log
 * file, and a new one after a rotation; and the file of the trail, from which it
 * answers the admin pool what happened under an id.  Lines of one loop turn leave in one
 * write.  Identity of a line comes from the channel that it came on.
 *
 * Must never make anybody wait: what cannot be written is counted and dropped.
 */
#include <stdlib.h>

#include "os/file.h"
#include "role/common/role.h"
#include "role/logger/role.h"
#include "role/logger/render.h"
#include "role/logger/trail.h"
#include "wire/admin_logger.h"

#define CHANNELS_MAX ROLE_PROCESSES_MAX
#define READERS_MAX  8u
#define ANSWER_MAX   40960u /* bytes of events in one answer; one at least */
#define ANSWER_COUNT 64u
#define SLICE_NS     NS_PER_MS /* between two slices of the trail */
#define AGAIN_NS     (10 * NS_PER_SEC) /* after a write to it failed */
#define GATHER_MAX   (4u << 20)

struct logger;

struct source {
	struct logger *logger;
	struct role_peer peer;
	struct role_logger *channel;
};

/* The admin pool's end. */
struct reader {
	struct logger *logger;
	struct role_peer peer;
	struct admin_logger *channel;
};

struct logger {
	struct role *role;
	const struct conf *conf;
	struct source sources[CHANNELS_MAX];
	struct reader readers[READERS_MAX];
	struct trail *trail; /* NULL: none */
	struct timer reading;
	struct buf out;
	struct hook flush;
	int file; /* -1: none yet */
	uint64_t lines, dropped, told_dropped;
};

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE, .max_fds = 512};
}

/* ---- lines -------------------------------------------------------------- */

static void read_trail(struct timer *t)
{
	struct logger *g = t->arg;
	if (!trail_read(g->trail) &&
	    !timer_start(g->role->loop, &g->reading,
			 world_now(g->role->world) + SLICE_NS, read_trail, g))
		LOG(g->role->log, WARNING, "trail.not-read", 0,
		    F_CSTR("why", "memory is short"));
}

/* A write that fails spoils it, and it is read again later. */
static void write_trail(struct logger *g)
{
	if (g->trail == NULL)
		return;
	trail_flush(g->trail);
	if (!trail_is_ready(g->trail) && !timer_active(&g->reading))
		(void)!timer_start(g->role->loop, &g->reading,
				   world_now(g->role->world) + AGAIN_NS,
				   read_trail, g);
}

static void write_out(struct hook *h)
{
	struct logger *g = h->arg;
	write_trail(g);
	if (buf_len(&g->out) == 0)
		return;
	if (g->file < 0 || file_append(g->role->world, g->file,
				       buf_span(&g->out)) != OS_OK)
		g->dropped++;
	buf_clear(&g->out);
}

static void put_line(struct logger *g, const struct role_peer *peer,
		     const struct role_logger_line *line)
{
	struct wall now = world_wall(g->role->world);
	struct render_stamp t = {.sec = now.sec,
				 .nsec = now.nsec,
				 .role = span_cstr(kind_name(peer->kind)),
				 .host = g->conf->hostname,
				 .tag = g->conf->log.tag,
				 .pid = peer->pid};
	render_line(&g->out, g->conf->log.format, &g->conf->log.fields, &t,
		    line);
	if (!buf_ok(&g->out)) {
		g->dropped++;
		buf_clear(&g->out);
	}
	if (g->trail != NULL)
		trail_add(g->trail,
			  &(struct trail_stamp){.sec = now.sec,
						.nsec = now.nsec,
						.pid = peer->pid,
						.role = t.role},
			  line);
	g->lines++;
	loop_at_end(g->role->loop, &g->flush, write_out, g);
}

/* Roles log from debug up; the configuration says what is kept. */
static bool below(const struct logger *g, enum role_logger_level l)
{
	static const enum role_logger_level least[] = {
		[CONF_LOG_ERROR] = ROLE_LOGGER_LEVEL_ERROR,
		[CONF_LOG_WARNING] = ROLE_LOGGER_LEVEL_WARNING,
		[CONF_LOG_INFO] = ROLE_LOGGER_LEVEL_INFO,
		[CONF_LOG_DEBUG] = ROLE_LOGGER_LEVEL_DEBUG,
	};
	return l < least[g->conf->log.level];
}

static void on_line(void *ctx, struct role_logger *c,
		    const struct role_logger_line *m)
{
	struct source *s = ctx;
	(void)c;
	if (!below(s->logger, m->level))
		put_line(s->logger, &s->peer, m);
}

static void on_dropped(void *ctx, struct role_logger *c,
		       const struct role_logger_dropped *m)
{
	struct source *s = ctx;
	struct buf n;
	(void)c;
	buf_init(&n, 32);
	buf_add_u64(&n, m->lines);
	struct role_logger_field f = {.key = SPAN("lines"),
				      .value = buf_span(&n)};
	struct role_logger_line line = {.level = ROLE_LOGGER_LEVEL_WARNING,
					.event = SPAN("log.dropped"),
					.fields = &f,
					.fields_count = 1};
	s->logger->told_dropped += m->lines;
	put_line(s->logger, &s->peer, &line);
	buf_free(&n);
}

static const struct role_logger_at_logger handlers = {.line = on_line,
						      .dropped = on_dropped};

/* ---- what happened under an id -------------------------------------------- */

/* As many as one answer holds; at most TRAIL_STEPS entries are looked at. */
static void gather(struct trail *t, const struct admin_logger_events *m,
		   struct arena *a, struct admin_logger_event *list,
		   struct admin_logger_events_reply *rep)
{
	uint64_t at = m->from;
	struct trail_entry e;
	size_t bytes = 0;
	do {
		uint64_t before = at;
		bool found = trail_next(t, m->id, &at, a, &e);
		rep->next = at;
		if (!found)
			return;
		/* One that does not fit behind others begins the next answer. */
		if (rep->events_count > 0 && bytes + e.line.len > ANSWER_MAX) {
			rep->next = before;
			return;
		}
		bytes += e.line.len + TRAIL_ROLE_MAX;
		list[rep->events_count++] = (struct admin_logger_event){
			.seconds = e.stamp.sec,
			.nanoseconds = e.stamp.nsec,
			.role = e.stamp.role,
			.pid = e.stamp.pid,
			.line = e.line};
	} while (at != 0 && rep->events_count < ANSWER_COUNT &&
		 bytes < ANSWER_MAX);
}

static void on_events(void *ctx, struct ipc_call *call,
		      const struct admin_logger_events *m)
{
	struct reader *r = ctx;
	struct trail *t = r->logger->trail;
	struct admin_logger_event list[ANSWER_COUNT];
	struct admin_logger_events_reply rep = {.events = list};
	struct arena *a = arena_new(4 * TRAIL_ENTRY_MAX);
	if (a == NULL) {
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	if (t == NULL)
		rep.state = ADMIN_LOGGER_STATE_OFF;
	else if (!trail_is_ready(t))
		rep.state = ADMIN_LOGGER_STATE_READING;
	else
		gather(t, m, a, list, &rep);
	admin_logger_events_answer(call, &rep);
	arena_free(a);
}

static const struct admin_logger_at_logger reader_handlers = {
	.events = on_events};

/* ---- channels ----------------------------------------------------------- */

static void source_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct source *s = ctx;
	s->channel = NULL;
	role_peer_dead(s->logger->role, &s->peer, c, reason);
}

static struct source *source_free_one(struct logger *g)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (g->sources[i].channel == NULL)
			return &g->sources[i];
	return NULL;
}

static void reader_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct reader *r = ctx;
	r->channel = NULL;
	role_peer_dead(r->logger->role, &r->peer, c, reason);
}

static bool attach_reader(struct logger *g, const struct role_peer *peer,
			  struct ipc_link *link)
{
	for (size_t i = 0; i < READERS_MAX; i++) {
		struct reader *r = &g->readers[i];
		if (r->channel != NULL)
			continue;
		*r = (struct reader){.logger = g, .peer = *peer};
		struct ipc_owner owner = {.role = r, .dead = reader_dead};
		r->channel = admin_logger_join_logger(link, &owner,
						      &reader_handlers);
		return true;
	}
	return false;
}

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct logger *g = self;
	if (peer->hop == HOP_ADMIN_LOGGER && attach_reader(g, peer, link))
		return;
	struct source *s = peer->hop == HOP_ROLE_LOGGER ? source_free_one(g)
							: NULL;
	if (s == NULL) {
		link->ops->close(link);
		link->ops->free(link);
		return;
	}
	*s = (struct source){.logger = g, .peer = *peer};
	struct ipc_owner owner = {.role = s, .dead = source_dead};
	s->channel = role_logger_join_logger(link, &owner, &handlers);
}

/* ---- life --------------------------------------------------------------- */

static void *create(struct role *role, const struct conf *conf, struct buf *why)
{
	struct logger *g = calloc(1, sizeof *g);
	if (g == NULL) {
		buf_add(why, SPAN("memory is short"));
		return NULL;
	}
	g->role = role;
	g->conf = conf;
	g->file = -1;
	buf_init(&g->out, GATHER_MAX);
	return g;
}

static void destroy(void *self)
{
	struct logger *g = self;
	write_out(&(struct hook){.arg = g});
	hook_stop(&g->flush);
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (g->sources[i].channel != NULL)
			ipc_free(role_logger_ipc(g->sources[i].channel));
	for (size_t i = 0; i < READERS_MAX; i++)
		if (g->readers[i].channel != NULL)
			ipc_free(admin_logger_ipc(g->readers[i].channel));
	timer_stop(&g->reading);
	trail_free(g->trail);
	world_close(g->role->world, g->file);
	buf_free(&g->out);
	free(g);
}

static bool take_trail(struct logger *g, int fd, struct buf *why)
{
	uint64_t size = g->conf->log.trail;
	if (g->trail != NULL || size == 0) {
		world_close(g->role->world, fd);
		return true;
	}
	g->trail = trail_new(g->role->world, fd,
			     size < TRAIL_LEAST ? TRAIL_LEAST : size);
	if (g->trail == NULL)
		buf_add(why, SPAN("the trail cannot be used: memory is short, or "
				  "its file cannot be written"));
	else if (!timer_start(g->role->loop, &g->reading,
			      world_now(g->role->world), read_trail, g))
		buf_add(why, SPAN("memory is short"));
	return buf_len(why) == 0;
}

/* The same file again, or the one after a rotation. */
static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct logger *g = self;
	(void)name;
	if (kind == MATERIAL_TRAIL)
		return take_trail(g, fd, why);
	if (kind != MATERIAL_LOG) {
		buf_add(why, SPAN("the logger takes a log file and a trail"));
		world_close(g->role->world, fd);
		return false;
	}
	write_out(&(struct hook){.arg = g});
	world_close(g->role->world, g->file);
	g->file = fd;
	return true;
}

static void adopt(void *self, const struct conf *conf)
{
	struct logger *g = self;
	g->conf = conf;
}

static void status(void *self, struct buf *json)
{
	struct logger *g = self;
	buf_printf(json,
		   "\"lines\":%llu,\"dropped_here\":%llu,\"dropped_by_roles\":%llu,"
		   "\"trail_lost\":%llu",
		   (unsigned long long)g->lines, (unsigned long long)g->dropped,
		   (unsigned long long)g->told_dropped,
		   (unsigned long long)(g->trail ? trail_lost(g->trail) : 0));
}

const struct role_def logger_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.material = material,
	.rights = rights,
	.adopt = adopt,
	.status = status,
};

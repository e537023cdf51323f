/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/logger - appends what roles tell, stamped with time, role and pid.
 *
 * Rights: its descriptors.  It opens nothing: the supervisor hands it the log
 * file, and a new one after a rotation.  Lines of one loop turn leave in one
 * write.  Identity of a line comes from the channel that it came on.
 *
 * Must never make anybody wait: what cannot be written is counted and dropped.
 */
#include <stdlib.h>

#include "os/file.h"
#include "role/common/role.h"
#include "role/logger/role.h"
#include "role/logger/render.h"

#define CHANNELS_MAX 64u
#define GATHER_MAX   (4u << 20)

struct logger;

struct source {
	struct logger *logger;
	struct role_peer peer;
	struct role_logger *channel;
};

struct logger {
	struct role *role;
	const struct conf *conf;
	struct source sources[CHANNELS_MAX];
	struct buf out;
	struct hook flush;
	int file; /* -1: none yet */
	uint64_t lines, dropped, told_dropped;
};

/* ---- rights: the first page --------------------------------------------- */

static void rights(void *self, struct rights *r)
{
	(void)self;
	*r = (struct rights){.sys = RIGHT_BASE, .max_fds = 256};
}

/* ---- lines -------------------------------------------------------------- */

static void write_out(struct hook *h)
{
	struct logger *g = h->arg;
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

static void attach(void *self, const struct role_peer *peer,
		   struct ipc_link *link)
{
	struct logger *g = self;
	struct source *s = source_free_one(g);
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
	world_close(g->role->world, g->file);
	buf_free(&g->out);
	free(g);
}

/* The same file again, or the one after a rotation. */
static bool material(void *self, enum material kind, struct span name, int fd,
		     struct buf *why)
{
	struct logger *g = self;
	(void)name;
	if (kind != MATERIAL_LOG) {
		buf_add(why, SPAN("the logger takes a log file only"));
		world_close(g->role->world, fd);
		return false;
	}
	write_out(&(struct hook){.arg = g});
	world_close(g->role->world, g->file);
	g->file = fd;
	return true;
}

static bool prepare(void *self, const struct conf *conf, struct buf *why)
{
	(void)self;
	(void)conf;
	(void)why;
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
		   "\"lines\":%llu,\"dropped_here\":%llu,\"dropped_by_roles\":%llu",
		   (unsigned long long)g->lines, (unsigned long long)g->dropped,
		   (unsigned long long)g->told_dropped);
}

const struct role_def logger_role = {
	.create = create,
	.destroy = destroy,
	.attach = attach,
	.material = material,
	.rights = rights,
	.prepare = prepare,
	.adopt = adopt,
	.status = status,
};

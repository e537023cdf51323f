/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/supervisor/settings: configuration text becomes slices, elsewhere.
 *
 * A throw-away child reads the text; this file opens what it asks for and
 * takes sealed slices back.  Only the supervisor's own slice is looked into,
 * by the bounded reader of conf/slice.  A child that hangs is ended: one
 * deadline counts for all that it is asked.  The last configuration that came into
 * force is kept as text beside the data: a start with a broken file uses it.
 */
#include "role/supervisor/supervisor.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/parse.h"
#include "conf/slice.h"
#include "ipc/over_os.h"
#include "os/file.h"
#include "os/sock.h"
#include "wire/boss_conf.h"

#define SNAPSHOT_MAX (64u << 20)

/* One run of the child. */
struct reading {
	struct super *super;
	struct boss_conf *channel;
	uint64_t deadline; /* of all its answers together */
	struct arena *arena;
	struct span data; /* where the data is, by a text that is wrong */
};

static void on_include(void *ctx, struct ipc_call *call,
		       const struct boss_conf_include *m)
{
	struct reading *r = ctx;
	struct boss_conf_include_reply rep = {.found = false};
	struct buf why;
	char path[PATH_LEN_MAX + 1];
	buf_init(&why, 255);
	snprintf(path, sizeof path, "%.*s", (int)m->path.len, m->path.ptr);
	if (path_open(r->super, path, (struct open_how){0}, &rep.text, &why))
		rep.found = rep.has_text = true;
	rep.why = buf_span(&why);
	boss_conf_include_answer(call, &rep);
	buf_free(&why);
}

static const struct boss_conf_at_boss handlers = {.include = on_include};

static void child_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct reading *r = ctx;
	(void)reason;
	r->channel = NULL;
	ipc_free(c);
}

/* ---- the child's process: it may hang, and is then ended ------------------- */

static void kill_parser(struct super *s)
{
	timer_stop(&s->parser_end);
	if (s->parser_pid != 0)
		(void)spawn_signal(s->parser_pid, SPAWN_KILL);
	s->parser_pid = 0; /* it is reaped without a name */
}

static void did_not_end(struct timer *t)
{
	struct super *s = t->arg;
	LOG(s->log, WARNING, "conf.parser-killed", 0,
	    F_U64("process", (uint64_t)s->parser_pid),
	    F_CSTR("why", "it did not end with its channel"));
	kill_parser(s);
}

void settings_child_gone(struct super *s, const struct spawn_exit *e)
{
	if (e->pid != s->parser_pid)
		return;
	s->parser_pid = 0;
	timer_stop(&s->parser_end);
}

static bool child_start(struct reading *r)
{
	struct super *s = r->super;
	const char *const argv[] = {"letterlock: conf",
				    s->options.weak ? CONFINE_WEAK_WORD : NULL, NULL};
	uint32_t id = ROLE_UID_FIRST + PROGRAM_CONF;
	int pair[2];
	kill_parser(s); /* the last one, if it is still there */
	r->deadline = world_now(s->world) + s->parser_ns;
	if (sock_packet_pair(s->world, pair) != OS_OK)
		return false;
	struct spawn spec = {.program = s->programs[PROGRAM_CONF],
			     .argv = argv,
			     .fds = &pair[1],
			     .fd_count = 1,
			     .set_ids = s->root,
			     .uid = id,
			     .gid = id};
	enum os started = spawn(&spec, &s->parser_pid);
	world_close(s->world, pair[1]);
	if (started != OS_OK) {
		world_close(s->world, pair[0]);
		return false;
	}
	struct ipc_link *link = ipc_link_os(s->loop, pair[0]);
	struct ipc_owner owner = {.role = r, .dead = child_dead};
	if (link != NULL)
		r->channel = boss_conf_join_boss(link, &owner, &handlers);
	return r->channel != NULL;
}

static void child_end(struct reading *r)
{
	if (r->channel != NULL)
		ipc_free(boss_conf_ipc(r->channel));
	r->channel = NULL; /* it ends when it sees the end of its channel */
	arena_free(r->arena);
	struct super *s = r->super;
	uint64_t end = world_now(s->world) + PARSER_END_NS;
	if (s->parser_pid != 0 &&
	    !timer_start(s->loop, &s->parser_end, end, did_not_end, s))
		kill_parser(s);
}

static void no_answer(const struct reading *r, enum ipc_result got, const char *path,
		      struct buf *why)
{
	if (got == IPC_LATE)
		buf_printf(why, "%s: the parser gave no answer within %llu ms and was "
				"ended",
			   path, (unsigned long long)(r->super->parser_ns / NS_PER_MS));
	else
		buf_printf(why, "%s: the parser gave no answer (%s)", path,
			   ipc_result_name(got));
}

static bool parse(struct reading *r, const char *path, struct buf *why,
		  uint64_t *hash)
{
	struct boss_conf_parse_reply rep;
	struct boss_conf_parse m = {.file = span_cstr(path)};
	if (!path_open(r->super, path, (struct open_how){0}, &m.text, why))
		return false;
	enum ipc_result ok =
		boss_conf_parse(r->channel, &m, r->arena, &rep,
				r->deadline);
	if (ok != IPC_OK) {
		no_answer(r, ok, path, why);
		return false;
	}
	buf_add(why, rep.complaints);
	*hash = rep.hash;
	r->data = rep.data;
	return rep.result == BOSS_CONF_RESULT_RIGHT;
}

static bool take_slices(struct reading *r, struct settings *out)
{
	for (unsigned role = 0; role < CONF_ROLES; role++) {
		struct boss_conf_slice m = {.role = (uint16_t)role};
		struct boss_conf_slice_reply rep;
		if (boss_conf_slice(r->channel, &m, r->arena, &rep,
				    r->deadline) !=
		    IPC_OK)
			return false;
		if (rep.has_bytes) /* ours to close, whatever it says */
			out->slices[role] = rep.bytes;
		if (!rep.done || !rep.has_bytes)
			return false;
	}
	return true;
}

static bool load_own(struct super *s, struct settings *out)
{
	int fd = out->slices[CONF_SUPERVISOR];
	uint64_t size = 0;
	size_t got = 0;
	if (blob_check(s->world, fd, &size) != OS_OK || size > CONF_SLICE_MAX)
		return false;
	char *bytes = malloc((size_t)size + 1);
	out->arena = arena_new(SNAPSHOT_MAX);
	if (bytes != NULL && out->arena != NULL &&
	    file_read_at(s->world, fd, bytes, (size_t)size, 0, &got) == OS_OK)
		out->conf = conf_slice_read(span_of(bytes, got),
					    CONF_SUPERVISOR, out->arena);
	free(bytes);
	return out->conf != NULL;
}

/* Its text as one file, to be kept once it is in force. */
static void take_text(struct reading *r, struct settings *out)
{
	struct boss_conf_written_reply rep;
	if (boss_conf_written(r->channel, &(struct boss_conf_written){0},
			      r->arena, &rep,
			      r->deadline) == IPC_OK &&
	    rep.has_text)
		out->text = rep.text;
}

/* Failing is no harm: it is for a start with a broken file only. */
void settings_commit(struct super *s)
{
	int fd = s->settings.text;
	uint64_t size = 0;
	size_t got = 0;
	if (fd < 0 || blob_check(s->world, fd, &size) != OS_OK ||
	    size > CONF_FILE_MAX)
		return;
	char *bytes = malloc((size_t)size + 1);
	if (bytes != NULL &&
	    file_read_at(s->world, fd, bytes, (size_t)size, 0, &got) == OS_OK &&
	    file_replace(s->world, s->data_dir, CONF_COMMITTED,
			 span_of(bytes, got)) != OS_OK)
		LOG(s->log, WARNING, "conf.not-kept", 0,
		    F_CSTR("file", CONF_COMMITTED));
	free(bytes);
	world_close(s->world, fd);
	s->settings.text = -1;
}

/* Refuse what cannot change under running roles, before any of them is asked. */
static bool can_change(struct reading *r, struct buf *why)
{
	struct super *s = r->super;
	struct boss_conf_compare m = {.file = SPAN(CONF_COMMITTED)};
	struct boss_conf_compare_reply rep;
	if (!s->up || s->data_dir < 0 ||
	    file_open(s->world, s->data_dir, CONF_COMMITTED, (struct open_how){0},
		      &m.text) != OS_OK)
		return true;
	if (boss_conf_compare(r->channel, &m, r->arena, &rep,
			      r->deadline) != IPC_OK ||
	    rep.restart.len == 0)
		return true;
	buf_printf(why,
		   "%.*s cannot change while letterlock runs: take it back, or "
		   "stop letterlock and start it again",
		   SPAN_FMT(rep.restart));
	return false;
}

/*
 * A broken file must not end mail: at a start what was in force last is taken
 * instead, and both are said.
 */
static bool parse_last(struct reading *r, struct buf *why, uint64_t *hash)
{
	struct super *s = r->super;
	char path[PATH_LEN_MAX + 1];
	struct buf ignored;
	buf_init(&ignored, 255);
	if (s->up || r->data.len == 0 ||
	    r->data.len + sizeof CONF_COMMITTED >= sizeof path)
		return false;
	snprintf(path, sizeof path, "%.*s/%s", SPAN_FMT(r->data), CONF_COMMITTED);
	bool ok = parse(r, path, &ignored, hash);
	buf_free(&ignored);
	if (ok) {
		buf_printf(why, "letterlock: starting with the configuration that "
				"was in force last (%s): mend %s and type "
				"`letterlock reload`\n",
			   path, s->options.config);
		s->last_used = true;
	}
	return ok;
}

static bool read_with_child(struct reading *r, struct settings *out,
			    struct buf *why)
{
	struct super *s = r->super;
	if (!child_start(r)) {
		buf_add(why, SPAN("the configuration parser could not be "
				  "started"));
		return false;
	}
	if (!parse(r, s->options.config, why, &out->hash) &&
	    !parse_last(r, why, &out->hash))
		return false;
	if (!can_change(r, why))
		return false;
	if (!take_slices(r, out) || !load_own(s, out)) {
		buf_add(why, SPAN("the configuration parser gave no slices"));
		return false;
	}
	if (s->data_dir < 0) { /* the first reading: now it is known */
		if (!folders_make(s, out->conf, why))
			return false;
	}
	take_text(r, out);
	return true;
}

bool settings_read(struct super *s, struct settings *out, struct buf *why)
{
	struct reading r = {.super = s, .arena = arena_new(1u << 20)};
	*out = (struct settings){.generation = s->settings.generation + 1,
				 .text = -1};
	for (unsigned i = 0; i < CONF_ROLES; i++)
		out->slices[i] = -1;
	bool ok = r.arena != NULL && read_with_child(&r, out, why);
	child_end(&r);
	if (!ok)
		settings_drop(s, out);
	return ok;
}

void settings_drop(struct super *s, struct settings *x)
{
	for (unsigned i = 0; i < CONF_ROLES; i++) {
		if (x->slices[i] >= 0)
			world_close(s->world, x->slices[i]);
		x->slices[i] = -1;
	}
	if (x->text >= 0)
		world_close(s->world, x->text);
	x->text = -1;
	arena_free(x->arena);
	x->arena = NULL;
	x->conf = NULL;
}

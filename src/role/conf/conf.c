/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/conf - the throw-away child that reads configuration text.
 *
 * Rights: its channel, and sealed memory for what it makes.  Text arrives as
 * open files; includes are asked from the supervisor, who opens them.  What
 * leaves is slices in sealed memory and complaints.  It ends with its channel.
 *
 * Must never: outlive one reading, or hold a right that a role has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/parse.h"
#include "conf/show.h"
#include "conf/slice.h"
#include "ipc/over_os.h"
#include "os/confine.h"
#include "os/fiber.h"
#include "os/file.h"
#include "os/sanitize.h"
#include "role/common/role.h"
#include "wire/boss_conf.h"

#define COMPLAINTS_MAX 57344u
#define INCLUDE_NS     (10 * NS_PER_SEC)
#define TEXTS_MAX      (CONF_FILES_MAX + 2)

/* A file that the supervisor opened for us; the first one has no path. */
struct text {
	const char *path;
	char *bytes_owned;
	struct span bytes;
	const char *why; /* it could not be read */
};

struct reader {
	struct world *world;
	struct loop *loop;
	struct boss_conf *boss;
	struct conf_snapshot *snapshot;
	struct arena *arena;
	struct text texts[TEXTS_MAX]; /* borrowed by a parse under way */
	size_t text_count;
};

/* One reading of a whole configuration. */
struct pass {
	struct reader *reader;
	struct fiber *fiber;
	struct span file, text;
	const char *missing; /* the first include that was not there */
	struct span data;
	struct conf_report report;
	struct conf_snapshot *out;
	enum conf_result result;
};

struct job {
	struct reader *r;
	struct ipc_call *call;
	const struct boss_conf_parse *parse;
	const struct boss_conf_compare *compare;
};

static void texts_free(struct reader *r)
{
	for (size_t i = 0; i < r->text_count; i++)
		free(r->texts[i].bytes_owned);
	r->text_count = 0;
}

static struct text *text_new(struct reader *r, const char *path)
{
	const char *copy = arena_cstr(r->arena, span_cstr(path));
	if (copy == NULL || r->text_count == TEXTS_MAX)
		return NULL;
	struct text *t = &r->texts[r->text_count++];
	*t = (struct text){.path = copy};
	return t;
}

/* The whole file, one byte over the limit so that the parser can say so. */
static const char *load(struct reader *r, int fd, struct text *t)
{
	size_t got = 0;
	const char *why = "memory is short";
	t->bytes_owned = malloc(CONF_FILE_MAX + 1);
	if (t->bytes_owned != NULL) {
		enum os res = file_read_at(r->world, fd, t->bytes_owned,
					   CONF_FILE_MAX + 1, 0, &got);
		why = res == OS_OK ? NULL : os_text(res);
	}
	world_close(r->world, fd);
	t->bytes = span_of(t->bytes_owned, got);
	return why;
}

static struct text *text_of(struct reader *r, const char *path)
{
	for (size_t i = 0; i < r->text_count; i++)
		if (strcmp(r->texts[i].path, path) == 0)
			return &r->texts[i];
	return NULL;
}

/* On the parser's stack nothing can wait: what is not there yet is noted. */
static const char *fetch(void *ctx, const char *path, struct span *bytes)
{
	struct pass *p = ctx;
	struct text *t = text_of(p->reader, path);
	if (t == NULL) {
		if (p->missing == NULL)
			p->missing = arena_cstr(p->reader->arena,
						span_cstr(path));
		return p->missing ? "not read yet" : "memory is short";
	}
	*bytes = t->bytes;
	return t->why;
}

/* One pass over the text, on the loop's own stack: a fiber's is too small. */
static void parse_pass(struct hook *h)
{
	struct pass *p = h->arg;
	const struct conf_includes includes = {.ctx = p, .fetch = fetch};
	p->result = conf_parse(p->file, p->text, &includes, &p->report, &p->out);
	(void)fiber_wake(p->fiber, 0);
}

/* Ask the supervisor for an included file; failing is part of the text's life. */
static bool ask_for(struct reader *r, const char *path)
{
	struct boss_conf_include m = {.path = span_cstr(path)};
	struct boss_conf_include_reply rep;
	struct text *t = text_new(r, path);
	if (t == NULL)
		return false;
	enum ipc_result res =
		boss_conf_include(r->boss, &m, r->arena, &rep,
				  world_now(r->world) + INCLUDE_NS);
	if (res != IPC_OK)
		t->why = ipc_result_name(res);
	else if (rep.found && rep.has_text)
		t->why = load(r, rep.text, t);
	else
		t->why = arena_cstr(r->arena, rep.why);
	return true;
}

/* Passes until no include is missing: each pass finds at least one. */
static enum conf_result passes(struct pass *p, struct buf *complaints)
{
	struct reader *r = p->reader;
	struct hook hook = {0};
	uint64_t nothing;
	for (;;) {
		p->missing = NULL;
		p->fiber = fiber_self(r->loop);
		loop_at_end(r->loop, &hook, parse_pass, p);
		if (fiber_park(r->loop, &nothing) != WOKE_VALUE) {
			hook_stop(&hook);
			return CONF_MEMORY;
		}
		if (p->missing == NULL || !ask_for(r, p->missing))
			break;
		conf_report_free(&p->report);
		conf_snapshot_free(p->out);
	}
	conf_report_text(&p->report, complaints);
	if (!arena_copy(r->arena, p->report.data, &p->data))
		p->data = (struct span){0};
	conf_report_free(&p->report);
	return p->result;
}

static enum conf_result read_text(struct reader *r, struct span file, int fd,
				  struct buf *complaints, struct span *data,
				  struct conf_snapshot **out)
{
	struct text *t = text_new(r, "");
	struct pass p = {.reader = r, .file = file, .result = CONF_MEMORY};
	*out = NULL;
	if (t == NULL) {
		world_close(r->world, fd);
		return CONF_MEMORY;
	}
	t->why = load(r, fd, t);
	p.text = t->bytes;
	if (t->why != NULL) {
		buf_printf(complaints, "%.*s: %s\n", SPAN_FMT(file), t->why);
		p.result = CONF_WRONG;
	} else {
		p.result = passes(&p, complaints);
		*data = p.data;
		*out = p.out;
	}
	texts_free(r);
	return p.result;
}

static void parse_fiber(void *arg)
{
	static const enum boss_conf_result results[] = {
		[CONF_OK] = BOSS_CONF_RESULT_RIGHT,
		[CONF_WRONG] = BOSS_CONF_RESULT_WRONG,
		[CONF_MEMORY] = BOSS_CONF_RESULT_NO_MEMORY,
	};
	struct job *j = arg;
	struct reader *r = j->r;
	struct span data = {0};
	struct buf complaints;
	buf_init(&complaints, COMPLAINTS_MAX);
	conf_snapshot_free(r->snapshot);
	enum conf_result res = read_text(r, j->parse->file, j->parse->text,
					 &complaints, &data, &r->snapshot);
	boss_conf_parse_answer(
		j->call,
		&(struct boss_conf_parse_reply){
			.result = results[res],
			.complaints = buf_span(&complaints),
			.data = data,
			.hash = r->snapshot ? conf_hash(r->snapshot) : 0});
	buf_free(&complaints);
	free(j);
}

static void compare_fiber(void *arg)
{
	struct job *j = arg;
	struct reader *r = j->r;
	struct conf_snapshot *old = NULL;
	struct span data;
	struct buf ignored;
	const char *restart = NULL;
	buf_init(&ignored, COMPLAINTS_MAX);
	if (r->snapshot != NULL &&
	    read_text(r, j->compare->file, j->compare->text, &ignored, &data,
		      &old) == CONF_OK)
		restart = conf_needs_restart(old, r->snapshot);
	boss_conf_compare_answer(j->call, &(struct boss_conf_compare_reply){
						  .restart = span_cstr(restart)});
	conf_snapshot_free(old);
	buf_free(&ignored);
	free(j);
}

/* Reading asks for includes and so waits: in a fiber, one at a time. */
static void in_fiber(struct reader *r, struct ipc_call *call, fiber_fn *fn,
		     struct job job)
{
	struct job *j = malloc(sizeof *j);
	if (j != NULL) {
		*j = job;
		j->r = r;
		j->call = call;
		ipc_keep(call);
		if (fiber_start(r->loop, fn, j) != NULL)
			return;
		free(j);
	}
	ipc_refuse(call, IPC_BUSY);
}

static void on_parse(void *ctx, struct ipc_call *call,
		     const struct boss_conf_parse *m)
{
	in_fiber(ctx, call, parse_fiber, (struct job){.parse = m});
}

static void on_compare(void *ctx, struct ipc_call *call,
		       const struct boss_conf_compare *m)
{
	in_fiber(ctx, call, compare_fiber, (struct job){.compare = m});
}

/* The bytes as sealed memory, or -1. */
static int sealed(struct reader *r, struct buf *b)
{
	int fd = -1;
	if (!buf_ok(b) || blob_new(r->world, &fd) != OS_OK)
		return -1;
	if (file_append(r->world, fd, buf_span(b)) == OS_OK &&
	    blob_seal(r->world, fd) == OS_OK)
		return fd;
	world_close(r->world, fd);
	return -1;
}

static void on_slice(void *ctx, struct ipc_call *call,
		     const struct boss_conf_slice *m)
{
	struct reader *r = ctx;
	struct boss_conf_slice_reply rep = {.done = false};
	struct buf b;
	buf_init(&b, CONF_SLICE_MAX);
	if (r->snapshot != NULL && m->role < CONF_ROLES) {
		conf_slice(r->snapshot, (enum conf_role)m->role, &b);
		rep.bytes = sealed(r, &b);
		rep.done = rep.has_bytes = rep.bytes >= 0;
	}
	boss_conf_slice_answer(call, &rep);
	buf_free(&b);
}

static void on_written(void *ctx, struct ipc_call *call,
		       const struct boss_conf_written *m)
{
	struct reader *r = ctx;
	struct boss_conf_written_reply rep = {.done = false};
	struct buf b;
	(void)m;
	buf_init(&b, CONF_SHOW_MAX);
	if (r->snapshot != NULL) {
		conf_show_text(r->snapshot, CONF_SHOW_WRITTEN, &b);
		rep.text = sealed(r, &b);
		rep.done = rep.has_text = rep.text >= 0;
	}
	boss_conf_written_answer(call, &rep);
	buf_free(&b);
}

static const struct boss_conf_at_conf handlers = {
	.parse = on_parse,
	.slice = on_slice,
	.written = on_written,
	.compare = on_compare,
};

static void boss_dead(void *ctx, struct ipc *c, const char *reason)
{
	struct reader *r = ctx;
	(void)reason;
	r->boss = NULL;
	ipc_free(c);
	loop_stop(r->loop);
}

int main(int argc, char **argv)
{
	struct reader r = {.world = world_linux()};
	const struct rights rights = {.sys = RIGHT_BASE | RIGHT_BLOBS,
				      .max_fds = 128};
	r.loop = r.world ? loop_new(r.world) : NULL;
	r.arena = arena_new(4u << 20);
	struct ipc_link *link = r.loop ? ipc_link_os(r.loop, ROLE_FD) : NULL;
	struct ipc_owner owner = {.role = &r, .dead = boss_dead};
	if (link == NULL || r.arena == NULL)
		return 1;
	enum confined c = confine(&rights);
	if (!confined_enough(c, argc > 1 && strcmp(argv[1], CONFINE_WEAK_WORD) == 0)) {
		fprintf(stderr, "letterlock conf: %s\n", confined_text(c));
		return 1;
	}
	r.boss = boss_conf_join_conf(link, &owner, &handlers);
	if (r.boss == NULL)
		return 1;
	loop_run(r.loop);
	conf_snapshot_free(r.snapshot);
	arena_free(r.arena);
	sanitize_leaks(&r);
	return 0;
}

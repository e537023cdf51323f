/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/backup: copies of the store, each a folder of its own that shares what
 * did not change with the one before.
 *
 *     DIR/20261122T063900Z/manifest, rocksdb/, bodies/
 *
 * While it is made a backup is called NAME.part; it gets its name when all of it
 * is on the disk.
 */
#include <stdio.h>

#include "base/civil.h"
#include "cmd/keep.h"
#include "os/file.h"

static const struct column made_columns[] = {
	{"name", "BACKUP", COLUMN_TEXT},   {"made", "MADE", COLUMN_TIME},
	{"files", "FILES", COLUMN_COUNT},  {"bytes", "SIZE", COLUMN_SIZE},
	{"new_bytes", "NEW", COLUMN_SIZE}, {"kept_bytes", "SHARED", COLUMN_SIZE},
};

/* ---- making one -------------------------------------------------------------- */

struct making {
	struct keep k;
	const char *path;
	int dir, lock, part, former, final;
	char name[KEEP_NAME], part_name[KEEP_NAME + 8], before[KEEP_NAME];
};

static bool said(struct making *m, const char *what, enum os r)
{
	if (r != OS_OK)
		complain(m->k.c, "%s%s%s: %s", m->path, *what ? "/" : "", what,
			 r == OS_BUSY ? "another backup is being made in it"
				      : os_text(r));
	return r == OS_OK;
}

static bool sweep_part(void *arg, const char *name)
{
	struct making *m = arg;
	size_t len = strlen(name);
	/* One that cannot be removed is in nobody's way. */
	if (len > 5 && strcmp(name + len - 5, ".part") == 0 &&
	    keep_is_name(span_of(name, len - 5)))
		(void)!file_tree_remove(m->k.c->world, m->dir, name);
	return true;
}

static bool open_target(struct making *m)
{
	struct world *w = m->k.c->world;
	char whole[COMMAND_PATH];
	const char *last;
	int above;
	enum os r = self_absolute(m->path, whole, sizeof whole);
	if (r == OS_OK)
		r = file_dir_open(w, whole, &m->dir);
	if (r == OS_NOENT && command_folder(m->k.c, whole, &above, &last) == OS_OK) {
		r = file_mkdir(w, above, last);
		if (r == OS_OK)
			r = file_dir_at(w, above, last, &m->dir);
		if (r == OS_OK)
			r = file_dir_sync(w, above);
		world_close(w, above);
	}
	if (r == OS_OK)
		r = file_lock(w, m->dir, "lock", &m->lock);
	if (r == OS_OK)
		r = file_each(w, m->dir, sweep_part, m);
	return said(m, "", r);
}

/* A name that is free: by the second, later ones when that is taken. */
static bool open_part(struct making *m)
{
	struct world *w = m->k.c->world;
	int64_t at = world_wall(w).sec;
	for (;; at++) {
		struct civil t = civil_of(at);
		int taken;
		snprintf(m->name, sizeof m->name, "%04u%02u%02uT%02u%02u%02uZ",
			 (unsigned)t.year % 10000, (unsigned)t.month % 100,
			 (unsigned)t.day % 100, (unsigned)t.hour % 100,
			 (unsigned)t.minute % 100, (unsigned)t.second % 100);
		if (file_dir_at(w, m->dir, m->name, &taken) != OS_OK)
			break;
		world_close(w, taken);
	}
	snprintf(m->part_name, sizeof m->part_name, "%s.part", m->name);
	if (!said(m, m->part_name,
		  keep_folder(&m->k, m->dir, m->part_name, &m->part)))
		return false;
	return !keep_newest(&m->k, m->dir, NULL, m->before) ||
	       said(m, m->before,
		    file_dir_at(w, m->dir, m->before, &m->former));
}

static bool step(struct making *m, const char *verb)
{
	struct answer a;
	if (!m->k.running)
		return true;
	if (!ask(m->k.c, m->k.args, verb, NULL, 0, &a))
		return false;
	if (a.end != END_DONE)
		complain(m->k.c, "%.*s", SPAN_FMT(a.why));
	return a.end == END_DONE;
}

static bool finish(struct making *m)
{
	struct world *w = m->k.c->world;
	enum os r = file_rename(w, m->dir, m->part_name, m->dir, m->name);
	if (r == OS_OK)
		r = file_dir_sync(w, m->dir);
	return said(m, m->name, r);
}

static void copy(struct making *m, struct answer *out)
{
	char name[KEEP_NAME + 8];
	snprintf(name, sizeof name, "name=%s", m->name);
	struct keep_run run = {
		.words = {"copy", m->k.running ? "live" : "still", name,
			  m->former >= 0 ? "after" : NULL},
		.folders = {m->k.store_dir, m->part, m->former},
		.folder_count = m->former >= 0 ? 3 : 2,
		.renew = m->k.running};
	*out = (struct answer){.end = END_FAILED};
	if (!step(m, "backup.begin"))
		return;
	keep_run(&m->k, &run, out);
	/* Whether it could be told of the end or not: it ends by itself. */
	(void)step(m, "backup.end");
	if (out->end == END_DONE && !finish(m))
		out->end = END_FAILED;
}

static enum end make(struct command *c, const struct args *a, const char *path)
{
	static const struct showing show = {
		.shape = SHAPE_LIST,
		.columns = made_columns,
		.column_count = ARRAY_LEN(made_columns)};
	struct making m = {.path = path, .dir = -1, .lock = -1, .part = -1,
			   .former = -1};
	struct answer answer = {.end = END_FAILED};
	enum end end;
	if (!keep_open(&m.k, c, a, &end))
		return end;
	if (m.k.store_dir < 0)
		complain(c, "%s holds no store yet", m.k.data);
	else if (open_target(&m) && open_part(&m))
		copy(&m, &answer);
	if (answer.end != END_DONE && m.part >= 0)
		(void)!file_tree_remove(c->world, m.dir, m.part_name);
	world_close(c->world, m.former);
	world_close(c->world, m.part);
	world_close(c->world, m.lock);
	world_close(c->world, m.dir);
	keep_close(&m.k);
	return answer.end == END_DONE ? answer_show(c, a, &answer, &show)
				      : answer.end;
}

/* ---- looking at them --------------------------------------------------------- */

/* One backup after the other, newest first, until there is none. */
struct looking {
	struct keep k;
	int dir;
	char name[KEEP_NAME];
	struct span rows[1024];
	size_t count;
	bool wrong;
};

static void look_at(struct looking *l, const char *verb, int dir)
{
	char name[KEEP_NAME + 8];
	struct answer a;
	snprintf(name, sizeof name, "name=%s", l->name);
	struct keep_run run = {.words = {verb, name},
			       .folders = {dir},
			       .folder_count = 1};
	keep_run(&l->k, &run, &a);
	l->wrong |= a.end != END_DONE;
	for (size_t i = 0; i < a.row_count && l->count < ARRAY_LEN(l->rows); i++)
		l->rows[l->count++] = a.rows[i];
}

static bool look_at_all(struct looking *l, const char *verb, const char *path)
{
	struct world *w = l->k.c->world;
	char whole[COMMAND_PATH];
	enum os r = self_absolute(path, whole, sizeof whole);
	if (r == OS_OK)
		r = file_dir_open(w, whole, &l->dir);
	if (r != OS_OK) {
		complain(l->k.c, "%s: %s", path, os_text(r));
		return false;
	}
	for (const char *before = NULL;
	     keep_newest(&l->k, l->dir, before, l->name);) {
		char last[KEEP_NAME];
		int dir;
		if (file_dir_at(w, l->dir, l->name, &dir) != OS_OK)
			break;
		look_at(l, verb, dir);
		world_close(w, dir);
		memcpy(last, l->name, sizeof last);
		before = arena_cstr(l->k.c->arena, span_cstr(last));
		if (before == NULL)
			return false;
	}
	return true;
}

static enum end list(struct command *c, const struct args *a, const char *path)
{
	static const struct showing show = {
		.shape = SHAPE_LIST,
		.columns = made_columns,
		.column_count = 4,
		.done = "there is no backup in it"};
	struct looking l = {.dir = -1, .k = {.c = c, .args = a}};
	l.k.data_dir = l.k.store_dir = l.k.lock = -1;
	bool ok = look_at_all(&l, "facts", path);
	world_close(c->world, l.dir);
	if (!ok)
		return END_FAILED;
	return answer_show(c, a,
			   &(struct answer){.end = l.wrong ? END_FAILED
							   : END_DONE,
					    .rows = l.rows,
					    .row_count = l.count},
			   &show);
}

static enum end verify(struct command *c, const struct args *a, const char *path)
{
	static const struct column columns[] = {
		{"name", "BACKUP", COLUMN_TEXT},
		{"path", "FILE", COLUMN_TEXT},
		{"what", "WHAT", COLUMN_TEXT},
	};
	static const struct showing show = {
		.shape = SHAPE_LIST,
		.columns = columns,
		.column_count = ARRAY_LEN(columns),
		.done = "every file is as it was written"};
	struct looking l = {.dir = -1, .k = {.c = c, .args = a}};
	l.k.data_dir = l.k.store_dir = l.k.lock = -1;
	if (!keep_find(&l.k, path, &l.dir, l.name))
		return END_FAILED;
	look_at(&l, "verify", l.dir);
	world_close(c->world, l.dir);
	return answer_show(c, a,
			   &(struct answer){.end = l.wrong || l.count > 0
							   ? END_FAILED
							   : END_DONE,
					    .rows = l.rows,
					    .row_count = l.count},
			   &show);
}

enum end verb_backup(struct command *c)
{
	struct args a;
	enum end end;
	if (!command_args(c, &a, NULL, 0, &end))
		return end;
	bool looks = a.word_count == 2;
	if (looks && strcmp(a.words[0], "list") == 0)
		return list(c, &a, a.words[1]);
	if (looks && strcmp(a.words[0], "verify") == 0)
		return verify(c, &a, a.words[1]);
	if (a.word_count != 1 || strcmp(a.words[0], "list") == 0 ||
	    strcmp(a.words[0], "verify") == 0)
		return usage_error(c, "say in which folder");
	return make(c, &a, a.words[0]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/keep: locks, folders, and waiting for letterlock-keeper. */
#include "cmd/keep.h"

#include <stdio.h>
#include <time.h>

#include "cmd/config.h"
#include "cmd/launch.h"
#include "os/file.h"
#include "os/spawn.h"
#include "role/common/hops.h"

#define ROWS_MAX  (64u << 20)
#define RENEW_NS  (15 * NS_PER_SEC)
#define WAIT_NSEC 2000000

/* ---- the data folder -------------------------------------------------------- */

static bool open_data(struct keep *k, enum end *end)
{
	const char *name;
	int above;
	enum os r = file_dir_open(k->c->world, k->data, &k->data_dir);
	if (r == OS_NOENT) {
		r = command_folder(k->c, k->data, &above, &name);
		if (r == OS_OK) {
			r = file_mkdir(k->c->world, above, name);
			world_close(k->c->world, above);
		}
		if (r == OS_OK)
			r = file_dir_open(k->c->world, k->data, &k->data_dir);
	}
	if (r == OS_OK)
		r = file_lock(k->c->world, k->data_dir, "lock", &k->lock);
	k->running = r == OS_BUSY;
	if (r == OS_OK || r == OS_BUSY)
		return true;
	complain(k->c, "%s: %s", k->data, os_text(r));
	*end = r == OS_DENIED ? END_REFUSED : END_FAILED;
	return false;
}

bool keep_open(struct keep *k, struct command *c, const struct args *args,
	       enum end *end)
{
	const char *config = command_config(c, args);
	struct conf_snapshot *s = config ? config_in_force(c, config) : NULL;
	*k = (struct keep){.c = c, .args = args, .data_dir = -1, .store_dir = -1,
			   .lock = -1};
	*end = END_FAILED;
	if (s == NULL)
		return false;
	bool disk = conf_values(s)->store.engine != CONF_ENGINE_MEMORY;
	k->data = arena_cstr(c->arena, conf_values(s)->data);
	conf_snapshot_free(s);
	if (!disk)
		complain(c, "the configured store keeps nothing on a disk");
	if (!disk || k->data == NULL || !open_data(k, end)) {
		keep_close(k);
		return false;
	}
	enum os r = file_dir_at(c->world, k->data_dir, "store", &k->store_dir);
	if (r == OS_OK || r == OS_NOENT)
		return true;
	complain(c, "%s/store: %s", k->data, os_text(r));
	*end = r == OS_DENIED ? END_REFUSED : END_FAILED;
	keep_close(k);
	return false;
}

void keep_close(struct keep *k)
{
	world_close(k->c->world, k->store_dir);
	world_close(k->c->world, k->lock);
	world_close(k->c->world, k->data_dir);
	k->store_dir = k->lock = k->data_dir = -1;
}

enum os keep_folder(struct keep *k, int dir, const char *name, int *out)
{
	const uint32_t id = ROLE_UID_FIRST + KIND_STORE;
	*out = -1;
	enum os r = file_mkdir(k->c->world, dir, name);
	if (r == OS_OK || r == OS_EXIST)
		r = file_dir_at(k->c->world, dir, name, out);
	if (r == OS_OK && os_uid() == 0)
		r = file_own(k->c->world, *out, id, id);
	return r;
}

/* ---- the keeper ------------------------------------------------------------- */

static bool renew(struct keep *k)
{
	struct answer a;
	return ask(k->c, k->args, "backup.keep", NULL, 0, &a) &&
	       a.end == END_DONE;
}

/* True: it ended well. */
static bool await(struct keep *k, int32_t pid, bool renewing)
{
	const struct timespec while_ = {.tv_nsec = WAIT_NSEC};
	uint64_t next = world_now(k->c->world) + RENEW_NS;
	struct spawn_exit e = {0};
	char text[128];
	enum os r;
	while ((r = spawn_reap(&e)) == OS_AGAIN) {
		(void)nanosleep(&while_, NULL);
		if (!renewing || world_now(k->c->world) < next)
			continue;
		next = world_now(k->c->world) + RENEW_NS;
		if (!renew(k)) {
			complain(k->c, "the server ended the backup: try again");
			(void)spawn_signal(pid, SPAWN_KILL);
			renewing = false;
		}
	}
	if (r == OS_OK && e.pid == pid && !e.signalled && e.code <= 1)
		return e.code == 0; /* it has said why */
	struct span how = spawn_exit_text(&e, text, sizeof text);
	complain(k->c, "letterlock-keeper %.*s", SPAN_FMT(how));
	return false;
}

static bool start(struct keep *k, const struct keep_run *run, int rows,
		  int32_t *pid)
{
	const char *argv[KEEP_WORDS_MAX + 3] = {"letterlock: keeper"};
	int fds[KEEP_FOLDERS_MAX + 1] = {rows};
	size_t n = 1;
	const char *path = launch_path(k->c, "letterlock-keeper");
	struct spawn s = {.argv = argv,
			  .fds = fds,
			  .fd_count = run->folder_count + 1,
			  .set_ids = os_uid() == 0,
			  .uid = ROLE_UID_FIRST + KIND_STORE,
			  .gid = ROLE_UID_FIRST + KIND_STORE};
	for (size_t i = 0; i < KEEP_WORDS_MAX && run->words[i] != NULL; i++)
		argv[n++] = run->words[i];
	if (self_is_terminal(2))
		argv[n++] = "--progress";
	for (size_t i = 0; i < run->folder_count; i++)
		fds[i + 1] = run->folders[i];
	if (path == NULL)
		return false;
	enum os r = spawn_program_open(path, &s.program);
	if (r == OS_OK) {
		r = spawn(&s, pid);
		world_close(k->c->world, s.program);
	}
	if (r != OS_OK)
		complain(k->c, "%s: %s", path, os_text(r));
	return r == OS_OK;
}

bool keep_rows(struct command *c, int rows, struct answer *out)
{
	struct file_facts facts;
	struct span *list, line, rest;
	size_t got = 0, n = 0;
	enum os r = file_facts(c->world, rows, &facts);
	if (r != OS_OK || facts.size > ROWS_MAX)
		return false;
	char *text = arena_bytes(c->arena, (size_t)facts.size + 1);
	if (text == NULL ||
	    file_read_at(c->world, rows, text, (size_t)facts.size, 0, &got) !=
		    OS_OK)
		return false;
	for (size_t i = 0; i < got; i++)
		n += text[i] == '\n';
	list = ARENA_ARRAY(c->arena, n + 1, struct span);
	if (list == NULL)
		return false;
	rest = span_of(text, got);
	while (out->row_count < n && span_cut(&rest, '\n', &line))
		list[out->row_count++] = line;
	out->rows = list;
	return true;
}

void keep_run(struct keep *k, const struct keep_run *run, struct answer *out)
{
	int32_t pid;
	int rows = -1;
	*out = (struct answer){.end = END_FAILED};
	if (blob_new(k->c->world, &rows) != OS_OK) {
		complain(k->c, "memory is short");
		return;
	}
	if (start(k, run, rows, &pid)) {
		bool ok = await(k, pid, run->renew);
		if (!keep_rows(k->c, rows, out))
			complain(k->c, "the answer could not be read");
		else if (ok)
			out->end = END_DONE;
	}
	world_close(k->c->world, rows);
}

/* ---- a folder of backups ----------------------------------------------------- */

bool keep_is_name(struct span s)
{
	static const char shape[] = "00000000T000000Z";
	if (s.len != sizeof shape - 1)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (shape[i] == '0' ? !ascii_digit(s.ptr[i])
				    : s.ptr[i] != shape[i])
			return false;
	return true;
}

struct newest {
	struct keep *k;
	int dir;
	const char *before;
	char name[KEEP_NAME];
};

static bool has_manifest(struct keep *k, int dir)
{
	int fd;
	if (file_open(k->c->world, dir, "manifest", (struct open_how){0}, &fd) !=
	    OS_OK)
		return false;
	world_close(k->c->world, fd);
	return true;
}

static bool judge(void *arg, const char *name)
{
	struct newest *n = arg;
	int dir;
	if (!keep_is_name(span_cstr(name)) ||
	    span_cmp(span_cstr(name), span_cstr(n->name)) <= 0 ||
	    (n->before != NULL &&
	     span_cmp(span_cstr(name), span_cstr(n->before)) >= 0) ||
	    file_dir_at(n->k->c->world, n->dir, name, &dir) != OS_OK)
		return true;
	if (has_manifest(n->k, dir))
		snprintf(n->name, sizeof n->name, "%s", name);
	world_close(n->k->c->world, dir);
	return true;
}

bool keep_newest(struct keep *k, int dir, const char *before,
		 char name[KEEP_NAME])
{
	struct newest n = {.k = k, .dir = dir, .before = before};
	enum os r = file_each(k->c->world, dir, judge, &n);
	snprintf(name, KEEP_NAME, "%s", n.name);
	return r == OS_OK && n.name[0] != '\0';
}

bool keep_find(struct keep *k, const char *path, int *dir, char name[KEEP_NAME])
{
	char whole[COMMAND_PATH];
	const char *last;
	int above = -1;
	*dir = -1;
	enum os r = self_absolute(path, whole, sizeof whole);
	if (r == OS_OK)
		r = file_dir_open(k->c->world, whole, &above);
	if (r != OS_OK) {
		complain(k->c, "%s: %s", path, os_text(r));
		return false;
	}
	if (has_manifest(k, above)) {
		last = strrchr(whole, '/');
		snprintf(name, KEEP_NAME, "%.20s", last ? last + 1 : whole);
		*dir = above;
		return true;
	}
	if (keep_newest(k, above, NULL, name))
		r = file_dir_at(k->c->world, above, name, dir);
	else
		r = OS_NOENT;
	world_close(k->c->world, above);
	if (r != OS_OK)
		complain(k->c, "%s: there is no whole backup in it", path);
	return r == OS_OK;
}

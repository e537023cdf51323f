/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/keeper/copy: the store's files into a new folder of the backup.
 *
 *     copy live|still [after]
 *
 * Folders: the store's, the new one, and with `after` the former backup.  live:
 * RocksDB's files are those of the checkpoint that the running store holds; still:
 * nothing runs, and the store's lock is held meanwhile.  Tables, blob files and
 * bodies never change once they are written: those that the former backup has,
 * with the same size and time, become a second name of its file.
 *
 * Large bodies are listed after the checkpoint was made, so none that it names is missing.
 *
 * Must never: write the manifest before everything that it names is durable.
 */
#include "kv/kv.h"
#include "role/keeper/keeper.h"

#include <stdio.h>

struct copying {
	struct keeper *k;
	int store, to, former, lock;
	bool live, after;
	struct manifest files, before;
	/* While folders are listed: */
	int dir;
	char prefix[KEEPER_PATH];
	enum os result;
	uint64_t done, copied, copied_files, linked, linked_files;
};

/* ---- what there is --------------------------------------------------------- */

/* LOCK, the engine's own log, and what is still being written. */
static bool left_out(struct span name)
{
	return span_eq(name, SPAN("LOCK")) || span_starts(name, SPAN("LOG")) ||
	       (name.len > 4 &&
		span_eq(span_skip(name, name.len - 4), SPAN(".new"))) ||
	       (name.len > 6 &&
		span_eq(span_skip(name, name.len - 6), SPAN(".dbtmp")));
}

static bool list_one(void *arg, const char *name)
{
	struct copying *c = arg;
	struct file_facts facts;
	struct manifest_file f = {0};
	char path[KEEPER_PATH + FILE_NAME_LEN_MAX + 2];
	int fd;
	if (left_out(span_cstr(name)))
		return true;
	enum os r = file_open(c->k->world, c->dir, name, (struct open_how){0},
			      &fd);
	if (r == OS_NOENT) /* removed meanwhile: then nothing names it */
		return true;
	if (r == OS_OK) {
		r = file_facts(c->k->world, fd, &facts);
		world_close(c->k->world, fd);
	}
	if (r == OS_OK && facts.is_file) {
		snprintf(path, sizeof path, "%s/%s", c->prefix, name);
		f.path = span_cstr(path);
		f.size = facts.size;
		f.mtime = facts.mtime;
		if (!manifest_add(&c->files, &f))
			r = OS_TOOBIG;
	}
	c->result = r;
	return r == OS_OK;
}

/* The files of one folder below the store's, as prefix/name. */
static enum os list_folder(struct copying *c, const char *folder,
			   const char *prefix)
{
	char inner[KEEPER_PATH];
	const char *name;
	snprintf(inner, sizeof inner, "%s/x", folder);
	snprintf(c->prefix, sizeof c->prefix, "%s", prefix);
	enum os r = files_parent(c->k, c->store, span_cstr(inner), false,
				 &c->dir, &name);
	if (r != OS_OK)
		return r;
	c->result = OS_OK;
	r = file_each(c->k->world, c->dir, list_one, c);
	world_close(c->k->world, c->dir);
	return r == OS_OK ? c->result : r;
}

static bool list_all(struct copying *c)
{
	char folder[16];
	const char *rocks = c->live ? KV_CHECKPOINT "/rocksdb" : "rocksdb";
	enum os r = list_folder(c, rocks, "rocksdb");
	for (unsigned i = 0; i < 256 && r == OS_OK; i++) {
		snprintf(folder, sizeof folder, "bodies/%02x", i);
		r = list_folder(c, folder, folder);
		if (r == OS_NOENT) /* made when the store is opened */
			r = OS_OK;
	}
	manifest_sort(&c->files);
	return r == OS_OK ||
	       keeper_fail(c->k, "the store's files cannot be listed: %s",
			   os_text(r));
}

/* ---- a file ------------------------------------------------------------------ */

static bool never_changes(struct span path)
{
	struct span end = path.len > 4 ? span_skip(path, path.len - 4) : path;
	return span_starts(path, SPAN("bodies/")) || span_eq(end, SPAN(".sst")) ||
	       span_eq(end, SPAN("blob"));
}

/* True: the former backup's file has a second name now. */
static bool link_former(struct copying *c, struct manifest_file *f)
{
	const struct manifest_file *was =
		c->after && never_changes(f->path)
			? manifest_find(&c->before, f->path)
			: NULL;
	struct world *w = c->k->world;
	const char *name, *same;
	int from = -1, to = -1;
	if (was == NULL || was->size != f->size || was->mtime != f->mtime)
		return false;
	enum os r = files_parent(c->k, c->former, f->path, false, &from, &name);
	if (r == OS_OK)
		r = files_parent(c->k, c->to, f->path, true, &to, &same);
	if (r == OS_OK)
		r = file_link(w, from, name, to, same);
	world_close(w, from);
	world_close(w, to);
	if (r == OS_OK)
		f->hash = was->hash;
	return r == OS_OK;
}

/* Where the path of the backup stands in the store's folder. */
static struct span source_path(struct copying *c, struct span path, char *room)
{
	if (!c->live || !span_starts(path, SPAN("rocksdb/")))
		return path;
	snprintf(room, KEEPER_PATH, KV_CHECKPOINT "/%.*s", SPAN_FMT(path));
	return span_cstr(room);
}

static bool copy_file(struct copying *c, struct manifest_file *f)
{
	char room[KEEPER_PATH];
	uint64_t size = 0;
	enum os r = files_copy(c->k, c->store, source_path(c, f->path, room),
			       c->to, f->path, &size, &f->hash);
	if (r != OS_OK)
		return keeper_fail(c->k, "%.*s: %s", SPAN_FMT(f->path),
				   r == OS_NOENT ? "is gone: the server was "
						   "restarted or the backup "
						   "took too long; try again"
						 : os_text(r));
	if (size != f->size && never_changes(f->path))
		return keeper_fail(c->k, "%.*s changed while it was copied",
				   SPAN_FMT(f->path));
	c->files.bytes += size - f->size;
	f->size = size;
	c->copied += size;
	c->copied_files++;
	return true;
}

static bool take_all(struct copying *c)
{
	for (size_t i = 0; i < c->files.count; i++) {
		struct manifest_file *f = &c->files.files[i];
		if (link_former(c, f)) {
			c->linked += f->size;
			c->linked_files++;
		} else if (!copy_file(c, f)) {
			return false;
		}
		c->done += f->size;
		keeper_progress(c->k, "copied", c->done, c->files.bytes);
	}
	return true;
}

/* What was written is what was read: read it again. */
static bool read_again(struct copying *c)
{
	uint64_t done = 0, size;
	struct sha256 hash;
	for (size_t i = 0; i < c->files.count; i++) {
		const struct manifest_file *f = &c->files.files[i];
		const struct manifest_file *was =
			c->after ? manifest_find(&c->before, f->path) : NULL;
		done += f->size;
		if (was != NULL && was->mtime == f->mtime &&
		    never_changes(f->path))
			continue;
		enum os r = files_hash(c->k, c->to, f->path, &size, &hash);
		if (r != OS_OK || size != f->size ||
		    memcmp(hash.bytes, f->hash.bytes, sizeof hash.bytes) != 0)
			return keeper_fail(c->k, "%.*s does not read back as it "
						 "was written: is the disk of "
						 "the backup sound?",
					   SPAN_FMT(f->path));
		keeper_progress(c->k, "verified", done, c->files.bytes);
	}
	return true;
}

static bool write_manifest(struct copying *c)
{
	struct buf text;
	bool ok = false;
	buf_init(&text, MANIFEST_MAX);
	c->files.made = world_wall(c->k->world).sec;
	manifest_write(&c->files, &text);
	enum os r = files_sync(c->k, c->to);
	if (r == OS_OK && buf_ok(&text))
		r = file_replace(c->k->world, c->to, MANIFEST_NAME,
				 buf_span(&text));
	if (r != OS_OK)
		(void)keeper_fail(c->k, "the manifest: %s", os_text(r));
	else if (!buf_ok(&text))
		(void)keeper_fail(c->k, "there are too many files");
	else
		ok = true;
	buf_free(&text);
	return ok;
}

static bool hold_still(struct copying *c)
{
	enum os r = c->live ? OS_OK
			    : file_lock(c->k->world, c->store, "lock", &c->lock);
	return r == OS_OK ||
	       keeper_fail(c->k, "the store's lock: %s", os_text(r));
}

bool keeper_copy(struct keeper *k)
{
	struct copying c = {.k = k,
			    .store = KEEPER_FOLDER,
			    .to = KEEPER_FOLDER + 1,
			    .former = KEEPER_FOLDER + 2,
			    .lock = -1,
			    .live = keeper_argument(k, "live"),
			    .after = keeper_argument(k, "after")};
	manifest_init(&c.files, k->arena);
	manifest_init(&c.before, k->arena);
	if (c.after && !files_manifest(k, c.former, &c.before))
		c.after = false; /* all is copied, then */
	bool ok = hold_still(&c) && list_all(&c) && take_all(&c) &&
		  read_again(&c) && write_manifest(&c);
	if (ok)
		keeper_row(k,
			   "\"name\":\"%s\",\"made\":%lld,\"files\":%zu,\"bytes\":%llu,"
			   "\"new_files\":%llu,\"new_bytes\":%llu,"
			   "\"kept_files\":%llu,\"kept_bytes\":%llu",
			   keeper_value(k, "name="), (long long)c.files.made, c.files.count,
			   (unsigned long long)c.files.bytes,
			   (unsigned long long)c.copied_files,
			   (unsigned long long)c.copied,
			   (unsigned long long)c.linked_files,
			   (unsigned long long)c.linked);
	world_close(k->world, c.lock);
	manifest_free(&c.files);
	manifest_free(&c.before);
	return ok;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/keeper/files: files by the paths of a manifest, below an open folder.
 *
 * Must never: leave a file that was reported as copied without its bytes on
 * the disk.
 */
#include "role/keeper/keeper.h"

#include <stdio.h>

enum os files_parent(struct keeper *k, int root, struct span path, bool make,
		     int *dir, const char **name)
{
	char step[KEEPER_PATH];
	struct span head, rest = path;
	int at = -1;
	enum os r = world_dup(k->world, root, &at);
	while (r == OS_OK && span_has(rest, '/')) {
		int next = -1;
		(void)span_cut(&rest, '/', &head);
		snprintf(step, sizeof step, "%.*s", SPAN_FMT(head));
		r = file_dir_at(k->world, at, step, &next);
		if (r == OS_NOENT && make) {
			r = file_mkdir(k->world, at, step);
			if (r == OS_OK)
				r = file_dir_at(k->world, at, step, &next);
		}
		world_close(k->world, at);
		at = next;
	}
	*dir = at;
	*name = arena_cstr(k->arena, rest);
	if (r == OS_OK && *name == NULL)
		r = OS_NOMEM;
	if (r != OS_OK && at >= 0)
		world_close(k->world, at);
	return r;
}

static enum os open_path(struct keeper *k, int root, struct span path, int *fd)
{
	const char *name;
	int dir;
	enum os r = files_parent(k, root, path, false, &dir, &name);
	if (r != OS_OK)
		return r;
	r = file_open(k->world, dir, name, (struct open_how){0}, fd);
	world_close(k->world, dir);
	return r;
}

bool files_manifest(struct keeper *k, int folder, struct manifest *m)
{
	struct file_facts facts;
	size_t got = 0;
	char *text = NULL;
	int fd = -1;
	manifest_init(m, k->arena);
	enum os r = file_open(k->world, folder, MANIFEST_NAME,
			      (struct open_how){0}, &fd);
	if (r == OS_OK)
		r = file_facts(k->world, fd, &facts);
	if (r == OS_OK && facts.size > MANIFEST_MAX)
		r = OS_TOOBIG;
	if (r == OS_OK) {
		text = arena_bytes(k->arena, (size_t)facts.size + 1);
		r = text == NULL ? OS_NOMEM
				 : file_read_at(k->world, fd, text,
						(size_t)facts.size, 0, &got);
	}
	if (fd >= 0)
		world_close(k->world, fd);
	if (r != OS_OK)
		return keeper_fail(k, "the backup's manifest: %s", os_text(r));
	switch (manifest_read(span_of(text, got), m)) {
	case MANIFEST_OK:
		return true;
	case MANIFEST_NEWER:
		return keeper_fail(k, "the backup was made by a newer "
				      "letterlock: use that one to read it");
	case MANIFEST_MEMORY:
	case MANIFEST_DAMAGED:
		break;
	}
	return keeper_fail(k, "the backup's manifest is damaged: nothing in this "
			      "backup can be trusted; `letterlock backup list` "
			      "shows the others");
}

/* From an open file into a hash, and into another file unless that is -1. */
static enum os pump(struct keeper *k, int from, int to, uint64_t *size,
		    struct sha256 *hash)
{
	struct sha256_stream *s = sha256_stream_new();
	enum os r = s == NULL ? OS_NOMEM : OS_OK;
	size_t got = 1;
	*size = 0;
	while (r == OS_OK && got > 0) {
		r = file_read_at(k->world, from, k->piece, KEEPER_PIECE, *size,
				 &got);
		if (r != OS_OK || got == 0)
			break;
		sha256_stream_add(s, span_of(k->piece, got));
		if (to >= 0)
			r = file_write_at(k->world, to, span_of(k->piece, got),
					  *size);
		*size += got;
	}
	if (r == OS_OK)
		*hash = sha256_stream_end(s);
	else
		sha256_stream_drop(s);
	return r;
}

enum os files_hash(struct keeper *k, int root, struct span path, uint64_t *size,
		   struct sha256 *hash)
{
	int fd;
	enum os r = open_path(k, root, path, &fd);
	if (r != OS_OK)
		return r;
	r = pump(k, fd, -1, size, hash);
	world_close(k->world, fd);
	return r;
}

enum os files_copy(struct keeper *k, int from, struct span from_path, int to,
		   struct span path, uint64_t *size, struct sha256 *hash)
{
	const char *name;
	int in, dir, out = -1;
	enum os r = open_path(k, from, from_path, &in);
	if (r != OS_OK)
		return r;
	r = files_parent(k, to, path, true, &dir, &name);
	if (r == OS_OK) {
		r = file_open(k->world, dir, name,
			      (struct open_how){.write = true,
						.create = true,
						.exclusive = true},
			      &out);
		world_close(k->world, dir);
	}
	if (r == OS_OK)
		r = pump(k, in, out, size, hash);
	if (r == OS_OK)
		r = file_sync_all(k->world, out);
	if (out >= 0)
		world_close(k->world, out);
	world_close(k->world, in);
	return r;
}

struct syncing {
	struct keeper *k;
	int dir;
	unsigned depth;
	enum os result;
};

static enum os sync_level(struct keeper *k, int dir, unsigned depth);

static bool sync_below(void *arg, const char *name)
{
	struct syncing *s = arg;
	int dir;
	if (file_dir_at(s->k->world, s->dir, name, &dir) == OS_OK) {
		s->result = sync_level(s->k, dir, s->depth - 1);
		world_close(s->k->world, dir);
	}
	return s->result == OS_OK;
}

static enum os sync_level(struct keeper *k, int dir, unsigned depth)
{
	struct syncing s = {k, dir, depth, OS_OK};
	enum os r = depth == 0 ? OS_OK
			       : file_each(k->world, dir, sync_below, &s);
	if (r == OS_OK)
		r = s.result;
	return r == OS_OK ? file_dir_sync(k->world, dir) : r;
}

enum os files_sync(struct keeper *k, int root)
{
	return sync_level(k, root, MANIFEST_LEVELS - 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/file - whole operations on files, made of the table's single calls.
 *
 * Here and nowhere else stands the order that makes a replacement durable:
 * write, sync, rename, sync the directory.
 */
#include "os/file.h"

#include <stdio.h>

#include "base/ensure.h"

enum os file_dir_open(struct world *w, const char *path, int *dir)
{
	*dir = -1;
	return w->ops->open(w, -1, path, (struct open_how){.directory = true}, dir);
}

enum os file_dir_at(struct world *w, int dir, const char *name, int *out)
{
	return file_open(w, dir, name, (struct open_how){.directory = true}, out);
}

enum os file_mkdir(struct world *w, int dir, const char *name)
{
	return w->ops->mkdir(w, dir, name);
}

enum os file_own(struct world *w, int fd, uint32_t uid, uint32_t gid)
{
	return w->ops->own(w, fd, uid, gid);
}

enum os file_enter(struct world *w, int dir)
{
	return w->ops->enter(w, dir);
}

enum os file_each(struct world *w, int dir, file_each_fn *fn, void *arg)
{
	return w->ops->each(w, dir, fn, arg);
}

enum os file_dir_sync(struct world *w, int dir)
{
	return w->ops->sync(w, dir, false);
}

enum os file_open(struct world *w, int dir, const char *name, struct open_how how,
		  int *fd)
{
	ENSURE(dir >= 0);
	*fd = -1;
	return w->ops->open(w, dir, name, how, fd);
}

enum os file_read_at(struct world *w, int fd, void *buf, size_t len, uint64_t at,
		     size_t *got)
{
	size_t n;

	*got = 0;
	while (*got < len) {
		enum os r = w->ops->pread(w, fd, (char *)buf + *got, len - *got,
					  at + *got, &n);
		if (r != OS_OK)
			return r;
		if (n == 0)
			break;
		*got += n;
	}
	return OS_OK;
}

enum os file_write_at(struct world *w, int fd, struct span s, uint64_t at)
{
	while (s.len > 0) {
		size_t n;
		enum os r = w->ops->pwrite(w, fd, s.ptr, s.len, at, &n);
		if (r != OS_OK)
			return r;
		at += n;
		s = span_skip(s, n);
	}
	return OS_OK;
}

enum os file_append(struct world *w, int fd, struct span s)
{
	while (s.len > 0) {
		size_t n;
		enum os r = w->ops->append(w, fd, s.ptr, s.len, &n);
		if (r != OS_OK)
			return r;
		s = span_skip(s, n);
	}
	return OS_OK;
}

enum os file_sync(struct world *w, int fd) { return w->ops->sync(w, fd, true); }
enum os file_sync_all(struct world *w, int fd) { return w->ops->sync(w, fd, false); }

enum os file_truncate(struct world *w, int fd, uint64_t size)
{
	return w->ops->truncate(w, fd, size);
}

enum os file_reserve(struct world *w, int fd, uint64_t size)
{
	return w->ops->reserve(w, fd, size);
}

enum os file_facts(struct world *w, int fd, struct file_facts *out)
{
	return w->ops->facts(w, fd, out);
}

enum os file_link(struct world *w, int dir, const char *name, int to_dir,
		  const char *to)
{
	ENSURE(dir >= 0 && to_dir >= 0);
	return w->ops->link(w, dir, name, to_dir, to);
}

struct removal {
	struct world *world;
	int dir;
	unsigned depth;
	enum os result;
};

static enum os remove_tree(struct world *w, int dir, const char *name,
			   unsigned depth);

static bool remove_one(void *arg, const char *name)
{
	struct removal *m = arg;
	enum os r = file_unlink(m->world, m->dir, name);
	if (r != OS_OK && r != OS_NOENT)
		r = m->depth == 0 ? OS_TOOBIG
				  : remove_tree(m->world, m->dir, name,
						m->depth - 1);
	if (r != OS_OK && r != OS_NOENT)
		m->result = r;
	return true;
}

static enum os remove_tree(struct world *w, int dir, const char *name,
			   unsigned depth)
{
	struct removal m = {.world = w, .depth = depth, .result = OS_OK};
	enum os r = file_dir_at(w, dir, name, &m.dir);
	if (r != OS_OK)
		return r;
	r = file_each(w, m.dir, remove_one, &m);
	world_close(w, m.dir);
	if (r == OS_OK)
		r = m.result;
	return r == OS_OK ? file_rmdir(w, dir, name) : r;
}

enum os file_tree_remove(struct world *w, int dir, const char *name)
{
	enum os r = remove_tree(w, dir, name, FILE_DEPTH_MAX - 1);
	return r == OS_NOENT ? OS_OK : r;
}

enum os file_rename(struct world *w, int dir, const char *from, int to_dir,
		    const char *to)
{
	return w->ops->rename(w, dir, from, to_dir, to);
}

enum os file_unlink(struct world *w, int dir, const char *name)
{
	return w->ops->unlink(w, dir, name);
}

enum os file_rmdir(struct world *w, int dir, const char *name)
{
	return w->ops->rmdir(w, dir, name);
}

enum os file_replace(struct world *w, int dir, const char *name,
		     struct span content)
{
	struct open_how how = {.write = true, .create = true, .truncate = true};
	char beside[FILE_NAME_LEN_MAX + 1];
	enum os r;
	int fd, n = snprintf(beside, sizeof(beside), "%s.new", name);

	if (n < 0 || (size_t)n >= sizeof(beside))
		return OS_TOOBIG;
	r = file_open(w, dir, beside, how, &fd);
	if (r != OS_OK)
		return r;
	r = file_append(w, fd, content);
	if (r == OS_OK)
		r = file_sync_all(w, fd);
	world_close(w, fd);
	if (r == OS_OK)
		r = file_rename(w, dir, beside, dir, name);
	if (r != OS_OK) {
		(void)w->ops->unlink(w, dir, beside);
		return r;
	}
	return file_dir_sync(w, dir);
}

enum os file_load(struct world *w, int dir, const char *name, void *buf, size_t cap,
		  size_t *len)
{
	enum os r;
	size_t more = 0;
	char extra;
	int fd;

	*len = 0;
	r = file_open(w, dir, name, (struct open_how){0}, &fd);
	if (r != OS_OK)
		return r;
	r = file_read_at(w, fd, buf, cap, 0, len);
	if (r == OS_OK && *len == cap)
		r = file_read_at(w, fd, &extra, 1, cap, &more);
	world_close(w, fd);
	return r == OS_OK && more > 0 ? OS_TOOBIG : r;
}

enum os file_lock(struct world *w, int dir, const char *name, int *fd)
{
	enum os r = file_open(w, dir, name,
			      (struct open_how){.write = true, .create = true}, fd);

	if (r != OS_OK)
		return r;
	r = w->ops->lock(w, *fd);
	if (r != OS_OK) {
		world_close(w, *fd);
		*fd = -1;
	}
	return r;
}

enum os file_space(struct world *w, int fd, uint64_t *avail, uint64_t *total)
{
	return w->ops->space(w, fd, avail, total);
}

enum os blob_new(struct world *w, int *fd)
{
	*fd = -1;
	return w->ops->blob_new(w, fd);
}

enum os blob_seal(struct world *w, int fd) { return w->ops->blob_seal(w, fd); }

enum os blob_check(struct world *w, int fd, uint64_t *size)
{
	return w->ops->blob_check(w, fd, size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/large: write as ".new", sync, rename, sync the folder.
 *
 * The 256 folders are made and synced once, when the store is made, so that
 * no body ever waits for a folder's own name to become durable.
 *
 * Must never: give a file its final name before its bytes are synced.
 */
#include "kv/large.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "os/world.h"

#define NAME_LEN 40u /* 32 digits, ".new", NUL */

struct large {
	struct world *world;
	int dir[256];
};

struct engine_large {
	struct large *large;
	struct kv_id id;
	int fd;
	uint64_t at;
	size_t held; /* bytes in buf, not yet written */
	bool failed;
	char buf[65536];
};

static void name_of(const struct kv_id *id, bool fresh, char out[NAME_LEN])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < 16; i++) {
		out[2 * i] = digits[id->byte[i] >> 4];
		out[2 * i + 1] = digits[id->byte[i] & 15];
	}
	memcpy(out + 32, fresh ? ".new" : "", fresh ? 5 : 1);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool id_of(const char *name, struct kv_id *id)
{
	if (strlen(name) != 32)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int hi = digit(name[2 * i]), lo = digit(name[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		id->byte[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

static int dir_of(const struct large *l, const struct kv_id *id)
{
	return l->dir[id->byte[0]];
}

/* ---- the folder ---- */

struct leftovers {
	struct large *large;
	int dir;
};

static bool sweep_one(void *arg, const char *name)
{
	struct leftovers *l = arg;
	struct kv_id id;
	char base[33];
	size_t n = strlen(name);
	if (n != 36 || strcmp(name + 32, ".new") != 0)
		return true;
	memcpy(base, name, 32);
	base[32] = 0;
	/* A failure leaves it for the next start: it is in nobody's way. */
	if (id_of(base, &id))
		(void)!file_unlink(l->large->world, l->dir, name);
	return true;
}

static enum os open_one(struct large *l, int bodies, unsigned i, bool *made)
{
	char name[3];
	snprintf(name, sizeof(name), "%02x", i);
	enum os r = file_dir_at(l->world, bodies, name, &l->dir[i]);
	if (r == OS_NOENT) {
		r = file_mkdir(l->world, bodies, name);
		*made = true;
		if (r == OS_OK)
			r = file_dir_at(l->world, bodies, name, &l->dir[i]);
	}
	if (r != OS_OK)
		return r;
	struct leftovers left = {l, l->dir[i]};
	return file_each(l->world, l->dir[i], sweep_one, &left);
}

static enum os open_all(struct large *l, int dir)
{
	int bodies = -1;
	bool made = false;
	enum os r = file_mkdir(l->world, dir, "bodies");
	if (r == OS_OK)
		r = file_dir_sync(l->world, dir);
	else if (r == OS_EXIST)
		r = OS_OK;
	if (r == OS_OK)
		r = file_dir_at(l->world, dir, "bodies", &bodies);
	for (unsigned i = 0; i < 256 && r == OS_OK; i++)
		r = open_one(l, bodies, i, &made);
	if (r == OS_OK && made)
		r = file_dir_sync(l->world, bodies);
	world_close(l->world, bodies);
	return r;
}

enum kv_result kv_large_open(struct world *world, int dir, struct large **out)
{
	struct large *l = calloc(1, sizeof(*l));
	*out = NULL;
	if (!l)
		return KV_UNAVAILABLE;
	l->world = world;
	for (unsigned i = 0; i < 256; i++)
		l->dir[i] = -1;
	if (open_all(l, dir) != OS_OK) {
		kv_large_close(l);
		return KV_UNAVAILABLE;
	}
	*out = l;
	return KV_OK;
}

void kv_large_close(struct large *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < 256; i++)
		world_close(l->world, l->dir[i]);
	free(l);
}

/* ---- reading ---- */

static enum kv_result from_os(enum os r)
{
	if (r == OS_OK)
		return KV_OK;
	return r == OS_NOENT ? KV_NONE : r == OS_FULL ? KV_FULL : KV_UNAVAILABLE;
}

static enum kv_result open_body(struct large *l, const struct kv_id *id,
				int *fd, uint64_t *size, int64_t *made)
{
	char name[NAME_LEN];
	unsigned char head[LARGE_HEAD];
	size_t got;
	struct file_facts facts;
	name_of(id, false, name);
	enum os r = file_open(l->world, dir_of(l, id), name,
			      (struct open_how){0}, fd);
	if (r != OS_OK)
		return from_os(r);
	r = file_facts(l->world, *fd, &facts);
	if (r == OS_OK)
		r = file_read_at(l->world, *fd, head, sizeof(head), 0, &got);
	enum kv_result kr = from_os(r);
	if (kr == KV_OK && (got != sizeof(head) || facts.size < sizeof(head) ||
			    memcmp(head, "LLBODY", 6) != 0 ||
			    (head[6] << 8 | head[7]) != LARGE_FORMAT))
		kr = KV_CORRUPT;
	if (kr != KV_OK) {
		world_close(l->world, *fd);
		return kr;
	}
	*size = facts.size - LARGE_HEAD;
	*made = 0;
	for (unsigned i = 8; i < 16; i++)
		*made = (int64_t)((uint64_t)*made << 8 | head[i]);
	return KV_OK;
}

enum kv_result kv_large_read(struct large *l, const struct kv_id *id,
			  uint64_t from, size_t len, struct buf *out)
{
	int fd;
	uint64_t size;
	int64_t made;
	enum kv_result r = open_body(l, id, &fd, &size, &made);
	if (r != KV_OK)
		return r;
	from = u64_min(from, size);
	len = (size_t)u64_min(len, size - from);
	char *room = len ? buf_room(out, len) : NULL;
	size_t got = 0;
	if (room) {
		r = from_os(file_read_at(l->world, fd, room, len,
					 from + LARGE_HEAD, &got));
		if (r == KV_OK && got != len)
			r = KV_CORRUPT;
		if (r == KV_OK)
			buf_wrote(out, len);
	} else if (len) {
		r = KV_UNAVAILABLE;
	}
	world_close(l->world, fd);
	return r;
}

enum kv_result kv_large_facts(struct large *l, const struct kv_id *id,
			   uint64_t *size, int64_t *made)
{
	int fd;
	enum kv_result r = open_body(l, id, &fd, size, made);
	if (r == KV_OK)
		world_close(l->world, fd);
	return r;
}

struct listing {
	struct kv_id *ids;
	size_t count, cap;
	bool failed;
};

static bool list_one(void *arg, const char *name)
{
	struct listing *l = arg;
	struct kv_id id;
	if (!id_of(name, &id))
		return true;
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct kv_id *ids = realloc(l->ids, cap * sizeof(*ids));
		if (!ids) {
			l->failed = true;
			return false;
		}
		l->ids = ids;
		l->cap = cap;
	}
	l->ids[l->count++] = id;
	return true;
}

static int by_id(const void *a, const void *b) { return memcmp(a, b, 16); }

enum kv_result kv_large_list(struct large *l, uint8_t first, struct kv_id **ids,
			  size_t *count)
{
	struct listing list = {0};
	enum os r = file_each(l->world, l->dir[first], list_one, &list);
	if (r != OS_OK || list.failed) {
		free(list.ids);
		return KV_UNAVAILABLE;
	}
	if (list.count)
		qsort(list.ids, list.count, sizeof(*list.ids), by_id);
	*ids = list.ids;
	*count = list.count;
	return KV_OK;
}

enum kv_result kv_large_remove(struct large *l, const struct kv_id *id)
{
	char name[NAME_LEN];
	name_of(id, false, name);
	return from_os(file_unlink(l->world, dir_of(l, id), name));
}

/* ---- writing ---- */

enum kv_result kv_large_begin(struct large *l, const struct kv_id *id,
			   struct engine_large **out)
{
	char name[NAME_LEN];
	struct engine_large *b = malloc(sizeof(*b));
	*out = NULL;
	if (!b)
		return KV_UNAVAILABLE;
	b->large = l;
	b->id = *id;
	b->at = 0;
	b->failed = false;
	b->held = LARGE_HEAD;
	memcpy(b->buf, "LLBODY\0\1", 8);
	uint64_t made = (uint64_t)world_wall(l->world).sec;
	for (unsigned i = 0; i < 8; i++)
		b->buf[8 + i] = (char)(made >> (56 - 8 * i));
	name_of(id, true, name);
	enum os r = file_open(l->world, dir_of(l, id), name,
			      (struct open_how){.write = true,
						.create = true,
						.exclusive = true},
			      &b->fd);
	if (r != OS_OK) {
		free(b);
		return from_os(r);
	}
	*out = b;
	return KV_OK;
}

static void write_out(struct engine_large *b)
{
	if (!b->failed && b->held)
		b->failed = file_write_at(b->large->world, b->fd,
					  span_of(b->buf, b->held),
					  b->at) != OS_OK;
	b->at += b->held;
	b->held = 0;
}

enum kv_result kv_large_append(struct engine_large *b, struct span s)
{
	while (s.len && !b->failed) {
		size_t n = size_min(s.len, sizeof(b->buf) - b->held);
		memcpy(b->buf + b->held, s.ptr, n);
		b->held += n;
		s = span_skip(s, n);
		if (b->held == sizeof(b->buf))
			write_out(b);
	}
	return b->failed ? KV_UNAVAILABLE : KV_OK;
}

enum kv_result kv_large_finish(struct engine_large *b)
{
	char fresh[NAME_LEN], name[NAME_LEN];
	struct world *w = b->large->world;
	int dir = dir_of(b->large, &b->id);
	name_of(&b->id, true, fresh);
	name_of(&b->id, false, name);
	write_out(b);
	enum os r = b->failed ? OS_IO : file_sync(w, b->fd);
	if (r == OS_OK)
		r = file_rename(w, dir, fresh, dir, name);
	if (r == OS_OK)
		r = file_dir_sync(w, dir);
	if (r != OS_OK) {
		kv_large_drop(b);
		return from_os(r) == KV_FULL ? KV_FULL : KV_UNAVAILABLE;
	}
	world_close(w, b->fd);
	free(b);
	return KV_OK;
}

void kv_large_drop(struct engine_large *b)
{
	char fresh[NAME_LEN];
	name_of(&b->id, true, fresh);
	/* What cannot be removed now is removed at the next start. */
	(void)!file_unlink(b->large->world, dir_of(b->large, &b->id), fresh);
	world_close(b->large->world, b->fd);
	free(b);
}

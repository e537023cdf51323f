/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/large: write as ".new", sync, rename, sync the folder.
 *
 * The 256 folders are made and synced when the store is opened, so that no body
 * ever waits for a folder's own name to become durable.
 *
 * Must never: give a file its final name before its bytes are synced.
 */
#include "kv/large.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/pack.h"
#include "crypto/hash.h"
#include "os/world.h"

#define SUMS_MAX (64u << 20) /* of a body of a terabyte */
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
	uint64_t size; /* of the body so far */
	uint32_t crc;  /* of the piece so far */
	struct buf sums;
	char buf[65536];
};

/* Where the checksum of the piece that holds this byte stands. */
static uint64_t sum_at(uint64_t size, uint64_t at)
{
	return LARGE_HEAD + size + 4 * (at / LARGE_PIECE);
}

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

static enum os open_one(struct large *l, int bodies, unsigned i)
{
	char name[3];
	snprintf(name, sizeof(name), "%02x", i);
	enum os r = file_dir_at(l->world, bodies, name, &l->dir[i]);
	if (r == OS_NOENT) {
		r = file_mkdir(l->world, bodies, name);
		if (r == OS_OK)
			r = file_dir_at(l->world, bodies, name, &l->dir[i]);
	}
	if (r != OS_OK)
		return r;
	struct leftovers left = {l, l->dir[i]};
	return file_each(l->world, l->dir[i], sweep_one, &left);
}

/* What is there was perhaps made by a start that died before its sync. */
static enum os open_all(struct large *l, int dir)
{
	int bodies = -1;
	enum os r = file_mkdir(l->world, dir, "bodies");
	if (r == OS_OK || r == OS_EXIST)
		r = file_dir_at(l->world, dir, "bodies", &bodies);
	for (unsigned i = 0; i < 256 && r == OS_OK; i++)
		r = open_one(l, bodies, i);
	if (r == OS_OK)
		r = file_dir_sync(l->world, bodies);
	world_close(l->world, bodies);
	return r;
}

/* A folder that is not there stays -1, and what is looked for in it is missing. */
static enum os open_copy(struct large *l, int dir)
{
	char name[3];
	int bodies = -1;
	enum os r = file_dir_at(l->world, dir, "bodies", &bodies);
	for (unsigned i = 0; i < 256 && r == OS_OK; i++) {
		snprintf(name, sizeof(name), "%02x", i);
		r = file_dir_at(l->world, bodies, name, &l->dir[i]);
		if (r == OS_NOENT)
			r = OS_OK;
	}
	world_close(l->world, bodies);
	return r == OS_NOENT ? OS_OK : r;
}

static enum kv_result open_with(struct world *world, int dir,
				enum os (*folders)(struct large *, int),
				struct large **out)
{
	struct large *l = calloc(1, sizeof(*l));
	*out = NULL;
	if (!l)
		return KV_UNAVAILABLE;
	l->world = world;
	for (unsigned i = 0; i < 256; i++)
		l->dir[i] = -1;
	if (folders(l, dir) != OS_OK) {
		kv_large_close(l);
		return KV_UNAVAILABLE;
	}
	*out = l;
	return KV_OK;
}

enum kv_result kv_large_open(struct world *world, int dir, struct large **out)
{
	return open_with(world, dir, open_all, out);
}

enum kv_result kv_large_open_copy(struct world *world, int dir,
				  struct large **out)
{
	return open_with(world, dir, open_copy, out);
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

struct body_file {
	int fd;
	uint64_t size; /* of the body */
	int64_t made;
	bool sums; /* there are checksums */
};

/* Exactly len bytes; the end of the file is damage. */
static enum kv_result read_all(struct large *l, int fd, void *to, size_t len,
			       uint64_t at)
{
	size_t got;
	enum os r = file_read_at(l->world, fd, to, len, at, &got);
	if (r != OS_OK)
		return from_os(r);
	return got == len ? KV_OK : KV_CORRUPT;
}

/* Is the file as long as its body asks for? */
static enum kv_result read_size(struct large *l, uint64_t length,
				struct body_file *f)
{
	char end[LARGE_END];
	if (length < LARGE_HEAD + LARGE_END)
		return KV_CORRUPT;
	enum kv_result r = read_all(l, f->fd, end, sizeof(end),
				    length - LARGE_END);
	if (r != KV_OK)
		return r;
	struct unpack u = unpack_of(span_of(end, sizeof(end)));
	f->size = unpack_u64_be(&u);
	if (f->size > length)
		return KV_CORRUPT;
	uint64_t pieces = (f->size + LARGE_PIECE - 1) / LARGE_PIECE;
	return length == sum_at(f->size, pieces * LARGE_PIECE) + LARGE_END
		       ? KV_OK
		       : KV_CORRUPT;
}

static enum kv_result read_head(struct large *l, struct body_file *f)
{
	unsigned char head[LARGE_HEAD];
	struct file_facts facts;
	enum os o = file_facts(l->world, f->fd, &facts);
	enum kv_result r = from_os(o);
	if (r == KV_OK)
		r = read_all(l, f->fd, head, sizeof(head), 0);
	if (r != KV_OK)
		return r;
	unsigned format = (unsigned)head[6] << 8 | head[7];
	if (memcmp(head, "LLBODY", 6) != 0 || format == 0 ||
	    format > LARGE_FORMAT)
		return KV_CORRUPT;
	f->made = 0;
	for (unsigned i = 8; i < 16; i++)
		f->made = (int64_t)((uint64_t)f->made << 8 | head[i]);
	f->sums = format > 1;
	f->size = facts.size - LARGE_HEAD;
	return f->sums ? read_size(l, facts.size, f) : KV_OK;
}

static enum kv_result open_body(struct large *l, const struct kv_id *id,
				struct body_file *f)
{
	char name[NAME_LEN];
	name_of(id, false, name);
	enum os o = file_open(l->world, dir_of(l, id), name,
			      (struct open_how){0}, &f->fd);
	if (o != OS_OK)
		return from_os(o);
	enum kv_result r = read_head(l, f);
	if (r != KV_OK)
		world_close(l->world, f->fd);
	return r;
}

/* A whole piece, compared with its checksum. */
static enum kv_result read_piece(struct large *l, const struct body_file *f,
				 uint64_t at, size_t len, char *to)
{
	char sum[4];
	enum kv_result r = read_all(l, f->fd, to, len, LARGE_HEAD + at);
	if (r == KV_OK && f->sums)
		r = read_all(l, f->fd, sum, sizeof(sum), sum_at(f->size, at));
	if (r != KV_OK || !f->sums)
		return r;
	struct unpack u = unpack_of(span_of(sum, sizeof(sum)));
	return unpack_u32_be(&u) == crc32c(0, span_of(to, len)) ? KV_OK
								 : KV_CORRUPT;
}

static enum kv_result read_pieces(struct large *l, const struct body_file *f,
				  uint64_t from, size_t len, struct buf *out)
{
	char *piece = malloc(LARGE_PIECE);
	enum kv_result r = piece ? KV_OK : KV_UNAVAILABLE;
	while (r == KV_OK && len > 0) {
		uint64_t at = from / LARGE_PIECE * LARGE_PIECE;
		size_t whole = (size_t)u64_min(LARGE_PIECE, f->size - at);
		size_t skip = (size_t)(from - at);
		size_t n = size_min(len, whole - skip);
		r = read_piece(l, f, at, whole, piece);
		if (r == KV_OK)
			buf_add(out, span_of(piece + skip, n));
		from += n;
		len -= n;
	}
	free(piece);
	return r != KV_OK || buf_ok(out) ? r : KV_UNAVAILABLE;
}

enum kv_result kv_large_read(struct large *l, const struct kv_id *id,
			  uint64_t from, size_t len, struct buf *out)
{
	struct body_file f;
	size_t before = buf_len(out);
	enum kv_result r = open_body(l, id, &f);
	if (r != KV_OK)
		return r;
	from = u64_min(from, f.size);
	r = read_pieces(l, &f, from, (size_t)u64_min(len, f.size - from), out);
	if (r != KV_OK) /* no half answers */
		buf_cut(out, buf_len(out) - before);
	world_close(l->world, f.fd);
	return r;
}

enum kv_result kv_large_facts(struct large *l, const struct kv_id *id,
			   uint64_t *size, int64_t *made)
{
	struct body_file f;
	enum kv_result r = open_body(l, id, &f);
	if (r != KV_OK)
		return r;
	*size = f.size;
	*made = f.made;
	world_close(l->world, f.fd);
	return KV_OK;
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
	b->size = 0;
	b->crc = 0;
	buf_init(&b->sums, SUMS_MAX);
	memcpy(b->buf, "LLBODY\0\2", 8);
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

static void keep(struct engine_large *b, struct span s)
{
	while (s.len && !b->failed) {
		size_t n = size_min(s.len, sizeof(b->buf) - b->held);
		memcpy(b->buf + b->held, s.ptr, n);
		b->held += n;
		s = span_skip(s, n);
		if (b->held == sizeof(b->buf))
			write_out(b);
	}
}

static void end_piece(struct engine_large *b)
{
	pack_u32_be(&b->sums, b->crc);
	b->crc = 0;
	b->failed |= !buf_ok(&b->sums);
}

enum kv_result kv_large_append(struct engine_large *b, struct span s)
{
	while (s.len && !b->failed) {
		size_t room = LARGE_PIECE - (size_t)(b->size % LARGE_PIECE);
		struct span now = span_sub(s, 0, room);
		b->crc = crc32c(b->crc, now);
		b->size += now.len;
		keep(b, now);
		if (b->size % LARGE_PIECE == 0)
			end_piece(b);
		s = span_skip(s, now.len);
	}
	return b->failed ? KV_UNAVAILABLE : KV_OK;
}

static void keep_sums(struct engine_large *b)
{
	if (b->size % LARGE_PIECE != 0)
		end_piece(b);
	pack_u64_be(&b->sums, b->size);
	b->failed |= !buf_ok(&b->sums);
	keep(b, buf_span(&b->sums));
	write_out(b);
}

enum kv_result kv_large_finish(struct engine_large *b)
{
	char fresh[NAME_LEN], name[NAME_LEN];
	struct world *w = b->large->world;
	int dir = dir_of(b->large, &b->id);
	name_of(&b->id, true, fresh);
	name_of(&b->id, false, name);
	keep_sums(b);
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
	buf_free(&b->sums);
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
	buf_free(&b->sums);
	free(b);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/rocks_body: bodies as values of a column family, or as files of their own
 * when they are large: read by pieces, several in one call, and listed by id.
 */
#include <stdlib.h>

#include "base/check.h"
#include "kv/rocks.h"

#define BODIES_AT_ONCE 32u

static bool is_body(struct span v) { return v.len >= BODY_HEAD && v.ptr[0] == BODY_FORMAT; }

static enum kv_result body_value(struct rocks *r, const struct kv_id *id,
				 rocksdb_pinnableslice_t **p, struct span *value)
{
	enum kv_result k = rocks_find(r, r->latest, CF_BODIES,
			       span_of(id->byte, sizeof(id->byte)), p);
	if (k != KV_OK)
		return k;
	*value = rocks_pinned(*p);
	if (is_body(*value))
		return KV_OK;
	rocksdb_pinnableslice_destroy(*p);
	return KV_CORRUPT;
}

/* The bytes of a piece out of a body's value. */
static enum kv_result cut(const struct kv_piece *p, struct span v)
{
	if (!is_body(v))
		return KV_CORRUPT;
	v = span_skip(v, BODY_HEAD);
	buf_add(p->out, span_sub(v, (size_t)u64_min(p->from, v.len), p->len));
	return buf_ok(p->out) ? KV_OK : KV_UNAVAILABLE;
}

/* At most BODIES_AT_ONCE; in one call, which looks for all of them in each block. */
static void read_some(struct rocks *r, struct kv_piece *pieces, size_t n)
{
	const char *keys[BODIES_AT_ONCE] = {0};
	size_t sizes[BODIES_AT_ONCE] = {0};
	rocksdb_pinnableslice_t *values[BODIES_AT_ONCE];
	char *errors[BODIES_AT_ONCE];
	for (size_t i = 0; i < n; i++) {
		keys[i] = (const char *)pieces[i].id.byte;
		sizes[i] = sizeof(pieces[i].id.byte);
	}
	rocksdb_batched_multi_get_cf(r->db, r->latest, r->cf[CF_BODIES], n, keys, sizes, values,
				     errors, false);
	for (size_t i = 0; i < n; i++) {
		struct kv_piece *p = &pieces[i];
		if (errors[i])
			p->result = rocks_error(errors[i]);
		else if (values[i])
			p->result = cut(p, rocks_pinned(values[i]));
		else
			p->result = kv_large_read(r->large, &p->id, p->from, p->len, p->out);
		if (values[i])
			rocksdb_pinnableslice_destroy(values[i]);
	}
}

static enum kv_result read_one(struct rocks *r, const struct kv_piece *p)
{
	rocksdb_pinnableslice_t *value;
	struct span v;
	enum kv_result k = body_value(r, &p->id, &value, &v);
	if (k == KV_NONE)
		return kv_large_read(r->large, &p->id, p->from, p->len, p->out);
	if (k == KV_OK) {
		k = cut(p, v);
		rocksdb_pinnableslice_destroy(value);
	}
	return k;
}

void rocks_bodies_read(struct engine *e, struct kv_piece *pieces, size_t count)
{
	if (count == 1)
		pieces->result = read_one(ROCKS(e), pieces);
	for (size_t at = 0; count > 1 && at < count; at += BODIES_AT_ONCE)
		read_some(ROCKS(e), pieces + at, size_min(count - at, BODIES_AT_ONCE));
}

enum kv_result rocks_body_size(struct engine *e, const struct kv_id *id, uint64_t *size)
{
	struct rocks *r = ROCKS(e);
	rocksdb_pinnableslice_t *p;
	struct span v;
	int64_t made;
	enum kv_result k = body_value(r, id, &p, &v);
	if (k == KV_NONE)
		return kv_large_facts(r->large, id, size, &made);
	if (k != KV_OK)
		return k;
	*size = v.len - BODY_HEAD;
	rocksdb_pinnableslice_destroy(p);
	return KV_OK;
}

/* Two ascending lists of one first byte: values, and files. */
struct listing {
	struct rocks *rocks;
	rocksdb_iterator_t *it;
	struct kv_id *files;
	size_t file, file_count;
	struct kv_id from;
};

static bool listing_inline(struct listing *l, struct kv_id *id, uint64_t *size, int64_t *made)
{
	size_t n;
	if (!rocksdb_iter_valid(l->it))
		return false;
	const char *key = rocksdb_iter_key(l->it, &n);
	if (n != sizeof(id->byte))
		return false;
	memcpy(id->byte, key, n);
	const char *v = rocksdb_iter_value(l->it, &n);
	*size = n >= BODY_HEAD ? n - BODY_HEAD : 0;
	*made = 0;
	for (size_t i = 1; i < BODY_HEAD && i < n; i++)
		*made = *made << 8 | (uint8_t)v[i];
	return true;
}

/* The next of both lists, smaller id first. */
static enum kv_result listing_next(struct listing *l, struct kv_id *id,
				   uint64_t *size, int64_t *made)
{
	bool row = listing_inline(l, id, size, made);
	bool file = l->file < l->file_count;
	if (file && (!row || memcmp(l->files[l->file].byte, id->byte, 16) < 0)) {
		*id = l->files[l->file++];
		enum kv_result k =
			kv_large_facts(l->rocks->large, id, size, made);
		if (k == KV_CORRUPT)
			*size = 0, *made = 0;
		return k == KV_CORRUPT ? KV_OK : k;
	}
	if (!row)
		return rocks_iter_error(l->it);
	rocksdb_iter_next(l->it);
	return KV_OK;
}

static enum kv_result list_byte(struct listing *l, size_t max, size_t *n,
				struct kv_id *next, kv_body_fn *each, void *arg)
{
	struct kv_id id;
	uint64_t size;
	int64_t made;
	for (;;) {
		enum kv_result k = listing_next(l, &id, &size, &made);
		if (k != KV_OK)
			return k;
		if (id.byte[0] != l->from.byte[0])
			return KV_NONE;
		if (*n == max) {
			*next = id;
			return KV_OK;
		}
		++*n;
		each(arg, &id, size, made);
	}
}

enum kv_result rocks_body_list(struct engine *e,
				      const struct kv_id *from, size_t max,
				      struct kv_id *next, kv_body_fn *each,
				      void *arg)
{
	struct rocks *r = ROCKS(e);
	struct listing l = {.rocks = r, .from = *from};
	size_t n = 0;
	for (;;) {
		enum kv_result k = kv_large_list(r->large, l.from.byte[0],
					      &l.files, &l.file_count);
		if (k != KV_OK)
			return k;
		l.file = 0;
		while (l.file < l.file_count &&
		       memcmp(l.files[l.file].byte, l.from.byte, 16) < 0)
			l.file++;
		l.it = rocksdb_create_iterator_cf(r->db, r->latest,
						  r->cf[CF_BODIES]);
		rocksdb_iter_seek(l.it, (const char *)l.from.byte, 16);
		k = list_byte(&l, max, &n, next, each, arg);
		rocksdb_iter_destroy(l.it);
		free(l.files);
		if (k != KV_NONE || l.from.byte[0] == 255)
			return k;
		uint8_t first = l.from.byte[0];
		l.from = (struct kv_id){0};
		l.from.byte[0] = (uint8_t)(first + 1);
	}
}

enum kv_result rocks_large_begin(struct engine *e,
					const struct kv_id *id,
					struct engine_large **out)
{
	return kv_large_begin(ROCKS(e)->large, id, out);
}

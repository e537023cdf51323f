/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/memory: heads, rows and bodies in ordered maps; faults by seed.
 *
 * The disk is what lasts.  Rows carry the space's key in front, so one map
 * holds them all.  A group is applied by the finish() after its start():
 * between the two it is "being written", and a power cut keeps a beginning of it.
 */
#include "kv/memory.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "kv/engine.h"

#define DISK_TAG TAG4('D', 'I', 'S', 'K')
#define SLOW_MAX 40u /* polls */

struct kv_disk {
	uint32_t tag;
	struct kv_sorted *heads, *rows, *bodies;
	struct kv_sorted *counts; /* rows per space, in the node's mark */
	uint64_t seed;
	struct kv_memory_faults faults;
	struct kv_disk *checkpoint; /* NULL: none */
	struct kv_memory_lies lies;
	struct memory *open;   /* NULL: no kv is */
	struct undo *unsynced; /* newest first, when syncs are a lie */
};

/* What a row was before a group that was not synced. */
struct undo {
	struct undo *next;
	struct kv_sorted *map;
	char *key, *value; /* value NULL: there was none */
	size_t key_len, value_len;
	uint64_t mark;
};

struct memory {
	struct engine engine;
	struct kv_disk *disk; /* NULL: it was cut off */
	struct group *writing;
	unsigned slow; /* polls until the group is written */
};

struct engine_iter {
	struct memory *memory;
	struct kv_sorted_node *node;
	char from[SPACE_KEY + KV_KEY_MAX + 1], to[SPACE_KEY + KV_KEY_MAX + 1];
	size_t from_len, to_len;
	bool reverse;
};

struct engine_large {
	struct memory *memory;
	struct kv_id id;
	char *bytes;
	size_t len, cap;
};

#define MEMORY(e) CONTAINER_OF(e, struct memory, engine)

/* ---- the disk ---- */

static void undo_forget(struct kv_disk *d)
{
	for (struct undo *u = d->unsynced, *next; u; u = next) {
		next = u->next;
		free(u->key);
		free(u->value);
		free(u);
	}
	d->unsynced = NULL;
}

struct kv_disk *kv_disk_new(uint64_t seed)
{
	struct kv_disk *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->tag = DISK_TAG;
	d->seed = seed * 2 + 1;
	d->heads = kv_sorted_new();
	d->rows = kv_sorted_new();
	d->bodies = kv_sorted_new();
	d->counts = kv_sorted_new();
	if (d->heads && d->rows && d->bodies && d->counts)
		return d;
	kv_disk_free(d);
	return NULL;
}

void kv_disk_free(struct kv_disk *d)
{
	if (!d)
		return;
	ENSURE_TAG(d, DISK_TAG);
	ENSURE(!d->open);
	undo_forget(d);
	kv_sorted_free(d->heads);
	kv_sorted_free(d->rows);
	kv_sorted_free(d->bodies);
	kv_sorted_free(d->counts);
	kv_disk_free(d->checkpoint);
	d->tag = 0;
	free(d);
}

void kv_disk_faults(struct kv_disk *d, const struct kv_memory_faults *f)
{
	ENSURE_TAG(d, DISK_TAG);
	d->faults = *f;
}

void kv_disk_lies(struct kv_disk *d, const struct kv_memory_lies *l)
{
	ENSURE_TAG(d, DISK_TAG);
	d->lies = *l;
}

static uint64_t draw(struct kv_disk *d, uint64_t below)
{
	d->seed ^= d->seed << 13;
	d->seed ^= d->seed >> 7;
	d->seed ^= d->seed << 17;
	return (d->seed >> 11) % below;
}

static bool chance(struct kv_disk *d, unsigned of_thousand)
{
	return of_thousand && draw(d, 1000) < of_thousand;
}

static struct span id_span(const struct kv_id *id)
{
	return span_of(id->byte, sizeof(id->byte));
}

/* space key + row key */
static size_t full_key(struct kv_name name, struct span key, char *out)
{
	kv_space_key(name, (uint8_t *)out);
	if (key.len)
		memcpy(out + SPACE_KEY, key.ptr, key.len);
	return SPACE_KEY + key.len;
}

static bool flip(struct kv_sorted_node *n, uint64_t at)
{
	if (!n || n->value.len == 0)
		return false;
	char *p = (char *)(uintptr_t)n->value.ptr;
	p[at % n->value.len] = (char)(p[at % n->value.len] ^ 1 << at % 7);
	return true;
}

bool kv_disk_damage_body(struct kv_disk *d, const struct kv_id *id, uint64_t at)
{
	ENSURE_TAG(d, DISK_TAG);
	return flip(kv_sorted_find(d->bodies, id_span(id)), at);
}

bool kv_disk_damage_row(struct kv_disk *d, struct kv_name name,
			struct span key, uint64_t at)
{
	ENSURE_TAG(d, DISK_TAG);
	char k[SPACE_KEY + KV_KEY_MAX];
	size_t n = full_key(name, key, k);
	return flip(kv_sorted_find(d->rows, span_of(k, n)), at);
}

/* ---- reading ---- */

static enum kv_result take(struct kv_sorted_node *n, struct buf *out)
{
	if (!n)
		return KV_NONE;
	buf_add(out, n->value);
	return buf_ok(out) ? KV_OK : KV_UNAVAILABLE;
}

static enum kv_result memory_head(struct engine *e, struct kv_name name,
				  struct buf *out)
{
	uint8_t k[SPACE_KEY];
	if (!MEMORY(e)->disk)
		return KV_UNAVAILABLE;
	kv_space_key(name, k);
	return take(kv_sorted_find(MEMORY(e)->disk->heads, span_of(k, sizeof(k))),
		    out);
}

static enum kv_result memory_heads(struct engine *e, enum kv_kind kind,
				   uint64_t from, uint64_t *ids, size_t n,
				   size_t *count)
{
	uint8_t k[SPACE_KEY];
	if (!MEMORY(e)->disk)
		return KV_UNAVAILABLE;
	kv_space_key((struct kv_name){kind, from}, k);
	struct kv_sorted_node *at =
		kv_sorted_from(MEMORY(e)->disk->heads, span_of(k, sizeof(k)));
	for (; at && *count < n && (uint8_t)at->key.ptr[0] == kind;
	     at = kv_sorted_next(at)) {
		uint64_t id = 0;
		for (unsigned i = 1; i < SPACE_KEY; i++)
			id = id << 8 | (uint8_t)at->key.ptr[i];
		ids[(*count)++] = id;
	}
	return KV_OK;
}

static enum kv_result memory_get(struct engine *e, struct kv_name name,
				 struct span key, struct buf *out)
{
	char k[SPACE_KEY + KV_KEY_MAX];
	if (!MEMORY(e)->disk)
		return KV_UNAVAILABLE;
	if (key.len > KV_KEY_MAX)
		return KV_NONE;
	size_t n = full_key(name, key, k);
	return take(kv_sorted_find(MEMORY(e)->disk->rows, span_of(k, n)), out);
}

static void iter_clip(struct engine_iter *i)
{
	if (i->node &&
	    (span_cmp(i->node->key, span_of(i->from, i->from_len)) < 0 ||
	     span_cmp(i->node->key, span_of(i->to, i->to_len)) >= 0))
		i->node = NULL;
}

/* The first key behind every key of the space. */
static size_t space_end(struct kv_name name, char *out)
{
	memset(out, 0xff, SPACE_KEY + KV_KEY_MAX + 1);
	kv_space_key(name, (uint8_t *)out);
	return SPACE_KEY + KV_KEY_MAX + 1;
}

static enum kv_result memory_iter(struct engine *e, struct kv_name name,
				  struct span from, struct span to,
				  bool reverse, struct engine_iter **out)
{
	struct engine_iter *i =
		MEMORY(e)->disk ? calloc(1, sizeof(*i)) : NULL;
	if (!i)
		return KV_UNAVAILABLE;
	struct kv_sorted *rows = MEMORY(e)->disk->rows;
	i->memory = MEMORY(e);
	i->reverse = reverse;
	from.len = size_min(from.len, KV_KEY_MAX + 1);
	to.len = size_min(to.len, KV_KEY_MAX + 1);
	i->from_len = full_key(name, from, i->from);
	i->to_len = to.len ? full_key(name, to, i->to)
			   : space_end(name, i->to);
	i->node = reverse ? kv_sorted_before(rows, span_of(i->to, i->to_len))
			  : kv_sorted_from(rows, span_of(i->from, i->from_len));
	iter_clip(i);
	*out = i;
	return KV_OK;
}

static enum kv_result memory_iter_row(struct engine_iter *i, struct span *key,
				      struct span *value)
{
	if (!i->node)
		return KV_NONE;
	*key = span_skip(i->node->key, SPACE_KEY);
	*value = i->node->value;
	return KV_OK;
}

static void memory_iter_next(struct engine_iter *i)
{
	i->node = i->reverse
			  ? kv_sorted_before(i->memory->disk->rows, i->node->key)
			  : kv_sorted_next(i->node);
	iter_clip(i);
}

static void memory_iter_close(struct engine_iter *i) { free(i); }

/* ---- writing ---- */

/* What the map says of a key now comes back at a power cut. */
static void remember(struct kv_disk *d, struct kv_sorted *map, struct span key)
{
	struct kv_sorted_node *n = kv_sorted_find(map, key);
	struct undo *u = d->lies.no_sync ? calloc(1, sizeof(*u)) : NULL;
	if (!u)
		return;
	u->map = map;
	u->key = malloc(key.len);
	ENSURE(u->key);
	memcpy(u->key, key.ptr, key.len);
	u->key_len = key.len;
	if (n) {
		u->value = malloc(n->value.len + 1);
		ENSURE(u->value);
		if (n->value.len)
			memcpy(u->value, n->value.ptr, n->value.len);
		u->value_len = n->value.len;
		u->mark = n->mark;
	}
	u->next = d->unsynced;
	d->unsynced = u;
}

/* A test machine that is out of memory has nothing to prove. */
static struct kv_sorted_node *must_put(struct kv_sorted *m, struct span k, struct span v)
{
	struct kv_sorted_node *n = kv_sorted_put(m, k, v);
	ENSURE(n);
	return n;
}

static void forget_unsynced(struct kv_disk *d)
{
	for (struct undo *u = d->unsynced; u; u = u->next) {
		struct span key = span_of(u->key, u->key_len);
		if (u->value)
			must_put(u->map, key, span_of(u->value, u->value_len))
				->mark = u->mark;
		else
			kv_sorted_remove(u->map, key);
	}
	undo_forget(d);
}

static bool left_out(struct kv_disk *d, const struct staged *c, size_t row)
{
	return d->lies.row &&
	       !d->lies.row(d->lies.arg, c->name, batch_key(c->batch, row));
}

static void apply(struct kv_disk *d, const struct staged *c)
{
	uint8_t space[SPACE_KEY], head[HEAD_MAX];
	char key[SPACE_KEY + KV_KEY_MAX];
	kv_space_key(c->name, space);
	struct span name = span_of(space, sizeof(space));
	struct kv_sorted_node *count = kv_sorted_find(d->counts, name);
	if (!count)
		count = must_put(d->counts, name, (struct span){0});
	for (size_t i = 0; i < c->batch->count; i++) {
		size_t n = full_key(c->name, batch_key(c->batch, i), key);
		size_t before = kv_sorted_count(d->rows);
		if (left_out(d, c, i))
			continue;
		remember(d, d->rows, span_of(key, n));
		if (c->batch->rows[i].gone)
			kv_sorted_remove(d->rows, span_of(key, n));
		else
			must_put(d->rows, span_of(key, n),
				 batch_value(c->batch, i));
		count->mark += kv_sorted_count(d->rows) - before;
	}
	for (size_t i = 0; i < c->batch->body_count; i++) {
		const struct batch_body *b = &c->batch->bodies[i];
		if (b->gone)
			kv_sorted_remove(d->bodies, id_span(&b->id));
		else
			must_put(d->bodies, id_span(&b->id),
				 span_of(b->bytes, b->len))
				->mark = b->made;
	}
	remember(d, d->heads, name);
	must_put(d->heads, name, span_of(head, kv_head_write(&c->head, head)));
}

static bool too_many(struct kv_disk *d, const struct staged *c)
{
	uint8_t space[SPACE_KEY];
	kv_space_key(c->name, space);
	struct kv_sorted_node *n = kv_sorted_find(d->counts, span_of(space, sizeof(space)));
	return d->faults.rows_per_space && n &&
	       n->mark + c->batch->count > d->faults.rows_per_space;
}

static enum kv_result write_one(struct kv_disk *d, const struct staged *c)
{
	if (too_many(d, c))
		return KV_FULL;
	if (chance(d, d->faults.conflict))
		return KV_CONFLICT;
	if (chance(d, d->faults.unknown_lost))
		return KV_UNKNOWN;
	if (c->name.kind == KV_ACCOUNT && chance(d, d->lies.drop))
		return KV_OK;
	apply(d, c);
	return chance(d, d->faults.unknown_done) ? KV_UNKNOWN : KV_OK;
}

/* Did an earlier commit of the group fail in this space? */
static bool behind_failure(const struct group *g, const struct staged *c)
{
	for (const struct staged *i = g->first; i != c; i = i->next)
		if (i->space == c->space && i->result != KV_OK)
			return true;
	return false;
}

/* Of a group whose end nobody saw a beginning went in. */
static void apply_some(struct kv_disk *d, struct group *g)
{
	uint64_t n = 0;
	for (struct staged *c = g->first; c; c = c->next)
		n++;
	n = draw(d, n + 1);
	for (struct staged *c = g->first; n > 0; c = c->next, n--)
		if (!c->barrier)
			apply(d, c);
}

static void memory_start(struct engine *e, struct group *g)
{
	struct memory *m = MEMORY(e);
	m->writing = g;
	m->slow = world_fault(e->world, "kv.slow")
			  ? 1 + (unsigned)(world_random_u64(e->world) % SLOW_MAX)
			  : 0;
}

/* Does this group's write fail?  If so it is decided what went in. */
static bool fails(struct memory *m, struct group *g)
{
	struct world *w = m->engine.world;
	struct kv_disk *d = m->disk;
	if (!d || chance(d, d->faults.group_failed) || world_fault(w, "kv.write"))
		return true;
	if (world_fault(w, "kv.write.torn")) {
		apply_some(d, g);
		return true;
	}
	if (!world_fault(w, "kv.write.late"))
		return false;
	for (struct staged *c = g->first; c; c = c->next)
		if (!c->barrier)
			apply(d, c);
	return true;
}

static bool memory_finish(struct engine *e, struct group *g)
{
	struct memory *m = MEMORY(e);
	struct kv_disk *d = m->disk;
	if (d && m->slow > 0) {
		m->slow--;
		return false;
	}
	if (d)
		undo_forget(d); /* the sync after it covers the group before */
	bool failed = fails(m, g);
	for (struct staged *c = g->first; c; c = c->next) {
		if (c->barrier)
			continue;
		if (failed)
			c->result = KV_UNKNOWN;
		else if (behind_failure(g, c))
			c->result = KV_CONFLICT;
		else
			c->result = write_one(d, c);
	}
	g->broken = failed;
	m->writing = NULL;
	return true;
}

static void memory_advance(struct engine *e) { (void)e; }

static enum kv_result memory_reopen(struct engine *e)
{
	return !MEMORY(e)->disk || world_fault(e->world, "kv.reopen")
		       ? KV_UNAVAILABLE
		       : KV_OK;
}

static void memory_close(struct engine *e)
{
	if (MEMORY(e)->disk)
		MEMORY(e)->disk->open = NULL;
	free(MEMORY(e));
}

void kv_disk_cut(struct kv_disk *d, bool power)
{
	ENSURE_TAG(d, DISK_TAG);
	struct memory *m = d->open;
	if (m && m->writing)
		apply_some(d, m->writing);
	if (m)
		m->disk = NULL;
	d->open = NULL;
	if (power)
		forget_unsynced(d);
}

static void memory_power_cut(struct engine *e)
{
	if (MEMORY(e)->disk)
		kv_disk_cut(MEMORY(e)->disk, true);
	memory_close(e);
}

/* ---- bodies ---- */

static enum kv_result memory_body_read(struct engine *e, struct kv_piece *p)
{
	if (!MEMORY(e)->disk)
		return KV_UNAVAILABLE;
	struct kv_sorted_node *n = kv_sorted_find(MEMORY(e)->disk->bodies, id_span(&p->id));
	if (!n)
		return KV_NONE;
	buf_add(p->out, span_sub(n->value, (size_t)p->from, p->len));
	return buf_ok(p->out) ? KV_OK : KV_UNAVAILABLE;
}

static void memory_bodies_read(struct engine *e, struct kv_piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pieces[i].result = memory_body_read(e, &pieces[i]);
}

static enum kv_result memory_body_size(struct engine *e,
				       const struct kv_id *id, uint64_t *size)
{
	if (!MEMORY(e)->disk)
		return KV_UNAVAILABLE;
	struct kv_sorted_node *n = kv_sorted_find(MEMORY(e)->disk->bodies, id_span(id));
	if (!n)
		return KV_NONE;
	*size = n->value.len;
	return KV_OK;
}

static enum kv_result memory_body_list(struct engine *e,
				       const struct kv_id *from, size_t max,
				       struct kv_id *next, kv_body_fn *each,
				       void *arg)
{
	if (!MEMORY(e)->disk)
		return KV_UNAVAILABLE;
	struct kv_sorted_node *n = kv_sorted_from(MEMORY(e)->disk->bodies, id_span(from));
	for (size_t i = 0; n && i < max; i++, n = kv_sorted_next(n)) {
		struct kv_id id;
		memcpy(id.byte, n->key.ptr, sizeof(id.byte));
		each(arg, &id, n->value.len, (int64_t)n->mark);
	}
	if (n)
		memcpy(next->byte, n->key.ptr, sizeof(next->byte));
	return n ? KV_OK : KV_NONE;
}

static enum kv_result memory_large_begin(struct engine *e,
					 const struct kv_id *id,
					 struct engine_large **out)
{
	struct engine_large *l = calloc(1, sizeof(*l));
	if (!l)
		return KV_UNAVAILABLE;
	l->memory = MEMORY(e);
	l->id = *id;
	*out = l;
	return KV_OK;
}

static enum kv_result memory_large_append(struct engine_large *l,
					  struct span bytes)
{
	if (bytes.len > l->cap - l->len) {
		size_t cap = (l->cap + bytes.len) * 2;
		char *p = realloc(l->bytes, cap);
		if (!p)
			return KV_UNAVAILABLE;
		l->bytes = p;
		l->cap = cap;
	}
	if (bytes.len)
		memcpy(l->bytes + l->len, bytes.ptr, bytes.len);
	l->len += bytes.len;
	return KV_OK;
}

static void memory_large_drop(struct engine_large *l)
{
	free(l->bytes);
	free(l);
}

static enum kv_result memory_large_finish(struct engine_large *l)
{
	if (!l->memory->disk) {
		memory_large_drop(l);
		return KV_UNAVAILABLE;
	}
	must_put(l->memory->disk->bodies, id_span(&l->id),
		 span_of(l->bytes, l->len))
		->mark = (uint64_t)world_wall(l->memory->engine.world).sec;
	memory_large_drop(l);
	return KV_OK;
}

/* ---- checkpoints ---- */

static bool copy_map(const struct kv_sorted *from, struct kv_sorted *to)
{
	struct kv_sorted_node *n = kv_sorted_from(from, SPAN(""));
	for (; n; n = kv_sorted_next(n)) {
		struct kv_sorted_node *copy = kv_sorted_put(to, n->key, n->value);
		if (!copy)
			return false;
		copy->mark = n->mark;
	}
	return true;
}

static enum kv_result memory_checkpoint_drop(struct engine *e)
{
	struct kv_disk *d = MEMORY(e)->disk;
	kv_disk_free(d->checkpoint);
	d->checkpoint = NULL;
	return KV_OK;
}

static enum kv_result memory_checkpoint(struct engine *e)
{
	struct kv_disk *d = MEMORY(e)->disk, *copy;
	(void)memory_checkpoint_drop(e);
	copy = kv_disk_new(d->seed);
	if (copy && copy_map(d->heads, copy->heads) &&
	    copy_map(d->rows, copy->rows) && copy_map(d->bodies, copy->bodies) &&
	    copy_map(d->counts, copy->counts)) {
		d->checkpoint = copy;
		return KV_OK;
	}
	kv_disk_free(copy);
	return KV_UNAVAILABLE;
}

struct kv_disk *kv_disk_checkpoint(struct kv_disk *d)
{
	ENSURE_TAG(d, DISK_TAG);
	return d->checkpoint;
}

static bool memory_disk(struct engine *e, uint64_t *avail, uint64_t *total)
{
	(void)e, (void)avail, (void)total;
	return false;
}

static const struct engine_ops memory_ops = {
	.close = memory_close,
	.power_cut = memory_power_cut,
	.head = memory_head,
	.heads = memory_heads,
	.get = memory_get,
	.iter = memory_iter,
	.iter_row = memory_iter_row,
	.iter_next = memory_iter_next,
	.iter_close = memory_iter_close,
	.start = memory_start,
	.finish = memory_finish,
	.advance = memory_advance,
	.reopen = memory_reopen,
	.bodies_read = memory_bodies_read,
	.body_size = memory_body_size,
	.body_list = memory_body_list,
	.large_begin = memory_large_begin,
	.large_append = memory_large_append,
	.large_finish = memory_large_finish,
	.large_drop = memory_large_drop,
	.checkpoint = memory_checkpoint,
	.checkpoint_drop = memory_checkpoint_drop,
	.disk = memory_disk,
};

enum kv_result kv_open_memory(struct kv_disk *disk, struct world *world,
			      struct kv **out)
{
	ENSURE_TAG(disk, DISK_TAG);
	*out = NULL;
	if (disk->open)
		return KV_REFUSED;
	struct memory *m = calloc(1, sizeof(*m));
	if (!m)
		return KV_UNAVAILABLE;
	m->engine.ops = &memory_ops;
	m->engine.world = world;
	m->disk = disk;
	disk->open = m;
	*out = kv_over(&m->engine);
	return *out ? KV_OK : KV_UNAVAILABLE;
}

void kv_power_cut(struct kv *kv) { kv_abandon(kv); }

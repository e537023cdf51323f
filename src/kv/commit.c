/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/commit: spaces, and how a batch is staged into one.
 *
 * A space is in memory while somebody holds it or a commit of it is staged.
 * Staging puts its rows into the overlay in order, each marked with a number of
 * its own, so that a later write of the same key is recognised.
 *
 * Must never: stage part of a batch.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "kv/front.h"

#define BATCH_TAG TAG4('K', 'V', 'B', 'T')

/* ---- spaces ---- */

static size_t chain_of(const struct kv *kv, struct kv_name name)
{
	uint64_t h = (name.id ^ (uint64_t)name.kind << 56) *
		     0x9e3779b97f4a7c15ull;
	return (size_t)(h >> 32) & (kv->chain_count - 1);
}

static void chains_grow(struct kv *kv)
{
	size_t before = kv->chain_count;
	struct kv_space **old = kv->chains;
	struct kv_space **chains = calloc(before * 2, sizeof(*chains));
	if (!chains)
		return; /* longer chains are slow, not wrong */
	kv->chains = chains;
	kv->chain_count = before * 2;
	for (size_t i = 0; i < before; i++)
		for (struct kv_space *s = old[i], *next; s; s = next) {
			next = s->next;
			size_t at = chain_of(kv, s->name);
			s->next = chains[at];
			chains[at] = s;
		}
	free(old);
}

static enum kv_result space_load(struct kv *kv, struct kv_space *s)
{
	struct buf b;
	buf_init(&b, HEAD_MAX);
	enum kv_result r =
		kv->down ? KV_UNAVAILABLE
			 : kv->engine->ops->head(kv->engine, s->name, &b);
	if (r == KV_OK && !kv_head_read(buf_span(&b), &s->visible))
		r = KV_CORRUPT;
	buf_free(&b);
	s->staged = s->visible;
	s->told = s->visible.version;
	return r == KV_NONE ? KV_OK : r;
}

enum kv_result kv_space_open(struct kv *kv, struct kv_name name,
			     struct kv_space **out)
{
	ENSURE_TAG(kv, KV_TAG);
	*out = NULL;
	size_t at = chain_of(kv, name);
	for (struct kv_space *s = kv->chains[at]; s; s = s->next)
		if (s->name.id == name.id && s->name.kind == name.kind) {
			*out = kv_space_hold(s);
			return KV_OK;
		}
	struct kv_space *s = calloc(1, sizeof(*s));
	if (!s)
		return KV_UNAVAILABLE;
	s->tag = SPACE_TAG;
	s->kv = kv;
	s->name = name;
	s->users = 1;
	enum kv_result r = space_load(kv, s);
	if (r != KV_OK) {
		free(s);
		return r;
	}
	if (++kv->space_count > kv->chain_count) {
		chains_grow(kv);
		at = chain_of(kv, name);
	}
	s->next = kv->chains[at];
	kv->chains[at] = s;
	*out = s;
	return KV_OK;
}

struct kv_space *kv_space_hold(struct kv_space *s)
{
	ENSURE_TAG(s, SPACE_TAG);
	s->users++;
	return s;
}

void kv_space_close(struct kv_space *s)
{
	if (!s)
		return;
	ENSURE_TAG(s, SPACE_TAG);
	ENSURE(s->users > 0);
	if (--s->users > 0)
		return;
	ENSURE(!s->watches && s->waiting == 0);
	struct kv *kv = s->kv;
	struct kv_space **at = &kv->chains[chain_of(kv, s->name)];
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	kv->space_count--;
	kv_sorted_free(s->rows);
	s->tag = 0;
	free(s);
}

struct kv_name kv_space_name(const struct kv_space *s)
{
	ENSURE_TAG(s, SPACE_TAG);
	return s->name;
}

struct kv *kv_space_kv(const struct kv_space *s)
{
	ENSURE_TAG(s, SPACE_TAG);
	return s->kv;
}

static const struct head *head_of(const struct kv_space *s, enum kv_view view)
{
	ENSURE_TAG(s, SPACE_TAG);
	return view == KV_STAGED ? &s->staged : &s->visible;
}

uint64_t kv_turn(const struct kv_space *s, enum kv_view view)
{
	return head_of(s, view)->turn;
}

uint64_t kv_version(const struct kv_space *s, enum kv_view view)
{
	return head_of(s, view)->version;
}

struct kv_stamp kv_stamp(const struct kv_space *s, enum kv_view view)
{
	const struct head *h = head_of(s, view);
	return (struct kv_stamp){h->turn, h->tokens ? h->token[0] : 0};
}

enum kv_result kv_space_list(struct kv *kv, enum kv_kind kind, uint64_t from,
			     uint64_t *ids, size_t n, size_t *count)
{
	ENSURE_TAG(kv, KV_TAG);
	*count = 0;
	if (kv->down)
		return KV_UNAVAILABLE;
	return kv->engine->ops->heads(kv->engine, kind, from, ids, n, count);
}

void kv_watch_add(struct kv_space *s, struct kv_watch *w)
{
	ENSURE_TAG(s, SPACE_TAG);
	w->next = s->watches;
	w->prev = &s->watches;
	if (w->next)
		w->next->prev = &w->next;
	s->watches = w;
}

void kv_watch_del(struct kv_watch *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->next = NULL;
	w->prev = NULL;
}

/* ---- staging ---- */

bool kv_full(struct kv *kv)
{
	ENSURE_TAG(kv, KV_TAG);
	struct world *world = kv->engine->world;
	if (world_fault(world, "kv.full"))
		return true;
	uint64_t now = world_now(world), avail, total;
	if (kv->full_known && now - kv->full_at < KV_DISK_EVERY)
		return kv->full;
	kv->full_known = true;
	kv->full_at = now;
	kv->full = kv->engine->ops->disk(kv->engine, &avail, &total) &&
		   avail < u64_max(total / 100 * kv->reserve_percent,
				   kv->reserve_least);
	return kv->full;
}

void kv_set_reserve(struct kv *kv, unsigned percent, uint64_t least)
{
	ENSURE_TAG(kv, KV_TAG);
	ENSURE(percent <= 100);
	kv->reserve_percent = percent;
	kv->reserve_least = least;
	kv->full_known = false;
}

/* All nodes first: if memory ends on the way nothing has changed. */
static bool stage_rows(struct kv_space *s, struct kv_batch *b)
{
	if (!s->rows && !(s->rows = kv_sorted_new()))
		return false;
	for (size_t i = 0; i < b->count; i++) {
		b->rows[i].node = kv_sorted_make(s->rows, batch_key(b, i),
					   batch_value(b, i));
		if (b->rows[i].node)
			continue;
		while (i-- > 0)
			kv_sorted_unmake(b->rows[i].node);
		return false;
	}
	for (size_t i = 0; i < b->count; i++) {
		struct kv_sorted_node *n = kv_sorted_insert(s->rows, b->rows[i].node);
		n->gone = b->rows[i].gone;
		n->mark = ++s->kv->seq;
		b->rows[i].node = n;
		b->rows[i].seq = n->mark;
	}
	return true;
}

static enum kv_result refuse(struct kv_space *s, struct kv_batch *b,
			     unsigned flags)
{
	struct kv *kv = s->kv;
	bool empty = b->count == 0 && b->body_count == 0;
	if (b->failed || kv->down)
		return KV_UNAVAILABLE;
	if (b->limit || b->count > KV_ROWS_MAX ||
	    buf_len(&b->bytes) > KV_BYTES_MAX)
		return KV_LIMIT;
	if (kv->stats.staged_bytes > KV_STAGED_MAX && !(flags & KV_SHRINKS))
		return KV_UNAVAILABLE;
	if (!empty && !(flags & KV_SHRINKS) && kv_full(kv))
		return KV_FULL;
	return KV_OK;
}

static void enqueue(struct kv_space *s, struct staged *c)
{
	struct kv *kv = s->kv;
	c->batch->busy = true;
	for (size_t i = 0; i < c->batch->body_count; i++)
		c->batch->bodies[i].made = (uint64_t)kv_now(kv);
	c->space = kv_space_hold(s);
	c->name = s->name;
	c->result = KV_OK;
	c->bytes = buf_len(&c->batch->bytes) + c->batch->body_bytes;
	s->waiting++;
	kv->building.bytes += c->bytes;
	kv->stats.staged_bytes += c->bytes;
	*kv->building.last = c;
	kv->building.last = &c->next;
}

enum kv_result kv_commit(struct kv_space *s, struct kv_batch *b,
			 uint64_t guard, uint64_t token, unsigned flags,
			 kv_done_fn *done, void *arg)
{
	ENSURE_TAG(s, SPACE_TAG);
	ENSURE_TAG(b, BATCH_TAG);
	ENSURE(!b->busy && token != 0 && done && s->kv->scans == 0);
	uint64_t version = 0;
	bool known = guard != UINT64_MAX &&
		     kv_head_knows(&s->staged, guard + 1, token, &version);
	enum kv_result r = refuse(s, b, known ? KV_SHRINKS : flags);
	if (r != KV_OK)
		return r;
	if (!known && guard != s->staged.turn)
		return KV_CONFLICT;
	struct staged *c = calloc(1, sizeof(*c));
	if (!c)
		return KV_UNAVAILABLE;
	c->batch = b;
	c->done = done;
	c->arg = arg;
	c->head = s->staged;
	c->barrier = known || (b->count == 0 && b->body_count == 0);
	if (known) {
		c->head.turn = guard + 1;
		c->head.version = version;
	} else if (!c->barrier) {
		if (!stage_rows(s, b)) {
			free(c);
			return KV_UNAVAILABLE;
		}
		kv_head_advance(&c->head, token, !(flags & KV_QUIET));
		s->staged = c->head;
	}
	enqueue(s, c);
	return KV_OK;
}

uint64_t kv_token(struct kv *kv)
{
	uint64_t token;
	do
		kv_random(kv, &token, sizeof(token));
	while (token == 0);
	return token;
}

void kv_random(struct kv *kv, void *out, size_t len)
{
	ENSURE_TAG(kv, KV_TAG);
	if (len > KV_DICE) {
		world_random(kv->engine->world, out, len);
		return;
	}
	if (len > KV_DICE - kv->diced) {
		world_random(kv->engine->world, kv->dice, kv->diced);
		kv->diced = 0;
	}
	memcpy(out, kv->dice + kv->diced, len);
	memset(kv->dice + kv->diced, 0, len);
	kv->diced += len;
}

int64_t kv_now(struct kv *kv)
{
	ENSURE_TAG(kv, KV_TAG);
	return world_wall(kv->engine->world).sec;
}

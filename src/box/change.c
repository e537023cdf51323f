/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/change: store, expunge, copy and move, chunk by chunk.
 *
 * A request walks its set from `at` on.  One run of the operation fills one
 * batch with as many messages as fit and keeps what it did in a chunk, which is
 * forgotten by the next run; only when the commit is durable the chunk is
 * added to the request's results and the walk goes on.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "box/inner.h"

#define WALK_PAGES 256u /* looked at by one run, so that none takes long */

enum kind { STORE, EXPUNGE, COPY, MOVE };

struct box_chunk {
	enum kind kind;
	uint32_t next; /* where the next chunk begins; 0: the set is done */
	size_t count, skipped, cap;
	struct box_quota quota;
	bool quota_moves, tail_moved;
	uint64_t before, after;
	uint32_t uid_validity;
	uint32_t *uids, *into, *modified;
};

static void chunk_free(struct box_chunk *c)
{
	if (!c)
		return;
	free(c->uids);
	free(c);
}

static struct box_chunk *chunk_new(enum kind kind, const struct box_uids *set)
{
	struct box_chunk *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->kind = kind;
	c->cap = (size_t)u64_min(box_uids_size(set), BOX_CHUNK);
	c->uids = calloc(3 * c->cap + 1, sizeof(uint32_t));
	if (!c->uids) {
		free(c);
		return NULL;
	}
	c->into = c->uids + c->cap;
	c->modified = c->into + c->cap;
	return c;
}

/* The first member of the set >= uid, or 0. */
static uint32_t set_next(const struct box_uids *set, uint32_t uid)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->runs[i].last >= uid)
			return uid < set->runs[i].first ? set->runs[i].first
							: uid;
	return 0;
}

/* ---- one message ---- */

static enum kv_result store_one(struct box_change *q, struct work *w,
				struct page *p, uint32_t uid)
{
	struct box_chunk *c = q->chunk;
	struct slot *s = &p->slot[uid % BOX_PAGE];
	uint8_t flags = (uint8_t)q->flags;
	struct slot now = *s;
	if (s->modseq > q->unchanged_since) {
		c->modified[c->skipped++] = uid;
		return KV_OK;
	}
	switch (q->how) {
	case BOX_SET:
		now.flags = flags;
		now.keywords = q->keywords;
		break;
	case BOX_ADD:
		now.flags |= flags;
		now.keywords |= q->keywords;
		break;
	case BOX_REMOVE:
		now.flags &= (uint8_t)~flags;
		now.keywords &= ~q->keywords;
		break;
	}
	now.flags = (uint8_t)((now.flags & ~q->locked_flags) |
			      (s->flags & q->locked_flags));
	if (q->locked_keywords)
		now.keywords = s->keywords;
	c->uids[c->count++] = uid;
	if (now.flags == s->flags && now.keywords == s->keywords)
		return KV_OK;
	box_work_count(w, s, false);
	*s = now;
	s->modseq = w->version;
	box_work_count(w, s, true);
	box_work_touch(w, p);
	return KV_OK;
}

static void cold_delete(struct work *w, uint32_t uid)
{
	struct box_key k = box_key_two('M', w->mailbox, uid);
	kv_delete(w->batch, box_key_span(&k));
	box_order_delete(w->batch, w->mailbox, uid);
}

/* The message's size: what its mailbox and the quota count. */
static enum kv_result cold_of(struct work *w, uint32_t uid, struct buf *row,
			      struct cold *c)
{
	enum kv_result r =
		box_cold_load(w->space, KV_STAGED, w->mailbox, uid, row, c);
	return r == KV_NONE ? KV_CORRUPT : r; /* a slot has its row */
}

static enum kv_result expunge_one(struct box_change *q, struct work *w,
				  struct page *p, uint32_t uid)
{
	struct box_chunk *c = q->chunk;
	if (q->deleted_only && !(p->slot[uid % BOX_PAGE].flags & BOX_DELETED))
		return KV_OK;
	int64_t kept = q->keep ? kv_now(q->own.box->kv) : 0;
	enum kv_result r = box_work_expunge(w, uid, kept, &c->quota);
	if (r == KV_OK)
		c->uids[c->count++] = uid;
	return r;
}

static bool over(uint64_t used, uint64_t more, uint64_t limit)
{
	return limit && (more > limit || used > limit - more);
}

static enum kv_result copy_row(struct box_change *q, struct work *to,
			       struct cold *cold, const struct slot *slot,
			       uint64_t keywords)
{
	struct box_chunk *c = q->chunk;
	uint32_t tail = to->head.tail.index;
	uint8_t flags = (uint8_t)(slot->flags & ~q->locked_flags);
	enum kv_result r = box_work_add(to, flags, keywords,
				    cold->message.size, &c->into[c->count]);
	if (r != KV_OK)
		return r;
	c->tail_moved = to->head.tail.index != tail;
	cold->message.saved = kv_now(q->own.box->kv);
	return box_cold_put(to->batch, to->mailbox, c->into[c->count], cold);
}

static enum kv_result copy_one(struct box_change *q, struct work *from,
			       struct work *to, struct page *p, uint32_t uid,
			       const uint8_t *map)
{
	struct box_chunk *c = q->chunk;
	const struct slot slot = p->slot[uid % BOX_PAGE];
	struct cold cold;
	struct buf row;
	uint64_t keywords = 0;
	for (unsigned i = 0; i < BOX_KEYWORDS_MAX; i++)
		if (!q->locked_keywords && slot.keywords >> i & 1 &&
		    map[i] < BOX_KEYWORDS_MAX)
			keywords |= 1ull << map[i];
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = cold_of(from, uid, &row, &cold);
	if (r == KV_OK && c->kind == COPY) {
		if (over(c->quota.bytes, cold.message.size, q->quota_bytes) ||
		    over(c->quota.messages, 1, q->quota_messages))
			r = box_own_refuse(&q->own, BOX_OVERQUOTA);
		c->quota.bytes += cold.message.size;
		c->quota.messages++;
	}
	if (r == KV_OK)
		r = copy_row(q, to, &cold, &slot, keywords);
	if (r == KV_OK)
		r = box_order_copy(from, uid, to, c->into[c->count]);
	if (r == KV_OK) {
		c->uids[c->count++] = uid;
		if (c->kind == MOVE) {
			box_work_vanish(from, p, uid, cold.message.size);
			cold_delete(from, uid);
		}
	}
	buf_free(&row);
	return r;
}

/* ---- one chunk ---- */

/* Which bit of the target stands for each bit of the source. */
static enum kv_result map_keywords(struct box_change *q, struct work *to,
				   uint8_t map[BOX_KEYWORDS_MAX])
{
	struct span names[BOX_KEYWORDS_MAX];
	size_t count;
	struct arena *a = arena_new(2 * BOX_KEYWORDS_MAX * BOX_KEYWORD_MAX);
	enum box_result b =
		a ? box_keywords(q->own.box, KV_STAGED, q->mailbox, a, names,
				 &count)
		  : BOX_UNAVAILABLE;
	enum kv_result r = b == BOX_OK		? KV_OK
			   : b == BOX_CORRUPT	? KV_CORRUPT
						: KV_UNAVAILABLE;
	for (size_t i = 0; i < BOX_KEYWORDS_MAX; i++)
		map[i] = to->mailbox == q->mailbox ? (uint8_t)i
						   : BOX_KEYWORDS_MAX;
	for (size_t i = 0; r == KV_OK && i < count &&
			   to->mailbox != q->mailbox;
	     i++) {
		uint64_t bits;
		r = box_keywords_bits(to, &names[i], 1, &bits);
		if (r == KV_OK && bits)
			map[i] = (uint8_t)__builtin_ctzll(bits);
	}
	arena_free(a);
	return r;
}

/* Rows and bytes that the next message may need at most. */
static bool room(const struct box_chunk *c, const struct kv_batch *b)
{
	/* The heads, the page in hand and the log come on top at the end. */
	const size_t end = 2 * BOX_PAGE_BYTES + BOX_ROW_MAX;
	size_t one = c->kind == STORE ? BOX_PAGE_BYTES
				      : BOX_PREFIX_MAX + BOX_SUMMARY_ROW + BOX_ORDER_MAX + 512;
	return c->count < c->cap && c->skipped < c->cap &&
	       kv_batch_room(b, 12, one + 2 * end);
}

static enum kv_result walk(struct box_change *q, struct work *from,
			   struct work *to, struct kv_batch *b)
{
	struct box_chunk *c = q->chunk;
	uint8_t map[BOX_KEYWORDS_MAX];
	enum kv_result r = KV_OK;
	uint32_t uid = set_next(q->uids, q->at), pages = 0, last = UINT32_MAX;
	if (to && !q->locked_keywords)
		r = map_keywords(q, to, map);
	while (r == KV_OK && uid && uid < q->end) {
		struct page *p;
		if (uid / BOX_PAGE != last && ++pages > WALK_PAGES)
			break;
		last = uid / BOX_PAGE;
		if (!room(c, b))
			break;
		r = box_work_page(from, uid, &p);
		if (r != KV_OK)
			break;
		if (p->alive == 0) { /* jump over an empty page */
			uid = set_next(q->uids,
				       (uid / BOX_PAGE + 1) * BOX_PAGE);
			continue;
		}
		if (p->slot[uid % BOX_PAGE].alive)
			r = c->kind == STORE   ? store_one(q, from, p, uid)
			    : c->kind == EXPUNGE
				    ? expunge_one(q, from, p, uid)
				    : copy_one(q, from, to, p, uid, map);
		uid = set_next(q->uids, uid + 1);
		if (from == to && c->tail_moved)
			break; /* its pages are in the batch now, not in the space */
	}
	c->next = uid < q->end ? uid : 0;
	return r;
}

static enum kv_result close_both(struct work *from, struct work *to)
{
	enum kv_result r = box_work_close(from);
	if (r == KV_OK || r == KV_NONE)
		r = to && to != from ? box_work_close(to) : r;
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result change_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct box_change *q = arg;
	struct box_chunk *c = q->chunk;
	struct work *from = NULL, *to = NULL;
	q->own.refusal = BOX_OK;
	c->count = c->skipped = 0;
	c->tail_moved = false;
	enum kv_result r = box_work_open(op->space, KV_STAGED, q->mailbox, b,
				     op->version + 1, &from);
	if (r == KV_OK && (c->kind == COPY || c->kind == MOVE)) {
		to = from;
		if (q->to != q->mailbox)
			r = box_work_open(op->space, KV_STAGED, q->to, b,
				      op->version + 1, &to);
	}
	if (r == KV_NONE)
		r = box_own_refuse(&q->own, BOX_NONE);
	if (r == KV_OK && c->kind != STORE)
		r = box_quota_staged(q->own.box, &c->quota);
	if (r == KV_OK) {
		c->before = from->head.version;
		/* The set ends with what is there when the walk begins: a copy
		 * into the same mailbox must not meet itself. */
		if (!q->end)
			q->end = from->head.uid_next;
		c->uid_validity = to ? to->head.uid_validity
				     : from->head.uid_validity;
		r = walk(q, from, to, b);
	}
	if (r == KV_OK)
		r = close_both(from, to);
	if (r == KV_OK)
		c->after = from->head.version;
	if (r == KV_OK && kv_batch_rows(b) > 0 && c->kind != STORE)
		box_quota_moved(q->own.box, op, &c->quota);
	if (to != from)
		box_work_free(to);
	box_work_free(from);
	return r;
}

/* ---- results ---- */

static bool add_uids(struct box_uids *out, const uint32_t *uids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!box_uids_add(out, uids[i], uids[i]))
			return false;
	return true;
}

static bool add_pairs(struct box_change *q, const struct box_chunk *c)
{
	if (q->pairs + c->count > q->pair_cap) {
		size_t cap = (q->pairs + c->count) * 2;
		uint32_t *from = ARENA_ARRAY(q->arena, cap, uint32_t);
		uint32_t *into = ARENA_ARRAY(q->arena, cap, uint32_t);
		if (!from || !into)
			return false;
		if (q->pairs) {
			memcpy(from, q->from, q->pairs * sizeof(*from));
			memcpy(into, q->into, q->pairs * sizeof(*into));
		}
		q->from = from;
		q->into = into;
		q->pair_cap = cap;
	}
	if (c->count) {
		memcpy(q->from + q->pairs, c->uids,
		       c->count * sizeof(*q->from));
		memcpy(q->into + q->pairs, c->into,
		       c->count * sizeof(*q->into));
	}
	q->pairs += c->count;
	return true;
}

static bool keep_results(struct box_change *q)
{
	struct box_chunk *c = q->chunk;
	bool first = q->before == 0;
	if (first)
		q->before = c->before;
	q->after = c->after;
	q->uid_validity = c->uid_validity;
	return add_uids(&q->done_uids, c->uids, c->count) &&
	       add_uids(&q->modified, c->modified, c->skipped) &&
	       ((c->kind != COPY && c->kind != MOVE) || add_pairs(q, c));
}

static unsigned flags_of(enum kind kind)
{
	/* A move grows nothing, but writes before it frees. */
	return kind == EXPUNGE || kind == MOVE || kind == STORE ? KV_SHRINKS
								: 0;
}

static void finish(struct box_change *q, enum box_result r)
{
	chunk_free(q->chunk);
	q->chunk = NULL;
	q->own.done(q->own.arg, r);
}

static void change_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_change *q = arg;
	struct box_chunk *c = q->chunk;
	(void)version;
	enum box_result result = box_own_result(&q->own, r);
	if (result == BOX_OK && !keep_results(q))
		result = BOX_LIMIT;
	if (result != BOX_OK || c->next == 0) {
		finish(q, result);
		return;
	}
	q->at = c->next;
	r = kv_op_run(q->own.box->space, flags_of(c->kind), change_run,
		      change_done, q);
	if (r != KV_OK)
		finish(q, box_own_result(&q->own, r));
}

static enum box_result start(struct box *b, struct box_change *q,
			     enum kind kind, box_done_fn *done, void *arg)
{
	q->at = 1;
	q->end = 0;
	q->pairs = q->pair_cap = 0;
	q->before = q->after = 0;
	box_uids_init(&q->modified, q->arena);
	box_uids_init(&q->done_uids, q->arena);
	q->chunk = chunk_new(kind, q->uids);
	if (!q->chunk)
		return BOX_UNAVAILABLE;
	enum box_result r = box_own_run(&q->own, b, flags_of(kind), change_run,
				    change_done, q, done, arg);
	if (r != BOX_OK) {
		chunk_free(q->chunk);
		q->chunk = NULL;
	}
	return r;
}

enum box_result box_store(struct box *b, struct box_change *q,
			  box_done_fn *done, void *arg)
{
	ENSURE((q->flags & ~(uint32_t)BOX_FLAGS) == 0);
	return start(b, q, STORE, done, arg);
}

enum box_result box_expunge(struct box *b, struct box_change *q,
			    box_done_fn *done, void *arg)
{
	return start(b, q, EXPUNGE, done, arg);
}

enum box_result box_copy(struct box *b, struct box_change *q,
			 box_done_fn *done, void *arg)
{
	return start(b, q, COPY, done, arg);
}

enum box_result box_move(struct box *b, struct box_change *q,
			 box_done_fn *done, void *arg)
{
	if (q->to == q->mailbox)
		return BOX_CANNOT;
	return start(b, q, MOVE, done, arg);
}

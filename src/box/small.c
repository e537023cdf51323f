/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/small: keywords and the claim of \Recent.
 */
#include "base/ensure.h"
#include "box/inner.h"

struct keywords {
	struct span names[BOX_KEYWORDS_MAX];
	size_t count;
	struct buf row; /* the names borrow it */
};

static enum kv_result keywords_load(struct kv_space *s, enum kv_view view,
				    uint32_t mailbox, struct keywords *k)
{
	struct box_key key = box_key_mailbox('K', mailbox);
	buf_init(&k->row, BOX_ROW_MAX);
	k->count = 0;
	enum kv_result r = box_row_get(s, view, &key, &k->row);
	if (r == KV_NONE)
		return KV_OK;
	if (r == KV_OK &&
	    !box_keywords_read(buf_span(&k->row), k->names, &k->count))
		r = KV_CORRUPT;
	return r;
}

static void keywords_store(struct kv_batch *b, uint32_t mailbox,
			   const struct keywords *k)
{
	struct box_key key = box_key_mailbox('K', mailbox);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	box_keywords_write(&row, k->names, k->count);
	kv_put_row(b, box_key_span(&key), &row);
	buf_free(&row);
}

/* The bit of a name; *made when it is new.  BOX_KEYWORDS_MAX: no room. */
static unsigned bit_of(struct keywords *k, struct span name, bool *made)
{
	for (unsigned i = 0; i < k->count; i++)
		if (span_eq_nocase(k->names[i], name))
			return i;
	if (k->count == BOX_KEYWORDS_MAX)
		return BOX_KEYWORDS_MAX;
	k->names[k->count] = name;
	*made = true;
	return (unsigned)k->count++;
}

enum kv_result box_keywords_bits(struct work *w, const struct span *names,
			     size_t count, uint64_t *bits)
{
	struct keywords k;
	bool made = false;
	*bits = 0;
	if (count == 0)
		return KV_OK;
	enum kv_result r = keywords_load(w->space, w->view, w->mailbox, &k);
	/* An earlier message of this operation may have made some. */
	if (r == KV_OK && w->keywords_made) {
		k.count = w->keyword_count;
		memcpy(k.names, w->keywords, sizeof(k.names));
	}
	for (size_t i = 0; r == KV_OK && i < count; i++) {
		if (names[i].len == 0 || names[i].len > BOX_KEYWORD_MAX)
			continue;
		unsigned bit = bit_of(&k, names[i], &made);
		if (bit < BOX_KEYWORDS_MAX)
			*bits |= 1ull << bit;
	}
	if (r == KV_OK && made)
		keywords_store(w->batch, w->mailbox, &k);
	if (r == KV_OK && made)
		r = box_work_keep_keywords(w, k.names, k.count);
	buf_free(&k.row);
	return r;
}

enum box_result box_keywords(struct box *b, enum kv_view view,
			     uint32_t mailbox, struct arena *a,
			     struct span names[BOX_KEYWORDS_MAX], size_t *count)
{
	ENSURE_TAG(b, BOX_TAG);
	struct keywords k;
	enum kv_result r = keywords_load(b->space, view, mailbox, &k);
	*count = 0;
	for (size_t i = 0; r == KV_OK && i < k.count; i++)
		if (!arena_copy(a, k.names[i], &names[i]))
			r = KV_UNAVAILABLE;
	if (r == KV_OK)
		*count = k.count;
	buf_free(&k.row);
	return box_from_kv(r);
}

static enum kv_result keyword_run(struct kv_op *op, struct kv_batch *b,
				  void *arg)
{
	struct box_keyword *q = arg;
	struct keywords k;
	struct head h;
	bool made = false;
	q->own.refusal = BOX_OK;
	enum kv_result r =
		box_head_load(op->space, KV_STAGED, q->mailbox, false, &h);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r != KV_OK)
		return r;
	r = keywords_load(op->space, KV_STAGED, q->mailbox, &k);
	if (r == KV_OK) {
		q->bit = bit_of(&k, q->name, &made);
		if (q->bit == BOX_KEYWORDS_MAX)
			r = box_own_refuse(&q->own, BOX_LIMIT);
		else if (made)
			keywords_store(b, q->mailbox, &k);
		else
			r = KV_NONE;
	}
	buf_free(&k.row);
	return r;
}

static void keyword_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_keyword *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_keyword_add(struct box *b, struct box_keyword *q,
				box_done_fn *done, void *arg)
{
	if (q->name.len == 0 || q->name.len > BOX_KEYWORD_MAX)
		return BOX_LIMIT;
	return box_own_run(&q->own, b, KV_QUIET, keyword_run, keyword_done, q,
		       done, arg);
}

/* ---- \Recent ---- */

static enum kv_result claim_run(struct kv_op *op, struct kv_batch *b,
				void *arg)
{
	struct box_claim *q = arg;
	struct head h;
	struct buf row;
	q->own.refusal = BOX_OK;
	enum kv_result r =
		box_head_load(op->space, KV_STAGED, q->mailbox, true, &h);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r != KV_OK)
		return r;
	q->from = h.recent_from;
	q->uid_next = h.uid_next;
	if (h.recent_from == h.uid_next)
		return KV_NONE;
	h.recent_from = h.uid_next;
	struct box_key k = box_key_mailbox('H', q->mailbox);
	buf_init(&row, BOX_ROW_MAX);
	box_head_pack(&row, &h);
	kv_put_row(b, box_key_span(&k), &row);
	buf_free(&row);
	return KV_OK;
}

static void claim_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_claim *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_claim(struct box *b, struct box_claim *q,
			  box_done_fn *done, void *arg)
{
	return box_own_run(&q->own, b, KV_QUIET | KV_SHRINKS, claim_run,
		       claim_done, q, done, arg);
}

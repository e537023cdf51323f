/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/insert: new messages.  One commit holds the bodies, a cold row and a slot
 * for each message, the token of the delivery, and what a message replaces.
 *
 * Must never: deliver a second time under one token.
 */
#include "base/ensure.h"
#include "box/inner.h"

static bool token_none(const struct box_token *t)
{
	static const struct box_token none;
	return memcmp(t, &none, sizeof(none)) == 0;
}

static enum box_result check(const struct box_insert *q)
{
	if (q->count == 0 || q->count > BOX_INSERT_MAX ||
	    (q->count > BOX_TOKEN_MAX && !token_none(&q->token)))
		return BOX_LIMIT;
	for (size_t i = 0; i < q->count; i++) {
		const struct box_new *m = &q->messages[i];
		if (m->prefix.len > BOX_PREFIX_MAX ||
		    m->summary.len > BOX_SUMMARY_MAX ||
		    m->keyword_count > BOX_KEYWORDS_MAX ||
		    (!m->kept && m->bytes.len > KV_BODY_INLINE))
			return BOX_LIMIT;
		ENSURE(m->kept || m->bytes.len == m->body_size);
		ENSURE((m->flags & ~(uint32_t)BOX_FLAGS) == 0);
	}
	return BOX_OK;
}

/* KV_OK: done before; the requests are filled from then. */
static enum kv_result done_before(struct box_insert *q, struct kv_space *s)
{
	struct box_key k = box_key_token(&q->token);
	struct done_row d;
	struct buf row;
	if (token_none(&q->token))
		return KV_NONE;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, KV_STAGED, &k, &row);
	if (r == KV_OK && (!box_done_read(buf_span(&row), &d) ||
			   d.count != q->count))
		r = KV_CORRUPT;
	buf_free(&row);
	if (r != KV_OK)
		return r;
	for (uint32_t i = 0; i < d.count; i++) {
		q->messages[i].into = d.message[i].into;
		q->messages[i].uid = d.message[i].uid;
		q->messages[i].uid_validity = d.message[i].uid_validity;
	}
	q->again = true;
	return KV_OK;
}

static void put_done(struct box_insert *q, struct kv_batch *b)
{
	struct box_key k = box_key_token(&q->token);
	struct done_row d = {.made = kv_now(q->own.box->kv),
			     .count = (uint32_t)q->count};
	struct buf row;
	if (token_none(&q->token))
		return;
	for (size_t i = 0; i < q->count; i++) {
		d.message[i].into = q->messages[i].into;
		d.message[i].uid = q->messages[i].uid;
		d.message[i].uid_validity = q->messages[i].uid_validity;
	}
	buf_init(&row, BOX_ROW_MAX);
	box_done_write(&row, &d);
	kv_put_row(b, box_key_span(&k), &row);
	buf_free(&row);
}

static enum kv_result put_cold(struct box_insert *q, struct kv_batch *b,
			       const struct box_new *m)
{
	struct kv *kv = q->own.box->kv;
	struct cold c = {.message = {.date = m->date ? m->date : kv_now(kv),
				     .saved = kv_now(kv),
				     .prefix = m->prefix,
				     .body = m->body,
				     .body_size = m->body_size,
				     .body_crc = m->body_crc,
				     .email = m->email,
				     .summary = m->summary}};
	static const struct kv_id none;
	if (kv_id_eq(&m->email, &none))
		c.message.email = m->body;
	if (m->summary.len > BOX_SUMMARY_ROW) {
		c.summary_kept = true;
		c.summary_id = kv_body_name(kv);
		c.summary_len = (uint32_t)m->summary.len;
		kv_put_body(b, &c.summary_id, m->summary);
	}
	if (!m->kept)
		kv_put_body(b, &m->body, m->bytes);
	const struct box_order o = {m->uid, c.message.date, m->prefix.len + m->body_size,
				    m->order};
	box_order_put(b, m->into, &o);
	return box_cold_put(b, m->into, m->uid, &c);
}

/* What is replaced goes first: what comes may move the page that it stands in. */
static enum kv_result take_replaced(struct box_insert *q, struct work *w,
				    struct box_quota *quota)
{
	if (q->replaces == 0 || q->replaces_in != w->mailbox)
		return KV_OK;
	/* Each draft that a client saves replaces the one before. */
	enum kv_result r = box_work_expunge(w, q->replaces, 0, quota);
	return r == KV_NONE ? box_own_refuse(&q->own, BOX_CANNOT) : r;
}

/* All messages that go into this mailbox. */
static enum kv_result fill_mailbox(struct box_insert *q, struct kv_op *op,
				   struct kv_batch *b, uint32_t into,
				   struct box_quota *quota)
{
	struct work *w;
	enum kv_result r = box_work_open(op->space, KV_STAGED, into, b,
				     op->version + 1, &w);
	if (r == KV_OK)
		r = take_replaced(q, w, quota);
	for (size_t i = 0; r == KV_OK && i < q->count; i++) {
		struct box_new *m = &q->messages[i];
		uint64_t bits;
		if (m->mailbox != into)
			continue;
		r = box_keywords_bits(w, m->keywords, m->keyword_count, &bits);
		if (r == KV_OK)
			r = box_work_add(w, (uint8_t)m->flags, bits,
				     m->prefix.len + m->body_size, &m->uid);
		if (r == KV_OK) {
			m->into = into;
			m->uid_validity = w->head.uid_validity;
			r = put_cold(q, b, m);
		}
	}
	if (r == KV_OK)
		r = box_work_close(w);
	box_work_free(w);
	return r;
}

/* The mailbox asked for, or its stand-in; each real one is filled once. */
static enum kv_result fill_all(struct box_insert *q, struct kv_op *op,
			       struct kv_batch *b, struct box_quota *quota)
{
	for (size_t i = 0; i < q->count; i++) {
		struct box_new *m = &q->messages[i];
		struct head h;
		if (!m->fallback)
			continue; /* filling it will tell */
		enum kv_result r = box_head_load(op->space, KV_STAGED, m->mailbox,
					     false, &h);
		if (r == KV_NONE)
			m->mailbox = m->fallback;
		else if (r != KV_OK)
			return r;
	}
	for (size_t i = 0; i < q->count; i++) {
		bool first = true;
		for (size_t k = 0; k < i; k++)
			first &= q->messages[k].mailbox !=
				 q->messages[i].mailbox;
		if (!first)
			continue;
		enum kv_result r =
			fill_mailbox(q, op, b, q->messages[i].mailbox, quota);
		if (r == KV_NONE)
			return box_own_refuse(&q->own, BOX_NONE);
		if (r != KV_OK)
			return r;
	}
	return KV_OK;
}

/* From another mailbox than those that were filled. */
static enum kv_result take_elsewhere(struct box_insert *q, struct kv_op *op,
				     struct kv_batch *b, struct box_quota *quota)
{
	struct work *w;
	for (size_t i = 0; i < q->count; i++)
		if (q->replaces == 0 || q->messages[i].into == q->replaces_in)
			return KV_OK;
	enum kv_result r = box_work_open(op->space, KV_STAGED, q->replaces_in, b,
				     op->version + 1, &w);
	if (r == KV_OK)
		r = take_replaced(q, w, quota);
	if (r == KV_OK)
		r = box_work_close(w);
	box_work_free(w);
	return r == KV_NONE ? box_own_refuse(&q->own, BOX_CANNOT) : r;
}

static bool over(uint64_t used, uint64_t more, uint64_t limit)
{
	return limit && (more > limit || used > limit - more);
}

static enum kv_result insert_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct box_insert *q = arg;
	struct box_quota quota;
	uint64_t bytes = 0;
	q->own.refusal = BOX_OK;
	q->again = false;
	enum kv_result r = done_before(q, op->space);
	if (r != KV_NONE)
		return r == KV_OK ? KV_NONE : r;
	r = box_quota_staged(q->own.box, &quota);
	if (r != KV_OK)
		return r;
	for (size_t i = 0; i < q->count; i++)
		bytes += q->messages[i].prefix.len + q->messages[i].body_size;
	r = fill_all(q, op, b, &quota);
	if (r == KV_OK)
		r = take_elsewhere(q, op, b, &quota);
	if (r != KV_OK)
		return r;
	if (!q->custody && (over(quota.bytes, bytes, q->quota_bytes) ||
			    over(quota.messages, q->count, q->quota_messages)))
		return box_own_refuse(&q->own, BOX_OVERQUOTA);
	put_done(q, b);
	quota.bytes += bytes;
	quota.messages += q->count;
	box_quota_moved(q->own.box, op, &quota);
	return KV_OK;
}

static void insert_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_insert *q = arg;
	q->version = version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_insert(struct box *b, struct box_insert *q,
			   box_done_fn *done, void *arg)
{
	enum box_result r = check(q);
	if (r != BOX_OK)
		return r;
	return box_own_run(&q->own, b, q->custody ? KV_SHRINKS : 0, insert_run,
		       insert_done, q, done, arg);
}

/* ---- forgetting tokens ---- */

#define FORGET_ROWS 500u   /* deleted by one commit */
#define FORGET_SEEN 10000u /* looked at by one commit */

static enum kv_result forget_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct box_forget *q = arg;
	struct box_key from = box_key_token(&q->at), kind = box_key_kind('D');
	struct box_key end = box_key_end(&kind);
	struct kv_scan *scan;
	struct span key, value;
	struct done_row d;
	unsigned seen = 0;
	q->more = false;
	enum kv_result r = kv_scan_open(op->space, KV_STAGED, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (++seen > FORGET_SEEN ||
		    kv_batch_rows(b) == FORGET_ROWS) {
			q->more = true;
			if (key.len == 1 + sizeof(q->stop.byte))
				memcpy(q->stop.byte, key.ptr + 1,
				       sizeof(q->stop.byte));
			break;
		}
		if (box_done_read(value, &d) && d.made < q->before)
			kv_delete(b, key);
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static void forget_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_forget *q = arg;
	(void)version;
	if (r == KV_OK && q->more)
		q->at = q->stop;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_forget(struct box *b, struct box_forget *q,
			   box_done_fn *done, void *arg)
{
	return box_own_run(&q->own, b, KV_QUIET | KV_SHRINKS, forget_run,
		       forget_done, q, done, arg);
}

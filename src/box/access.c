/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/access: rows 'Y'.  A key is handed out when its row is durable, never before.
 */
#include "box/access.h"

#include "base/ensure.h"
#include "box/inner.h"

#define FORGET_ROWS 1000u /* of one commit */

static enum kv_result load(struct kv_space *s, enum kv_view view, uint32_t mailbox,
			   struct box_access_key *out)
{
	struct box_key k = box_key_mailbox('Y', mailbox);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, view, &k, &row);
	if (r == KV_OK && !box_access_read(buf_span(&row), out))
		r = KV_NONE; /* worthless: another one is made when it is wanted */
	buf_free(&row);
	return r;
}

enum box_result box_access_get(struct box *b, enum kv_view view, uint32_t mailbox,
			       struct box_access_key *out)
{
	ENSURE_TAG(b, BOX_TAG);
	return box_from_kv(load(b->space, view, mailbox, out));
}

static enum kv_result forget(struct box_access *q, struct kv_op *op, struct kv_batch *b)
{
	struct box_key prefix = box_key_kind('Y');
	struct kv_scan *scan;
	struct span key, value;
	enum kv_result r = box_scan_prefix(op->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while (!q->more && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		q->more = kv_batch_rows(b) == FORGET_ROWS;
		if (!q->more)
			kv_delete(b, key);
	}
	kv_scan_close(scan);
	if (r != KV_OK && r != KV_NONE)
		return r;
	return kv_batch_rows(b) > 0 ? KV_OK : KV_NONE;
}

static enum kv_result access_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_access *q = arg;
	struct head h;
	struct buf row;
	q->own.refusal = BOX_OK;
	q->more = false;
	if (q->mailbox == 0)
		return forget(q, op, b);
	enum kv_result r = box_head_load(op->space, KV_STAGED, q->mailbox, false, &h);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r == KV_OK)
		r = load(op->space, KV_STAGED, q->mailbox, &q->key);
	if (r == KV_OK && !q->fresh)
		return KV_NONE; /* once what is staged is durable */
	if (r != KV_OK && r != KV_NONE)
		return r;
	kv_random(kv_space_kv(op->space), q->key.bytes, sizeof(q->key.bytes));
	struct box_key k = box_key_mailbox('Y', q->mailbox);
	buf_init(&row, BOX_ROW_MAX);
	box_access_write(&row, &q->key);
	kv_put_row(b, box_key_span(&k), &row);
	buf_free(&row);
	return KV_OK;
}

static void access_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_access *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_access(struct box *b, struct box_access *q, box_done_fn *done,
			   void *arg)
{
	return box_own_run(&q->own, b, KV_QUIET | KV_SHRINKS, access_run, access_done, q,
			   done, arg);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/order: rows 'O'.
 *
 * Must never be the reason that a message cannot be read: whatever is wrong
 * here is left out.
 */
#include "box/order.h"

#include "base/ensure.h"
#include "box/inner.h"

void box_order_put(struct kv_batch *b, uint32_t mailbox, const struct box_order *o)
{
	struct box_key k = box_key_two('O', mailbox, o->uid);
	struct buf row;
	if (o->record.len == 0 || o->record.len > BOX_ORDER_MAX)
		return;
	buf_init(&row, BOX_ROW_MAX);
	box_order_write(&row, o);
	kv_put_row(b, box_key_span(&k), &row);
	buf_free(&row);
}

void box_order_delete(struct kv_batch *b, uint32_t mailbox, uint32_t uid)
{
	struct box_key k = box_key_two('O', mailbox, uid);
	kv_delete(b, box_key_span(&k));
}

enum kv_result box_order_copy(const struct work *from, uint32_t uid, const struct work *to,
			      uint32_t into)
{
	struct box_key k = box_key_two('O', from->mailbox, uid);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(from->space, KV_STAGED, &k, &row);
	k = box_key_two('O', to->mailbox, into);
	if (r == KV_OK)
		kv_put_row(to->batch, box_key_span(&k), &row);
	buf_free(&row);
	return r == KV_NONE || r == KV_CORRUPT ? KV_OK : r;
}

enum box_result box_orders(struct box *b, enum kv_view view, uint32_t mailbox, uint32_t from,
			   size_t max, box_order_fn *each, void *arg, uint32_t *next)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key first = box_key_two('O', mailbox, from),
		       kind = box_key_mailbox('O', mailbox);
	struct box_key end = box_key_end(&kind);
	struct kv_scan *scan;
	struct span key, value;
	size_t count = 0;
	bool goes_on = true;
	*next = 0;
	enum kv_result r = kv_scan_open(b->space, view, box_key_span(&first),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return box_from_kv(r);
	while (goes_on && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		struct box_order o;
		uint32_t uid = box_key_number(key, 5);
		if (count++ == max) {
			*next = uid;
			break;
		}
		if (!box_order_read(value, &o))
			continue;
		o.uid = uid;
		goes_on = each(arg, &o);
	}
	kv_scan_close(scan);
	if (!goes_on)
		return BOX_LIMIT;
	return box_from_kv(r == KV_NONE ? KV_OK : r);
}

/* ---- those that had none ----------------------------------------------------------- */

static enum kv_result keep_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_order_keep *q = arg;
	struct buf row;
	enum kv_result r = KV_OK;
	q->own.refusal = BOX_OK;
	buf_init(&row, BOX_ROW_MAX);
	for (size_t i = 0; r == KV_OK && i < q->count; i++) {
		struct box_key k = box_key_two('M', q->mailbox, q->orders[i].uid);
		r = box_row_get(op->space, KV_STAGED, &k, &row);
		if (r == KV_OK)
			box_order_put(b, q->mailbox, &q->orders[i]);
		if (r == KV_NONE)
			r = KV_OK;
	}
	buf_free(&row);
	/* Nothing to write is no refusal. */
	return r;
}

static void keep_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_order_keep *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_order_keep(struct box *b, struct box_order_keep *q, box_done_fn *done,
			       void *arg)
{
	ENSURE(q->count <= BOX_ORDER_KEEP);
	return box_own_run(&q->own, b, KV_QUIET, keep_run, keep_done, q, done, arg);
}

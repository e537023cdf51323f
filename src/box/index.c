/* SPDX-License-Identifier: Apache-2.0 */
/* box/index: see index.h. */
#include "box/index.h"

#include "base/ensure.h"
#include "box/inner.h"

#define DROP_ROWS 500u /* each is read to be found */

enum box_result box_index_shelf(struct box *b, uint32_t mailbox, struct buf *out)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key k = box_key_mailbox('I', mailbox);
	return box_from_kv(box_row_get(b->space, KV_VISIBLE, &k, out));
}

enum box_result box_index_row(struct box *b, uint32_t mailbox, uint32_t segment,
			      uint8_t part, uint32_t n, struct buf *out)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key k = box_key_index(mailbox, segment, part, n);
	return box_from_kv(box_row_get(b->space, KV_VISIBLE, &k, out));
}

/* KV_NONE becomes the refusal: the mailbox is gone. */
static enum kv_result mailbox_there(struct kv_op *op, struct box_own *own,
				    uint32_t mailbox)
{
	struct head h;
	own->refusal = BOX_OK;
	enum kv_result r = box_head_load(op->space, KV_STAGED, mailbox, false, &h);
	return r == KV_NONE ? box_own_refuse(own, BOX_NONE) : r;
}

static enum kv_result put_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_index_put *q = arg;
	enum kv_result r = mailbox_there(op, &q->own, q->mailbox);
	for (size_t i = 0; r == KV_OK && i < q->count; i++) {
		const struct box_index_change *c = &q->rows[i];
		struct box_key k = box_key_index(q->mailbox, c->segment, c->part, c->n);
		if (c->row.ptr != NULL)
			kv_put(b, box_key_span(&k), c->row);
		else
			kv_delete(b, box_key_span(&k));
	}
	if (r == KV_OK && q->shelf.len > 0) {
		struct box_key k = box_key_mailbox('I', q->mailbox);
		kv_put(b, box_key_span(&k), q->shelf);
	}
	return r;
}

static void put_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_index_put *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_index_put(struct box *b, struct box_index_put *q, box_done_fn *done,
			      void *arg)
{
	ENSURE(q->count <= BOX_INDEX_ROWS);
	return box_own_run(&q->own, b, KV_QUIET, put_run, put_done, q, done, arg);
}

static enum kv_result drop_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_index_drop *q = arg;
	struct box_key from = box_key_index(q->mailbox, q->segment, 0, 0);
	struct box_key prefix = box_key_mailbox('J', q->mailbox);
	struct box_key end = box_key_end(&prefix), shelf = box_key_mailbox('I', q->mailbox);
	struct kv_scan *scan;
	struct span key, value;
	q->own.refusal = BOX_OK;
	q->more = false;
	enum kv_result r = kv_scan_open(op->space, KV_STAGED, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return r;
	if (q->shelf)
		kv_delete(b, box_key_span(&shelf));
	while (!q->more && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		kv_delete(b, key);
		q->more = kv_batch_rows(b) == DROP_ROWS;
	}
	kv_scan_close(scan);
	if (r != KV_OK && r != KV_NONE)
		return r;
	return kv_batch_rows(b) > 0 ? KV_OK : KV_NONE;
}

static void drop_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_index_drop *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_index_drop(struct box *b, struct box_index_drop *q, box_done_fn *done,
			       void *arg)
{
	return box_own_run(&q->own, b, KV_QUIET | KV_SHRINKS, drop_run, drop_done, q, done,
			   arg);
}

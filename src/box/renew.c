/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/renew: head after head, RENEW_STEP to a commit, numbers from the account row
 * as for a new mailbox.
 */
#include "box/renew.h"

#include "base/check.h"
#include "base/ensure.h"
#include "box/inner.h"

#define RENEW_STEP 64u

struct renew {
	struct box *box;
	uint32_t ids[RENEW_STEP];
	size_t count;
};

static enum kv_result list_heads(struct box *b, uint32_t from, struct renew *r,
				 struct box_renewed *out)
{
	struct box_key first = box_key_mailbox('H', from);
	struct box_key kind = box_key_kind('H'), end = box_key_end(&kind);
	struct kv_scan *scan;
	struct span key, value;
	struct head head;
	enum kv_result k = kv_scan_open(b->space, KV_VISIBLE,
					box_key_span(&first), box_key_span(&end),
					false, &scan);
	if (k != KV_OK)
		return k;
	r->count = 0;
	while (r->count < RENEW_STEP &&
	       (k = kv_scan_next(scan, &key, &value)) == KV_OK) {
		r->ids[r->count++] = box_key_number(key, 1);
		out->mailboxes++;
		if (box_head_unpack(value, false, &head))
			out->messages += head.messages;
	}
	kv_scan_close(scan);
	return k == KV_NONE ? KV_OK : k;
}

static enum kv_result renew_head(struct kv_op *op, struct kv_batch *b,
				 uint32_t mailbox, uint32_t validity)
{
	struct box_key k = box_key_mailbox('H', mailbox);
	struct head head;
	struct buf row;
	enum kv_result r = box_head_load(op->space, KV_STAGED, mailbox, true,
					 &head);
	if (r != KV_OK)
		return r == KV_CORRUPT ? KV_OK : r; /* left to fsck */
	head.uid_validity = validity;
	buf_init(&row, BOX_ROW_MAX);
	box_head_pack(&row, &head);
	kv_put(b, box_key_span(&k), buf_span(&row));
	buf_free(&row);
	return KV_OK;
}

static enum kv_result renew_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct renew *r = arg;
	struct box_key k = box_key_kind('A');
	struct account_row a;
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result kr = box_row_get(op->space, KV_STAGED, &k, &row);
	if (kr == KV_OK && !box_account_read(buf_span(&row), &a))
		kr = KV_CORRUPT;
	uint64_t now = (uint64_t)kv_now(r->box->kv);
	for (size_t i = 0; kr == KV_OK && i < r->count; i++) {
		a.last_validity =
			(uint32_t)u64_max(u64_min(now, UINT32_MAX - 1),
					  (uint64_t)a.last_validity + 1);
		kr = renew_head(op, b, r->ids[i], a.last_validity);
	}
	if (kr == KV_OK) {
		buf_clear(&row);
		box_account_write(&row, &a);
		kv_put(b, box_key_span(&k), buf_span(&row));
	}
	buf_free(&row);
	return kr;
}

enum box_result box_renew(struct box *b, bool change, struct box_renewed *out)
{
	struct renew r = {.box = b, .count = RENEW_STEP};
	enum kv_result k = KV_OK;
	uint32_t from = 0;
	ENSURE_TAG(b, BOX_TAG);
	*out = (struct box_renewed){0};
	while (k == KV_OK && r.count == RENEW_STEP) {
		k = list_heads(b, from, &r, out);
		if (k == KV_OK && change && r.count > 0)
			k = kv_op_wait(b->space, KV_SHRINKS, renew_run, &r,
				       NULL);
		if (r.count > 0)
			from = r.ids[r.count - 1] + 1;
	}
	return box_from_kv(k);
}

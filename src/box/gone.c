/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/gone: rows of kind E, by time, so that forgetting reads what it removes
 * and nothing else.
 *
 * Must never bring a message back without taking its row away in the same
 * commit: else it could come back twice.
 */
#include "box/gone.h"

#include "base/ensure.h"
#include "box/inner.h"

#define FORGET_ROWS 1000u /* of one commit */

/* ---- reading ---- */

static bool gone_from(struct box *b, struct span key, struct span value,
		      struct arena *a, struct box_gone *g, enum kv_result *r)
{
	struct gone_row row;
	struct cold c;
	*r = KV_OK;
	if (!box_gone_read(value, &row) || !box_cold_read(row.cold, &c))
		return false;
	struct box_message *m = &c.message;
	if (c.summary_kept)
		*r = box_summary_load(b, &c, a, &m->summary);
	else if (!arena_copy(a, m->summary, &m->summary))
		*r = KV_UNAVAILABLE;
	if (!arena_copy(a, m->prefix, &m->prefix))
		*r = KV_UNAVAILABLE;
	m->uid = box_gone_uid(key);
	*g = (struct box_gone){.when = box_gone_when(key),
			       .mailbox = box_gone_mailbox(key),
			       .uid = m->uid,
			       .flags = row.flags,
			       .message = *m};
	return true;
}

enum box_result box_gone_list(struct box *b, enum kv_view view, struct arena *a,
			      const struct box_gone *after, struct box_gone *out,
			      size_t max, size_t *count)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key from =
		box_key_gone(after->when, after->mailbox, after->uid);
	struct box_key kind = box_key_kind('E'), end = box_key_end(&kind);
	struct kv_scan *scan;
	struct span key, value;
	*count = 0;
	from.bytes[from.len++] = 0; /* behind it */
	enum kv_result r = kv_scan_open(b->space, view, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return box_from_kv(r);
	while (*count < max && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		/* One that cannot be read is fsck's, not a reason to stop. */
		if (!gone_from(b, key, value, a, &out[*count], &r) ||
		    r == KV_CORRUPT)
			continue;
		if (r != KV_OK)
			break;
		++*count;
	}
	kv_scan_close(scan);
	return box_from_kv(r == KV_NONE ? KV_OK : r);
}

static enum kv_result mailbox_from(struct span key, struct span value,
				   struct arena *a, struct box_gone_mailbox *m)
{
	struct removed_row row;
	struct head head;
	*m = (struct box_gone_mailbox){.mailbox = box_key_number(key, 1)};
	if (!box_removed_read(value, &row) || row.when == 0 ||
	    !box_head_unpack(row.head, false, &head))
		return KV_OK;
	m->when = row.when;
	m->messages = head.messages;
	m->bytes = head.bytes;
	return arena_copy(a, row.name, &m->name) ? KV_OK : KV_UNAVAILABLE;
}

enum box_result box_gone_mailboxes(struct box *b, enum kv_view view,
				   struct arena *a, uint32_t after,
				   struct box_gone_mailbox *out, size_t max,
				   size_t *count)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key from = box_key_mailbox('X', after);
	struct box_key kind = box_key_kind('X'), end = box_key_end(&kind);
	struct kv_scan *scan;
	struct span key, value;
	*count = 0;
	from.bytes[from.len++] = 0;
	enum kv_result r = kv_scan_open(b->space, view, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return box_from_kv(r);
	while (*count < max && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		r = mailbox_from(key, value, a, &out[*count]);
		if (r != KV_OK)
			break;
		++*count;
	}
	kv_scan_close(scan);
	return box_from_kv(r == KV_NONE ? KV_OK : r);
}

/* ---- keeping ---- */

enum kv_result box_gone_keep(struct kv_batch *b, int64_t now, uint32_t mailbox,
			     uint32_t uid, const struct slot *slot,
			     struct span cold)
{
	struct box_key k = box_key_gone(now, mailbox, uid);
	struct gone_row row = {slot->flags, slot->keywords, cold};
	struct buf text;
	buf_init(&text, BOX_ROW_MAX);
	box_gone_write(&text, &row);
	kv_put_row(b, box_key_span(&k), &text);
	enum kv_result r = buf_ok(&text) ? KV_OK : KV_UNAVAILABLE;
	buf_free(&text);
	return r;
}

/* ---- having back ---- */

static enum kv_result put_back(struct work *w, const struct gone_row *row,
			       struct box_quota *quota, int64_t now)
{
	struct cold c;
	uint32_t uid;
	if (!box_cold_read(row->cold, &c))
		return KV_CORRUPT;
	enum kv_result r = box_work_add(w, row->flags & (uint8_t)~BOX_DELETED,
					row->keywords, c.message.size, &uid);
	if (r != KV_OK)
		return r;
	c.message.saved = now;
	quota->bytes += c.message.size;
	quota->messages++;
	return box_cold_put(w->batch, w->mailbox, uid, &c);
}

static enum kv_result undelete_one(struct box_undelete *q, struct work *w,
				   const struct box_gone *g, struct buf *text,
				   struct box_quota *quota)
{
	struct box_key k = box_key_gone(g->when, q->mailbox, g->uid);
	struct gone_row row;
	enum kv_result r = box_row_get(w->space, KV_STAGED, &k, text);
	if (r == KV_NONE)
		return KV_OK;
	if (r != KV_OK)
		return r;
	if (!box_gone_read(buf_span(text), &row))
		return KV_CORRUPT;
	r = put_back(w, &row, quota, kv_now(q->own.box->kv));
	kv_delete(w->batch, box_key_span(&k));
	q->done += r == KV_OK;
	return r;
}

static bool over(uint64_t used, uint64_t limit)
{
	return limit != 0 && used > limit;
}

static enum kv_result undelete_run(struct kv_op *op, struct kv_batch *b,
				   void *arg)
{
	struct box_undelete *q = arg;
	struct box_quota quota;
	struct work *w;
	struct buf text;
	q->own.refusal = BOX_OK;
	q->done = 0;
	enum kv_result r = box_work_open(op->space, KV_STAGED, q->mailbox, b,
					 op->version + 1, &w);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r != KV_OK)
		return r;
	r = box_quota_staged(q->own.box, &quota);
	buf_init(&text, BOX_ROW_MAX);
	for (size_t i = 0; r == KV_OK && i < q->count; i++)
		r = undelete_one(q, w, &q->messages[i], &text, &quota);
	if (r == KV_OK && q->done > 0 &&
	    (over(quota.bytes, q->quota_bytes) ||
	     over(quota.messages, q->quota_messages)))
		r = box_own_refuse(&q->own, BOX_OVERQUOTA);
	if (r == KV_OK)
		r = box_work_close(w);
	if (r == KV_OK)
		box_quota_moved(q->own.box, op, &quota);
	buf_free(&text);
	box_work_free(w);
	return r;
}

static void undelete_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_undelete *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_undelete(struct box *b, struct box_undelete *q,
			     box_done_fn *done, void *arg)
{
	if (q->count == 0 || q->count > BOX_GONE_STEP)
		return BOX_LIMIT;
	return box_own_run(&q->own, b, 0, undelete_run, undelete_done, q, done,
			   arg);
}

/* ---- forgetting ---- */

static enum kv_result forget_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_gone_forget *q = arg;
	struct box_key kind = box_key_kind('E');
	struct box_key end = box_key_gone(q->before, 0, 0);
	struct kv_scan *scan;
	struct span key, value;
	size_t n = 0;
	q->own.refusal = BOX_OK;
	q->more = false;
	enum kv_result r = kv_scan_open(op->space, KV_STAGED,
					box_key_span(&kind), box_key_span(&end),
					false, &scan);
	if (r != KV_OK)
		return r;
	while (!q->more && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		q->more = n == FORGET_ROWS;
		if (!q->more) {
			kv_delete(b, key);
			n++;
		}
	}
	kv_scan_close(scan);
	if (r == KV_NONE)
		r = KV_OK;
	return r == KV_OK && n == 0 ? KV_NONE : r;
}

static void forget_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_gone_forget *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_gone_forget(struct box *b, struct box_gone_forget *q,
				box_done_fn *done, void *arg)
{
	return box_own_run(&q->own, b, KV_QUIET | KV_SHRINKS, forget_run,
			   forget_done, q, done, arg);
}

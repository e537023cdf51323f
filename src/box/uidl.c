/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/uidl: rows 'U', a message's text, and 'V', a text's message.
 *
 * Rows 'V' are never taken away but with their mailbox: so no text can come to mean
 * another message.
 */
#include "box/uidl.h"

#include "base/ensure.h"
#include "box/inner.h"

bool box_uidl_ok(struct span text)
{
	if (text.len == 0 || text.len > BOX_UIDL_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e)
			return false;
	return true;
}

/* What is computed for another message: "validity.uid". */
static bool computed_for_another(struct span text, uint32_t validity, uint32_t uid)
{
	struct span number;
	uint64_t a, b;
	return span_cut(&text, '.', &number) && span_u64(number, UINT32_MAX, &a) &&
	       span_u64(text, UINT32_MAX, &b) && a == validity && b != uid;
}

static enum kv_result is_there(struct kv_space *s, const struct box_key *k)
{
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, KV_STAGED, k, &row);
	buf_free(&row);
	return r;
}

/* KV_OK: nobody else has had it. */
static enum kv_result is_free(struct box_uidl_keep *q, struct kv_space *s,
			      const struct box_key *k, uint32_t uid)
{
	struct buf row;
	uint32_t of = 0;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, KV_STAGED, k, &row);
	if (r == KV_OK && !box_uidl_owner_read(buf_span(&row), &of))
		r = KV_CORRUPT;
	buf_free(&row);
	if (r == KV_OK && of != uid)
		return box_own_refuse(&q->own, BOX_EXISTS);
	return r == KV_NONE ? KV_OK : r;
}

static bool twice(const struct box_uidl_keep *q, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (q->list[i].uid == q->list[n].uid ||
		    span_eq(q->list[i].text, q->list[n].text))
			return true;
	return false;
}

static enum kv_result keep_one(struct box_uidl_keep *q, struct kv_space *s,
			       struct kv_batch *b, uint32_t validity, size_t n)
{
	const struct box_uidl *one = &q->list[n];
	struct box_key message = box_key_two('M', q->mailbox, one->uid);
	struct box_key by_uid = box_key_two('U', q->mailbox, one->uid);
	struct box_key by_text = box_key_uidl(q->mailbox, one->text);
	struct buf row;
	if (twice(q, n) || computed_for_another(one->text, validity, one->uid))
		return box_own_refuse(&q->own, BOX_EXISTS);
	enum kv_result r = is_there(s, &message);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r == KV_OK)
		r = is_free(q, s, &by_text, one->uid);
	if (r != KV_OK)
		return r;
	buf_init(&row, BOX_ROW_MAX);
	box_uidl_write(&row, one->text);
	kv_put_row(b, box_key_span(&by_uid), &row);
	buf_clear(&row);
	box_uidl_owner_write(&row, one->uid);
	kv_put_row(b, box_key_span(&by_text), &row);
	r = buf_ok(&row) ? KV_OK : KV_UNAVAILABLE;
	buf_free(&row);
	return r;
}

static enum kv_result keep_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_uidl_keep *q = arg;
	struct head h;
	q->own.refusal = BOX_OK;
	q->wrong = 0;
	enum kv_result r =
		box_head_load(op->space, KV_STAGED, q->mailbox, false, &h);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	for (size_t i = 0; r == KV_OK && i < q->count; i++) {
		q->wrong = i;
		r = keep_one(q, op->space, b, h.uid_validity, i);
	}
	return r;
}

static void keep_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_uidl_keep *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_uidl_keep(struct box *b, struct box_uidl_keep *q,
			      box_done_fn *done, void *arg)
{
	if (q->count == 0 || q->count > BOX_UIDL_STEP)
		return BOX_LIMIT;
	for (q->wrong = 0; q->wrong < q->count; q->wrong++)
		if (!box_uidl_ok(q->list[q->wrong].text))
			return BOX_CANNOT;
	return box_own_run(&q->own, b, KV_QUIET, keep_run, keep_done, q, done, arg);
}

enum box_result box_uidls(struct box *b, enum kv_view view, uint32_t mailbox,
			  uint32_t from, uint32_t to, struct arena *a,
			  struct box_uidl *out, size_t max, size_t *count,
			  uint32_t *next)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key first = box_key_two('U', mailbox, from);
	struct box_key last = box_key_two('U', mailbox, to), end = box_key_end(&last);
	struct kv_scan *scan;
	struct span key, value, text;
	*count = 0;
	*next = 0;
	if (from > to)
		return BOX_OK;
	enum kv_result r = kv_scan_open(b->space, view, box_key_span(&first),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return box_from_kv(r);
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		uint32_t uid = box_key_number(key, 5);
		if (*count == max) {
			*next = uid;
			break;
		}
		if (!box_uidl_read(value, &text))
			continue;
		if (!arena_copy(a, text, &out[*count].text)) {
			r = KV_UNAVAILABLE;
			break;
		}
		out[(*count)++].uid = uid;
	}
	kv_scan_close(scan);
	return box_from_kv(r == KV_NONE ? KV_OK : r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/box: the handle, and the questions that one row answers.
 */
#include "box/box.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "box/inner.h"

const char *box_result_name(enum box_result r)
{
	static const char *const names[] = {
		[BOX_OK] = "ok",
		[BOX_NONE] = "none",
		[BOX_EXISTS] = "exists",
		[BOX_CANNOT] = "cannot",
		[BOX_CHILDREN] = "has children",
		[BOX_OVERQUOTA] = "over quota",
		[BOX_LIMIT] = "limit",
		[BOX_TOO_OLD] = "too old",
		[BOX_FULL] = "disk full",
		[BOX_UNAVAILABLE] = "unavailable",
		[BOX_CORRUPT] = "corrupt",
	};
	ENSURE((unsigned)r < ARRAY_LEN(names));
	return names[r];
}

enum box_result box_from_kv(enum kv_result r)
{
	switch (r) {
	case KV_OK:
		return BOX_OK;
	case KV_NONE:
		return BOX_NONE;
	case KV_FULL:
		return BOX_FULL;
	case KV_LIMIT:
		return BOX_LIMIT;
	case KV_CORRUPT:
		return BOX_CORRUPT;
	case KV_CONFLICT:
	case KV_UNKNOWN:
	case KV_UNAVAILABLE:
	case KV_REFUSED:
		break;
	}
	return BOX_UNAVAILABLE;
}

enum box_result box_open(struct kv *kv, uint64_t account, struct box **out)
{
	struct box *b = calloc(1, sizeof(*b));
	*out = NULL;
	if (!b)
		return BOX_UNAVAILABLE;
	b->tag = BOX_TAG;
	b->kv = kv;
	enum kv_result r = kv_space_open(
		kv, (struct kv_name){KV_ACCOUNT, account}, &b->space);
	if (r != KV_OK) {
		free(b);
		return box_from_kv(r);
	}
	*out = b;
	return BOX_OK;
}

void box_close(struct box *b)
{
	if (!b)
		return;
	ENSURE_TAG(b, BOX_TAG);
	kv_space_close(b->space);
	b->tag = 0;
	free(b);
}

struct kv_space *box_space(struct box *b)
{
	ENSURE_TAG(b, BOX_TAG);
	return b->space;
}

/* ---- rows ---- */

enum kv_result box_row_get(struct kv_space *s, enum kv_view view,
		       const struct box_key *key, struct buf *row)
{
	buf_clear(row);
	return kv_get(s, view, box_key_span(key), row);
}

enum kv_result box_head_load(struct kv_space *s, enum kv_view view,
			 uint32_t mailbox, bool tail, struct head *h)
{
	struct box_key k = box_key_mailbox('H', mailbox);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, view, &k, &row);
	if (r == KV_OK && !box_head_unpack(buf_span(&row), tail, h))
		r = KV_CORRUPT;
	buf_free(&row);
	return r;
}

enum kv_result box_name_load(struct kv_space *s, enum kv_view view,
			 struct span name, struct name_row *n)
{
	if (name.len == 0 || name.len > BOX_NAME_MAX)
		return KV_NONE;
	struct box_key k = box_key_name('N', name);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, view, &k, &row);
	if (r == KV_OK && !box_name_read(buf_span(&row), n))
		r = KV_CORRUPT;
	buf_free(&row);
	return r;
}

enum kv_result box_cold_put(struct kv_batch *b, uint32_t mailbox, uint32_t uid,
			    const struct cold *c)
{
	struct box_key k = box_key_two('M', mailbox, uid);
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	box_cold_write(&row, c);
	kv_put_row(b, box_key_span(&k), &row);
	enum kv_result r = buf_ok(&row) ? KV_OK : KV_UNAVAILABLE;
	buf_free(&row);
	return r;
}

enum kv_result box_cold_load(struct kv_space *s, enum kv_view view,
			 uint32_t mailbox, uint32_t uid, struct buf *row,
			 struct cold *c)
{
	struct box_key k = box_key_two('M', mailbox, uid);
	enum kv_result r = box_row_get(s, view, &k, row);
	if (r == KV_OK && !box_cold_read(buf_span(row), c))
		r = KV_CORRUPT;
	if (r == KV_OK)
		c->message.uid = uid;
	return r;
}

enum kv_result box_scan_prefix(struct kv_space *s, enum kv_view view,
			   const struct box_key *prefix, struct kv_scan **out)
{
	struct box_key end = box_key_end(prefix);
	return kv_scan_open(s, view, box_key_span(prefix), box_key_span(&end), false,
			    out);
}

/* ---- questions ---- */

enum box_result box_ready(struct box *b, enum kv_view view)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key k = box_key_kind('A');
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(b->space, view, &k, &row);
	buf_free(&row);
	return box_from_kv(r);
}

enum box_result box_find(struct box *b, enum kv_view view, struct span name,
			 uint32_t *mailbox)
{
	ENSURE_TAG(b, BOX_TAG);
	struct name_row n;
	enum kv_result r = box_name_load(b->space, view, name, &n);
	if (r == KV_OK && n.mailbox == 0)
		r = KV_NONE;
	if (r == KV_OK)
		*mailbox = n.mailbox;
	return box_from_kv(r);
}

enum box_result box_find_use(struct box *b, enum kv_view view,
			     enum box_use use, uint32_t *mailbox)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key k = box_key_kind('N');
	struct kv_scan *scan;
	struct span key, value;
	struct name_row n = {0};
	enum kv_result r = box_scan_prefix(b->space, view, &k, &scan);
	if (r != KV_OK)
		return box_from_kv(r);
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!box_name_read(value, &n))
			r = KV_CORRUPT;
		if (r != KV_OK || (n.mailbox && n.use == use))
			break;
	}
	kv_scan_close(scan);
	if (r == KV_OK)
		*mailbox = n.mailbox;
	return box_from_kv(r);
}

static void status_of(const struct head *h, struct box_status *out)
{
	*out = (struct box_status){
		.uid_validity = h->uid_validity,
		.uid_next = h->uid_next,
		.messages = h->messages,
		.unseen = h->unseen,
		.deleted = h->deleted,
		.recent_from = h->recent_from,
		.bytes = h->bytes,
		.version = h->version,
	};
}

enum box_result box_status(struct box *b, enum kv_view view, uint32_t mailbox,
			   struct box_status *out)
{
	ENSURE_TAG(b, BOX_TAG);
	struct head h;
	enum kv_result r = box_head_load(b->space, view, mailbox, false, &h);
	if (r == KV_OK)
		status_of(&h, out);
	return box_from_kv(r);
}

/* ---- quota ---- */

enum kv_result box_quota_sum(struct kv_space *s, enum kv_view view,
			 struct box_quota *out)
{
	struct box_key k = box_key_kind('H');
	struct kv_scan *scan;
	struct span key, value;
	struct head h;
	*out = (struct box_quota){0};
	enum kv_result r = box_scan_prefix(s, view, &k, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!box_head_unpack(value, false, &h)) {
			r = KV_CORRUPT;
			break;
		}
		out->bytes += h.bytes;
		out->messages += h.messages;
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

enum box_result box_quota(struct box *b, enum kv_view view,
			  struct box_quota *out)
{
	ENSURE_TAG(b, BOX_TAG);
	if (view == KV_STAGED)
		return box_from_kv(box_quota_staged(b, out));
	return box_from_kv(box_quota_sum(b->space, view, out));
}

enum kv_result box_quota_staged(struct box *b, struct box_quota *out)
{
	struct kv_stamp now = kv_stamp(b->space, KV_STAGED);
	if (b->quota_known && b->quota_stamp.turn == now.turn &&
	    b->quota_stamp.token == now.token) {
		*out = b->quota;
		return KV_OK;
	}
	enum kv_result r = box_quota_sum(b->space, KV_STAGED, out);
	if (r == KV_OK) {
		b->quota = *out;
		b->quota_stamp = now;
		b->quota_known = true;
	}
	return r;
}

/* The state after this operation: true when its commit is staged, and only then
 * will the space ever stand at that stamp. */
void box_quota_moved(struct box *b, const struct kv_op *op,
		 const struct box_quota *now)
{
	b->quota = *now;
	b->quota_stamp = (struct kv_stamp){op->turn + 1, op->token};
	b->quota_known = true;
}

/* ---- requests ---- */

enum kv_result box_own_refuse(struct box_own *own, enum box_result why)
{
	own->refusal = why;
	return KV_LIMIT;
}

enum box_result box_own_result(const struct box_own *own, enum kv_result r)
{
	if (r == KV_LIMIT && own->refusal != BOX_OK)
		return own->refusal;
	return box_from_kv(r);
}

enum box_result box_own_run(struct box_own *own, struct box *b, unsigned flags,
			kv_op_fn *fn, kv_op_done *done, void *request,
			box_done_fn *told, void *arg)
{
	ENSURE_TAG(b, BOX_TAG);
	*own = (struct box_own){.box = b, .done = told, .arg = arg};
	return box_own_result(own, kv_op_run(b->space, flags, fn, done, request));
}

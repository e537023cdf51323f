/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/annotation: rows 'T', and the sums that keep them bounded.
 *
 * The sums must never say less than is there: they change in the commit that
 * changes the rows.  fsck counts anew.
 */
#include "box/annotation.h"

#include "base/ensure.h"
#include "box/inner.h"

bool box_annotation_name_ok(struct span name)
{
	if (name.len > BOX_ANNOTATION_NAME_MAX ||
	    !(span_starts(name, SPAN("/private/")) ||
	      span_starts(name, SPAN("/shared/"))) ||
	    name.ptr[name.len - 1] == '/')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (c <= ' ' || c > '~' || c == '*' || c == '%' ||
		    (c >= 'A' && c <= 'Z') ||
		    (c == '/' && i > 0 && name.ptr[i - 1] == '/'))
			return false;
	}
	return true;
}

/* ---- sums ---- */

static enum kv_result sum_get(struct kv_space *s, const struct box_key *k,
			      struct annotation_sum *sum)
{
	struct buf row;
	*sum = (struct annotation_sum){0};
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(s, KV_STAGED, k, &row);
	if (r == KV_OK && !box_annotation_sum_read(buf_span(&row), sum))
		r = KV_CORRUPT;
	buf_free(&row);
	return r == KV_NONE ? KV_OK : r;
}

void box_annotation_sum_put(struct kv_batch *b, const struct box_key *k,
			    const struct annotation_sum *sum)
{
	struct buf row;
	if (sum->count == 0) {
		kv_delete(b, box_key_span(k));
		return;
	}
	buf_init(&row, BOX_ROW_MAX);
	box_annotation_sum_write(&row, sum);
	kv_put_row(b, box_key_span(k), &row);
	buf_free(&row);
}

struct sums {
	struct box_key one_key, all_key;
	struct annotation_sum one, all;
};

static enum kv_result sums_get(struct kv_space *s, uint32_t mailbox, struct sums *x)
{
	x->one_key = box_key_mailbox('T', mailbox);
	x->all_key = box_key_kind('T');
	enum kv_result r = sum_get(s, &x->one_key, &x->one);
	return r == KV_OK ? sum_get(s, &x->all_key, &x->all) : r;
}

/* A sum that was too small is found by fsck; here it must not wrap. */
static void less(struct annotation_sum *sum, const struct annotation_sum *by)
{
	sum->count -= by->count < sum->count ? by->count : sum->count;
	sum->bytes -= by->bytes < sum->bytes ? by->bytes : sum->bytes;
}

static void more(struct annotation_sum *sum, const struct annotation_sum *by)
{
	sum->count += by->count;
	sum->bytes += by->bytes;
}

static bool grew_past(const struct annotation_sum *was, const struct annotation_sum *is,
		      uint32_t count, uint64_t bytes)
{
	return (is->count > count && is->count > was->count) ||
	       (is->bytes > bytes && is->bytes > was->bytes);
}

static bool fit(const struct sums *was, const struct sums *is)
{
	return !grew_past(&was->one, &is->one, BOX_ANNOTATIONS_MAX,
			  BOX_ANNOTATIONS_BYTES) &&
	       !grew_past(&was->all, &is->all, BOX_ANNOTATIONS_ALL,
			  BOX_ANNOTATIONS_ALL_BYTES);
}

/* ---- changing ---- */

static enum kv_result change_one(struct kv_op *op, struct kv_batch *b,
				 const struct box_annotate *q, size_t i,
				 struct sums *x)
{
	const struct box_annotation *a = &q->list[i];
	struct box_key k = box_key_annotation(q->mailbox, a->name);
	struct buf row;
	for (size_t n = i + 1; n < q->count; n++)
		if (span_eq(q->list[n].name, a->name))
			return KV_OK;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = box_row_get(op->space, KV_STAGED, &k, &row);
	struct annotation_sum size = {1, a->name.len};
	if (r == KV_OK) {
		size.bytes += buf_len(&row) - 1;
		less(&x->one, &size);
		less(&x->all, &size);
		if (!a->set)
			kv_delete(b, box_key_span(&k));
	}
	if (a->set && (r == KV_OK || r == KV_NONE)) {
		size.bytes = a->name.len + a->value.len;
		more(&x->one, &size);
		more(&x->all, &size);
		buf_clear(&row);
		box_annotation_write(&row, a->value);
		kv_put_row(b, box_key_span(&k), &row);
	}
	buf_free(&row);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result annotate_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct box_annotate *q = arg;
	struct head h;
	struct sums x, was;
	q->own.refusal = BOX_OK;
	enum kv_result r = KV_OK;
	if (q->mailbox != 0)
		r = box_head_load(op->space, KV_STAGED, q->mailbox, false, &h);
	if (r == KV_NONE)
		return box_own_refuse(&q->own, BOX_NONE);
	if (r == KV_OK)
		r = sums_get(op->space, q->mailbox, &x);
	if (r != KV_OK)
		return r;
	was = x;
	for (size_t i = 0; r == KV_OK && i < q->count; i++)
		r = change_one(op, b, q, i, &x);
	if (r != KV_OK)
		return r;
	if (!fit(&was, &x))
		return box_own_refuse(&q->own, BOX_LIMIT);
	if (kv_batch_rows(b) == 0)
		return KV_NONE;
	box_annotation_sum_put(b, &x.one_key, &x.one);
	box_annotation_sum_put(b, &x.all_key, &x.all);
	return KV_OK;
}

static void annotate_done(void *arg, enum kv_result r, uint64_t version)
{
	struct box_annotate *q = arg;
	(void)version;
	q->own.done(q->own.arg, box_own_result(&q->own, r));
}

enum box_result box_annotate(struct box *b, struct box_annotate *q,
			     box_done_fn *done, void *arg)
{
	unsigned flags = KV_QUIET | KV_SHRINKS;
	if (q->count == 0 || q->count > BOX_ANNOTATE_MAX)
		return BOX_LIMIT;
	for (size_t i = 0; i < q->count; i++) {
		const struct box_annotation *a = &q->list[i];
		if (!box_annotation_name_ok(a->name))
			return BOX_CANNOT;
		if (a->set && a->value.len > BOX_ANNOTATION_MAX)
			return BOX_LIMIT;
		if (a->set)
			flags = KV_QUIET;
	}
	return box_own_run(&q->own, b, flags, annotate_run, annotate_done, q, done,
			   arg);
}

/* ---- with the mailbox ---- */

enum kv_result box_annotations_leave(struct kv_op *op, struct kv_batch *b,
				     uint32_t mailbox, bool back)
{
	struct sums x;
	enum kv_result r = sums_get(op->space, mailbox, &x);
	if (r != KV_OK || x.one.count == 0)
		return r;
	if (back)
		more(&x.all, &x.one);
	else
		less(&x.all, &x.one);
	box_annotation_sum_put(b, &x.all_key, &x.all);
	return KV_OK;
}

enum kv_result box_annotations_copy(struct kv_op *op, struct kv_batch *b,
				    uint32_t from, uint32_t to)
{
	struct box_key prefix = box_key_mailbox('T', from);
	struct kv_scan *scan;
	struct span key, value;
	struct sums x, was;
	enum kv_result r = sums_get(op->space, from, &x);
	if (r != KV_OK || x.one.count == 0)
		return r;
	was = x;
	more(&x.all, &x.one);
	if (!fit(&was, &x))
		return KV_OK;
	r = box_scan_prefix(op->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		struct box_key k = box_key_annotation(to, box_annotation_name(key));
		kv_put(b, box_key_span(&k), value);
	}
	kv_scan_close(scan);
	box_annotation_sum_put(b, &x.all_key, &x.all);
	return r == KV_NONE ? KV_OK : r;
}

/* ---- reading ---- */

enum box_result box_annotations(struct box *b, enum kv_view view, uint32_t mailbox,
				struct span after, box_annotation_fn *fn, void *arg)
{
	ENSURE_TAG(b, BOX_TAG);
	struct box_key from = box_key_mailbox('T', mailbox), end = box_key_end(&from);
	struct kv_scan *scan;
	struct span key, row, value;
	if (after.len > BOX_ANNOTATION_NAME_MAX)
		return BOX_CANNOT;
	from = box_key_annotation(mailbox, after);
	from.bytes[from.len++] = 0; /* behind it; at first, behind the sum */
	enum kv_result r = kv_scan_open(b->space, view, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return box_from_kv(r);
	while ((r = kv_scan_next(scan, &key, &row)) == KV_OK) {
		if (!box_annotation_read(row, &value)) {
			r = KV_CORRUPT;
			break;
		}
		if (!fn(arg, box_annotation_name(key), value))
			break;
	}
	kv_scan_close(scan);
	return r == KV_NONE ? BOX_OK : box_from_kv(r);
}

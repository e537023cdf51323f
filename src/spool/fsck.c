/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/fsck: recipient rows are the truth; counts and the due index follow.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "crypto/hash.h"
#include "spool/format.h"

#define CHUNK 65536u

struct fsck {
	struct spool *spool;
	struct kv_space *space;
	bool deep, repair;
	spool_fsck_fn *fn;
	void *arg;
	struct spool_fsck_count *count;
	/* of the job in hand */
	struct spool_id id;
	bool readable, damaged, bad;
	uint32_t recipients, open, unreadable;
	int64_t due;
};

PRINTF_LIKE(2, 3)
static void finding(struct fsck *f, const char *fmt, ...)
{
	char text[256], id[SPOOL_ID_TEXT];
	va_list ap;
	spool_id_text(&f->id, id);
	int n = snprintf(text, sizeof(text), "job %s: ", id);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	f->bad = true;
	f->count->wrong++;
	if (f->fn)
		f->fn(f->arg, f->count, text);
}

static bool body_right(struct fsck *f, const struct spool_job *j)
{
	struct kv *kv = f->spool->kv;
	uint64_t size, at = 0;
	uint32_t crc = 0;
	struct buf b;
	f->count->bodies++;
	if (kv_body_size(kv, &j->body, &size) != KV_OK || size != j->body_size)
		return false;
	if (!f->deep)
		return true;
	buf_init(&b, CHUNK);
	while (at < size) {
		buf_clear(&b);
		if (kv_body_read(kv, &j->body, at, CHUNK, &b) != KV_OK ||
		    buf_len(&b) == 0)
			break;
		crc = crc32c(crc, buf_span(&b));
		at += buf_len(&b);
	}
	buf_free(&b);
	return at == size && crc == j->body_crc;
}

static enum kv_result check_recipients(struct fsck *f)
{
	struct spool_key prefix = spool_key_id('R', &f->id);
	struct kv_scan *scan;
	struct span key, value;
	struct spool_recipient r;
	enum kv_result k = spool_scan(f->space, KV_VISIBLE, &prefix, &scan);
	if (k != KV_OK)
		return k;
	while ((k = kv_scan_next(scan, &key, &value)) == KV_OK) {
		struct spool_key want = spool_key_n(&f->id, f->recipients);
		if (!span_eq(key, spool_span(&want)))
			finding(f, "recipient %" PRIu32 " is missing",
				f->recipients);
		f->recipients++;
		f->count->recipients++;
		if (!spool_recipient_read(value, 0, &r)) {
			f->unreadable++;
			finding(f, "recipient %" PRIu32 " is unreadable",
				f->recipients - 1);
			continue;
		}
		f->open += !spool_settled(r.state);
		if (spool_due_of(&r) < f->due)
			f->due = spool_due_of(&r);
	}
	kv_scan_close(scan);
	return k == KV_NONE ? KV_OK : k;
}

static enum kv_result check_count(struct fsck *f)
{
	struct spool_key k = spool_key_id('C', &f->id);
	struct count_row c = {0};
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(f->space, KV_VISIBLE, &k, &row);
	if (r == KV_NONE || (r == KV_OK && !spool_count_read(buf_span(&row), &c)))
		finding(f, "the row of counts is missing or unreadable");
	else if (r == KV_OK && (c.open != f->open || c.due != f->due))
		finding(f, "%" PRIu32 " recipients are open, counted %" PRIu32,
			c.open, f->open);
	if (r == KV_OK && c.due != SPOOL_NEVER) {
		struct spool_key t = spool_key_due(c.due, &f->id);
		r = spool_row(f->space, KV_VISIBLE, &t, &row);
		if (r == KV_NONE)
			finding(f, "the index of due jobs lacks it");
	}
	buf_free(&row);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result check_job(struct fsck *f, const struct spool_id *id)
{
	struct spool_key k = spool_key_id('J', id);
	struct job_row j;
	struct buf row;
	f->id = *id;
	f->readable = f->damaged = f->bad = false;
	f->recipients = f->open = f->unreadable = 0;
	f->due = SPOOL_NEVER;
	f->count->jobs++;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(f->space, KV_VISIBLE, &k, &row);
	if (r != KV_OK) {
		buf_free(&row);
		return r;
	}
	f->readable = spool_job_read(buf_span(&row), id, &j);
	if (!f->readable)
		finding(f, "its row is unreadable");
	r = check_recipients(f);
	if (r == KV_OK && f->readable && f->recipients != j.job.recipients)
		finding(f, "%" PRIu32 " recipients, %" PRIu32 " rows",
			j.job.recipients, f->recipients);
	f->damaged = !f->readable || !body_right(f, &j.job);
	if (f->readable && f->damaged) {
		f->count->damaged++;
		finding(f, "its body is missing or changed");
	}
	buf_free(&row);
	return r == KV_OK ? check_count(f) : r;
}

/* ---- repair ---- */

/* All index rows of the job, wherever they stand. */
static enum kv_result drop_index(struct fsck *f, struct kv_batch *b)
{
	struct spool_key prefix = spool_key('T');
	struct kv_scan *scan;
	struct span key, value;
	int64_t due;
	struct spool_id id;
	enum kv_result r = spool_scan(f->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK)
		if (spool_key_due_of(key, &due, &id) &&
		    memcmp(&id, &f->id, sizeof(id)) == 0)
			kv_delete(b, key);
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

/* Nothing of it is open: it is over. */
static enum kv_result forget_job(struct fsck *f, struct kv_batch *b)
{
	static const char kinds[] = {'J', 'C', 'R'};
	enum kv_result r = KV_OK;
	for (size_t i = 0; i < ARRAY_LEN(kinds) && r == KV_OK; i++) {
		struct spool_key prefix = spool_key_id(kinds[i], &f->id);
		struct kv_scan *scan;
		struct span key, value;
		r = spool_scan(f->space, KV_STAGED, &prefix, &scan);
		if (r != KV_OK)
			return r;
		while ((r = kv_scan_next(scan, &key, &value)) == KV_OK)
			kv_delete(b, key);
		kv_scan_close(scan);
		r = r == KV_NONE ? KV_OK : r;
	}
	return r;
}

static enum kv_result repair_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct fsck *f = arg;
	struct spool_key prefix = spool_key_id('R', &f->id);
	struct kv_scan *scan;
	struct span key, value;
	struct spool_recipient rc;
	struct buf row;
	struct count_row count = {0, SPOOL_NEVER};
	enum kv_result r = spool_scan(op->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	buf_init(&row, SPOOL_ROW);
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!spool_recipient_read(value, 0, &rc)) {
			/* Nobody knows whose it was: it must not stop the rest. */
			rc = (struct spool_recipient){
				.state = SPOOL_DROPPED,
				.reason = SPAN("row was unreadable")};
		} else if (f->damaged && !spool_settled(rc.state)) {
			rc.state = SPOOL_HELD;
			rc.reason = SPAN("the message is damaged");
		} else {
			count.open += !spool_settled(rc.state);
			if (spool_due_of(&rc) < count.due)
				count.due = spool_due_of(&rc);
			continue;
		}
		count.open += !spool_settled(rc.state);
		buf_clear(&row);
		spool_recipient_write(&row, &rc);
		kv_put_row(b, key, &row);
	}
	kv_scan_close(scan);
	buf_free(&row);
	if (r == KV_NONE)
		r = drop_index(f, b);
	if (r != KV_OK)
		return r;
	if (count.open == 0)
		return forget_job(f, b);
	spool_put_count(b, &f->id, &count);
	spool_move_due(b, &f->id, SPOOL_NEVER, count.due);
	return KV_OK;
}

static enum spool_result fsck_partition(struct fsck *f)
{
	struct spool_key from = spool_key('J');
	struct spool_key end = spool_key_end(&from);
	enum kv_result r = KV_OK;
	while (r == KV_OK) {
		struct kv_scan *scan;
		struct span key, value;
		struct spool_id id;
		r = kv_scan_open(f->space, KV_VISIBLE, spool_span(&from),
				 spool_span(&end), false, &scan);
		if (r != KV_OK)
			break;
		r = kv_scan_next(scan, &key, &value);
		if (r == KV_OK)
			memcpy(id.byte, key.ptr + 1, sizeof(id.byte));
		kv_scan_close(scan);
		if (r != KV_OK)
			break;
		r = check_job(f, &id);
		if (r == KV_OK && f->bad && f->repair) {
			r = kv_op_wait(f->space, KV_SHRINKS, repair_run, f,
				       NULL);
			f->count->repaired += r == KV_OK;
		}
		from = spool_key_id('J', &id);
		from.bytes[from.len++] = 0;
		if (f->fn)
			f->fn(f->arg, f->count, NULL);
	}
	return spool_from_kv(r == KV_NONE ? KV_OK : r);
}

enum spool_result spool_fsck(struct spool *s, bool deep, bool repair,
			     spool_fsck_fn *fn, void *arg,
			     struct spool_fsck_count *out)
{
	struct fsck f = {.spool = s,
			 .deep = deep,
			 .repair = repair,
			 .fn = fn,
			 .arg = arg,
			 .count = out};
	enum spool_result r = SPOOL_OK;
	*out = (struct spool_fsck_count){0};
	for (unsigned p = 0; p < SPOOL_PARTITIONS && r == SPOOL_OK; p++) {
		f.space = spool_space(s, p, &r);
		if (f.space)
			r = fsck_partition(&f);
	}
	return r;
}

enum spool_result spool_bodies(struct spool *s, spool_body_fn *fn, void *arg)
{
	enum spool_result sr = SPOOL_OK;
	for (unsigned p = 0; p < SPOOL_PARTITIONS && sr == SPOOL_OK; p++) {
		struct spool_key prefix = spool_key('J');
		struct kv_scan *scan;
		struct span key, value;
		struct job_row j;
		const struct spool_id none = {{0}};
		struct kv_space *space = spool_space(s, p, &sr);
		if (!space)
			break;
		enum kv_result r =
			spool_scan(space, KV_VISIBLE, &prefix, &scan);
		while (r == KV_OK &&
		       (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
			if (!spool_job_read(value, &none, &j)) {
				r = KV_CORRUPT; /* a sweep must not guess */
				break;
			}
			fn(arg, &j.job.body);
			if (j.summary_kept)
				fn(arg, &j.summary_id);
		}
		kv_scan_close(scan);
		sr = spool_from_kv(r == KV_NONE ? KV_OK : r);
	}
	return sr;
}

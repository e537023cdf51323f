/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/fsck: recipient rows are the truth; counts, indexes and what is open in the
 * ledger follow.
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
	struct count_row counts;
	bool counted; /* its row is there and readable */
	struct index *index;
	/* of the partition in hand: rows of the indexes, as the jobs want them, and
	 * what the ledger should know; not of jobs of format 1 */
	struct sums {
		uint64_t rows[3];
		struct spool_ledger seen;
	} sums;
	bool mended; /* a job of the partition: the ledger has to follow */
};

/* The indexes, in the order of rows[]. */
static const char kinds[] = {'T', 'D', 'X'};

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
		if (!spool_settled(r.state) && f->counted && !f->counts.old)
			spool_ledger_move(&f->sums.seen, 0, r.state);
		index_add(f->index, NULL, &r);
	}
	kv_scan_close(scan);
	return k == KV_NONE ? KV_OK : k;
}

static enum kv_result load_count(struct fsck *f)
{
	struct spool_key k = spool_key_id('C', &f->id);
	struct buf row;
	f->counts = (struct count_row){.due = SPOOL_NEVER,
				       .tell = SPOOL_NEVER,
				       .priority = SPOOL_NORMAL,
				       .warns = SPOOL_NEVER,
				       .expires = SPOOL_NEVER};
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(f->space, KV_VISIBLE, &k, &row);
	f->counted = r == KV_OK && spool_count_read(buf_span(&row), &f->counts);
	buf_free(&row);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result lacks(struct fsck *f, const struct spool_key *k,
			    char kind)
{
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(f->space, KV_VISIBLE, k, &row);
	buf_free(&row);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		f->sums.rows[i] += r == KV_OK && kinds[i] == kind;
	if (r == KV_NONE)
		finding(f, "the index %c of due jobs lacks it", kind);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result check_index(struct fsck *f)
{
	const struct index *x = f->index;
	enum kv_result r = KV_OK;
	struct spool_key k = spool_key_due('T', x->local, &f->id);
	if (x->local != SPOOL_NEVER)
		r = lacks(f, &k, 'T');
	k = spool_key_due('X', x->tell, &f->id);
	if (r == KV_OK && x->tell != SPOOL_NEVER)
		r = lacks(f, &k, 'X');
	for (size_t i = 0; i < x->count && r == KV_OK; i++) {
		k = spool_key_destination(x->at[i].hash, x->priority,
					  x->at[i].after, &f->id);
		if (x->at[i].after != SPOOL_NEVER)
			r = lacks(f, &k, 'D');
	}
	return r;
}

static enum kv_result check_count(struct fsck *f)
{
	const struct count_row *c = &f->counts;
	if (!f->counted)
		finding(f, "the row of counts is missing or unreadable");
	else if (c->open != f->open)
		finding(f, "%" PRIu32 " recipients are open, counted %" PRIu32,
			f->open, c->open);
	if (!f->counted || c->old) /* of format 1: to be upgraded */
		return KV_OK;
	if (c->due != f->index->local || c->tell != f->index->tell)
		finding(f, "the row of counts has other times");
	return f->index->failed ? KV_UNAVAILABLE : check_index(f);
}

static enum kv_result check_job(struct fsck *f, const struct spool_id *id)
{
	struct spool_key k = spool_key_id('J', id);
	struct job_row j;
	struct buf row;
	f->id = *id;
	f->readable = f->damaged = f->bad = false;
	f->recipients = f->open = f->unreadable = 0;
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
	r = load_count(f);
	if (f->readable && (!f->counted || f->counts.old))
		f->counts.expires = j.job.expires;
	index_begin(f->index, &f->counts);
	if (r == KV_OK)
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

static bool names_job(char kind, struct span key, struct spool_id *id)
{
	struct due_row d;
	int64_t due;
	bool ok = kind == 'D' ? spool_key_destination_of(key, &d)
			      : spool_key_due_of(key, &due, id);
	if (ok && kind == 'D')
		*id = d.id;
	return ok;
}

/* All index rows of the job, wherever they stand. */
static enum kv_result drop_index(struct fsck *f, struct kv_batch *b)
{
	enum kv_result r = KV_OK;
	for (size_t i = 0; i < ARRAY_LEN(kinds) && r == KV_OK; i++) {
		struct spool_key prefix = spool_key(kinds[i]);
		struct kv_scan *scan;
		struct span key, value;
		struct spool_id id;
		r = spool_scan(f->space, KV_STAGED, &prefix, &scan);
		if (r != KV_OK)
			return r;
		while ((r = kv_scan_next(scan, &key, &value)) == KV_OK)
			if (names_job(kinds[i], key, &id) &&
			    memcmp(&id, &f->id, sizeof(id)) == 0)
				kv_delete(b, key);
		kv_scan_close(scan);
		r = r == KV_NONE ? KV_OK : r;
	}
	return r;
}

/* Nothing of it is open: it is over. */
static enum kv_result forget_job(struct fsck *f, struct kv_batch *b)
{
	static const char rows[] = {'J', 'C', 'R', 'P'};
	enum kv_result r = KV_OK;
	for (size_t i = 0; i < ARRAY_LEN(rows) && r == KV_OK; i++) {
		struct spool_key prefix = spool_key_id(rows[i], &f->id);
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
	struct count_row count = f->counts;
	enum kv_result r = spool_scan(op->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	buf_init(&row, SPOOL_ROW);
	count.old = false;
	count.open = 0;
	count.due = count.tell = SPOOL_NEVER;
	count.reported = true; /* it may be */
	index_begin(f->index, &count);
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
			index_add(f->index, NULL, &rc);
			continue;
		}
		count.open += !spool_settled(rc.state);
		index_add(f->index, NULL, &rc);
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
	if (!index_write(f->index, b, &f->id, &count))
		return KV_UNAVAILABLE;
	spool_put_count(b, &f->id, &count);
	return KV_OK;
}

/* ---- what belongs to no job ---- */

/* Rows of an index whose job does not want them, at most so many at once. */
#define STRAY_MAX 500u

struct strays {
	struct fsck *f;
	char kind;
	struct spool_key keys[STRAY_MAX];
	size_t count;
};

static enum kv_result is_wanted(struct fsck *f, char kind, struct span key,
				bool *wanted)
{
	struct count_row c;
	struct spool_id id;
	struct due_row d;
	int64_t due = 0;
	struct buf row;
	*wanted = false;
	if (kind == 'D' ? !spool_key_destination_of(key, &d)
			: !spool_key_due_of(key, &due, &id))
		return KV_OK;
	if (kind == 'D')
		id = d.id;
	struct spool_key k = spool_key_id('C', &id);
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(f->space, KV_VISIBLE, &k, &row);
	bool readable = r == KV_OK && spool_count_read(buf_span(&row), &c);
	buf_free(&row);
	if (!readable || c.old) {
		*wanted = r == KV_OK; /* of format 1, or told of already */
		return r == KV_NONE ? KV_OK : r;
	}
	if (kind != 'D') {
		*wanted = due == (kind == 'T' ? c.due : c.tell);
		return KV_OK;
	}
	f->id = id;
	f->recipients = f->open = f->unreadable = 0;
	index_begin(f->index, &c);
	struct sums sums = f->sums;
	uint64_t recipients = f->count->recipients;
	r = check_recipients(f);
	f->sums = sums;
	f->count->recipients = recipients;
	for (size_t i = 0; i < f->index->count; i++)
		*wanted |= f->index->at[i].hash == d.hash &&
			   f->index->at[i].after == d.due &&
			   f->index->priority == d.priority;
	return r;
}

static enum kv_result strays_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct strays *s = arg;
	(void)op;
	for (size_t i = 0; i < s->count; i++)
		kv_delete(b, spool_span(&s->keys[i]));
	return KV_OK;
}

static enum kv_result find_strays(struct fsck *f, char kind, struct strays *s)
{
	struct spool_key prefix = spool_key(kind);
	struct kv_scan *scan;
	struct span key, value;
	enum kv_result r = spool_scan(f->space, KV_VISIBLE, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while (s->count < STRAY_MAX &&
	       (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		bool wanted;
		r = is_wanted(f, kind, key, &wanted);
		if (r != KV_OK)
			break;
		if (wanted || key.len > sizeof(s->keys[0].bytes) - 1)
			continue;
		struct spool_key *k = &s->keys[s->count++];
		memcpy(k->bytes, key.ptr, key.len);
		k->len = key.len;
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result check_strays(struct fsck *f, unsigned i)
{
	struct spool_key prefix = spool_key(kinds[i]);
	struct kv_scan *scan;
	struct span key, value;
	uint64_t n = 0;
	enum kv_result r = spool_scan(f->space, KV_VISIBLE, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK)
		n++;
	kv_scan_close(scan);
	if (r != KV_NONE || n <= f->sums.rows[i])
		return r == KV_NONE ? KV_OK : r;
	struct strays *s = calloc(1, sizeof(*s));
	if (!s)
		return KV_UNAVAILABLE;
	s->f = f;
	r = find_strays(f, kinds[i], s);
	f->id = (struct spool_id){{0}};
	if (r == KV_OK && s->count > 0) {
		finding(f, "the index %c has %zu rows that no job wants",
			kinds[i], s->count);
		if (f->repair)
			r = kv_op_wait(f->space, KV_SHRINKS, strays_run, s,
				       NULL);
		f->count->repaired += f->repair && r == KV_OK;
	}
	free(s);
	return r;
}

/* ---- the ledger ---- */

/* What is there was accepted; what is over is as it was counted. */
static enum kv_result ledger_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	const struct fsck *f = arg;
	struct ledger_row l;
	if (spool_ledger_load(op->space, KV_STAGED, &l) != KV_OK)
		l = (struct ledger_row){0};
	l.n.open = f->sums.seen.open;
	l.n.held = f->sums.seen.held;
	l.n.accepted = l.n.delivered + l.n.bounced + l.n.discarded +
		       l.n.held + l.n.open;
	spool_ledger_put(b, &l);
	return KV_OK;
}

static enum kv_result check_ledger(struct fsck *f)
{
	struct ledger_row l;
	enum kv_result r = spool_ledger_load(f->space, KV_VISIBLE, &l);
	if ((r != KV_OK && r != KV_CORRUPT) ||
	    (r == KV_OK && spool_balanced(&l.n) && l.n.open == f->sums.seen.open &&
	     l.n.held == f->sums.seen.held))
		return r == KV_CORRUPT ? KV_OK : r;
	f->id = (struct spool_id){{0}};
	if (!f->mended)
		finding(f, "the ledger counts %" PRIu64 " open and %" PRIu64
			" held, there are %" PRIu64 " and %" PRIu64,
			l.n.open, l.n.held, f->sums.seen.open,
			f->sums.seen.held);
	if (!f->repair)
		return KV_OK;
	f->count->repaired += !f->mended;
	return kv_op_wait(f->space, KV_SHRINKS, ledger_run, f, NULL);
}

/* What no job told of. */
static enum kv_result check_rest(struct fsck *f)
{
	enum kv_result r = KV_OK;
	for (unsigned i = 0; i < ARRAY_LEN(kinds) && r == KV_OK; i++)
		r = check_strays(f, i);
	return r == KV_OK ? check_ledger(f) : r;
}

/* A job as the repair left it. */
static enum kv_result count_again(struct fsck *f, const struct sums *before)
{
	struct spool_fsck_count n = *f->count;
	spool_fsck_fn *fn = f->fn;
	f->fn = NULL;
	f->sums = *before;
	f->recipients = f->open = f->unreadable = 0;
	enum kv_result r = load_count(f);
	index_begin(f->index, &f->counts);
	if (r == KV_OK && f->counted)
		r = check_recipients(f);
	if (r == KV_OK && f->counted)
		r = check_count(f);
	f->fn = fn;
	*f->count = n;
	return r;
}

/* ---- jobs of one row ---- */

static enum kv_result check_whole(struct fsck *f, const struct spool_id *id)
{
	struct whole w;
	struct buf row;
	f->id = *id;
	f->bad = false;
	f->count->jobs++;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_whole_load(f->space, KV_VISIBLE, id, &row, &w);
	f->readable = r == KV_OK;
	f->damaged = r == KV_OK && !body_right(f, &w.job.job);
	if (r == KV_CORRUPT)
		finding(f, "its row is unreadable");
	if (f->damaged) {
		f->count->damaged++;
		finding(f, "its body is missing or changed");
	}
	if (r == KV_OK) {
		f->count->recipients += w.count.open;
		f->sums.seen.open += w.count.open;
		f->sums.seen.accepted += w.count.open;
	}
	buf_free(&row);
	return r == KV_CORRUPT ? KV_OK : r;
}

static enum kv_result forget_whole_run(struct kv_op *op, struct kv_batch *b,
				       void *arg)
{
	const struct fsck *f = arg;
	struct spool_key k = spool_key_id('W', &f->id);
	(void)op;
	kv_delete(b, spool_span(&k));
	return KV_OK;
}

static void mended(void *arg, enum spool_result r)
{
	*(enum spool_result *)arg = r;
}

/* They get rows of their own, and are looked at like the others; of what cannot be
 * read nobody knows whose it was. */
static enum kv_result mend_wholes(struct fsck *f, unsigned partition)
{
	struct spool_upgrade q = {.partition = partition};
	do {
		enum spool_result r = SPOOL_STALE; /* not yet */
		if (spool_upgrade(f->spool, &q, mended, &r) != SPOOL_OK)
			return KV_UNAVAILABLE;
		while (r == SPOOL_STALE)
			(void)kv_pause(f->spool->kv);
		if (r != SPOOL_OK)
			return KV_UNAVAILABLE;
	} while (q.more);
	f->mended = true;
	return KV_OK;
}

static enum kv_result check_wholes(struct fsck *f, unsigned partition)
{
	struct spool_id id = {{0}};
	bool bad = false;
	struct spool_fsck_count before = *f->count;
	struct sums sums = f->sums;
	enum kv_result r;
	while ((r = spool_job_next(f->space, KV_VISIBLE, 'W', &id)) == KV_OK) {
		r = check_whole(f, &id);
		if (r == KV_OK && !f->readable && f->repair) {
			r = kv_op_wait(f->space, KV_SHRINKS, forget_whole_run,
				       f, NULL);
			f->count->repaired += r == KV_OK;
			f->mended = true;
			before = *f->count;
			before.jobs--;
		}
		if (r != KV_OK)
			return r;
		bad |= f->damaged;
	}
	if (r != KV_NONE || !bad || !f->repair)
		return r == KV_NONE ? KV_OK : r;
	f->sums = sums;
	*f->count = before;
	return mend_wholes(f, partition);
}

static enum spool_result fsck_partition(struct fsck *f, unsigned partition)
{
	struct spool_key from = spool_key('J');
	struct spool_key end = spool_key_end(&from);
	enum kv_result r = KV_OK;
	f->sums = (struct sums){0};
	f->mended = false;
	r = check_wholes(f, partition);
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
		struct sums before = f->sums;
		r = check_job(f, &id);
		if (r == KV_OK && f->bad && f->repair) {
			r = kv_op_wait(f->space, KV_SHRINKS, repair_run, f,
				       NULL);
			f->count->repaired += r == KV_OK;
			f->mended = true;
			if (r == KV_OK)
				r = count_again(f, &before);
		}
		from = spool_key_id('J', &id);
		from.bytes[from.len++] = 0;
		if (f->fn)
			f->fn(f->arg, f->count, NULL);
	}
	if (r == KV_NONE)
		r = check_rest(f);
	return spool_from_kv(r);
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
	f.index = index_new();
	if (!f.index)
		return SPOOL_UNAVAILABLE;
	for (unsigned p = 0; p < SPOOL_PARTITIONS && r == SPOOL_OK; p++) {
		f.space = spool_space(s, p, &r);
		if (f.space)
			r = fsck_partition(&f, p);
	}
	index_free(f.index);
	return r;
}

static bool body_of(char kind, struct span value, struct job_row *j)
{
	static const struct spool_id none = {{0}};
	struct whole w;
	if (kind == 'J')
		return spool_job_read(value, &none, j);
	if (!spool_whole_read(value, &none, &w))
		return false;
	*j = w.job;
	return true;
}

static enum kv_result bodies(struct kv_space *space, char kind,
			     spool_body_fn *fn, void *arg)
{
	struct spool_key prefix = spool_key(kind);
	struct kv_scan *scan;
	struct span key, value;
	struct job_row j;
	enum kv_result r = spool_scan(space, KV_VISIBLE, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!body_of(kind, value, &j)) {
			r = KV_CORRUPT; /* a sweep must not guess */
			break;
		}
		fn(arg, &j.job.body);
		if (j.summary_kept)
			fn(arg, &j.summary_id);
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

enum spool_result spool_bodies(struct spool *s, spool_body_fn *fn, void *arg)
{
	enum spool_result sr = SPOOL_OK;
	for (unsigned p = 0; p < SPOOL_PARTITIONS && sr == SPOOL_OK; p++) {
		struct kv_space *space = spool_space(s, p, &sr);
		if (!space)
			break;
		enum kv_result r = bodies(space, 'W', fn, arg);
		if (r == KV_OK)
			r = bodies(space, 'J', fn, arg);
		sr = spool_from_kv(r);
	}
	return sr;
}

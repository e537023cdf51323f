/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/work: accepting, leasing, settling.
 *
 * Must never: settle under an epoch that is not the partition's; settle a
 * recipient twice; drop a job that has an open recipient.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "spool/format.h"

static enum kv_result refuse(struct spool_own *own, enum spool_result why)
{
	own->refusal = why;
	return KV_LIMIT;
}

static enum spool_result result_of(const struct spool_own *own,
				   enum kv_result r)
{
	if (r == KV_LIMIT && own->refusal != SPOOL_OK)
		return own->refusal;
	return spool_from_kv(r);
}

static enum spool_result start(struct spool_own *own, struct spool *s,
			       unsigned partition, unsigned flags,
			       kv_op_fn *fn, kv_op_done *done, void *request,
			       spool_done_fn *told, void *arg)
{
	enum spool_result r;
	struct kv_space *space = spool_space(s, partition, &r);
	if (!space)
		return r;
	*own = (struct spool_own){.spool = s, .done = told, .arg = arg};
	return result_of(own, kv_op_run(space, flags, fn, done, request));
}

/* ---- accept ---- */

static bool accept_fits(const struct spool_accept *q)
{
	if (q->count == 0 || q->count > SPOOL_RECIPIENTS_MAX ||
	    q->job.sender.len > SPOOL_ADDRESS_MAX ||
	    q->job.facts.len > SPOOL_FACTS_MAX ||
	    q->job.summary.len > SPOOL_SUMMARY_MAX ||
	    q->bytes.len > KV_BODY_INLINE)
		return false;
	for (size_t i = 0; i < q->count; i++) {
		const struct spool_recipient *r = &q->recipients[i];
		if (r->address.len > SPOOL_ADDRESS_MAX ||
		    r->original.len > SPOOL_ADDRESS_MAX ||
		    r->folder.len > SPOOL_FOLDER_MAX ||
		    r->prefix.len > SPOOL_PREFIX_MAX ||
		    r->reason.len > SPOOL_REASON_MAX)
			return false;
		ENSURE(!spool_settled(r->state));
	}
	return true;
}

static void put_recipient(struct kv_batch *b, const struct spool_id *id,
			  const struct spool_recipient *r, struct buf *row)
{
	struct spool_key k = spool_key_n(id, r->n);
	buf_clear(row);
	spool_recipient_write(row, r);
	kv_put_row(b, spool_span(&k), row);
}

static enum kv_result accept_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct spool_accept *q = arg;
	struct spool_key k = spool_key_id('J', &q->job.id);
	struct count_row count = {(uint32_t)q->count, SPOOL_NEVER};
	struct job_row job = {.job = q->job};
	struct buf row;
	(void)op;
	q->own.refusal = SPOOL_OK;
	job.job.recipients = job.job.open = (uint32_t)q->count;
	if (q->job.summary.len > SPOOL_SUMMARY_ROW) {
		job.summary_kept = true;
		job.summary_id = kv_body_name(q->own.spool->kv);
		job.summary_len = (uint32_t)q->job.summary.len;
		kv_put_body(b, &job.summary_id, q->job.summary);
	}
	if (q->bytes.len || q->job.body_size == 0)
		kv_put_body(b, &q->job.body, q->bytes);
	buf_init(&row, SPOOL_ROW);
	spool_job_write(&row, &job);
	kv_put_row(b, spool_span(&k), &row);
	for (size_t i = 0; i < q->count; i++) {
		struct spool_recipient r = q->recipients[i];
		r.n = (uint32_t)i;
		put_recipient(b, &q->job.id, &r, &row);
		if (spool_due_of(&r) < count.due)
			count.due = spool_due_of(&r);
	}
	bool ok = buf_ok(&row);
	buf_free(&row);
	spool_put_count(b, &q->job.id, &count);
	spool_move_due(b, &q->job.id, SPOOL_NEVER, count.due);
	return ok ? KV_OK : KV_UNAVAILABLE;
}

static void accept_done(void *arg, enum kv_result r, uint64_t version)
{
	struct spool_accept *q = arg;
	(void)version;
	if (r == KV_OK)
		q->job.recipients = q->job.open = (uint32_t)q->count;
	q->own.done(q->own.arg, result_of(&q->own, r));
}

enum spool_result spool_accept(struct spool *s, struct spool_accept *q,
			       spool_done_fn *done, void *arg)
{
	if (!accept_fits(q))
		return SPOOL_LIMIT;
	ENSURE(q->bytes.len == 0 || q->bytes.len == q->job.body_size);
	return start(&q->own, s, q->job.id.byte[0], 0, accept_run,
		     accept_done, q, done, arg);
}

/* ---- lease ---- */

static enum kv_result lease_load(struct kv_space *space, struct lease_row *l)
{
	struct spool_key k = spool_key('E');
	struct buf row;
	*l = (struct lease_row){0};
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(space, KV_STAGED, &k, &row);
	if (r == KV_OK && !spool_lease_read(buf_span(&row), l))
		r = KV_CORRUPT;
	buf_free(&row);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result lease_run(struct kv_op *op, struct kv_batch *b,
				void *arg)
{
	struct spool_lease *q = arg;
	struct spool_key k = spool_key('E');
	struct lease_row l;
	struct buf row;
	q->own.refusal = SPOOL_OK;
	enum kv_result r = lease_load(op->space, &l);
	if (r != KV_OK)
		return r;
	if (l.owner != q->owner) {
		if (l.owner && l.until > kv_now(q->own.spool->kv))
			return refuse(&q->own, SPOOL_STALE);
		l.owner = q->owner;
		l.epoch++;
	}
	l.until = q->until;
	q->epoch = l.epoch;
	buf_init(&row, SPOOL_ROW);
	spool_lease_write(&row, &l);
	kv_put_row(b, spool_span(&k), &row);
	buf_free(&row);
	return KV_OK;
}

static void lease_done(void *arg, enum kv_result r, uint64_t version)
{
	struct spool_lease *q = arg;
	(void)version;
	q->own.done(q->own.arg, result_of(&q->own, r));
}

enum spool_result spool_lease(struct spool *s, struct spool_lease *q,
			      spool_done_fn *done, void *arg)
{
	ENSURE(q->owner != 0);
	return start(&q->own, s, q->partition, KV_QUIET | KV_SHRINKS,
		     lease_run, lease_done, q, done, arg);
}

/* ---- settle ---- */

struct settling {
	struct spool_settle *q;
	struct kv_space *space;
	struct kv_batch *batch;
	struct count_row count;
	uint32_t recipients; /* one more than the largest number */
	uint32_t settled;
	int64_t due; /* of what stays open */
};

static const struct spool_verdict *verdict_of(const struct spool_settle *q,
					      uint32_t n)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->verdicts[i].n == n)
			return &q->verdicts[i];
	return NULL;
}

static enum kv_result settle_one(struct settling *s, uint32_t n,
				 struct span value, struct buf *row)
{
	const struct spool_verdict *v = verdict_of(s->q, n);
	struct spool_recipient r;
	if (!spool_recipient_read(value, n, &r))
		return KV_CORRUPT;
	if (v && spool_settled(r.state))
		return refuse(&s->q->own, SPOOL_STALE);
	if (v) {
		r.state = v->state;
		r.next = v->next;
		r.reason = v->reason;
		r.attempts += v->attempted && r.attempts < UINT32_MAX;
		r.last = kv_now(s->q->own.spool->kv);
		put_recipient(s->batch, &s->q->id, &r, row);
		s->settled += spool_settled(r.state);
	}
	if (spool_due_of(&r) < s->due)
		s->due = spool_due_of(&r);
	return buf_ok(row) ? KV_OK : KV_UNAVAILABLE;
}

/* Every recipient is looked at: the verdicts, and when the job is due next. */
static enum kv_result settle_all(struct settling *s)
{
	struct spool_key prefix = spool_key_id('R', &s->q->id);
	struct kv_scan *scan;
	struct span key, value;
	struct buf row;
	enum kv_result r = spool_scan(s->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	buf_init(&row, SPOOL_ROW);
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		uint32_t n = spool_key_number(key);
		if (s->recipients <= n)
			s->recipients = n + 1;
		r = settle_one(s, n, value, &row);
		if (r != KV_OK)
			break;
	}
	buf_free(&row);
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static void forget_job(struct settling *s)
{
	const struct spool_id *id = &s->q->id;
	struct spool_key j = spool_key_id('J', id), c = spool_key_id('C', id);
	kv_batch_clear(s->batch);
	for (uint32_t n = 0; n < s->recipients; n++) {
		struct spool_key k = spool_key_n(id, n);
		kv_delete(s->batch, spool_span(&k));
	}
	kv_delete(s->batch, spool_span(&j));
	kv_delete(s->batch, spool_span(&c));
	spool_move_due(s->batch, id, s->count.due, SPOOL_NEVER);
}

static enum kv_result settle_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct spool_settle *q = arg;
	struct settling s = {
		.q = q, .space = op->space, .batch = b, .due = SPOOL_NEVER};
	struct spool_key k = spool_key_id('C', &q->id);
	struct lease_row lease;
	struct buf row;
	q->own.refusal = SPOOL_OK;
	q->finished = false;
	enum kv_result r = lease_load(op->space, &lease);
	if (r != KV_OK)
		return r;
	if (q->epoch && q->epoch != lease.epoch)
		return refuse(&q->own, SPOOL_STALE);
	buf_init(&row, SPOOL_ROW);
	r = spool_row(op->space, KV_STAGED, &k, &row);
	if (r == KV_NONE)
		r = refuse(&q->own, SPOOL_NONE);
	else if (r == KV_OK && !spool_count_read(buf_span(&row), &s.count))
		r = KV_CORRUPT;
	buf_free(&row);
	if (r == KV_OK)
		r = settle_all(&s);
	if (r != KV_OK)
		return r;
	for (size_t i = 0; i < q->count; i++)
		if (q->verdicts[i].n >= s.recipients)
			return refuse(&q->own, SPOOL_NONE);
	if (s.settled >= s.count.open) {
		forget_job(&s);
		q->finished = true;
		return KV_OK;
	}
	spool_move_due(b, &q->id, s.count.due, s.due);
	s.count.open -= s.settled;
	s.count.due = s.due;
	spool_put_count(b, &q->id, &s.count);
	return KV_OK;
}

static void settle_done(void *arg, enum kv_result r, uint64_t version)
{
	struct spool_settle *q = arg;
	(void)version;
	q->own.done(q->own.arg, result_of(&q->own, r));
}

enum spool_result spool_settle(struct spool *s, struct spool_settle *q,
			       spool_done_fn *done, void *arg)
{
	if (q->count == 0 || q->count > SPOOL_VERDICTS_MAX)
		return SPOOL_LIMIT;
	for (size_t i = 0; i < q->count; i++)
		if (q->verdicts[i].reason.len > SPOOL_REASON_MAX)
			return SPOOL_LIMIT;
	return start(&q->own, s, q->id.byte[0], KV_SHRINKS, settle_run,
		     settle_done, q, done, arg);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/settle: what became of recipients.
 *
 * Must never: settle under an epoch that is not the partition's; settle a
 * recipient twice; drop a job that has an open recipient; move a recipient from
 * one state to another without the ledger.
 */
#include "spool/change.h"

struct settling {
	struct spool_settle *q;
	struct kv_space *space;
	struct kv_batch *batch;
	struct count_row count;
	struct desk desk;
	uint32_t recipients; /* one more than the largest number */
	uint32_t settled;
	size_t used; /* verdicts that were not left out */
	bool over;   /* nothing will be left: no row of a recipient is needed */
	struct buf row;
	bool is_whole;
	const struct spool_copy *copy; /* that is it; else: */
	struct whole whole;	       /* in whole_row */
	struct buf whole_row;
};

static const struct spool_verdict *verdict_of(const struct spool_settle *q,
					      uint32_t n)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->verdicts[i].n == n)
			return &q->verdicts[i];
	return NULL;
}

static void apply(struct spool_recipient *r, const struct spool_verdict *v,
		  int64_t now)
{
	if (v->route.len > 0)
		r->destination = v->route;
	r->marks |= v->marks;
	if (v->untouched)
		return;
	r->state = v->state;
	r->next = v->next;
	r->reason = v->reason;
	r->code = v->code;
	r->status = v->status;
	r->host = v->host;
	r->attempts += v->attempted && r->attempts < UINT32_MAX;
	r->last = now;
}

static bool comes_late(const struct spool_recipient *r,
		       const struct spool_verdict *v)
{
	return spool_settled(r->state) ||
	       (r->state == SPOOL_HELD && !v->untouched &&
		!spool_settled(v->state) && v->attempted);
}

static enum kv_result settle_one(struct settling *s,
				 const struct spool_recipient *before)
{
	const struct spool_verdict *v = verdict_of(s->q, before->n);
	struct spool_recipient was = *before, is;
	if (s->count.old && !spool_settled(was.state))
		spool_ledger_move(&s->desk.ledger.n, 0, was.state);
	if (v && s->q->lenient && comes_late(&was, v))
		v = NULL;
	if (v && spool_settled(was.state))
		return spool_refuse(&s->q->own, SPOOL_STALE);
	is = was;
	if (v) {
		s->used++;
		apply(&is, v, kv_now(s->q->own.spool->kv));
		s->settled += spool_settled(is.state);
		spool_ledger_move(&s->desk.ledger.n, was.state, is.state);
	}
	if (s->is_whole ? !s->over : v != NULL)
		spool_put_recipient(s->batch, &s->q->id, &is, &s->row);
	index_add(s->q->own.index, s->count.old || s->is_whole ? NULL : &was,
		  &is);
	return buf_ok(&s->row) ? KV_OK : KV_UNAVAILABLE;
}

static enum kv_result settle_few(struct settling *s)
{
	struct spool_recipient rc;
	struct buf row;
	enum kv_result r = KV_OK;
	buf_init(&row, SPOOL_ROW);
	s->recipients = s->q->recipients;
	for (uint32_t n = 0; n < s->recipients && r == KV_OK; n++) {
		struct spool_key k = spool_key_n(&s->q->id, n);
		r = spool_row(s->space, KV_STAGED, &k, &row);
		if (r == KV_OK)
			r = spool_recipient_read(buf_span(&row), n, &rc)
				    ? settle_one(s, &rc)
				    : KV_CORRUPT;
	}
	buf_free(&row);
	return r == KV_NONE ? KV_CORRUPT : r;
}

/* Every recipient is looked at: the verdicts, and when the job is due next. */
static enum kv_result settle_all(struct settling *s)
{
	if (s->q->recipients > 0 && s->q->recipients <= SPOOL_FEW)
		return settle_few(s);
	struct spool_key prefix = spool_key_id('R', &s->q->id);
	struct kv_scan *scan;
	struct span key, value;
	struct spool_recipient rc;
	enum kv_result r = spool_scan(s->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		uint32_t n = spool_key_number(key);
		if (s->recipients <= n)
			s->recipients = n + 1;
		r = spool_recipient_read(value, n, &rc) ? settle_one(s, &rc)
							: KV_CORRUPT;
		if (r != KV_OK)
			break;
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

/* Each recipient once, and for good. */
static bool ends_all(const struct settling *s)
{
	const struct spool_settle *q = s->q;
	if (q->count != s->count.open)
		return false;
	for (size_t i = 0; i < q->count; i++) {
		const struct spool_verdict *v = &q->verdicts[i];
		if (v->untouched || !spool_settled(v->state) ||
		    v->n >= q->count)
			return false;
		for (size_t k = 0; k < i; k++)
			if (q->verdicts[k].n == v->n)
				return false;
	}
	return true;
}

static enum kv_result settle_all_whole(struct settling *s)
{
	struct spool_recipient rc;
	enum kv_result r = KV_OK;
	s->recipients = s->count.open;
	s->over = ends_all(s);
	for (size_t i = 0; s->copy && i < s->copy->count && r == KV_OK; i++)
		r = settle_one(s, &s->copy->recipients[i]);
	while (r == KV_OK && spool_whole_next(&s->whole, &rc))
		r = settle_one(s, &rc);
	return r;
}

static enum kv_result forget_reports(struct settling *s)
{
	struct spool_key prefix = spool_key_id('P', &s->q->id);
	struct kv_scan *scan;
	struct span key, value;
	enum kv_result r = spool_scan(s->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK)
		kv_delete(s->batch, key);
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result forget_job(struct settling *s)
{
	const struct spool_id *id = &s->q->id;
	struct spool_key j = spool_key_id('J', id), c = spool_key_id('C', id);
	kv_batch_clear(s->batch);
	if (s->is_whole) {
		spool_forget_whole(s->batch, id);
		kv_delete_body_once(s->batch, &s->whole.job.job.body);
		spool_ledger_put(s->batch, &s->desk.ledger);
		return KV_OK;
	}
	for (uint32_t n = 0; n < s->recipients; n++) {
		struct spool_key k = spool_key_n(id, n);
		kv_delete(s->batch, spool_span(&k));
	}
	kv_delete(s->batch, spool_span(&j));
	kv_delete(s->batch, spool_span(&c));
	index_remove(s->q->own.index, s->batch, id, &s->count);
	spool_ledger_put(s->batch, &s->desk.ledger);
	return s->count.reported ? forget_reports(s) : KV_OK;
}

/* What its holder knows, if nobody is about to change it. */
static bool known_whole(struct settling *s)
{
	const struct spool_copy *c = s->q->copy;
	struct spool_key k = spool_key_id('W', &s->q->id);
	if (!c || c->gone || kv_is_staged(s->space, spool_span(&k)))
		return false;
	s->copy = c;
	s->whole.job.job = c->job;
	s->count = (struct count_row){.open = (uint32_t)c->count,
				      .due = SPOOL_NEVER,
				      .tell = SPOOL_NEVER,
				      .priority = c->job.priority,
				      .warns = c->job.warns,
				      .expires = c->job.expires};
	return true;
}

static enum kv_result load_whole(struct settling *s)
{
	s->is_whole = known_whole(s);
	if (s->is_whole)
		return KV_OK;
	enum kv_result r = spool_whole_load(s->space, KV_STAGED, &s->q->id,
					    &s->whole_row, &s->whole);
	s->is_whole = r == KV_OK;
	if (s->is_whole)
		s->count = s->whole.count;
	return r;
}

/* In one form or the other; the likely one first. */
static enum kv_result load_job(struct settling *s)
{
	enum kv_result r = s->q->copy ? load_whole(s) : KV_NONE;
	if (r == KV_NONE)
		r = spool_load_count(s->space, &s->q->id, &s->count);
	return r == KV_NONE && !s->q->copy ? load_whole(s) : r;
}

static enum kv_result settle_job(struct settling *s)
{
	const struct spool_id *id = &s->q->id;
	enum kv_result r = load_job(s);
	if (r == KV_NONE)
		return spool_refuse(&s->q->own, SPOOL_NONE);
	if (r == KV_OK && s->count.old)
		r = spool_upgrade_count(s->space, id, &s->count);
	if (r != KV_OK)
		return r;
	index_begin(s->q->own.index, &s->count);
	r = s->is_whole ? settle_all_whole(s) : settle_all(s);
	if (r != KV_OK)
		return r;
	for (size_t i = 0; i < s->q->count; i++)
		if (s->q->verdicts[i].n >= s->recipients)
			return spool_refuse(&s->q->own, SPOOL_NONE);
	if (s->q->count > 0 && s->used == 0)
		return spool_refuse(&s->q->own, SPOOL_STALE);
	if (s->settled >= s->count.open) {
		s->q->finished = true;
		return forget_job(s);
	}
	s->count.open -= s->settled;
	if (s->is_whole)
		spool_spread_job(s->batch, id, &s->whole.job, &s->row);
	if (!index_write(s->q->own.index, s->batch, id, &s->count))
		return KV_UNAVAILABLE;
	spool_put_count(s->batch, id, &s->count);
	spool_ledger_put(s->batch, &s->desk.ledger);
	return KV_OK;
}

static enum kv_result settle_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct spool_settle *q = arg;
	struct settling s = {.q = q, .space = op->space, .batch = b};
	q->own.refusal = SPOOL_OK;
	q->finished = false;
	enum kv_result r = spool_desk(q->own.spool, op, &s.desk);
	if (r != KV_OK)
		return r;
	if (q->epoch && q->epoch != s.desk.lease.epoch)
		return spool_refuse(&q->own, SPOOL_STALE);
	buf_init(&s.row, SPOOL_ROW);
	buf_init(&s.whole_row, SPOOL_ROW);
	r = settle_job(&s);
	buf_free(&s.row);
	buf_free(&s.whole_row);
	q->spread = s.is_whole;
	if (r == KV_OK)
		spool_desk_keep(q->own.spool, op, &s.desk);
	return r;
}

static void settle_done(void *arg, enum kv_result r, uint64_t version)
{
	struct spool_settle *q = arg;
	(void)version;
	if (q->spread)
		spool_tell_spread(&q->own, r, &q->id, q->finished);
	spool_finish(&q->own, r, true);
}

static bool verdict_fits(const struct spool_verdict *v)
{
	return v->reason.len <= SPOOL_REASON_MAX &&
	       v->status.len <= SPOOL_STATUS_MAX &&
	       v->host.len <= SPOOL_HOST_MAX &&
	       v->route.len <= SPOOL_DESTINATION_MAX;
}

enum spool_result spool_settle(struct spool *s, struct spool_settle *q,
			       spool_done_fn *done, void *arg)
{
	if (q->count == 0 || q->count > SPOOL_VERDICTS_MAX)
		return SPOOL_LIMIT;
	for (size_t i = 0; i < q->count; i++)
		if (!verdict_fits(&q->verdicts[i]))
			return SPOOL_LIMIT;
	return spool_start(&q->own, s, q->id.byte[0], KV_SHRINKS, settle_run,
			   settle_done, q, done, arg);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/work: accepting, leasing, settling.
 *
 * Must never: settle under an epoch that is not the partition's; settle a
 * recipient twice; drop a job that has an open recipient; move a recipient from
 * one state to another without the ledger.
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
	*own = (struct spool_own){.spool = s,
				  .watched = s->watch.arg != NULL,
				  .done = told,
				  .arg = arg,
				  .partition = partition,
				  .index = index_new()};
	if (!own->index)
		return SPOOL_UNAVAILABLE;
	r = result_of(own, kv_op_run(space, flags, fn, done, request));
	if (r != SPOOL_OK) {
		index_free(own->index);
		own->index = NULL;
	}
	return r;
}

/* It is durable, or it never will be: the watcher hears before who asked. */
static void finish(struct spool_own *own, enum kv_result r, bool changed)
{
	struct index *x = own->index;
	enum spool_result said = result_of(own, r);
	own->index = NULL;
	/* Not known: one who looks in vain is better than one who never looks. */
	if (own->watched && ((r == KV_OK && changed) || r == KV_UNKNOWN))
		index_tell(x, own->spool, own->partition);
	index_free(x);
	own->done(own->arg, said);
}

/* ---- lease ---- */

/* False: it is somebody else's. */
static bool take_partition(struct spool *s, struct kv_batch *b, uint64_t owner,
			   int64_t until, struct desk *d)
{
	struct spool_key k = spool_key('E');
	struct lease_row *l = &d->lease;
	struct buf row;
	if (l->owner != owner) {
		if (l->owner && l->until > kv_now(s->kv))
			return false;
		l->owner = owner;
		l->epoch++;
	}
	l->until = until;
	buf_init(&row, SPOOL_ROW);
	spool_lease_write(&row, l);
	kv_put_row(b, spool_span(&k), &row);
	buf_free(&row);
	return true;
}

/* It counts when it is durable. */
static void owned(const struct spool_own *own, enum kv_result r, uint64_t owner,
		  uint64_t epoch)
{
	if (r == KV_OK && owner != 0 && owner == own->spool->owner)
		own->spool->epoch[own->partition] = epoch;
}

void spool_owner(struct spool *s, uint64_t owner) { s->owner = owner; }

uint64_t spool_epoch(const struct spool *s, unsigned partition)
{
	return s->epoch[partition];
}

static enum kv_result lease_run(struct kv_op *op, struct kv_batch *b,
				void *arg)
{
	struct spool_lease *q = arg;
	struct desk d;
	q->own.refusal = SPOOL_OK;
	enum kv_result r = spool_desk(q->own.spool, op, &d);
	if (r != KV_OK)
		return r;
	if (!take_partition(q->own.spool, b, q->owner, q->until, &d))
		return refuse(&q->own, SPOOL_STALE);
	q->epoch = d.lease.epoch;
	spool_desk_keep(q->own.spool, op, &d);
	return KV_OK;
}

static void lease_done(void *arg, enum kv_result r, uint64_t version)
{
	struct spool_lease *q = arg;
	(void)version;
	owned(&q->own, r, q->owner, q->epoch);
	finish(&q->own, r, false);
}

enum spool_result spool_lease(struct spool *s, struct spool_lease *q,
			      spool_done_fn *done, void *arg)
{
	ENSURE(q->owner != 0);
	return start(&q->own, s, q->partition, KV_QUIET | KV_SHRINKS,
		     lease_run, lease_done, q, done, arg);
}

/* ---- jobs of one row ---- */

static void put_recipient(struct kv_batch *b, const struct spool_id *id,
			  const struct spool_recipient *r, struct buf *row)
{
	struct spool_key k = spool_key_n(id, r->n);
	buf_clear(row);
	spool_recipient_write(row, r);
	kv_put_row(b, spool_span(&k), row);
}

static void forget_whole(struct kv_batch *b, const struct spool_id *id)
{
	struct spool_key k = spool_key_id('W', id);
	kv_delete_once(b, spool_span(&k));
}

/* The job's row in place of the one that was all of it. */
static void spread_job(struct kv_batch *b, const struct spool_id *id,
		       const struct job_row *job, struct buf *row)
{
	struct spool_key k = spool_key_id('J', id);
	forget_whole(b, id);
	buf_clear(row);
	spool_job_write(row, job);
	kv_put_row(b, spool_span(&k), row);
}

/* As if it had been accepted like that; *c: its row of counts. */
static enum kv_result spread_whole(struct kv_batch *b, struct index *x,
				   struct whole *w, struct count_row *c)
{
	const struct spool_id *id = &w->job.job.id;
	struct spool_recipient rc;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	*c = w->count;
	index_begin(x, c);
	spread_job(b, id, &w->job, &row);
	while (spool_whole_next(w, &rc)) {
		put_recipient(b, id, &rc, &row);
		index_add(x, NULL, &rc);
	}
	bool ok = buf_ok(&row) && index_write(x, b, id, c);
	buf_free(&row);
	spool_put_count(b, id, c);
	return ok ? KV_OK : KV_UNAVAILABLE;
}

static void tell_spread(const struct spool_own *own, enum kv_result r,
			const struct spool_id *id, bool over)
{
	const struct spool_watch *w = &own->spool->watch;
	if (w->spread && own->watched && (r == KV_OK || r == KV_UNKNOWN))
		w->spread(w->arg, own->partition, id,
			  r != KV_OK ? SPOOL_SPREAD_UNKNOWN
			  : over     ? SPOOL_SPREAD_OVER
				     : SPOOL_SPREAD_INDEXED);
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
		    r->reason.len > SPOOL_REASON_MAX ||
		    r->destination.len > SPOOL_DESTINATION_MAX ||
		    r->status.len > SPOOL_STATUS_MAX ||
		    r->host.len > SPOOL_HOST_MAX)
			return false;
		ENSURE(!spool_settled(r->state));
	}
	return true;
}

static enum kv_result load_count(struct kv_space *space,
				 const struct spool_id *id,
				 struct count_row *c)
{
	struct spool_key k = spool_key_id('C', id);
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(space, KV_STAGED, &k, &row);
	if (r == KV_OK && !spool_count_read(buf_span(&row), c))
		r = KV_CORRUPT;
	buf_free(&row);
	return r;
}

/* The job that a report is about gets rows of its own, its mark needs them. */
static enum kv_result spread_about(struct spool_accept *q,
				   struct kv_space *space, struct kv_batch *b,
				   struct count_row *c)
{
	struct whole w;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_whole_load(space, KV_STAGED, &q->about->job,
					    &row, &w);
	if (r == KV_OK)
		r = spread_whole(b, q->own.index, &w, c);
	buf_free(&row);
	q->about_spread = r == KV_OK;
	return r;
}

/* Its mark beside the job that it is about, which is there until it is settled. */
static enum kv_result accept_about(struct spool_accept *q,
				   struct kv_space *space, struct kv_batch *b)
{
	const struct spool_about *about = q->about;
	struct spool_key k = spool_key_report(&about->job, about->kind,
					      about->first);
	struct count_row c;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(space, KV_STAGED, &k, &row);
	buf_free(&row);
	q->again = r == KV_OK;
	if (r != KV_NONE)
		return r == KV_OK ? KV_NONE : r;
	r = load_count(space, &about->job, &c);
	if (r == KV_NONE)
		r = spread_about(q, space, b, &c);
	if (r == KV_OK && c.old)
		return KV_UNAVAILABLE; /* not before it is upgraded */
	if (r != KV_OK)
		return r == KV_NONE ? refuse(&q->own, SPOOL_NONE) : r;
	kv_put(b, spool_span(&k),
	       span_of(q->job.id.byte, sizeof(q->job.id.byte)));
	if (!c.reported) {
		c.reported = true;
		spool_put_count(b, &about->job, &c);
	}
	return KV_OK;
}

static void put_job(struct spool_accept *q, struct kv_batch *b,
		    struct buf *row)
{
	struct spool_key k = spool_key_id('J', &q->job.id);
	struct job_row job = {.job = q->job};
	job.job.recipients = job.job.open = (uint32_t)q->count;
	if (q->job.summary.len > SPOOL_SUMMARY_ROW) {
		job.summary_kept = true;
		job.summary_id = kv_body_name(q->own.spool->kv);
		job.summary_len = (uint32_t)q->job.summary.len;
		kv_put_body(b, &job.summary_id, q->job.summary);
	}
	if (q->bytes.len || q->job.body_size == 0)
		kv_put_body(b, &q->job.body, q->bytes);
	buf_clear(row);
	spool_job_write(row, &job);
	kv_put_row(b, spool_span(&k), row);
}

/* In one row: whoever holds it needs no index. */
static enum kv_result accept_whole(struct spool_accept *q, struct kv_batch *b,
				   struct desk *d)
{
	struct spool_key k = spool_key_id('W', &q->job.id);
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	bool ok = spool_whole_write(&row, &q->job, q->recipients, q->count);
	kv_put_body(b, &q->job.body, q->bytes);
	kv_put_row(b, spool_span(&k), &row);
	buf_free(&row);
	d->ledger.n.accepted += q->count;
	d->ledger.n.open += q->count;
	return ok ? KV_OK : KV_UNAVAILABLE;
}

static enum kv_result accept_spread(struct spool_accept *q, struct kv_batch *b,
				    struct desk *d)
{
	struct count_row count = {.open = (uint32_t)q->count,
				  .due = SPOOL_NEVER,
				  .tell = SPOOL_NEVER,
				  .priority = q->job.priority,
				  .warns = q->job.warns,
				  .expires = q->job.expires};
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	put_job(q, b, &row);
	index_begin(q->own.index, &count);
	for (size_t i = 0; i < q->count; i++) {
		struct spool_recipient one = q->recipients[i];
		one.n = (uint32_t)i;
		put_recipient(b, &q->job.id, &one, &row);
		index_add(q->own.index, NULL, &one);
		spool_ledger_move(&d->ledger.n, 0, one.state);
	}
	bool ok = buf_ok(&row) &&
		  index_write(q->own.index, b, &q->job.id, &count);
	buf_free(&row);
	spool_put_count(b, &q->job.id, &count);
	return ok ? KV_OK : KV_UNAVAILABLE;
}

static enum kv_result accept_run(struct kv_op *op, struct kv_batch *b,
				 void *arg)
{
	struct spool_accept *q = arg;
	struct spool *s = q->own.spool;
	struct desk d;
	q->own.refusal = SPOOL_OK;
	q->again = q->about_spread = false;
	index_begin(q->own.index, &(struct count_row){0});
	enum kv_result r = spool_desk(s, op, &d);
	if (r == KV_OK && q->about)
		r = accept_about(q, op->space, b);
	if (r != KV_OK)
		return r;
	r = q->copy ? accept_whole(q, b, &d) : accept_spread(q, b, &d);
	spool_ledger_put(b, &d.ledger);
	q->epoch = 0;
	if (s->owner && d.lease.owner != s->owner &&
	    take_partition(s, b, s->owner, 0, &d))
		q->epoch = d.lease.epoch;
	spool_desk_keep(s, op, &d);
	return r;
}

static void held(struct spool_accept *q, enum kv_result r)
{
	const struct spool_watch *w = &q->own.spool->watch;
	void *copy = q->copy;
	q->copy = NULL;
	if (copy && w->held)
		w->held(w->arg, copy,
			r == KV_OK	  ? SPOOL_HELD_YES
			: r == KV_UNKNOWN ? SPOOL_HELD_UNKNOWN
					  : SPOOL_HELD_NO);
}

static void accept_done(void *arg, enum kv_result r, uint64_t version)
{
	struct spool_accept *q = arg;
	(void)version;
	if (r == KV_OK)
		q->job.recipients = q->job.open = (uint32_t)q->count;
	if (q->epoch)
		owned(&q->own, r, q->own.spool->owner, q->epoch);
	held(q, r);
	if (q->about_spread)
		tell_spread(&q->own, r, &q->about->job, false);
	finish(&q->own, r, !q->again);
}

/* Recipients that one lease carries at once, all of them. */
static bool may_be_whole(const struct spool_accept *q, int64_t now)
{
	char a[SPOOL_DESTINATION_MAX], b[SPOOL_DESTINATION_MAX];
	const struct spool_recipient *first = &q->recipients[0];
	struct span destination = spool_destination(first, a);
	size_t row = q->job.sender.len + q->job.facts.len + q->job.summary.len;
	if (q->about || q->bytes.len != q->job.body_size ||
	    q->bytes.len > SPOOL_WHOLE_BODY ||
	    q->job.summary.len > SPOOL_SUMMARY_ROW ||
	    q->count > SPOOL_WHOLE_RECIPIENTS ||
	    q->job.priority != SPOOL_NORMAL ||
	    q->job.expires < now + SPOOL_WHOLE_S ||
	    q->job.warns < now + SPOOL_WHOLE_S)
		return false;
	for (size_t i = 0; i < q->count; i++) {
		const struct spool_recipient *r = &q->recipients[i];
		row += r->address.len + r->original.len + r->prefix.len + 128;
		if (r->state != SPOOL_REMOTE || r->marks || r->next > now ||
		    r->reason.len > 0 || r->folder.len > 0 ||
		    !span_eq(r->prefix, first->prefix) ||
		    !span_eq(spool_destination(r, b), destination))
			return false;
	}
	return row <= SPOOL_WHOLE_ROW;
}

enum spool_result spool_accept(struct spool *s, struct spool_accept *q,
			       spool_done_fn *done, void *arg)
{
	if (!accept_fits(q))
		return SPOOL_LIMIT;
	ENSURE(q->bytes.len == 0 || q->bytes.len == q->job.body_size);
	ENSURE(!q->about || q->about->job.byte[0] == q->job.id.byte[0]);
	const struct spool_watch *w = &s->watch;
	q->copy = NULL;
	if (w->hold && may_be_whole(q, kv_now(s->kv)))
		q->copy = w->hold(w->arg, q);
	enum spool_result r = start(&q->own, s, q->job.id.byte[0], 0,
				    accept_run, accept_done, q, done, arg);
	if (r != SPOOL_OK && q->copy)
		w->held(w->arg, q->copy, SPOOL_HELD_NO);
	return r;
}

/* ---- settle ---- */

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
		return refuse(&s->q->own, SPOOL_STALE);
	is = was;
	if (v) {
		s->used++;
		apply(&is, v, kv_now(s->q->own.spool->kv));
		s->settled += spool_settled(is.state);
		spool_ledger_move(&s->desk.ledger.n, was.state, is.state);
	}
	if (s->is_whole ? !s->over : v != NULL)
		put_recipient(s->batch, &s->q->id, &is, &s->row);
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
		forget_whole(s->batch, id);
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

/* A job of format 1 keeps when it expires in its own row. */
static enum kv_result upgrade_count(struct kv_space *space,
				    const struct spool_id *id,
				    struct count_row *c)
{
	struct spool_key k = spool_key_id('J', id);
	struct job_row job;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(space, KV_STAGED, &k, &row);
	if (r == KV_OK && !spool_job_read(buf_span(&row), id, &job))
		r = KV_CORRUPT;
	if (r == KV_OK)
		c->expires = job.job.expires;
	buf_free(&row);
	return r == KV_NONE ? KV_CORRUPT : r;
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
		r = load_count(s->space, &s->q->id, &s->count);
	return r == KV_NONE && !s->q->copy ? load_whole(s) : r;
}

static enum kv_result settle_job(struct settling *s)
{
	const struct spool_id *id = &s->q->id;
	enum kv_result r = load_job(s);
	if (r == KV_NONE)
		return refuse(&s->q->own, SPOOL_NONE);
	if (r == KV_OK && s->count.old)
		r = upgrade_count(s->space, id, &s->count);
	if (r != KV_OK)
		return r;
	index_begin(s->q->own.index, &s->count);
	r = s->is_whole ? settle_all_whole(s) : settle_all(s);
	if (r != KV_OK)
		return r;
	for (size_t i = 0; i < s->q->count; i++)
		if (s->q->verdicts[i].n >= s->recipients)
			return refuse(&s->q->own, SPOOL_NONE);
	if (s->q->count > 0 && s->used == 0)
		return refuse(&s->q->own, SPOOL_STALE);
	if (s->settled >= s->count.open) {
		s->q->finished = true;
		return forget_job(s);
	}
	s->count.open -= s->settled;
	if (s->is_whole)
		spread_job(s->batch, id, &s->whole.job, &s->row);
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
		return refuse(&q->own, SPOOL_STALE);
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
		tell_spread(&q->own, r, &q->id, q->finished);
	finish(&q->own, r, true);
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
	return start(&q->own, s, q->id.byte[0], KV_SHRINKS, settle_run,
		     settle_done, q, done, arg);
}

/* ---- upgrade ---- */

#define UPGRADE_ROWS  1000u /* of one commit, but for the last job's */
#define UPGRADE_BYTES 262144u

struct upgrading {
	struct spool_upgrade *q;
	struct kv_space *space;
	struct kv_batch *batch;
	struct ledger_row ledger;
	struct buf row;
};

/* Damaged ones are left to fsck. */
static enum kv_result upgrade_job(struct upgrading *u,
				  const struct spool_id *id)
{
	struct spool_key prefix = spool_key_id('R', id);
	struct count_row c;
	struct kv_scan *scan;
	struct span key, value;
	struct spool_recipient rc;
	struct index *x = u->q->own.index;
	struct spool_ledger n = u->ledger.n;
	enum kv_result r = load_count(u->space, id, &c);
	if (r == KV_OK && !c.old)
		return KV_OK;
	if (r == KV_OK)
		r = upgrade_count(u->space, id, &c);
	if (r == KV_OK)
		r = spool_scan(u->space, KV_STAGED, &prefix, &scan);
	if (r != KV_OK)
		return r == KV_CORRUPT || r == KV_NONE ? KV_OK : r;
	index_begin(x, &c);
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		if (!spool_recipient_read(value, spool_key_number(key), &rc)) {
			r = KV_CORRUPT;
			break;
		}
		index_add(x, NULL, &rc);
		if (!spool_settled(rc.state))
			spool_ledger_move(&n, 0, rc.state);
	}
	kv_scan_close(scan);
	if (r != KV_NONE)
		return r == KV_CORRUPT ? KV_OK : r;
	if (!index_write(x, u->batch, id, &c))
		return KV_UNAVAILABLE;
	spool_put_count(u->batch, id, &c);
	u->ledger.n = n;
	return KV_OK;
}

/* True: there may be more of them. */
static enum kv_result upgrade_wholes(struct upgrading *u, bool *more)
{
	struct spool_id id = {{0}};
	struct count_row c;
	struct whole w;
	enum kv_result r;
	while ((r = spool_job_next(u->space, KV_STAGED, 'W', &id)) == KV_OK) {
		*more = kv_batch_rows(u->batch) >= UPGRADE_ROWS ||
			kv_batch_bytes(u->batch) >= UPGRADE_BYTES;
		if (*more)
			break;
		r = spool_whole_load(u->space, KV_STAGED, &id, &u->row, &w);
		if (r == KV_OK)
			r = spread_whole(u->batch, u->q->own.index, &w, &c);
		if (r != KV_OK && r != KV_CORRUPT)
			break;
		u->q->spread |= r == KV_OK;
	}
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result upgrade_olds(struct upgrading *u, bool *more)
{
	struct spool_id id = u->q->after;
	size_t jobs = 0;
	enum kv_result r;
	do {
		r = spool_job_next(u->space, KV_STAGED, 'J', &id);
		if (r == KV_OK)
			r = upgrade_job(u, &id);
		jobs++;
	} while (r == KV_OK && kv_batch_rows(u->batch) < UPGRADE_ROWS &&
		 jobs < UPGRADE_ROWS);
	*more = r == KV_OK;
	u->ledger.upgraded = !*more;
	u->q->job = id;
	spool_ledger_put(u->batch, &u->ledger);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result upgrade_run(struct kv_op *op, struct kv_batch *b,
				  void *arg)
{
	struct spool_upgrade *q = arg;
	struct upgrading u = {.q = q, .space = op->space, .batch = b};
	q->own.refusal = SPOOL_OK;
	q->more = q->spread = false;
	q->job = q->after;
	enum kv_result r = spool_ledger_load(op->space, KV_STAGED, &u.ledger);
	buf_init(&u.row, SPOOL_ROW);
	if (r == KV_OK)
		r = upgrade_wholes(&u, &q->more);
	if (r == KV_OK && !q->more && !u.ledger.upgraded)
		r = upgrade_olds(&u, &q->more);
	buf_free(&u.row);
	index_begin(q->own.index, &(struct count_row){0});
	return r;
}

static void upgrade_done(void *arg, enum kv_result r, uint64_t version)
{
	struct spool_upgrade *q = arg;
	(void)version;
	if (r == KV_OK)
		q->after = q->job;
	if (q->spread)
		tell_spread(&q->own, r, NULL, false);
	finish(&q->own, r, false);
}

bool spool_is_old(struct spool *s, unsigned partition)
{
	enum spool_result sr;
	struct kv_space *space = spool_space(s, partition, &sr);
	struct ledger_row l;
	struct spool_id id = {{0}}, whole = {{0}};
	if (!space || spool_ledger_load(space, KV_VISIBLE, &l) != KV_OK)
		return false;
	return spool_job_next(space, KV_VISIBLE, 'W', &whole) == KV_OK ||
	       (!l.upgraded &&
		spool_job_next(space, KV_VISIBLE, 'J', &id) == KV_OK);
}

enum spool_result spool_upgrade(struct spool *s, struct spool_upgrade *q,
				spool_done_fn *done, void *arg)
{
	q->more = false;
	return start(&q->own, s, q->partition, KV_QUIET | KV_SHRINKS,
		     upgrade_run, upgrade_done, q, done, arg);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/accept: a message and its recipients come in.
 *
 * Must never: name a body that is not there; count a recipient outside of the
 * ledger.
 */
#include "base/ensure.h"
#include "spool/change.h"

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

/* The job that a report is about gets rows of its own, its mark needs them. */
static enum kv_result spread_about(struct spool_accept *q,
				   struct kv_space *space, struct kv_batch *b,
				   struct count_row *c)
{
	struct whole w;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r =
		spool_whole_load(space, KV_STAGED, &q->about->job, &row, &w);
	if (r == KV_OK)
		r = spool_spread_whole(b, q->own.index, &w, c);
	buf_free(&row);
	q->about_spread = r == KV_OK;
	return r;
}

/* Its mark beside the job that it is about, which is there until it is settled.
 */
static enum kv_result accept_about(struct spool_accept *q,
				   struct kv_space *space, struct kv_batch *b)
{
	const struct spool_about *about = q->about;
	struct spool_key k =
		spool_key_report(&about->job, about->kind, about->first);
	struct count_row c;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	enum kv_result r = spool_row(space, KV_STAGED, &k, &row);
	buf_free(&row);
	q->again = r == KV_OK;
	if (r != KV_NONE)
		return r == KV_OK ? KV_NONE : r;
	r = spool_load_count(space, &about->job, &c);
	if (r == KV_NONE)
		r = spread_about(q, space, b, &c);
	if (r == KV_OK && c.old)
		return KV_UNAVAILABLE; /* not before it is upgraded */
	if (r != KV_OK)
		return r == KV_NONE ? spool_refuse(&q->own, SPOOL_NONE) : r;
	kv_put(b, spool_span(&k),
	       span_of(q->job.id.byte, sizeof(q->job.id.byte)));
	if (!c.reported) {
		c.reported = true;
		spool_put_count(b, &about->job, &c);
	}
	return KV_OK;
}

static void put_job(struct spool_accept *q, struct kv_batch *b, struct buf *row)
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
		spool_put_recipient(b, &q->job.id, &one, &row);
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
	    spool_take_partition(s, b, s->owner, 0, &d))
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
		spool_owned(&q->own, r, q->own.spool->owner, q->epoch);
	held(q, r);
	if (q->about_spread)
		spool_tell_spread(&q->own, r, &q->about->job, false);
	spool_finish(&q->own, r, !q->again);
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
	enum spool_result r =
		spool_start(&q->own, s, q->job.id.byte[0], 0, accept_run,
			    accept_done, q, done, arg);
	if (r != SPOOL_OK && q->copy)
		w->held(w->arg, q->copy, SPOOL_HELD_NO);
	return r;
}

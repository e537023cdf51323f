/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/lease: whose a partition is.
 *
 * Must never: give a partition away before its owner's time is over.
 */
#include "base/ensure.h"
#include "spool/change.h"

bool spool_take_partition(struct spool *s, struct kv_batch *b, uint64_t owner,
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

void spool_owned(const struct spool_own *own, enum kv_result r, uint64_t owner,
		 uint64_t epoch)
{
	if (r == KV_OK && owner != 0 && owner == own->spool->owner)
		own->spool->epoch[own->partition] = epoch;
}

void spool_owner(struct spool *s, uint64_t owner)
{
	s->owner = owner;
}

uint64_t spool_epoch(const struct spool *s, unsigned partition)
{
	return s->epoch[partition];
}

static enum kv_result lease_run(struct kv_op *op, struct kv_batch *b, void *arg)
{
	struct spool_lease *q = arg;
	struct desk d;
	q->own.refusal = SPOOL_OK;
	enum kv_result r = spool_desk(q->own.spool, op, &d);
	if (r != KV_OK)
		return r;
	if (!spool_take_partition(q->own.spool, b, q->owner, q->until, &d))
		return spool_refuse(&q->own, SPOOL_STALE);
	q->epoch = d.lease.epoch;
	spool_desk_keep(q->own.spool, op, &d);
	return KV_OK;
}

static void lease_done(void *arg, enum kv_result r, uint64_t version)
{
	struct spool_lease *q = arg;
	(void)version;
	spool_owned(&q->own, r, q->owner, q->epoch);
	spool_finish(&q->own, r, false);
}

enum spool_result spool_lease(struct spool *s, struct spool_lease *q,
			      spool_done_fn *done, void *arg)
{
	ENSURE(q->owner != 0);
	return spool_start(&q->own, s, q->partition, KV_QUIET | KV_SHRINKS,
			   lease_run, lease_done, q, done, arg);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/upgrade: at a start, jobs of format 1 and those of one row get the rows
 * and the places in the indexes that later work expects.
 *
 * Must never: touch a job that is damaged; that is fsck's.
 */
#include "spool/change.h"

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
	enum kv_result r = spool_load_count(u->space, id, &c);
	if (r == KV_OK && !c.old)
		return KV_OK;
	if (r == KV_OK)
		r = spool_upgrade_count(u->space, id, &c);
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
			r = spool_spread_whole(u->batch, u->q->own.index, &w,
					       &c);
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
		spool_tell_spread(&q->own, r, NULL, false);
	spool_finish(&q->own, r, false);
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
	return spool_start(&q->own, s, q->partition, KV_QUIET | KV_SHRINKS,
			   upgrade_run, upgrade_done, q, done, arg);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/job: a job's rows, all in one or each on its own.
 *
 * Must never: leave a job with both.
 */
#include "spool/change.h"

void spool_put_recipient(struct kv_batch *b, const struct spool_id *id,
			 const struct spool_recipient *r, struct buf *row)
{
	struct spool_key k = spool_key_n(id, r->n);
	buf_clear(row);
	spool_recipient_write(row, r);
	kv_put_row(b, spool_span(&k), row);
}

void spool_forget_whole(struct kv_batch *b, const struct spool_id *id)
{
	struct spool_key k = spool_key_id('W', id);
	kv_delete_once(b, spool_span(&k));
}

void spool_spread_job(struct kv_batch *b, const struct spool_id *id,
		      const struct job_row *job, struct buf *row)
{
	struct spool_key k = spool_key_id('J', id);
	spool_forget_whole(b, id);
	buf_clear(row);
	spool_job_write(row, job);
	kv_put_row(b, spool_span(&k), row);
}

enum kv_result spool_spread_whole(struct kv_batch *b, struct index *x,
				  struct whole *w, struct count_row *c)
{
	const struct spool_id *id = &w->job.job.id;
	struct spool_recipient rc;
	struct buf row;
	buf_init(&row, SPOOL_ROW);
	*c = w->count;
	index_begin(x, c);
	spool_spread_job(b, id, &w->job, &row);
	while (spool_whole_next(w, &rc)) {
		spool_put_recipient(b, id, &rc, &row);
		index_add(x, NULL, &rc);
	}
	bool ok = buf_ok(&row) && index_write(x, b, id, c);
	buf_free(&row);
	spool_put_count(b, id, c);
	return ok ? KV_OK : KV_UNAVAILABLE;
}

enum kv_result spool_load_count(struct kv_space *space,
				const struct spool_id *id, struct count_row *c)
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

enum kv_result spool_upgrade_count(struct kv_space *space,
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/change - what every change of a partition goes through, and the rows of
 * a job as it writes them.  Private to src/spool.
 *
 * A change is spool_start; its run, inside of the partition's one operation,
 * which reads what is staged and fills the batch, or says spool_refuse; and,
 * when that is durable or never will be, its done, which ends with
 * spool_finish.  The run may come more than once: it begins with the refusal at
 * SPOOL_OK.
 */
#pragma once

#include "spool/format.h"

/* ---- change.c ---- */

/* Not OK: nothing was begun, and `told` is never called. */
MUST_USE enum spool_result spool_start(struct spool_own *, struct spool *,
				       unsigned partition, unsigned flags,
				       kv_op_fn *run, kv_op_done *done,
				       void *request, spool_done_fn *told,
				       void *arg);
/* A run's answer when it may not be; spool_finish says `why`. */
MUST_USE enum kv_result spool_refuse(struct spool_own *, enum spool_result why);
/* Tells the watcher, if the index changed, and then who asked. */
void spool_finish(struct spool_own *, enum kv_result, bool changed);
/* Tells who holds a job of one row that it has rows of its own now, or is over;
 * id NULL: any may. */
void spool_tell_spread(const struct spool_own *, enum kv_result,
		       const struct spool_id *, bool over);

/* ---- lease.c ---- */

/* False: it is somebody else's. */
MUST_USE bool spool_take_partition(struct spool *, struct kv_batch *,
				   uint64_t owner, int64_t until,
				   struct desk *);
/* The epoch counts when it is durable. */
void spool_owned(const struct spool_own *, enum kv_result, uint64_t owner,
		 uint64_t epoch);

/* ---- job.c ---- */

/* `row` is room for it. */
void spool_put_recipient(struct kv_batch *, const struct spool_id *,
			 const struct spool_recipient *, struct buf *row);
void spool_forget_whole(struct kv_batch *, const struct spool_id *);
/* The job's row in place of the one that was all of it. */
void spool_spread_job(struct kv_batch *, const struct spool_id *,
		      const struct job_row *, struct buf *row);
/* All of its rows, as if it had been accepted like that; *c: its row of counts.
 */
MUST_USE enum kv_result spool_spread_whole(struct kv_batch *, struct index *,
					   struct whole *, struct count_row *c);
MUST_USE enum kv_result spool_load_count(struct kv_space *,
					 const struct spool_id *,
					 struct count_row *);
/* A job of format 1 keeps when it expires in its own row. */
MUST_USE enum kv_result spool_upgrade_count(struct kv_space *,
					    const struct spool_id *,
					    struct count_row *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/op - an operation: a function from a snapshot to a batch.
 *
 * The models (box, spool, directory) never call kv_commit: they write a
 * function that reads staged rows and fills a batch.  kv_op runs it, commits
 * under the guard that held while it read, runs it again on a conflict, and
 * sends the same batch again while the outcome is unknown.  The function may
 * so run several times: it must begin by forgetting what an earlier run left.
 *
 * `done` runs exactly once, never before kv_op_run has returned, and when the
 * outcome is durable: also an operation that had nothing to do (KV_NONE) or
 * that refuses waits until the staged state that it looked at is visible.
 */
#pragma once

#include "kv/kv.h"

#define KV_OP_TRIES 64u /* runs of one operation before it gives up */

struct kv_op;

/*
 * Fill the batch for the space at op->version + 1 (the version that this
 * operation will have; op->version when KV_QUIET).  KV_OK: commit it.  KV_NONE:
 * nothing to commit, all is well.  Anything else ends the operation with it.
 */
typedef enum kv_result kv_op_fn(struct kv_op *, struct kv_batch *, void *arg);

struct kv_op { /* what the function may look at */
	struct kv_space *space;
	uint64_t turn;	  /* staged, before this operation */
	uint64_t version; /* the same */
	uint64_t token;	  /* of the commit of this run */
	unsigned run;	  /* 0, 1, ... */
};

/*
 * result: KV_OK (also for KV_NONE of the function), or the function's own
 * refusal, or what kept the commit from happening (KV_CONFLICT after
 * KV_OP_TRIES, KV_UNKNOWN when it never became known, KV_UNAVAILABLE, ...).
 * version: the operation's, or the visible one when nothing was committed.
 */
typedef void kv_op_done(void *arg, enum kv_result, uint64_t version);

/*
 * Start.  The space is held by the operation.  KV_OK: done will be called;
 * else it never will and nothing happened (KV_UNAVAILABLE: memory).
 */
MUST_USE enum kv_result kv_op_run(struct kv_space *, unsigned flags,
				  kv_op_fn *, kv_op_done *, void *arg);

/* Start and poll until it is done.  For start-up, tools and tests. */
MUST_USE enum kv_result kv_op_wait(struct kv_space *, unsigned flags,
				   kv_op_fn *, void *arg, uint64_t *version);

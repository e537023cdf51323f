/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/op: run, commit, and what to do when that did not go well.
 *
 *   conflict  run again on what is there now
 *   unknown   send the same batch again; while the engine is down, wait for it
 *   refusal   commit nothing (a barrier), then say it
 *
 * A resent batch that meets a conflict did not go in (its token would have been
 * found), unless more than KV_TOKENS commits came after it: then nobody knows.
 */
#include "kv/op.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "kv/front.h"

struct running {
	struct kv_op op;
	struct waiter waiter;
	struct kv_batch *batch;
	uint64_t guard, version;
	struct kv_stamp base; /* the state that the batch was built on */
	unsigned flags, tries;
	enum kv_result said; /* what the function said; KV_OK: it committed */
	kv_op_fn *fn;
	kv_op_done *done;
	void *arg;
};

static void op_finish(struct running *r, enum kv_result result,
		      uint64_t version)
{
	struct kv_space *s = r->op.space;
	kv_op_done *done = r->done;
	void *arg = r->arg;
	kv_batch_free(r->batch);
	free(r);
	done(arg, result, version);
	kv_space_close(s);
}

static void op_again(struct running *);
static void op_resend(struct running *);

static void op_committed(void *arg, const struct kv_done *d)
{
	struct running *r = arg;
	struct kv *kv = kv_space_kv(r->op.space);
	enum kv_result result = d->result;
	if (kv->abandoned)
		op_finish(r, result == KV_OK ? KV_UNKNOWN : result, 0);
	else if (result == KV_OK)
		op_finish(r, r->said == KV_NONE ? KV_OK : r->said, d->version);
	else if (result == KV_CONFLICT)
		op_again(r);
	else if (result == KV_UNKNOWN && r->said == KV_OK)
		op_resend(r);
	else if (result == KV_UNKNOWN)
		op_again(r); /* a barrier: look again */
	else
		op_finish(r, result, 0);
}

static void op_woken(struct waiter *w)
{
	struct running *r = CONTAINER_OF(w, struct running, waiter);
	struct kv *kv = kv_space_kv(r->op.space);
	if (kv->down)
		op_finish(r, KV_UNKNOWN, 0);
	else
		op_resend(r);
}

/*
 * After a group was lost, turns are given out anew: the same number may stand
 * for another state, and a batch fits only the one that it was built on.
 */
static bool certainly_lost(const struct running *r)
{
	struct kv_stamp now = kv_stamp(r->op.space, KV_STAGED);
	return now.turn < r->guard ||
	       (now.turn == r->guard && now.token != r->base.token);
}

/* The same batch, guard and token. */
static void op_resend(struct running *r)
{
	struct kv *kv = kv_space_kv(r->op.space);
	if (kv->down) {
		r->waiter.woken = op_woken;
		kv_front_wait_up(kv, &r->waiter);
		return;
	}
	if (++r->tries > KV_OP_TRIES) {
		op_finish(r, KV_UNKNOWN, 0);
		return;
	}
	if (certainly_lost(r)) {
		op_again(r);
		return;
	}
	enum kv_result k = kv_commit(r->op.space, r->batch, r->guard,
				     r->op.token, r->flags, op_committed, r);
	if (k == KV_OK)
		return;
	if (k != KV_CONFLICT ||
	    kv_turn(r->op.space, KV_STAGED) - r->guard > KV_TOKENS)
		op_finish(r, KV_UNKNOWN, 0);
	else
		op_again(r);
}

/* One run.  KV_OK: staged. */
static enum kv_result op_try(struct running *r)
{
	struct kv *kv = kv_space_kv(r->op.space);
	kv_batch_clear(r->batch);
	r->guard = r->op.turn = kv_turn(r->op.space, KV_STAGED);
	r->op.version = kv_version(r->op.space, KV_STAGED);
	r->base = kv_stamp(r->op.space, KV_STAGED);
	r->op.token = kv_token(kv);
	r->op.run = r->tries;
	r->said = kv->down ? KV_UNAVAILABLE
			   : r->fn(&r->op, r->batch, r->arg);
	if (r->said == KV_OK && r->batch->failed)
		r->said = KV_UNAVAILABLE; /* rows are missing: not "nothing to do" */
	if (r->said == KV_OK && kv_batch_rows(r->batch) == 0 &&
	    r->batch->body_count == 0)
		r->said = KV_NONE;
	if (r->said != KV_OK)
		kv_batch_clear(r->batch);
	enum kv_result k = kv_commit(r->op.space, r->batch, r->guard,
				     r->op.token, r->flags, op_committed, r);
	/* A refusal is as good without its barrier when there can be none. */
	if (k != KV_OK && r->said != KV_OK && r->said != KV_NONE)
		return r->said;
	return k;
}

static void op_again(struct running *r)
{
	enum kv_result k = KV_CONFLICT;
	if (++r->tries < KV_OP_TRIES)
		k = op_try(r);
	if (k != KV_OK)
		op_finish(r, k, 0);
}

enum kv_result kv_op_run(struct kv_space *s, unsigned flags, kv_op_fn *fn,
			 kv_op_done *done, void *arg)
{
	struct running *r = calloc(1, sizeof(*r));
	if (!r)
		return KV_UNAVAILABLE;
	r->batch = kv_batch_new();
	if (!r->batch) {
		free(r);
		return KV_UNAVAILABLE;
	}
	r->op.space = kv_space_hold(s);
	r->flags = flags;
	r->fn = fn;
	r->done = done;
	r->arg = arg;
	enum kv_result k = op_try(r);
	if (k != KV_OK) {
		kv_batch_free(r->batch);
		free(r);
		kv_space_close(s);
	}
	return k;
}

struct waited {
	enum kv_result result;
	uint64_t version;
	bool done;
};

struct wrapped {
	kv_op_fn *fn;
	void *arg;
	struct waited waited;
};

static enum kv_result wrapped_run(struct kv_op *op, struct kv_batch *b,
				  void *arg)
{
	struct wrapped *w = arg;
	return w->fn(op, b, w->arg);
}

static void wrapped_done(void *arg, enum kv_result result, uint64_t version)
{
	struct wrapped *w = arg;
	w->waited = (struct waited){result, version, true};
}

enum kv_result kv_op_wait(struct kv_space *s, unsigned flags, kv_op_fn *fn,
			  void *arg, uint64_t *version)
{
	struct wrapped w = {.fn = fn, .arg = arg};
	enum kv_result k = kv_op_run(s, flags, wrapped_run, wrapped_done, &w);
	if (k != KV_OK)
		return k;
	while (!w.waited.done)
		kv_pause(kv_space_kv(s));
	if (version)
		*version = w.waited.version;
	return w.waited.result;
}

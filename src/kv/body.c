/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/body: reading bodies, and writing the large ones.
 *
 * A large body is appended by the owner (the page cache takes it) and synced
 * by the body thread, so that nobody's commit waits for it.  Fetches run on the
 * readers.  While the engine is down nothing new is started; reopening waits
 * for what is out.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "kv/front.h"

#define BODY_TAG TAG4('K', 'V', 'B', 'O')

struct kv_body {
	uint32_t tag;
	struct kv *kv;
	struct engine_large *large;
	struct body_job *spare; /* for finish, which cannot fail */
	bool failed;
};

struct kv_id kv_body_name(struct kv *kv)
{
	struct kv_id id;
	kv_random(kv, id.byte, sizeof(id.byte));
	return id;
}

enum kv_result kv_body_read(struct kv *kv, const struct kv_id *id,
			    uint64_t from, size_t len, struct buf *out)
{
	ENSURE_TAG(kv, KV_TAG);
	if (kv->down)
		return KV_UNAVAILABLE;
	struct kv_piece one = {.id = *id, .from = from, .len = len, .out = out};
	kv->engine->ops->bodies_read(kv->engine, &one, 1);
	return one.result;
}

enum kv_result kv_body_size(struct kv *kv, const struct kv_id *id,
			    uint64_t *size)
{
	ENSURE_TAG(kv, KV_TAG);
	if (kv->down)
		return KV_UNAVAILABLE;
	return kv->engine->ops->body_size(kv->engine, id, size);
}

enum kv_result kv_body_list(struct kv *kv, const struct kv_id *from,
			    size_t max, struct kv_id *next, kv_body_fn *each,
			    void *arg)
{
	ENSURE_TAG(kv, KV_TAG);
	if (kv->down)
		return KV_UNAVAILABLE;
	return kv->engine->ops->body_list(kv->engine, from, max, next, each,
					  arg);
}

/* ---- jobs ---- */

void kv_front_body_done(struct body_job *j)
{
	j->kv->jobs--;
	j->done(j->arg, j->result);
	free(j);
}

static struct body_job *job_new(struct kv *kv, kv_read_fn *done, void *arg)
{
	struct body_job *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->kv = kv;
	j->done = done;
	j->arg = arg;
	return j;
}

static void job_start(struct body_job *j, size_t lane)
{
	struct kv *kv = j->kv;
	kv->jobs++;
	if (kv->engine->workers) {
		workers_submit(kv->engine->workers, lane, &j->job);
		return;
	}
	j->job.run(&j->job);
	*kv->ready_last = j;
	kv->ready_last = &j->next;
}

static void fetch_run(struct worker_job *job)
{
	struct body_job *j = CONTAINER_OF(job, struct body_job, job);
	struct engine *e = j->kv->engine;
	e->ops->bodies_read(e, j->pieces, j->count);
	j->result = j->pieces == &j->one ? j->one.result : KV_OK;
}

enum kv_result kv_body_fetch(struct kv *kv, const struct kv_id *id,
			     uint64_t from, size_t len, struct buf *out,
			     kv_read_fn *done, void *arg)
{
	ENSURE_TAG(kv, KV_TAG);
	struct body_job *j = kv->down ? NULL : job_new(kv, done, arg);
	if (!j)
		return KV_UNAVAILABLE;
	j->one = (struct kv_piece){.id = *id, .from = from, .len = len, .out = out};
	j->pieces = &j->one;
	j->count = 1;
	j->job.run = fetch_run;
	job_start(j, LANE_READ);
	return KV_OK;
}

enum kv_result kv_bodies_fetch(struct kv *kv, struct kv_piece *pieces, size_t count,
			       kv_read_fn *done, void *arg)
{
	ENSURE_TAG(kv, KV_TAG);
	struct body_job *j = kv->down ? NULL : job_new(kv, done, arg);
	if (!j)
		return KV_UNAVAILABLE;
	j->pieces = pieces;
	j->count = count;
	j->job.run = fetch_run;
	job_start(j, LANE_READ);
	return KV_OK;
}

/* ---- large bodies ---- */

enum kv_result kv_body_begin(struct kv *kv, const struct kv_id *id,
			     struct kv_body **out)
{
	ENSURE_TAG(kv, KV_TAG);
	*out = NULL;
	if (kv->down)
		return KV_UNAVAILABLE;
	if (kv_full(kv))
		return KV_FULL;
	struct kv_body *b = calloc(1, sizeof(*b));
	if (!b)
		return KV_UNAVAILABLE;
	b->tag = BODY_TAG;
	b->kv = kv;
	b->spare = job_new(kv, NULL, NULL);
	enum kv_result r =
		b->spare ? kv->engine->ops->large_begin(kv->engine, id,
							&b->large)
			 : KV_UNAVAILABLE;
	if (r != KV_OK) {
		free(b->spare);
		free(b);
		return r;
	}
	*out = b;
	return KV_OK;
}

enum kv_result kv_body_append(struct kv_body *b, struct span bytes)
{
	ENSURE_TAG(b, BODY_TAG);
	struct engine *e = b->kv->engine;
	if (!b->failed && (world_fault(e->world, "kv.body") ||
			   e->ops->large_append(b->large, bytes) != KV_OK))
		b->failed = true;
	return b->failed ? KV_UNAVAILABLE : KV_OK;
}

static void finish_run(struct worker_job *job)
{
	struct body_job *j = CONTAINER_OF(job, struct body_job, job);
	j->result = j->kv->engine->ops->large_finish(j->large);
}

static void failed_run(struct worker_job *job)
{
	struct body_job *j = CONTAINER_OF(job, struct body_job, job);
	j->kv->engine->ops->large_drop(j->large);
	j->result = KV_UNAVAILABLE;
}

void kv_body_finish(struct kv_body *b, kv_read_fn *done, void *arg)
{
	ENSURE_TAG(b, BODY_TAG);
	struct kv *kv = b->kv;
	struct body_job *j = b->spare;
	j->done = done;
	j->arg = arg;
	j->large = b->large;
	j->job.run = b->failed || world_fault(kv->engine->world, "kv.body")
			     ? failed_run
			     : finish_run;
	b->tag = 0;
	free(b);
	job_start(j, LANE_BODY);
}

void kv_body_drop(struct kv_body *b)
{
	if (!b)
		return;
	ENSURE_TAG(b, BODY_TAG);
	b->kv->engine->ops->large_drop(b->large);
	b->tag = 0;
	free(b->spare);
	free(b);
}

/* ---- backup ---- */

static void checkpoint_run(struct worker_job *job)
{
	struct body_job *j = CONTAINER_OF(job, struct body_job, job);
	j->result = j->kv->engine->ops->checkpoint(j->kv->engine);
}

static void checkpoint_drop_run(struct worker_job *job)
{
	struct body_job *j = CONTAINER_OF(job, struct body_job, job);
	j->result = j->kv->engine->ops->checkpoint_drop(j->kv->engine);
}

static enum kv_result checkpoint_job(struct kv *kv,
				     void (*run)(struct worker_job *),
				     kv_read_fn *done, void *arg)
{
	ENSURE_TAG(kv, KV_TAG);
	struct body_job *j = kv->down ? NULL : job_new(kv, done, arg);
	if (!j)
		return KV_UNAVAILABLE;
	j->job.run = run;
	job_start(j, LANE_READ);
	return KV_OK;
}

enum kv_result kv_checkpoint(struct kv *kv, kv_read_fn *done, void *arg)
{
	return checkpoint_job(kv, checkpoint_run, done, arg);
}

enum kv_result kv_checkpoint_drop(struct kv *kv, kv_read_fn *done, void *arg)
{
	return checkpoint_job(kv, checkpoint_drop_run, done, arg);
}

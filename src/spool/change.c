/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/change: from the question to what is durable.
 */
#include "spool/change.h"

enum kv_result spool_refuse(struct spool_own *own, enum spool_result why)
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

enum spool_result spool_start(struct spool_own *own, struct spool *s,
			      unsigned partition, unsigned flags, kv_op_fn *fn,
			      kv_op_done *done, void *request,
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
void spool_finish(struct spool_own *own, enum kv_result r, bool changed)
{
	struct index *x = own->index;
	enum spool_result said = result_of(own, r);
	own->index = NULL;
	/* Not known: one who looks in vain is better than one who never looks.
	 */
	if (own->watched && ((r == KV_OK && changed) || r == KV_UNKNOWN))
		index_tell(x, own->spool, own->partition);
	index_free(x);
	own->done(own->arg, said);
}

void spool_tell_spread(const struct spool_own *own, enum kv_result r,
		       const struct spool_id *id, bool over)
{
	const struct spool_watch *w = &own->spool->watch;
	if (w->spread && own->watched && (r == KV_OK || r == KV_UNKNOWN))
		w->spread(w->arg, own->partition, id,
			  r != KV_OK ? SPOOL_SPREAD_UNKNOWN
			  : over     ? SPOOL_SPREAD_OVER
				     : SPOOL_SPREAD_INDEXED);
}

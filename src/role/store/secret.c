/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/secret: random bytes that stay the same for the life of the data,
 * by name, in the system's key space.
 *
 * Must never hand out one that is not durable yet.
 */
#include <string.h>

#include "crypto/secret.h"
#include "role/store/session.h"

#define RUNS 4u

static void secret_done(void *arg, const struct kv_done *d)
{
	kv_gate(arg, d->result);
}

/* Made once; what two make in the same moment is the first one's. */
static enum kv_result keep_secret(struct job *j, struct kv_space *space,
				  struct span name, struct buf *out)
{
	unsigned char fresh[STORE_SECRET];
	buf_clear(out);
	enum kv_result r = kv_get(space, KV_STAGED, name, out);
	if (r != KV_OK && r != KV_NONE)
		return r;
	struct kv_batch *b = kv_batch_new();
	if (b == NULL)
		return KV_UNAVAILABLE;
	if (r == KV_NONE) {
		kv_random(j->store->kv, fresh, sizeof fresh);
		buf_add(out, span_of(fresh, sizeof fresh));
		kv_put(b, name, span_of(fresh, sizeof fresh));
	}
	/* Without a row it only waits until what is staged is durable. */
	r = job_kv(j, kv_commit(space, b, kv_turn(space, KV_STAGED),
				kv_token(j->store->kv), KV_QUIET | KV_SHRINKS,
				secret_done, job_gate(j)));
	kv_batch_free(b);
	return r;
}

bool secret_of(struct job *j, struct span name, unsigned char out[STORE_SECRET])
{
	struct kv_space *space;
	struct buf bytes;
	buf_init(&bytes, STORE_SECRET);
	enum kv_result r = kv_space_open(
		j->store->kv, (struct kv_name){KV_SYSTEM, 0}, &space);
	if (r == KV_OK) {
		r = KV_CONFLICT;
		for (unsigned i = 0; i < RUNS &&
				     (r == KV_CONFLICT || r == KV_UNKNOWN);
		     i++)
			r = keep_secret(j, space, name, &bytes);
		kv_space_close(space);
	}
	bool ok = r == KV_OK && buf_len(&bytes) == STORE_SECRET && buf_ok(&bytes);
	if (ok)
		memcpy(out, buf_span(&bytes).ptr, STORE_SECRET);
	buf_free(&bytes);
	return ok;
}

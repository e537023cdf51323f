/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/engine - what an engine does for kv.  Private to src/kv.
 *
 * The front (kv.c, read.c, body.c) owns spaces, staging, guards, the order of
 * answers and the overlay of staged rows.  An engine stores visible state and
 * writes one group at a time: start() takes it, finished() gives it back with
 * a result for each commit, and only advance() makes reads see it.
 *
 * In one group: after a commit that is not KV_OK, later commits of the same
 * space are not KV_OK either.  KV_UNAVAILABLE from every commit, or `broken`
 * on the group, means that the engine must be reopened before it is used.
 *
 * Owner's thread: everything, except bodies_read, body_size and the checkpoints
 * (any reader),
 * kv_large_finish (the body thread) and reopen (the writer's thread while
 * nothing else runs).
 */
#pragma once

#include "kv/kv.h"
#include "kv/sorted.h"
#include "os/thread.h"
#include "os/world.h"

#define SPACE_KEY 9u /* kind and number in front of every row */
#define HEAD_MAX  (8u + 8u + 1u + 1u + KV_TOKENS * 8u)

/* A space's counters, and what its last commits were called. */
struct head {
	uint64_t turn, version;
	uint64_t token[KV_TOKENS]; /* [0]: of `turn`, [1]: of the one before ... */
	uint8_t tokens;		   /* how many are known */
	uint8_t moved;		   /* bit i: that commit moved the version */
};
size_t kv_head_write(const struct head *, uint8_t out[HEAD_MAX]);
MUST_USE bool kv_head_read(struct span, struct head *);
void kv_head_advance(struct head *, uint64_t token, bool moves);
/* Was `token` the commit that led to `turn`?  Then what version it had. */
MUST_USE bool kv_head_knows(const struct head *, uint64_t turn, uint64_t token,
			 uint64_t *version);

void kv_space_key(struct kv_name, uint8_t out[SPACE_KEY]);

struct batch_row {
	size_t key, value; /* offsets into bytes */
	uint32_t key_len, value_len;
	bool gone;
	bool once;  /* gone: it was put once */
	bool stale; /* a later commit of the group writes the same key */
	uint64_t seq;
	struct kv_sorted_node *node; /* in the overlay while staged */
};

struct batch_body {
	struct kv_id id;
	char *bytes;
	size_t len;
	uint64_t made; /* seconds */
	bool gone;
	bool once; /* gone: it was put once, and inline */
};

struct kv_batch {
	uint32_t tag;
	bool failed, busy; /* out of memory; staged */
	bool limit;	   /* a key, value or body too large */
	struct buf bytes;
	struct batch_row *rows;
	size_t count, cap;
	struct batch_body bodies[KV_BODIES_MAX];
	size_t body_count, body_bytes;
};
static inline struct span batch_key(const struct kv_batch *b, size_t i)
{
	return span_of(b->bytes.data + b->rows[i].key, b->rows[i].key_len);
}
static inline struct span batch_value(const struct kv_batch *b, size_t i)
{
	return span_of(b->bytes.data + b->rows[i].value, b->rows[i].value_len);
}

struct staged {
	struct staged *next;
	struct kv_space *space;
	struct kv_name name;
	struct kv_batch *batch;
	struct head head; /* after it */
	bool barrier;	  /* nothing to write */
	bool last;	  /* the group's last commit of its space */
	enum kv_result result;
	struct kv_done answer;
	size_t bytes;
	kv_done_fn *done;
	void *arg;
};

struct group {
	struct worker_job job;
	struct staged *first, **last;
	size_t bytes;
	bool writes; /* not barriers alone */
	bool broken; /* the engine must be reopened */
	bool fault;  /* tests: the write shall fail */
	struct engine *engine;
};

struct engine;
struct engine_iter;
struct engine_large;

struct engine_ops {
	void (*close)(struct engine *);
	void (*power_cut)(struct engine *); /* NULL: as close */

	/* Appends; KV_NONE. */
	enum kv_result (*head)(struct engine *, struct kv_name, struct buf *);
	enum kv_result (*heads)(struct engine *, enum kv_kind, uint64_t from,
				uint64_t *ids, size_t n, size_t *count);
	enum kv_result (*get)(struct engine *, struct kv_name, struct span key,
			      struct buf *);
	/* Stands on the first row; keys without the space. */
	enum kv_result (*iter)(struct engine *, struct kv_name,
			       struct span from, struct span to, bool reverse,
			       struct engine_iter **);
	enum kv_result (*iter_row)(struct engine_iter *, struct span *key,
				   struct span *value);
	void (*iter_next)(struct engine_iter *);
	void (*iter_close)(struct engine_iter *);

	void (*start)(struct engine *, struct group *);
	/* Engines without threads finish here; others through their job. */
	bool (*finish)(struct engine *, struct group *);
	void (*advance)(struct engine *);
	enum kv_result (*reopen)(struct engine *);

	void (*bodies_read)(struct engine *, struct kv_piece *, size_t count);
	enum kv_result (*body_size)(struct engine *, const struct kv_id *,
				    uint64_t *);
	enum kv_result (*body_list)(struct engine *, const struct kv_id *from,
				    size_t max, struct kv_id *next,
				    kv_body_fn *, void *arg);
	enum kv_result (*large_begin)(struct engine *, const struct kv_id *,
				      struct engine_large **);
	enum kv_result (*large_append)(struct engine_large *, struct span);
	enum kv_result (*large_finish)(struct engine_large *);
	void (*large_drop)(struct engine_large *);

	/* Any reader's thread. */
	enum kv_result (*checkpoint)(struct engine *);
	enum kv_result (*checkpoint_drop)(struct engine *);
	/* False: not known. */
	bool (*disk)(struct engine *, uint64_t *avail, uint64_t *total);
};

/* The first member of every engine. */
struct engine {
	const struct engine_ops *ops;
	struct world *world;
	struct workers *workers; /* NULL: everything runs in the owner's thread */
};

enum { LANE_WRITE, LANE_BODY, LANE_READ, LANES };

/* Take over an opened engine.  NULL: out of memory (the engine is closed). */
MUST_USE struct kv *kv_over(struct engine *);

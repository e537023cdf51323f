/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/front - what the files of the front half share.  Private to src/kv.
 */
#pragma once

#include "kv/engine.h"

#define KV_REOPEN_EVERY  NS_PER_SEC
#define KV_DICE		 512u
#define KV_DISK_EVERY    NS_PER_SEC

struct kv_space {
	uint32_t tag;
	struct kv *kv;
	struct kv_space *next; /* in its chain */
	struct kv_name name;
	size_t users;	/* handles and staged commits */
	size_t waiting; /* staged commits */
	struct head staged, visible;
	struct kv_sorted *rows; /* staged, not yet visible; NULL: none */
	struct kv_watch *watches;
	uint64_t told; /* version of the last hint */
	/* While a group is finished: */
	bool failed, touched;
	struct kv_space *touched_next;
};

/* A job of the body thread or of a reader. */
struct body_job {
	struct worker_job job;
	struct body_job *next; /* in kv's ready list */
	struct kv *kv;
	struct kv_piece one, *pieces;
	size_t count;
	struct engine_large *large;
	enum kv_result result;
	kv_read_fn *done;
	void *arg;
};

/* Called once when the engine is up again, or failed to come up again. */
struct waiter {
	void (*woken)(struct waiter *);
	struct waiter *next;
};

struct kv {
	uint32_t tag;
	struct engine *engine;
	struct kv_space **chains;
	size_t chain_count, space_count;
	struct group building;
	struct group written, *writing; /* writing: NULL or &written */
	uint64_t seq;
	bool down;	 /* the engine waits for reopening */
	bool reopening;	 /* ... which is under way */
	struct worker_job reopen_job;
	enum kv_result reopen_result;
	uint64_t reopen_at;
	size_t jobs; /* body jobs out */
	struct body_job *ready, **ready_last; /* done without a thread */
	struct waiter *waiters;
	size_t scans;
	bool polling, abandoned;
	bool full;
	unsigned reserve_percent;
	uint64_t reserve_least;
	uint64_t full_at; /* when it was judged */
	bool full_known;
	struct kv_stats stats;
	uint8_t dice[KV_DICE]; /* random bytes; the first `diced` are used up */
	size_t diced;
};

#define KV_TAG	  TAG4('K', 'V', ' ', ' ')
#define SPACE_TAG TAG4('K', 'V', 'S', 'P')


void kv_front_wait_up(struct kv *, struct waiter *);
/* A body job came back: tell its owner. */
void kv_front_body_done(struct body_job *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary/sort - messages in the order that a client asks for, and in threads (RFC 5256).
 *
 * Rows come in the order of their UIDs, which decides where nothing else does.
 * `pause` is called every few thousand steps, so that others have their turn.
 * Time: n log n; a thread's links cost a bounded number of steps each.
 */
#pragma once

#include "base/arena.h"
#include "summary/order.h"

#define SUMMARY_SORT_KEYS 16u	   /* of one command */
#define SUMMARY_SORT_MAX  200000u  /* messages */
#define SUMMARY_SORT_TURN 4096u	   /* steps between two pauses */

enum summary_sort_by {
	SUMMARY_BY_ARRIVAL,
	SUMMARY_BY_CC,
	SUMMARY_BY_DATE,
	SUMMARY_BY_FROM,
	SUMMARY_BY_SIZE,
	SUMMARY_BY_SUBJECT,
	SUMMARY_BY_TO,
	SUMMARY_BY_SHOWN_FROM,
	SUMMARY_BY_SHOWN_TO,
	SUMMARY_BY_COUNT
};
#define SUMMARY_BY_REVERSE 0x80u /* a bit beside one of them */

enum summary_thread_how {
	SUMMARY_THREAD_SUBJECT,	   /* ORDEREDSUBJECT */
	SUMMARY_THREAD_REFERENCES,
	SUMMARY_THREAD_REFS, /* by references alone; the thread with the latest message last */
	SUMMARY_THREAD_COUNT
};

struct summary_row {
	uint32_t uid;
	int64_t arrived, sent; /* sent: of the Date field, or else when it arrived */
	uint64_t size;
	struct summary_order order;
};

struct summary_pause {
	void (*pause)(void *arg); /* may be NULL */
	void *arg;
	size_t steps;
};

/* Rows in order: their indices.  NULL: memory. */
MUST_USE uint32_t *summary_sort(const struct summary_row *, size_t n, const uint8_t *keys,
				size_t key_count, struct arena *, struct summary_pause *);

/* A forest in preorder: who stands below whom is told by depths. */
struct summary_thread {
	uint32_t row; /* index, or SUMMARY_THREAD_NOBODY: a message that is not here */
	uint32_t depth;
};
#define SUMMARY_THREAD_NOBODY UINT32_MAX

struct summary_threads {
	struct summary_thread *at;
	size_t count;
};
/* False: memory. */
MUST_USE bool summary_threads(const struct summary_row *, size_t n, enum summary_thread_how,
			      struct arena *, struct summary_pause *, struct summary_threads *out);

/* For both files here. */
static inline void summary_step(struct summary_pause *p)
{
	if (++p->steps % SUMMARY_SORT_TURN == 0 && p->pause != NULL)
		p->pause(p->arg);
}
typedef int summary_compare_fn(const void *arg, uint32_t a, uint32_t b);
/* Merge sort, stable.  False: memory. */
MUST_USE bool summary_merge_sort(uint32_t *items, size_t n, summary_compare_fn *, const void *arg,
				 struct arena *, struct summary_pause *);

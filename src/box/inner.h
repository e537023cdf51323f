/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/inner - what the files of box share.  Private to src/box.
 */
#pragma once

#include "box/format.h"
#include "box/order.h"

struct box {
	uint32_t tag;
	struct kv *kv;
	struct kv_space *space;
	/* The staged quota, while the space stands at this stamp. */
	struct kv_stamp quota_stamp;
	struct box_quota quota;
	bool quota_known;
};

#define BOX_TAG TAG4('B', 'O', 'X', ' ')

enum box_result box_from_kv(enum kv_result);

/* A row into buf (cleared first). */
MUST_USE enum kv_result box_row_get(struct kv_space *, enum kv_view,
				const struct box_key *, struct buf *);
MUST_USE enum kv_result box_head_load(struct kv_space *, enum kv_view,
				  uint32_t mailbox, bool tail, struct head *);
MUST_USE enum kv_result box_name_load(struct kv_space *, enum kv_view,
				  struct span name, struct name_row *);
MUST_USE enum kv_result box_cold_load(struct kv_space *, enum kv_view,
				  uint32_t mailbox, uint32_t uid, struct buf *,
				  struct cold *);
/* The row of a message under its UID. */
MUST_USE enum kv_result box_cold_put(struct kv_batch *, uint32_t mailbox,
				     uint32_t uid, const struct cold *);
/* Of a cold row that says summary_kept. */
MUST_USE enum kv_result box_summary_load(struct box *, const struct cold *,
				     struct arena *, struct span *out);
/* The sum over all heads. */
MUST_USE enum kv_result box_quota_sum(struct kv_space *, enum kv_view,
				  struct box_quota *);
/* Rows that begin with `prefix`. */
MUST_USE enum kv_result box_scan_prefix(struct kv_space *, enum kv_view,
				    const struct box_key *prefix,
				    struct kv_scan **);

/*
 * A mailbox as one operation sees and changes it: its head, and one other
 * page at a time.  close writes what changed into the batch: head, page, log.
 */
struct work {
	struct kv_space *space;
	struct kv_batch *batch; /* NULL: only reading */
	enum kv_view view;
	uint32_t mailbox;
	uint64_t version; /* of this operation */
	bool dirty, page_dirty, failed;
	struct head head;
	struct page page;
	bool page_loaded;
	struct buf row; /* scratch */
	uint32_t pages[BOX_CHUNK + 2];
	size_t page_count;
	struct box_run runs[BOX_CHUNK];
	size_t run_count;
	/* Names of this operation's messages: they outlive it. */
	bool keywords_made;
	struct span keywords[BOX_KEYWORDS_MAX];
	size_t keyword_count;
	struct arena *names;
};

/* On the heap: it is large.  KV_NONE: no such mailbox. */
MUST_USE enum kv_result box_work_open(struct kv_space *, enum kv_view,
				  uint32_t mailbox, struct kv_batch *,
				  uint64_t version, struct work **out);
/* The page that holds a UID; an empty one where there is no row. */
MUST_USE enum kv_result box_work_page(struct work *, uint32_t uid,
				  struct page **out);
/* Call after changing a slot of the page got last. */
void box_work_touch(struct work *, const struct page *);
/* The next UID; KV_LIMIT: there is none left. */
MUST_USE enum kv_result box_work_add(struct work *, uint8_t flags,
				 uint64_t keywords, uint64_t bytes,
				 uint32_t *uid);
MUST_USE enum kv_result box_work_keep_keywords(struct work *,
					   const struct span *names,
					   size_t count);
void box_work_vanish(struct work *, struct page *, uint32_t uid, uint64_t bytes);
/*
 * A message leaves its mailbox, its row and the quota.  kept: the time under which it
 * can be had back; 0: it cannot.  KV_NONE: it is not there.
 */
MUST_USE enum kv_result box_work_expunge(struct work *, uint32_t uid, int64_t kept,
				     struct box_quota *);
/* Count a slot's flags in or out. */
void box_work_count(struct work *, const struct slot *, bool in);
MUST_USE enum kv_result box_work_close(struct work *);
void box_work_free(struct work *); /* NULL is allowed */

/* Start an operation of a request; `fn` gets the request as its argument. */
MUST_USE enum box_result box_own_run(struct box_own *, struct box *,
				 unsigned flags, kv_op_fn *, kv_op_done *,
				 void *request, box_done_fn *, void *arg);
/* Remember why an operation refuses. */
enum kv_result box_own_refuse(struct box_own *, enum box_result);
/* The outcome in the words of box. */
enum box_result box_own_result(const struct box_own *, enum kv_result);

/* Rows 'O' (box/order.h): without a record nothing is written. */
void box_order_put(struct kv_batch *, uint32_t mailbox, const struct box_order *);
void box_order_delete(struct kv_batch *, uint32_t mailbox, uint32_t uid);
MUST_USE enum kv_result box_order_copy(const struct work *from, uint32_t uid,
				       const struct work *to, uint32_t into);

/* The bits of keywords by name in a mailbox; new ones go into the batch. */
MUST_USE enum kv_result box_keywords_bits(struct work *, const struct span *names,
				      size_t count, uint64_t *bits);

/* An expunged message's row, for a while (box/gone.c). */
MUST_USE enum kv_result box_gone_keep(struct kv_batch *, int64_t now,
				      uint32_t mailbox, uint32_t uid,
				      const struct slot *, struct span cold);

/* Annotations of a mailbox that is removed, or that comes back; the account's sum follows. */
MUST_USE enum kv_result box_annotations_leave(struct kv_op *, struct kv_batch *,
					  uint32_t mailbox, bool back);
/* Those of a mailbox, for another one that has none; without room there none come. */
MUST_USE enum kv_result box_annotations_copy(struct kv_op *, struct kv_batch *,
					 uint32_t from, uint32_t to);
/* A sum of nothing has no row. */
void box_annotation_sum_put(struct kv_batch *, const struct box_key *,
			const struct annotation_sum *);
/* Rows 'R' (box/rights.c): none where there is no row; an empty one is deleted. */
MUST_USE enum kv_result box_grants_load(struct kv_space *, enum kv_view,
				    uint32_t mailbox, struct box_grants *);
void box_grants_put(struct kv_batch *, uint32_t mailbox, const struct box_grants *);
/* Those of the nearest mailbox above this name become those of a new one. */
MUST_USE enum kv_result box_grants_inherit(struct kv_space *, struct kv_batch *,
				       struct span name, uint32_t mailbox);

void box_quota_moved(struct box *, const struct kv_op *,
		 const struct box_quota *now);
MUST_USE enum kv_result box_quota_staged(struct box *, struct box_quota *);

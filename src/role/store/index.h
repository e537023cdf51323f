/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/index - the search index of mailboxes: kept in the background, caught up
 * with before a search reads it.
 *
 * Nothing of it happens inside a delivery, and while mail comes in a stream it waits until a box
 * is far behind: it would take the processors that the deliveries need.  What is new in a mailbox is what stands above
 * the UID up to which its shelf covers it; its terms are asked of the sorter and become a
 * segment, and segments merge.  So a crash leaves at most rows that belong to nobody,
 * and they go with the next segment.  Whatever cannot be read is dropped and made again.
 *
 * An open box is worked on by one fiber at a time.
 */
#pragma once

#include "index/segment.h"
#include "role/store/store.h"

#define INDEX_LEAST  64u  /* fewer new messages are looked at one by one */
/* So many commits a box waits while mail comes: what a search may find to be made first. */
#define INDEX_BEHIND 512u

/* A mailbox's shelf, and its rows for index/.  On the heap: it is large. */
struct index_box {
	struct job *job;
	struct open_box *box;
	uint32_t mailbox;
	struct index_shelf shelf;
	struct index_rows rows;
	struct buf row;
	uint64_t turn; /* when others had theirs */
	bool is_short; /* a row was not read because of the machine */
};
/* NULL: memory is short.  The box is held until index_box_free. */
MUST_USE struct index_box *index_box_new(struct job *, struct open_box *, uint32_t mailbox);
void index_box_free(struct index_box *); /* NULL is allowed */
/* The shelf as it stands.  BOX_NONE: there is none, or it is of no use. */
MUST_USE enum box_result index_box_load(struct index_box *);
/* Forget all of it. */
void index_box_drop(struct index_box *);

enum index_progress {
	INDEX_DONE,  /* less than INDEX_LEAST is missing */
	INDEX_LATER, /* time is over, or others are at it */
	INDEX_CANNOT /* not now: the sorter, the disk or memory */
};
/* One segment more, and merging.  `until`: by then it stops; 0: in the background. */
enum index_progress index_box_advance(struct index_box *, uint64_t until);
/* The same until it is done or time is over, waiting for others who are at it. */
enum index_progress index_box_catch_up(struct index_box *, uint64_t until);

/* A box may have messages that are in no index.  From inside kv_poll, too. */
void indexing_kick(struct open_box *);
/* Something was committed to it, as its version says. */
void indexing_moved(struct open_box *, uint64_t version);
void indexing_begin(struct store *);
void indexing_end(struct store *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/index - where a mailbox's search index is kept, opaque bytes to box.
 *
 * A shelf (one row) says which segments there are; rows of a segment are found by its
 * number, a part and a count.  All of it is made from the messages and may be
 * dropped at any time.  It moves no version and counts for no quota; it goes with
 * the mailbox.
 */
#pragma once

#include "box/change.h"

#define BOX_INDEX_ROWS	1900u	   /* put or deleted by one operation */
#define BOX_INDEX_BYTES (900u << 10) /* put by one operation */

/* Into out (cleared first); BOX_NONE. */
MUST_USE enum box_result box_index_shelf(struct box *, uint32_t mailbox, struct buf *out);
MUST_USE enum box_result box_index_row(struct box *, uint32_t mailbox, uint32_t segment,
				       uint8_t part, uint32_t n, struct buf *out);

struct box_index_change {
	uint32_t segment;
	uint8_t part;
	uint32_t n;
	struct span row; /* ptr NULL: delete it */
};
/* Rows, and the shelf if it is not empty, at once.  BOX_NONE: the mailbox is gone. */
struct box_index_put {
	uint32_t mailbox;
	const struct box_index_change *rows;
	size_t count;
	struct span shelf;
	struct box_own own;
};
MUST_USE enum box_result box_index_put(struct box *, struct box_index_put *,
				       box_done_fn *, void *arg);

/* Rows of segments from a number on, and with `shelf` the shelf, which goes first. */
struct box_index_drop {
	uint32_t mailbox, segment;
	bool shelf;
	bool more; /* out: there are others: again */
	struct box_own own;
};
MUST_USE enum box_result box_index_drop(struct box *, struct box_index_drop *,
					box_done_fn *, void *arg);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/order - rows of what SORT and THREAD need, one beside each cold row.
 *
 * The record in it is the sorter's (summary/order.h) and opaque here.  It comes
 * with the message; messages of an older program have none until they are first
 * asked for, when box_order_keep writes it.  A row without its message, or a
 * damaged one, counts as none: it can always be made anew.
 */
#pragma once

#include "box/change.h"

#define BOX_ORDER_MAX  1000u /* bytes of a record */
#define BOX_ORDER_KEEP 250u  /* records of one operation */

struct box_order {
	uint32_t uid;
	int64_t date;  /* internal date, seconds UTC */
	uint64_t size; /* of the message */
	struct span record;
};

/*
 * Records with UID >= from, ascending, each handed to `each` (which borrows it; false: stop
 * there with BOX_LIMIT), at most max of them.  *next: where to go on, 0 at the end.
 */
typedef bool box_order_fn(void *arg, const struct box_order *);
MUST_USE enum box_result box_orders(struct box *, enum kv_view, uint32_t mailbox,
				    uint32_t from, size_t max, box_order_fn *each,
				    void *arg, uint32_t *next);

/* Records of messages that have none; those whose message is gone are skipped.
 * Moves no version. */
struct box_order_keep {
	uint32_t mailbox;
	const struct box_order *orders;
	size_t count; /* at most BOX_ORDER_KEEP */
	struct box_own own;
};
MUST_USE enum box_result box_order_keep(struct box *, struct box_order_keep *,
					box_done_fn *, void *arg);

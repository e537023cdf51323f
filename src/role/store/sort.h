/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/sort - what is left of a SORT or THREAD that did not fit one answer.
 *
 * A selected mailbox has at most one: the UIDs to be ordered, which come in pieces, or the
 * order, which goes in pieces.  All of them together take at most SORT_HELD_MAX bytes.
 */
#pragma once

#include "role/store/session.h"

#define SORT_HELD_MAX (64ull << 20)
#define SORT_PIECE    8192u /* UIDs of one answer */

struct sort_held {
	struct store *store;
	struct edge_store_range *set; /* what was sent of the UIDs as yet */
	size_t set_count, set_cap;
	uint32_t *uids;	  /* the order */
	uint16_t *depths; /* of threads, or NULL */
	size_t count;
};

void sort_held_free(struct selected *);

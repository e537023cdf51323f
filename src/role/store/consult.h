/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/consult - what a mailbox's index says about the keys of a search.
 */
#pragma once

#include "role/store/store.h"
#include "terms/needle.h"

struct consulted {
	unsigned fields; /* a bit for each term_field */
	bool only_may;	 /* that a field holds it does not say that the right one does */
	const struct needle *needle;
	/* out, of messages up to the UID that index_consult answers */
	struct box_uids sure, may;
};

/*
 * Parks: an index that lacks much is caught up with first.  0: it says nothing.
 * Sets live in the arena.
 */
uint32_t index_consult(struct job *, struct open_box *, uint32_t mailbox,
		       struct consulted *, size_t count, struct arena *);

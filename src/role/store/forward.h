/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/forward - mail that an alias sends elsewhere, and what comes back.
 *
 * A forwarded message leaves with a reverse path of ours (srs/srs.h), whose key
 * never leaves the store.  Nothing is kept for the way back: the address itself
 * says where a bounce belongs, and only bounces may go there.
 */
#pragma once

#include "role/store/offer.h"

/* The reverse path that the remote recipients of an offer get.  Parks. */
MUST_USE enum edge_store_answer forward_sender(struct offer *, struct span *sender);

enum forward_back {
	FORWARD_BACK,	 /* *to is where it belongs, in the arena */
	FORWARD_NO,	 /* not an address of that kind */
	FORWARD_INVALID, /* forged, or too old */
	FORWARD_LATER,
};
/* At a domain of ours, and looks like an address of that kind: ask. */
bool forward_looks(const struct store *, struct span address);
MUST_USE enum forward_back forward_back(struct job *, struct span address,
					struct span *to);

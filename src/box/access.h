/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/access - the access key of a mailbox (RFC 4467): what its owner's signed URLs
 * are vouched for with.
 *
 * It hangs on the mailbox's number, is made when it is first wanted, and a new one
 * makes everything signed with the old one worthless.  Keys never leave the store.
 */
#pragma once

#include "box/change.h"

#define BOX_ACCESS_KEY 32u

struct box_access_key {
	unsigned char bytes[BOX_ACCESS_KEY];
};

/* BOX_NONE: it has none, or one that cannot be read. */
MUST_USE enum box_result box_access_get(struct box *, enum kv_view, uint32_t mailbox,
					struct box_access_key *out);

struct box_access {
	uint32_t mailbox; /* 0: all of them are forgotten */
	bool fresh;	  /* also where there is one */
	struct box_access_key key; /* out */
	bool more;		   /* out, mailbox 0: call again */
	struct box_own own;
};
MUST_USE enum box_result box_access(struct box *, struct box_access *, box_done_fn *,
				    void *arg);

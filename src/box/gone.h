/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/gone - what was expunged or removed, kept for a while, and had back.
 *
 * An expunged message keeps its cold row under the time of its end; a removed
 * mailbox keeps all of its rows and its head.  Neither is seen by any session,
 * counted by quota, or found by search.  What came back has a new UID: those
 * that were told to be gone never return.
 *
 * A message goes back into the mailbox that it was in, which must be there: a
 * removed one is had back first, with what it held, under its own name or
 * another, and with a new UIDVALIDITY.
 */
#pragma once

#include "box/change.h"

#define BOX_GONE_STEP 100u /* messages of one request */

struct box_gone {
	int64_t when; /* expunged, seconds */
	uint32_t mailbox, uid;
	uint32_t flags;
	struct box_message message;
};
/*
 * Those behind `after` (all zero: from the oldest on), by time, at most max;
 * *count < max: that was all.  Spans live in the arena.
 */
MUST_USE enum box_result box_gone_list(struct box *, enum kv_view,
				       struct arena *,
				       const struct box_gone *after,
				       struct box_gone *out, size_t max,
				       size_t *count);

struct box_gone_mailbox {
	int64_t when; /* removed; 0: by a build that kept nothing */
	uint32_t mailbox;
	uint32_t messages;
	uint64_t bytes;
	struct span name;
};
/* Removed mailboxes with numbers above `after`, at most max. */
MUST_USE enum box_result box_gone_mailboxes(struct box *, enum kv_view,
					    struct arena *, uint32_t after,
					    struct box_gone_mailbox *out,
					    size_t max, size_t *count);

/* All or none of them; what is not there any more is passed over. */
struct box_undelete {
	uint32_t mailbox; /* of all of them */
	const struct box_gone *messages; /* when, mailbox and uid count */
	size_t count;			 /* at most BOX_GONE_STEP */
	uint64_t quota_bytes, quota_messages; /* 0: no limit */
	size_t done; /* out */
	struct box_own own;
};
MUST_USE enum box_result box_undelete(struct box *, struct box_undelete *,
				      box_done_fn *, void *arg);

/* Forget messages that were expunged before this time, some per call. */
struct box_gone_forget {
	int64_t before;
	bool more; /* out: call again */
	struct box_own own;
};
MUST_USE enum box_result box_gone_forget(struct box *, struct box_gone_forget *,
					 box_done_fn *, void *arg);

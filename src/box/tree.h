/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/tree - operations on mailboxes: set up, create, remove, rename,
 * subscribe.
 *
 * The request belongs to the caller until done has run.  A removed mailbox is
 * gone at once (its name, its counts, its quota); its rows stay until BOX_PURGE,
 * a commit at a time, and so long BOX_REVIVE has it back.
 */
#pragma once

#include "box/change.h"

#define BOX_RENAME_MAX 900u /* names that one rename moves */

enum box_tree_verb {
	BOX_SETUP,  /* INBOX, Drafts, Sent, Junk, Trash, Archive; subscribed */
	BOX_CREATE, /* superior levels are made as needed */
	BOX_REMOVE_MAILBOX,
	/*
	 * With everything below it, at most BOX_RENAME_MAX names.  INBOX stays: the
	 * target is made and `more` asks the caller to box_move all of its messages
	 * into `mailbox`.
	 */
	BOX_RENAME,
	BOX_SUBSCRIBE,
	BOX_UNSUBSCRIBE,
	/*
	 * A removed mailbox, the last one of this name that was removed, with what it
	 * held: under its name, or as `to`.  A new UIDVALIDITY, the old UIDs.
	 */
	BOX_REVIVE,
	/* Rows of mailboxes removed before `before`, one commit; `more` says go on. */
	BOX_PURGE,
	/* Every row of an account that is forgotten; as BOX_PURGE. */
	BOX_ERASE,
};

struct box_tree {
	enum box_tree_verb verb;
	struct span name;
	struct span to;	  /* rename; revive: empty for the old name */
	int64_t before;	  /* purge */
	uint64_t quota_bytes, quota_messages; /* revive; 0: no limit */
	enum box_use use; /* create: BOX_CANNOT when a mailbox has it */
	/* out */
	uint32_t mailbox;
	bool more; /* purge, erase: more to do; rename of INBOX: see above */
	struct box_own own;
};

MUST_USE enum box_result box_tree(struct box *, struct box_tree *,
				  box_done_fn *, void *arg);

/* Is this a name that a mailbox may have (UTF-8, levels, length, no control)? */
bool box_name_ok(struct span name);

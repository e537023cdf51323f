/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/tree - operations on mailboxes: set up, create, remove, rename,
 * subscribe.
 *
 * The request belongs to the caller until done has run.  A removed mailbox is
 * gone at once (its name, its counts, its quota); its rows go in the background
 * by box_purge, a commit at a time.
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
	BOX_PURGE, /* rows of removed mailboxes, one commit; `more` says go on */
	/* Every row of an account that is forgotten; as BOX_PURGE. */
	BOX_ERASE,
};

struct box_tree {
	enum box_tree_verb verb;
	struct span name;
	struct span to;	  /* rename */
	enum box_use use; /* create */
	/* out */
	uint32_t mailbox;
	bool more; /* purge, erase: more to do; rename of INBOX: see above */
	struct box_own own;
};

MUST_USE enum box_result box_tree(struct box *, struct box_tree *,
				  box_done_fn *, void *arg);

/* Is this a name that a mailbox may have (UTF-8, levels, length, no control)? */
bool box_name_ok(struct span name);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/deliver - one message into the INBOX of one account.
 *
 * Several are begun before the first is ended, so that they share a group.
 * Whoever begins one ends it; its memory stays until then.
 */
#pragma once

#include "box/change.h"
#include "role/store/session.h"

struct delivery {
	/* The caller's: what goes in, but for the mailbox; how it is inserted.
	 */
	struct box_new message;
	struct box_insert insert;
	/* Answers. */
	enum box_result result;
	bool tried;	 /* the commit was begun; if not, nothing happened */
	bool gone;	 /* there is no such account, nor will there be */
	const char *why; /* not tried, and no fault of the box; or NULL */
	/* Its own. */
	struct open_box *box;
	struct fiber_gate gate;
};

/* May park, when the account's box is new. */
void delivery_begin(struct job *, uint64_t account, struct delivery *);
/* Parks until it is durable, or not. */
void delivery_end(struct job *, struct delivery *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/uidl - unique ids of POP3 that messages had on another server (RFC 1939 7).
 *
 * A message has at most one; the others' ids are computed from UIDVALIDITY and
 * UID.  A text is one message's of its mailbox for ever: it is not given to
 * another one when the message is gone, and it is never what is computed for
 * another one.  Copies and moved messages have none.  No version moves.
 */
#pragma once

#include "box/change.h"

#define BOX_UIDL_MAX  70u /* bytes, at least one; RFC 1939 7 */
#define BOX_UIDL_STEP 64u /* of one commit */

/* 1 to BOX_UIDL_MAX bytes of 0x21 to 0x7E. */
bool box_uidl_ok(struct span);

struct box_uidl {
	uint32_t uid;
	struct span text;
};

/*
 * All or none.  BOX_CANNOT: a text that is none.  BOX_NONE: no such mailbox or
 * message.  BOX_EXISTS: another message's text.  `wrong`: which of the list.
 */
struct box_uidl_keep {
	uint32_t mailbox;
	const struct box_uidl *list;
	size_t count; /* 1 .. BOX_UIDL_STEP */
	size_t wrong; /* out */
	struct box_own own;
};
MUST_USE enum box_result box_uidl_keep(struct box *, struct box_uidl_keep *,
				       box_done_fn *, void *arg);

/*
 * Texts of the UIDs from..to, ascending, at most max, in the arena; *next: go on
 * from there, 0: that was all.  Some may be of messages that are gone.  Rows that
 * cannot be read count as none.
 */
MUST_USE enum box_result box_uidls(struct box *, enum kv_view, uint32_t mailbox,
				   uint32_t from, uint32_t to, struct arena *,
				   struct box_uidl *out, size_t max, size_t *count,
				   uint32_t *next);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/follow - news of all mailboxes of an account (RFC 5465).
 *
 * While a session wants them, the account's mailboxes are remembered as they were when
 * somebody asked last: name, subscription, counts, version.  Who asks next finds what became
 * different, which gets a number, once for all who follow; each session knows up to which number it was told.
 *
 * Memory is that of one row a mailbox and FOLLOW_GONE names that are no more, at most FOLLOW_BYTES
 * an account.  What would be more ends the news: [NOTIFICATIONOVERFLOW].
 */
#pragma once

#include "role/store/session.h"

#define FOLLOW_GONE  256u
#define FOLLOW_BYTES (4u << 20)
#define FOLLOW_NEWS  32u /* of one answer */

enum follow_what { /* as edge_store.wire says */
	FOLLOW_COUNTS = 1,
	FOLLOW_FLAGS = 2,
	FOLLOW_NAME = 4,
	FOLLOW_LOST = 8,
	FOLLOW_SUBSCRIBED = 16,
};

/* Tells those who follow that there is something to ask for.  False: not all have room now. */
bool follow_hint(struct open_box *);
void follow_end(struct session *); /* no news from here on */

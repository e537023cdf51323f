/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/notify - what a client asked to hear of, whatever it does (RFC 5465).  Private.
 *
 * NOTIFY SET leaves its event groups here, in memory of their own, until the next NOTIFY or
 * the end.  Of a mailbox that several groups name the first one counts.
 *
 * Bounds: IMAP_FILTERS_MAX groups with IMAP_FILTER_NAMES_MAX names, IMAP_NOTIFY_MEMORY bytes for all of it;
 * IMAP_NOTIFY_STATUS mailboxes in the answer to STATUS.
 */
#pragma once

#include "imap/filter.h"

#define IMAP_NOTIFY_MEMORY (256u << 10)
#define IMAP_NOTIFY_STATUS 2000u
#define IMAP_NOTIFY_FETCH  2048u /* bytes of what MessageNew wants to be fetched */

enum imap_event {
	IMAP_EVENT_NEW = 1,
	IMAP_EVENT_EXPUNGE = 2,
	IMAP_EVENT_FLAGS = 4,
	IMAP_EVENT_NAME = 8,
	IMAP_EVENT_SUBSCRIPTION = 16,
	IMAP_EVENT_MESSAGES = IMAP_EVENT_NEW | IMAP_EVENT_EXPUNGE | IMAP_EVENT_FLAGS,
};

struct imap_notify_group {
	struct imap_filter filter;
	unsigned events; /* enum imap_event, or-ed; 0: NONE */
};

struct imap_notify {
	struct arena *arena;
	struct imap_notify_group groups[IMAP_FILTERS_MAX];
	size_t count;
	struct imap_namespaces others; /* mailboxes of others, of which nothing is told */
	bool status;		/* said STATUS */
	bool selected, delayed; /* a group speaks of the selected mailbox */
	unsigned here;		/* its events */
	struct span fetch;	/* "(UID ...)" of its MessageNew; empty: nothing */
	bool follows;		/* of other mailboxes something is wanted */
};

/* Events of a mailbox that is not the selected one; 0: none are wanted. */
unsigned imap_notify_events(const struct imap_notify *, struct span name, bool subscribed);
/* "* STATUS name (...)"; modseq: HIGHESTMODSEQ, too. */
void imap_notify_status(struct imap_session *, struct span name, const struct imap_moved *,
			bool modseq);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/context - results that are kept up to date (RFC 5267).  Private.
 *
 * SEARCH and SORT with UPDATE leave their query and their result here, in memory of
 * their own; it goes with the selected mailbox.  When the session is told what
 * changed, the query is asked of the changed messages alone, and what became of
 * the result is told as ADDTO and REMOVEFROM.
 *
 * Bounds: IMAP_CONTEXTS_MAX results of one session, which take IMAP_CONTEXT_MEMORY
 * bytes together; a query with IMAP_CONTEXT_RUNS runs of UIDs.  What is over a bound is
 * answered, but not kept up to date: [NOUPDATE].
 */
#pragma once

#include "imap/search.h"

#define IMAP_CONTEXTS_MAX   8u
#define IMAP_CONTEXT_MEMORY (512u << 10)
#define IMAP_CONTEXT_RUNS   1024u
#define IMAP_CONTEXT_FETCH  2048u /* bytes of what is fetched of new messages */
/* So many new messages are put into an order one by one. */
#define IMAP_CONTEXT_SINGLY 16u

/* False, and BAD was said: an UPDATE of that tag goes on already. */
MUST_USE bool imap_context_tag_free(struct imap_session *);
/* The running command's result is kept up to date, or [NOUPDATE] is said. */
void imap_context_of_search(struct imap_session *, const struct imap_query *, struct span fetch,
			    const struct imap_set *);
void imap_context_of_sort(struct imap_session *, const struct imap_query *, struct span fetch,
			  const struct imap_order *, const struct imap_ordered *);
/* [NOUPDATE] of the running command. */
void imap_context_refuse(struct imap_session *, const char *why);
/* False: there is none. */
bool imap_context_cancel(struct imap_session *, struct span tag);

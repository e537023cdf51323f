/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/metadata - annotations in commands and answers (RFC 5464).  Private.
 *
 * Entries are compared in lower case and told as the client wrote them.
 */
#pragma once

#include "imap/state.h"

struct imap_entries_asked {
	struct span said[IMAP_ENTRIES_MAX];  /* as the client wrote them */
	struct span names[IMAP_ENTRIES_MAX]; /* lower case */
	size_t count;
	unsigned depth;
	uint32_t largest; /* value that is wanted */
};

enum imap_entries_result {
	IMAP_ENTRIES_OK,
	IMAP_ENTRIES_BAD,
	IMAP_ENTRIES_LIMIT,
	IMAP_ENTRIES_MEMORY,
};

/* One; `said` as it came. */
MUST_USE enum imap_entries_result imap_entry_parse(struct imap_lex *, struct span *said,
						   struct span *name);
/* "(" entries ")", or entries up to the end of the line. */
MUST_USE enum imap_entries_result imap_entries_parse(struct imap_lex *,
						     struct imap_entries_asked *);
/*
 * "* METADATA ..." of a mailbox (empty: the server), where there is something to
 * tell: entries that nobody set are NIL.  *longest: of the values left out, 0: none.
 */
enum imap_answer imap_metadata_tell(struct imap_session *,
				    const struct imap_entries_asked *,
				    struct span mailbox, uint32_t *longest);

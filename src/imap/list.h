/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/list - what a LIST asks for (RFC 3501 6.3.8, RFC 5258, 5819, 6154, 9590).  Private.
 */
#pragma once

#include "imap/metadata.h"
#include "imap/pattern.h"
#include "imap/state.h"

#define IMAP_LIST_PATTERNS_MAX 16u   /* of one command */
#define IMAP_LIST_NAMES_MAX    20000u /* names that RECURSIVEMATCH looks at */

struct imap_listing {
	/* Which names. */
	const struct imap_pattern *patterns[IMAP_LIST_PATTERNS_MAX];
	size_t pattern_count;
	bool root;       /* a basic LIST with an empty name: the separator alone */
	bool subscribed; /* only those, existing or not */
	bool special;    /* only those with a use */
	bool recursive;  /* and those above a subscribed name */
	/* What is said of them. */
	bool tell_subscribed;
	bool rights;     /* RFC 8440 */
	struct span old_name; /* of one that was renamed; empty: not told */
	unsigned status; /* items of imap/cmd_status, 0: none */
	const struct imap_entries_asked *metadata; /* NULL: none */
};

/* Everything behind LIST.  False: answered. */
MUST_USE bool imap_list_parse(struct imap_session *, struct imap_lex *,
			      struct imap_listing *);
bool imap_list_matches(const struct imap_listing *, struct span name);
/* Reference and name joined into a pattern; one that is no name matches nothing. */
MUST_USE const struct imap_pattern *imap_list_pattern(struct imap_session *,
						      struct span reference,
						      struct span mailbox);

/* "\Sent"; IMAP_USE_NONE: not one that we know. */
enum imap_use imap_use_parse(struct span word);

/* "* LIST (...) ..." and, where asked for, "* STATUS ..." and "* METADATA ...". */
void imap_list_line(struct imap_session *, const struct imap_listing *,
		    const struct imap_entry *, bool childinfo);
/* LIST (SUBSCRIBED RECURSIVEMATCH). */
MUST_USE enum imap_answer imap_list_recursive(struct imap_session *,
					      const struct imap_listing *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/search - SEARCH keys into a postfix program; what SEARCH, SORT and THREAD
 * share.  Private.
 */
#pragma once

#include "imap/fetch.h"

/* What RETURN asks for (RFC 4731, 5182, 5267, 9394). */
#define IMAP_WANT_MIN   1u
#define IMAP_WANT_MAX   2u
#define IMAP_WANT_ALL   4u
#define IMAP_WANT_COUNT 8u
#define IMAP_WANT_SAVE  16u
#define IMAP_WANT_PART  32u
#define IMAP_WANT_UPDATE 64u
#define IMAP_RETURN_TAKES "RETURN takes MIN, MAX, ALL, COUNT, SAVE, PARTIAL n:m, UPDATE and CONTEXT"

struct imap_wanted {
	bool extended; /* RETURN stands there */
	unsigned what;
	struct imap_part part;
};
/* "RETURN (" options ") ", or nothing, which leaves what is wanted.  False: BAD. */
MUST_USE bool imap_return_parse(struct imap_lex *, struct imap_wanted *);

/* Those that make a line of answer. */
#define IMAP_WANT_TOLD                                                         \
	(IMAP_WANT_MIN | IMAP_WANT_MAX | IMAP_WANT_ALL | IMAP_WANT_COUNT | IMAP_WANT_PART)

/* A key that is true where the keyword is set. */
struct imap_keywords;
struct imap_query_op imap_query_keyword(const struct imap_keywords *, struct span name);

/* Where a result comes from, told by ESEARCH alone (RFC 7377). */
struct imap_source {
	struct span name;
	uint32_t uid_validity;
};
#define IMAP_ESEARCH_NAMES    1024u     /* mailboxes of one command */
#define IMAP_ESEARCH_MESSAGES 4000000u  /* that are in them together */

/* "* ESEARCH": numbers, as they stand in answers.  False: out of memory. */
MUST_USE bool imap_esearch_tell(struct imap_session *, const struct imap_wanted *,
				const struct imap_set *numbers, const struct imap_query *,
				uint64_t modseq, const struct imap_source *);
/* From the search program on: all of a SEARCH in the selected mailbox. */
void imap_search_selected(struct imap_session *, struct imap_lex *, struct imap_wanted *,
			  const struct imap_source *);

/*
 * For mailboxes that are not known yet: sets by number and "$" are BAD, and keys that mean
 * something else in each mailbox are bound there.
 */
MUST_USE bool imap_search_parse_unbound(struct imap_session *, struct imap_lex *,
					struct imap_query *);
struct imap_binding {
	const struct imap_keywords *keywords;
	uint32_t recent_from, last; /* "*" */
	struct arena *arena;
};
/* Does a key say "*"?  Then the last UID has to be known. */
bool imap_query_names_last(const struct imap_query *);
/* False: out of memory. */
MUST_USE bool imap_query_bind(const struct imap_query *, const struct imap_binding *,
			      struct imap_query *out);

/* Parses everything to the end.  False: answered. */
MUST_USE bool imap_search_parse(struct imap_session *, struct imap_lex *,
				struct imap_query *);
/* The same behind SORT and THREAD, where a charset always stands in front. */
MUST_USE bool imap_order_parse(struct imap_session *, struct imap_lex *,
			       struct imap_query *);

/* imap/ordered.c */
/* The messages that match, in order; numbers[i] is what the client calls uids[i], 0 of none.
 * False: answered. */
struct imap_numbered {
	struct imap_ordered order;
	uint32_t *numbers;
	struct imap_set uids;
	uint64_t modseq;
};
MUST_USE bool imap_order_run(struct imap_session *, const struct imap_query *,
			     const struct imap_order *, struct imap_numbered *);

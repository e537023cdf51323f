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
#define IMAP_WANT_RELEVANCY 128u
#define IMAP_RETURN_TAKES "RETURN takes MIN, MAX, ALL, COUNT, SAVE, PARTIAL n:m, UPDATE, CONTEXT and RELEVANCY"

struct imap_wanted {
	bool extended; /* RETURN stands there */
	unsigned what;
	struct imap_part part;
	struct span fetch; /* of UPDATE: what is fetched of new messages, RFC 5465 7; or empty */
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
#define IMAP_ESEARCH_NAMES    10000u    /* mailboxes of one command */
#define IMAP_ESEARCH_MESSAGES 4000000u  /* that are in them together */

struct imap_relevant; /* NULL: not asked for */
/* "* ESEARCH": numbers, as they stand in answers.  False: out of memory. */
MUST_USE bool imap_esearch_tell(struct imap_session *, const struct imap_wanted *,
				const struct imap_set *numbers, const struct imap_query *,
				uint64_t modseq, const struct imap_relevant *,
				const struct imap_source *);
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

/* imap/fuzzy.c (RFC 6203) */
#define IMAP_FUZZY_WORDS 16u   /* of one text; those behind them are not asked for */
#define IMAP_FUZZY_RUNS  1024u /* what was found in more is compared with all that is closer */
enum imap_closeness {
	IMAP_CLOSE_TEXT,  /* 100 of 100 points: the texts stand there as they were written */
	IMAP_CLOSE_WORDS, /*  70: all words do */
	IMAP_CLOSE_FORMS, /*  40: some form of each word does */
};
enum imap_fuzzy_result { IMAP_FUZZY_OK, IMAP_FUZZY_LIMIT, IMAP_FUZZY_MEMORY };
bool imap_query_is_fuzzy(const struct imap_query *);
/* The query without fuzzy keys, that near. */
MUST_USE enum imap_fuzzy_result imap_query_fuzzy(const struct imap_query *, enum imap_closeness,
						 struct arena *, struct imap_query *out);
/* How near found messages come; the query has closer ones. */
struct imap_relevancy {
	struct imap_set text, words;
};
MUST_USE enum imap_answer imap_relevancy(struct imap_session *, uint64_t mailbox,
					 const struct imap_query *, const struct imap_set *found,
					 struct imap_relevancy *out);
/* For RETURN (RELEVANCY); nothing where it is not wanted.  False: not now. */
struct imap_relevant {
	struct imap_set uids;
	struct imap_relevancy scores;
};
MUST_USE bool imap_relevant(struct imap_session *, const struct imap_wanted *, uint64_t mailbox,
			    const struct imap_query *, const struct imap_set *uids,
			    struct imap_relevant *out);
/* True: there is no FUZZY key, and that was answered. */
MUST_USE bool imap_relevancy_refused(struct imap_session *, const struct imap_query *);
/* 1 to 100 */
unsigned imap_relevancy_of(const struct imap_relevancy *, uint32_t uid);

/* imap/ordered.c */
/* The messages that match, in order; numbers[i] is what the client calls uids[i], 0 of none.
 * False: answered. */
struct imap_numbered {
	struct imap_ordered order;
	uint32_t *numbers;
	struct imap_set uids;
	uint64_t modseq;
};
/* Among equals by the first `before` keys the nearest come first, or last.  False: not now. */
MUST_USE bool imap_order_nearest(struct imap_session *, const struct imap_order *, size_t before,
				 bool reverse, const struct imap_relevancy *,
				 struct imap_numbered *);
MUST_USE bool imap_order_run(struct imap_session *, const struct imap_query *,
			     const struct imap_order *, struct imap_numbered *);

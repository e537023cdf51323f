/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/query - a SEARCH as a flat program in postfix form.
 *
 * The session parses the client's keys into it; the host evaluates it, one
 * stack of truth values per message: every op pushes one value, NOT replaces
 * the top, AND and OR replace the two on top.  After the last op exactly one
 * value is left.  The stack never gets deeper than IMAP_QUERY_DEPTH.
 *
 * Nothing in it speaks of sequence numbers or of this session: sequence sets,
 * RECENT, NEW and OLD are UID sets by now, keywords are bits (one that the
 * mailbox does not know is IMAP_Q_NONE).  Texts are valid UTF-8 without NUL, matched
 * without case (i;unicode-casemap where the host can, ASCII at least) as
 * substrings.  Days count from 1970-01-01, in the message's own zone for SENT,
 * in UTC for the internal date.  Ages count from one moment, which the session
 * asked for: a search that is made in parts has one "now".
 */
#pragma once

#include "imap/set.h"

#define IMAP_QUERY_OPS   1000u /* keys and operators of one command */
#define IMAP_QUERY_DEPTH 32u   /* nesting of NOT, OR and parentheses */
/* A level keeps what stands left of a key, and OR's first key. */
#define IMAP_QUERY_STACK (2 * IMAP_QUERY_DEPTH + 2)

enum imap_query_kind {
	IMAP_Q_ALL,      /* true */
	IMAP_Q_NONE,     /* false */
	IMAP_Q_FLAGS,    /* every bit of `number` (enum imap_flag) is set */
	IMAP_Q_KEYWORDS, /* every bit of `number` is set in the keyword bits */
	IMAP_Q_UIDS,     /* UID is in `uids` */
	IMAP_Q_BEFORE,   /* internal date's day <  number */
	IMAP_Q_ON,       /* internal date's day == number */
	IMAP_Q_SINCE,    /* internal date's day >= number */
	IMAP_Q_SAVEDBEFORE, /* the day it came into this mailbox: RFC 8514 */
	IMAP_Q_SAVEDON,
	IMAP_Q_SAVEDSINCE,
	IMAP_Q_SENTBEFORE,
	IMAP_Q_SENTON,
	IMAP_Q_SENTSINCE,
	IMAP_Q_OLDER,   /* internal date <= number, in seconds since 1970 */
	IMAP_Q_YOUNGER, /* internal date >= number */
	IMAP_Q_LARGER,  /* size > number */
	IMAP_Q_SMALLER, /* size < number */
	IMAP_Q_HEADER,  /* a field `name` holds `text` (empty: exists) */
	IMAP_Q_BODY,    /* the body holds `text` */
	IMAP_Q_TEXT,    /* header or body holds `text` */
	IMAP_Q_MODSEQ,  /* modseq >= number */
	IMAP_Q_EMAIL,   /* its email id is `text`, IMAP_EMAIL_LEN bytes */
	IMAP_Q_NOT,
	IMAP_Q_AND,
	IMAP_Q_OR,
};

struct imap_query_op {
	enum imap_query_kind kind;
	int64_t day;          /* BEFORE ... SENTSINCE */
	uint64_t number;      /* of OLDER and YOUNGER: an int64_t, cast */
	struct span name;     /* HEADER: lower or upper case as written */
	struct span text;
	struct imap_set uids; /* UIDS */
	bool fuzzy;           /* HEADER, BODY, TEXT: before it became others; the host sees none */
};

struct imap_query {
	struct imap_query_op *ops;
	size_t count;
	bool modseq; /* the client asked by MODSEQ: tell the highest one found */
	/* With FUZZY the same as it was written, and with its words: enum imap_closeness.  Not for
	   the host. */
	const struct imap_query *closer[2];
};

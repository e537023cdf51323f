/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/read - what a delivery status notification of somebody else says
 * (RFC 3464): which recipient, what happened, with what code.
 *
 * It is a stranger's word: a clue for `why` and for the rules against loops,
 * never a proof.  Forgiving: comments, odd cases and unknown fields are passed
 * over, a group of fields without recipient or action is left out and counted.
 * Of fields that stand twice the first counts.  Linear in the bytes.
 *
 * Values are valid UTF-8 of one line; they live in the arena.
 */
#pragma once

#include "base/arena.h"
#include "dsn/dsn.h"
#include "summary/summary.h"

#define DSN_READ_RECIPIENTS 1000u
#define DSN_READ_VALUE	    1024u	 /* octets of a value; more is cut off */
#define DSN_READ_MAX	    (1u << 20) /* octets of the part; more is not read */
#define DSN_READ_ARENA	    (8u << 20) /* enough for any part */

/* An address without its type; utf-8 addresses in their plain form. */
struct dsn_told {
	struct span final, original; /* original: NIL when not given */
	enum dsn_action action;
	bool has_status;
	struct dsn_status status;
	struct span remote, diagnostic; /* without their type; NIL when not given */
};

struct dsn_report {
	struct span reporting; /* Reporting-MTA without its type; NIL */
	struct span envid;     /* Original-Envelope-Id; NIL */
	const struct dsn_told *at;
	size_t count;
	uint32_t broken; /* groups that told nothing */
	bool cut;	 /* there was more than the limits take */
};

enum dsn_reading {
	DSN_READ_OK,
	DSN_READ_NOTHING, /* not a single recipient */
	DSN_READ_MEMORY,
};

/*
 * The part with the fields, in a message whose summary is at hand: below a
 * multipart/report, message/delivery-status or message/global-delivery-status.
 * NULL: the message is no such report.  The caller undoes its encoding.
 */
const struct summary_part *dsn_find(const struct summary *);

MUST_USE enum dsn_reading dsn_read(struct span part, struct arena *, struct dsn_report *out);

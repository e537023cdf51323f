/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/report_sent - what became of a report of ours: a line for each address
 * that asked for it.
 *
 *     1795353600 queued tls@example.org
 *     1795353601 failed https://example.net/in HTTP 500
 *
 * Lines of words by blanks, in the order of the addresses; at most POLICY_RUA_MAX.
 */
#pragma once

#include "base/buf.h"
#include "policy/report.h"

#define POLICY_SENT_TO_MAX  512u /* bytes of an address; more are cut */
#define POLICY_SENT_WHY_MAX 100u
#define POLICY_SENT_MAX	    8192u /* of all lines */

enum policy_sent_outcome {
	POLICY_SENT_QUEUED, /* as mail: from there on the queue knows */
	POLICY_SENT_POSTED, /* a web server has it */
	POLICY_SENT_FAILED, /* it is tried again, for a day */
};

struct policy_sent {
	int64_t when; /* of the last attempt */
	enum policy_sent_outcome outcome;
	struct span to, why; /* why may be empty */
};

void policy_sent_write(struct buf *, const struct policy_sent *);
/* The next line off the front of *text; false: there is none, or it is no such line. */
MUST_USE bool policy_sent_next(struct span *text, struct policy_sent *);
const char *policy_sent_text(enum policy_sent_outcome);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/facts - what the envelope of a job says beside its sender and its
 * recipients: the `facts` of a job, which the spool itself never looks at.
 *
 * Written once when a message is accepted; read by whoever carries it.  A
 * newer form only adds fields at the end: an older row is read with what is
 * not in it as "not given".
 */
#pragma once

#include "base/buf.h"

#define SPOOL_FACTS_FORMAT 3u
#define SPOOL_ID_MAX	   64u
#define SPOOL_HELO_MAX	   255u
#define SPOOL_ENVID_MAX	   100u
#define SPOOL_PRIORITY_MOST 9 /* RFC 6710: -9 to 9 */

/* What is wanted when a deadline passes (RFC 2852): one of the first two. */
#define SPOOL_BY_RETURN 1u
#define SPOOL_BY_NOTIFY 2u
#define SPOOL_BY_TRACE	4u

struct spool_facts {
	struct span id;	   /* as in the log */
	struct span helo;
	struct span envid; /* RFC 3461, xtext as received; may be empty */
	uint8_t ret;	   /* enum smtp_ret */
	bool eight_bit, utf8;
	uint64_t account;  /* who submitted it; 0: it came from elsewhere */
	bool local;	   /* a user of this machine submitted it */
	bool requiretls;   /* RFC 8689: only where the whole way is protected */
	bool tls_optional; /* RFC 8689 5: TLS-Required: No; never with requiretls */
	int8_t priority;   /* RFC 6710; 0: none given */
	struct span original; /* the reverse path that was given, where the job
				 has another one; else empty */
	uint8_t by_mode; /* SPOOL_BY_*; 0: no deadline */
	int64_t by;	 /* seconds; 0 without one */
};

/* False: memory is short, or a value is outside of its limits. */
MUST_USE bool spool_facts_write(const struct spool_facts *, struct buf *);
/* Spans borrow the row.  False: it is no such row. */
MUST_USE bool spool_facts_read(struct span row, struct spool_facts *out);

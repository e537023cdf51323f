/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/tlsrpt - reports on TLS (RFC 8460): sessions are counted, and once a
 * day each domain that asks for reports in the DNS gets its own.
 *
 * A day is one of UTC.  What is counted goes to the store by domain within a minute
 * (notes, named "DAY DOMAIN"), so a restart loses that minute at most.  When the day
 * is over its notes are sent, each at a moment of its own within four hours, tried
 * again every hour for a day, and removed.  Of a domain without a record nothing is
 * kept.  What became of a report is a note of its own for a month.
 *
 * Must never: count the delivery of a report (who sends one for that gets one for
 * it); send to an address that is not in the record of the day of sending.
 */
#pragma once

#include "policy/decide.h"
#include "policy/report.h"
#include "role/common/log.h"
#include "wire/courier_dialer.h"
#include "wire/courier_fetch.h"
#include "wire/courier_store.h"

#define COURIER_TLSRPT_MEMORY (16u << 20) /* bytes of one day's counts */
#define COURIER_TLSRPT_SAVE   60u	  /* seconds between savings */
#define COURIER_TLSRPT_LOOK   600u	  /* ... between looks at what is to be sent */
#define COURIER_TLSRPT_SPREAD (4 * 3600)  /* RFC 8460 4.1: a random delay */
#define COURIER_TLSRPT_RETRY  3600	  /* and that again after a failure ... */
#define COURIER_TLSRPT_GIVE_UP (24 * 3600) /* ... for so long */
#define COURIER_TLSRPT_KEEP   31 /* days that it is known what was sent */

struct courier_tlsrpt;

/* Where the channels stand: *x NULL while there is none.  log may be NULL. */
struct courier_tlsrpt_use {
	struct loop *loop;
	struct log *log;
	struct courier_store *const *store;
	struct courier_dialer *const *dialer;
	struct courier_fetch *const *fetch;
};

/* NULL: memory is short. */
MUST_USE struct courier_tlsrpt *courier_tlsrpt_new(const struct courier_tlsrpt_use *);
/* Our name, in reports and of their sender; borrowed until the next one. */
void courier_tlsrpt_host(struct courier_tlsrpt *, struct span hostname);
/* The role serves: what is kept of today is read, then saved and sent. */
void courier_tlsrpt_start(struct courier_tlsrpt *);
/* In a fiber: what is counted is saved now.  False: not all of it. */
MUST_USE bool courier_tlsrpt_save(struct courier_tlsrpt *);
void courier_tlsrpt_free(struct courier_tlsrpt *); /* NULL is allowed */

/* Is mail from this sender a report of ours?  Its sessions do not count. */
bool courier_tlsrpt_ours(const struct courier_tlsrpt *, struct span sender);
/* One session; everything is copied. */
void courier_tlsrpt_count(struct courier_tlsrpt *, const struct policy_session *);

/* A host that was spoken to, or that the decision forbade. */
struct courier_tlsrpt_seen {
	const struct policy_inputs *in;
	const struct policy_target *target;
	/* What policy_judge says; what the decision found before goes before it. */
	enum policy_failure failure;
	struct span reason; /* of a failure */
	struct span sending_ip, receiving_ip, receiving_helo; /* may be empty */
};
/* One session with it, counted for the policy that it was held to. */
void courier_tlsrpt_saw(struct courier_tlsrpt *, const struct courier_tlsrpt_seen *);

struct courier_tlsrpt_counts {
	uint64_t sessions, mailed, posted, failed, given_up;
	size_t domains; /* today */
};
struct courier_tlsrpt_counts courier_tlsrpt_counts(const struct courier_tlsrpt *);

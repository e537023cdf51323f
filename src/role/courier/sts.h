/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/sts - the MTA-STS policy of a domain, kept and renewed.
 *
 * Policies are rows of the store (policy/sts says what is in them); here is a
 * bounded cache of these.  A domain is fetched by one fiber at a time, and those
 * that need the answer wait for that one.  What is in force is renewed behind the
 * back of mail, once a day, by whoever asks and by a round of its own.
 *
 * Must never: let a failure weaken what is kept; take a store that does not answer
 * for one that keeps nothing.
 */
#pragma once

#include "base/arena.h"
#include "policy/failure.h"
#include "policy/sts.h"
#include "role/common/log.h"
#include "wire/courier_dialer.h"
#include "wire/courier_fetch.h"
#include "wire/courier_store.h"

#define COURIER_STS_CACHE  4096u      /* domains in memory */
#define COURIER_STS_BYTES  (8u << 20) /* of their rows */
#define COURIER_STS_ROUND  3600u      /* seconds between looks at all that is kept */
#define COURIER_STS_FORGET (30 * 86400) /* seconds after the last use of a dead row */

struct courier_sts;

/* Where the channels stand: *x NULL while there is none.  log may be NULL. */
struct courier_sts_use {
	struct loop *loop;
	struct log *log;
	struct courier_store *const *store;
	struct courier_dialer *const *dialer;
	struct courier_fetch *const *fetch;
};

/* NULL: memory is short. */
MUST_USE struct courier_sts *courier_sts_new(const struct courier_sts_use *);
/* Begin the rounds: the role serves. */
void courier_sts_start(struct courier_sts *);
/* Nobody may be inside of courier_sts_for; ends the fibers of its own. */
void courier_sts_free(struct courier_sts *); /* NULL is allowed */

/* As policy_inputs wants it; all of it in the arena. */
struct courier_sts_answer {
	enum policy_sts_txt txt;
	const struct policy_sts *policy; /* that applies; NULL: none */
	/* Announced and not to be had: why. */
	const char *wrong;
	enum policy_failure failure;
};

/*
 * Parks the fiber, for a minute at most.  domain: the policy domain (a smart host's
 * own).  False: it cannot be known now (the store does not answer, memory is short,
 * the fiber was told to end): mail for the domain waits.
 */
MUST_USE bool courier_sts_for(struct courier_sts *, struct span domain,
			      struct arena *, struct courier_sts_answer *);

struct courier_sts_counts {
	uint64_t asked, fetched, failed, renewed;
	size_t cached, bytes;
};
struct courier_sts_counts courier_sts_counts(const struct courier_sts *);

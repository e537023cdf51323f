/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/tally - a day's counts, as tally.c keeps them, tally_row.c packs them and
 * report_write.c reads them; nobody else includes it.
 */
#pragma once

#include "policy/report.h"

struct tally_detail {
	enum policy_failure failure;
	struct span sending_ip, receiving_ip, receiving_mx, receiving_helo;
	struct span reason;
	uint64_t count;
};

struct tally_policy {
	enum policy_type type;
	struct span domain; /* empty: the domain's own */
	uint64_t print; /* of its domain and strings */
	struct span *strings, *mx;
	size_t string_count, mx_count;
	uint64_t successes, failures;
	uint64_t bare; /* failures without particulars */
	size_t detail_count;
	struct tally_detail *details[POLICY_TALLY_DETAILS];
};

struct policy_tally_domain {
	struct span name; /* lower case */
	size_t policy_count;
	bool changed; /* since it was last saved */
	struct tally_policy *policies[POLICY_TALLY_POLICIES];
};

/* The domain, and the policy of a session in it, made if there is room; NULL: there is none. */
struct policy_tally_domain *tally_domain(struct policy_tally *, struct span name);
struct tally_policy *tally_policy(struct policy_tally *, struct policy_tally_domain *,
				  const struct policy_session *);
/* `count` failures of one kind; false: their particulars do not fit. */
bool tally_failures(struct policy_tally *, struct tally_policy *,
		    const struct policy_session *, uint64_t count);
/* Stops at the largest number. */
void tally_add(uint64_t *to, uint64_t n);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/decide_own - what decide.c and decide_host.c share; nobody else
 * includes it.
 */
#pragma once

#include "policy/decide.h"

struct deciding {
	const struct policy_inputs *in;
	struct arena *arena;
	struct policy_decision *out;
	struct policy_dane_result *dane; /* one for each host */
	enum policy_level least;	 /* our rule's, or MAY */
	bool published; /* what the domain publishes counts */
	bool enforce;	/* only hosts of the MTA-STS policy, by name */
	bool testing;
	bool near_dane; /* some host of a signed MX has DANE, or may have */
	bool failed;	/* no memory */
};

/* The MX records, or our own configuration, vouch for the host's name. */
static inline bool policy_route_vouches(const struct deciding *d)
{
	return d->in->route != POLICY_ROUTE_MX ||
	       d->in->mx.trust == POLICY_DNS_SECURE;
}

PRINTF_LIKE(4, 5)
void policy_step(struct deciding *, struct span input, const char *rule,
		 const char *outcome, ...);
void policy_decide_host(struct deciding *, size_t i);

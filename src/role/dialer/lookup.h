/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/dialer/lookup - the addresses of a name, with what is to be believed.
 *
 * A and AAAA are asked at the same time and each has its own trust.  When the name
 * is an alias whose end is not signed, the CNAME at the name itself is asked for
 * too: its trust alone decides whether TLSA records below the name count (RFC 7671
 * section 7).  "failed" is an answer that nobody gave; it is never "no address".
 */
#pragma once

#include "dns/typed.h"
#include "role/dialer/resolver.h"

/* As policy/lookup.h has it, in the order of the schema. */
enum lookup_trust { LOOKUP_FAILED, LOOKUP_BOGUS, LOOKUP_INSECURE, LOOKUP_SECURE };

enum lookup_trust lookup_trust(enum resolver_verdict);

struct lookup_addresses {
	enum lookup_trust trust[2]; /* IPv4, IPv6 */
	struct dns_addresses found[2];
	struct dns_name canonical; /* len 0: the name is no alias */
	enum lookup_trust canonical_trust;
	uint32_t ttl; /* the least of what was found */
	size_t why_len;
	char why[256]; /* what went wrong, or empty */
};

typedef void lookup_addresses_fn(void *ctx, const struct lookup_addresses *);

/* done is called exactly once, maybe before this returns.  False: not now. */
MUST_USE bool lookup_addresses(struct resolver *, const struct dns_name *,
			       uint64_t deadline, lookup_addresses_fn *done,
			       void *ctx);

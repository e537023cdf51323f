/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/lookup - what a resolver said, as far as decisions need it.
 *
 * "There is no record" is found == false with trust SECURE or INSECURE.  BOGUS
 * (signed, and wrong) and FAILED (SERVFAIL, time-out, refused) are no answers:
 * they never count as "no record".  A validator that is switched off gives
 * INSECURE.  Zero is FAILED, so what was never asked protects nobody by
 * accident.
 */
#pragma once

#include "base/span.h"

enum policy_trust {
	POLICY_DNS_FAILED,
	POLICY_DNS_BOGUS,
	POLICY_DNS_INSECURE,
	POLICY_DNS_SECURE,
};

struct policy_lookup {
	enum policy_trust trust;
	bool found; /* only with SECURE and INSECURE */
};

/* "secure", "insecure", "bogus", "failed" */
const char *policy_trust_text(enum policy_trust);

static inline bool policy_answered(struct policy_lookup l)
{
	return l.trust == POLICY_DNS_SECURE || l.trust == POLICY_DNS_INSECURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/failure - why TLS failed, in the words of RFC 8460 section 4.3.
 *
 * The list is what is reported to the receiver's domain; finer reasons go into
 * the report's failure-reason-code.
 */
#pragma once

#include "base/span.h"

enum policy_failure {
	POLICY_FAILURE_NONE, /* no failure */
	POLICY_STARTTLS_NOT_SUPPORTED,
	POLICY_CERTIFICATE_HOST_MISMATCH,
	POLICY_CERTIFICATE_EXPIRED,
	POLICY_CERTIFICATE_NOT_TRUSTED,
	POLICY_VALIDATION_FAILURE,
	POLICY_TLSA_INVALID,
	POLICY_DNSSEC_INVALID,
	POLICY_DANE_REQUIRED,
	POLICY_STS_FETCH_ERROR,
	POLICY_STS_INVALID,
	POLICY_STS_WEBPKI_INVALID,
};

/* Which policy a session was held to; "tlsa", "sts", "no-policy-found". */
enum policy_type { POLICY_TYPE_NONE, POLICY_TYPE_TLSA, POLICY_TYPE_STS };

/* "starttls-not-supported"; empty for POLICY_FAILURE_NONE. */
struct span policy_failure_text(enum policy_failure);
/* POLICY_FAILURE_NONE: not one of the list. */
enum policy_failure policy_failure_parse(struct span);
struct span policy_type_text(enum policy_type);
MUST_USE bool policy_type_parse(struct span, enum policy_type *out);

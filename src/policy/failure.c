/* SPDX-License-Identifier: Apache-2.0 */
/* policy/failure, policy/lookup: names.  Must never change what reports say. */
#include "policy/failure.h"

#include "policy/lookup.h"

static const struct span failures[] = {
	[POLICY_FAILURE_NONE] = SPAN_INIT(""),
	[POLICY_STARTTLS_NOT_SUPPORTED] = SPAN_INIT("starttls-not-supported"),
	[POLICY_CERTIFICATE_HOST_MISMATCH] =
		SPAN_INIT("certificate-host-mismatch"),
	[POLICY_CERTIFICATE_EXPIRED] = SPAN_INIT("certificate-expired"),
	[POLICY_CERTIFICATE_NOT_TRUSTED] = SPAN_INIT("certificate-not-trusted"),
	[POLICY_VALIDATION_FAILURE] = SPAN_INIT("validation-failure"),
	[POLICY_TLSA_INVALID] = SPAN_INIT("tlsa-invalid"),
	[POLICY_DNSSEC_INVALID] = SPAN_INIT("dnssec-invalid"),
	[POLICY_DANE_REQUIRED] = SPAN_INIT("dane-required"),
	[POLICY_STS_FETCH_ERROR] = SPAN_INIT("sts-policy-fetch-error"),
	[POLICY_STS_INVALID] = SPAN_INIT("sts-policy-invalid"),
	[POLICY_STS_WEBPKI_INVALID] = SPAN_INIT("sts-webpki-invalid"),
};

static const struct span types[] = {
	[POLICY_TYPE_NONE] = SPAN_INIT("no-policy-found"),
	[POLICY_TYPE_TLSA] = SPAN_INIT("tlsa"),
	[POLICY_TYPE_STS] = SPAN_INIT("sts"),
};

struct span policy_failure_text(enum policy_failure f)
{
	return failures[f];
}

enum policy_failure policy_failure_parse(struct span s)
{
	for (size_t i = 1; i < ARRAY_LEN(failures); i++)
		if (span_eq_nocase(s, failures[i]))
			return (enum policy_failure)i;
	return POLICY_FAILURE_NONE;
}

struct span policy_type_text(enum policy_type t)
{
	return types[t];
}

bool policy_type_parse(struct span s, enum policy_type *out)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (span_eq_nocase(s, types[i])) {
			*out = (enum policy_type)i;
			return true;
		}
	return false;
}

const char *policy_trust_text(enum policy_trust t)
{
	static const char *const texts[] = {"failed", "bogus", "insecure",
					    "secure"};
	return texts[t];
}

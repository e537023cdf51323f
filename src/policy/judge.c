/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/judge: what follows from an attempt, and the names of levels.
 *
 * Must never go on in clear where the target does not allow it.
 */
#include "base/ensure.h"
#include "policy/decide.h"

/* What an event is called in a report, and to a person. */
static const struct {
	enum policy_failure failure;
	const char *why;
	bool certificate; /* TLS is up, only the certificate is wrong */
} events[POLICY_EVENTS] = {
	[POLICY_EVENT_GOOD] = {POLICY_FAILURE_NONE, "", false},
	[POLICY_EVENT_NOT_OFFERED] = {POLICY_STARTTLS_NOT_SUPPORTED,
				      "the host does not offer STARTTLS", false},
	[POLICY_EVENT_REFUSED] = {POLICY_STARTTLS_NOT_SUPPORTED,
				  "the host refuses STARTTLS", false},
	[POLICY_EVENT_HANDSHAKE] = {POLICY_VALIDATION_FAILURE,
				    "the TLS handshake fails", false},
	[POLICY_EVENT_NAME] = {POLICY_CERTIFICATE_HOST_MISMATCH,
			       "the certificate is for other names", true},
	[POLICY_EVENT_EXPIRED] = {POLICY_CERTIFICATE_EXPIRED,
				  "the certificate is not valid today", true},
	[POLICY_EVENT_UNTRUSTED] = {POLICY_CERTIFICATE_NOT_TRUSTED,
				    "the certificate is from no authority that "
				    "is trusted here",
				    true},
	[POLICY_EVENT_TLSA] = {POLICY_VALIDATION_FAILURE,
			       "the certificate matches no TLSA record", true},
	[POLICY_EVENT_KEY] = {POLICY_VALIDATION_FAILURE,
			      "the key is none of those that our rule lists",
			      true},
	[POLICY_EVENT_CERTIFICATE] = {POLICY_VALIDATION_FAILURE,
				      "the certificate cannot be verified",
				      true},
	[POLICY_EVENT_NO_REQUIRETLS] = {POLICY_FAILURE_NONE,
					"the host does not offer REQUIRETLS, "
					"which the sender asked for",
					false},
};

static bool good(const struct policy_target *t, enum policy_event e)
{
	if (e == POLICY_EVENT_GOOD)
		return true;
	if (e == POLICY_EVENT_NO_REQUIRETLS)
		return !t->requiretls;
	return events[e].certificate && !policy_level_verifies(t->level);
}

static enum policy_go in_clear(enum policy_event e)
{
	return e == POLICY_EVENT_HANDSHAKE ? POLICY_GO_CLEAR_AGAIN
					   : POLICY_GO_CLEAR;
}

struct policy_verdict policy_judge(const struct policy_target *t,
				   enum policy_event e)
{
	struct policy_verdict v = {.go = POLICY_GO_TLS,
				   .failure = events[e].failure,
				   .status = "2.0.0",
				   .why = events[e].why};
	ENSURE(t->allowed);
	if (good(t, e)) {
		/* Reported where somebody asked for the check, else no failure. */
		if (!t->report_only)
			v.failure = POLICY_FAILURE_NONE;
	} else if (t->cleartext && !events[e].certificate) {
		v.go = in_clear(e);
	} else {
		v.go = POLICY_GO_NEXT;
		v.status = e == POLICY_EVENT_NO_REQUIRETLS ? "5.7.30"
			   : t->requiretls		   ? "5.7.10"
							   : "4.7.5";
	}
	return v;
}

/* ---- names ---------------------------------------------------------------- */

static const char *const levels[] = {
	[POLICY_LEVEL_NONE] = "none",
	[POLICY_LEVEL_MAY] = "may",
	[POLICY_LEVEL_ENCRYPT] = "encrypt",
	[POLICY_LEVEL_FINGERPRINT] = "fingerprint",
	[POLICY_LEVEL_DANE] = "dane",
	[POLICY_LEVEL_DANE_ONLY] = "dane-only",
	[POLICY_LEVEL_STS] = "sts",
	[POLICY_LEVEL_VERIFY] = "verify",
	[POLICY_LEVEL_SECURE] = "secure",
};

const char *policy_level_text(enum policy_level level)
{
	return levels[level];
}

bool policy_level_parse(struct span s, enum policy_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (span_eq(s, span_cstr(levels[i]))) {
			*out = (enum policy_level)i;
			return true;
		}
	return false;
}

bool policy_level_verifies(enum policy_level level)
{
	return level >= POLICY_LEVEL_FINGERPRINT;
}

const char *policy_by_text(enum policy_by by)
{
	static const char *const texts[] = {
		[POLICY_BY_NOBODY] = "opportunistic",
		[POLICY_BY_RULE] = "our rule",
		[POLICY_BY_STS] = "MTA-STS",
		[POLICY_BY_DANE] = "DANE",
		[POLICY_BY_REQUIRETLS] = "REQUIRETLS",
	};
	return texts[by];
}

const char *policy_action_text(enum policy_action action)
{
	static const char *const texts[] = {"deliver", "defer", "bounce"};
	return texts[action];
}

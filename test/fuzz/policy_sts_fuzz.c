/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy of MTA-STS: what is taken keeps to its limits, survives its row, and
 * matches no more than one label behind a star.
 */
#include "base/ensure.h"
#include "policy/sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void matches(const struct policy_sts *p)
{
	char host[600];
	for (size_t i = 0; i < p->mx_count; i++) {
		struct span mx = p->mx[i];
		ENSURE(mx.len > 0 && mx.len < 256);
		if (mx.ptr[0] != '*') {
			ENSURE(policy_sts_match(p, mx));
			continue;
		}
		memcpy(host, "a", 1);
		memcpy(host + 1, mx.ptr + 1, mx.len - 1);
		ENSURE(policy_sts_match(p, span_of(host, mx.len)));
	}
	ENSURE(!policy_sts_match(p, span_of("", 0)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_sts_kept kept, back;
	struct policy_sts_reply reply = {200, SPAN("text/plain"),
					 span_of(data, size), true};
	struct buf b, again;
	if (policy_sts_reply(&reply, &kept.policy) != NULL)
		return 0;
	ENSURE(kept.policy.max_age <= POLICY_STS_AGE_MAX);
	ENSURE(kept.policy.mode == POLICY_STS_MODE_NONE ||
	       kept.policy.mx_count > 0);
	matches(&kept.policy);
	kept.has_policy = true;
	kept.fetched = 1700000000;
	kept.id = SPAN("20260101");
	buf_init(&b, POLICY_STS_ROW_MAX);
	buf_init(&again, POLICY_STS_ROW_MAX);
	policy_sts_pack(&b, &kept);
	ENSURE(buf_ok(&b));
	ENSURE(policy_sts_unpack(buf_span(&b), &back));
	policy_sts_pack(&again, &back);
	ENSURE(span_eq(buf_span(&b), buf_span(&again)));
	buf_free(&b);
	buf_free(&again);
	return 0;
}

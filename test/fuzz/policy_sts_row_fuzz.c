/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kept policy's row: what is read is written back byte for byte, a fetch that
 * fails changes nothing that applies, and one that succeeds is kept.
 */
#include "base/ensure.h"
#include "policy/sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void learn(struct policy_sts_kept *k, int64_t now)
{
	static struct policy_sts_kept before;
	const struct policy_sts_record r = {
		.kind = POLICY_STS_TXT_ID, .id_len = 1, .id = "b"};
	struct policy_sts fresh = {.mode = POLICY_STS_MODE_TESTING,
				   .max_age = 1000,
				   .mx_count = 1,
				   .mx = {SPAN("mx.example.org")}};
	before = *k;
	struct policy_sts_plan plan = policy_sts_plan(k, &r, now);
	ENSURE(!plan.wait || plan.fetch);
	ENSURE(plan.apply == policy_sts_alive(k, now));
	policy_sts_learn(k, &r, NULL, now);
	ENSURE(!policy_sts_plan(k, &r, now).fetch);
	ENSURE(policy_sts_expires(k) == policy_sts_expires(&before));
	ENSURE(k->policy.mode == before.policy.mode);
	policy_sts_learn(k, &r, &fresh, now);
	ENSURE(policy_sts_alive(k, now + 1000));
	ENSURE(!policy_sts_alive(k, now + 1001));
	ENSURE(!policy_sts_plan(k, &r, now).fetch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_sts_kept kept;
	struct policy_sts_record none = {.kind = POLICY_STS_TXT_FAILED};
	struct buf b;
	if (!policy_sts_unpack(span_of(data, size), &kept))
		return 0;
	ENSURE(kept.policy.mx_count <= POLICY_STS_MX_MAX);
	buf_init(&b, POLICY_STS_ROW_MAX);
	policy_sts_pack(&b, &kept);
	ENSURE(buf_ok(&b) && span_eq(buf_span(&b), span_of(data, size)));
	buf_free(&b);
	int64_t end = policy_sts_expires(&kept);
	ENSURE(kept.has_policy == policy_sts_alive(&kept, end - 1));
	ENSURE(!policy_sts_alive(&kept, end));
	struct policy_sts_plan plan = policy_sts_plan(&kept, &none, end - 1);
	ENSURE(plan.apply == kept.has_policy && !plan.wait);
	learn(&kept, end / 2);
	return 0;
}

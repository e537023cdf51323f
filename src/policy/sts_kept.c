/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/sts: how long a policy lives, when it is fetched again, and its row.
 *
 * Must never let a failure, an absent record or a clock set back end a policy
 * before its time; must never ask a web server that failed again at once for
 * the same version.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "base/pack.h"
#include "policy/sts.h"

#define FORMAT	     1u
#define FAILURES_MAX 1000000u

int64_t policy_sts_expires(const struct policy_sts_kept *k)
{
	return k->has_policy ? k->fetched + (int64_t)k->policy.max_age + 1 : 0;
}

bool policy_sts_alive(const struct policy_sts_kept *k, int64_t now)
{
	return k != NULL && k->has_policy && now < policy_sts_expires(k);
}

static int64_t pause_after(uint32_t failures)
{
	int64_t pause = POLICY_STS_RETRY;
	for (uint32_t i = 1; i < failures && pause < POLICY_STS_RETRY_MAX; i++)
		pause *= 2;
	return pause < POLICY_STS_RETRY_MAX ? pause : POLICY_STS_RETRY_MAX;
}

/* A version that failed is not asked for again at once. */
static bool pausing(const struct policy_sts_kept *k, struct span id, int64_t now)
{
	if (k == NULL || k->failures == 0 || !span_eq(k->failed_id, id))
		return false;
	return now >= k->failed && now < k->failed + pause_after(k->failures);
}

struct policy_sts_plan policy_sts_plan(const struct policy_sts_kept *k,
				       const struct policy_sts_record *r,
				       int64_t now)
{
	struct policy_sts_plan plan = {.apply = policy_sts_alive(k, now)};
	struct span id = policy_sts_id(r);
	bool known = r->kind == POLICY_STS_TXT_ID;
	bool changed = known && (!plan.apply || !span_eq(k->id, id));
	/* Half its life for what lives shortly. */
	int64_t age = plan.apply ? now - k->fetched : 0;
	int64_t due = plan.apply && k->policy.max_age / 2 < POLICY_STS_REFRESH
			      ? (int64_t)k->policy.max_age / 2
			      : POLICY_STS_REFRESH;
	bool stale = plan.apply && age >= due;
	/* A record that is gone asks for no fetch; no answer proves nothing. */
	bool may_ask = known || r->kind == POLICY_STS_TXT_FAILED ||
		       r->kind == POLICY_STS_TXT_BOGUS;
	plan.fetch = (changed || (stale && may_ask)) && !pausing(k, id, now);
	plan.wait = plan.fetch && changed;
	return plan;
}

void policy_sts_learn(struct policy_sts_kept *k, const struct policy_sts_record *r,
		      const struct policy_sts *fresh, int64_t now)
{
	struct span id = policy_sts_id(r);
	if (fresh == NULL) {
		if (k->failures < FAILURES_MAX)
			k->failures++;
		k->failed = now;
		k->failed_id = id;
		return;
	}
	if (&k->policy != fresh)
		k->policy = *fresh;
	k->has_policy = true;
	k->fetched = now;
	k->failures = 0;
	k->failed = 0;
	k->failed_id = span_of(NULL, 0);
	/* Without a record (the name server is silent) the old id stays. */
	if (id.len > 0)
		k->id = id;
}

/* ---- the row -------------------------------------------------------------- */

void policy_sts_pack(struct buf *b, const struct policy_sts_kept *k)
{
	pack_u8(b, FORMAT);
	pack_u8(b, k->has_policy);
	pack_u64(b, (uint64_t)k->fetched);
	pack_u32(b, k->failures);
	pack_u64(b, (uint64_t)k->failed);
	pack_span(b, k->id);
	pack_span(b, k->failed_id);
	if (!k->has_policy)
		return;
	pack_u8(b, (uint8_t)k->policy.mode);
	pack_u32(b, k->policy.max_age);
	pack_varint(b, k->policy.mx_count);
	for (size_t i = 0; i < k->policy.mx_count; i++)
		pack_span(b, k->policy.mx[i]);
}

static int64_t seconds(struct unpack *u)
{
	uint64_t n = unpack_u64(u);
	if (n > INT64_MAX / 2)
		unpack_fail(u);
	return (int64_t)n;
}

static void unpack_policy(struct unpack *u, struct policy_sts *p)
{
	uint8_t mode = unpack_u8(u);
	if (mode > POLICY_STS_MODE_ENFORCE)
		unpack_fail(u);
	p->mode = (enum policy_sts_mode)mode;
	p->max_age = unpack_u32(u);
	if (p->max_age > POLICY_STS_AGE_MAX)
		unpack_fail(u);
	size_t count = (size_t)unpack_varint(u, POLICY_STS_MX_MAX);
	if (count == 0 && p->mode != POLICY_STS_MODE_NONE)
		unpack_fail(u);
	for (p->mx_count = 0; unpack_ok(u) && p->mx_count < count; p->mx_count++)
		p->mx[p->mx_count] = unpack_span(u, 255);
}

bool policy_sts_unpack(struct span row, struct policy_sts_kept *out)
{
	struct unpack u = unpack_of(row);
	*out = (struct policy_sts_kept){0};
	if (unpack_u8(&u) != FORMAT)
		return false;
	out->has_policy = unpack_bool(&u);
	out->fetched = seconds(&u);
	out->failures = unpack_u32(&u);
	if (out->failures > FAILURES_MAX)
		unpack_fail(&u);
	out->failed = seconds(&u);
	out->id = unpack_span(&u, POLICY_STS_ID_MAX);
	out->failed_id = unpack_span(&u, POLICY_STS_ID_MAX);
	if (out->has_policy)
		unpack_policy(&u, &out->policy);
	return unpack_done(&u);
}

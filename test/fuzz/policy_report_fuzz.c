/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report of another server; what was read of it is counted as if it were our
 * own, and the report of that reads again with the same sums.
 */
#include "base/ensure.h"
#include "base/utf8.h"
#include "policy/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(struct policy_tally *t, const struct policy_report_policy *p)
{
	struct policy_session s = {.domain = p->domain,
				   .type = p->type,
				   .strings = p->strings,
				   .string_count = p->string_count,
				   .mx = p->mx,
				   .mx_count = p->mx_count};
	(void)policy_tally_add(t, &s);
	for (size_t i = 0; i < p->detail_count; i++) {
		const struct policy_report_detail *d = &p->details[i];
		ENSURE(utf8_valid(d->info) && utf8_valid(d->result));
		s.failure = d->failure;
		s.sending_ip = d->sending_ip;
		s.receiving_ip = d->receiving_ip;
		s.receiving_mx = d->receiving_mx;
		s.receiving_helo = d->receiving_helo;
		s.reason = d->reason;
		(void)policy_tally_add(t, &s);
	}
}

static void again(struct arena *arena, const struct policy_report *r,
		  const struct policy_tally *t)
{
	const struct policy_tally_domain *d;
	struct policy_report back;
	struct buf b;
	size_t at = 0;
	buf_init(&b, POLICY_REPORT_TEXT_MAX);
	while ((d = policy_tally_next(t, &at)) != NULL) {
		buf_clear(&b);
		policy_report_write(&b, &r->head, d);
		if (!buf_ok(&b))
			continue;
		ENSURE(policy_report_read(arena, buf_span(&b), &back) == NULL);
		for (size_t i = 0; i < back.policy_count; i++) {
			const struct policy_report_policy *p = &back.policies[i];
			uint64_t sum = 0;
			for (size_t k = 0; k < p->detail_count; k++)
				sum += p->details[k].count;
			ENSURE(p->type_known && sum == p->failures);
		}
	}
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[SIPHASH_KEY];
	struct arena *arena = arena_new(64u << 20);
	struct policy_tally *t = policy_tally_new(secret, 1u << 20);
	struct policy_report r;
	if (arena != NULL && t != NULL &&
	    policy_report_read(arena, span_of(data, size), &r) == NULL) {
		for (size_t i = 0; i < r.policy_count; i++)
			count(t, &r.policies[i]);
		again(arena, &r, t);
	}
	policy_tally_free(t);
	arena_free(arena);
	return 0;
}

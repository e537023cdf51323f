/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row of counts: what is taken is written back and taken again to the same
 * report; what is refused adds nothing.
 */
#include "base/ensure.h"
#include "policy/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t secret[SIPHASH_KEY] = "fifteen letters";

static struct policy_tally *tally(void)
{
	struct policy_tally *t = policy_tally_new(secret, 4u << 20);
	ENSURE(t != NULL);
	return t;
}

static void report(struct buf *b, const struct policy_tally *t)
{
	const struct policy_report_head head = {.organization = SPAN("x")};
	buf_init(b, 16u << 20);
	policy_report_write(b, &head, policy_tally_find(t, SPAN("Example.org")));
	ENSURE(buf_ok(b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_tally *t = tally(), *again = tally();
	struct buf row, one, two;
	buf_init(&row, 4u << 20);
	if (policy_tally_unpack(t, SPAN("example.org"), span_of(data, size))) {
		const struct policy_tally_domain *d =
			policy_tally_find(t, SPAN("EXAMPLE.ORG"));
		ENSURE(d != NULL && policy_tally_domains(t) == 1);
		policy_tally_pack(&row, d, POLICY_TALLY_WHOLE);
		ENSURE(buf_ok(&row) &&
		       policy_tally_unpack(again, SPAN("example.ORG"),
					   buf_span(&row)));
		report(&one, t);
		report(&two, again);
		/* A count that is full does not say any more how far beyond. */
		ENSURE(span_eq(buf_span(&one), buf_span(&two)) ||
		       span_find_span(buf_span(&one), SPAN("18446744073709551615")) !=
			       SIZE_MAX);
		buf_free(&one);
		buf_free(&two);
	} else {
		ENSURE(policy_tally_lost(t) == 0);
	}
	buf_free(&row);
	policy_tally_free(t);
	policy_tally_free(again);
	return 0;
}

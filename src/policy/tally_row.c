/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/report: the counts of one domain as a row, so that a restart loses none.
 *
 * A row is judged whole before any of it counts.  The secret that tells policies
 * apart is another one in each life, so they are found again by what they say.
 */
#include "base/pack.h"
#include "base/ensure.h"
#include "policy/tally.h"

#define FORMAT	   1u
#define STRING_MAX 4096u
#define DOMAIN_MAX 255u

/* ---- writing ---------------------------------------------------------------- */

static void pack_list(struct buf *b, const struct span *at, size_t count)
{
	pack_varint(b, count);
	for (size_t i = 0; i < count; i++)
		pack_span(b, span_sub(at[i], 0, STRING_MAX));
}

static void pack_detail(struct buf *b, const struct tally_detail *d)
{
	pack_u8(b, (uint8_t)d->failure);
	pack_span(b, span_sub(d->sending_ip, 0, STRING_MAX));
	pack_span(b, span_sub(d->receiving_ip, 0, STRING_MAX));
	pack_span(b, span_sub(d->receiving_mx, 0, STRING_MAX));
	pack_span(b, span_sub(d->receiving_helo, 0, STRING_MAX));
	pack_span(b, span_sub(d->reason, 0, STRING_MAX));
	pack_u64(b, d->count);
}

void policy_tally_pack(struct buf *b, const struct policy_tally_domain *d,
		       enum policy_tally_part part)
{
	pack_u8(b, FORMAT);
	pack_u8(b, (uint8_t)d->policy_count);
	for (size_t i = 0; i < d->policy_count; i++) {
		const struct tally_policy *p = d->policies[i];
		bool sums = part == POLICY_TALLY_SUMS;
		size_t details = part == POLICY_TALLY_WHOLE ? p->detail_count : 0;
		pack_u8(b, (uint8_t)p->type);
		pack_span(b, p->domain);
		pack_list(b, p->strings, sums ? 0 : p->string_count);
		pack_list(b, p->mx, sums ? 0 : p->mx_count);
		pack_u64(b, p->successes);
		pack_u64(b, p->failures);
		pack_varint(b, details);
		for (size_t k = 0; k < details; k++)
			pack_detail(b, p->details[k]);
	}
}

/* ---- reading ------------------------------------------------------------------ */

struct row_policy {
	struct span strings[POLICY_TALLY_STRINGS], mx[POLICY_TALLY_STRINGS];
	struct policy_session session;
	uint64_t successes, failures;
	size_t details;
};

static size_t unpack_list(struct unpack *u, struct span at[POLICY_TALLY_STRINGS])
{
	size_t count = (size_t)unpack_varint(u, POLICY_TALLY_STRINGS);
	for (size_t i = 0; unpack_ok(u) && i < count; i++)
		at[i] = unpack_span(u, STRING_MAX);
	return unpack_ok(u) ? count : 0;
}

static void unpack_policy(struct unpack *u, struct row_policy *p)
{
	uint8_t type = unpack_u8(u);
	if (type > POLICY_TYPE_STS)
		unpack_fail(u);
	p->session.type = (enum policy_type)type;
	p->session.policy_domain = unpack_span(u, DOMAIN_MAX);
	p->session.strings = p->strings;
	p->session.string_count = unpack_list(u, p->strings);
	p->session.mx = p->mx;
	p->session.mx_count = unpack_list(u, p->mx);
	p->successes = unpack_u64(u);
	p->failures = unpack_u64(u);
	p->details = (size_t)unpack_varint(u, POLICY_TALLY_DETAILS);
}

static uint64_t unpack_detail(struct unpack *u, struct policy_session *s)
{
	uint8_t failure = unpack_u8(u);
	if (failure == POLICY_FAILURE_NONE || failure > POLICY_STS_WEBPKI_INVALID)
		unpack_fail(u);
	s->failure = (enum policy_failure)failure;
	s->sending_ip = unpack_span(u, STRING_MAX);
	s->receiving_ip = unpack_span(u, STRING_MAX);
	s->receiving_mx = unpack_span(u, STRING_MAX);
	s->receiving_helo = unpack_span(u, STRING_MAX);
	s->reason = unpack_span(u, STRING_MAX);
	return unpack_u64(u);
}

/* Nothing that stands twice in a row, and no detail that counts more than all. */
static bool walk(struct span row, struct policy_tally *t,
		 struct policy_tally_domain *d)
{
	struct unpack u = unpack_of(row);
	struct row_policy p = {0};
	bool whole = true;
	if (unpack_u8(&u) != FORMAT)
		return false;
	uint8_t count = unpack_u8(&u);
	if (count > POLICY_TALLY_POLICIES)
		return false;
	for (uint8_t i = 0; unpack_ok(&u) && i < count; i++) {
		unpack_policy(&u, &p);
		struct tally_policy *to =
			d != NULL ? tally_policy(t, d, &p.session) : NULL;
		uint64_t left = p.failures;
		for (size_t k = 0; unpack_ok(&u) && k < p.details; k++) {
			uint64_t n = unpack_detail(&u, &p.session);
			if (n == 0 || n > left)
				unpack_fail(&u);
			left -= n <= left ? n : left;
			if (to != NULL && !tally_failures(t, to, &p.session, n))
				tally_add(&to->bare, n);
		}
		whole = whole && (d == NULL || to != NULL);
		if (to == NULL)
			continue;
		tally_add(&to->successes, p.successes);
		tally_add(&to->failures, p.failures);
		tally_add(&to->bare, left);
	}
	return unpack_done(&u) && whole;
}

bool policy_tally_unpack(struct policy_tally *t, struct span domain,
			 struct span row)
{
	if (!walk(row, t, NULL))
		return false;
	struct policy_tally_domain *d = tally_domain(t, domain);
	return d != NULL && walk(row, t, d);
}

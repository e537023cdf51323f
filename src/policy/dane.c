/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/dane: records read, chosen and found.
 *
 * Must never take a failed or bogus lookup for "there are no records", and
 * never use records that no signature vouches for.
 */
#include "policy/dane.h"

#include "base/ensure.h"

#define USAGE_TA      2u
#define USAGE_EE      3u
#define SELECTOR_KEY  1u
#define MATCH_FULL    0u
#define MATCH_SHA256  1u
#define MATCH_SHA512  2u
#define DER_SEQUENCE  0x30u

/* A certificate or key: one DER sequence that fills the data. */
static bool der_whole(struct span s)
{
	const uint8_t *p = (const uint8_t *)s.ptr;
	if (s.len < 2 || p[0] != DER_SEQUENCE)
		return false;
	if (p[1] < 0x80)
		return s.len == 2u + p[1];
	size_t n = p[1] & 0x7fu, len = 0;
	if (n == 0 || n > 3 || s.len < 2 + n)
		return false;
	for (size_t i = 0; i < n; i++)
		len = len << 8 | p[2 + i];
	return s.len == 2 + n + len;
}

const char *policy_tlsa_parse(struct span rdata, struct policy_tlsa *out)
{
	const uint8_t *p = (const uint8_t *)rdata.ptr;
	*out = (struct policy_tlsa){0};
	if (rdata.len < 4)
		return "it is cut short";
	*out = (struct policy_tlsa){p[0], p[1], p[2], span_skip(rdata, 3)};
	if (out->usage < USAGE_TA)
		return "usages 0 and 1 (PKIX) say nothing in mail";
	if (out->usage > USAGE_EE)
		return "its usage is unknown";
	if (out->selector > SELECTOR_KEY)
		return "its selector is unknown";
	switch (out->matching) {
	case MATCH_FULL:
		return der_whole(out->data) ? NULL
					    : "its data is no certificate or key";
	case MATCH_SHA256:
		return out->data.len == 32 ? NULL : "a SHA-256 has 32 bytes";
	case MATCH_SHA512:
		return out->data.len == 64 ? NULL : "a SHA-512 has 64 bytes";
	default:
		return "its matching type is unknown";
	}
}

void policy_tlsa_choose(const struct span *rdata, size_t count,
			struct policy_tlsa_set *out)
{
	uint8_t best[USAGE_EE + 1][SELECTOR_KEY + 1] = {{0}};
	size_t usable = 0;
	ENSURE(count <= POLICY_TLSA_MAX);
	out->count = out->unusable = out->weaker = 0;
	out->why = NULL;
	for (size_t i = 0; i < count; i++) {
		struct policy_tlsa *r = &out->records[usable];
		const char *why = policy_tlsa_parse(rdata[i], r);
		if (why != NULL) {
			out->unusable++;
			out->why = out->why != NULL ? out->why : why;
			continue;
		}
		usable++;
		if (r->matching > best[r->usage][r->selector])
			best[r->usage][r->selector] = r->matching;
	}
	for (size_t i = 0; i < usable; i++) {
		struct policy_tlsa r = out->records[i];
		if (r.matching != MATCH_FULL &&
		    r.matching < best[r.usage][r.selector])
			out->weaker++;
		else
			out->records[out->count++] = r;
	}
}

/* ---- where ---------------------------------------------------------------- */

bool policy_host_has_address(const struct policy_host *h)
{
	return (policy_answered(h->a) && h->a.found) ||
	       (policy_answered(h->aaaa) && h->aaaa.found);
}

/* Of an alias whose end is signed, nobody asks separately. */
static bool alias_matters(const struct policy_host *h)
{
	return h->expanded.len > 0 && h->a.trust != POLICY_DNS_SECURE &&
	       h->aaaa.trust != POLICY_DNS_SECURE;
}

bool policy_host_bogus(const struct policy_host *h)
{
	return h->a.trust == POLICY_DNS_BOGUS ||
	       h->aaaa.trust == POLICY_DNS_BOGUS ||
	       (alias_matters(h) && h->alias.trust == POLICY_DNS_BOGUS);
}

size_t policy_dane_bases(const struct policy_host *h,
			 struct span bases[POLICY_TLSA_BASES])
{
	size_t count = 0;
	if (h->a.trust == POLICY_DNS_SECURE ||
	    h->aaaa.trust == POLICY_DNS_SECURE) {
		if (h->expanded.len > 0)
			bases[count++] = h->expanded;
		bases[count++] = h->name;
	} else if (h->expanded.len > 0 &&
		   h->alias.trust == POLICY_DNS_SECURE) {
		bases[count++] = h->name;
	}
	return count;
}

static void unknown(struct policy_dane_result *out, enum policy_trust trust,
		    struct span base, const char *why)
{
	out->state = POLICY_DANE_UNKNOWN;
	out->bogus = trust == POLICY_DNS_BOGUS;
	out->base = base;
	out->why = why;
}

/* True: this answer ends the search. */
static bool judge(const struct policy_tlsa_answer *t, struct span base,
		  struct policy_dane_result *out)
{
	if (!policy_answered(t->lookup)) {
		unknown(out, t->lookup.trust, base,
			t->lookup.trust == POLICY_DNS_BOGUS
				? "the TLSA answer is bogus"
				: "the TLSA lookup fails");
		return true;
	}
	if (t->lookup.trust != POLICY_DNS_SECURE || !t->lookup.found ||
	    t->count == 0)
		return false;
	if (t->count > POLICY_TLSA_MAX) {
		unknown(out, POLICY_DNS_FAILED, base,
			"there are more than 64 TLSA records");
		return true;
	}
	policy_tlsa_choose(t->rdata, t->count, &out->set);
	out->base = base;
	out->state = out->set.count > 0 ? POLICY_DANE_USABLE
					: POLICY_DANE_UNUSABLE;
	return true;
}

void policy_dane_find(const struct policy_host *h,
		      struct policy_dane_result *out)
{
	struct span bases[POLICY_TLSA_BASES];
	out->state = POLICY_DANE_NONE;
	out->bogus = false;
	out->why = NULL;
	out->base = span_of(NULL, 0);
	out->set.count = out->set.unusable = out->set.weaker = 0;
	out->set.why = NULL;
	if (policy_host_bogus(h)) {
		unknown(out, POLICY_DNS_BOGUS, h->name,
			"an answer for its address is bogus");
		return;
	}
	if (alias_matters(h) && !policy_answered(h->alias)) {
		unknown(out, h->alias.trust, h->name,
			"the lookup of its alias fails");
		return;
	}
	size_t count = policy_dane_bases(h, bases);
	for (size_t i = 0; i < count; i++)
		if (judge(&h->tlsa[i], bases[i], out))
			return;
}

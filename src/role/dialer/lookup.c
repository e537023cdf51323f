/* SPDX-License-Identifier: Apache-2.0 */
/* role/dialer/lookup: two questions, sometimes a third, one answer. */
#include "role/dialer/lookup.h"

#include <stdlib.h>

#include "base/check.h"

struct lookup {
	struct resolver *resolver;
	struct dns_name name;
	uint64_t deadline;
	unsigned waiting;
	lookup_addresses_fn *done;
	void *ctx;
	struct lookup_addresses out;
};

enum lookup_trust lookup_trust(enum resolver_verdict v)
{
	switch (v) {
	case RESOLVER_SECURE:
		return LOOKUP_SECURE;
	case RESOLVER_INSECURE:
		return LOOKUP_INSECURE;
	case RESOLVER_BOGUS:
		return LOOKUP_BOGUS;
	case RESOLVER_TIMEOUT:
	case RESOLVER_FAILED:
		break;
	}
	return LOOKUP_FAILED;
}

static void say(struct lookup *l, struct span why)
{
	if (l->out.why_len > 0 || why.len == 0)
		return;
	l->out.why_len = size_min(why.len, sizeof l->out.why);
	memcpy(l->out.why, why.ptr, l->out.why_len);
}

static void finish(struct lookup *l)
{
	if (l->out.ttl == UINT32_MAX)
		l->out.ttl = 0;
	l->done(l->ctx, &l->out);
	free(l);
}

static void on_alias(void *ctx, const struct resolver_answer *a)
{
	struct lookup *l = ctx;
	l->out.canonical_trust = lookup_trust(a->verdict);
	say(l, a->why);
	finish(l);
}

/* Both are there. */
static void settle(struct lookup *l)
{
	struct lookup_addresses *o = &l->out;
	bool signed_end = o->trust[0] == LOOKUP_SECURE &&
			  o->trust[1] == LOOKUP_SECURE;
	if (o->canonical.len == 0 || signed_end) {
		/* What leads to a signed answer is signed. */
		o->canonical_trust = o->canonical.len > 0 ? LOOKUP_SECURE
							  : LOOKUP_FAILED;
		finish(l);
		return;
	}
	if (resolver_ask(l->resolver, &l->name, DNS_CNAME, l->deadline, on_alias,
			 l))
		return;
	say(l, SPAN("too many questions are under way"));
	finish(l);
}

static void take(struct lookup *l, unsigned family,
		 const struct resolver_answer *a)
{
	struct lookup_addresses *o = &l->out;
	struct dns_name end;
	o->trust[family] = lookup_trust(a->verdict);
	say(l, a->why);
	if (o->trust[family] == LOOKUP_FAILED ||
	    o->trust[family] == LOOKUP_BOGUS)
		return;
	if (!dns_addresses_read(a->answer, &o->found[family])) {
		o->trust[family] = LOOKUP_FAILED;
		o->found[family].count = 0;
		say(l, SPAN("the answer makes no sense"));
		return;
	}
	if (a->answer->count > 0 && dns_least_ttl(a->answer) < o->ttl)
		o->ttl = dns_least_ttl(a->answer);
	if (dns_follow(a->answer, &end) && !dns_name_eq(&end, &l->name))
		o->canonical = end;
}

static void on_answer(void *ctx, unsigned family,
		      const struct resolver_answer *a)
{
	struct lookup *l = ctx;
	take(l, family, a);
	if (--l->waiting == 0)
		settle(l);
}

static void on_v4(void *ctx, const struct resolver_answer *a)
{
	on_answer(ctx, 0, a);
}

static void on_v6(void *ctx, const struct resolver_answer *a)
{
	on_answer(ctx, 1, a);
}

bool lookup_addresses(struct resolver *r, const struct dns_name *name,
		      uint64_t deadline, lookup_addresses_fn *done, void *ctx)
{
	static const struct resolver_answer none = {
		.verdict = RESOLVER_FAILED,
		.why = SPAN_INIT("too many questions are under way")};
	struct lookup *l = calloc(1, sizeof *l);
	if (l == NULL)
		return false;
	*l = (struct lookup){.resolver = r, .name = *name, .deadline = deadline,
			     .waiting = 3, .done = done, .ctx = ctx};
	l->out.ttl = UINT32_MAX;
	if (!resolver_ask(r, name, DNS_AAAA, deadline, on_v6, l))
		on_v6(l, &none);
	if (!resolver_ask(r, name, DNS_A, deadline, on_v4, l))
		on_v4(l, &none);
	/* The third holds it until both are asked. */
	if (--l->waiting == 0)
		settle(l);
	return true;
}

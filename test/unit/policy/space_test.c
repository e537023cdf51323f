/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/decide over its whole input space: never a downgrade.
 *
 * Every combination of route, MX answer, state of two hosts, MTA-STS, rule of
 * ours and wish of the sender is decided, and every event judged.  The rules
 * are said here anew, from the inputs alone; and of two inputs that differ in
 * one protection, the one that has it never ends weaker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/decide.h"

#define H32 "0123456789abcdef0123456789abcdef"
#define S_  POLICY_DNS_SECURE
#define I_  POLICY_DNS_INSECURE
#define B_  POLICY_DNS_BOGUS
#define F_  POLICY_DNS_FAILED

static const struct span ee = SPAN_INIT("\3\1\1" H32),
			 pkix = SPAN_INIT("\0\0\1" H32),
			 key = SPAN_INIT(H32);

/* ---- the axes ------------------------------------------------------------- */

static const struct {
	enum policy_route route;
	enum policy_trust mx;
} routes[] = {
	{POLICY_ROUTE_MX, S_},	    {POLICY_ROUTE_MX, I_},
	{POLICY_ROUTE_MX, B_},	    {POLICY_ROUTE_MX, F_},
	{POLICY_ROUTE_ADDRESS, S_}, {POLICY_ROUTE_ADDRESS, I_},
	{POLICY_ROUTE_ADDRESS, B_}, {POLICY_ROUTE_ADDRESS, F_},
	{POLICY_ROUTE_HOST, F_},
};

enum kind { PLAIN, SIGNED, UNUSABLE, USABLE, TLSA_FAILED, TLSA_BOGUS,
	    ALIAS_USABLE, ADDRESS_FAILED, ADDRESS_BOGUS, KINDS };

enum { STS_NONE, STS_FAILED, STS_BOGUS, STS_BROKEN, STS_OFF, STS_TEST_BOTH,
       STS_TEST_ONE, STS_BOTH, STS_ONE, STS_OTHERS, STS_KINDS };

#define LEVELS 10u /* none of ours, and nine */
#define RULES  (2 * LEVELS - 1)

struct point {
	size_t route, first, second, sts, rule, wish;
};

static struct policy_host host_of(enum kind kind, struct span name)
{
	struct policy_host h = {.name = name, .a = {S_, true}, .aaaa = {S_, false}};
	h.tlsa[0].lookup = (struct policy_lookup){S_, false};
	h.tlsa[1].lookup = (struct policy_lookup){S_, false};
	switch (kind) {
	case PLAIN:
		h.a.trust = h.aaaa.trust = I_;
		break;
	case UNUSABLE:
		h.tlsa[0] = (struct policy_tlsa_answer){{S_, true}, &pkix, 1};
		break;
	case USABLE:
		h.tlsa[0] = (struct policy_tlsa_answer){{S_, true}, &ee, 1};
		break;
	case TLSA_FAILED:
		h.tlsa[0].lookup = (struct policy_lookup){F_, false};
		break;
	case TLSA_BOGUS:
		h.tlsa[0].lookup = (struct policy_lookup){B_, false};
		break;
	case ALIAS_USABLE:
		h.expanded = SPAN("host.example.net");
		h.a.trust = h.aaaa.trust = I_;
		h.alias = (struct policy_lookup){S_, true};
		h.tlsa[0] = (struct policy_tlsa_answer){{S_, true}, &ee, 1};
		break;
	case ADDRESS_FAILED:
		h.a = h.aaaa = (struct policy_lookup){F_, false};
		break;
	case ADDRESS_BOGUS:
		h.a = (struct policy_lookup){B_, false};
		break;
	case SIGNED:
	case KINDS:
		break;
	}
	return h;
}

struct scene {
	struct policy_host hosts[2];
	struct policy_sts sts;
	struct policy_rule rule;
	struct policy_inputs in;
	enum kind kinds[2];
	bool in_sts[2];
};

static void set_sts(struct scene *s, size_t sts)
{
	static const enum policy_sts_txt txt[] = {
		POLICY_STS_TXT_NONE, POLICY_STS_TXT_FAILED, POLICY_STS_TXT_BOGUS,
		POLICY_STS_TXT_ID};
	s->in.sts_txt = sts < ARRAY_LEN(txt) ? txt[sts] : POLICY_STS_TXT_ID;
	if (sts < STS_OFF)
		return;
	s->in.sts = &s->sts;
	s->sts.mode = sts == STS_OFF	    ? POLICY_STS_MODE_NONE
		      : sts <= STS_TEST_ONE ? POLICY_STS_MODE_TESTING
					    : POLICY_STS_MODE_ENFORCE;
	s->sts.mx_count = 1;
	s->sts.mx[0] = SPAN("mx.example.com");
	if (sts == STS_TEST_BOTH || sts == STS_BOTH)
		s->sts.mx[0] = SPAN("*.example.org");
	if (sts == STS_TEST_ONE || sts == STS_ONE)
		s->sts.mx[0] = SPAN("mx1.example.org");
	s->in_sts[1] = sts == STS_TEST_BOTH || sts == STS_BOTH;
	s->in_sts[0] = s->in_sts[1] || sts == STS_TEST_ONE || sts == STS_ONE;
}

static void build(struct scene *s, const struct point *p)
{
	*s = (struct scene){0};
	s->kinds[0] = (enum kind)p->first;
	s->kinds[1] = (enum kind)p->second;
	s->hosts[0] = host_of(s->kinds[0], SPAN("mx1.example.org"));
	s->hosts[1] = host_of(s->kinds[1], SPAN("mx2.example.org"));
	s->in.domain = SPAN("example.org");
	s->in.route = routes[p->route].route;
	s->in.mx.trust = routes[p->route].mx;
	s->in.mx.found = s->in.route == POLICY_ROUTE_MX &&
			 policy_answered(s->in.mx);
	s->in.hosts = s->hosts;
	s->in.host_count = 2;
	set_sts(s, p->sts);
	if (p->rule > 0) {
		s->in.rule = &s->rule;
		s->rule.level = (enum policy_level)((p->rule - 1) / 2);
		s->rule.ignore_published = (p->rule - 1) % 2;
		s->rule.file = SPAN("letterlock.conf");
		s->rule.keys = &key;
		s->rule.key_count = 1;
	}
	s->in.requiretls = (p->wish & 1) != 0;
	s->in.tls_required_no = (p->wish & 2) != 0;
}

/* ---- what must hold ------------------------------------------------------- */

static enum policy_level level_of(const struct scene *s)
{
	return s->in.rule != NULL ? s->rule.level : POLICY_LEVEL_MAY;
}

static bool open_level(enum policy_level l)
{
	return l == POLICY_LEVEL_MAY || l == POLICY_LEVEL_ENCRYPT ||
	       l == POLICY_LEVEL_DANE;
}

static bool counts(const struct scene *s)
{
	enum policy_level l = level_of(s);
	if (s->in.rule != NULL &&
	    (s->rule.ignore_published || l == POLICY_LEVEL_NONE))
		return false;
	return !(s->in.tls_required_no && !s->in.requiretls && open_level(l));
}

static bool vouches(const struct scene *s)
{
	return s->in.route != POLICY_ROUTE_MX || s->in.mx.trust == S_;
}

static bool has_records(enum kind k)
{
	return k == USABLE || k == ALIAS_USABLE;
}

static bool has_dane(enum kind k)
{
	return has_records(k) || k == UNUSABLE || k == TLSA_FAILED ||
	       k == TLSA_BOGUS;
}

/* The host may not be used at all. */
static bool forbidden(const struct scene *s, size_t i)
{
	enum policy_level l = level_of(s);
	enum kind k = s->kinds[i];
	bool levels = open_level(l) || l == POLICY_LEVEL_STS ||
		      l == POLICY_LEVEL_DANE_ONLY;
	bool enforce = s->in.sts != NULL &&
		       s->sts.mode == POLICY_STS_MODE_ENFORCE && counts(s);
	bool proven = has_records(k) && vouches(s) && levels;
	if (s->in.route != POLICY_ROUTE_HOST && !policy_answered(s->in.mx))
		return true;
	if (k == ADDRESS_FAILED || k == ADDRESS_BOGUS)
		return true;
	if (levels && counts(s) && (k == TLSA_FAILED || k == TLSA_BOGUS))
		return true;
	if (l == POLICY_LEVEL_DANE_ONLY && !proven)
		return true;
	if (l == POLICY_LEVEL_STS && !s->in_sts[i])
		return true;
	if (levels && enforce && !s->in_sts[i] && !proven)
		return true;
	if (l == POLICY_LEVEL_VERIFY && enforce && !s->in_sts[i] && !vouches(s))
		return true;
	if (levels && counts(s) && s->in.sts == NULL && !proven &&
	    s->in.sts_txt == POLICY_STS_TXT_BOGUS)
		return true;
	if (s->in.requiretls && l == POLICY_LEVEL_NONE)
		return true;
	return s->in.requiretls && !vouches(s) && !s->in_sts[i] &&
	       l != POLICY_LEVEL_FINGERPRINT && l != POLICY_LEVEL_SECURE;
}

/* Clear text is out of the question. */
static bool no_clear(const struct scene *s, size_t i)
{
	enum policy_level l = level_of(s);
	if (s->in.requiretls || (l != POLICY_LEVEL_NONE &&
				 l != POLICY_LEVEL_MAY && l != POLICY_LEVEL_DANE))
		return true;
	if (!counts(s))
		return false;
	return has_dane(s->kinds[i]) ||
	       (vouches(s) && has_dane(s->kinds[1 - i])) ||
	       (s->in.sts != NULL && s->sts.mode == POLICY_STS_MODE_ENFORCE);
}

/* The peer has to prove who it is. */
static bool must_verify(const struct scene *s, size_t i)
{
	enum policy_level l = level_of(s);
	if (s->in.requiretls || (l >= POLICY_LEVEL_FINGERPRINT &&
				 l != POLICY_LEVEL_DANE))
		return true;
	return counts(s) && (has_records(s->kinds[i]) ||
			     (s->in.sts != NULL &&
			      s->sts.mode == POLICY_STS_MODE_ENFORCE));
}

static void check_target(const struct scene *s, const struct policy_target *t,
			 size_t i)
{
	assert_true(!t->allowed || !forbidden(s, i));
	if (!t->allowed) {
		assert_true(t->why.len > 0 && !t->cleartext);
		return;
	}
	for (unsigned e = 0; e < POLICY_EVENTS; e++) {
		struct policy_verdict v = policy_judge(t, (enum policy_event)e);
		bool clear = v.go == POLICY_GO_CLEAR ||
			     v.go == POLICY_GO_CLEAR_AGAIN;
		bool tls_is_up = e == POLICY_EVENT_GOOD ||
				 e >= POLICY_EVENT_NAME;
		assert_false(clear && (no_clear(s, i) || tls_is_up));
		assert_false(v.go == POLICY_GO_TLS && !tls_is_up);
		if (e >= POLICY_EVENT_NAME && e <= POLICY_EVENT_CERTIFICATE &&
		    must_verify(s, i))
			assert_int_equal(v.go, POLICY_GO_NEXT);
		if (e == POLICY_EVENT_NO_REQUIRETLS && s->in.requiretls)
			assert_int_equal(v.go, POLICY_GO_NEXT);
		if (e == POLICY_EVENT_GOOD)
			assert_int_equal(v.go, POLICY_GO_TLS);
	}
	/* Who has to prove himself is told by what. */
	if (policy_level_verifies(t->level))
		assert_true(t->name_count > 0 || t->key_count > 0);
	if (t->level == POLICY_LEVEL_DANE || t->level == POLICY_LEVEL_DANE_ONLY)
		assert_true(t->tlsa != NULL && t->tlsa->count > 0);
	else
		assert_null(t->tlsa);
}

static void check(const struct scene *s, const struct policy_decision *d)
{
	bool any = false;
	assert_int_equal(d->target_count, 2);
	for (size_t i = 0; i < 2; i++) {
		check_target(s, &d->targets[i], i);
		any |= d->targets[i].allowed;
	}
	assert_int_equal(any, d->action == POLICY_DELIVER);
	if (!any)
		assert_true(d->reason.len > 0 && d->status != NULL);
	if (d->action == POLICY_BOUNCE)
		assert_true(s->in.requiretls);
	assert_true(d->step_count >= 3 && d->step_count < POLICY_STEPS_MAX);
}

/* 0: clear text is possible; 1: encrypted; 2: verified; 3: not at all. */
static uint8_t strength(const struct policy_target *t)
{
	if (!t->allowed)
		return 3;
	if (policy_level_verifies(t->level))
		return 2;
	return t->cleartext ? 0 : 1;
}

/* ---- all of it ------------------------------------------------------------ */

#define ROUTES  ARRAY_LEN(routes)
#define SECONDS KINDS
#define POINTS  (ROUTES * KINDS * SECONDS * STS_KINDS * RULES * 4)

static size_t number(const struct point *p)
{
	size_t n = p->route;
	n = n * KINDS + p->first;
	n = n * SECONDS + p->second;
	n = n * STS_KINDS + p->sts;
	n = n * RULES + p->rule;
	return n * 4 + p->wish;
}

static struct point point_of(size_t n)
{
	struct point p;
	p.wish = n % 4, n /= 4;
	p.rule = n % RULES, n /= RULES;
	p.sts = n % STS_KINDS, n /= STS_KINDS;
	p.second = n % SECONDS, n /= SECONDS;
	p.first = n % KINDS, n /= KINDS;
	p.route = n;
	return p;
}

static uint8_t *strengths; /* two for each point, made by the first test */

static void no_downgrade(void **state)
{
	static struct scene s;
	struct arena *arena = arena_new(POLICY_ARENA);
	struct policy_decision d;
	(void)state;
	strengths = malloc(2 * POINTS);
	assert_non_null(arena);
	assert_non_null(strengths);
	for (size_t n = 0; n < POINTS; n++) {
		struct point p = point_of(n);
		assert_int_equal(number(&p), n);
		build(&s, &p);
		arena_reset(arena);
		assert_true(policy_decide(&s.in, arena, &d));
		check(&s, &d);
		strengths[2 * n] = strength(&d.targets[0]);
		strengths[2 * n + 1] = strength(&d.targets[1]);
	}
	arena_free(arena);
}

/* b has a protection more than a, or an answer less. */
static void not_weaker(size_t a, const struct point *pb)
{
	size_t b = number(pb);
	for (size_t i = 0; i < 2; i++)
		if (strengths[2 * b + i] < strengths[2 * a + i])
			fail_msg("point %zu, host %zu: %d, and with more %d", a,
				 i, strengths[2 * a + i], strengths[2 * b + i]);
}

/* A policy in force can only add, except where its absence refuses anyway. */
static bool sts_can_only_add(const struct point *p)
{
	return p->sts < STS_TEST_BOTH && p->sts != STS_BOGUS &&
	       (p->wish & 1) == 0 &&
	       (p->rule == 0 || (p->rule - 1) / 2 != POLICY_LEVEL_STS);
}

static void more_is_never_less(void **state)
{
	(void)state;
	assert_non_null(strengths);
	for (size_t n = 0; n < POINTS; n++) {
		struct point p = point_of(n), q = p;
		q.wish |= 1;
		not_weaker(n, &q); /* REQUIRETLS */
		q = p;
		q.wish &= 1;
		not_weaker(n, &q); /* no TLS-Required: No */
		for (size_t sts = STS_BOTH; sts < STS_KINDS; sts++) {
			q = p;
			q.sts = sts;
			if (sts_can_only_add(&p))
				not_weaker(n, &q); /* a policy in force */
		}
		q = p;
		q.first = TLSA_FAILED;
		if (p.first <= USABLE)
			not_weaker(n, &q); /* an answer held back */
	}
	free(strengths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_downgrade),
		cmocka_unit_test(more_is_never_less),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

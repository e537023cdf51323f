/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/decide and judge, case by case: what is wanted of each host, who said
 * so, and the sentence that a person reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/decide.h"

#define H32 "0123456789abcdef0123456789abcdef"

static const struct policy_lookup secure = {POLICY_DNS_SECURE, true},
				  insecure = {POLICY_DNS_INSECURE, true},
				  no_such = {POLICY_DNS_SECURE, false},
				  bogus = {POLICY_DNS_BOGUS, false};
static const struct span ee = SPAN_INIT("\3\1\1" H32),
			 pkix = SPAN_INIT("\1\1\1" H32);

/* A destination with two hosts, mx1 and mx2, as most cases change it. */
struct scene {
	struct arena *arena;
	struct policy_host hosts[POLICY_HOSTS_MAX + 1];
	struct policy_sts sts;
	struct policy_rule rule;
	struct policy_inputs in;
	struct policy_decision d;
};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->arena = arena_new(POLICY_ARENA);
	assert_non_null(s->arena);
	s->hosts[0] = (struct policy_host){.name = SPAN("mx1.example.org"),
					   .preference = 10,
					   .a = insecure,
					   .aaaa = insecure};
	s->hosts[1] = s->hosts[0];
	s->hosts[1].name = SPAN("mx2.example.org");
	s->sts.mode = POLICY_STS_MODE_ENFORCE;
	s->sts.max_age = 86400;
	s->sts.mx_count = 1;
	s->sts.mx[0] = SPAN("mx1.example.org");
	s->rule.file = SPAN("/etc/letterlock/letterlock.conf");
	s->rule.line = 12;
	s->in = (struct policy_inputs){.domain = SPAN("example.org"),
				       .mx = {POLICY_DNS_INSECURE, true},
				       .hosts = s->hosts,
				       .host_count = 2,
				       .sts_txt = POLICY_STS_TXT_NONE};
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	arena_free(s->arena);
	free(s);
	return 0;
}

static void run(struct scene *s)
{
	arena_reset(s->arena);
	assert_true(policy_decide(&s->in, s->arena, &s->d));
	assert_true(s->d.step_count >= 2);
}

static void sign(struct policy_host *h, const struct span *tlsa)
{
	h->a = secure;
	h->aaaa = no_such;
	h->tlsa[0] = tlsa != NULL
			     ? (struct policy_tlsa_answer){secure, tlsa, 1}
			     : (struct policy_tlsa_answer){no_such, NULL, 0};
}

static void level(struct scene *s, enum policy_level l)
{
	s->rule.level = l;
	s->in.rule = &s->rule;
}

static bool names(const struct policy_target *t, const char *name)
{
	for (size_t i = 0; i < t->name_count; i++)
		if (span_eq(t->names[i], span_cstr(name)))
			return true;
	return false;
}

static void opportunistic(void **state)
{
	struct scene *s = *state;
	run(s);
	assert_int_equal(s->d.action, POLICY_DELIVER);
	assert_int_equal(s->d.level, POLICY_LEVEL_MAY);
	assert_int_equal(s->d.by, POLICY_BY_NOBODY);
	assert_true(s->d.targets[0].cleartext && s->d.targets[1].cleartext);
	assert_int_equal(s->d.exhausted, POLICY_DEFER);
	struct policy_target *t = &s->d.targets[0];
	assert_int_equal(policy_judge(t, POLICY_EVENT_NOT_OFFERED).go,
			 POLICY_GO_CLEAR);
	assert_int_equal(policy_judge(t, POLICY_EVENT_REFUSED).go,
			 POLICY_GO_CLEAR);
	assert_int_equal(policy_judge(t, POLICY_EVENT_HANDSHAKE).go,
			 POLICY_GO_CLEAR_AGAIN);
	assert_int_equal(policy_judge(t, POLICY_EVENT_NAME).go, POLICY_GO_TLS);
	assert_int_equal(policy_judge(t, POLICY_EVENT_NAME).failure,
			 POLICY_FAILURE_NONE);
	assert_int_equal(policy_judge(t, POLICY_EVENT_NOT_OFFERED).failure,
			 POLICY_STARTTLS_NOT_SUPPORTED);
}

static void dane(void **state)
{
	struct scene *s = *state;
	s->in.mx = secure;
	sign(&s->hosts[0], &ee);
	sign(&s->hosts[1], NULL);
	run(s);
	struct policy_target *t = &s->d.targets[0];
	assert_int_equal(t->level, POLICY_LEVEL_DANE);
	assert_int_equal(t->by, POLICY_BY_DANE);
	assert_int_equal(t->tlsa->count, 1);
	assert_int_equal(t->type, POLICY_TYPE_TLSA);
	assert_true(span_eq(t->sni, SPAN("mx1.example.org")));
	assert_true(names(t, "mx1.example.org") && names(t, "example.org"));
	struct policy_verdict v = policy_judge(t, POLICY_EVENT_TLSA);
	assert_int_equal(v.go, POLICY_GO_NEXT);
	assert_string_equal(v.status, "4.7.5");
	assert_int_equal(policy_judge(t, POLICY_EVENT_NOT_OFFERED).go,
			 POLICY_GO_NEXT);
	assert_int_equal(policy_judge(t, POLICY_EVENT_GOOD).go, POLICY_GO_TLS);
	/* The other host may have the mail, but never in clear. */
	t = &s->d.targets[1];
	assert_true(t->allowed && !t->cleartext);
	assert_int_equal(t->level, POLICY_LEVEL_ENCRYPT);
	assert_int_equal(t->by, POLICY_BY_DANE);
}

static void dane_unusable(void **state)
{
	struct scene *s = *state;
	s->in.mx = secure;
	sign(&s->hosts[0], &pkix);
	run(s);
	struct policy_target *t = &s->d.targets[0];
	assert_int_equal(t->level, POLICY_LEVEL_ENCRYPT);
	assert_int_equal(t->by, POLICY_BY_DANE);
	assert_int_equal(t->failure, POLICY_TLSA_INVALID);
	assert_true(t->allowed && t->tlsa == NULL && !t->cleartext);
	assert_int_equal(policy_judge(t, POLICY_EVENT_UNTRUSTED).go,
			 POLICY_GO_TLS);
	assert_int_equal(policy_judge(t, POLICY_EVENT_HANDSHAKE).go,
			 POLICY_GO_NEXT);
	/* With a policy of MTA-STS there is something to verify after all. */
	s->in.sts = &s->sts;
	run(s);
	assert_int_equal(s->d.targets[0].level, POLICY_LEVEL_STS);
}

static void dane_not_known(void **state)
{
	struct scene *s = *state;
	s->in.mx = secure;
	s->in.host_count = 1;
	sign(&s->hosts[0], NULL);
	s->hosts[0].tlsa[0].lookup = bogus;
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER);
	assert_int_equal(s->d.targets[0].failure, POLICY_DNSSEC_INVALID);
	assert_true(s->d.targets[0].temporary);
	assert_string_equal(s->d.status, "4.4.3");
	assert_true(span_find_span(s->d.reason,
				   SPAN("letterlock dns query "
					"_25._tcp.mx1.example.org TLSA")) !=
		    SIZE_MAX);
	s->in.requiretls = true;
	s->in.port = 2525;
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER);
	assert_true(span_find_span(s->d.reason, SPAN("_2525._tcp.mx1")) !=
		    SIZE_MAX);
}

static void mx_not_known(void **state)
{
	struct scene *s = *state;
	s->in.mx = bogus;
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER);
	assert_false(s->d.targets[0].allowed || s->d.targets[1].allowed);
	assert_true(span_find_span(s->d.reason, SPAN("DNSSEC proves wrong")) !=
		    SIZE_MAX);
	s->in.mx = (struct policy_lookup){0};
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER);
	s->in.route = POLICY_ROUTE_HOST; /* nothing was looked up */
	run(s);
	assert_int_equal(s->d.action, POLICY_DELIVER);
	s->in.host_count = 0;
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER);
	assert_true(s->d.reason.len > 0);
}

/* RFC 7672 2.2.1: records of a host count though the MX is not signed; but
 * then nobody vouches for the host. */
static void dane_behind_an_unsigned_mx(void **state)
{
	struct scene *s = *state;
	sign(&s->hosts[0], &ee);
	run(s);
	assert_int_equal(s->d.targets[0].level, POLICY_LEVEL_DANE);
	assert_false(names(&s->d.targets[0], "example.org"));
	assert_int_equal(s->d.targets[1].level, POLICY_LEVEL_MAY);
	s->in.requiretls = true;
	run(s);
	assert_int_equal(s->d.action, POLICY_BOUNCE);
	assert_string_equal(s->d.status, "5.7.10");
	s->in.requiretls = false;
	level(s, POLICY_LEVEL_DANE_ONLY);
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER);
	assert_int_equal(s->d.targets[0].failure, POLICY_DANE_REQUIRED);
	s->in.mx = secure;
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_DANE_ONLY);
	assert_int_equal(s->d.by, POLICY_BY_RULE);
	assert_int_equal(s->d.line, 12);
	assert_false(s->d.targets[1].allowed);
}

static void sts_enforce(void **state)
{
	struct scene *s = *state;
	s->in.sts = &s->sts;
	s->in.sts_txt = POLICY_STS_TXT_ID;
	run(s);
	struct policy_target *t = &s->d.targets[0];
	assert_int_equal(t->level, POLICY_LEVEL_STS);
	assert_int_equal(t->by, POLICY_BY_STS);
	assert_true(t->name_count == 1 && names(t, "mx1.example.org"));
	assert_false(s->d.targets[1].allowed);
	assert_int_equal(s->d.targets[1].failure, POLICY_VALIDATION_FAILURE);
	static const struct {
		enum policy_event event;
		enum policy_failure failure;
	} bad[] = {
		{POLICY_EVENT_NOT_OFFERED, POLICY_STARTTLS_NOT_SUPPORTED},
		{POLICY_EVENT_REFUSED, POLICY_STARTTLS_NOT_SUPPORTED},
		{POLICY_EVENT_HANDSHAKE, POLICY_VALIDATION_FAILURE},
		{POLICY_EVENT_NAME, POLICY_CERTIFICATE_HOST_MISMATCH},
		{POLICY_EVENT_EXPIRED, POLICY_CERTIFICATE_EXPIRED},
		{POLICY_EVENT_UNTRUSTED, POLICY_CERTIFICATE_NOT_TRUSTED},
		{POLICY_EVENT_CERTIFICATE, POLICY_VALIDATION_FAILURE},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct policy_verdict v = policy_judge(t, bad[i].event);
		assert_int_equal(v.go, POLICY_GO_NEXT);
		assert_int_equal(v.failure, bad[i].failure);
	}
	/* RFC 8461 2: it never overrides DANE that fails. */
	s->in.mx = secure;
	sign(&s->hosts[0], &ee);
	sign(&s->hosts[1], &ee);
	run(s);
	assert_int_equal(s->d.targets[0].level, POLICY_LEVEL_DANE);
	assert_int_equal(s->d.targets[1].level, POLICY_LEVEL_DANE);
	/* Unsigned MX records: the policy says who may be a host. */
	s->in.mx = insecure;
	run(s);
	assert_int_equal(s->d.targets[0].level, POLICY_LEVEL_DANE);
	assert_false(s->d.targets[1].allowed);
}

static void sts_testing(void **state)
{
	struct scene *s = *state;
	s->in.sts = &s->sts;
	s->sts.mode = POLICY_STS_MODE_TESTING;
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_MAY);
	struct policy_target *t = &s->d.targets[0];
	assert_true(t->cleartext && t->report_only);
	assert_true(names(t, "mx1.example.org"));
	assert_int_equal(t->type, POLICY_TYPE_STS);
	struct policy_verdict v = policy_judge(t, POLICY_EVENT_EXPIRED);
	assert_int_equal(v.go, POLICY_GO_TLS);
	assert_int_equal(v.failure, POLICY_CERTIFICATE_EXPIRED);
	assert_true(s->d.targets[1].allowed);
	assert_int_equal(s->d.targets[1].failure, POLICY_VALIDATION_FAILURE);
	s->sts.mode = POLICY_STS_MODE_NONE;
	run(s);
	assert_false(s->d.targets[0].report_only);
	/* Our own level makes of testing what it will be one day. */
	s->sts.mode = POLICY_STS_MODE_TESTING;
	level(s, POLICY_LEVEL_STS);
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_STS);
	assert_int_equal(s->d.by, POLICY_BY_RULE);
	assert_false(s->d.targets[1].allowed);
	s->sts.mode = POLICY_STS_MODE_NONE;
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER);
}

/* RFC 8461 3.4: what our configuration names has a policy like any domain; the
 * name itself needs nobody to vouch for it. */
static void smart_host(void **state)
{
	struct scene *s = *state;
	s->in.route = POLICY_ROUTE_HOST;
	s->in.domain = s->hosts[0].name = SPAN("relay.example.net");
	s->in.host_count = 1;
	s->in.sts = &s->sts;
	s->sts.mx[0] = SPAN("relay.example.net");
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_STS);
	assert_true(names(&s->d.targets[0], "relay.example.net"));
	s->in.sts = NULL;
	s->in.requiretls = true;
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_VERIFY);
	s->in.requiretls = false;
	sign(&s->hosts[0], &ee);
	level(s, POLICY_LEVEL_DANE_ONLY);
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_DANE_ONLY);
}

static void sts_not_known(void **state)
{
	struct scene *s = *state;
	s->in.sts_txt = POLICY_STS_TXT_FAILED; /* RFC 8461 5.1: as if none */
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_MAY);
	s->in.sts_txt = POLICY_STS_TXT_ID;
	s->in.sts_wrong = "there is no mode";
	s->in.sts_failure = POLICY_STS_INVALID;
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_MAY);
	assert_int_equal(s->d.targets[0].failure, POLICY_STS_INVALID);
	assert_int_equal(s->d.targets[0].type, POLICY_TYPE_STS);
	bool told = false;
	for (size_t i = 0; i < s->d.step_count; i++)
		told |= span_eq(s->d.steps[i].outcome, SPAN("there is no mode"));
	assert_true(told);
	s->in.sts_txt = POLICY_STS_TXT_BOGUS;
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER);
	assert_int_equal(s->d.targets[0].failure, POLICY_DNSSEC_INVALID);
	s->in.sts = &s->sts; /* what is kept applies */
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_STS);
}

static void rules(void **state)
{
	struct scene *s = *state;
	static const struct span own[] = {SPAN_INIT("mail.example.com")},
				 keys[] = {SPAN_INIT(H32)};
	level(s, POLICY_LEVEL_NONE);
	run(s);
	assert_true(s->d.targets[0].cleartext);
	assert_int_equal(s->d.level, POLICY_LEVEL_NONE);
	assert_int_equal(policy_judge(&s->d.targets[0],
				      POLICY_EVENT_NOT_OFFERED).go,
			 POLICY_GO_CLEAR);
	level(s, POLICY_LEVEL_ENCRYPT);
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_ENCRYPT);
	assert_int_equal(s->d.by, POLICY_BY_RULE);
	assert_true(span_eq(s->d.file, s->rule.file) && s->d.line == 12);
	assert_int_equal(policy_judge(&s->d.targets[0],
				      POLICY_EVENT_NOT_OFFERED).go,
			 POLICY_GO_NEXT);
	level(s, POLICY_LEVEL_VERIFY);
	run(s);
	assert_true(names(&s->d.targets[0], "mx1.example.org"));
	level(s, POLICY_LEVEL_SECURE);
	run(s);
	assert_true(names(&s->d.targets[0], "example.org") &&
		    names(&s->d.targets[0], ".example.org"));
	assert_false(names(&s->d.targets[0], "mx1.example.org"));
	s->rule.names = own;
	s->rule.name_count = 1;
	run(s);
	assert_true(s->d.targets[0].name_count == 1 &&
		    names(&s->d.targets[0], "mail.example.com"));
	level(s, POLICY_LEVEL_FINGERPRINT);
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER); /* no key is listed */
	s->rule.keys = keys;
	s->rule.key_count = 1;
	run(s);
	assert_int_equal(s->d.targets[0].key_count, 1);
	assert_int_equal(policy_judge(&s->d.targets[0], POLICY_EVENT_KEY).go,
			 POLICY_GO_NEXT);
}

/* Our level is the least; what is published comes on top, unless we say no. */
static void rules_and_what_is_published(void **state)
{
	struct scene *s = *state;
	s->in.sts = &s->sts;
	level(s, POLICY_LEVEL_ENCRYPT);
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_STS);
	assert_int_equal(s->d.by, POLICY_BY_STS);
	s->rule.ignore_published = true;
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_ENCRYPT);
	assert_true(s->d.targets[1].allowed);
	s->rule.ignore_published = false;
	level(s, POLICY_LEVEL_VERIFY);
	run(s);
	assert_true(s->d.targets[0].allowed && !s->d.targets[1].allowed);
}

static void require_tls(void **state)
{
	struct scene *s = *state;
	s->in.requiretls = true;
	s->in.tls_required_no = true; /* the other one goes before it */
	run(s);
	assert_int_equal(s->d.action, POLICY_BOUNCE);
	assert_true(s->d.reason.len > 0);
	s->in.mx = secure;
	run(s);
	struct policy_target *t = &s->d.targets[0];
	assert_int_equal(t->level, POLICY_LEVEL_VERIFY);
	assert_int_equal(t->by, POLICY_BY_REQUIRETLS);
	assert_true(names(t, "mx1.example.org") && t->requiretls);
	assert_int_equal(s->d.exhausted, POLICY_BOUNCE);
	struct policy_verdict v = policy_judge(t, POLICY_EVENT_NO_REQUIRETLS);
	assert_int_equal(v.go, POLICY_GO_NEXT);
	assert_string_equal(v.status, "5.7.30");
	v = policy_judge(t, POLICY_EVENT_NOT_OFFERED);
	assert_string_equal(v.status, "5.7.10");
	level(s, POLICY_LEVEL_NONE);
	run(s);
	assert_int_equal(s->d.action, POLICY_BOUNCE);
	/* A policy of MTA-STS, even in testing, vouches for the host. */
	s->in.rule = NULL;
	s->in.mx = insecure;
	s->in.sts = &s->sts;
	s->sts.mode = POLICY_STS_MODE_TESTING;
	run(s);
	assert_int_equal(s->d.targets[0].level, POLICY_LEVEL_VERIFY);
	assert_false(s->d.targets[1].allowed);
}

static void tls_not_required(void **state)
{
	struct scene *s = *state;
	s->in.mx = secure;
	sign(&s->hosts[0], &ee);
	s->in.sts = &s->sts;
	s->in.tls_required_no = true;
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_MAY);
	assert_true(s->d.targets[1].allowed);
	level(s, POLICY_LEVEL_ENCRYPT); /* ours stays */
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_ENCRYPT);
	level(s, POLICY_LEVEL_DANE_ONLY);
	run(s);
	assert_int_equal(s->d.level, POLICY_LEVEL_DANE_ONLY);
}

static void hosts(void **state)
{
	struct scene *s = *state;
	static const size_t counts[] = {POLICY_HOSTS_MAX - 1, POLICY_HOSTS_MAX,
					POLICY_HOSTS_MAX + 1};
	for (size_t i = 2; i < ARRAY_LEN(s->hosts); i++)
		s->hosts[i] = s->hosts[0];
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		s->in.host_count = counts[i];
		run(s);
		assert_int_equal(s->d.target_count,
				 counts[i] < POLICY_HOSTS_MAX
					 ? counts[i]
					 : POLICY_HOSTS_MAX);
		assert_true(s->d.step_count <= POLICY_STEPS_MAX);
	}
	s->in.host_count = 1;
	s->hosts[0].a = s->hosts[0].aaaa = (struct policy_lookup){0};
	run(s);
	assert_int_equal(s->d.action, POLICY_DEFER);
	/* An address literal has no name to verify. */
	s->hosts[0].a = secure;
	s->hosts[0].name = s->in.domain = SPAN("[192.0.2.1]");
	s->in.route = POLICY_ROUTE_HOST;
	level(s, POLICY_LEVEL_SECURE);
	run(s);
	assert_false(s->d.targets[0].allowed);
	level(s, POLICY_LEVEL_VERIFY);
	run(s);
	assert_false(s->d.targets[0].allowed);
}

/* Too little memory is said, not decided around. */
static void memory(void **state)
{
	struct scene *s = *state;
	struct policy_decision d;
	size_t failed = 0;
	s->in.mx = bogus;
	run(s);
	size_t enough = arena_used(s->arena);
	assert_true(enough < POLICY_ARENA);
	for (size_t limit = 1; limit < enough; limit += 97) {
		struct arena *a = arena_new(limit);
		assert_non_null(a);
		failed += !policy_decide(&s->in, a, &d);
		arena_free(a);
	}
	assert_true(failed > 10);
}

static void texts(void **state)
{
	enum policy_level l;
	(void)state;
	for (int i = POLICY_LEVEL_NONE; i <= POLICY_LEVEL_SECURE; i++) {
		const char *text = policy_level_text((enum policy_level)i);
		assert_true(policy_level_parse(span_cstr(text), &l));
		assert_int_equal(l, i);
		assert_int_equal(policy_level_verifies(l),
				 l >= POLICY_LEVEL_FINGERPRINT);
	}
	assert_false(policy_level_parse(SPAN("some"), &l));
	assert_string_equal(policy_by_text(POLICY_BY_STS), "MTA-STS");
	assert_string_equal(policy_action_text(POLICY_BOUNCE), "bounce");
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(opportunistic),
		WITH(dane),
		WITH(dane_unusable),
		WITH(dane_not_known),
		WITH(mx_not_known),
		WITH(dane_behind_an_unsigned_mx),
		WITH(sts_enforce),
		WITH(sts_testing),
		WITH(smart_host),
		WITH(sts_not_known),
		WITH(rules),
		WITH(rules_and_what_is_published),
		WITH(require_tls),
		WITH(tls_not_required),
		WITH(hosts),
		WITH(memory),
		WITH(texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

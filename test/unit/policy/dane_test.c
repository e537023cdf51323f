/* SPDX-License-Identifier: Apache-2.0 */
/* policy/dane: which records count, where they are looked for, what lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/dane.h"

#define H32 "0123456789abcdef0123456789abcdef"
#define H64 H32 H32
#define NOT_FOUND {POLICY_DNS_SECURE, false}

static const struct policy_lookup secure = {POLICY_DNS_SECURE, true},
				  insecure = {POLICY_DNS_INSECURE, true},
				  no_such = NOT_FOUND,
				  bogus = {POLICY_DNS_BOGUS, false},
				  failed = {POLICY_DNS_FAILED, false};

static void records(void **state)
{
	static const struct {
		struct span rdata;
		bool usable;
	} cases[] = {
		{SPAN_INIT("\3\1\1" H32), true},
		{SPAN_INIT("\3\0\1" H32), true},
		{SPAN_INIT("\2\0\1" H32), true},
		{SPAN_INIT("\2\1\2" H64), true},
		{SPAN_INIT("\3\1\2" H64), true},
		{SPAN_INIT("\3\1\0\x30\2xy"), true},
		{SPAN_INIT("\2\0\0\x30\x81\2xy"), true},
		{SPAN_INIT("\2\0\0\x30\x82\0\2xy"), true},
		{SPAN_INIT("\2\0\0\x30\x83\0\0\2xy"), true},
		{SPAN_INIT("\2\0\0\x30\0"), true},
		{SPAN_INIT("\0\1\1" H32), false},
		{SPAN_INIT("\1\1\1" H32), false},
		{SPAN_INIT("\4\1\1" H32), false},
		{SPAN_INIT("\xff\1\1" H32), false},
		{SPAN_INIT("\3\2\1" H32), false},
		{SPAN_INIT("\3\1\3" H32), false},
		{SPAN_INIT("\3\1\1" H32 "x"), false},
		{SPAN_INIT("\3\1\1" "0123456789abcdef0123456789abcde"), false},
		{SPAN_INIT("\3\1\2" H32), false},
		{SPAN_INIT("\3\1\2" H64 "x"), false},
		{SPAN_INIT("\3\1\0\x30\2x"), false},
		{SPAN_INIT("\3\1\0\x30\2xyz"), false},
		{SPAN_INIT("\3\1\0\x31\2xy"), false},
		{SPAN_INIT("\3\1\0\x30\x80xy"), false},
		{SPAN_INIT("\3\1\0\x30\x84\0\0\0\2xy"), false},
		{SPAN_INIT("\3\1\0\x30\x82\0"), false},
		{SPAN_INIT("\3\1\1"), false},
		{SPAN_INIT("\3\1"), false},
		{SPAN_INIT(""), false},
	};
	struct policy_tlsa r;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if ((policy_tlsa_parse(cases[i].rdata, &r) == NULL) !=
		    cases[i].usable)
			fail_msg("record %zu", i);
}

/* RFC 7671 9: per usage and selector the strongest digest, and full values. */
static void agility(void **state)
{
	const struct span r[] = {
		SPAN("\3\1\1" H32),	   /* weaker */
		SPAN("\3\1\2" H64),	   /* stays */
		SPAN("\3\1\0\x30\2xy"),	   /* stays */
		SPAN("\3\0\1" H32),	   /* stays: another selector */
		SPAN("\2\1\1" H32),	   /* stays: another usage */
		SPAN("\2\1\2" H32),	   /* broken, so it outdoes nothing */
		SPAN("\1\1\1" H32),	   /* PKIX */
		SPAN("\3\1\2" H32 "fedcba9876543210fedcba9876543210"),
	};
	struct policy_tlsa_set set;
	(void)state;
	policy_tlsa_choose(r, ARRAY_LEN(r), &set);
	assert_int_equal(set.count, 5);
	assert_int_equal(set.weaker, 1);
	assert_int_equal(set.unusable, 2);
	assert_non_null(set.why);
	assert_int_equal(set.records[0].matching, 2);
	assert_int_equal(set.records[1].matching, 0);
	assert_int_equal(set.records[2].selector, 0);
	assert_int_equal(set.records[3].usage, 2);
	/* A roll-over: the old and the next key of one kind both stay. */
	assert_int_equal(set.records[4].matching, 2);
	policy_tlsa_choose(NULL, 0, &set);
	assert_true(set.count == 0 && set.why == NULL);
}

static struct policy_host host(void)
{
	return (struct policy_host){.name = SPAN("mx.example.org"),
				    .a = {POLICY_DNS_SECURE, true},
				    .aaaa = NOT_FOUND};
}

static const struct span good = SPAN_INIT("\3\1\1" H32),
			 pkix = SPAN_INIT("\1\1\1" H32);

static enum policy_dane find(const struct policy_host *h, const char *base)
{
	static struct policy_dane_result r;
	policy_dane_find(h, &r);
	if (base != NULL && !span_eq(r.base, span_cstr(base)))
		fail_msg("base %.*s", SPAN_FMT(r.base));
	return r.state;
}

static void states(void **state)
{
	struct policy_host h = host();
	(void)state;
	h.tlsa[0] = (struct policy_tlsa_answer){secure, &good, 1};
	assert_int_equal(find(&h, "mx.example.org"), POLICY_DANE_USABLE);
	h.tlsa[0].rdata = &pkix;
	assert_int_equal(find(&h, "mx.example.org"), POLICY_DANE_UNUSABLE);
	h.tlsa[0] = (struct policy_tlsa_answer){no_such, NULL, 0};
	assert_int_equal(find(&h, ""), POLICY_DANE_NONE);
	h.tlsa[0] = (struct policy_tlsa_answer){insecure, &good, 1};
	assert_int_equal(find(&h, ""), POLICY_DANE_NONE);
	h.tlsa[0] = (struct policy_tlsa_answer){bogus, NULL, 0};
	assert_int_equal(find(&h, NULL), POLICY_DANE_UNKNOWN);
	h.tlsa[0] = (struct policy_tlsa_answer){failed, NULL, 0};
	assert_int_equal(find(&h, NULL), POLICY_DANE_UNKNOWN);
	/* Never asked, though it should have been: not "there is none". */
	h.tlsa[0] = (struct policy_tlsa_answer){0};
	assert_int_equal(find(&h, NULL), POLICY_DANE_UNKNOWN);
	/* Addresses that are not signed: TLSA records are not asked for. */
	h.a = insecure;
	h.aaaa = (struct policy_lookup){POLICY_DNS_INSECURE, false};
	h.tlsa[0] = (struct policy_tlsa_answer){secure, &good, 1};
	assert_int_equal(find(&h, ""), POLICY_DANE_NONE);
	/* One signed family is enough to ask. */
	h.aaaa = no_such;
	assert_int_equal(find(&h, "mx.example.org"), POLICY_DANE_USABLE);
	h.aaaa = bogus;
	assert_int_equal(find(&h, NULL), POLICY_DANE_UNKNOWN);
	assert_true(policy_host_bogus(&h));
}

/* RFC 7672 2.2.2 and 2.2.3: the end of a signed alias first, then its name. */
static void aliases(void **state)
{
	struct policy_host h = host();
	struct span bases[POLICY_TLSA_BASES];
	(void)state;
	h.expanded = SPAN("host.example.net");
	assert_int_equal(policy_dane_bases(&h, bases), 2);
	assert_true(span_eq(bases[0], h.expanded) &&
		    span_eq(bases[1], h.name));
	h.tlsa[0] = (struct policy_tlsa_answer){secure, &good, 1};
	assert_int_equal(find(&h, "host.example.net"), POLICY_DANE_USABLE);
	h.tlsa[0] = (struct policy_tlsa_answer){no_such, NULL, 0};
	h.tlsa[1] = (struct policy_tlsa_answer){secure, &good, 1};
	assert_int_equal(find(&h, "mx.example.org"), POLICY_DANE_USABLE);
	h.tlsa[0] = (struct policy_tlsa_answer){failed, NULL, 0};
	assert_int_equal(find(&h, NULL), POLICY_DANE_UNKNOWN);
	/* The alias leaves the signed zone, but is in one itself. */
	h.a = insecure;
	h.aaaa = insecure;
	h.alias = secure;
	assert_int_equal(policy_dane_bases(&h, bases), 1);
	assert_true(span_eq(bases[0], h.name));
	h.tlsa[0] = (struct policy_tlsa_answer){secure, &good, 1};
	assert_int_equal(find(&h, "mx.example.org"), POLICY_DANE_USABLE);
	h.alias = insecure;
	assert_int_equal(policy_dane_bases(&h, bases), 0);
	assert_int_equal(find(&h, ""), POLICY_DANE_NONE);
	h.alias = failed;
	assert_int_equal(find(&h, NULL), POLICY_DANE_UNKNOWN);
	h.alias = bogus;
	assert_int_equal(find(&h, NULL), POLICY_DANE_UNKNOWN);
	assert_true(policy_host_bogus(&h));
}

static enum policy_dane many(size_t count)
{
	static struct span r[POLICY_TLSA_MAX + 1];
	struct policy_host h = host();
	for (size_t i = 0; i < count; i++)
		r[i] = good;
	h.tlsa[0] = (struct policy_tlsa_answer){secure, r, count};
	return find(&h, NULL);
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(many(POLICY_TLSA_MAX - 1), POLICY_DANE_USABLE);
	assert_int_equal(many(POLICY_TLSA_MAX), POLICY_DANE_USABLE);
	assert_int_equal(many(POLICY_TLSA_MAX + 1), POLICY_DANE_UNKNOWN);
}

static void addresses(void **state)
{
	struct policy_host h = host();
	(void)state;
	assert_true(policy_host_has_address(&h));
	h.a = failed;
	assert_false(policy_host_has_address(&h));
	h.aaaa = insecure;
	assert_true(policy_host_has_address(&h));
	/* A record that a forger added is no address. */
	h.aaaa = (struct policy_lookup){POLICY_DNS_BOGUS, true};
	assert_false(policy_host_has_address(&h));
	assert_string_equal(policy_trust_text(POLICY_DNS_BOGUS), "bogus");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(agility),
		cmocka_unit_test(states),
		cmocka_unit_test(aliases),
		cmocka_unit_test(limits),
		cmocka_unit_test(addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

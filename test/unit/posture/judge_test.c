/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One need beside what was found, row by row: what is told, at which level, and
 * that there is a mend for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "example.h"

#define D "example.org. 300 IN "
#define H "mx.example.org. 300 IN "
#define T "_25._tcp.mx.example.org. 300 IN TLSA "

struct row {
	const char *owner, *type; /* of the need */
	const char *records[4];
	enum posture_level level; /* of the worst finding */
	const char *what;	  /* part of a finding's text, or NULL */
};

static const struct row rows[] = {
	{"example.org", "MX", {D "MX 10 mx.example.org."}, POSTURE_RIGHT, NULL},
	{"example.org", "MX", {D "MX 20 b.example.", D "MX 5 MX.Example.ORG."},
	 POSTURE_RIGHT, NULL},
	{"example.org", "MX", {D "MX 10 old.example."}, POSTURE_WRONG, "led to old.example."},
	{"example.org", "MX", {D "MX 0 ."}, POSTURE_WRONG, "null MX"},
	{"example.org", "MX", {NULL}, POSTURE_WRONG, "no record"},
	{"example.org", "MX", {"no record at all"}, POSTURE_WRONG, "no record"},

	{"mx.example.org", "A", {H "A 192.0.2.25"}, POSTURE_RIGHT, NULL},
	{"mx.example.org", "A", {H "A 192.0.2.26"}, POSTURE_WRONG, "192.0.2.25 of this server"},
	{"mx.example.org", "A", {H "A 192.0.2.25", H "A 192.0.2.26"}, POSTURE_WRONG,
	 "192.0.2.26 is no address"},
	{"mx.example.org", "AAAA", {NULL}, POSTURE_WRONG, "no record"},
	{"mx.example.org", "AAAA", {H "AAAA 2001:DB8::25"}, POSTURE_RIGHT, NULL},

	{"25.2.0.192.in-addr.arpa", "PTR", {"x. 1 IN PTR mx.example.org."}, POSTURE_RIGHT, NULL},
	{"25.2.0.192.in-addr.arpa", "PTR", {"x. 1 IN PTR host-25.isp.example."}, POSTURE_WRONG,
	 "the name in EHLO"},
	{"25.2.0.192.in-addr.arpa", "PTR",
	 {"x. 1 IN PTR a.example.", "x. 1 IN PTR mx.example.org."}, POSTURE_ADVICE, "2 names"},
	{"25.2.0.192.in-addr.arpa", "PTR", {NULL}, POSTURE_WRONG, "no record"},

	{"example.org", "TXT", {D "TXT \"v=spf1 mx -all\"", D "TXT \"v=spf10 x\""}, POSTURE_RIGHT,
	 NULL},
	{"example.org", "TXT", {D "TXT \"v=spf1 \" \"mx -all\""}, POSTURE_RIGHT, NULL},
	{"example.org", "TXT", {D "TXT \"v=spf1 -all\""}, POSTURE_WRONG, "not allow 192.0.2.25"},
	{"example.org", "TXT", {D "TXT \"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all\""},
	 POSTURE_RIGHT, NULL},
	{"example.org", "TXT", {D "TXT \"v=spf1 ip4:192.0.2.0/24 ~all\""}, POSTURE_WRONG,
	 "not allow 2001:db8::25"},
	{"example.org", "TXT", {D "TXT \"v=spf1 -mx -all\""}, POSTURE_WRONG, "not allow"},
	{"example.org", "TXT", {D "TXT \"v=spf1 a:mx.example.org -all\""}, POSTURE_RIGHT, NULL},
	{"example.org", "TXT", {D "TXT \"v=spf1 a -all\""}, POSTURE_RIGHT, NULL},
	{"example.org", "TXT", {D "TXT \"v=spf1 mx:other.example -all\""}, POSTURE_RIGHT, NULL},
	{"example.org", "TXT", {D "TXT \"v=spf1 include:_spf.isp.example -all\""}, POSTURE_RIGHT,
	 NULL},
	{"example.org", "TXT", {D "TXT \"v=spf1 redirect=_spf.isp.example\""}, POSTURE_RIGHT, NULL},
	{"example.org", "TXT", {D "TXT \"v=spf1 mx +all\""}, POSTURE_WRONG, "everybody"},
	{"example.org", "TXT", {D "TXT \"v=spf1 mx\""}, POSTURE_ADVICE, "all other addresses"},
	{"example.org", "TXT", {D "TXT \"v=spf1 mx -all\"", D "TXT \"v=spf1 a -all\""},
	 POSTURE_WRONG, "several SPF"},
	{"example.org", "TXT", {D "TXT \"something else\""}, POSTURE_WRONG, "no record"},
	{"mx.example.org", "TXT", {H "TXT \"v=spf1 a -all\""}, POSTURE_RIGHT, NULL},
	{"mx.example.org", "TXT", {NULL}, POSTURE_ADVICE, "no record"},

	{"_dmarc.example.org", "TXT", {D "TXT \"v=DMARC1; p=reject; rua=mailto:a@b.c\""},
	 POSTURE_RIGHT, NULL},
	{"_dmarc.example.org", "TXT", {D "TXT \"v=DMARC1; p=all\""}, POSTURE_WRONG, "no policy"},
	{"_dmarc.example.org", "TXT", {D "TXT \"v=DMARC1; p=none\"", D "TXT \"v=DMARC1; p=none\""},
	 POSTURE_WRONG, "several"},
	{"_dmarc.example.org", "TXT", {NULL}, POSTURE_WRONG, "no record"},

	{"_mta-sts.example.org", "TXT", {D "TXT \"v=STSv1; id=1;\""}, POSTURE_RIGHT, NULL},
	{"_mta-sts.example.org", "TXT", {D "TXT \"v=STSv1;\""}, POSTURE_WRONG, "cannot be read"},
	{"_mta-sts.example.org", "TXT", {NULL}, POSTURE_ADVICE, "no record"},

	{"_smtp._tls.example.org", "TXT", {D "TXT \"v=TLSRPTv1; rua=mailto:a@b.c\""}, POSTURE_RIGHT,
	 NULL},
	{"_smtp._tls.example.org", "TXT", {D "TXT \"v=TLSRPTv1; rua=a@b.c\""}, POSTURE_WRONG,
	 "no address"},
	{"_smtp._tls.example.org", "TXT", {NULL}, POSTURE_ADVICE, "no record"},

	{"_25._tcp.mx.example.org", "TLSA", {T KEY_A, T KEY_B, T KEY_C}, POSTURE_RIGHT, NULL},
	{"_25._tcp.mx.example.org", "TLSA", {T KEY_A, T KEY_B}, POSTURE_WRONG, "do not switch"},
	{"_25._tcp.mx.example.org", "TLSA", {T KEY_A, T KEY_C}, POSTURE_WRONG, "follow DANE"},
	{"_25._tcp.mx.example.org", "TLSA", {T KEY_C, T "2 1 1 00"}, POSTURE_RIGHT, NULL},
	{"_25._tcp.mx.example.org", "TLSA", {T "2 1 1 00"}, POSTURE_WRONG, "do not switch"},
	{"_25._tcp.mx.example.org", "TLSA", {T KEY_A, T KEY_B, T KEY_C, T "3 1 1 99"},
	 POSTURE_ADVICE, "names no key"},
	{"_25._tcp.mx.example.org", "TLSA", {NULL}, POSTURE_ADVICE, "no record"},
	{"_993._tcp.mx.example.org", "TLSA", {NULL}, POSTURE_RIGHT, NULL},

	{"_imaps._tcp.example.org", "SRV", {D "SRV 7 9 993 mx.example.org."}, POSTURE_RIGHT, NULL},
	{"_imaps._tcp.example.org", "SRV", {D "SRV 0 1 993 old.example."}, POSTURE_WRONG,
	 "993 old.example."},
	{"_imaps._tcp.example.org", "SRV", {D "SRV 0 0 0 ."}, POSTURE_WRONG, "leads"},
	{"_imaps._tcp.example.org", "SRV", {NULL}, POSTURE_ADVICE, "no record"},

	{"mx.example.org", "CAA", {D "CAA 0 issue \"letsencrypt.org; validationmethods=dns-01\""},
	 POSTURE_RIGHT, NULL},
	{"mx.example.org", "CAA", {D "CAA 0 iodef \"mailto:a@b.c\""}, POSTURE_RIGHT, NULL},
	{"mx.example.org", "CAA", {D "CAA 0 issue \"pki.goog\""}, POSTURE_WRONG, "may not issue"},
	{"mx.example.org", "CAA", {D "CAA 0 issue \";\""}, POSTURE_WRONG, "may not issue"},
	{"mx.example.org", "CAA", {NULL}, POSTURE_ADVICE, "no record"},
};

struct scene {
	struct example e;
	struct posture_needs host, domain;
	struct posture_findings f;
	struct arena *a;
};

static const struct posture_need *need(const struct scene *s, const char *owner, const char *type)
{
	const struct posture_needs *lists[] = {&s->domain, &s->host};
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < lists[k]->count; i++) {
			const struct posture_need *n = &lists[k]->at[i];
			if (n->type != NULL && span_eq(n->name, span_cstr(owner)) &&
			    strcmp(n->type, type) == 0)
				return n;
		}
	fail_msg("there is no need for %s %s", owner, type);
	return NULL;
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	s->a = arena_new(1u << 20);
	example_make(&s->e);
	assert_true(posture_host(&s->e.server, s->a, &s->host));
	assert_true(posture_domain(&s->e.server, SPAN("example.org"), s->a, &s->domain));
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	arena_free(s->a);
	free(s);
	return 0;
}

static void judge(struct scene *s, const struct row *r, enum policy_trust trust)
{
	struct span records[4];
	struct posture_found found = {.lookup = {trust, r->records[0] != NULL},
				      .records = records,
				      .why = SPAN("timeout")};
	while (found.count < 4 && r->records[found.count] != NULL) {
		records[found.count] = span_cstr(r->records[found.count]);
		found.count++;
	}
	assert_true(posture_judge(&s->e.server, need(s, r->owner, r->type), &found, s->a, &s->f));
}

static enum posture_level worst(const struct posture_findings *f)
{
	enum posture_level l = POSTURE_RIGHT;
	for (size_t i = 0; i < f->count; i++) {
		l = f->at[i].level > l ? f->at[i].level : l;
		assert_true(f->at[i].what.len > 0);
		assert_true(f->at[i].mend.len > 0);
	}
	return l;
}

static bool says(const struct posture_findings *f, const char *what)
{
	for (size_t i = 0; i < f->count; i++)
		if (span_find_span(f->at[i].what, span_cstr(what)) != SIZE_MAX)
			return true;
	return false;
}

static void test_rows(void **state)
{
	struct scene *s = *state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		judge(s, &rows[i], POLICY_DNS_SECURE);
		bool told = rows[i].what == NULL ? s->f.count == 0 : says(&s->f, rows[i].what);
		if (worst(&s->f) != rows[i].level || !told)
			fail_msg("row %zu (%s %s): %s: %.*s", i, rows[i].owner, rows[i].type,
				 posture_level_text(worst(&s->f)), SPAN_FMT(s->f.at[0].what));
	}
}

/* No answer is not "no record", and a broken signature is worse than either. */
static void test_no_answer(void **state)
{
	struct scene *s = *state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct row r = {.owner = rows[i].owner, .type = rows[i].type};
		judge(s, &r, POLICY_DNS_FAILED);
		assert_int_equal(s->f.count, 1);
		assert_int_equal(worst(&s->f), POSTURE_UNKNOWN);
		judge(s, &r, POLICY_DNS_BOGUS);
		assert_int_equal(worst(&s->f), POSTURE_WRONG);
		assert_true(says(&s->f, "bogus"));
	}
}

/* DANE without DNSSEC is no DANE. */
static void test_unsigned(void **state)
{
	struct scene *s = *state;
	static const struct row r = {"_25._tcp.mx.example.org", "TLSA",
				     {T KEY_A, T KEY_B, T KEY_C}, POSTURE_ADVICE, NULL};
	judge(s, &r, POLICY_DNS_INSECURE);
	assert_int_equal(worst(&s->f), POSTURE_ADVICE);
	assert_true(says(&s->f, "not signed"));
}

static void test_alias(void **state)
{
	struct scene *s = *state;
	struct span a = SPAN(H "A 192.0.2.25");
	struct posture_found found = {.lookup = {POLICY_DNS_SECURE, true}, .records = &a, .count = 1,
				      .canonical = SPAN("web.example.")};
	assert_true(posture_judge(&s->e.server, need(s, "mx.example.org", "A"), &found, s->a, &s->f));
	assert_int_equal(worst(&s->f), POSTURE_WRONG);
	assert_true(says(&s->f, "alias of web.example."));
	found.canonical = SPAN("MX.example.org.");
	assert_true(posture_judge(&s->e.server, need(s, "mx.example.org", "A"), &found, s->a, &s->f));
	assert_int_equal(s->f.count, 0);
	/* RFC 2317 leads PTR records through aliases. */
	struct span p = SPAN("25.0-31.2.0.192.in-addr.arpa. 1 IN PTR mx.example.org.");
	found.records = &p;
	found.canonical = SPAN("25.0-31.2.0.192.in-addr.arpa.");
	assert_true(posture_judge(&s->e.server, need(s, "25.2.0.192.in-addr.arpa", "PTR"), &found,
				  s->a, &s->f));
	assert_int_equal(s->f.count, 0);
}

/* Of more records than are looked at, and more findings than are told. */
static void test_many(void **state)
{
	struct scene *s = *state;
	static char text[POSTURE_RECORDS_MAX + 2][40];
	static struct span list[POSTURE_RECORDS_MAX + 2];
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		list[i] = span_of(text[i], (size_t)snprintf(text[i], sizeof text[i],
							    H "A 198.51.%zu.%zu", i / 200, i % 200));
	struct posture_found found = {.lookup = {POLICY_DNS_SECURE, true}, .records = list,
				      .count = ARRAY_LEN(list)};
	assert_true(posture_judge(&s->e.server, need(s, "mx.example.org", "A"), &found, s->a, &s->f));
	assert_int_equal(s->f.count, POSTURE_FINDINGS_MAX);
	assert_int_equal(worst(&s->f), POSTURE_WRONG);
}

static void test_certificates(void **state)
{
	struct scene *s = *state;
	assert_true(posture_certificates(&s->e.server, s->a, &s->f));
	assert_int_equal(s->f.count, 0);
	s->e.keys[1].names_host = false;
	assert_true(posture_certificates(&s->e.server, s->a, &s->f));
	assert_int_equal(worst(&s->f), POSTURE_WRONG);
	assert_true(says(&s->f, "not valid for mx.example.org"));
	/* One that nobody is shown is nobody's business. */
	s->e.keys[1].certificate = SPAN("spare");
	assert_true(posture_certificates(&s->e.server, s->a, &s->f));
	assert_int_equal(s->f.count, 0);
}

static void test_names_key(void **state)
{
	struct scene *s = *state;
	struct span r = SPAN(T KEY_C);
	struct posture_found found = {.records = &r, .count = 1};
	assert_true(posture_names_key(&found, &s->e.keys[2]));
	assert_false(posture_names_key(&found, &s->e.keys[1]));
	r = SPAN(T "3 1 1 03");
	assert_false(posture_names_key(&found, &s->e.keys[2]));
}

static void test_memory(void **state)
{
	struct scene *s = *state;
	const struct row *r = &rows[0];
	struct span d = span_cstr(r->records[0]);
	struct posture_found found = {.lookup = {POLICY_DNS_SECURE, true}, .records = &d, .count = 1};
	const struct posture_need *n = need(s, r->owner, r->type);
	struct arena *little = arena_new(64);
	assert_false(posture_judge(&s->e.server, n, &found, little, &s->f));
	arena_free(little);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows),  TEST(test_no_answer),	   TEST(test_unsigned),
		TEST(test_alias), TEST(test_many),	   TEST(test_certificates),
		TEST(test_names_key), TEST(test_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

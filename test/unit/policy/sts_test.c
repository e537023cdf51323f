/* SPDX-License-Identifier: Apache-2.0 */
/* policy/sts: records, policies, matching, the life of what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/record.h"
#include "policy/sts.h"

#define MX4 "mx: mail.example.com\n"
#define GOOD                                                                   \
	"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\n"          \
	"mx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n"

static const struct policy_lookup secure = {POLICY_DNS_SECURE, true};

/* One string each, as RDATA. */
static struct span rdata(char *room, const char *text)
{
	size_t n = strlen(text);
	assert_true(n <= 255);
	room[0] = (char)n;
	memcpy(room + 1, text, n);
	return span_of(room, n + 1);
}

static struct policy_sts_record one(const char *text)
{
	char room[300];
	struct span r = rdata(room, text);
	return policy_sts_record(secure, &r, 1);
}

static void records(void **state)
{
	static const struct {
		const char *text;
		enum policy_sts_txt kind;
		const char *id;
	} cases[] = {
		{"v=STSv1; id=20160831085700Z;", POLICY_STS_TXT_ID,
		 "20160831085700Z"},
		{"v=STSv1;id=a", POLICY_STS_TXT_ID, "a"},
		{"v=STSv1 \t;\t id=a \t; ", POLICY_STS_TXT_ID, "a"},
		{"v=STSv1; ext=a:b; id=a", POLICY_STS_TXT_ID, "a"},
		{"v=STSv1; id=first; id=second", POLICY_STS_TXT_ID, "first"},
		{"v=STSv1; id=12345678901234567890123456789012",
		 POLICY_STS_TXT_ID, "12345678901234567890123456789012"},
		{"v=STSv1; id=123456789012345678901234567890123",
		 POLICY_STS_TXT_INVALID, ""},
		{"v=STSv1; id=a-b", POLICY_STS_TXT_INVALID, ""},
		{"v=STSv1; id=", POLICY_STS_TXT_INVALID, ""},
		{"v=STSv1;", POLICY_STS_TXT_INVALID, ""},
		{"v=STSv1; ; id=a", POLICY_STS_TXT_INVALID, ""},
		{"v=STSv1; id=a; nonsense", POLICY_STS_TXT_INVALID, ""},
		{"v=STSv1; id=a; _x=1", POLICY_STS_TXT_INVALID, ""},
		{"v=STSv1; id=a\x01", POLICY_STS_TXT_INVALID, ""},
		{"v=STSv1", POLICY_STS_TXT_NONE, ""},
		{"v=stsv1; id=a", POLICY_STS_TXT_NONE, ""},
		{"v=STSv10; id=a", POLICY_STS_TXT_NONE, ""},
		{" v=STSv1; id=a", POLICY_STS_TXT_NONE, ""},
		{"v=spf1 -all", POLICY_STS_TXT_NONE, ""},
		{"", POLICY_STS_TXT_NONE, ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct policy_sts_record r = one(cases[i].text);
		if (r.kind != cases[i].kind ||
		    !span_eq(policy_sts_id(&r), span_cstr(cases[i].id)))
			fail_msg("%s: kind %d", cases[i].text, r.kind);
	}
}

static void several_records(void **state)
{
	char a[64], b[64], c[64];
	struct span r[] = {rdata(a, "v=spf1 -all"), rdata(b, "v=STSv1; id=a;"),
			   rdata(c, "v=STSv1; id=b;")};
	/* Two strings of one record are one text. */
	struct span two = SPAN("\x08v=STSv1;\x05 id=x"), cut = SPAN("\x09v=STSv1;");
	(void)state;
	assert_int_equal(policy_sts_record(secure, r, 2).kind,
			 POLICY_STS_TXT_ID);
	assert_int_equal(policy_sts_record(secure, r, 3).kind,
			 POLICY_STS_TXT_INVALID);
	assert_int_equal(policy_sts_record(secure, r, 0).kind,
			 POLICY_STS_TXT_NONE);
	assert_int_equal(policy_sts_record(secure, &two, 1).kind,
			 POLICY_STS_TXT_ID);
	assert_int_equal(policy_sts_record(secure, &cut, 1).kind,
			 POLICY_STS_TXT_NONE);
}

/* An answer that is none is never "there is no record". */
static void lookups(void **state)
{
	struct policy_lookup l = {POLICY_DNS_FAILED, false};
	(void)state;
	assert_int_equal(policy_sts_record(l, NULL, 0).kind,
			 POLICY_STS_TXT_FAILED);
	l.trust = POLICY_DNS_BOGUS;
	assert_int_equal(policy_sts_record(l, NULL, 0).kind,
			 POLICY_STS_TXT_BOGUS);
	l.trust = POLICY_DNS_INSECURE;
	assert_int_equal(policy_sts_record(l, NULL, 0).kind,
			 POLICY_STS_TXT_NONE);
}

/* A record of `len` joined bytes. */
static enum policy_sts_txt of_length(size_t len)
{
	static char room[8192];
	size_t at = 0, left = len;
	char text[8192];
	memset(text, 'x', sizeof text);
	memcpy(text, "v=STSv1; id=a; e=", 17);
	while (left > 0) {
		size_t n = left > 255 ? 255 : left;
		room[at++] = (char)n;
		memcpy(room + at, text + (len - left), n);
		at += n;
		left -= n;
	}
	struct span r = span_of(room, at);
	return policy_sts_record(secure, &r, 1).kind;
}

static void record_limits(void **state)
{
	(void)state;
	assert_int_equal(of_length(POLICY_RECORD_MAX - 1), POLICY_STS_TXT_ID);
	assert_int_equal(of_length(POLICY_RECORD_MAX), POLICY_STS_TXT_ID);
	assert_int_equal(of_length(POLICY_RECORD_MAX + 1),
			 POLICY_STS_TXT_INVALID);
	assert_true(policy_field_name(SPAN("a2345678901234567890123456789012")));
	assert_false(
		policy_field_name(SPAN("a23456789012345678901234567890123")));
}

static void policies(void **state)
{
	struct policy_sts p;
	(void)state;
	assert_null(policy_sts_parse(SPAN(GOOD), &p));
	assert_int_equal(p.mode, POLICY_STS_MODE_ENFORCE);
	assert_int_equal(p.max_age, 604800);
	assert_int_equal(p.mx_count, 3);
	assert_true(span_eq(p.mx[1], SPAN("*.example.net")));
	/* LF, no end of the last line, unknown fields, blanks, doubles. */
	assert_null(policy_sts_parse(
		SPAN("max_age:0\nversion:STSv1\nnew-thing: \xc3\xa9 x\n\n"
		     "mode:  testing \t\nmode: enforce\nmax_age: 7\n"
		     "version: STSv2\nmx:mail.example.com."), &p));
	assert_int_equal(p.mode, POLICY_STS_MODE_TESTING);
	assert_int_equal(p.max_age, 0);
	assert_true(span_eq(p.mx[0], SPAN("mail.example.com")));
	assert_null(policy_sts_parse(
		SPAN("version: STSv1\nmode: none\nmax_age: 86400\n"), &p));
	assert_int_equal(p.mode, POLICY_STS_MODE_NONE);
}

static void policies_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"version: STSv1\n",
		"version: STSv2\nversion: STSv1\nmode: none\nmax_age: 1\n",
		"mode: enforce\n" MX4 "max_age: 1\n",
		"version: STSv1\n" MX4 "max_age: 1\n",
		"version: STSv1\nmode: enforce\nmax_age: 1\n",
		"version: STSv1\nmode: testing\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\n" MX4,
		"version: STSv1\nmode: Enforce\n" MX4 "max_age: 1\n",
		"version: STSv1\nmode: enforce\n" MX4 "max_age: -1\n",
		"version: STSv1\nmode: enforce\n" MX4 "max_age: 1d\n",
		"version: STSv1\nmode: enforce\n" MX4 "max_age: 12345678901\n",
		"version: STSv1\nmode: enforce\nmx: *.\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.*.org\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: *.*.org\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: m*.org\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a..org\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx:\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: b\xc3\xbc.org\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: [192.0.2.1]\nmax_age: 1\n",
		"version: STSv1\rmode: none\rmax_age: 1\r",
		"version: STSv1\nmode: none\nmax_age: 1\nno colon\n",
		"version: STSv1\nmode: none\nmax_age: 1\n: empty\n",
		"version: STSv1\nmode: none\nmax_age: 1\nx: \x01\n",
		"version: STSv1\nmode: none\nmax_age: 1\nx: \xff\n",
		"<html>not a policy</html>",
	};
	struct policy_sts p;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (policy_sts_parse(span_cstr(bad[i]), &p) == NULL)
			fail_msg("taken: %s", bad[i]);
}

static const char *with(const char *unit, size_t count, size_t fill)
{
	static char text[2 * POLICY_STS_TEXT_MAX];
	static struct policy_sts p;
	struct buf b;
	buf_init(&b, sizeof text);
	buf_add(&b, SPAN("version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 1\n"));
	for (size_t i = 0; i < count; i++)
		buf_add(&b, span_cstr(unit));
	if (fill > 0) {
		buf_add(&b, SPAN("x: "));
		while (buf_len(&b) < fill)
			buf_addc(&b, 'x');
	}
	assert_true(buf_ok(&b));
	size_t n = buf_len(&b);
	memcpy(text, buf_span(&b).ptr, n);
	buf_free(&b);
	return policy_sts_parse(span_of(text, n), &p);
}

static void policy_limits(void **state)
{
	struct policy_sts p;
	(void)state;
	assert_null(with("mx: c.d\n", POLICY_STS_MX_MAX - 2, 0));
	assert_null(with("mx: c.d\n", POLICY_STS_MX_MAX - 1, 0));
	assert_non_null(with("mx: c.d\n", POLICY_STS_MX_MAX, 0));
	assert_null(with("x: y\n", POLICY_STS_LINES_MAX - 5, 0));
	assert_null(with("x: y\n", POLICY_STS_LINES_MAX - 4, 0));
	assert_non_null(with("x: y\n", POLICY_STS_LINES_MAX - 3, 0));
	assert_null(with("", 0, POLICY_STS_TEXT_MAX - 1));
	assert_null(with("", 0, POLICY_STS_TEXT_MAX));
	assert_non_null(with("", 0, POLICY_STS_TEXT_MAX + 1));
	/* A longer life counts as the longest. */
	static const struct {
		const char *text;
		uint32_t age;
	} ages[] = {{"31557599", 31557599},
		    {"31557600", 31557600},
		    {"31557601", 31557600},
		    {"4294967297", 31557600}};
	for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
		struct buf b;
		buf_init(&b, 1000);
		buf_printf(&b, "version: STSv1\nmode: none\nmax_age: %s",
			   ages[i].text);
		assert_null(policy_sts_parse(buf_span(&b), &p));
		assert_int_equal(p.max_age, ages[i].age);
		buf_free(&b);
	}
}

static void replies(void **state)
{
	struct policy_sts p;
	struct policy_sts_reply good = {200, SPAN_INIT("text/plain"),
					SPAN_INIT(GOOD), true}, r;
	(void)state;
	assert_null(policy_sts_reply(&good, &p));
	r = good;
	r.media = SPAN("Text/Plain ; charset=utf-8");
	assert_null(policy_sts_reply(&r, &p));
	r.media = SPAN("text/html");
	assert_non_null(policy_sts_reply(&r, &p));
	r.media = (struct span){0};
	assert_non_null(policy_sts_reply(&r, &p));
	static const unsigned codes[] = {0, 199, 201, 301, 302, 404, 500};
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		r = good;
		r.status = codes[i];
		assert_non_null(policy_sts_reply(&r, &p));
	}
	r = good;
	r.whole = false;
	assert_non_null(policy_sts_reply(&r, &p));
	r = good;
	r.body.len = POLICY_STS_TEXT_MAX + 1; /* never looked at */
	assert_non_null(policy_sts_reply(&r, &p));
}

/* The examples of RFC 8461 4.1, and the edges of them. */
static void matching(void **state)
{
	static const struct {
		const char *pattern, *host;
		bool match;
	} cases[] = {
		{"*.example.com", "mail.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "foo.bar.example.com", false},
		{"*.example.com", ".example.com", false},
		{"*.example.com", "mailexample.com", false},
		{"*.example.com", "MAIL.Example.COM.", true},
		{"*.example.com", "", false},
		{"mail.example.com", "mail.example.com", true},
		{"mail.example.com", "MAIL.EXAMPLE.COM", true},
		{"mail.example.com", "mail.example.com.", true},
		{"mail.example.com", "x.mail.example.com", false},
		{"mail.example.com", "example.com", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct policy_sts p = {.mode = POLICY_STS_MODE_ENFORCE,
				       .mx_count = 1};
		p.mx[0] = span_cstr(cases[i].pattern);
		if (policy_sts_match(&p, span_cstr(cases[i].host)) !=
		    cases[i].match)
			fail_msg("%s and %s", cases[i].pattern, cases[i].host);
	}
}

/* ---- life ------------------------------------------------------------------ */

#define T0 1700000000

static struct policy_sts_kept kept(uint32_t max_age)
{
	struct policy_sts_kept k = {.has_policy = true, .fetched = T0};
	k.id = SPAN("a");
	k.policy.mode = POLICY_STS_MODE_ENFORCE;
	k.policy.max_age = max_age;
	k.policy.mx_count = 1;
	k.policy.mx[0] = SPAN("mx.example.org");
	return k;
}

static void expiry(void **state)
{
	struct policy_sts_kept k = kept(1000), none = {0};
	(void)state;
	assert_true(policy_sts_alive(&k, T0 + 999));
	assert_true(policy_sts_alive(&k, T0 + 1000));
	assert_false(policy_sts_alive(&k, T0 + 1001));
	assert_true(policy_sts_alive(&k, T0 - 5000)); /* a clock set back */
	assert_int_equal(policy_sts_expires(&k), T0 + 1001);
	assert_false(policy_sts_alive(&none, 0));
	assert_false(policy_sts_alive(NULL, T0));
	assert_int_equal(policy_sts_expires(&none), 0);
}

static void plans(void **state)
{
	struct policy_sts_record a = one("v=STSv1; id=a"),
				 b = one("v=STSv1; id=b");
	struct policy_sts_record gone = {.kind = POLICY_STS_TXT_NONE};
	struct policy_sts_record silent = {.kind = POLICY_STS_TXT_FAILED};
	struct policy_sts_record bogus = {.kind = POLICY_STS_TXT_BOGUS};
	struct policy_sts_kept k = kept(604800);
	const struct {
		const struct policy_sts_kept *kept;
		const struct policy_sts_record *record;
		int64_t now;
		bool apply, fetch, wait;
	} cases[] = {
		{NULL, &a, T0, false, true, true},
		{NULL, &gone, T0, false, false, false},
		{NULL, &silent, T0, false, false, false},
		{&k, &a, T0 + 1, true, false, false},
		{&k, &b, T0 + 1, true, true, true},
		{&k, &gone, T0 + 1, true, false, false},
		{&k, &a, T0 + POLICY_STS_REFRESH - 1, true, false, false},
		{&k, &a, T0 + POLICY_STS_REFRESH, true, true, false},
		{&k, &gone, T0 + POLICY_STS_REFRESH, true, false, false},
		{&k, &silent, T0 + POLICY_STS_REFRESH, true, true, false},
		{&k, &bogus, T0 + POLICY_STS_REFRESH, true, true, false},
		{&k, &a, T0 + 604801, false, true, true},
		{&k, &gone, T0 + 604801, false, false, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct policy_sts_plan p = policy_sts_plan(
			cases[i].kept, cases[i].record, cases[i].now);
		if (p.apply != cases[i].apply || p.fetch != cases[i].fetch ||
		    p.wait != cases[i].wait)
			fail_msg("case %zu: %d %d %d", i, p.apply, p.fetch,
				 p.wait);
	}
	/* What lives shortly is fetched again at half of it. */
	k = kept(1000);
	assert_false(policy_sts_plan(&k, &a, T0 + 499).fetch);
	assert_true(policy_sts_plan(&k, &a, T0 + 500).fetch);
}

/* A failure keeps everything, and is not repeated at once for one version. */
static void failures(void **state)
{
	struct policy_sts_record a = one("v=STSv1; id=a"),
				 b = one("v=STSv1; id=b"),
				 c = one("v=STSv1; id=c");
	struct policy_sts_kept k = kept(604800), before = k, none = {0};
	int64_t pause = POLICY_STS_RETRY;
	(void)state;
	policy_sts_learn(&k, &b, NULL, T0 + 10);
	assert_memory_equal(&k.policy, &before.policy, sizeof k.policy);
	assert_true(k.fetched == T0 && span_eq(k.id, SPAN("a")));
	assert_true(policy_sts_plan(&k, &b, T0 + 10).apply);
	assert_false(policy_sts_plan(&k, &b, T0 + 10 + pause - 1).fetch);
	assert_true(policy_sts_plan(&k, &b, T0 + 10 + pause).fetch);
	assert_true(policy_sts_plan(&k, &c, T0 + 11).fetch);
	assert_true(policy_sts_plan(&k, &b, T0).fetch); /* a clock set back */
	for (int i = 0; i < 10; i++) {
		policy_sts_learn(&k, &b, NULL, T0 + 10);
		pause = pause * 2 < POLICY_STS_RETRY_MAX ? pause * 2
							 : POLICY_STS_RETRY_MAX;
		assert_false(policy_sts_plan(&k, &b, T0 + 9 + pause).fetch);
		assert_true(policy_sts_plan(&k, &b, T0 + 10 + pause).fetch);
	}
	policy_sts_learn(&none, &a, NULL, T0);
	assert_false(none.has_policy);
	assert_false(policy_sts_plan(&none, &a, T0 + 1).fetch);
	assert_false(policy_sts_plan(&none, &a, T0 + 1).apply);
	policy_sts_learn(&k, &b, &before.policy, T0 + 5000);
	assert_true(k.failures == 0 && k.fetched == T0 + 5000 &&
		    span_eq(k.id, SPAN("b")));
	assert_false(policy_sts_plan(&k, &b, T0 + 5001).fetch);
	/* No record at hand: the old id stays. */
	struct policy_sts_record silent = {.kind = POLICY_STS_TXT_FAILED};
	policy_sts_learn(&k, &silent, &before.policy, T0 + 6000);
	assert_true(span_eq(k.id, SPAN("b")));
}

static void rows(void **state)
{
	struct policy_sts_kept k = kept(604800), back;
	struct buf b, again;
	(void)state;
	buf_init(&b, POLICY_STS_ROW_MAX);
	buf_init(&again, POLICY_STS_ROW_MAX);
	k.failures = 3;
	k.failed = T0 + 9;
	k.failed_id = SPAN("b");
	for (k.policy.mx_count = 1; k.policy.mx_count < POLICY_STS_MX_MAX;)
		k.policy.mx[k.policy.mx_count++] = SPAN("*.example.net");
	policy_sts_pack(&b, &k);
	assert_true(policy_sts_unpack(buf_span(&b), &back));
	policy_sts_pack(&again, &back);
	assert_true(buf_ok(&again) && span_eq(buf_span(&b), buf_span(&again)));
	assert_true(policy_sts_match(&back.policy, SPAN("a.example.net")));
	for (size_t n = 0; n < buf_len(&b); n++)
		assert_false(policy_sts_unpack(span_sub(buf_span(&b), 0, n),
					       &back));
	buf_addc(&b, 'x');
	assert_false(policy_sts_unpack(buf_span(&b), &back));
	buf_clear(&b);
	k = (struct policy_sts_kept){.failures = 1, .failed = T0};
	policy_sts_pack(&b, &k);
	assert_true(policy_sts_unpack(buf_span(&b), &back));
	assert_false(back.has_policy);
	buf_free(&b);
	buf_free(&again);
}

/* Rows that no policy of ours could have made. */
static void rows_refused(void **state)
{
	struct policy_sts_kept good = kept(1), k, back;
	struct buf b;
	(void)state;
	buf_init(&b, POLICY_STS_ROW_MAX);
	k = good;
	k.policy.max_age = POLICY_STS_AGE_MAX + 1;
	policy_sts_pack(&b, &k);
	assert_false(policy_sts_unpack(buf_span(&b), &back));
	buf_clear(&b);
	k = good;
	k.policy.mx_count = 0;
	policy_sts_pack(&b, &k);
	assert_false(policy_sts_unpack(buf_span(&b), &back));
	buf_clear(&b);
	k = good;
	k.policy.mode = (enum policy_sts_mode)3;
	policy_sts_pack(&b, &k);
	assert_false(policy_sts_unpack(buf_span(&b), &back));
	buf_clear(&b);
	k = good;
	k.fetched = -1;
	policy_sts_pack(&b, &k);
	assert_false(policy_sts_unpack(buf_span(&b), &back));
	buf_clear(&b);
	policy_sts_url(&b, SPAN("example.org"));
	assert_true(span_eq(buf_span(&b), SPAN("https://mta-sts.example.org/"
					       ".well-known/mta-sts.txt")));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(several_records),
		cmocka_unit_test(lookups),
		cmocka_unit_test(record_limits),
		cmocka_unit_test(policies),
		cmocka_unit_test(policies_refused),
		cmocka_unit_test(policy_limits),
		cmocka_unit_test(replies),
		cmocka_unit_test(matching),
		cmocka_unit_test(expiry),
		cmocka_unit_test(plans),
		cmocka_unit_test(failures),
		cmocka_unit_test(rows),
		cmocka_unit_test(rows_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

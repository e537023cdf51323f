/* SPDX-License-Identifier: Apache-2.0 */
/* policy/report: who wants reports, and the reports of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/report.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(64u << 20);
	return arena == NULL;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct policy_reporting wanted(const char *text)
{
	struct policy_reporting r;
	char room[2048];
	size_t at = 0, left = strlen(text);
	while (left > 0) {
		size_t n = left > 255 ? 255 : left;
		room[at++] = (char)n;
		memcpy(room + at, text, n);
		text += n;
		at += n;
		left -= n;
	}
	struct span rdata = span_of(room, at);
	assert_true(policy_reporting_read(arena, &rdata, 1, &r));
	return r;
}

static void records(void **state)
{
	static const struct {
		const char *text, *first;
		size_t count;
	} cases[] = {
		{"v=TLSRPTv1; rua=mailto:reports@example.com",
		 "reports@example.com", 1},
		{"v=TLSRPTv1;rua=https://reporting.example.com/v1/tlsrpt;",
		 "https://reporting.example.com/v1/tlsrpt", 1},
		{"v=TLSRPTv1; rua=mailto:a@b.c , https://d.e/f?g=h&i=j",
		 "a@b.c", 2},
		{"v=TLSRPTv1; x=1; rua=mailto:a%2Bb@c.d?subject=x", "a+b@c.d",
		 1},
		{"v=TLSRPTv1; rua=ftp://x.y/,mailto:a@b.c", "a@b.c", 1},
		{"v=TLSRPTv1; rua=mailto:a@b.c; rua=mailto:d@e.f", "a@b.c", 1},
		{"v=TLSRPTv1; rua=mailto:a%0d%0a@b.c", "", 0},
		{"v=TLSRPTv1; rua=mailto:a%20b@c.d", "", 0},
		{"v=TLSRPTv1; rua=mailto:a@b.c%4", "", 0},
		{"v=TLSRPTv1; rua=mailto:nobody", "", 0},
		{"v=TLSRPTv1; rua=mailto:@b.c", "", 0},
		{"v=TLSRPTv1; rua=mailto:", "", 0},
		{"v=TLSRPTv1; rua=http://a.b/", "", 0},
		{"v=TLSRPTv1; rua=https://", "", 0},
		{"v=TLSRPTv1; rua=https:///x", "", 0},
		{"v=TLSRPTv1; rua=https://a.b/\xc3\xa9", "", 0},
		{"v=TLSRPTv1; rua=", "", 0},
		{"v=TLSRPTv1", "", 0},
		{"v=TLSRPTv2; rua=mailto:a@b.c", "", 0},
		{"v=TLSRPTv1; rua=mailto:a@b.c; broken", "", 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct policy_reporting r = wanted(cases[i].text);
		if (r.count != cases[i].count ||
		    (r.count > 0 &&
		     !span_eq(r.rua[0].uri, span_cstr(cases[i].first))))
			fail_msg("%s: %zu", cases[i].text, r.count);
	}
}

static size_t addresses(size_t count)
{
	struct buf b;
	buf_init(&b, 2000);
	buf_add(&b, SPAN("v=TLSRPTv1; rua=mailto:a@b.c"));
	for (size_t i = 1; i < count; i++)
		buf_add(&b, SPAN(",mailto:a@b.c"));
	buf_addc(&b, '\0');
	size_t n = wanted(buf_span(&b).ptr).count;
	buf_free(&b);
	return n;
}

static void record_limits(void **state)
{
	struct span two[] = {SPAN("\x1bv=TLSRPTv1;rua=mailto:a@b.c"),
			     SPAN("\x1bv=TLSRPTv1;rua=mailto:a@b.c")};
	struct policy_reporting r;
	(void)state;
	assert_int_equal(addresses(POLICY_RUA_MAX - 1), POLICY_RUA_MAX - 1);
	assert_int_equal(addresses(POLICY_RUA_MAX), POLICY_RUA_MAX);
	assert_int_equal(addresses(POLICY_RUA_MAX + 1), POLICY_RUA_MAX);
	assert_true(policy_reporting_read(arena, two, 1, &r));
	assert_int_equal(r.count, 1);
	assert_true(policy_reporting_read(arena, two, 2, &r));
	assert_int_equal(r.count, 0);
}

/* RFC 8460 appendix B. */
static const char example[] =
	"{\n\"organization-name\": \"Company-X\",\n"
	"\"date-range\": {\n\"start-datetime\": \"2016-04-01T00:00:00Z\",\n"
	"\"end-datetime\": \"2016-04-01T23:59:59Z\"\n},\n"
	"\"contact-info\": \"sts-reporting@company-x.example\",\n"
	"\"report-id\": \"5065427c-23d3-47ca-b6e0-946ea0e8c4be\",\n"
	"\"policies\": [{\n\"policy\": {\n\"policy-type\": \"sts\",\n"
	"\"policy-string\": [\"version: STSv1\",\"mode: testing\",\n"
	"\"mx: *.mail.company-y.example\",\"max_age: 86400\"],\n"
	"\"policy-domain\": \"company-y.example\",\n"
	"\"mx-host\": \"*.mail.company-y.example\"\n},\n"
	"\"summary\": {\n\"total-successful-session-count\": 5326,\n"
	"\"total-failure-session-count\": 303\n},\n"
	"\"failure-details\": [{\n\"result-type\": \"certificate-expired\",\n"
	"\"sending-mta-ip\": \"2001:db8:abcd:0012::1\",\n"
	"\"receiving-mx-hostname\": \"mx1.mail.company-y.example\",\n"
	"\"failed-session-count\": 100\n}, {\n"
	"\"result-type\": \"starttls-not-supported\",\n"
	"\"sending-mta-ip\": \"2001:db8:abcd:0013::1\",\n"
	"\"receiving-mx-hostname\": \"mx2.mail.company-y.example\",\n"
	"\"receiving-ip\": \"203.0.113.56\",\n"
	"\"failed-session-count\": 200,\n"
	"\"additional-information\": \"https://reports.company-x.example/"
	"report_info?id=5065427c-23d3#StarttlsNotSupported\"\n}, {\n"
	"\"result-type\": \"validation-failure\",\n"
	"\"sending-mta-ip\": \"198.51.100.62\",\n"
	"\"receiving-ip\": \"203.0.113.58\",\n"
	"\"receiving-mx-hostname\": \"mx-backup.mail.company-y.example\",\n"
	"\"failed-session-count\": 3,\n"
	"\"failure-reason-code\": \"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED\"\n"
	"}]\n}]\n}";

static void example_read(void **state)
{
	struct policy_report r;
	(void)state;
	assert_null(policy_report_read(arena, span_cstr(example), &r));
	assert_true(span_eq(r.head.organization, SPAN("Company-X")));
	assert_int_equal(r.head.start, 1459468800);
	assert_int_equal(r.head.end, 1459555199);
	assert_int_equal(r.policy_count, 1);
	const struct policy_report_policy *p = &r.policies[0];
	assert_true(p->type_known && p->type == POLICY_TYPE_STS);
	assert_true(span_eq(p->domain, SPAN("company-y.example")));
	assert_int_equal(p->string_count, 4);
	assert_int_equal(p->mx_count, 1); /* a text where a list should be */
	assert_true(span_eq(p->mx[0], SPAN("*.mail.company-y.example")));
	assert_int_equal(p->successes, 5326);
	assert_int_equal(p->failures, 303);
	assert_int_equal(p->detail_count, 3);
	assert_int_equal(p->details[1].failure, POLICY_STARTTLS_NOT_SUPPORTED);
	assert_int_equal(p->details[2].count, 3);
	assert_true(span_eq(p->details[2].reason,
			    SPAN("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED")));
}

static int64_t date(const char *text)
{
	struct policy_report r;
	struct span json = arena_printf(arena,
					"{\"policies\":[],\"date-range\":"
					"{\"start-datetime\":\"%s\"}}", text);
	assert_null(policy_report_read(arena, json, &r));
	return r.head.start;
}

static void dates(void **state)
{
	(void)state;
	assert_int_equal(date("2016-04-01T00:00:00Z"), 1459468800);
	assert_int_equal(date("2016-04-01t00:00:00z"), 1459468800);
	assert_int_equal(date("2016-04-01T00:00:00.123456789Z"), 1459468800);
	assert_int_equal(date("2016-04-01T02:00:00+02:00"), 1459468800);
	assert_int_equal(date("2016-03-31T23:30:00-00:30"), 1459468800);
	static const char *const bad[] = {
		"", "2016", "2016-04-01", "2016-04-31T00:00:00Z",
		"2016-04-01T00:00:00", "2016-04-01T00:00:00X",
		"2016-04-01T24:00:00Z", "2016-04-01T00:00:00+24:00",
		"2016-04-01T00:00:00+0100", "2016-04-01 00:00:00Z",
		"16-04-01T00:00:00Z"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (date(bad[i]) != 0)
			fail_msg("taken: %s", bad[i]);
}

/* What has the wrong kind is absent; what is no report is said. */
static void others(void **state)
{
	struct policy_report r;
	static const char odd[] =
		"{\"organization-name\":7,\"date-range\":[],\"policies\":[3,"
		"{\"policy\":{\"policy-type\":\"new\",\"policy-string\":[1,"
		"\"x\",{}],\"mx-host\":{}},\"summary\":{"
		"\"total-successful-session-count\":-1,"
		"\"total-failure-session-count\":\"9\"},\"failure-details\":"
		"[null,{\"result-type\":\"something-new\"}]},{}]}";
	static const char *const bad[] = {
		"", "[]", "{}", "{\"policies\":{}}", "{\"policies\":7}",
		"{\"policies\":[}", "<xml/>", "{\"policies\":[]}x",
		"\x1f\x8b\x08"};
	(void)state;
	assert_null(policy_report_read(arena, span_cstr(odd), &r));
	assert_int_equal(r.policy_count, 2);
	assert_false(r.policies[0].type_known);
	assert_int_equal(r.policies[0].string_count, 1);
	assert_int_equal(r.policies[0].mx_count, 0);
	assert_int_equal(r.policies[0].successes, 0);
	assert_int_equal(r.policies[0].detail_count, 1);
	assert_int_equal(r.policies[0].details[0].failure, POLICY_FAILURE_NONE);
	assert_int_equal(r.policies[1].detail_count, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (policy_report_read(arena, span_cstr(bad[i]), &r) == NULL)
			fail_msg("taken: %s", bad[i]);
}

static bool sized(size_t size)
{
	struct policy_report r;
	static const char start[] = "{\"policies\":[]";
	char *text = malloc(size);
	assert_non_null(text);
	memset(text, ' ', size);
	memcpy(text, start, sizeof start - 1);
	text[size - 1] = '}';
	arena_reset(arena);
	bool ok = policy_report_read(arena, span_of(text, size), &r) == NULL;
	free(text);
	return ok;
}

static void limits(void **state)
{
	struct policy_report r;
	(void)state;
	assert_true(sized(POLICY_REPORT_TEXT_MAX - 1));
	assert_true(sized(POLICY_REPORT_TEXT_MAX));
	assert_false(sized(POLICY_REPORT_TEXT_MAX + 1));
	/* An arena that is too small is no crash, whatever is there of it. */
	for (size_t limit = 1; limit < 8192; limit += 61) {
		struct arena *small = arena_new(limit);
		assert_non_null(small);
		(void)!policy_report_read(small, span_cstr(example), &r);
		arena_free(small);
	}
}

static void failure_names(void **state)
{
	enum policy_type t;
	(void)state;
	for (int i = POLICY_STARTTLS_NOT_SUPPORTED; i <= POLICY_STS_WEBPKI_INVALID;
	     i++) {
		enum policy_failure f = (enum policy_failure)i;
		assert_int_equal(policy_failure_parse(policy_failure_text(f)), f);
	}
	assert_int_equal(policy_failure_parse(SPAN("")), POLICY_FAILURE_NONE);
	assert_true(policy_type_parse(SPAN("TLSA"), &t) &&
		    t == POLICY_TYPE_TLSA);
	assert_false(policy_type_parse(SPAN("dane"), &t));
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(records), WITH(record_limits), WITH(example_read),
		WITH(dates),   WITH(others),	    WITH(limits),
		WITH(failure_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

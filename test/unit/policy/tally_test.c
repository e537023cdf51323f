/* SPDX-License-Identifier: Apache-2.0 */
/* policy/report: sessions counted within limits, and the report that is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/pack.h"
#include "policy/report.h"

static const uint8_t secret[SIPHASH_KEY] = "fifteen letters";
#define LIMIT (8u << 20)

static struct policy_session session(const char *domain, enum policy_failure f)
{
	return (struct policy_session){.domain = span_cstr(domain),
				       .failure = f,
				       .sending_ip = SPAN("192.0.2.1"),
				       .receiving_ip = SPAN("2001:db8::25"),
				       .receiving_mx = SPAN("mx.example.org")};
}

static struct span written(struct buf *b, const struct policy_tally *t)
{
	const struct policy_report_head head = {
		.organization = SPAN("Company-X"),
		.contact = SPAN("sts-reporting@company-x.example"),
		.id = SPAN("5065427c-23d3-47ca-b6e0-946ea0e8c4be"),
		.start = 1459468800,
		.end = 1459555199};
	size_t at = 0;
	const struct policy_tally_domain *d = policy_tally_next(t, &at);
	assert_non_null(d);
	buf_clear(b);
	policy_report_write(b, &head, d);
	assert_true(buf_ok(b));
	return buf_span(b);
}

/* The example of RFC 8460 appendix B, as we would write it. */
static void report(void **state)
{
	static const struct span lines[] = {
		SPAN_INIT("version: STSv1"), SPAN_INIT("mode: testing"),
		SPAN_INIT("mx: *.mail.company-y.example"),
		SPAN_INIT("max_age: 86400")},
		mx[] = {SPAN_INIT("*.mail.company-y.example")};
	static const char want[] =
		"{\"organization-name\":\"Company-X\",\"date-range\":{"
		"\"start-datetime\":\"2016-04-01T00:00:00Z\","
		"\"end-datetime\":\"2016-04-01T23:59:59Z\"},"
		"\"contact-info\":\"sts-reporting@company-x.example\","
		"\"report-id\":\"5065427c-23d3-47ca-b6e0-946ea0e8c4be\","
		"\"policies\":[{\"policy\":{\"policy-type\":\"sts\","
		"\"policy-string\":[\"version: STSv1\",\"mode: testing\","
		"\"mx: *.mail.company-y.example\",\"max_age: 86400\"],"
		"\"policy-domain\":\"company-y.example\","
		"\"mx-host\":[\"*.mail.company-y.example\"]},"
		"\"summary\":{\"total-successful-session-count\":5326,"
		"\"total-failure-session-count\":303},\"failure-details\":["
		"{\"result-type\":\"certificate-expired\","
		"\"sending-mta-ip\":\"2001:db8:abcd:0012::1\","
		"\"receiving-mx-hostname\":\"mx1.mail.company-y.example\","
		"\"failed-session-count\":100},"
		"{\"result-type\":\"starttls-not-supported\","
		"\"sending-mta-ip\":\"2001:db8:abcd:0013::1\","
		"\"receiving-mx-hostname\":\"mx2.mail.company-y.example\","
		"\"receiving-ip\":\"203.0.113.56\","
		"\"failed-session-count\":200},"
		"{\"result-type\":\"validation-failure\","
		"\"sending-mta-ip\":\"198.51.100.62\","
		"\"receiving-mx-hostname\":\"mx-backup.mail.company-y.example\","
		"\"receiving-ip\":\"203.0.113.58\","
		"\"failure-reason-code\":\"X509_V_ERR_PROXY_PATH_LENGTH_"
		"EXCEEDED\",\"failed-session-count\":3}]}]}";
	struct policy_session s = {.domain = SPAN("Company-Y.example"),
				   .type = POLICY_TYPE_STS,
				   .strings = lines,
				   .string_count = 4,
				   .mx = mx,
				   .mx_count = 1};
	struct policy_tally *t = policy_tally_new(secret, LIMIT);
	struct buf b;
	(void)state;
	assert_non_null(t);
	buf_init(&b, 65536);
	for (int i = 0; i < 5326; i++)
		assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	s.failure = POLICY_CERTIFICATE_EXPIRED;
	s.sending_ip = SPAN("2001:db8:abcd:0012::1");
	s.receiving_mx = SPAN("mx1.mail.company-y.example");
	for (int i = 0; i < 100; i++)
		assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	s.failure = POLICY_STARTTLS_NOT_SUPPORTED;
	s.sending_ip = SPAN("2001:db8:abcd:0013::1");
	s.receiving_mx = SPAN("mx2.mail.company-y.example");
	s.receiving_ip = SPAN("203.0.113.56");
	for (int i = 0; i < 200; i++)
		assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	s.failure = POLICY_VALIDATION_FAILURE;
	s.sending_ip = SPAN("198.51.100.62");
	s.receiving_mx = SPAN("mx-backup.mail.company-y.example");
	s.receiving_ip = SPAN("203.0.113.58");
	s.reason = SPAN("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED");
	for (int i = 0; i < 3; i++)
		assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	if (!span_eq(written(&b, t), span_cstr(want)))
		fail_msg("%.*s", (int)buf_len(&b), buf_span(&b).ptr);
	assert_int_equal(policy_tally_domains(t), 1);
	buf_free(&b);
	policy_tally_free(t);
}

/* What was written is read again, with what does not fit counted in sum. */
static void details(void **state)
{
	struct policy_tally *t = policy_tally_new(secret, LIMIT);
	struct policy_session s = session("example.org",
					  POLICY_CERTIFICATE_EXPIRED);
	struct arena *arena = arena_new(1u << 20);
	struct policy_report r;
	struct buf b;
	char reason[32];
	uint64_t sum = 0;
	(void)state;
	assert_non_null(t);
	assert_non_null(arena);
	buf_init(&b, 65536);
	for (size_t i = 0; i < POLICY_TALLY_DETAILS + 1; i++) {
		snprintf(reason, sizeof reason, "r%zu", i);
		s.reason = span_cstr(reason);
		assert_int_equal(policy_tally_add(t, &s),
				 i < POLICY_TALLY_DETAILS
					 ? POLICY_COUNTED
					 : POLICY_COUNTED_BARE);
	}
	assert_null(policy_report_read(arena, written(&b, t), &r));
	assert_int_equal(r.policies[0].failures, POLICY_TALLY_DETAILS + 1);
	assert_int_equal(r.policies[0].detail_count, POLICY_TALLY_DETAILS + 1);
	for (size_t i = 0; i < r.policies[0].detail_count; i++)
		sum += r.policies[0].details[i].count;
	assert_int_equal(sum, POLICY_TALLY_DETAILS + 1);
	buf_free(&b);
	arena_free(arena);
	policy_tally_free(t);
}

/* A policy that changes all day: the first ones apart, the rest in the last. */
static void policies(void **state)
{
	struct policy_tally *t = policy_tally_new(secret, LIMIT);
	struct policy_session s = session("example.org", POLICY_FAILURE_NONE);
	struct arena *arena = arena_new(1u << 20);
	struct policy_report r;
	struct buf b;
	char line[32];
	struct span lines = {0};
	(void)state;
	assert_non_null(t);
	assert_non_null(arena);
	buf_init(&b, 65536);
	s.type = POLICY_TYPE_STS;
	s.strings = &lines;
	s.string_count = 1;
	for (size_t i = 0; i < POLICY_TALLY_POLICIES + 1; i++) {
		snprintf(line, sizeof line, "max_age: %zu", i);
		lines = span_cstr(line);
		assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	}
	assert_null(policy_report_read(arena, written(&b, t), &r));
	assert_int_equal(r.policy_count, POLICY_TALLY_POLICIES);
	assert_int_equal(r.policies[0].successes, 1);
	assert_int_equal(r.policies[POLICY_TALLY_POLICIES - 1].successes, 2);
	s.type = POLICY_TYPE_TLSA; /* none of its kind to add it to */
	assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED_NOT);
	assert_int_equal(policy_tally_lost(t), 1);
	buf_free(&b);
	arena_free(arena);
	policy_tally_free(t);
}

static void domains(void **state)
{
	struct policy_tally *t = policy_tally_new(secret, 64u << 20);
	char name[300];
	size_t at = 0, seen = 0;
	const struct policy_tally_domain *d;
	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < POLICY_TALLY_DOMAINS + 1; i++) {
		snprintf(name, sizeof name, "D%zu.example", i);
		struct policy_session s = session(name, POLICY_FAILURE_NONE);
		assert_int_equal(policy_tally_add(t, &s),
				 i < POLICY_TALLY_DOMAINS
					 ? POLICY_COUNTED
					 : POLICY_COUNTED_NOT);
	}
	assert_int_equal(policy_tally_domains(t), POLICY_TALLY_DOMAINS);
	while ((d = policy_tally_next(t, &at)) != NULL) {
		assert_true(policy_tally_name(d).ptr[0] == 'd');
		seen++;
	}
	assert_int_equal(seen, POLICY_TALLY_DOMAINS);
	/* Those that are there still count. */
	struct policy_session s = session("d7.EXAMPLE", POLICY_FAILURE_NONE);
	assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	memset(name, 'a', sizeof name);
	s.domain = span_of(name, 255);
	assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED_NOT);
	s.domain = (struct span){0};
	assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED_NOT);
	policy_tally_free(t);
	policy_tally_free(NULL);
}

/* However many sessions: the memory is what it was given. */
static void memory(void **state)
{
	struct policy_tally *t = policy_tally_new(secret, 20000);
	char name[64];
	size_t lost = 0, bare = 0;
	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "d%zu.example", i % 100);
		struct policy_session s =
			session(name, POLICY_CERTIFICATE_EXPIRED);
		enum policy_counted c = policy_tally_add(t, &s);
		lost += c == POLICY_COUNTED_NOT;
		bare += c == POLICY_COUNTED_BARE;
	}
	assert_true(lost > 0);
	assert_int_equal(policy_tally_lost(t), lost);
	assert_true(policy_tally_domains(t) < 100);
	(void)bare;
	policy_tally_free(t);
}

static void names(void **state)
{
	const struct policy_report_head h = {.id = SPAN("a!b\r\nc"),
					     .start = 1013662812,
					     .end = 1013749130};
	struct buf b;
	(void)state;
	buf_init(&b, 1000);
	policy_report_file(&b, SPAN("mail.sndr.example"), SPAN("example.net"),
			   &h, true);
	assert_true(span_eq(buf_span(&b),
			    SPAN("mail.sndr.example!example.net!1013662812!"
				 "1013749130!a_b__c.json.gz")));
	buf_clear(&b);
	policy_report_subject(&b, SPAN("s.example"), SPAN("example.net"), &h);
	assert_true(span_eq(buf_span(&b),
			    SPAN("Report Domain: example.net Submitter: "
				 "s.example Report-ID: <a_b__c>")));
	buf_free(&b);
}

/* A restart in the middle of the day: what was counted goes on, to the same report. */
static void rows(void **state)
{
	static const struct span lines[] = {SPAN_INIT("version: STSv1"), SPAN_INIT("mode: testing")};
	struct policy_session s = session("Example.ORG", POLICY_CERTIFICATE_EXPIRED);
	struct policy_tally *t = policy_tally_new(secret, LIMIT);
	struct policy_tally *u = policy_tally_new((const uint8_t *)"another secret!", LIMIT);
	struct buf row, one, two;
	(void)state;
	s.type = POLICY_TYPE_STS;
	s.strings = lines;
	s.string_count = 2;
	assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	s.failure = POLICY_FAILURE_NONE;
	assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	/* The same with the policy of another is another. */
	s.type = POLICY_TYPE_TLSA;
	s.policy_domain = SPAN("mx.provider.test");
	assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	s.type = POLICY_TYPE_STS;
	s.policy_domain = SPAN("");
	struct policy_tally_domain *d = policy_tally_find(t, SPAN("example.org"));
	assert_non_null(d);
	assert_null(policy_tally_find(t, SPAN("example.com")));
	assert_true(policy_tally_changed(d));
	policy_tally_saved(d);
	assert_false(policy_tally_changed(d));
	buf_init(&row, 49152);
	policy_tally_pack(&row, d, POLICY_TALLY_WHOLE);
	assert_true(buf_ok(&row));
	assert_true(policy_tally_unpack(u, SPAN("example.org"), buf_span(&row)));
	assert_false(policy_tally_changed(policy_tally_find(u, SPAN("example.org"))));
	buf_init(&one, 65536);
	buf_init(&two, 65536);
	assert_true(span_eq(written(&one, t), written(&two, u)));
	assert_true(span_find_span(buf_span(&one), SPAN("\"policy-type\":\"tlsa\",\"policy-string\":["
							"\"version: STSv1\",\"mode: testing\"],"
							"\"policy-domain\":\"mx.provider.test\"")) !=
		    SIZE_MAX);
	assert_true(span_find_span(buf_span(&one), SPAN("\"policy-domain\":\"example.org\"")) !=
		    SIZE_MAX);
	/* Both go on alike, and the same row twice is twice as much. */
	s.failure = POLICY_CERTIFICATE_EXPIRED;
	assert_int_equal(policy_tally_add(u, &s), POLICY_COUNTED);
	assert_int_equal(policy_tally_add(t, &s), POLICY_COUNTED);
	assert_true(span_eq(written(&one, t), written(&two, u)));
	assert_true(policy_tally_unpack(u, SPAN("example.org"), buf_span(&row)));
	assert_true(span_find_span(written(&two, u), SPAN("\"failed-session-count\":5")) != SIZE_MAX);
	/* Without particulars the sums stay. */
	for (int part = POLICY_TALLY_BARE; part <= POLICY_TALLY_SUMS; part++) {
		struct policy_tally *v = policy_tally_new(secret, LIMIT);
		size_t before = buf_len(&row);
		buf_clear(&row);
		policy_tally_pack(&row, d, (enum policy_tally_part)part);
		assert_true(buf_len(&row) < before);
		assert_true(policy_tally_unpack(v, SPAN("example.org"), buf_span(&row)));
		struct span r = written(&two, v);
		assert_true(span_find_span(r, SPAN("\"total-failure-session-count\":3")) != SIZE_MAX);
		assert_true(span_find_span(r, SPAN("\"failed-session-count\":3")) != SIZE_MAX);
		policy_tally_free(v);
	}
	buf_free(&one);
	buf_free(&two);
	buf_free(&row);
	policy_tally_free(t);
	policy_tally_free(u);
}

/* One policy of type `type` with 1 failure and `more` behind that. */
static struct span one_failure(struct buf *b, uint8_t type, struct span more)
{
	buf_clear(b);
	pack_u8(b, 1);
	pack_u8(b, 1);
	pack_u8(b, type);
	pack_span(b, SPAN("mx.a.b"));
	pack_varint(b, 0);
	pack_varint(b, 0);
	pack_u64(b, 0);
	pack_u64(b, 1);
	buf_add(b, more);
	return buf_span(b);
}

/* One detail, counted `n` times. */
static struct span detail(struct buf *b, uint8_t failure, uint64_t n)
{
	buf_clear(b);
	pack_varint(b, 1);
	pack_u8(b, failure);
	for (int i = 0; i < 5; i++)
		pack_span(b, SPAN(""));
	pack_u64(b, n);
	return buf_span(b);
}

static void rows_refused(void **state)
{
	static const struct {
		uint8_t type, failure;
		uint64_t count;
		bool good;
	} cases[] = {{2, 3, 1, true}, {3, 3, 1, false},	 {2, 0, 1, false}, {2, 11, 1, true},
		     {2, 12, 1, false}, {2, 3, 2, false}, {2, 3, 0, false}};
	static const struct span bad[] = {SPAN_INIT(""), SPAN_INIT("\2\0"), SPAN_INIT("\1"),
					  SPAN_INIT("\1\0x"), SPAN_INIT("\1\5")};
	struct policy_tally *t = policy_tally_new(secret, LIMIT);
	struct buf row, more;
	size_t good = 0;
	(void)state;
	buf_init(&row, 1000);
	buf_init(&more, 1000);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(policy_tally_unpack(t, SPAN("a.b"), bad[i]));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span r = one_failure(&row, cases[i].type,
					    detail(&more, cases[i].failure, cases[i].count));
		for (size_t n = 0; n < r.len; n++)
			assert_false(policy_tally_unpack(t, SPAN("a.b"), span_sub(r, 0, n)));
		assert_int_equal(policy_tally_unpack(t, SPAN("a.b"), r), cases[i].good);
		good += cases[i].good;
		assert_int_equal(policy_tally_domains(t), good > 0);
	}
	buf_free(&row);
	buf_free(&more);
	policy_tally_free(t);
}

static void mail(void **state)
{
	static const char gz[100] = "\x1f\x8b";
	const struct policy_report_head head = {.id = SPAN("a1"), .start = 1459468800,
						.end = 1459555199};
	struct policy_report_mail m = {.from = SPAN("tls-reports@mx.sender.test"),
				       .to = SPAN("tlsrpt@example.org"),
				       .submitter = SPAN("mx.sender.test"),
				       .domain = SPAN("example.org"),
				       .head = &head,
				       .message_id = SPAN("a1@mx.sender.test"),
				       .boundary = SPAN("0123456789abcdef"),
				       .now = 1459558800,
				       .gzip = span_of(gz, sizeof gz)};
	struct buf b;
	(void)state;
	buf_init(&b, 65536);
	assert_true(policy_report_mail(&b, &m) && buf_ok(&b));
	static const char head_want[] =
		"Date: Sat, 02 Apr 2016 01:00:00 +0000\r\n"
		"From: TLS reports <tls-reports@mx.sender.test>\r\n"
		"To: <tlsrpt@example.org>\r\n"
		"Subject: Report Domain: example.org Submitter: mx.sender.test Report-ID: <a1>\r\n"
		"Message-ID: <a1@mx.sender.test>\r\n"
		"TLS-Report-Domain: example.org\r\n"
		"TLS-Report-Submitter: mx.sender.test\r\n"
		"TLS-Required: No\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
		" boundary=\"0123456789abcdef\"\r\n\r\n--0123456789abcdef\r\n";
	assert_true(span_starts(buf_span(&b), span_cstr(head_want)));
	assert_true(span_find_span(buf_span(&b),
				   SPAN("\r\n--0123456789abcdef\r\n"
					"Content-Type: application/tlsrpt+gzip\r\n"
					"Content-Transfer-Encoding: base64\r\n"
					"Content-Disposition: attachment;\r\n"
					" filename=\"mx.sender.test!example.org!1459468800!"
					"1459555199!a1.json.gz\"\r\n\r\nH4sA")) != SIZE_MAX);
	assert_true(span_ends(buf_span(&b), SPAN("==\r\n--0123456789abcdef--\r\n")));
	/* What a stranger may choose cannot end a line. */
	static const struct span bad[] = {SPAN_INIT(""), SPAN_INIT("a@b\r\nX: y"),
					  SPAN_INIT("a b@c.d"), SPAN_INIT("a@b>"),
					  SPAN_INIT("a@\x80")};
	struct span *fields[] = {&m.from, &m.to, &m.submitter, &m.domain, &m.message_id,
				 &m.boundary};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
			struct span keep = *fields[i];
			*fields[i] = bad[k];
			buf_clear(&b);
			assert_false(policy_report_mail(&b, &m));
			assert_int_equal(buf_len(&b), 0);
			*fields[i] = keep;
		}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report),   cmocka_unit_test(details),
		cmocka_unit_test(policies), cmocka_unit_test(domains),
		cmocka_unit_test(memory),   cmocka_unit_test(names),
		cmocka_unit_test(rows),	    cmocka_unit_test(rows_refused),
		cmocka_unit_test(mail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

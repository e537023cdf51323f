/* SPDX-License-Identifier: Apache-2.0 */
/* test/linear: what reads policies of transport security, and reports. */
#include "base/ensure.h"
#include "gzip/flate.h"
#include "gzip/gzip.h"
#include "linear.h"
#include "policy/dane.h"
#include "policy/record.h"
#include "policy/report.h"
#include "policy/report_sent.h"
#include "policy/sts.h"
#include "role/reader/open.h"

static void record(struct span in)
{
	const struct policy_lookup l = {POLICY_DNS_SECURE, true};
	(void)policy_sts_record(l, &in, 1);
}

static void sent(struct span in)
{
	struct policy_sent one;
	while (policy_sent_next(&in, &one))
		;
}

static void reporting(struct span in)
{
	struct arena *a = arena_new(1u << 20);
	struct policy_reporting r;
	ENSURE(a != NULL);
	(void)!policy_reporting_read(a, &in, 1, &r);
	arena_free(a);
}

static void sts(struct span in)
{
	struct policy_sts p;
	if (policy_sts_parse(in, &p) == NULL)
		(void)policy_sts_match(&p, SPAN("mx.example.org"));
}

static void sts_row(struct span in)
{
	struct policy_sts_kept k;
	(void)!policy_sts_unpack(in, &k);
}

static void tally_row(struct span in)
{
	static const uint8_t secret[SIPHASH_KEY];
	struct policy_tally *t = policy_tally_new(secret, 4u << 20);
	ENSURE(t != NULL);
	(void)!policy_tally_unpack(t, SPAN("example.org"), in);
	policy_tally_free(t);
}

static void unzip(struct span in)
{
	struct buf out;
	buf_init(&out, 4u << 20);
	(void)!gzip_unpack(&out, in);
	buf_free(&out);
}

/* The frame of gzip is skipped: what is inside is deflated. */
static void inflated(struct span in)
{
	struct flate *f = flate_new();
	char piece[16384];
	ENSURE(f != NULL);
	for (in = span_skip(in, 10); in.len > 0; in = span_skip(in, FLATE_WIRE)) {
		struct span part = span_sub(in, 0, FLATE_WIRE);
		size_t got;
		memcpy(flate_wire(f), part.ptr, part.len);
		flate_came(f, part.len);
		while (flate_has(f) && flate_read(f, piece, sizeof piece, &got) == FLATE_OK)
			;
	}
	flate_free(f);
}

/* Stored, of one byte for ever: the most that comes out of so little. */
static void unzip_build(struct buf *b, size_t n)
{
	static const char zeroes[4096];
	struct buf all;
	buf_init(&all, 1000 * n);
	for (size_t i = 0; i < n; i += 8)
		buf_add(&all, span_of(zeroes, sizeof zeroes));
	gzip_pack(b, buf_span(&all));
	buf_free(&all);
}

static void reader(struct span in)
{
	struct arena *a = arena_new(64u << 20);
	struct span json;
	ENSURE(a != NULL);
	(void)!reader_open(a, in, &json);
	arena_free(a);
}

static void tlsa(struct span in)
{
	struct policy_tlsa_set set;
	struct span rdata[POLICY_TLSA_MAX];
	for (size_t i = 0; i < POLICY_TLSA_MAX; i++)
		rdata[i] = span_sub(in, i * (in.len / POLICY_TLSA_MAX),
				    in.len / POLICY_TLSA_MAX);
	policy_tlsa_choose(rdata, POLICY_TLSA_MAX, &set);
}

static void report(struct span in)
{
	struct arena *a = arena_new(256u << 20);
	struct policy_report r;
	ENSURE(a != NULL);
	(void)!policy_report_read(a, in, &r);
	arena_free(a);
}

#define STS	 "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 1\n"
#define STS_HEAD "\x08v=STSv1;"
#define RPT_HEAD "\x0bv=TLSRPTv1;"
#define ROW_HEAD "\1\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\0\x64"

#define ROW(n, f, max, b, u, a) {.name = n, .before = SPAN_INIT(b), .unit = SPAN_INIT(u), \
	.after = SPAN_INIT(a), .limit = max, .run = f}

static const struct linear_case cases[] = {
	ROW("policy_record", record, POLICY_RECORD_MAX, STS_HEAD, "\5 a=b;", "\5 id=x"),
	ROW("policy_record", record, POLICY_RECORD_MAX, STS_HEAD, "\1 ", "\6; id=x"),
	ROW("policy_record", record, 65535, STS_HEAD, "\0", "\5 id=x"),
	ROW("policy_record", record, 65535, STS_HEAD, "\1;", ""),
	ROW("policy_record", record, 65535, "", "\7v=STSv1", ""),
	ROW("policy_reporting", reporting, POLICY_RECORD_MAX, RPT_HEAD "\4rua=", "\1,", ""),
	ROW("policy_reporting", reporting, POLICY_RECORD_MAX, RPT_HEAD "\4rua=",
	    "\x0dmailto:a@b.c,", ""),
	ROW("policy_reporting", reporting, POLICY_RECORD_MAX, RPT_HEAD "\x0brua=mailto:", "\3%41",
	    ""),
	ROW("policy_sent", sent, POLICY_SENT_MAX, "", "1 failed to why\n", ""),
	ROW("policy_sent", sent, POLICY_SENT_MAX, "1 failed to ", "x", "\n"),
	ROW("policy_sts", sts, POLICY_STS_TEXT_MAX, STS "x: ", "y", ""),
	ROW("policy_sts", sts, POLICY_STS_TEXT_MAX, STS, "\n", ""),
	ROW("policy_sts", sts, POLICY_STS_TEXT_MAX, STS, "x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", ""),
	ROW("policy_sts", sts, POLICY_STS_TEXT_MAX, STS "mx: ", "a.", "b\n"),
	ROW("policy_sts", sts, POLICY_STS_TEXT_MAX, STS, "::", ""),
	ROW("policy_sts_row", sts_row, POLICY_STS_ROW_MAX, ROW_HEAD, "\1a", ""),
	ROW("policy_sts_row", sts_row, POLICY_STS_ROW_MAX, ROW_HEAD, "\0", ""),
	ROW("policy_tally_row", tally_row, 49152, "\1\1\2\0\x80\1", "\1a", ""),
	ROW("policy_tally_row", tally_row, 49152, "\1\4", "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", ""),
	ROW("reader_open", reader, LINEAR_INPUT, "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
	    "--b\r\n\r\nx\r\n", ""),
	ROW("reader_open", reader, LINEAR_INPUT / 4, "Content-Type: application/tlsrpt+gzip\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n", "AAAA", ""),
	{.name = "gzip", .limit = 4096, .run = unzip, .build = unzip_build},
	{.name = "flate", .limit = 4096, .run = inflated, .build = unzip_build},
	ROW("policy_tlsa", tlsa, 65536, "", "\3\1\1", ""),
	ROW("policy_tlsa", tlsa, 65536, "", "\3\1\0\x30\x82", ""),
	ROW("policy_report", report, LINEAR_INPUT, "{\"policies\":[", "{\"policy\":{\"mx-host\":[\"a\"]}},",
	    "{}]}"),
	ROW("policy_report", report, LINEAR_INPUT, "{\"policies\":[{\"failure-details\":[",
	    "{\"result-type\":\"\\u0041\"},", "{}]}]}"),
	ROW("policy_report", report, LINEAR_INPUT / 4, "{\"policies\":[],", "\"a\":1,", "\"a\":1}"),
	ROW("policy_report", report, LINEAR_INPUT, "{\"policies\":[{\"policy\":{\"policy-string\":[",
	    "\"\",", "\"\"]}}]}"),
	ROW("policy_report", report, LINEAR_INPUT, "{\"policies\":[],\"date-range\":{\"start-datetime\":\""
	    "2016-04-01T00:00:00.", "1", "Z\"}}"),
};

struct linear_cases linear_policy(void)
{
	return (struct linear_cases){cases, ARRAY_LEN(cases)};
}

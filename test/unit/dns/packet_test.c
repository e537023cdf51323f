/* SPDX-License-Identifier: Apache-2.0 */
/* dns/packet and dns/record: packets made by hand, cut at each byte, and lied in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/pack.h"
#include "dns/packet.h"

static void u16(struct buf *b, unsigned v)
{
	pack_u8(b, (uint8_t)(v >> 8));
	pack_u8(b, (uint8_t)v);
}

/* Question "mx.example.org" at offset 12; "example.org" is at 15. */
static void begin(struct buf *b, unsigned flags, unsigned answers)
{
	buf_clear(b);
	u16(b, 0x1234);
	u16(b, flags);
	u16(b, 1);
	u16(b, answers);
	u16(b, 0);
	u16(b, 0);
	buf_add(b, SPAN("\x02mx\x07""example\x03org\0"));
	u16(b, DNS_MX);
	u16(b, DNS_CLASS_IN);
}

static void record(struct buf *b, unsigned type, struct span data)
{
	buf_add(b, SPAN("\xc0\x0c"));
	u16(b, type);
	u16(b, DNS_CLASS_IN);
	pack_u32_be(b, 3600);
	u16(b, (unsigned)data.len);
	buf_add(b, data);
}

static void texts(void **state)
{
	static const struct {
		uint16_t type;
		struct span data;
		const char *text;
	} cases[] = {
		{DNS_A, SPAN_INIT("\xc0\x00\x02\x01"), "A 192.0.2.1"},
		{DNS_A, SPAN_INIT("\xc0\x00\x02"), "A \\# 3 c00002"},
		{DNS_A, SPAN_INIT("\xc0\x00\x02\x01\x05"),
		 "A \\# 5 c000020105"},
		{DNS_AAAA, SPAN_INIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
		 "AAAA 2001:db8::1"},
		{DNS_AAAA, SPAN_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		 "AAAA ::"},
		{DNS_AAAA, SPAN_INIT("\0\1\0\0\0\1\0\1\0\1\0\1\0\1\0\0"),
		 "AAAA 1:0:1:1:1:1:1:0"},
		{DNS_AAAA, SPAN_INIT("\0\1\0\2\0\3\0\4\0\5\0\6\0\0\0\0"),
		 "AAAA 1:2:3:4:5:6::"},
		{DNS_AAAA, SPAN_INIT("\0\0\0\0\0\3\0\4\0\0\0\0\0\0\0\1"),
		 "AAAA 0:0:3:4::1"},
		{DNS_MX, SPAN_INIT("\0\x0a\x01""a\xc0\x0f"),
		 "MX 10 a.example.org."},
		{DNS_MX, SPAN_INIT("\0\0\0"), "MX 0 ."},
		{DNS_MX, SPAN_INIT("\0\x0a\x01""a\xc0"), "MX \\# 5 000a0161c0"},
		{DNS_MX, SPAN_INIT("\0\x0a\xc0\x0c\x01"),
		 "MX \\# 5 000ac00c01"},
		{DNS_TXT, SPAN_INIT("\x05v=\"\\;\x02\xff\n"),
		 "TXT \"v=\\\"\\\\;\" \"\\255\\010\""},
		{DNS_TXT, SPAN_INIT(""), "TXT \\# 0 "},
		{DNS_TXT, SPAN_INIT("\x05v="), "TXT \\# 3 05763d"},
		{DNS_CNAME, SPAN_INIT("\xc0\x0f"), "CNAME example.org."},
		{DNS_PTR, SPAN_INIT("\xc0\x0f"), "PTR example.org."},
		{DNS_NS, SPAN_INIT("\x02ns\xc0\x0f"), "NS ns.example.org."},
		{DNS_SOA,
		 SPAN_INIT("\xc0\x0c\xc0\x0f\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4"
			   "\xff\xff\xff\xff"),
		 "SOA mx.example.org. example.org. 1 2 3 4 4294967295"},
		{DNS_SRV, SPAN_INIT("\0\1\0\2\0\x19\xc0\x0c"),
		 "SRV 1 2 25 mx.example.org."},
		{DNS_TLSA, SPAN_INIT("\3\1\1\xab\xcd"), "TLSA 3 1 1 abcd"},
		{DNS_TLSA, SPAN_INIT("\3\1"), "TLSA \\# 2 0301"},
		{DNS_CAA, SPAN_INIT("\0\5issueca.example"),
		 "CAA 0 issue \"ca.example\""},
		{DNS_CAA, SPAN_INIT("\0\5is ue"), "CAA \\# 7 00056973207565"},
		{DNS_DS, SPAN_INIT("\1\2\3"), "DS \\# 3 010203"},
		{4711, SPAN_INIT("\1"), "TYPE4711 \\# 1 01"},
	};
	struct dns_answer *a = malloc(sizeof *a);
	struct buf b, text, want;
	(void)state;
	assert_non_null(a);
	buf_init(&b, 4096);
	buf_init(&text, 4096);
	buf_init(&want, 4096);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(&b, 0x8180, 1);
		record(&b, cases[i].type, cases[i].data);
		assert_true(dns_packet_read(buf_span(&b), a));
		assert_int_equal(a->count, 1);
		buf_clear(&text);
		buf_clear(&want);
		dns_record_text(a, &a->records[0], &text);
		buf_printf(&want, "mx.example.org. 3600 IN %s", cases[i].text);
		if (!span_eq(buf_span(&text), buf_span(&want)))
			fail_msg("%.*s, not %.*s", SPAN_FMT(buf_span(&text)),
				 SPAN_FMT(buf_span(&want)));
		/* Cut anywhere it is refused. */
		for (size_t n = 0; n < buf_len(&b); n++)
			assert_false(dns_packet_read(
				span_sub(buf_span(&b), 0, n), a));
	}
	buf_free(&b);
	buf_free(&text);
	buf_free(&want);
	free(a);
}

static void heads(void **state)
{
	struct dns_answer *a = malloc(sizeof *a);
	struct buf b;
	(void)state;
	assert_non_null(a);
	buf_init(&b, 4096);
	begin(&b, 0x83a3, 0);
	assert_true(dns_packet_read(buf_span(&b), a));
	assert_int_equal(a->id, 0x1234);
	assert_int_equal(a->rcode, DNS_NXDOMAIN);
	assert_true(a->truncated && a->authentic);
	assert_int_equal(a->question_type, DNS_MX);
	assert_int_equal(dns_least_ttl(a), 0);
	begin(&b, 0x0180, 0); /* a question */
	assert_false(dns_packet_read(buf_span(&b), a));
	begin(&b, 0x8180, 2); /* says two, has one */
	record(&b, DNS_A, SPAN("\1\2\3\4"));
	assert_false(dns_packet_read(buf_span(&b), a));
	buf_free(&b);
	free(a);
}

static void record_limit(void **state)
{
	struct dns_answer *a = malloc(sizeof *a);
	struct buf b;
	(void)state;
	assert_non_null(a);
	buf_init(&b, DNS_PACKET_MAX);
	for (unsigned n = DNS_RECORDS_MAX - 1; n <= DNS_RECORDS_MAX + 1; n++) {
		begin(&b, 0x8180, n);
		for (unsigned i = 0; i < n; i++)
			record(&b, DNS_A, SPAN("\1\2\3\4"));
		assert_int_equal(dns_packet_read(buf_span(&b), a),
				 n <= DNS_RECORDS_MAX);
	}
	buf_free(&b);
	free(a);
}

static void canonical(void **state)
{
	struct dns_answer *a = malloc(sizeof *a);
	struct dns_name n, want;
	struct buf b;
	(void)state;
	assert_non_null(a);
	buf_init(&b, 4096);
	begin(&b, 0x8180, 1);
	record(&b, DNS_CNAME, SPAN("\x01""a\xc0\x0f"));
	assert_true(dns_packet_read(buf_span(&b), a));
	assert_true(dns_follow(a, &n));
	assert_true(dns_name_parse(SPAN("a.example.org"), &want));
	assert_true(dns_name_eq(&n, &want));
	assert_int_equal(dns_least_ttl(a), 3600);
	/* A loop ends. */
	begin(&b, 0x8180, 1);
	record(&b, DNS_CNAME, SPAN("\xc0\x0c"));
	assert_true(dns_packet_read(buf_span(&b), a));
	assert_false(dns_follow(a, &n));
	buf_free(&b);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(heads),
		cmocka_unit_test(record_limit),
		cmocka_unit_test(canonical),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* dns/name: text, wire form, compression, and what must not get through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"
#include "dns/type.h"

static void there_and_back(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"example.org", "example.org."}, {"a.B.c.", "a.B.c."},
		{".", "."},			 {"_25._tcp.mx", "_25._tcp.mx."},
		{"a\\.b.c", "a\\.b.c."},	 {"\\000\\255x", "\\000\\255x."},
		{"\\;\\065", "\\;A."},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dns_name n, again;
		struct buf b;
		buf_init(&b, DNS_TEXT_MAX);
		assert_true(dns_name_parse(span_cstr(cases[i].in), &n));
		dns_name_text(&n, &b);
		assert_true(span_eq(buf_span(&b), span_cstr(cases[i].out)));
		assert_true(dns_name_parse(buf_span(&b), &again));
		assert_true(dns_name_eq(&n, &again));
		buf_free(&b);
	}
}

static void not_names(void **state)
{
	static const char *const bad[] = {"", "..", ".a", "a..b", "a\\", "a\\25",
					  "a\\256", "a\\2x5"};
	struct dns_name n;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(dns_name_parse(span_cstr(bad[i]), &n));
}

static void limits(void **state)
{
	char text[300];
	struct dns_name n;
	(void)state;
	memset(text, 'a', sizeof text);
	assert_true(dns_name_parse(span_of(text, 62), &n));
	assert_true(dns_name_parse(span_of(text, 63), &n));
	assert_false(dns_name_parse(span_of(text, 64), &n));
	for (size_t i = 49; i < sizeof text; i += 50)
		text[i] = '.';
	/* Wire form: one more byte than the text without a dot, and the root. */
	assert_true(dns_name_parse(span_of(text, 252), &n));
	assert_int_equal(n.len, 254);
	assert_true(dns_name_parse(span_of(text, 253), &n));
	assert_int_equal(n.len, 255);
	assert_int_equal(dns_name_labels(&n), 6);
	assert_false(dns_name_parse(span_of(text, 254), &n));
}

static void idna(void **state)
{
	struct dns_name n, want;
	(void)state;
	assert_true(dns_name_parse_idna(SPAN("b\xc3\xbc""cher.example"), &n));
	assert_true(dns_name_parse(SPAN("xn--bcher-kva.example"), &want));
	assert_true(dns_name_eq(&n, &want));
	assert_true(dns_name_parse_idna(SPAN("_dmarc.example"), &n));
	assert_false(dns_name_parse_idna(SPAN("b\xc3.example"), &n));
	assert_false(dns_name_parse_idna(SPAN("b\xc3\xbc\0.example"), &n));
}

static void compare(void **state)
{
	struct dns_name a, b, c, root;
	(void)state;
	assert_true(dns_name_parse(SPAN("MX.Example.ORG"), &a));
	assert_true(dns_name_parse(SPAN("mx.example.org"), &b));
	assert_true(dns_name_parse(SPAN("example.org"), &c));
	assert_true(dns_name_parse(SPAN("."), &root));
	assert_true(dns_name_eq(&a, &b));
	assert_false(dns_name_eq(&a, &c));
	assert_true(dns_name_under(&a, &c));
	assert_true(dns_name_under(&a, &root));
	assert_true(dns_name_under(&c, &c));
	assert_false(dns_name_under(&c, &a));
	assert_true(dns_name_parse(SPAN("notexample.org"), &a));
	assert_false(dns_name_under(&a, &c));
}

static void compression(void **state)
{
	struct span p = SPAN("\x03org\0\x07""example\xc0\x00\x02mx\xc0\x05X");
	struct dns_name n, want;
	size_t next;
	(void)state;
	assert_true(dns_name_read(p, 15, &n, &next));
	assert_int_equal(next, 20);
	assert_true(dns_name_parse(SPAN("mx.example.org"), &want));
	assert_true(dns_name_eq(&n, &want));
	for (size_t len = 0; len < 20; len++)
		assert_false(dns_name_read(span_sub(p, 0, len), 15, &n, &next));
}

static void loops(void **state)
{
	static const struct {
		struct span packet;
		size_t at;
	} bad[] = {
		{SPAN_INIT("\xc0\x00"), 0},	      /* itself */
		{SPAN_INIT("\xc0\x02\xc0\x00"), 2},   /* each other */
		{SPAN_INIT("\x01""a\xc0\x00"), 0},    /* its own label */
		{SPAN_INIT("\xc0\x02\x00"), 0},	      /* forwards */
		{SPAN_INIT("\x40x\x00"), 0},	      /* reserved kinds */
		{SPAN_INIT("\x80x\x00"), 0},
		{SPAN_INIT("\x05""abc"), 0},	      /* past the end */
		{SPAN_INIT("\xc0"), 0},
		{SPAN_INIT(""), 0},
		{SPAN_INIT("\x00"), 5},
	};
	struct dns_name n;
	size_t next;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(dns_name_read(bad[i].packet, bad[i].at, &n, &next));
	/* A chain of pointers, each backwards, that adds up to too much. */
	char long_one[600];
	size_t len = 0;
	long_one[len++] = 0;
	for (size_t at = 0, i = 0; i < 6; i++) {
		size_t here = len;
		long_one[len++] = 60;
		memset(long_one + len, 'x', 60);
		len += 60;
		long_one[len++] = (char)0xc0;
		long_one[len++] = (char)at;
		assert_int_equal(dns_name_read(span_of(long_one, len), here, &n,
					       &next),
				 i < 4);
		at = here;
	}
}

static void types(void **state)
{
	char text[DNS_TYPE_TEXT];
	uint16_t t;
	(void)state;
	assert_true(dns_type_parse(SPAN("mx"), &t));
	assert_int_equal(t, DNS_MX);
	assert_true(dns_type_parse(SPAN("TYPE65535"), &t));
	assert_int_equal(t, 65535);
	assert_false(dns_type_parse(SPAN("TYPE65536"), &t));
	assert_true(dns_type_parse(SPAN("52"), &t));
	assert_int_equal(t, DNS_TLSA);
	assert_false(dns_type_parse(SPAN("MXX"), &t));
	assert_false(dns_type_parse(SPAN(""), &t));
	assert_true(span_eq(dns_type_text(DNS_CAA, text), SPAN("CAA")));
	assert_true(span_eq(dns_type_text(65535, text), SPAN("TYPE65535")));
	assert_string_equal(dns_rcode_text(3), "NXDOMAIN");
	assert_string_equal(dns_rcode_text(23), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back), cmocka_unit_test(not_names),
		cmocka_unit_test(limits),	  cmocka_unit_test(idna),
		cmocka_unit_test(compare),	  cmocka_unit_test(compression),
		cmocka_unit_test(loops),	  cmocka_unit_test(types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

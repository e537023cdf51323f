/* SPDX-License-Identifier: Apache-2.0 */
/* Records as text; data that does not fit its type falls back to bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "role/admin/rdata.h"

static void assert_record(const char *type, struct span data, const char *text)
{
	struct buf b;
	uint16_t number;
	char got[1024];
	buf_init(&b, 4096);
	assert_true(rdata_type(span_cstr(type), &number));
	rdata_text(number, data, &b);
	struct span s = buf_span(&b);
	snprintf(got, sizeof got, "%.*s", SPAN_FMT(s));
	buf_free(&b);
	assert_string_equal(got, text);
}

static void types(void **state)
{
	uint16_t n;
	(void)state;
	assert_true(rdata_type(SPAN("mx"), &n));
	assert_int_equal(n, 15);
	assert_true(rdata_type(SPAN("TYPE65535"), &n));
	assert_int_equal(n, 65535);
	assert_false(rdata_type(SPAN("TYPE65536"), &n));
	assert_false(rdata_type(SPAN("TYPE0"), &n));
	assert_false(rdata_type(SPAN("TYPE"), &n));
	assert_false(rdata_type(SPAN("MXX"), &n));
	assert_false(rdata_type(SPAN(""), &n));
}

static void records(void **state)
{
	(void)state;
	assert_record("A", SPAN("\xc0\x00\x02\x01"), "192.0.2.1");
	assert_record("AAAA", SPAN("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
		      "2001:db8::1");
	assert_record("MX", SPAN("\0\12\2mx\7example\0"), "10 mx.example.");
	assert_record("MX", SPAN("\0\0\0"), "0 .");
	assert_record("TXT", SPAN("\3a\"b\1\377"), "\"a\\\"b\" \"\\255\"");
	assert_record("TXT", SPAN("\0"), "\"\"");
	assert_record("CNAME", SPAN("\3a.b\0"), "a\\.b.");
	assert_record("SRV", SPAN("\0\1\0\2\3\xe1\1x\0"), "1 2 993 x.");
	assert_record("TLSA", SPAN("\3\1\1\xab\xcd"), "3 1 1 abcd");
	assert_record("CAA", SPAN("\0\5issueca.example"),
		      "0 \"issue\" \"ca.example\"");
	assert_record("SOA",
		      SPAN("\1a\0\1b\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
		      "a. b. 1 2 3 4 5");
	assert_record("TYPE999", SPAN("\1\2"), "\\# 2 0102");
}

static void misfits(void **state)
{
	(void)state;
	assert_record("A", SPAN("\xc0\x00\x02"), "\\# 3 c00002");
	assert_record("A", SPAN("\xc0\x00\x02\x01\x00"), "\\# 5 c000020100");
	assert_record("MX", SPAN("\0\12\2mx"), "\\# 5 000a026d78");
	assert_record("MX", SPAN("\0\12\xc0\x0c"), "\\# 4 000ac00c");
	assert_record("TXT", SPAN("\5a"), "\\# 2 0561");
	assert_record("TXT", SPAN(""), "\\# 0 ");
}

/* Labels of 63 bytes, names of 255. */
static void name_limits(void **state)
{
	char name[300];
	struct buf b;
	(void)state;
	buf_init(&b, 4096);
	for (size_t extra = 0; extra < 3; extra++) {
		size_t n = 0;
		for (size_t i = 0; i < 3; i++) {
			name[n++] = 63;
			memset(name + n, 'a', 63);
			n += 63;
		}
		size_t last = 60 + extra; /* 3 * 64 + 1 + last + 1 */
		name[n++] = (char)last;
		memset(name + n, 'b', last);
		n += last;
		name[n++] = 0;
		buf_clear(&b);
		rdata_text(2, span_of(name, n), &b);
		assert_int_equal(n, 254 + extra);
		assert_int_equal(span_starts(buf_span(&b), SPAN("\\#")), n > 255);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(records),
		cmocka_unit_test(misfits),
		cmocka_unit_test(name_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

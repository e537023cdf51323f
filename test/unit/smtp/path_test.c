/* SPDX-License-Identifier: Apache-2.0 */
/* smtp/path: what is an address, what is not, and one spelling for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smtp/path.h"
#include "smtp/xtext.h"

static const struct {
	const char *in;
	enum smtp_path_result result;
	const char *normal;
} rows[] = {
	{"<>", SMTP_PATH_OK, ""},
	{"<a@b>", SMTP_PATH_OK, "a@b"},
	{"<A.b@EXAMPLE.Com>", SMTP_PATH_OK, "A.b@example.com"},
	{"<\"a\"@b>", SMTP_PATH_OK, "a@b"},
	{"<\"\\a\\.b\"@b>", SMTP_PATH_OK, "a.b@b"},
	{"<\"a b\"@b>", SMTP_PATH_OK, "\"a b\"@b"},
	{"<\"a\\\"b\"@b>", SMTP_PATH_OK, "\"a\\\"b\"@b"},
	{"<\"a@c\"@b>", SMTP_PATH_OK, "\"a@c\"@b"},
	{"<\"a>c\"@b>", SMTP_PATH_OK, "\"a>c\"@b"},
	{"<\".a\"@b>", SMTP_PATH_OK, "\".a\"@b"},
	{"<a%c@b>", SMTP_PATH_OK, "a%c@b"},
	{"<a!c@b>", SMTP_PATH_OK, "a!c@b"},
	{"<a+tag@b>", SMTP_PATH_OK, "a+tag@b"},
	{"<|cmd@b>", SMTP_PATH_OK, "|cmd@b"},
	{"<`id`@b>", SMTP_PATH_OK, "`id`@b"},
	{"<\xc3\xa9@b>", SMTP_PATH_OK, "\xc3\xa9@b"},
	{"<a@\xc3\xa9.example>", SMTP_PATH_OK, "a@\xc3\xa9.example"},
	{"<a@[192.0.2.1]>", SMTP_PATH_OK, "a@[192.0.2.1]"},
	{"<a@[IPv6:2001:DB8::1]>", SMTP_PATH_OK, "a@[ipv6:2001:db8::1]"},
	{"<a@[IPv6:::]>", SMTP_PATH_OK, "a@[ipv6:::]"},
	{"<a@[IPv6:::ffff:192.0.2.1]>", SMTP_PATH_OK, "a@[ipv6:::ffff:192.0.2.1]"},
	{"<a@[IPv6:1:2:3:4:5:6:7:8]>", SMTP_PATH_OK, "a@[ipv6:1:2:3:4:5:6:7:8]"},
	{"<a_b@c_d.example>", SMTP_PATH_OK, "a_b@c_d.example"},
	{"<@x,@y:a@b>", SMTP_PATH_ROUTE, NULL},
	{"<@x:a@b>", SMTP_PATH_ROUTE, NULL},
	{"<a>", SMTP_PATH_NO_DOMAIN, NULL},
	{"<postmaster>", SMTP_PATH_NO_DOMAIN, NULL},
	{"", SMTP_PATH_SYNTAX, NULL},
	{"<", SMTP_PATH_SYNTAX, NULL},
	{"a@b", SMTP_PATH_SYNTAX, NULL},
	{"<a@b", SMTP_PATH_SYNTAX, NULL},
	{"<a@>", SMTP_PATH_SYNTAX, NULL},
	{"<@>", SMTP_PATH_ROUTE, NULL},
	{"< a@b>", SMTP_PATH_SYNTAX, NULL},
	{"<a@b >", SMTP_PATH_SYNTAX, NULL},
	{"<a b@c>", SMTP_PATH_SYNTAX, NULL},
	{"<.a@b>", SMTP_PATH_SYNTAX, NULL},
	{"<a.@b>", SMTP_PATH_SYNTAX, NULL},
	{"<a..b@c>", SMTP_PATH_SYNTAX, NULL},
	{"<a@b@c>", SMTP_PATH_SYNTAX, NULL},
	{"<a;b@c>", SMTP_PATH_SYNTAX, NULL},
	{"<$(id)@c>", SMTP_PATH_SYNTAX, NULL},
	{"<a@b..c>", SMTP_PATH_SYNTAX, NULL},
	{"<a@b.>", SMTP_PATH_SYNTAX, NULL},
	{"<a@-b>", SMTP_PATH_SYNTAX, NULL},
	{"<a@b->", SMTP_PATH_SYNTAX, NULL},
	{"<a@b c>", SMTP_PATH_SYNTAX, NULL},
	{"<\"\"@b>", SMTP_PATH_SYNTAX, NULL},
	{"<\"a@b>", SMTP_PATH_SYNTAX, NULL},
	{"<\"a\\", SMTP_PATH_SYNTAX, NULL},
	{"<\"a\x01\"@b>", SMTP_PATH_SYNTAX, NULL},
	{"<\"a\\\n\"@b>", SMTP_PATH_SYNTAX, NULL},
	{"<\"a\"b@c>", SMTP_PATH_SYNTAX, NULL},
	{"<\xc3@b>", SMTP_PATH_SYNTAX, NULL},
	{"<a@\xff.example>", SMTP_PATH_SYNTAX, NULL},
	{"<\xed\xa0\x80@b>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[192.0.2]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[192.0.2.256]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[192.0.2.1.1]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[192.0.2.0001]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[IPv6:1::2::3]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[IPv6:1:2:3:4:5:6:7]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[IPv6:1:2:3:4:5:6:7:8:9]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[IPv6:1:2:3:4:5:6:7::8]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[IPv6:12345::]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[IPv6:]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[x:y]>", SMTP_PATH_SYNTAX, NULL},
	{"<a@[192.0.2.1>", SMTP_PATH_SYNTAX, NULL},
};

static void rows_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span in = span_cstr(rows[i].in);
		struct smtp_path p, again;
		enum smtp_path_result r = smtp_path_parse(&in, SMTP_PATH_NULL, &p);
		if (r != rows[i].result)
			print_error("%s\n", rows[i].in);
		assert_int_equal(r, rows[i].result);
		if (r != SMTP_PATH_OK)
			continue;
		struct buf out;
		buf_init(&out, SMTP_ADDRESS_MAX);
		smtp_path_write(&p, &out);
		assert_true(span_eq(buf_span(&out), span_cstr(rows[i].normal)));
		assert_int_equal(in.len, 0);
		if (!p.null) {
			assert_int_equal(smtp_address_parse(buf_span(&out), &again), SMTP_PATH_OK);
			assert_true(smtp_path_eq(&p, &again));
		}
		buf_free(&out);
	}
}

static void what_is_allowed_depends(void **state)
{
	(void)state;
	struct smtp_path p;
	struct span in = SPAN("<>");
	assert_int_equal(smtp_path_parse(&in, 0, &p), SMTP_PATH_SYNTAX);
	in = SPAN("<PostMaster> NOTIFY=NEVER");
	assert_int_equal(smtp_path_parse(&in, SMTP_PATH_POSTMASTER, &p), SMTP_PATH_OK);
	assert_true(span_eq(in, SPAN(" NOTIFY=NEVER")));
	assert_int_equal(p.domain_len, 0);
	in = SPAN("<a\0b@c>");
	assert_int_equal(smtp_path_parse(&in, 0, &p), SMTP_PATH_SYNTAX);
	assert_int_equal(smtp_address_parse(SPAN("a@b>"), &p), SMTP_PATH_SYNTAX);
	assert_int_equal(smtp_address_parse(SPAN(""), &p), SMTP_PATH_SYNTAX);
}

static enum smtp_path_result sized(size_t local, size_t domain)
{
	struct buf b;
	struct smtp_path p;
	buf_init(&b, 1024);
	buf_addc(&b, '<');
	for (size_t i = 0; i < local; i++)
		buf_addc(&b, 'l');
	buf_addc(&b, '@');
	for (size_t i = 0; i < domain; i++)
		buf_addc(&b, i % 60 == 59 && i + 1 < domain ? '.' : 'd');
	buf_addc(&b, '>');
	struct span in = buf_span(&b);
	enum smtp_path_result r = smtp_path_parse(&in, 0, &p);
	buf_free(&b);
	return r;
}

static void lengths(void **state)
{
	(void)state;
	assert_int_equal(sized(SMTP_LOCAL_MAX - 1, 10), SMTP_PATH_OK);
	assert_int_equal(sized(SMTP_LOCAL_MAX, 10), SMTP_PATH_OK);
	assert_int_equal(sized(SMTP_LOCAL_MAX + 1, 10), SMTP_PATH_LONG);
	assert_int_equal(sized(1, SMTP_PATH_MAX - 5), SMTP_PATH_OK);
	assert_int_equal(sized(1, SMTP_PATH_MAX - 4), SMTP_PATH_OK);
	assert_int_equal(sized(1, SMTP_PATH_MAX - 3), SMTP_PATH_LONG);
	assert_int_equal(sized(1, SMTP_DOMAIN_MAX + 1), SMTP_PATH_LONG);
	char name[300];
	for (size_t d = 0; d < 3; d++) {
		size_t n = SMTP_LABEL_MAX - 1 + d;
		memset(name, 'a', n);
		assert_int_equal(smtp_name_ok(span_of(name, n)), d < 2);
		n = SMTP_DOMAIN_MAX - 1 + d;
		for (size_t i = 0; i < n; i++)
			name[i] = i % 50 == 49 ? '.' : 'a';
		name[n - 1] = 'a';
		assert_int_equal(smtp_name_ok(span_of(name, n)), d < 2);
	}
}

static void xtext(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} texts[] = {
		{"abc", "abc"}, {"a+2Bb", "a+b"}, {"+3D", "="}, {"+0D+0A", "\r\n"}, {"", ""},
		{"a+2", NULL},	{"a+", NULL},	  {"a+2b", NULL}, {"a=b", NULL},    {"a b", NULL},
		{"\xc3\xa9", NULL}, {"+G0", NULL},
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char out[8];
		size_t len;
		bool ok = smtp_xtext_decode(span_cstr(texts[i].in), out, sizeof out, &len);
		assert_int_equal(ok, texts[i].out != NULL);
		if (ok)
			assert_true(span_eq(span_of(out, len), span_cstr(texts[i].out)));
	}
	/* A byte less than there is room for, as many, and one more. */
	char out[3];
	size_t len;
	assert_true(smtp_xtext_decode(SPAN("ab"), out, sizeof out, &len));
	assert_true(smtp_xtext_decode(SPAN("+61bc"), out, sizeof out, &len));
	assert_memory_equal(out, "abc", 3);
	assert_false(smtp_xtext_decode(SPAN("abcd"), out, sizeof out, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_hold),
		cmocka_unit_test(what_is_allowed_depends),
		cmocka_unit_test(lengths),
		cmocka_unit_test(xtext),
	};
	return cmocka_run_group_tests_name("smtp/path", tests, NULL, NULL);
}

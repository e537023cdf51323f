/* SPDX-License-Identifier: Apache-2.0 */
/* mime/words and mime/charset: header text for people is always valid UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "mime/limits.h"
#include "mime/words.h"

static const struct {
	const char *in, *out;
} rows[] = {
	{"plain text", "plain text"},
	{"  folded\r\n text ", "folded text"},
	{"=?utf-8?q?caf=C3=A9?=", "caf\xc3\xa9"},
	{"=?UTF-8?B?Y2Fmw6k=?=", "caf\xc3\xa9"},
	{"=?iso-8859-1?Q?caf=E9_x?=", "caf\xc3\xa9 x"},
	{"=?windows-1252?q?=80?=", "\xe2\x82\xac"},
	{"=?utf-8*en?q?a?=", "a"},
	{"a =?utf-8?q?b?= c", "a b c"},
	{"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
	{"=?utf-8?q?a?=\r\n =?iso-8859-1?q?b?=", "ab"},
	{"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"},
	{"=?utf-8?b?w6?= =?utf-8?b?k=?=", "\xef\xbf\xbd"},
	{"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "\xc3\xa9"},
	{"x=?utf-8?q?a?=y", "xay"},
	{"=?utf-8?q?a_b_?=", "a b "},
	{"=?utf-8?q?a b?=", "a b"},
	{"=?utf-8?q?=0D=0AX:=00?=", "  X: "},
	{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
	{"=?utf-8?q?open", "=?utf-8?q?open"},
	{"=?utf-8?q?" "?=", ""},
	{"=?" "?q?a?=", "=?" "?q?a?="},
	{"=?", "=?"},
	{"=?no-such?q?a=FFb?=", "a\xef\xbf\xbd" "b"},
	{"\xff", "\xef\xbf\xbd"},
	{"\xc3\xa9", "\xc3\xa9"},
	{"a\x01\x7f" "b", "a  b"},
};

static void words(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 1u << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out);
		mime_words_decode(NULL, span_cstr(rows[i].in), &out);
		if (!span_eq(buf_span(&out), span_cstr(rows[i].out)))
			fail_msg("%s gave %.*s", rows[i].in, SPAN_FMT(buf_span(&out)));
		assert_true(utf8_valid(buf_span(&out)));
	}
	buf_free(&out);
}

static void parameters(void **state)
{
	(void)state;
	static const struct {
		struct summary_param p[4];
		const char *out; /* NULL: no such parameter */
	} params[] = {
		{{{SPAN_INIT("x"), SPAN_INIT("y")}}, NULL},
		{{{SPAN_INIT("Name"), SPAN_INIT("a.pdf")}}, "a.pdf"},
		{{{SPAN_INIT("name"), SPAN_INIT("=?utf-8?q?=C3=A9?=")}}, "\xc3\xa9"},
		{{{SPAN_INIT("name*"), SPAN_INIT("utf-8'en'%c3%a9%2")}}, "\xc3\xa9%2"},
		{{{SPAN_INIT("name*"), SPAN_INIT("iso-8859-1''%e9")}}, "\xc3\xa9"},
		{{{SPAN_INIT("name*"), SPAN_INIT("plain")}}, "plain"},
		{{{SPAN_INIT("name*1"), SPAN_INIT("b")}, {SPAN_INIT("name*0"), SPAN_INIT("a")}}, "ab"},
		{{{SPAN_INIT("name*0*"), SPAN_INIT("utf-8''%c3")}, {SPAN_INIT("name*1*"), SPAN_INIT("%a9")},
		  {SPAN_INIT("name*2"), SPAN_INIT("%a9")}}, "\xc3\xa9%a9"},
		{{{SPAN_INIT("name*0"), SPAN_INIT("a")}, {SPAN_INIT("name*2"), SPAN_INIT("c")}}, "a"},
		{{{SPAN_INIT("name*1"), SPAN_INIT("b")}}, NULL},
		{{{SPAN_INIT("name2"), SPAN_INIT("b")}}, NULL},
		{{{SPAN_INIT("name"), SPAN_INIT("old")}, {SPAN_INIT("name*"), SPAN_INIT("utf-8''new")}}, "new"},
	};
	struct buf out;
	buf_init(&out, 4096);
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		buf_clear(&out);
		bool found = mime_param_decode(NULL, (struct summary_params){params[i].p, 4},
					       SPAN("name"), &out);
		assert_int_equal(found, params[i].out != NULL);
		assert_true(!found || span_eq(buf_span(&out), span_cstr(params[i].out)));
	}
	buf_free(&out);
}

static void pieces_have_a_limit(void **state)
{
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		struct summary_param p[MIME_PIECES_MAX + 1];
		char names[MIME_PIECES_MAX + 1][16];
		size_t n = MIME_PIECES_MAX - 1 + d;
		for (size_t i = 0; i < n; i++) {
			snprintf(names[i], sizeof names[i], "name*%zu", i);
			p[i] = (struct summary_param){span_cstr(names[i]), SPAN("x")};
		}
		struct buf out;
		buf_init(&out, 4096);
		assert_true(mime_param_decode(NULL, (struct summary_params){p, n}, SPAN("name"), &out));
		assert_int_equal(buf_len(&out), d < 2 ? n : MIME_PIECES_MAX);
		buf_free(&out);
	}
}

static void charsets(void **state)
{
	(void)state;
	struct mime_charsets *c = mime_charsets_open();
	struct buf out;
	buf_init(&out, 1u << 20);
	assert_non_null(c);
	assert_true(mime_charset_known(NULL, SPAN("UTF-8")));
	assert_false(mime_charset_known(NULL, SPAN("koi8-r")));
	assert_false(mime_charset_known(c, SPAN("utf-7")));
	assert_false(mime_charset_known(c, SPAN("//TRANSLIT")));
	if (mime_charset_known(c, SPAN("KOI8-R"))) {
		mime_to_utf8(c, SPAN("koi8-r"), SPAN("\xc1"), &out);
		assert_true(span_eq(buf_span(&out), SPAN("\xd0\xb0")));
		buf_clear(&out);
	}
	if (mime_charset_known(c, SPAN("iso-2022-jp"))) {
		/* An open escape of one text does not reach the next. */
		mime_to_utf8(c, SPAN("iso-2022-jp"), SPAN("\x1b$B$"), &out);
		buf_clear(&out);
		mime_to_utf8(c, SPAN("iso-2022-jp"), SPAN("\x1b$B$\"\x1b(B"), &out);
		assert_true(span_eq(buf_span(&out), SPAN("\xe3\x81\x82")));
		buf_clear(&out);
	}
	char all[256];
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)i;
	static const char *const names[] = {"us-ascii", "utf-8", "iso-8859-1", "big5", "shift_jis",
					    "utf-16", "gb18030", "euc-kr", "iso-2022-kr", "x"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		buf_clear(&out);
		mime_to_utf8(c, span_cstr(names[i]), span_of(all, sizeof all), &out);
		assert_true(buf_ok(&out) && utf8_valid(buf_span(&out)));
	}
	buf_free(&out);
	mime_charsets_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(parameters),
		cmocka_unit_test(pieces_have_a_limit),
		cmocka_unit_test(charsets),
	};
	return cmocka_run_group_tests_name("mime/words", tests, NULL, NULL);
}

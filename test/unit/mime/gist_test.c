/* SPDX-License-Identifier: Apache-2.0 */
/* mime/gist: the terms of a message, each under its field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "mime/gist.h"
#include "mime/parse.h"

#define MESSAGE                                                                \
	"From: =?utf-8?q?J=C3=B6rg?= <j@one.example>\r\nTo: you\r\n"           \
	"Subject: Re: Plan\r\nX-Plan: B\r\nDKIM-Signature: v=1; b=zzz\r\n"     \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n"                    \
	"--b\r\n\r\nPlain\r\n--b\r\nContent-Type: text/html\r\n\r\n"          \
	"<p>Shown&amp;told</p><script>never</script>\r\n--b\r\n"               \
	"Content-Type: image/png; name=pic.png\r\n\r\nPNGPNG\r\n--b\r\n"       \
	"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nwithin\r\n" \
	"--b--\r\n"

static struct mime_gist *gist(struct span m, struct mime_parser *p, size_t cut)
{
	static const uint8_t secret[SIPHASH_KEY] = {9};
	mime_parser_feed(p, m);
	struct summary *s = mime_parser_end(p);
	assert_non_null(s);
	struct mime_gist *g = mime_gist_new(NULL, s, secret);
	assert_non_null(g);
	mime_gist_prefix(g, SPAN("Return-Path: <sender@two.example>\r\n"));
	for (size_t at = 0; at < m.len; at += cut)
		if (mime_gist_feed(g, span_sub(m, at, cut)))
			break;
	mime_gist_end(g);
	assert_false(mime_gist_short(g));
	return g;
}

static bool has(struct span terms, enum term_field f, const char *word)
{
	struct term t;
	while (term_next(&terms, &t))
		if (t.class == TERM_CLASS(f, TERM_WORD) && span_eq(t.text, span_cstr(word)))
			return true;
	assert_int_equal(terms.len, 0);
	return false;
}

static void fields(void **state)
{
	(void)state;
	static const struct {
		enum term_field field;
		const char *word;
		bool there;
	} rows[] = {
		{TERM_FROM, "jo\xcc\x88rg", true}, {TERM_FROM, "one", true},
		{TERM_TO, "you", true},	   {TERM_SUBJECT, "plan", true},
		{TERM_SUBJECT, "inner", false},    {TERM_HEADER, "inner", true},
		{TERM_HEADER, "subject", true},    {TERM_HEADER, "plan", true},
		{TERM_HEADER, "b", true},	   {TERM_HEADER, "zzz", false},
		{TERM_HEADER, "pic", true},	   {TERM_HEADER, "two", true},
		{TERM_HEADER, "return", true},     {TERM_BODY, "plain", true},
		{TERM_BODY, "shown", true},	   {TERM_BODY, "told", true},
		{TERM_BODY, "never", false},	   {TERM_BODY, "script", false},
		{TERM_BODY, "pngpng", false},	   {TERM_BODY, "within", true},
		{TERM_BODY, "inner", false},
	};
	for (size_t cut = 1; cut < 2000; cut = cut * 3 + 1) {
		struct mime_parser *p = mime_parser_new(NULL);
		struct mime_gist *g = gist(SPAN(MESSAGE), p, cut);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (has(mime_gist_terms(g), rows[i].field, rows[i].word) !=
			    rows[i].there)
				fail_msg("%s", rows[i].word);
		mime_gist_free(g);
		mime_parser_free(p);
	}
}

/* More words than an index takes: the message is open, and no more is read. */
static void too_much(void **state)
{
	(void)state;
	struct buf m;
	buf_init(&m, 4u << 20);
	buf_add(&m, SPAN("\r\n"));
	for (unsigned i = 0; i < TERMS_COUNT + 10; i++)
		buf_printf(&m, "%x\n", i);
	struct mime_parser *p = mime_parser_new(NULL);
	struct mime_gist *g = gist(buf_span(&m), p, 65536);
	assert_int_equal(mime_gist_terms(g).ptr[0], TERM_OPEN);
	mime_gist_free(g);
	mime_parser_free(p);
	buf_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(too_much),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

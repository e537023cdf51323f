/* SPDX-License-Identifier: Apache-2.0 */
/* mime/match: needles in headers and decoded text, wherever pieces are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "mime/match.h"
#include "mime/parse.h"

#define MESSAGE                                                                \
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Other: Value\r\n"           \
	"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n" \
	"Content-Type: text/plain; charset=iso-8859-1\r\n"                     \
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"                  \
	"caf=E9 and sug=\r\nar\r\n--b\r\nContent-Type: text/html\r\n"          \
	"Content-Transfer-Encoding: base64\r\n\r\nPGI+Qm9sZDwvYj4=\r\n--b\r\n" \
	"Content-Type: application/pdf; name=secret.pdf\r\n\r\nhidden\r\n--b\r\n" \
	"Content-Type: message/delivery-status\r\n\r\nAction: failed \xc3\xa9\r\n--b\r\n" \
	"Content-Type: message/rfc822\r\n\r\nSubject: inner one\r\n\r\nlast words\r\n--b--\r\nepilogue\r\n"

static uint32_t run(struct span m, const struct mime_needle *n, size_t count, size_t cut)
{
	struct mime_parser *p = mime_parser_new(NULL);
	mime_parser_feed(p, m);
	struct summary *s = mime_parser_end(p);
	assert_non_null(s);
	struct mime_match *match = mime_match_new(NULL, s, n, count);
	assert_non_null(match);
	for (size_t at = 0; at < m.len; at += cut)
		if (mime_match_feed(match, span_sub(m, at, cut)))
			break;
	uint32_t found = mime_match_end(match);
	mime_match_free(match);
	mime_parser_free(p);
	return found;
}

static void needles(void **state)
{
	(void)state;
	static const struct {
		struct mime_needle n;
		bool found;
	} rows[] = {
		{{MIME_IN_BODY, {0}, SPAN_INIT("CAF\xc3\x89")}, true},
		{{MIME_IN_BODY, {0}, SPAN_INIT("SUGAR")}, true},
		{{MIME_IN_BODY, {0}, SPAN_INIT("bold")}, true},
		{{MIME_IN_BODY, {0}, SPAN_INIT("last words")}, true},
		{{MIME_IN_BODY, {0}, SPAN_INIT("hidden")}, false},
		{{MIME_IN_BODY, {0}, SPAN_INIT("preamble")}, false},
		{{MIME_IN_BODY, {0}, SPAN_INIT("epilogue")}, false},
		{{MIME_IN_BODY, {0}, SPAN_INIT("inner one")}, false},
		{{MIME_IN_TEXT, {0}, SPAN_INIT("inner one")}, true},
		{{MIME_IN_TEXT, {0}, SPAN_INIT("secret.pdf")}, true},
		{{MIME_IN_TEXT, {0}, SPAN_INIT("x-other: value")}, true},
		{{MIME_IN_TEXT, {0}, SPAN_INIT("gr\xc3\xbc\xc3\x9f" "e")}, true},
		{{MIME_IN_FIELD, SPAN_INIT("subject"), SPAN_INIT("gr\xc3\xbc")}, true},
		{{MIME_IN_FIELD, SPAN_INIT("subject"), SPAN_INIT("inner")}, false},
		{{MIME_IN_FIELD, SPAN_INIT("x-other"), SPAN_INIT("")}, true},
		{{MIME_IN_FIELD, SPAN_INIT("x-none"), SPAN_INIT("")}, false},
	};
	static const size_t cuts[] = {1, 7, 64, 100000};
	_Static_assert(ARRAY_LEN(rows) <= MIME_NEEDLES_MAX, "asked together, too");
	struct mime_needle all[ARRAY_LEN(rows)];
	uint32_t expect = 0;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		all[i] = rows[i].n;
		expect |= (uint32_t)rows[i].found << i;
	}
	for (size_t c = 0; c < ARRAY_LEN(cuts); c++) {
		assert_int_equal(run(SPAN(MESSAGE), all, ARRAY_LEN(rows), cuts[c]), expect);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			assert_int_equal(run(SPAN(MESSAGE), &all[i], 1, cuts[c]), rows[i].found);
	}
}

/* What people read in a part that is neither text nor a message; UTF-8 that nobody announced. */
static void reports(void **state)
{
	(void)state;
	const struct mime_needle n[] = {{MIME_IN_BODY, {0}, SPAN_INIT("action: FAILED \xc3\xa9")},
					{MIME_IN_BODY, {0}, SPAN_INIT("delivery-status")}};
	assert_int_equal(run(SPAN(MESSAGE), n, ARRAY_LEN(n), 7), 1);
}

static void tags_are_no_text(void **state)
{
	(void)state;
	const struct mime_needle n[] = {{MIME_IN_BODY, {0}, SPAN_INIT("<b>")},
					{MIME_IN_TEXT, {0}, SPAN_INIT("caf=e9")}};
	assert_int_equal(run(SPAN(MESSAGE), n, ARRAY_LEN(n), 1000), 0);
}

/* The needle at every place around the borders of pieces. */
static void across_pieces(void **state)
{
	(void)state;
	const struct mime_needle n = {MIME_IN_BODY, {0}, SPAN("needle")};
	for (size_t d = 0; d < 16; d++)
		for (size_t k = 1; k <= 4; k++) {
			struct buf b;
			buf_init(&b, 1u << 20);
			buf_add(&b, SPAN("\r\n"));
			while (buf_len(&b) < k * 16384 - 8 + d)
				buf_addc(&b, 'x');
			buf_add(&b, SPAN("NEEDLE and"));
			for (size_t i = 0; i < 40000; i++)
				buf_addc(&b, 'y');
			assert_int_equal(run(buf_span(&b), &n, 1, 4096), 1);
			buf_free(&b);
		}
}

static void limits(void **state)
{
	(void)state;
	struct arena *a = arena_new(65536);
	struct summary *s = summary_opaque(a, 10);
	struct mime_needle many[MIME_NEEDLES_MAX + 1] = {{MIME_IN_TEXT, {0}, SPAN("x")}};
	for (size_t d = 0; d < 3; d++) {
		size_t n = MIME_NEEDLES_MAX - 1 + d;
		struct mime_match *m = mime_match_new(NULL, s, many, n);
		assert_int_equal(m != NULL, d < 2);
		mime_match_free(m);
		char text[MIME_NEEDLE_MAX + 1] = {0};
		struct mime_needle one = {MIME_IN_TEXT, {0}, span_of(text, MIME_NEEDLE_MAX - 1 + d)};
		m = mime_match_new(NULL, s, &one, 1);
		assert_int_equal(m != NULL, d < 2);
		mime_match_free(m);
	}
	assert_null(mime_match_new(NULL, s, many, 0));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needles),
		cmocka_unit_test(reports),
		cmocka_unit_test(tags_are_no_text),
		cmocka_unit_test(across_pieces),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("mime/match", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* smtp/client_answer: replies, good and hostile, at every cut; each limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "script_stream.h"
#include "smtp/client_answer.h"

struct row {
	struct span in;
	enum smtp_answer_result result;
	unsigned code, klass, subject, detail;
	struct span text;
};

#define OK(in, code, k, s, d, text) \
	{SPAN_INIT(in), SMTP_ANSWER_OK, code, k, s, d, SPAN_INIT(text)}
#define NOT(in, result) {SPAN_INIT(in), result, 0, 0, 0, 0, SPAN_INIT("")}

static const struct row rows[] = {
	OK("250 ok\r\n", 250, 0, 0, 0, "ok"),
	OK("250\r\n", 250, 0, 0, 0, ""),
	OK("250 \r\n", 250, 0, 0, 0, ""),
	OK("250-a\r\n250-\r\n250 b\r\n", 250, 0, 0, 0, "a b"),
	OK("250-a\r\n250\r\n", 250, 0, 0, 0, "a"),
	OK("550 5.1.1 no such user\r\n", 550, 5, 1, 1, "no such user"),
	OK("550-5.7.1 one\r\n550 5.7.1 two\r\n", 550, 5, 7, 1, "one two"),
	OK("450-one\r\n450 4.2.100 two\r\n", 450, 4, 2, 100, "one two"),
	OK("550 5.1.1\r\n", 550, 5, 1, 1, ""),
	OK("250 5.1.1 other class\r\n", 250, 0, 0, 0, "5.1.1 other class"),
	OK("550 5.1.1000 x\r\n", 550, 0, 0, 0, "5.1.1000 x"),
	OK("550 5.1. x\r\n", 550, 0, 0, 0, "5.1. x"),
	OK("550 5.1.1x\r\n", 550, 0, 0, 0, "5.1.1x"),
	OK("550 5..1 x\r\n", 550, 0, 0, 0, "5..1 x"),
	OK("220 \xc3\xa9\x01\x7f\x1b[2J\tx\r\n", 220, 0, 0, 0, "?????[2J x"),
	NOT("250-a\r\n550 b\r\n", SMTP_ANSWER_BAD),
	NOT("250-a\r\n251 b\r\n", SMTP_ANSWER_BAD),
	NOT("150 a\r\n", SMTP_ANSWER_BAD),
	NOT("650 a\r\n", SMTP_ANSWER_BAD),
	NOT("25\r\n", SMTP_ANSWER_BAD),
	NOT("\r\n", SMTP_ANSWER_BAD),
	NOT("2500 a\r\n", SMTP_ANSWER_BAD),
	NOT("250\ta\r\n", SMTP_ANSWER_BAD),
	NOT(" 250 a\r\n", SMTP_ANSWER_BAD),
	NOT("+OK POP3\r\n", SMTP_ANSWER_BAD),
	NOT("* OK IMAP\r\n", SMTP_ANSWER_BAD),
	NOT("HTTP/1.1 400 Bad\r\n", SMTP_ANSWER_BAD),
	NOT("250 a\0b\r\n", SMTP_ANSWER_BAD),
	NOT("250 a\rb\r\n", SMTP_ANSWER_BAD),
	NOT("250 a\n250 b\r\n", SMTP_ANSWER_BAD),
	NOT("250 a\r\r\n", SMTP_ANSWER_BAD),
	NOT("250-a\r\n", SMTP_ANSWER_LOST),
	NOT("250 a", SMTP_ANSWER_LOST),
	NOT("250 a\n", SMTP_ANSWER_LOST),
	NOT("", SMTP_ANSWER_LOST),
};

static enum smtp_answer_result read_one(struct span in, size_t split, struct smtp_answer *a)
{
	struct script s;
	script_init_bytes(&s, in, split);
	enum smtp_answer_result r = smtp_answer_read(&s.stream, a, NULL, NULL);
	script_free(&s);
	return r;
}

static void every_row_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t cut = 0; cut <= rows[i].in.len; cut++) {
			struct smtp_answer a;
			assert_int_equal(read_one(rows[i].in, cut, &a), rows[i].result);
			if (rows[i].result != SMTP_ANSWER_OK)
				continue;
			assert_int_equal(a.code, rows[i].code);
			assert_int_equal(a.enhanced.klass, rows[i].klass);
			assert_int_equal(a.enhanced.subject, rows[i].subject);
			assert_int_equal(a.enhanced.detail, rows[i].detail);
			assert_true(span_eq(smtp_answer_text(&a), rows[i].text));
		}
	}
}

/* `lines` of `len` bytes each, the last of them final. */
static enum smtp_answer_result flood(size_t lines, size_t len, struct smtp_answer *a)
{
	struct buf b;
	buf_init(&b, 64u << 20);
	for (size_t i = 0; i < lines; i++) {
		buf_add(&b, i + 1 < lines ? SPAN("250-") : SPAN("250 "));
		for (size_t n = 4; n < len; n++)
			buf_addc(&b, 'x');
		buf_add(&b, SPAN("\r\n"));
	}
	enum smtp_answer_result r = read_one(buf_span(&b), 0, a);
	buf_free(&b);
	return r;
}

static void limits(void **state)
{
	(void)state;
	struct smtp_answer a;
	size_t line = SMTP_ANSWER_LINE_MAX - 2;
	assert_int_equal(flood(1, line - 1, &a), SMTP_ANSWER_OK);
	assert_int_equal(flood(1, line, &a), SMTP_ANSWER_OK);
	assert_int_equal(a.text_len, SMTP_ANSWER_TEXT_MAX);
	assert_int_equal(flood(1, line + 1, &a), SMTP_ANSWER_BAD);
	assert_int_equal(flood(SMTP_ANSWER_LINES_MAX - 1, 10, &a), SMTP_ANSWER_OK);
	assert_int_equal(flood(SMTP_ANSWER_LINES_MAX, 10, &a), SMTP_ANSWER_OK);
	assert_int_equal(flood(SMTP_ANSWER_LINES_MAX + 1, 10, &a), SMTP_ANSWER_BAD);
	size_t each = SMTP_ANSWER_BYTES_MAX / 64;
	assert_int_equal(flood(64, each - 1, &a), SMTP_ANSWER_OK);
	assert_int_equal(flood(64, each, &a), SMTP_ANSWER_OK);
	assert_int_equal(a.bytes, SMTP_ANSWER_BYTES_MAX);
	assert_int_equal(flood(64, each + 1, &a), SMTP_ANSWER_BAD);
	/* Text: limit - 1, limit, limit + 1. */
	for (size_t n = SMTP_ANSWER_TEXT_MAX - 1; n <= SMTP_ANSWER_TEXT_MAX + 1; n++) {
		assert_int_equal(flood(1, 4 + n, &a), SMTP_ANSWER_OK);
		assert_int_equal(a.text_len,
				 n < SMTP_ANSWER_TEXT_MAX ? n : SMTP_ANSWER_TEXT_MAX);
	}
	/* Lines that fill the text leave no room for a blank. */
	assert_int_equal(flood(100, 4 + 128, &a), SMTP_ANSWER_OK);
	assert_int_equal(a.text_len, SMTP_ANSWER_TEXT_MAX);
}

/* Endless: 10 MB in one line, and a continuation that never ends. */
static void floods_end(void **state)
{
	(void)state;
	struct smtp_answer a;
	struct script s;
	size_t n = 10u << 20;
	char *text = malloc(n);
	assert_non_null(text);
	memset(text, 'x', n);
	memcpy(text, "250 ", 4);
	script_init_bytes(&s, span_of(text, n), 0);
	assert_int_equal(smtp_answer_read(&s.stream, &a, NULL, NULL), SMTP_ANSWER_LOST);
	assert_true(n - script_unread(&s) <= SMTP_ANSWER_DRAIN + 2 * SCRIPT_IN);
	script_free(&s);
	for (size_t i = 0; i + 6 <= n; i += 6)
		memcpy(text + i, "250-\r\n", 6);
	script_init_bytes(&s, span_of(text, n), 0);
	assert_int_equal(smtp_answer_read(&s.stream, &a, NULL, NULL), SMTP_ANSWER_BAD);
	assert_true(n - script_unread(&s) <= SCRIPT_IN);
	script_free(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_at_every_cut),
		cmocka_unit_test(limits),
		cmocka_unit_test(floods_end),
	};
	return cmocka_run_group_tests_name("smtp/client_answer", tests, NULL, NULL);
}

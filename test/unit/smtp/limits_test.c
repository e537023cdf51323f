/* SPDX-License-Identifier: Apache-2.0 */
/* smtp: every limit one below, at, and one above. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "talk.h"

struct text {
	struct buf b;
};

static void add(struct text *x, const char *s)
{
	buf_add(&x->b, span_cstr(s));
}

static void repeat(struct text *x, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(x, s);
}

static void start(struct text *x, const char *s)
{
	buf_init(&x->b, 4u << 20);
	add(x, s);
}

/* Runs x and gives the last code. */
static const char *last(struct talk *t, struct text *x, size_t split, char code[16])
{
	talk_run(t, buf_span(&x->b), split);
	struct span codes = buf_span(&t->codes);
	size_t at = span_find_last(codes, ' ');
	codes = span_skip(codes, at == SIZE_MAX ? 0 : at + 1);
	assert_true(codes.len < 16);
	memcpy(code, codes.ptr, codes.len);
	code[codes.len] = 0;
	script_free(&t->script);
	buf_free(&x->b);
	return code;
}

#define HI "EHLO c.example\r\n|"

static void command_lines(void **state)
{
	(void)state;
	char code[16];
	for (int d = -1; d <= 1; d++)
		for (int role = 0; role < 2; role++) {
			struct talk t;
			struct text x;
			talk_init(&t, role ? SMTP_SUBMISSION : SMTP_MX, SMTP_TLS_IMPLICIT);
			start(&x, HI "NOOP ");
			repeat(&x, "x", (size_t)((int)SMTP_LINE_MAX - 7 + d));
			add(&x, "\r\n");
			assert_string_equal(last(&t, &x, 0, code),
					    d > 0 ? "500/5.5.6" : "250/2.0.0");
			talk_free(&t);
		}
}

static void auth_lines(void **state)
{
	(void)state;
	char code[16];
	for (int d = -4; d <= 4; d += 4) {
		struct talk t;
		struct text x;
		talk_init(&t, SMTP_SUBMISSION, SMTP_TLS_IMPLICIT);
		start(&x, HI "AUTH PLAIN\r\n|");
		repeat(&x, "A", (size_t)((int)SMTP_AUTH_LINE_MAX - 4 + d));
		add(&x, "\r\n");
		assert_string_equal(last(&t, &x, 0, code), d > 0 ? "500/5.5.6" : "535/5.7.8");
		start(&x, HI "AUTH PLAIN ");
		repeat(&x, "A", (size_t)((int)SMTP_AUTH_LINE_MAX - 16 + d));
		add(&x, "\r\n");
		assert_string_equal(last(&t, &x, 0, code), d > 0 ? "500/5.5.6" : "535/5.7.8");
		talk_free(&t);
	}
}

static void a_line_without_end(void **state)
{
	(void)state;
	char code[16];
	struct talk t;
	struct text x;
	talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
	start(&x, HI "NOOP ");
	repeat(&x, "xxxxxxxx", (SMTP_LINE_DRAIN + 65536) / 8);
	add(&x, "\r\nNOOP\r\n");
	assert_string_equal(last(&t, &x, 0, code), "250");
	talk_free(&t);
}

static void message_size(void **state)
{
	(void)state;
	char code[16];
	for (int d = -1; d <= 1; d++)
		for (int chunked = 0; chunked < 2; chunked++) {
			struct talk t;
			struct text x;
			talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
			t.set.limits.message = 100000;
			int n = 100000 + d;
			start(&x, HI "MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n");
			if (chunked)
				buf_printf(&x.b, "BDAT %d LAST\r\n", n);
			else
				add(&x, "DATA\r\n|");
			repeat(&x, "x", (size_t)n - 2);
			add(&x, chunked ? "\r\n" : "\r\n.\r\n");
			assert_string_equal(last(&t, &x, 0, code),
					    d > 0 ? "552/5.3.4" : "250/2.0.0");
			assert_int_equal(t.kept, d <= 0);
			assert_true(buf_len(&t.body) <= 100000);
			start(&x, HI);
			buf_printf(&x.b, "MAIL FROM:<> SIZE=%d\r\n", n);
			assert_string_equal(last(&t, &x, 0, code),
					    d > 0 ? "552/5.3.4" : "250/2.1.0");
			talk_free(&t);
		}
}

/* A message that is refused already is read on, but not for ever. */
static void a_message_without_end(void **state)
{
	(void)state;
	char code[16];
	for (int how = 0; how < 3; how++)
		for (int over = 0; over < 2; over++) {
			struct talk t;
			struct text x;
			int n = (how == 0 ? 2 * 100000 : 100000) + over;
			talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
			t.set.limits.message = 100000;
			start(&x, HI);
			if (how < 2)
				add(&x, "MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n");
			if (how == 0) /* too big from its last piece on */
				add(&x, "DATA\r\n|");
			else if (how == 1) /* refused from its first byte on */
				add(&x, "DATA\r\n|\n");
			else
				add(&x, "BDAT 18446744073709551615 LAST\r\n");
			repeat(&x, "x", (size_t)n + 65536);
			add(&x, "NOOP\r\n");
			assert_string_equal(last(&t, &x, 0, code), "552/5.3.4");
			assert_int_equal(t.kept, 0);
			assert_true(buf_len(&t.body) <= 100000);
			talk_free(&t);
		}
}

static void sizes_that_overflow(void **state)
{
	(void)state;
	struct talk t;
	talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
	TALK(&t, HI "MAIL FROM:<> SIZE=9223372036854775808\r\n"
		    "MAIL FROM:<> SIZE=18446744073709551615\r\n"
		    "MAIL FROM:<> SIZE=18446744073709551616\r\n"
		    "MAIL FROM:<> SIZE=99999999999999999999\r\n"
		    "MAIL FROM:<> SIZE=999999999999999999999\r\nMAIL FROM:<> SIZE=-1\r\n",
	     "220 250 552/5.3.4 552/5.3.4 552/5.3.4 552/5.3.4 501/5.5.4 501/5.5.4");
	talk_free(&t);
}

static void recipients(void **state)
{
	(void)state;
	char code[16];
	for (int d = -1; d <= 1; d++) {
		struct talk t;
		struct text x;
		talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
		start(&x, HI "MAIL FROM:<>\r\n");
		for (int i = 0; i < (int)SMTP_RECIPIENTS + d; i++)
			buf_printf(&x.b, "RCPT TO:<r%d@b.example>\r\nRCPT TO:<unknown@b.example>\r\n",
				   i);
		buf_cut(&x.b, 29);
		assert_string_equal(last(&t, &x, 0, code), d > 0 ? "452/4.5.3" : "250/2.1.5");
		talk_free(&t);
	}
}

static void bad_commands(void **state)
{
	(void)state;
	char code[16];
	for (int d = -1; d <= 1; d++) {
		struct talk t;
		struct text x;
		talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
		start(&x, HI);
		repeat(&x, "FOO\r\n", (size_t)((int)SMTP_BAD_COMMANDS + d));
		assert_string_equal(last(&t, &x, 0, code), d < 0 ? "500/5.5.1" : "421/4.7.0");
		assert_int_equal(t.notes[SMTP_NOTE_FLOOD], d >= 0);
		talk_free(&t);
	}
}

static void idle_commands(void **state)
{
	(void)state;
	char code[16];
	for (int d = -1; d <= 1; d++) {
		struct talk t;
		struct text x;
		talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
		start(&x, HI);
		repeat(&x, "NOOP\r\n", (size_t)((int)SMTP_IDLE_COMMANDS - 1 + d));
		assert_string_equal(last(&t, &x, 0, code), d > 0 ? "421/4.7.0" : "250/2.0.0");
		/* Mail in between starts the count anew. */
		start(&x, HI);
		repeat(&x, "NOOP\r\n", 150);
		add(&x, "MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n|x\r\n.\r\n");
		repeat(&x, "NOOP\r\n", 150);
		assert_string_equal(last(&t, &x, 0, code), "250/2.0.0");
		talk_free(&t);
	}
}

static void parameters(void **state)
{
	(void)state;
	char code[16];
	for (int d = -1; d <= 1; d++) {
		struct talk t;
		struct text x;
		talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
		start(&x, HI "MAIL FROM:<> ENVID=");
		repeat(&x, "e", (size_t)((int)SMTP_ENVID_MAX + d));
		add(&x, "\r\n");
		assert_string_equal(last(&t, &x, 0, code), d > 0 ? "501/5.5.4" : "250/2.1.0");
		start(&x, HI "MAIL FROM:<>\r\nRCPT TO:<a@b.example> ORCPT=rfc822;");
		repeat(&x, "o", (size_t)((int)SMTP_ORCPT_MAX - 7 + d));
		add(&x, "\r\n");
		assert_string_equal(last(&t, &x, 0, code), d > 0 ? "501/5.5.4" : "250/2.1.5");
		talk_free(&t);
	}
}

static void a_slow_message_gets_time_by_the_slice(void **state)
{
	(void)state;
	char code[16];
	struct talk t;
	struct text x;
	talk_init(&t, SMTP_MX, SMTP_TLS_OFFERED);
	start(&x, HI "MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n|");
	repeat(&x, "0123456789012345678901234567890123456789012345678901234567890\r\n",
	       3 * SMTP_DATA_SLICE / 63 + 1);
	add(&x, ".\r\n");
	last(&t, &x, 0, code);
	assert_string_equal(code, "250/2.0.0");
	unsigned data = 0;
	for (unsigned i = 0; i < t.script.deadline_count; i++)
		data += t.script.deadlines[i] == t.set.limits.data_seconds;
	assert_int_equal(data, 4);
	assert_true(smtp_session_size() < 2048);
	talk_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines),
		cmocka_unit_test(auth_lines),
		cmocka_unit_test(a_line_without_end),
		cmocka_unit_test(message_size),
		cmocka_unit_test(a_message_without_end),
		cmocka_unit_test(sizes_that_overflow),
		cmocka_unit_test(recipients),
		cmocka_unit_test(bad_commands),
		cmocka_unit_test(idle_commands),
		cmocka_unit_test(parameters),
		cmocka_unit_test(a_slow_message_gets_time_by_the_slice),
	};
	return cmocka_run_group_tests_name("smtp/limits", tests, NULL, NULL);
}

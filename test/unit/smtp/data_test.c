/* SPDX-License-Identifier: Apache-2.0 */
/* smtp/data: the same bytes and the same end, wherever the input is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "smtp/data.h"

struct row {
	struct span in, out;
	size_t left; /* bytes after the end mark; SIZE_MAX: no end */
	unsigned faults;
};

#define R(in, out, left, faults) {SPAN_INIT(in), SPAN_INIT(out), left, faults}
#define NO_END SIZE_MAX

static const struct row rows[] = {
	R(".\r\n", "", 0, 0),
	R(".\r\nQUIT\r\n", "", 6, 0),
	R("a\r\n.\r\n", "a\r\n", 0, 0),
	R("..\r\n.\r\n", ".\r\n", 0, 0),
	R("...\r\n.a\r\n..a\r\na.\r\n.\r\n", "..\r\na\r\n.a\r\na.\r\n", 0, 0),
	R("a\r\n.", "a\r\n", NO_END, 0),
	R("a\r\n.\r", "a\r\n", NO_END, 0),
	R("a\n.\n", "", NO_END, SMTP_FAULT_LF),
	R("a\n.\r\nb\r\n.\r\n", "", 0, SMTP_FAULT_LF),
	R("a\r\n.\nb\r\n.\r\n", "", 0, SMTP_FAULT_LF),
	R("a\r.\r\nb\r\n.\r\n", "", 0, SMTP_FAULT_CR),
	R("a\r\n.\rb\r\n.\r\n", "", 0, SMTP_FAULT_CR),
	R("a\r\r\n.\r\n", "", 0, SMTP_FAULT_CR),
	R("a\r\n.\r\r\n.\r\n", "", 0, SMTP_FAULT_CR),
	R("a\r\n\r.\r\n.\r\n", "", 0, SMTP_FAULT_CR),
	R("a\0b\r\n.\r\n", "", 0, SMTP_FAULT_NUL),
	R("\r\n\r\n.\r\n", "\r\n\r\n", 0, 0),
	R("\n\n.\r\n\r\n.\r\n", "", 0, SMTP_FAULT_LF),
	R("\xff\x80\r\n.\r\n", "\xff\x80\r\n", 0, 0),
};

static void run(const struct row *r, size_t cut)
{
	struct smtp_data d = {0};
	struct buf out;
	buf_init(&out, 1024);
	struct span in = r->in;
	bool end = false;
	size_t left = SIZE_MAX;
	while (in.len > 0 && !end) {
		struct span chunk = span_sub(in, 0, cut), bytes;
		size_t had = chunk.len;
		while (chunk.len > 0 && !end) {
			end = smtp_data_next(&d, &chunk, &bytes);
			buf_add(&out, bytes);
		}
		in = span_skip(in, had - chunk.len);
		if (end)
			left = in.len;
	}
	assert_int_equal(left, r->left);
	assert_int_equal(d.faults, r->faults);
	if (r->faults == 0)
		assert_true(span_eq(buf_span(&out), r->out));
	buf_free(&out);
}

static void every_row_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t cut = 1; cut <= rows[i].in.len; cut++)
			run(&rows[i], cut);
}

static void plain_bytes_are_checked_across_chunks(void **state)
{
	(void)state;
	static const struct row plain[] = {
		R("a\r\nb\r\n", "", 0, 0),	    R("a\nb", "", 0, SMTP_FAULT_LF),
		R("a\rb", "", 0, SMTP_FAULT_CR),    R("a\r", "", 0, SMTP_FAULT_CR),
		R("\r\n.\r\n.", "", 0, 0),	    R("a\0", "", 0, SMTP_FAULT_NUL),
		R("\r\r\n", "", 0, SMTP_FAULT_CR), R("", "", 0, 0),
		R("\n", "", 0, SMTP_FAULT_LF),
	};
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		for (size_t cut = 1; cut <= 4; cut++) {
			struct smtp_data d = {0};
			for (size_t at = 0; at < plain[i].in.len; at += cut)
				smtp_data_plain(&d, span_sub(plain[i].in, at, cut));
			smtp_data_plain_end(&d);
			assert_int_equal(d.faults, plain[i].faults);
		}
}

/* A step of the scanner looks at each byte a fixed number of times. */
static void dots_alone_cost_no_more_than_calls(void **state)
{
	(void)state;
	size_t n = 300000, calls = 0;
	char *text = malloc(n);
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		text[i] = ".\r\n"[i % 3 == 0 ? 0 : i % 3];
	text[1] = 'a'; /* ".a\n" is no end, and a fault */
	struct smtp_data d = {0};
	struct span in = span_of(text, n), out;
	while (in.len > 0 && !smtp_data_next(&d, &in, &out))
		calls++;
	assert_true(calls <= n);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_at_every_cut),
		cmocka_unit_test(plain_bytes_are_checked_across_chunks),
		cmocka_unit_test(dots_alone_cost_no_more_than_calls),
	};
	return cmocka_run_group_tests_name("smtp/data", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_dots: what goes out has one end, no bare CR and no bare LF, and
 * the server's own reader gives back what was meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "smtp/client_dots.h"
#include "smtp/data.h"

struct row {
	struct span in, out; /* out without the end mark */
	unsigned cr, lf, nul;
	bool unended;
};

#define R(in, out, cr, lf, nul, unended) {SPAN_INIT(in), SPAN_INIT(out), cr, lf, nul, unended}

static const struct row rows[] = {
	R("", "", 0, 0, 0, false),
	R("a\r\n", "a\r\n", 0, 0, 0, false),
	R("a", "a\r\n", 0, 0, 0, true),
	R(".", "..\r\n", 0, 0, 0, true),
	R(".\r\n", "..\r\n", 0, 0, 0, false),
	R("..\r\n.a\r\na.\r\n", "...\r\n..a\r\na.\r\n", 0, 0, 0, false),
	R("a\n", "a\r\n", 0, 1, 0, false),
	R("a\r", "a\r\n", 1, 0, 0, false),
	R("\n.\n", "\r\n..\r\n", 0, 2, 0, false),
	R("\r.\r", "\r\n..\r\n", 2, 0, 0, false),
	R("\r.\n", "\r\n..\r\n", 1, 1, 0, false),
	R("\r\n.\r", "\r\n..\r\n", 1, 0, 0, false),
	R("\r\r\n", "\r\n\r\n", 1, 0, 0, false),
	R("\r\n\n", "\r\n\r\n", 0, 1, 0, false),
	R("\n\r", "\r\n\r\n", 1, 1, 0, false),
	R("a\n.\nMAIL FROM:<x@y>\n", "a\r\n..\r\nMAIL FROM:<x@y>\r\n", 0, 3, 0, false),
	R("a\n.\r\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n", 0, 1, 0, false),
	R("a\r\n.\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n", 0, 1, 0, false),
	R("a\r.\r\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n", 1, 0, 0, false),
	R("a\r\n\0.\r\n", "a\r\n\0.\r\n", 0, 0, 1, false),
	R("\xff\x80\r\n", "\xff\x80\r\n", 0, 0, 0, false),
};

static void put(void *owner, struct span b)
{
	struct buf *out = owner;
	assert_true(b.len > 0);
	buf_add(out, b);
}

static void every_row_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		for (size_t cut = 1; cut <= r->in.len + 1; cut++) {
			struct smtp_dots d = {0};
			struct buf out;
			buf_init(&out, 1024);
			for (size_t at = 0; at < r->in.len; at += cut)
				smtp_dots_add(&d, span_sub(r->in, at, cut), put, &out);
			smtp_dots_close(&d, put, &out);
			assert_true(span_eq(buf_span(&out), r->out));
			assert_int_equal(d.bare_cr, r->cr);
			assert_int_equal(d.bare_lf, r->lf);
			assert_int_equal(d.nul, r->nul);
			assert_int_equal(d.unended, r->unended);
			buf_free(&out);
		}
	}
}

/* All texts of up to 6 of the bytes that matter, read back by the server. */
static void the_server_reads_what_was_meant(void **state)
{
	(void)state;
	static const char alphabet[] = {'\r', '\n', '.', 'a'};
	for (size_t len = 0; len <= 6; len++) {
		for (uint32_t n = 0; n < 1u << (2 * len); n++) {
			char in[6];
			for (size_t i = 0; i < len; i++)
				in[i] = alphabet[n >> (2 * i) & 3];
			struct buf wire, back;
			buf_init(&wire, 1024);
			buf_init(&back, 1024);
			struct smtp_dots d = {0};
			smtp_dots_add(&d, span_of(in, len), put, &wire);
			smtp_dots_close(&d, put, &wire);
			buf_add(&wire, SMTP_DOTS_END);
			struct smtp_data r = {0};
			struct span rest = buf_span(&wire), run;
			bool end = false;
			while (rest.len > 0 && !end) {
				end = smtp_data_next(&r, &rest, &run);
				buf_add(&back, run);
			}
			assert_true(end && rest.len == 0 && r.faults == 0);
			/* The same letters and dots, with other line ends. */
			size_t at = 0;
			struct span b = buf_span(&back);
			for (size_t i = 0; i < b.len; i++) {
				if (b.ptr[i] == '\r' || b.ptr[i] == '\n')
					continue;
				while (at < len && (in[at] == '\r' || in[at] == '\n'))
					at++;
				assert_true(at < len && in[at] == b.ptr[i]);
				at++;
			}
			for (; at < len; at++)
				assert_true(in[at] == '\r' || in[at] == '\n');
			buf_free(&wire);
			buf_free(&back);
		}
	}
}

static void count(void *owner, struct span b)
{
	(void)b;
	++*(size_t *)owner;
}

/* Work is bounded by the runs, and these by the bytes. */
static void runs_are_bounded_by_bytes(void **state)
{
	(void)state;
	static const char *const patterns[] = {"\r", "\n", ".", "\r.", "\n.", "\r\n.", "\n\r"};
	size_t n = 1u << 20;
	char *text = malloc(n);
	assert_non_null(text);
	for (size_t p = 0; p < ARRAY_LEN(patterns); p++) {
		struct span pattern = span_cstr(patterns[p]);
		for (size_t i = 0; i < n; i++)
			text[i] = pattern.ptr[i % pattern.len];
		struct smtp_dots d = {0};
		size_t runs = 0;
		smtp_dots_add(&d, span_of(text, n), count, &runs);
		smtp_dots_close(&d, count, &runs);
		assert_true(runs <= 2 * n + 1);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_at_every_cut),
		cmocka_unit_test(the_server_reads_what_was_meant),
		cmocka_unit_test(runs_are_bounded_by_bytes),
	};
	return cmocka_run_group_tests_name("smtp/client_dots", tests, NULL, NULL);
}

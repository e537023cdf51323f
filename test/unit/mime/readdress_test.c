/* SPDX-License-Identifier: Apache-2.0 */
/* mime/readdress and its use by mime/submit: only addresses change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mime/limits.h"
#include "mime/submit.h"

/* Senders of "in" become those of "out.example", recipients go to "to.example". */
static bool becomes(const void *ctx, bool sender, struct span address, struct buf *out)
{
	(void)ctx;
	if (!span_ends(address, SPAN("@in")))
		return false;
	buf_add(out, span_sub(address, 0, address.len - 2));
	buf_add(out, sender ? SPAN("out.example") : SPAN("to.example"));
	return buf_ok(out);
}

static const struct mime_rewriting how = {NULL, becomes};

static const struct {
	const char *in, *out; /* NULL: it stays */
} rows[] = {
	{" a@in", " a@out.example"},
	{" a@in, b@x, c@in", " a@out.example, b@x, c@out.example"},
	{" Anna B. <a@in> (home: a@in)", " Anna B. <a@out.example> (home: a@in)"},
	{" \"a@in\" <a@in>", " \"a@in\" <a@out.example>"},
	{" \"a b\"@in", " \"a b\"@out.example"},
	{" \"a\".b@in", " \"a\".b@out.example"},
	{" \"q\\\"@in\" <x@in>", " \"q\\\"@in\" <x@out.example>"},
	{" =?utf-8?q?a?= <a@in>,\r\n\tb@in", " =?utf-8?q?a?= <a@out.example>,\r\n\tb@out.example"},
	{" friends: a@in, b@in;, c@x", " friends: a@out.example, b@out.example;, c@x"},
	{" <@r,@s:a@in>", " <@r,@s:a@out.example>"},
	{"<a@in>", "<a@out.example>"},
	{" gr\xc3\xbc\xc3\x9f@in", " gr\xc3\xbc\xc3\x9f@out.example"},
	{" a@x", NULL},
	{" a @in", NULL},
	{" a(c)@in", NULL},
	{" @in", NULL},
	{" a@", NULL},
	{" (a@in", NULL},
	{" ((a@in) a@in", NULL},
	{" \"a@in", NULL},
	{" a@[in]", NULL},
	{" a@in\r\n \r\n", NULL},
	{" a@in\n b@in", NULL},
	{" a@in\r b@in", NULL},
	{"", NULL},
};

static void rows_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 4096);
		buf_add(&b, SPAN("From:"));
		bool any = mime_readdress(span_cstr(rows[i].in), true, &how, &b);
		struct span made = span_skip(buf_span(&b), 5);
		if (any != (rows[i].out != NULL) || !span_eq(made, span_cstr(rows[i].out)))
			fail_msg("row %zu gave %.*s", i, SPAN_FMT(made));
		buf_free(&b);
	}
}

static void a_nul_stays(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 4096);
	assert_false(mime_readdress(span_of(" a@in,\0 b", 10), true, &how, &b));
	assert_int_equal(buf_len(&b), 0);
	buf_free(&b);
}

static void a_line_is_not_made_too_long(void **state)
{
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		char value[2000];
		struct buf b;
		/* "a@in" grows by nine bytes. */
		size_t len = MIME_LINE_MAX - 9 - 1 + d;
		memset(value, ' ', len);
		memcpy(value + len - 4, "a@in", 4);
		buf_init(&b, 4096);
		assert_int_equal(mime_readdress(span_of(value, len), true, &how, &b), d < 2);
		buf_free(&b);
	}
}

#define FULL "Date: x\r\nMessage-ID: <o>\r\n"

static const struct {
	const char *in, *prefix, *rest;
} headers[] = {
	{FULL "From: u@in\r\nTo: v@in\r\nSubject: w@in\r\n\r\nu@in",
	 "From: u@out.example\r\nTo: v@to.example\r\n", FULL "Subject: w@in\r\n\r\nu@in"},
	{FULL "From : U <u@in>\r\nreply-to: r@in,\r\n s@in\r\nCC: c@in\r\nBcc: b@in\r\n\r\n",
	 "From: U <u@in>\r\n", NULL},
	/* Somebody else's From: the login is named as it becomes. */
	{FULL "From: w@in\r\nSender: x@in\r\n\r\n",
	 "From: w@out.example\r\nSender: u@out.example\r\n", FULL "\r\n"},
	{FULL "From: w@x\r\nResent-To: v@in\r\n\r\n",
	 "Resent-To: v@to.example\r\nSender: u@out.example\r\n", FULL "From: w@x\r\n\r\n"},
	/* It becomes the login's own address, so no Sender is needed. */
	{FULL "From: u@out.example\r\n\r\n", "", FULL "From: u@out.example\r\n\r\n"},
	/* Signed: all stays. */
	{FULL "From: u@in\r\nTo: v@in\r\nDKIM-Signature: s\r\n\r\n", "",
	 FULL "From: u@in\r\nTo: v@in\r\nDKIM-Signature: s\r\n\r\n"},
	{FULL "arc-seal: s\r\nFrom: u@in\r\n\r\n", "", FULL "arc-seal: s\r\nFrom: u@in\r\n\r\n"},
};

static void headers_are_put_right(void **state)
{
	(void)state;
	const struct mime_submit h = {.login = SPAN("u@in"), .message_id = SPAN("<new@b>"),
				      .date = 1, .rewriting = &how};
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct arena *a = arena_new(1u << 20);
		struct span m = span_cstr(headers[i].in);
		struct mime_edit e;
		struct buf rest;
		uint64_t at = 0;
		buf_init(&rest, 4096);
		assert_int_equal(mime_submit(m, &h, a, &e), MIME_SUBMIT_OK);
		for (size_t c = 0; c < e.cut_count; at = e.cuts[c++].to)
			buf_add(&rest, span_sub(m, at, e.cuts[c].from - at));
		buf_add(&rest, span_skip(m, at));
		if (headers[i].rest == NULL) {
			assert_true(span_eq(e.prefix,
					    SPAN("From: U <u@out.example>\r\nreply-to: r@out.example,\r\n"
						 " s@out.example\r\nCC: c@to.example\r\n")));
			assert_true(span_eq(buf_span(&rest), SPAN(FULL "\r\n")));
		} else if (!span_eq(e.prefix, span_cstr(headers[i].prefix)) ||
			   !span_eq(buf_span(&rest), span_cstr(headers[i].rest))) {
			fail_msg("row %zu gave\n%.*s--\n%.*s", i, SPAN_FMT(e.prefix),
				 SPAN_FMT(buf_span(&rest)));
		}
		/* Who wrote is asked of what was written. */
		assert_true(e.from.count == 1 && !span_ends(e.from.at[0].host, SPAN("to.example")));
		buf_free(&rest);
		arena_free(a);
	}
}

static void the_prefix_has_its_limit(void **state)
{
	(void)state;
	const struct mime_submit h = {.login = SPAN("u@out.example"), .rewriting = &how};
	for (size_t d = 0; d < 3; d++) {
		struct arena *a = arena_new(1u << 20);
		struct mime_edit e;
		struct buf m;
		/* A field without folds has its limit, too: lines of 90 bytes. */
		size_t len = MIME_PREFIX_MAX - sizeof("To: v@to.example\r\n") - 1 + d + 1;
		buf_init(&m, 2 * MIME_PREFIX_MAX);
		buf_add(&m, SPAN(FULL "From: u@out.example\r\nTo: v@in"));
		for (size_t i = 0; i < len; i++) {
			static const char fold[] = "\r\n x";
			size_t k = i % 90;
			/* The last line is never cut in the middle of a fold. */
			buf_addc(&m, len - i + k > 4 && k < 4 && len - i > 3 - k ? fold[k] : 'x');
		}
		buf_add(&m, SPAN("\r\n\r\n"));
		enum mime_submit_result r = mime_submit(buf_span(&m), &h, a, &e);
		assert_int_equal(r, d < 2 ? MIME_SUBMIT_OK : MIME_SUBMIT_TOO_MUCH);
		if (r == MIME_SUBMIT_OK)
			assert_int_equal(e.prefix.len, MIME_PREFIX_MAX - 1 + d);
		buf_free(&m);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_hold),
		cmocka_unit_test(a_nul_stays),
		cmocka_unit_test(a_line_is_not_made_too_long),
		cmocka_unit_test(headers_are_put_right),
		cmocka_unit_test(the_prefix_has_its_limit),
	};
	return cmocka_run_group_tests_name("mime/readdress", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mime/submit and mime/trace: what is added, what is cut, what is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "mime/limits.h"
#include "mime/submit.h"
#include "mime/trace.h"

static const struct mime_submit how = {
	.login = SPAN_INIT("u@b.example"), .message_id = SPAN_INIT("<new@b>"), .date = 1,
};

/* The message as it will be stored. */
static enum mime_submit_result edit(const struct mime_submit *h, struct span m, struct buf *out,
				    size_t *from_fields, size_t *from_count)
{
	struct arena *a = arena_new(1u << 20);
	struct mime_edit e;
	enum mime_submit_result r = mime_submit(m, h, a, &e);
	uint64_t at = 0;
	buf_clear(out);
	if (r == MIME_SUBMIT_OK) {
		buf_add(out, e.prefix);
		for (size_t i = 0; i < e.cut_count; i++) {
			assert_true(e.cuts[i].from >= at && e.cuts[i].to > e.cuts[i].from);
			buf_add(out, span_sub(m, at, e.cuts[i].from - at));
			at = e.cuts[i].to;
		}
		buf_add(out, span_skip(m, at));
		*from_fields = e.from_fields;
		*from_count = e.from.count;
	}
	arena_free(a);
	return r;
}

#define DATE "Date: Thu, 01 Jan 1970 00:00:01 +0000\r\n"
#define ID   "Message-ID: <new@b>\r\n"
#define FULL "Date: x\r\nMessage-ID: <o>\r\n"

static const struct {
	bool retain;
	const char *in, *out;
} rows[] = {
	{false, "From: u@b.example\r\n\r\nx", DATE ID "From: u@b.example\r\n\r\nx"},
	{false, FULL "From: U <u@B.Example>\r\n\r\nx", FULL "From: U <u@B.Example>\r\n\r\nx"},
	{false, FULL "From: u@b.example\r\nBcc: a@b\r\nTo: c@d\r\n\r\nBcc: body\r\n",
	 FULL "From: u@b.example\r\nTo: c@d\r\n\r\nBcc: body\r\n"},
	{false, FULL "bcc: a@b,\r\n c@d\r\nBCC :\r\nResent-Bcc: x\r\nFrom: u@b.example\r\n\r\n",
	 FULL "From: u@b.example\r\n\r\n"},
	{false, FULL "From: other@b.example\r\n\r\n",
	 "Sender: u@b.example\r\n" FULL "From: other@b.example\r\n\r\n"},
	{false, FULL "Sender: x@y\r\nFrom: other@b.example\r\n\r\n",
	 "Sender: u@b.example\r\n" FULL "From: other@b.example\r\n\r\n"},
	{false, FULL "Sender: x@y\r\nFrom: u@b.example\r\nBcc: z\r\n\r\n",
	 FULL "From: u@b.example\r\n\r\n"},
	{false, FULL "Bcc: z\r\nFrom: u@b.example\r\nSender: x@y\r\nBcc: z\r\n\r\n",
	 FULL "From: u@b.example\r\n\r\n"},
	{true, FULL "Sender: x@y\r\nFrom: other@b.example\r\n\r\n",
	 FULL "Sender: x@y\r\nFrom: other@b.example\r\n\r\n"},
	{true, FULL "From: other@b.example\r\n\r\n", FULL "From: other@b.example\r\n\r\n"},
	{false, FULL "From: u@b.example, v@b.example\r\n\r\n",
	 "Sender: u@b.example\r\n" FULL "From: u@b.example, v@b.example\r\n\r\n"},
	{false, "\r\nbody", DATE ID "Sender: u@b.example\r\n\r\nbody"},
};

static void rows_hold(void **state)
{
	(void)state;
	struct buf out;
	size_t fields, count;
	buf_init(&out, 1u << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mime_submit h = how;
		h.retain_sender = rows[i].retain;
		assert_int_equal(edit(&h, span_cstr(rows[i].in), &out, &fields, &count), MIME_SUBMIT_OK);
		if (!span_eq(buf_span(&out), span_cstr(rows[i].out)))
			fail_msg("row %zu gave\n%.*s", i, SPAN_FMT(buf_span(&out)));
	}
	assert_int_equal(edit(&how, SPAN("From: a@b\r\nFrom: c@d, e@f\r\n\r\n"), &out, &fields, &count),
			 MIME_SUBMIT_OK);
	assert_int_equal(fields, 2);
	assert_int_equal(count, 1);
	buf_free(&out);
}

static void limits(void **state)
{
	(void)state;
	struct buf m, out;
	size_t fields, count;
	buf_init(&m, 4u << 20);
	buf_init(&out, 4u << 20);
	for (size_t d = 0; d < 3; d++) {
		buf_clear(&m);
		for (size_t i = 0; i < MIME_CUTS_MAX - 1 + d; i++)
			buf_add(&m, SPAN("Bcc: a\r\nX: y\r\n"));
		assert_int_equal(edit(&how, buf_span(&m), &out, &fields, &count),
				 d < 2 ? MIME_SUBMIT_OK : MIME_SUBMIT_TOO_MUCH);
		buf_clear(&m);
		for (size_t i = 0; i < MIME_FIELDS_MAX - 1 + d; i++)
			buf_add(&m, SPAN("X: y\r\n"));
		assert_int_equal(edit(&how, buf_span(&m), &out, &fields, &count),
				 d < 2 ? MIME_SUBMIT_OK : MIME_SUBMIT_TOO_MUCH);
		char id[MIME_PREFIX_MAX];
		memset(id, 'i', sizeof id);
		struct mime_submit h = how;
		h.message_id = span_of(id, MIME_PREFIX_MAX - 14 - sizeof("Sender: u@b.example\r\n") - 1 + 1 + d);
		assert_int_equal(edit(&h, SPAN("Date: x\r\n\r\n"), &out, &fields, &count),
				 d < 2 ? MIME_SUBMIT_OK : MIME_SUBMIT_TOO_MUCH);
	}
	buf_free(&m);
	buf_free(&out);
}

static void traces(void **state)
{
	(void)state;
	struct span m = SPAN("Received: a\r\n\tb\r\nDelivered-To: x@B.Example\r\nreceived: c\r\n"
			     "Delivered-To:  y@z\r\n\r\nReceived: no\r\nDelivered-To: q@q\r\n");
	assert_int_equal(mime_trace_received(m), 2);
	assert_true(mime_trace_delivered(m, SPAN("x@b.example")));
	assert_true(mime_trace_delivered(m, SPAN("y@z")));
	assert_false(mime_trace_delivered(m, SPAN("X@b.example")));
	assert_false(mime_trace_delivered(m, SPAN("q@q")));
	assert_int_equal(mime_trace_received(SPAN("")), 0);
	assert_true(mime_trace_tls_optional(SPAN("A: b\r\ntls-required: nO \r\n\r\nx")));
	assert_true(mime_trace_tls_optional(SPAN("TLS-Required:\r\n No\r\n")));
	assert_false(mime_trace_tls_optional(SPAN("TLS-Required: Yes\r\n\r\n")));
	assert_false(mime_trace_tls_optional(SPAN("TLS-Required: No\r\nTLS-Required: No\r\n\r\n")));
	assert_false(mime_trace_tls_optional(SPAN("TLS-Required: No, no\r\n\r\n")));
	assert_false(mime_trace_tls_optional(SPAN("A: b\r\n\r\nTLS-Required: No\r\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_hold),
		cmocka_unit_test(limits),
		cmocka_unit_test(traces),
	};
	return cmocka_run_group_tests_name("mime/submit", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* smtp/received: exact lines, and nothing of the peer that could break one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smtp/received.h"

static void everything_known(void **state)
{
	(void)state;
	struct smtp_path to;
	assert_int_equal(smtp_address_parse(SPAN("c@d.example"), &to), SMTP_PATH_OK);
	struct smtp_received r = {
		.hello = SPAN("c.example"), .ip = SPAN("2001:db8::1"),
		.rdns = SPAN("host.c.example"), .by = SPAN("mx.example.test"), .id = SPAN("m1"),
		.extended = true, .secure = true, .authenticated = true,
		.tls_version = SPAN("TLSv1.3"), .tls_suite = SPAN("TLS_AES_256_GCM_SHA384"),
		.for_rcpt = &to, .date = 1795318361,
	};
	struct buf b;
	buf_init(&b, SMTP_TRACE_MAX);
	smtp_received_write(&b, &r);
	assert_true(span_eq(buf_span(&b),
		SPAN("Received: from c.example (host.c.example [IPv6:2001:db8::1])\r\n"
		     "\tby mx.example.test with ESMTPSA\r\n"
		     "\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
		     "\tid m1\r\n\tfor <c@d.example>;\r\n"
		     "\tSun, 22 Nov 2026 03:32:41 +0000\r\n")));
	buf_clear(&b);
	r = (struct smtp_received){.ip = SPAN("192.0.2.1"), .by = SPAN("b"), .id = SPAN("i")};
	smtp_received_write(&b, &r);
	assert_true(span_eq(buf_span(&b),
		SPAN("Received: from unknown ([192.0.2.1])\r\n\tby b with SMTP\r\n"
		     "\tid i;\r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n")));
	buf_clear(&b);
	smtp_return_path_write(&b, &(struct smtp_path){.null = true});
	smtp_delivered_to_write(&b, &to);
	assert_true(span_eq(buf_span(&b), SPAN("Return-Path: <>\r\nDelivered-To: c@d.example\r\n")));
	buf_free(&b);
}

static void hostile_words_stay_words(void **state)
{
	(void)state;
	struct smtp_received r = {.hello = SPAN("a\r\nX: (\0<b>\xff;"), .ip = SPAN("::1)\r\n"),
				  .by = SPAN("b"), .id = SPAN("i")};
	struct buf b;
	buf_init(&b, SMTP_TRACE_MAX);
	smtp_received_write(&b, &r);
	assert_true(span_starts(buf_span(&b),
		SPAN("Received: from a??X:????b?\xff? ([IPv6:::1???])\r\n\tby b")));
	buf_free(&b);
}

static void keywords(void **state)
{
	(void)state;
	struct smtp_received r = {.extended = true};
	assert_string_equal(smtp_with(&r), "ESMTP");
	r.secure = true;
	assert_string_equal(smtp_with(&r), "ESMTPS");
	r.utf8 = true;
	assert_string_equal(smtp_with(&r), "UTF8SMTPS");
	r.lmtp = true;
	assert_string_equal(smtp_with(&r), "UTF8LMTPS");
	r = (struct smtp_received){.extended = true, .authenticated = true};
	assert_string_equal(smtp_with(&r), "ESMTPA");
}

static void the_largest_fits(void **state)
{
	(void)state;
	struct smtp_path p = {.local_len = SMTP_LOCAL_MAX, .domain_len = SMTP_DOMAIN_MAX};
	memset(p.local, '"', sizeof p.local);
	memset(p.domain, 'd', sizeof p.domain);
	char word[512];
	memset(word, 'w', sizeof word);
	struct span w = span_of(word, sizeof word);
	struct smtp_received r = {.hello = w, .ip = w, .rdns = w, .by = w, .id = w,
				  .secure = true, .extended = true, .tls_version = w,
				  .tls_suite = w, .for_rcpt = &p};
	struct buf b;
	buf_init(&b, SMTP_TRACE_MAX);
	smtp_return_path_write(&b, &p);
	smtp_delivered_to_write(&b, &p);
	smtp_received_write(&b, &r);
	assert_true(buf_ok(&b));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_known),
		cmocka_unit_test(hostile_words_stay_words),
		cmocka_unit_test(keywords),
		cmocka_unit_test(the_largest_fits),
	};
	return cmocka_run_group_tests_name("smtp/received", tests, NULL, NULL);
}

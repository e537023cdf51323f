/* SPDX-License-Identifier: Apache-2.0 */
/* dsn/read: reports as others write them, broken ones, and the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dsn/read.h"
#include "mime/parse.h"

struct reading {
	struct arena *arena;
	struct dsn_report report;
	enum dsn_reading result;
};

static struct reading read_text(struct span text)
{
	struct reading r = {.arena = arena_new(DSN_READ_ARENA)};
	assert_non_null(r.arena);
	r.result = dsn_read(text, r.arena, &r.report);
	return r;
}

static bool is(struct span s, const char *want)
{
	return want == NULL ? s.ptr == NULL : s.ptr != NULL && span_eq(s, span_cstr(want));
}

static void a_whole_report(void **state)
{
	(void)state;
	struct reading r = read_text(SPAN(
		"Original-Envelope-Id: id 12\r\nReporting-MTA: dns; mx.example.org\r\n"
		"Arrival-Date: Sun, 22 Nov 2026 03:18:41 +0000\r\n\r\n"
		"Original-Recipient: rfc822;Bob@example.org\r\n"
		"Final-Recipient: rfc822; bob@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
		"Remote-MTA: dns; mx.example.org\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n no; user\r\n\r\n"
		"Final-Recipient: utf-8; b\\x{F6}b@example.org\r\nACTION: Delayed (still)\r\n"
		"Status: 4.4.1 (no answer)\r\n"));
	assert_int_equal(r.result, DSN_READ_OK);
	assert_int_equal(r.report.count, 2);
	assert_int_equal(r.report.broken, 0);
	assert_true(is(r.report.envid, "id 12") && is(r.report.reporting, "mx.example.org"));
	const struct dsn_told *t = r.report.at;
	assert_true(is(t[0].final, "bob@example.org") && is(t[0].original, "Bob@example.org"));
	assert_true(is(t[0].remote, "mx.example.org") && is(t[0].diagnostic, "550 5.1.1 no; user"));
	assert_int_equal(t[0].action, DSN_FAILED);
	assert_int_equal(t[0].status.kind * 100 + t[0].status.subject * 10 + t[0].status.detail, 511);
	assert_true(is(t[1].final, "b\xc3\xb6" "b@example.org") && is(t[1].original, NULL));
	assert_int_equal(t[1].action, DSN_DELAYED);
	assert_true(t[1].has_status && t[1].status.kind == 4);
	arena_free(r.arena);
}

static void what_others_get_wrong(void **state)
{
	(void)state;
	/* LF alone, empty lines in number, no type, no recipient, no action, twice, NUL. */
	struct reading r = read_text(SPAN(
		"\n\nReporting-MTA: mx\n\n\n\nFinal-Recipient: a@b\nAction: relayed\nAction: failed\n"
		"Final-Recipient: rfc822; c@d\n\nAction: failed\n\nFinal-Recipient: rfc822; e@f\n\n"
		"Final-Recipient: rfc822; g@h\nAction: eaten\n\nno field at all\n\n"
		"Final-Recipient: rfc822; i\0j\xff\nAction: expanded;x\nStatus: 5.1\n"));
	assert_int_equal(r.result, DSN_READ_OK);
	assert_int_equal(r.report.count, 2);
	assert_int_equal(r.report.broken, 3);
	assert_true(is(r.report.at[0].final, "a@b"));
	assert_int_equal(r.report.at[0].action, DSN_RELAYED);
	assert_false(r.report.at[0].has_status);
	assert_true(is(r.report.at[1].final, "i j\xef\xbf\xbd"));
	assert_int_equal(r.report.at[1].action, DSN_EXPANDED);
	assert_false(r.report.at[1].has_status);
	arena_free(r.arena);
	r = read_text(SPAN(""));
	assert_int_equal(r.result, DSN_READ_NOTHING);
	arena_free(r.arena);
	r = read_text(SPAN("Final-Recipient: rfc822; a@b\r\nAction: failed\r\n"));
	assert_int_equal(r.result, DSN_READ_NOTHING); /* the first group is the message's */
	arena_free(r.arena);
}

#define GROUP "\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\n"

static struct reading many(size_t n)
{
	struct buf b;
	buf_init(&b, DSN_READ_MAX);
	buf_add(&b, SPAN("Reporting-MTA: dns; mx\r\n"));
	for (size_t i = 0; i < n; i++)
		buf_add(&b, SPAN(GROUP));
	assert_true(buf_ok(&b));
	struct reading r = read_text(buf_span(&b));
	buf_free(&b);
	return r;
}

static void recipients(void **state)
{
	(void)state;
	for (size_t n = DSN_READ_RECIPIENTS - 1; n <= DSN_READ_RECIPIENTS + 1; n++) {
		struct reading r = many(n);
		assert_int_equal(r.result, DSN_READ_OK);
		assert_int_equal(r.report.count, n > DSN_READ_RECIPIENTS ? DSN_READ_RECIPIENTS : n);
		assert_int_equal(r.report.cut, n > DSN_READ_RECIPIENTS);
		arena_free(r.arena);
	}
}

static void values(void **state)
{
	(void)state;
	for (size_t n = DSN_READ_VALUE - 1; n <= DSN_READ_VALUE + 1; n++) {
		struct buf b;
		buf_init(&b, 8192);
		buf_add(&b, SPAN("Original-Envelope-Id:"));
		for (size_t i = 0; i < n; i++)
			buf_addc(&b, 'x');
		buf_add(&b, SPAN("\r\n" GROUP));
		struct reading r = read_text(buf_span(&b));
		assert_int_equal(r.report.envid.len, n > DSN_READ_VALUE ? DSN_READ_VALUE : n);
		arena_free(r.arena);
		buf_free(&b);
	}
}

static void size_of_the_part(void **state)
{
	(void)state;
	for (size_t n = DSN_READ_MAX - 1; n <= DSN_READ_MAX + 1; n++) {
		struct buf b;
		buf_init(&b, 2 * DSN_READ_MAX);
		buf_add(&b, SPAN("A: b\r\n" GROUP "X: "));
		while (buf_len(&b) < n)
			buf_addc(&b, 'x');
		struct reading r = read_text(buf_span(&b));
		assert_int_equal(r.result, DSN_READ_OK);
		assert_int_equal(r.report.cut, n > DSN_READ_MAX);
		arena_free(r.arena);
		buf_free(&b);
	}
}

static bool found(struct span message)
{
	struct mime_parser *p = mime_parser_new(NULL);
	assert_non_null(p);
	mime_parser_feed(p, message);
	struct summary *s = mime_parser_end(p);
	assert_non_null(s);
	bool is_report = dsn_find(s) != NULL;
	mime_parser_free(p);
	return is_report;
}

static void which_part_it_is(void **state)
{
	(void)state;
#define REPORT(type) "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n" \
	"Content-Type: " type "\r\n\r\nA: b\r\n--b--\r\n"
	assert_true(found(SPAN(REPORT("message/delivery-status"))));
	assert_true(found(SPAN(REPORT("Message/Global-Delivery-Status"))));
	assert_false(found(SPAN(REPORT("message/disposition-notification"))));
	assert_false(found(SPAN("Content-Type: message/delivery-status\r\n\r\nA: b\r\n")));
	assert_false(found(SPAN("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
				"Content-Type: message/delivery-status\r\n\r\nA: b\r\n--b--\r\n")));
	assert_false(found(SPAN("")));
}

static void memory(void **state)
{
	(void)state;
	struct arena *a = arena_new(512);
	struct dsn_report r;
	assert_non_null(a);
	assert_int_equal(dsn_read(SPAN("A: b\r\n" GROUP), a, &r), DSN_READ_MEMORY);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_report), cmocka_unit_test(what_others_get_wrong),
		cmocka_unit_test(recipients),	  cmocka_unit_test(values),
		cmocka_unit_test(size_of_the_part), cmocka_unit_test(which_part_it_is),
		cmocka_unit_test(memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

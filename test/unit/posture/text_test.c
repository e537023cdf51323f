/* SPDX-License-Identifier: Apache-2.0 */
/* Records as text are taken apart, and what is no record is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "posture/text.h"

static void test_record(void **state)
{
	struct posture_record r;
	(void)state;
	assert_true(posture_record_read(SPAN("a.example. 300 IN MX 10 mx.example."), &r));
	assert_true(span_eq(r.name, SPAN("a.example.")));
	assert_true(span_eq(r.type, SPAN("MX")));
	assert_true(span_eq(r.data, SPAN("10 mx.example.")));
	assert_int_equal(r.ttl, 300);
	assert_true(posture_record_read(SPAN("a. 4294967295 in A"), &r));
	assert_int_equal(r.data.len, 0);
	assert_false(posture_record_read(SPAN("a. 4294967296 IN A 1"), &r));
	assert_false(posture_record_read(SPAN("a. x IN A 1"), &r));
	assert_false(posture_record_read(SPAN("a. 1 CH A 1"), &r));
	assert_false(posture_record_read(SPAN("a. 1 IN"), &r));
	assert_false(posture_record_read(SPAN(""), &r));
}

static bool rdata(struct arena *a, struct span data, struct span *out)
{
	bool full = false;
	bool ok = posture_txt_rdata(a, data, out, &full);
	assert_false(full);
	return ok;
}

static void test_strings(void **state)
{
	struct arena *a = arena_new(1u << 20);
	struct span s, text;
	(void)state;
	assert_true(rdata(a, SPAN("\"v=spf1\" \" mx \" \"\""), &s));
	assert_true(span_eq(s, SPAN("\6v=spf1\4 mx \0")));
	assert_true(posture_txt_join(a, s, &text));
	assert_true(span_eq(text, SPAN("v=spf1 mx ")));
	assert_true(rdata(a, SPAN("\"a\\\"b\\\\c\\065\\255\""), &s));
	assert_true(span_eq(s, SPAN("\7a\"b\\cA\xff")));
	static const char *const wrong[] = {"", "a", "\"", "\"a", "\"a\\\"", "\"a\\",
					    "\"a\\0\"", "\"a\\256\"", "\"a\" b",
					    "\\# 4 c0000201"};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(rdata(a, span_cstr(wrong[i]), &s));
	arena_free(a);
}

/* 255 bytes are a string, 256 are none. */
static void test_limit(void **state)
{
	char text[260];
	struct arena *a = arena_new(1u << 20);
	struct span s;
	(void)state;
	memset(text, 'x', sizeof text);
	text[0] = '"';
	for (size_t n = 254; n <= 256; n++) {
		text[n + 1] = '"';
		assert_int_equal(rdata(a, span_of(text, n + 2), &s), n <= 255);
		text[n + 1] = 'x';
	}
	arena_free(a);
}

static void test_memory(void **state)
{
	struct arena *a = arena_new(16);
	struct span s;
	bool full = false;
	(void)state;
	assert_false(posture_txt_rdata(a, SPAN("\"0123456789012345678\""), &s, &full));
	assert_true(full);
	arena_free(a);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(posture_same_name(SPAN("MX.example."), SPAN("mx.example")));
	assert_false(posture_same_name(SPAN("mx.example"), SPAN("mx.example.org")));
	assert_true(posture_same_name(SPAN("."), SPAN(".")));
	assert_false(posture_same_name(SPAN("."), SPAN("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record), cmocka_unit_test(test_strings),
		cmocka_unit_test(test_limit),  cmocka_unit_test(test_memory),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

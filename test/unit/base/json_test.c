/* SPDX-License-Identifier: Apache-2.0 */
/* base/json: values, what is none, the limits, and text quoted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(64u << 20);
	return arena == NULL;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static const struct json *must(const char *text)
{
	const struct json *v = json_read(arena, span_cstr(text));
	if (v == NULL)
		fail_msg("not read: %s", text);
	return v;
}

static void assert_text(struct buf *b, const char *wanted)
{
	struct span s = buf_span(b);
	char got[4096];
	snprintf(got, sizeof got, "%.*s", SPAN_FMT(s));
	assert_string_equal(got, wanted);
	buf_clear(b);
}

static void json_values(void **state)
{
	const struct json *v = must(" {\"a\" : [1,-2.5e+3, \"x\\n\\u00e9"
				    "\\ud83d\\ude00\"],\"b\":true,\"c\":null,"
				    "\"d\":18446744073709551615,\"e\":{}} ");
	(void)state;
	assert_int_equal(v->kind, JSON_OBJECT);
	const struct json *list = json_member(v, "a");
	assert_int_equal(list->kind, JSON_LIST);
	assert_true(span_eq(list->first->next->text, SPAN("-2.5e+3")));
	assert_true(span_eq(list->first->next->next->text,
			    SPAN("x\n\xc3\xa9\xf0\x9f\x98\x80")));
	assert_true(json_member(v, "b")->truth);
	assert_int_equal(json_member(v, "c")->kind, JSON_NULL);
	assert_int_equal(json_u64(v, "d"), UINT64_MAX);
	assert_null(json_member(v, "e")->first);
	assert_null(json_member(v, "z"));
	assert_int_equal(json_u64(v, "z"), 0);
	assert_int_equal(json_text(NULL, "z").len, 0);
}

static void json_wrong(void **state)
{
	static const char *const bad[] = {
		"",	   "{",	      "[1,]",	   "{\"a\"}",  "{\"a\":1,}",
		"01",	   "-",	      "1.",	   "1e",       "\"\x01\"",
		"\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
		"nul",	   "1 2",     "{a:1}",	   "\"\xff\"", "[1 2]",
		"\"a"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (json_read(arena, span_cstr(bad[i])) != NULL)
			fail_msg("read: %s", bad[i]);
}

/* What other readers disagree about; the first of two members of a name counts. */
static void json_odd(void **state)
{
	enum { DIGITS = 1000000 };
	char *digits = malloc(DIGITS);
	(void)state;
	const struct json *v = must("{\"a\":1,\"a\":2,\"\":3}");
	assert_int_equal(json_u64(v, "a"), 1);
	assert_int_equal(json_u64(v, ""), 3);
	assert_null(json_read(arena, span_of("[\"a\0b\"]", 7)));
	assert_null(json_read(arena, span_of("[1]\0", 4)));
	assert_int_equal(json_u64(must("{\"a\":18446744073709551616}"), "a"), 0);
	assert_int_equal(json_u64(must("{\"a\":-1}"), "a"), 0);
	assert_non_null(digits);
	memset(digits, '9', DIGITS);
	const struct json *n = json_read(arena, span_of(digits, DIGITS));
	assert_non_null(n);
	assert_int_equal(n->text.len, DIGITS);
	free(digits);
}

static bool nested(unsigned depth)
{
	char text[2 * JSON_DEPTH + 8] = "";
	for (unsigned i = 0; i < depth; i++) {
		text[i] = '[';
		text[2 * depth - 1 - i] = ']';
	}
	return json_read(arena, span_of(text, 2 * (size_t)depth)) != NULL;
}

static bool many(size_t values)
{
	struct buf b;
	buf_init(&b, 1u << 20);
	buf_addc(&b, '[');
	for (size_t i = 1; i < values; i++)
		buf_add(&b, i > 1 ? SPAN(",0") : SPAN("0"));
	buf_addc(&b, ']');
	bool ok = json_read(arena, buf_span(&b)) != NULL;
	buf_free(&b);
	return ok;
}

/* The outermost stands at depth 0. */
static void json_limits(void **state)
{
	(void)state;
	assert_true(nested(JSON_DEPTH));
	assert_true(nested(JSON_DEPTH + 1));
	assert_false(nested(JSON_DEPTH + 2));
	assert_true(many(JSON_VALUES - 1));
	assert_true(many(JSON_VALUES));
	assert_false(many(JSON_VALUES + 1));
}

static void quoting(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 1000);
	json_quote(&b, SPAN("a\"b\\c\n\x7f\xc3\xa9\xff"));
	assert_text(&b, "\"a\\\"b\\\\c\\u000a\\u007f\xc3\xa9\\ufffd\"");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(json_values, setup, teardown),
		cmocka_unit_test_setup_teardown(json_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(json_odd, setup, teardown),
		cmocka_unit_test_setup_teardown(json_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(quoting, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into columns, and nothing that acts on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cmd/table.h"

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

static void cells(void **state)
{
	static const struct {
		enum column_kind kind;
		const char *json, *text;
	} cases[] = {
		{COLUMN_TEXT, "\"a\"", "a"},
		{COLUMN_TEXT, "\"\"", "-"},
		{COLUMN_TEXT, "\"\\u001b[31m\\u202e\"", "?[31m?"},
		{COLUMN_COUNT, "17", "17"},
		{COLUMN_SIZE, "0", "0 B"},
		{COLUMN_SIZE, "1023", "1023 B"},
		{COLUMN_SIZE, "1024", "1.0 KiB"},
		{COLUMN_SIZE, "1536", "1.5 KiB"},
		{COLUMN_SIZE, "1048575", "1023.9 KiB"},
		{COLUMN_SIZE, "5368709120", "5.0 GiB"},
		{COLUMN_SIZE, "18446744073709551615", "16383.9 PiB"},
		{COLUMN_LIMIT, "0", "none"},
		{COLUMN_LIMIT, "1024", "1.0 KiB"},
		{COLUMN_TIME, "0", "-"},
		{COLUMN_TIME, "1700000000", "2023-11-14 22:13 UTC"},
		{COLUMN_FLAG, "true", "yes"},
		{COLUMN_FLAG, "false", "no"},
		{COLUMN_LIST, "[\"a\",\"b\"]", "a, b"},
		{COLUMN_LIST, "[]", "-"},
		{COLUMN_TEXT, "null", "-"},
	};
	struct buf b;
	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		table_cell(&b, cases[i].kind, must(cases[i].json));
		assert_text(&b, cases[i].text);
	}
	buf_free(&b);
}

static const struct column columns[] = {
	{"name", "NAME", COLUMN_TEXT},
	{"used", "USED", COLUMN_SIZE},
	{"to", "TO", COLUMN_LIST},
};

static void tables(void **state)
{
	const struct json *rows[] = {
		must("{\"name\":\"\xc3\xa9t\xc3\xa9\",\"used\":5}"),
		must("{\"name\":\"alice\",\"used\":2048,\"to\":[\"a\"]}")};
	struct buf b;
	(void)state;
	buf_init(&b, 4096);
	assert_true(table_render(&b, arena, columns, 3, rows, 2, false));
	assert_text(&b, "NAME      USED  TO\n"
			"\xc3\xa9t\xc3\xa9        5 B  -\n"
			"alice  2.0 KiB  a\n");
	assert_true(table_render(&b, arena, columns, 1, rows, 1, true));
	assert_text(&b, "\x1b[1mNAME  \x1b[0m\n\xc3\xa9t\xc3\xa9\n");
	table_render_one(&b, columns, 3, rows[1]);
	assert_text(&b, "NAME: alice\nUSED: 2.0 KiB\nTO:   a\n");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cells, setup, teardown),
		cmocka_unit_test_setup_teardown(tables, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

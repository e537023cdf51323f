/* SPDX-License-Identifier: Apache-2.0 */
/* conf/lex: places, escapes and line ends. */
#include "help.h"

#include "conf/lex.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(65536);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void expect(struct conf_lexer *l, enum conf_token_kind kind,
		   const char *text, uint32_t line, uint32_t column)
{
	struct conf_token t = conf_lex(l);
	assert_int_equal(t.kind, kind);
	if (text)
		assert_true(span_eq(t.text, span_cstr(text)));
	assert_int_equal(t.line, line);
	assert_int_equal(t.column, column);
}

static void tokens_know_their_place(void **state)
{
	(void)state;
	struct conf_lexer l;
	conf_lex_init(&l, SPAN("a b;# c\r\n\t\"x \\\" \\\\\"{\n}"), arena);
	expect(&l, CONF_T_WORD, "a", 1, 1);
	expect(&l, CONF_T_WORD, "b", 1, 3);
	expect(&l, CONF_T_SEMICOLON, ";", 1, 4);
	expect(&l, CONF_T_STRING, "x \" \\", 2, 2);
	expect(&l, CONF_T_OPEN, "{", 2, 11);
	expect(&l, CONF_T_CLOSE, "}", 3, 1);
	expect(&l, CONF_T_END, NULL, 3, 2);
	expect(&l, CONF_T_END, NULL, 3, 2);
}

static void a_fault_costs_one_line(void **state)
{
	(void)state;
	struct conf_lexer l;
	conf_lex_init(&l, SPAN("\"open\nnext \rx\nz"), arena);
	expect(&l, CONF_T_BAD, NULL, 1, 1);
	expect(&l, CONF_T_WORD, "next", 2, 1);
	expect(&l, CONF_T_BAD, NULL, 2, 6);
	expect(&l, CONF_T_WORD, "z", 3, 1);
	expect(&l, CONF_T_END, NULL, 3, 2);
}

static void strings_hold_utf8_and_nothing_else(void **state)
{
	(void)state;
	static const char *const good[] = {"\"\xc3\xa9\"", "\"\xe2\x82\xac\"",
					   "\"\xf0\x9f\x93\xa7\"",
					   "\"\xed\x9f\xbf\""};
	static const char *const bad[] = {
		"\"\xc1\xbf\"", "\"\xe0\x9f\xbf\"", "\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"", "\"\xf0\x8f\xbf\xbf\"", "\"\x80\"",
		"\"\xe2\x82\"", "\"\x7f\"", "\"\x01\""};
	struct conf_lexer l;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		conf_lex_init(&l, span_cstr(good[i]), arena);
		assert_int_equal(conf_lex(&l).kind, CONF_T_STRING);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		conf_lex_init(&l, span_cstr(bad[i]), arena);
		assert_int_equal(conf_lex(&l).kind, CONF_T_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_know_their_place),
		cmocka_unit_test(a_fault_costs_one_line),
		cmocka_unit_test(strings_hold_utf8_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

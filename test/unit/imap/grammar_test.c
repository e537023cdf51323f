/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/imap/grammar: names, patterns, sets and words on their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "imap/lex.h"
#include "imap/name.h"
#include "imap/pattern.h"
#include "imap/set.h"
#include "imap/utf7.h"

static struct arena *arena;

static int begin(void **state UNUSED)
{
	arena = arena_new(64u << 20);
	return arena == NULL;
}

static int end(void **state UNUSED)
{
	arena_free(arena);
	return 0;
}

static void utf7(void **state UNUSED)
{
	static const struct {
		const char *wire, *utf8;
	} good[] = {
		{"", ""},
		{"a&-b", "a&b"},
		{"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e"},
		{"&2D3eAA-", "\U0001f600"},
		{"&AOk-&-", "\u00e9&"},
		{"&AAo-", "\n"},
	};
	static const char *const bad[] = {
		"&", "&AOk", "&AOk-&AOg-", "&AGE-", "&2D0-", "&3gA-", "&AOl-", "&A-",
		"&AO-", "\x80", "a\x01", "&A=k-", "&////-",
	};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct span out;
		assert_true(imap_utf7_decode(arena, span_cstr(good[i].wire), &out));
		assert_true(span_eq(out, span_cstr(good[i].utf8)));
		assert_true(imap_utf7_encode(arena, span_cstr(good[i].utf8), &out));
		assert_true(span_eq(out, span_cstr(good[i].wire)));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct span out;
		if (imap_utf7_decode(arena, span_cstr(bad[i]), &out))
			fail_msg("decoded: %s", bad[i]);
	}
	struct span out;
	assert_false(imap_utf7_encode(arena, SPAN("\xc0\xaf"), &out));
}

static void pattern(void **state UNUSED)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} rows[] = {
		{"*", "a/b", true},         {"%", "a/b", false},
		{"%", "ab", true},          {"a*", "a/b", true},
		{"a/%", "a/b", true},       {"a/%", "a/b/c", false},
		{"%/b", "a/b", true},       {"*b", "a/bab", true},
		{"*b%", "a/b/c", false},    {"%*%", "a/b", true},
		{"*%*%*%*", "", true},      {"", "", true},
		{"", "a", false},           {"inbox", "INBOX", true},
		{"InBoX/a", "INBOX/a", true}, {"inbox/A", "INBOX/a", false},
		{"foo", "FOO", false},      {"a%c%e", "abcde", true},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct imap_pattern *p = imap_pattern_new(arena, span_cstr(rows[i].pattern));
		assert_non_null(p);
		assert_int_equal(imap_pattern_match(p, span_cstr(rows[i].name)), rows[i].match);
	}
}

/* Threat 133: as many wildcards as fit, against the longest name. */
static void pattern_limits(void **state UNUSED)
{
	char text[2 * IMAP_PATTERN_MAX], name[IMAP_NAME_MAX];
	memset(name, 'a', sizeof name);
	for (size_t i = 0; i + 1 < sizeof text; i += 2) {
		text[i] = 'a';
		text[i + 1] = i % 4 ? '*' : '%';
	}
	for (size_t n = IMAP_PATTERN_MAX - 1; n <= IMAP_PATTERN_MAX + 1; n++) {
		struct imap_pattern *p = imap_pattern_new(arena, span_of(text, n));
		assert_int_equal(p != NULL, n <= IMAP_PATTERN_MAX);
		for (int i = 0; p != NULL && i < 1000; i++)
			assert_true(imap_pattern_match(p, span_of(name, sizeof name)));
	}
	/* A run of wildcards is one. */
	memset(text, '*', sizeof text);
	assert_non_null(imap_pattern_new(arena, span_of(text, sizeof text)));
}

static enum imap_name_result name(size_t len, size_t levels)
{
	char text[2 * IMAP_NAME_MAX];
	struct span out;
	memset(text, 'a', sizeof text);
	for (size_t i = 1; i < levels; i++)
		text[2 * i - 1] = '/';
	return imap_name_parse(arena, span_of(text, len), &out);
}

static void name_limits(void **state UNUSED)
{
	struct span out;
	assert_int_equal(name(IMAP_NAME_MAX - 1, 1), IMAP_NAME_OK);
	assert_int_equal(name(IMAP_NAME_MAX, 1), IMAP_NAME_OK);
	assert_int_equal(name(IMAP_NAME_MAX + 1, 1), IMAP_NAME_LONG);
	assert_int_equal(name(200, IMAP_LEVELS_MAX - 1), IMAP_NAME_OK);
	assert_int_equal(name(200, IMAP_LEVELS_MAX), IMAP_NAME_OK);
	assert_int_equal(name(200, IMAP_LEVELS_MAX + 1), IMAP_NAME_LONG);
	assert_int_equal(imap_name_parse(arena, SPAN("inbox/Foo"), &out), IMAP_NAME_OK);
	assert_true(span_eq(out, SPAN("INBOX/Foo")));
	assert_int_equal(imap_name_parse(arena, SPAN("inboxes"), &out), IMAP_NAME_OK);
	assert_true(span_eq(out, SPAN("inboxes")));
	assert_int_equal(imap_name_parse(arena, SPAN("/"), &out), IMAP_NAME_BAD);
	assert_int_equal(imap_name_parse(arena, SPAN("a//"), &out), IMAP_NAME_BAD);
	assert_int_equal(imap_name_parse(arena, SPAN("../x"), &out), IMAP_NAME_BAD);
	assert_int_equal(imap_name_parse(arena, SPAN("a/./b"), &out), IMAP_NAME_BAD);
	assert_int_equal(imap_name_parse(arena, SPAN("a/.."), &out), IMAP_NAME_BAD);
	assert_int_equal(imap_name_parse(arena, SPAN("a/.../.b"), &out), IMAP_NAME_OK);
}

static void set_parse(void **state UNUSED)
{
	static const struct {
		const char *text;
		uint32_t star;
		enum imap_set_result result;
		uint64_t size;
	} rows[] = {
		{"1", 9, IMAP_SET_OK, 1},       {"2,4:7,9,12:*", 15, IMAP_SET_OK, 10},
		{"*:4,5:7", 10, IMAP_SET_OK, 7}, {"3:1", 9, IMAP_SET_OK, 3},
		{"1:*", 0, IMAP_SET_OK, 1},     {"*", 0, IMAP_SET_OK, 0},
		{"4294967295", 9, IMAP_SET_OK, 1}, {"4294967296", 9, IMAP_SET_BAD, 0},
		{"0", 9, IMAP_SET_BAD, 0},      {"01", 9, IMAP_SET_BAD, 0},
		{"", 9, IMAP_SET_BAD, 0},       {"1,", 9, IMAP_SET_BAD, 0},
		{"1:", 9, IMAP_SET_BAD, 0},     {":1", 9, IMAP_SET_BAD, 0},
		{"1:2:3", 9, IMAP_SET_BAD, 0},  {"**", 9, IMAP_SET_BAD, 0},
		{"1:4294967295", 9, IMAP_SET_OK, 4294967295u},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct imap_set set;
		imap_set_init(&set, arena);
		assert_int_equal(imap_set_parse(span_cstr(rows[i].text), rows[i].star, &set),
				 rows[i].result);
		if (rows[i].result == IMAP_SET_OK)
			assert_int_equal(imap_set_size(&set), rows[i].size);
	}
	for (size_t n = IMAP_SET_MAX - 1; n <= IMAP_SET_MAX + 1; n++) {
		struct imap_set set;
		char *text = malloc(2 * n);
		for (size_t i = 0; i < n; i++)
			memcpy(text + 2 * i, "7,", 2);
		imap_set_init(&set, arena);
		assert_int_equal(imap_set_parse(span_of(text, 2 * n - 1), 9, &set),
				 n <= IMAP_SET_MAX ? IMAP_SET_OK : IMAP_SET_LONG);
		free(text);
	}
}

/* Against a plain array of truth values. */
static void set_model(void **state UNUSED)
{
	uint32_t seed = 1;
	for (int round = 0; round < 200; round++) {
		bool in[2][64] = {0};
		struct imap_set s[2], both, less;
		for (int k = 0; k < 2; k++) {
			imap_set_init(&s[k], arena);
			for (int i = 0; i < 8; i++) {
				seed = seed * 1103515245u + 12345u;
				uint32_t from = 1 + (seed >> 16) % 60;
				uint32_t to = from + (seed >> 8) % 3;
				assert_true(imap_set_add(&s[k], from, to));
				for (uint32_t n = from; n <= to; n++)
					in[k][n] = true;
			}
			imap_set_sort(&s[k]);
		}
		imap_set_init(&both, arena);
		imap_set_init(&less, arena);
		assert_true(imap_set_and(&s[0], &s[1], &both));
		assert_true(imap_set_minus(&s[0], &s[1], &less));
		struct imap_cursor cursor = {.set = &s[0]};
		uint32_t rank = 0;
		for (uint32_t n = 1; n < 64; n++) {
			rank += in[0][n];
			assert_int_equal(imap_set_has(&s[0], n), in[0][n]);
			assert_int_equal(imap_set_has(&both, n), in[0][n] && in[1][n]);
			assert_int_equal(imap_set_has(&less, n), in[0][n] && !in[1][n]);
			assert_int_equal(imap_set_rank(&s[0], n), rank);
			if (in[0][n]) {
				assert_int_equal(imap_cursor_rank(&cursor, n), rank);
				assert_int_equal(imap_set_nth(&s[0], rank), n);
				assert_int_equal(imap_set_next(&s[0], n), n);
			}
		}
		assert_int_equal(imap_set_nth(&s[0], rank + 1), 0);
		assert_int_equal(imap_set_size(&s[0]), rank);
	}
}

static void lex_words(void **state UNUSED)
{
	struct imap_lex lex = {SPAN("abc \"a\\\"b\\\\c\" {3}\r\nx y NIL (INBOX] \\Seen 1:*"), arena};
	struct span out;
	bool nil;
	assert_true(imap_lex_astring(&lex, &out) && span_eq(out, SPAN("abc")));
	assert_true(imap_lex_space(&lex) && imap_lex_astring(&lex, &out));
	assert_true(span_eq(out, SPAN("a\"b\\c")));
	assert_true(imap_lex_space(&lex) && imap_lex_string(&lex, &out));
	assert_true(span_eq(out, SPAN("x y")));
	assert_true(imap_lex_space(&lex) && imap_lex_nstring(&lex, &out, &nil) && nil);
	assert_true(imap_lex_space(&lex) && imap_lex_char(&lex, '('));
	assert_true(imap_lex_astring(&lex, &out) && span_eq(out, SPAN("INBOX]")));
	assert_true(imap_lex_space(&lex) && imap_lex_flag(&lex, &out));
	assert_true(span_eq(out, SPAN("\\Seen")));
	assert_true(imap_lex_space(&lex) && imap_lex_set(&lex, &out) && imap_lex_end(&lex));
}

static void lex_refuses(void **state UNUSED)
{
	static const struct span bad[] = {
		SPAN_INIT("\"abc"), SPAN_INIT("\"a\\b\""), SPAN_INIT("\"a\0\""),
		SPAN_INIT("\"a\r\n\""), SPAN_INIT("\"abc\\"), SPAN_INIT("{3}\r\nab"),
		SPAN_INIT("{3}abc"), SPAN_INIT("{3}\nabc"), SPAN_INIT("{}\r\n"),
		SPAN_INIT("{-1}\r\n"), SPAN_INIT("{3}\r\na\0b"), SPAN_INIT(""),
		SPAN_INIT("("), SPAN_INIT("\x80"), SPAN_INIT("{18446744073709551615}\r\nx"),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct imap_lex lex = {bad[i], arena};
		struct span out;
		assert_false(imap_lex_astring(&lex, &out));
	}
}

static void lex_literal_header(void **state UNUSED)
{
	struct imap_literal l;
	assert_true(imap_lex_literal_end(SPAN("a b {12}"), &l));
	assert_true(l.size == 12 && !l.plus && l.header == 4);
	assert_true(imap_lex_literal_end(SPAN("{0+}"), &l));
	assert_true(l.size == 0 && l.plus && l.header == 4);
	assert_true(imap_lex_literal_end(SPAN("{99999999999999999999}"), &l));
	assert_true(l.size == UINT64_MAX);
	l = (struct imap_literal){0};
	assert_false(imap_lex_literal_end(SPAN("{+}"), &l));
	assert_false(l.plus); /* what is no literal leaves nothing behind */
	assert_false(imap_lex_literal_end(SPAN("5}"), &l));
	assert_false(imap_lex_literal_end(SPAN("{5} "), &l));
	assert_false(imap_lex_literal_end(SPAN("{ 5}"), &l));
	assert_true(imap_lex_quote_open(SPAN("a \"b\\\" {5}")));
	assert_false(imap_lex_quote_open(SPAN("a \"b\" {5}")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf7), cmocka_unit_test(pattern),
		cmocka_unit_test(pattern_limits), cmocka_unit_test(name_limits),
		cmocka_unit_test(set_parse), cmocka_unit_test(set_model),
		cmocka_unit_test(lex_words), cmocka_unit_test(lex_refuses),
		cmocka_unit_test(lex_literal_header),
	};
	return cmocka_run_group_tests_name("imap_grammar", tests, begin, end);
}

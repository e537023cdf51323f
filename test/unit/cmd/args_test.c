/* SPDX-License-Identifier: Apache-2.0 */
/* Options by table, words in order, names that were mistyped, sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cmd/args.h"

static const struct arg_option options[] = {{"--quota", "SIZE"},
					    {"--repair", NULL}};

static bool parse(struct args *a, char *why, size_t cap, int argc,
		  const char *const *argv)
{
	struct buf b;
	buf_init(&b, cap - 1);
	bool ok = args_parse(a, options, ARRAY_LEN(options), argc,
			     (char *const *)(uintptr_t)argv, &b);
	struct span s = buf_span(&b);
	snprintf(why, cap, "%.*s", SPAN_FMT(s));
	buf_free(&b);
	return ok;
}

#define PARSE(...)                                                             \
	parse(&a, why, sizeof why,                                             \
	      (int)ARRAY_LEN(((const char *const[]){__VA_ARGS__})),            \
	      (const char *const[]){__VA_ARGS__})

static void words_and_options(void **state)
{
	struct args a;
	char why[256];
	(void)state;
	assert_true(PARSE("add", "--quota", "5G", "name", "--repair", "--json"));
	assert_int_equal(a.word_count, 2);
	assert_string_equal(a.words[1], "name");
	assert_string_equal(args_value(&a, "--quota"), "5G");
	assert_true(args_has(&a, "--repair"));
	assert_true(a.json);
	assert_false(a.help);
	assert_null(a.config);
	assert_true(PARSE("--config=/x=y", "--quota="));
	assert_string_equal(a.config, "/x=y");
	assert_string_equal(args_value(&a, "--quota"), "");
	assert_false(args_has(&a, "--repair"));
	assert_true(PARSE("-", "--", "--repair", "-h"));
	assert_int_equal(a.word_count, 3);
	assert_string_equal(a.words[1], "--repair");
	assert_false(a.help);
	assert_true(PARSE("-h"));
	assert_true(a.help);
}

static void what_is_wrong(void **state)
{
	struct args a;
	char why[256];
	(void)state;
	assert_false(PARSE("--qouta", "5G"));
	assert_string_equal(why, "unknown option --qouta; did you mean --quota?");
	assert_false(PARSE("--confg", "x"));
	assert_string_equal(why, "unknown option --confg; did you mean --config?");
	assert_false(PARSE("--zzz"));
	assert_string_equal(why, "unknown option --zzz");
	assert_false(PARSE("x", "--quota"));
	assert_string_equal(why, "--quota needs a value: --quota SIZE");
	assert_false(PARSE("--repair=yes"));
	assert_string_equal(why, "--repair takes no value");
	assert_false(PARSE("--quota", "1", "--quota=2"));
	assert_string_equal(why, "--quota was given twice");
}

static void words_up_to_the_limit(void **state)
{
	const char *argv[ARGS_WORDS_MAX + 1];
	struct args a;
	char why[256];
	(void)state;
	for (size_t i = 0; i <= ARGS_WORDS_MAX; i++)
		argv[i] = "w";
	assert_true(parse(&a, why, sizeof why, ARGS_WORDS_MAX - 1, argv));
	assert_true(parse(&a, why, sizeof why, ARGS_WORDS_MAX, argv));
	assert_int_equal(a.word_count, ARGS_WORDS_MAX);
	assert_false(parse(&a, why, sizeof why, ARGS_WORDS_MAX + 1, argv));
	assert_string_equal(why, "more than 64 words");
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(args_distance(SPAN(""), SPAN("")), 0);
	assert_int_equal(args_distance(SPAN("abc"), SPAN("")), 3);
	assert_int_equal(args_distance(SPAN("start"), SPAN("strat")), 1);
	assert_int_equal(args_distance(SPAN("kitten"), SPAN("sitting")), 3);
	assert_int_equal(args_slip(SPAN("stauts"), SPAN("status")), 1);
	assert_int_equal(args_slip(SPAN("acc"), SPAN("account")), 3);
	assert_int_equal(args_slip(SPAN("x"), SPAN("dns")), SIZE_MAX);
	assert_int_equal(args_slip(SPAN("dn"), SPAN("dns")), 1);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {{"0", 0},	      {"none", 0},  {"512", 512},
		    {"1k", 1024},     {"5G", 5368709120ull},
		    {"20M", 20971520}, {"1048576T", 1ull << 60}};
	static const char *const bad[] = {"", "G", "-1", "5 G", "1.5G", "5GB",
					  "1048577T", "99999999999999999999"};
	uint64_t n;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(args_size(span_cstr(good[i].text), &n));
		assert_int_equal(n, good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(args_size(span_cstr(bad[i]), &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_options),
		cmocka_unit_test(what_is_wrong),
		cmocka_unit_test(words_up_to_the_limit),
		cmocka_unit_test(distances),
		cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

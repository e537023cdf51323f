/* SPDX-License-Identifier: Apache-2.0 */
/* terms/extract and terms/needle: no needle is missed, and what is sure is true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "judge.h"
#include "terms/fold.h"

#define A10 "aaaaaaaaaa"
#define HAN "\xe6\xbc\xa2\xe5\xad\x97\xe4\xbb\xae\xe5\x90\x8d" /* four characters */

static void list(const char *text, size_t cut, const char *want)
{
	struct buf terms, said;
	struct term t;
	buf_init(&terms, 1u << 20);
	buf_init(&said, 10000);
	judge_extract(span_cstr(text), cut, &terms);
	struct span rest = buf_span(&terms);
	while (term_next(&rest, &t)) {
		buf_addc(&said, "wlg"[term_kind_of(t.class)]);
		buf_addc(&said, ':');
		buf_add(&said, t.text);
		buf_addc(&said, ' ');
	}
	buf_addc(&said, 0);
	assert_true(rest.len == 0 && buf_ok(&said));
	assert_string_equal(said.data + said.from, want);
	buf_free(&terms);
	buf_free(&said);
}

static void lists(void **state)
{
	(void)state;
	list("", 1, "");
	list("--- ...", 1, "");
	for (size_t cut = 1; cut < 9; cut++) {
		list("two words, two", cut, "w:two w:words ");
		list("a" HAN "b \xe6\xbc\xa2", cut,
		     "w:a g:\xe6\xbc\xa2\xe5\xad\x97 g:\xe5\xad\x97\xe4\xbb\xae "
		     "g:\xe4\xbb\xae\xe5\x90\x8d w:b g:\xe6\xbc\xa2 ");
		/* TERM_MAX - 1, TERM_MAX, TERM_MAX + 1 bytes */
		list(A10 A10 A10 "aaaaaaaaa", cut, "w:" A10 A10 A10 "aaaaaaaaa ");
		list(A10 A10 A10 A10, cut, "w:" A10 A10 A10 A10 " ");
		list(A10 A10 A10 A10 "b.c", cut, "l:aaa l:aab w:c ");
	}
}

static void judged(void **state)
{
	(void)state;
	static const char text[] =
		"Dear Ms. M\xc3\xbcller, the 2nd Quarterly-Report (v1.2) is at "
		"https://example.org/q?id=x" A10 A10 A10 "y" A10 A10 "z \xe2\x98\x83 "
		HAN "\xe3\x80\x82 \xed\x95\x9c\xea\xb5\xad";
	static const struct {
		const char *needle;
		enum verdict want;
	} rows[] = {
		{"quarterly", VERDICT_SURE},
		{"ARTERL", VERDICT_SURE},
		{"M\xc3\x9cLL", VERDICT_SURE},
		{"quarterly-report", VERDICT_MAYBE},
		{"arterly-rep", VERDICT_MAYBE},
		{"quarterly report", VERDICT_MAYBE}, /* it is not there */
		{"quarter-report", VERDICT_NO},
		{"v1.2", VERDICT_MAYBE},
		{"xaa", VERDICT_SURE},
		{"aaya", VERDICT_MAYBE},
		{"qqqq", VERDICT_NO},
		{A10 A10 A10 A10 "b", VERDICT_MAYBE}, /* its pieces are there */
		{"\xe5\xad\x97", VERDICT_SURE},
		{"\xe5\xad\x97\xe4\xbb\xae", VERDICT_SURE},
		{"\xe5\xad\x97\xe4\xbb\xae\xe5\x90\x8d", VERDICT_MAYBE},
		{"\xe4\xbb\xae\xe6\xbc\xa2", VERDICT_NO},
		{"\xe2\x98\x83", VERDICT_SURE},
		{"\xea\xb5\xad", VERDICT_SURE},
		{" ", VERDICT_MAYBE},
		{"", VERDICT_MAYBE},
	};
	bool there;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (judge_text(span_cstr(text), span_cstr(rows[i].needle), &there) !=
		    rows[i].want)
			fail_msg("%s", rows[i].needle);
}

/* Texts of few letters, so that needles are often almost there. */
static void by_chance(void **state)
{
	(void)state;
	static const char *const letters[] = {
		"a", "B", "1", " ", "-", "\xc3\xa9", "\xe6\xbc\xa2", "\xe5\xad\x97",
		"\xe0\xb8\x81", "\xcc\x81", "\xff", "abcabcabcabcabcabcabcabcab"};
	srand(7);
	for (int run = 0; run < 20000; run++) {
		struct buf text, needle;
		bool there;
		buf_init(&text, 4096);
		buf_init(&needle, 4096);
		unsigned kinds = 2u + (unsigned)rand() % (ARRAY_LEN(letters) - 2);
		for (int i = rand() % 40; i > 0; i--)
			buf_add(&text, span_cstr(letters[(unsigned)rand() % kinds]));
		for (int i = 1 + rand() % 6; i > 0; i--)
			buf_add(&needle, span_cstr(letters[(unsigned)rand() % kinds]));
		enum verdict v = judge_text(buf_span(&text), buf_span(&needle), &there);
		if (there ? v == VERDICT_NO : v == VERDICT_SURE)
			fail_msg("%.*s in %.*s", SPAN_FMT(buf_span(&needle)),
				 SPAN_FMT(buf_span(&text)));
		buf_free(&text);
		buf_free(&needle);
	}
}

/* So many different words: kept below the limit, open above. */
static void too_many(void **state)
{
	(void)state;
	static const uint8_t secret[SIPHASH_KEY];
	for (unsigned n = TERMS_COUNT - 1; n <= TERMS_COUNT + 1; n++) {
		struct terms *t = terms_new(secret);
		char word[24];
		struct span all;
		struct term one;
		unsigned count = 0;
		for (unsigned i = 0; i < n; i++) {
			int len = snprintf(word, sizeof word, "%x ", i);
			terms_text(t, TERM_SUBJECT, span_of(word, (size_t)len));
		}
		terms_break(t);
		all = terms_bytes(t);
		assert_int_equal(all.ptr[0] == TERM_OPEN, n > TERMS_COUNT);
		while (term_next(&all, &one))
			count++;
		assert_true(all.len == 0);
		assert_int_equal(count, n > TERMS_COUNT ? n : n);
		terms_free(t);
	}
}

/* The same by their bytes: words of TERM_MAX. */
static void too_long(void **state)
{
	(void)state;
	static const uint8_t secret[SIPHASH_KEY];
	const unsigned fit = TERMS_BYTES / (TERM_MAX + 2);
	for (unsigned n = fit - 1; n <= fit + 1; n++) {
		struct terms *t = terms_new(secret);
		char word[64];
		for (unsigned i = 0; i < n; i++) {
			int len = snprintf(word, sizeof word, "%040u.", i);
			terms_text(t, TERM_BODY, span_of(word, (size_t)len));
		}
		terms_break(t);
		assert_int_equal(terms_bytes(t).ptr[0] == TERM_OPEN, n > fit);
		terms_free(t);
	}
	struct terms *t = terms_new(secret);
	terms_leave_out(t);
	assert_int_equal(terms_bytes(t).len, 3);
	terms_free(t);
}

static void read_back(void **state)
{
	(void)state;
	struct term t;
	struct span rows[] = {
		SPAN_INIT("\x02"),	     SPAN_INIT("\x02\x02" "a"),
		SPAN_INIT("\x02\x00"),	     SPAN_INIT("\x00\x01" "a"),
		SPAN_INIT("\x14\x01" "a"),   SPAN_INIT("\x02\x01\x1f"),
		SPAN_INIT("\x02\x29" A10 A10 A10 A10 "a"),
	};
	_Static_assert(TERM_CLASSES == 0x14, "the row above is one too many");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t was = rows[i].len;
		assert_false(term_next(&rows[i], &t));
		assert_int_equal(rows[i].len, was);
	}
	struct span last = SPAN("\x13\x28" A10 A10 A10 A10);
	assert_true(term_next(&last, &t));
	assert_int_equal(term_kind_of(t.class), TERM_GRAM);
	assert_int_equal(term_field_of(t.class), TERM_BODY);
	assert_false(term_next(&last, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),    cmocka_unit_test(judged),
		cmocka_unit_test(by_chance), cmocka_unit_test(too_many),
		cmocka_unit_test(too_long), cmocka_unit_test(read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mime/address: lists as people and their programs write them, and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "mime/address.h"
#include "mime/limits.h"

/* "name|adl|mailbox|host", NIL as ~, addresses by blanks-semicolon. */
static void list(struct span field, struct buf *out)
{
	struct arena *a = arena_new(16u << 20);
	struct summary_list l;
	assert_non_null(a);
	assert_int_not_equal(mime_address_list(field, a, &l), MIME_ADDRESS_MEMORY);
	buf_clear(out);
	for (size_t i = 0; i < l.count; i++) {
		const struct span v[4] = {l.at[i].name, l.at[i].adl, l.at[i].mailbox, l.at[i].host};
		for (size_t k = 0; k < 4; k++) {
			if (k > 0)
				buf_addc(out, '|');
			buf_add(out, v[k].ptr == NULL ? SPAN("~") : v[k]);
		}
		buf_add(out, SPAN("; "));
	}
	arena_free(a);
}

static const struct {
	const char *field, *expect;
} rows[] = {
	{"", ""},
	{" \t", ""},
	{",,,", ""},
	{"a@b", "~|~|a|b; "},
	{"a@b, c@d", "~|~|a|b; ~|~|c|d; "},
	{"<a@b>", "~|~|a|b; "},
	{"A B <a@b>", "A B|~|a|b; "},
	{"\"A, B\" <a@b>", "A, B|~|a|b; "},
	{"\"A\\\"B\" <a@b>", "A\"B|~|a|b; "},
	{"A. B. <a@b>", "A. B.|~|a|b; "},
	{"=?utf-8?q?J=C3=B6?= <a@b>", "=?utf-8?q?J=C3=B6?=|~|a|b; "},
	{"a@b (Name)", "Name|~|a|b; "},
	{"a@b (N (m) \\) e)", "N (m) ) e|~|a|b; "},
	{"(c) A (d) <a@b> (e)", "A|~|a|b; "},
	{"\"a b\"@c", "~|~|a b|c; "},
	{"a . b @ c . d", "~|~|a.b|c.d; "},
	{"a@[192.0.2.1]", "~|~|a|[192.0.2.1]; "},
	{"<@x,@y:a@b>", "~|@x,@y|a|b; "},
	{"G: a@b, C <c@d>;", "~|~|G|~; ~|~|a|b; C|~|c|d; ~|~|~|~; "},
	{"undisclosed-recipients:;", "~|~|undisclosed-recipients|~; ~|~|~|~; "},
	{"\"A Group\": ;, x@y", "~|~|A Group|~; ~|~|~|~; ~|~|x|y; "},
	{"G: a@b", "~|~|G|~; ~|~|a|b; ~|~|~|~; "},
	{"G: H: a@b;", "~|~|G|~; ~|~|Ha|b; ~|~|~|~; "},
	{"a:b;c:d;e:f;g", "~|~|a|~; ~|~|b|; ~|~|~|~; ~|~|c|~; ~|~|d|; ~|~|~|~; ~|~|e|~; ~|~|f|; "
			  "~|~|~|~; ~|~|g|; "},
	{"word", "~|~|word|; "},
	{"two words, a@b", "~|~|two words|; ~|~|a|b; "},
	{"<>", "~|~||; "},
	{"A <>", "A|~||; "},
	{"<a>", "~|~|a|; "},
	{"<a@b", "~|~|a|b; "},
	{"<a@b, c@d", "~|~|a|b; ~|~|c|d; "},
	{"A <a@b> <c@d>", "A|~|c|d; "},
	{"@b", "~|~||b; "},
	{"a@@b", "~|~|a@|b; "},
	{"a@b@c", "~|~|a@b|c; "},
	{"A <a@b@c>", "A|~|a@b|c; "},
	{"A <@x:a@b@c>", "A|@x|a@b|c; "},
	{"A <mailto:a@b>", "A|~|mailto:a|b; "},
	{"A <a@b> rest", "A|~|a|b; "},
	{"A <a@b> \"rest\" of, c@d", "A|~|a|b; ~|~|c|d; "},
	{"<a@b> rest", "~|~|a|b; "},
	{"A [work] <a@b>", "A [work]|~|a|b; "},
	{"[A] <a@b>", "[A]|~|a|b; "},
	{"\"open <a@b>", "~|~|open <a@b>|; "},
	{"(open a@b", ""},
	{"a@b\\c", "~|~|a|b\\c; "},
	{")>];", ""},
	{"a;b@c", "~|~|a|; ~|~|b|c; "},
	{"\xc3\xa9 <\xc3\xa9@\xc3\xa9>", "\xc3\xa9|~|\xc3\xa9|\xc3\xa9; "},
	{"a@b,\r\n c@d", "~|~|a|b; ~|~|c|d; "},
};

static void rows_hold(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 1u << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		list(span_cstr(rows[i].field), &out);
		if (!span_eq(buf_span(&out), span_cstr(rows[i].expect)))
			fail_msg("%s gave %.*s", rows[i].field, SPAN_FMT(buf_span(&out)));
	}
	buf_free(&out);
}

static void limits(void **state)
{
	(void)state;
	struct arena *a = arena_new(16u << 20);
	for (size_t d = 0; d < 3; d++) {
		struct buf b;
		struct summary_list l;
		buf_init(&b, 1u << 20);
		for (size_t i = 0; i < MIME_ADDRESSES_MAX - 1 + d; i++)
			buf_printf(&b, "a%zu@b,", i);
		assert_int_equal(mime_address_list(buf_span(&b), a, &l),
				 d < 2 ? MIME_ADDRESS_OK : MIME_ADDRESS_CUT);
		assert_int_equal(l.count, d < 2 ? MIME_ADDRESSES_MAX - 1 + d : MIME_ADDRESSES_MAX);
		buf_clear(&b);
		for (size_t i = 0; i < MIME_COMMENT_DEPTH - 1 + d; i++)
			buf_addc(&b, '(');
		for (size_t i = 0; i < MIME_COMMENT_DEPTH - 1 + d; i++)
			buf_addc(&b, ')');
		buf_add(&b, SPAN("a@b"));
		assert_int_equal(mime_address_list(buf_span(&b), a, &l), MIME_ADDRESS_OK);
		assert_int_equal(l.count, d < 2);
		buf_free(&b);
		arena_reset(a);
	}
	arena_free(a);
	a = arena_new(100);
	struct summary_list l;
	assert_int_equal(mime_address_list(SPAN("a@b"), a, &l), MIME_ADDRESS_MEMORY);
	arena_free(a);
}

static void hostile_repetitions_end(void **state)
{
	(void)state;
	static const char *const units[] = {"(", ")", "\"", "<", ">", "@", ":", ";", ",", "[", "]",
					    "\\", "a:", "a:;", "<a@b,", "\"a\"@", "(\\", "@a:"};
	struct arena *a = arena_new(16u << 20);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct buf b;
		struct summary_list l;
		buf_init(&b, 1u << 20);
		while (buf_len(&b) < MIME_FIELD_MAX)
			buf_add(&b, span_cstr(units[i]));
		assert_int_not_equal(mime_address_list(buf_span(&b), a, &l), MIME_ADDRESS_MEMORY);
		assert_true(l.count <= MIME_ADDRESSES_MAX);
		buf_free(&b);
		arena_reset(a);
	}
	arena_free(a);
}

static void written_for_people(void **state)
{
	(void)state;
	struct arena *a = arena_new(1u << 20);
	struct summary_list l;
	struct buf out;
	buf_init(&out, 4096);
	assert_int_equal(mime_address_list(SPAN("=?utf-8?q?J=C3=B6?= <\"a b\"@c>, d@e, G: f@g;"), a, &l),
			 MIME_ADDRESS_OK);
	mime_address_text(NULL, l, &out);
	assert_true(span_eq(buf_span(&out), SPAN("J\xc3\xb6 <\"a b\"@c>, d@e, G: f@g")));
	buf_free(&out);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_hold),
		cmocka_unit_test(limits),
		cmocka_unit_test(hostile_repetitions_end),
		cmocka_unit_test(written_for_people),
	};
	return cmocka_run_group_tests_name("mime/address", tests, NULL, NULL);
}

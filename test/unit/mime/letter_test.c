/* SPDX-License-Identifier: Apache-2.0 */
/* mime/letter: what programs hand in, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mime/letter.h"

#define OUT_MAX (4u << 20)

static const struct mime_letter_how plain = {.dot = true,
					     .gather = true,
					     .domain = SPAN_INIT("our.example"),
					     .from = SPAN_INIT("me@our.example")};

struct made {
	struct arena *arena;
	struct buf out;
	struct mime_letter letter;
	enum mime_letter_result result;
};

static void make(struct made *m, struct span in, const struct mime_letter_how *how)
{
	m->arena = arena_new(8u << 20);
	buf_init(&m->out, OUT_MAX);
	m->result = mime_letter(in, how, m->arena, &m->out, &m->letter);
}

static void drop(struct made *m)
{
	buf_free(&m->out);
	arena_free(m->arena);
}

static void rows(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out, *to; /* recipients with blanks between */
	} table[] = {
		{"To: a@b.example\nFrom: me\n\nhi\n",
		 "To: a@b.example\r\nFrom: me@our.example\r\n\r\nhi\r\n", "a@b.example"},
		{"hello\nworld", "From: me@our.example\r\n\r\nhello\r\nworld\r\n", ""},
		{"", "From: me@our.example\r\n\r\n", ""},
		{"\n", "From: me@our.example\r\n\r\n", ""},
		{"Subject: x\r\n\r\na\r\n.\r\nb\r\n",
		 "Subject: x\r\nFrom: me@our.example\r\n\r\na\r\n", ""},
		{"From root Thu Jan  1\nFrom: x@y.example\n\nFrom here\n",
		 "From: x@y.example\r\n\r\nFrom here\r\n", ""},
		{"From: root (Cron Daemon)\nTo: root\nCc: a b <c>, \"x\\\"y\" <d@e.example>\n\n",
		 "From: Cron Daemon <root@our.example>\r\nTo: root@our.example\r\n"
		 "Cc: a b <c@our.example>,\r\n \"x\\\"y\" <d@e.example>\r\n\r\n", "root@our.example c@our.example d@e.example"},
		{"From: x@y.example\nTo: Friends: a@b.example, c;\nBcc: d\n\n",
		 "From: x@y.example\r\nTo: Friends: a@b.example, c;\r\nBcc: d@our.example\r\n\r\n",
		 "a@b.example c@our.example d@our.example"},
		{"From: x@y.example\nTo: a@b.example\nResent-To: c@d.example\nResent-Bcc: e\n\n",
		 "From: x@y.example\r\nTo: a@b.example\r\nResent-To: c@d.example\r\n"
		 "Resent-Bcc: e@our.example\r\n\r\n", "c@d.example e@our.example"},
		{"From: x@y.example\nTo: a@b.example,\n c@d.example\n\n",
		 "From: x@y.example\r\nTo: a@b.example,\r\n c@d.example\r\n\r\n",
		 "a@b.example c@d.example"},
		{"From: x@y.example\nno field\nTo: a@b.example\n",
		 "From: x@y.example\r\n\r\nno field\r\nTo: a@b.example\r\n", ""},
		{" fold\nTo: a\n", "From: me@our.example\r\n\r\n fold\r\nTo: a\r\n", ""},
		{"From: x@y.example\nTo: \nCc: ,\n\n", "From: x@y.example\r\nTo: \r\nCc: ,\r\n\r\n", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct made m;
		char to[256] = "";
		make(&m, span_cstr(table[i].in), &plain);
		assert_int_equal(m.result, MIME_LETTER_OK);
		for (size_t k = 0; k < m.letter.count; k++) {
			size_t at = strlen(to);
			snprintf(to + at, sizeof to - at, "%s%.*s", k > 0 ? " " : "",
				 SPAN_FMT(m.letter.recipients[k]));
		}
		bool same = span_eq(buf_span(&m.out), span_cstr(table[i].out));
		if (!same || strcmp(to, table[i].to) != 0)
			fail_msg("row %zu: %.*s to %s", i, SPAN_FMT(buf_span(&m.out)), to);
		drop(&m);
	}
}

static void dots_names_and_bytes(void **state)
{
	(void)state;
	struct mime_letter_how how = plain;
	struct made m;
	how.dot = how.gather = false;
	how.name = SPAN("M. E. \"X\"");
	make(&m, SPAN("To: a@b.example\n\n.\nb\n"), &how);
	assert_int_equal(m.result, MIME_LETTER_OK);
	assert_true(span_eq(buf_span(&m.out),
			    SPAN("To: a@b.example\r\nFrom: \"M. E. \\\"X\\\"\" <me@our.example>\r\n"
				 "\r\n.\r\nb\r\n")));
	assert_int_equal(m.letter.count, 0);
	assert_false(m.letter.eight_bit || m.letter.utf8);
	drop(&m);
	make(&m, SPAN("From: x@y.example\n\n\xe9\n"), &how);
	assert_true(m.letter.eight_bit && !m.letter.utf8);
	drop(&m);
	make(&m, SPAN("From: x@y.example\nSubject: \xc3\xa9\n\n"), &how);
	assert_true(m.letter.eight_bit && m.letter.utf8);
	drop(&m);
	make(&m, SPAN("From: x@y.example\nSubject: \xe9\n\n"), &how);
	assert_true(m.letter.eight_bit && !m.letter.utf8);
	drop(&m);
}

static void what_is_refused(void **state)
{
	(void)state;
	static const struct span bare[] = {
		SPAN_INIT("a\rb\n"), SPAN_INIT("a\r\r\n"), SPAN_INIT("a\r"), SPAN_INIT("a\0b\n"),
		SPAN_INIT("Subject: x\rBcc: y\n\n"),
	};
	struct made m;
	for (size_t i = 0; i < ARRAY_LEN(bare); i++) {
		make(&m, bare[i], &plain);
		assert_int_equal(m.result, MIME_LETTER_BARE);
		drop(&m);
	}
}

static void fill(struct buf *b, const char *before, const char *unit, size_t count, const char *after)
{
	buf_init(b, OUT_MAX);
	buf_add(b, span_cstr(before));
	for (size_t i = 0; i < count; i++)
		buf_add(b, span_cstr(unit));
	buf_add(b, span_cstr(after));
	assert_true(buf_ok(b));
}

static void limits(void **state)
{
	(void)state;
	static const struct {
		const char *before, *unit, *after;
		size_t most;
	} table[] = {
		{"From: x@y.example\n", "A: b\n", "\n", MIME_FIELDS_MAX - 1},
		{"From: x@y.example\nA: ", "b", "\n\n", MIME_FIELD_MAX - 5},
		{"From: x@y.example\nTo: a@b.c", ",a@b.c", "\n\n", MIME_LETTER_RECIPIENTS - 1},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		for (size_t n = table[i].most - 1; n <= table[i].most + 1; n++) {
			struct buf in;
			struct made m;
			fill(&in, table[i].before, table[i].unit, n, table[i].after);
			make(&m, buf_span(&in), &plain);
			if (m.result != (n <= table[i].most ? MIME_LETTER_OK : MIME_LETTER_TOO_MUCH))
				fail_msg("row %zu, %zu: %d", i, n, m.result);
			drop(&m);
			buf_free(&in);
		}
	}
	struct buf in;
	struct made m;
	fill(&in, "From: x@y.example\n\n", "12345678\n", OUT_MAX / 10, "");
	make(&m, buf_span(&in), &plain);
	assert_int_equal(m.result, MIME_LETTER_TOO_MUCH);
	drop(&m);
	buf_free(&in);
}

static void addresses(void **state)
{
	(void)state;
	static const char *const table[][2] = {
		{"root", "root@our.example"}, {" <a@b.example> ", "a@b.example"},
		{"<root>", "root@our.example"}, {"", ""}, {"<>", ""}, {"a@b.example", "a@b.example"},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b;
		buf_init(&b, 100);
		mime_letter_address(span_cstr(table[i][0]), SPAN("our.example"), &b);
		assert_true(span_eq(buf_span(&b), span_cstr(table[i][1])));
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(dots_names_and_bytes),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(addresses),
	};
	return cmocka_run_group_tests_name("mime/letter", tests, NULL, NULL);
}

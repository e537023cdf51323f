/* SPDX-License-Identifier: Apache-2.0 */
/* mime/order: base subjects by the rules of RFC 5256, keys, ids, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "mime/order.h"
#include "mime/parse.h"

static void base_subjects(void **state)
{
	(void)state;
	static const struct {
		const char *subject, *base;
		bool answers;
	} rows[] = {
		{"", "", false}, {" ", "", false}, {"hello", "hello", false}, {"  hello\t world ", "hello world", false},
		{"a  b", "a b", false}, {"a \t b", "a b", false},
		/* step 2 */
		{"hello (fwd)", "hello", true}, {"hello(FWD) (fwd) ", "hello", true}, {"(fwd)", "", true}, {"hello (fwd) x", "hello (fwd) x", false},
		{"fwd)", "fwd)", false},
		/* step 3 */
		{"Re: hello", "hello", true}, {"RE : hello", "hello", true}, {"re:hello", "hello", true}, {"Re: re: RE: hello", "hello", true},
		{"Fw: hello", "hello", true}, {"Fwd: hello", "hello", true}, {"fwd :re :x", "x", true}, {"Re", "Re", false}, {"Re:", "", true},
		{"Re[2]: hello", "hello", true}, {"Re [a b] : hello", "hello", true}, {"Re[2]hello", "Re[2]hello", false}, {"[list] Re: hello", "hello", true},
		{"[a][b] Re: hello", "hello", true}, {"Reply: hello", "Reply: hello", false}, {"Re[a[b]: x", "Re[a[b]: x", false}, {"AW: hello", "AW: hello", false},
		/* step 4 */
		{"[list] hello", "hello", false}, {"[list]hello", "hello", false}, {"[list]", "[list]", false}, {"[a] [b]", "[b]", false}, {"[a] [b] c", "c", false},
		{"[] x", "x", false}, {"[a", "[a", false}, {"[a]] x", "] x", false}, {"[a[b]] x", "[a[b]] x", false}, {"Re: [list]", "[list]", true},
		{"[a] (fwd)", "[a]", true},
		/* step 6 */
		{"[fwd: hello]", "hello", true}, {"[Fwd: Re: hello (fwd)]", "hello", true}, {"[fwd:]", "", true}, {"[fwd: [fwd: x]]", "x", true}, {"[fwd: x", "[fwd: x", false},
		{"[fwd: [a] x]", "x", true}, {"Re: [fwd: Re: x] (fwd)", "x", true}, {"[fwd: x] y", "y", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b;
		buf_init(&b, 256);
		bool answers = mime_base_subject(span_cstr(rows[i].subject), &b);
		if (!span_eq(buf_span(&b), span_cstr(rows[i].base)) || answers != rows[i].answers)
			fail_msg("%s: \"%.*s\" %d", rows[i].subject, (int)buf_len(&b), b.data + b.from, answers);
		buf_free(&b);
	}
}

/* What the record of a message holds; the buffer is the record's. */
static struct summary_order order_of(const char *message, struct buf *record)
{
	struct summary_order o;
	struct mime_parser *p = mime_parser_new(NULL);
	assert_non_null(p);
	mime_parser_feed(p, span_cstr(message));
	struct summary *s = mime_parser_end(p);
	assert_non_null(s);
	buf_init(record, SUMMARY_ORDER_MAX);
	assert_true(mime_order(NULL, s, record));
	mime_parser_free(p);
	assert_true(summary_order_read(buf_span(record), &o));
	return o;
}

static void keys(void **state)
{
	(void)state;
	struct buf b;
	struct summary_order o = order_of(
		"From: =?utf-8?q?J=C3=B6rg?= <joe@a.example>, x@y\r\nTo: big@b.example\r\nCc: team: a@c, b@c;\r\n"
		"Subject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=  There\r\nDate: Thu, 1 Jan 1970 00:00:01 +0000\r\n\r\n", &b);
	static const char *const want[SUMMARY_ORDER_KEYS] = {
		("GRU\xcc\x88\xc3\x9f" "E THERE"), "JOE", "BIG", "TEAM", "JO\xcc\x88RG", "BIG@B.EXAMPLE"};
	for (size_t i = 0; i < SUMMARY_ORDER_KEYS; i++)
		if (!span_eq(o.key[i], span_cstr(want[i])))
			fail_msg("key %zu: %.*s", i, SPAN_FMT(o.key[i]));
	assert_int_equal(o.flags, SUMMARY_ORDER_SENT | SUMMARY_ORDER_REPLY);
	assert_int_equal(o.sent, 1);
	assert_true(o.subject != 0 && o.id == 0 && summary_order_ids(&o) == 0);
	buf_free(&b);
	o = order_of("\r\n", &b);
	assert_true(o.flags == 0 && o.subject == 0 && o.id == 0 && o.ids.len == 0);
	for (size_t i = 0; i < SUMMARY_ORDER_KEYS; i++)
		assert_int_equal(o.key[i].len, 0);
	buf_free(&b);
}

static void same_subjects_have_one_hash(void **state)
{
	(void)state;
	struct buf a, b, c;
	struct summary_order x = order_of("Subject: Hello\r\n\r\n", &a);
	struct summary_order y = order_of("Subject: RE: [l] hELLO (fwd)\r\n\r\n", &b);
	struct summary_order z = order_of("Subject: hello you\r\n\r\n", &c);
	assert_true(x.subject == y.subject && x.subject != z.subject);
	buf_free(&a);
	buf_free(&b);
	buf_free(&c);
}

static void ids(void **state)
{
	(void)state;
	struct buf a, b;
	struct summary_order x = order_of("Message-ID: <\"a b\"@c>\r\n\r\n", &a);
	/* Quotes that need not be there make no other id. */
	struct summary_order y = order_of("References: <x@y> <\"a\\ b\"@c>\r\nIn-Reply-To: <z@z>\r\n\r\n", &b);
	assert_int_equal(summary_order_ids(&y), 2);
	assert_true(x.id != 0 && summary_order_id(&y, 1) == x.id && summary_order_id(&y, 0) != x.id);
	buf_free(&b);
	y = order_of("In-Reply-To: Your mail of <\"a b\"@c>\r\n\r\n", &b);
	assert_int_equal(summary_order_ids(&y), 1);
	assert_true(summary_order_id(&y, 0) == x.id);
	buf_free(&b);
	y = order_of("In-Reply-To: yours\r\nMessage-ID: <>\r\n\r\n", &b);
	assert_true(summary_order_ids(&y) == 0 && y.id == 0);
	buf_free(&a);
	buf_free(&b);
}

/* So many ids, letters of the subject and of a name. */
static void limits(void **state)
{
	(void)state;
	for (size_t extra = 0; extra < 3; extra++) {
		struct buf m, b;
		size_t n = SUMMARY_ORDER_IDS - 1 + extra;
		buf_init(&m, 1u << 20);
		buf_add(&m, SPAN("Message-ID: <0@x>\r\nReferences:"));
		for (size_t i = 0; i < n; i++)
			buf_printf(&m, " <%zu@x>\r\n", i);
		buf_add(&m, SPAN("Subject: "));
		for (size_t i = 0; i < SUMMARY_ORDER_SUBJECT - 1 + extra; i++)
			buf_addc(&m, 'x');
		buf_add(&m, SPAN("\r\nTo: "));
		for (size_t i = 0; i < SUMMARY_ORDER_NAME - 1 + extra; i++)
			buf_addc(&m, 'y');
		buf_add(&m, SPAN("@z\r\n\r\n"));
		buf_addc(&m, 0);
		struct summary_order o = order_of(m.data + m.from, &b);
		assert_int_equal(summary_order_ids(&o), n < SUMMARY_ORDER_IDS ? n : SUMMARY_ORDER_IDS);
		/* The first is always there, and the last. */
		assert_true(summary_order_id(&o, 0) == o.id);
		assert_int_equal(o.key[SUMMARY_ORDER_BASE].len,
				 extra == 0 ? SUMMARY_ORDER_SUBJECT - 1 : SUMMARY_ORDER_SUBJECT);
		assert_int_equal(o.key[SUMMARY_ORDER_TO].len,
				 extra == 0 ? SUMMARY_ORDER_NAME - 1 : SUMMARY_ORDER_NAME);
		buf_free(&m);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_subjects),
		cmocka_unit_test(keys),
		cmocka_unit_test(same_subjects_have_one_hash),
		cmocka_unit_test(ids),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("mime/order", tests, NULL, NULL);
}

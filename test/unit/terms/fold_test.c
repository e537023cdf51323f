/* SPDX-License-Identifier: Apache-2.0 */
/* terms/fold: RFC 5051, code point by code point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "terms/fold.h"

static void same(const char *a, const char *b, bool is_same)
{
	struct buf x, y;
	buf_init(&x, 1000);
	buf_init(&y, 1000);
	terms_fold(&x, span_cstr(a));
	terms_fold(&y, span_cstr(b));
	if (span_eq(buf_span(&x), buf_span(&y)) != is_same)
		fail_msg("%s and %s", a, b);
	buf_free(&x);
	buf_free(&y);
}

static void cases(void **state)
{
	(void)state;
	same("Straight ASCII, 123", "sTRAIGHT ascii, 123", true);
	same("M\xc3\x9cLLER", "m\xc3\xbcller", true);
	same("caf\xc3\xa9", "cafe\xcc\x81", true); /* whole, and with a mark behind */
	same("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
	     "\xd0\xbf\xd0\xa0\xd0\x98\xd0\x92\xd0\x95\xd0\xa2", true);
	same("\xce\xa3\xcf\x82", "\xcf\x83\xcf\x83", true); /* both sigmas */
	same("\xef\xbc\xa1\xef\xbc\xa2", "ab", true); /* full width */
	same("\xef\xac\x81n", "fin", true);	     /* a ligature */
	same("cafe", "caf\xc3\xa9", false);
	same("\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", false); /* Hangul */
	same("", "", true);
}

/* Every code point grows by no more than is promised, and stays valid. */
static void growth(void **state)
{
	(void)state;
	struct buf b;
	char bytes[UTF8_MAX];
	buf_init(&b, 1000);
	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		size_t n = utf8_encode(c, bytes);
		if (n == 0)
			continue;
		buf_clear(&b);
		terms_fold(&b, span_of(bytes, n));
		assert_true(buf_ok(&b) && buf_len(&b) > 0);
		assert_true(buf_len(&b) <= FOLD_GROWTH * n);
		assert_true(utf8_valid(buf_span(&b)));
	}
	buf_free(&b);
}

/* What is no text goes through as it is. */
static void no_text(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 100);
	terms_fold(&b, SPAN("A\xff\xc3"));
	assert_true(span_eq(buf_span(&b), SPAN("a\xff\xc3")));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(growth),
		cmocka_unit_test(no_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

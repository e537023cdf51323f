/* SPDX-License-Identifier: Apache-2.0 */
/* dsn/status, dsn/address: codes, actions, and addresses as plain ASCII. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "dsn/dsn.h"

static void codes(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		bool ok;
	} rows[] = {
		{"5.1.1", true},   {"2.0.0", true},   {"4.999.999", true}, {"5.01.1", true},
		{"5.1000.1", false}, {"5.1.1000", false}, {"3.1.1", false}, {"05.1.1", false},
		{"5.1", false},	   {"5.1.", false},   {"5..1", false},	   {"", false},
		{"5.1.1 ", false}, {"5.1.1.1", false}, {"-5.1.1", false},  {"6.1.1", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dsn_status s;
		assert_int_equal(dsn_status_parse(span_cstr(rows[i].in), &s), rows[i].ok);
	}
}

static void actions(void **state)
{
	(void)state;
	for (size_t i = 0; i < DSN_ACTIONS; i++) {
		enum dsn_action a;
		assert_true(dsn_action_parse(span_cstr(dsn_action_name((enum dsn_action)i)), &a));
		assert_int_equal(a, i);
	}
	enum dsn_action a;
	assert_true(dsn_action_parse(SPAN("FAILED"), &a));
	assert_false(dsn_action_parse(SPAN("fail"), &a));
	assert_false(dsn_action_parse(SPAN(""), &a));
}

/* Every code has words, and the ones that matter most have their own. */
static void words(void **state)
{
	(void)state;
	const char *other = dsn_status_words((struct dsn_status){5, 99, 99}).why;
	for (uint16_t subject = 1; subject <= 7; subject++)
		for (uint16_t detail = 0; detail < 40; detail++) {
			struct dsn_words w = dsn_status_words((struct dsn_status){5, subject, detail});
			assert_true(utf8_ascii(span_cstr(w.why)) && utf8_ascii(span_cstr(w.next)));
			assert_ptr_not_equal(w.why, other);
		}
	assert_non_null(strstr(dsn_status_words((struct dsn_status){5, 1, 1}).why, "no such mailbox"));
	assert_non_null(strstr(dsn_status_words((struct dsn_status){4, 2, 2}).why, "full"));
	assert_non_null(strstr(dsn_status_words((struct dsn_status){5, 7, 30}).why, "encryption"));
	assert_non_null(strstr(dsn_status_words((struct dsn_status){2, 1, 1}).why, "well"));
}

static void coded(const char *plain, const char *want)
{
	struct buf one, two;
	buf_init(&one, 4096);
	buf_init(&two, 4096);
	dsn_utf8_encode(span_cstr(plain), &one);
	assert_true(span_eq(buf_span(&one), span_cstr(want)));
	assert_true(dsn_utf8_decode(buf_span(&one), &two));
	if (utf8_valid(span_cstr(plain)))
		assert_true(span_eq(buf_span(&two), span_cstr(plain)));
	buf_free(&one);
	buf_free(&two);
}

static void addresses_in_ascii(void **state)
{
	(void)state;
	coded("a@b", "a@b");
	coded("b\xc3\xb6" "b@\xe4\xbe\x8b.example", "b\\x{F6}b@\\x{4F8B}.example");
	coded("\xf0\x9f\x98\x80@b", "\\x{1F600}@b");
	coded("a+b=c\\ d", "a\\x{2B}b\\x{3D}c\\x{5C}\\x{20}d");
	coded("a\r\nb", "a\\x{0D}\\x{0A}b");
	coded("\xff", "\\x{FFFD}");
	static const char *const bad[] = {"\\", "\\x", "\\x{", "\\x{}", "\\x{F}", "\\x{D800}",
					  "\\x{110000}", "\\x{1234567}", "\\y{20}", "\xff",
					  "\\x{2G}"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct buf out;
		buf_init(&out, 64);
		assert_false(dsn_utf8_decode(span_cstr(bad[i]), &out));
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes),	      cmocka_unit_test(actions),
		cmocka_unit_test(words),	      cmocka_unit_test(addresses_in_ascii),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* base/acl: every letter there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/acl.h"

#define LETTERS "lrswipkxteacd"

static void letters(void **state)
{
	uint32_t rights;
	char text[ACL_TEXT];
	(void)state;
	assert_true(acl_parse(SPAN(""), &rights));
	assert_int_equal(rights, 0);
	assert_true(acl_parse(SPAN("cc"), &rights));
	assert_int_equal(rights, ACL_K | ACL_X);
	assert_true(acl_parse(SPAN("d"), &rights));
	assert_int_equal(rights, ACL_T | ACL_E);
	for (int c = 0; c < 256; c++) {
		char one = (char)c;
		bool known = c != 0 && strchr(LETTERS, c) != NULL;
		assert_int_equal(acl_parse(span_of(&one, 1), &rights), known);
	}
	assert_false(acl_parse(SPAN("lrQ"), &rights));
	acl_text(text, ACL_ALL);
	assert_string_equal(text, LETTERS);
	assert_true(acl_parse(span_cstr(text), &rights));
	assert_int_equal(rights, ACL_ALL);
	acl_text(text, 0);
	assert_string_equal(text, "");
	acl_text(text, ACL_X);
	assert_string_equal(text, "xc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

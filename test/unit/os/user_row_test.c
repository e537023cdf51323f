/* SPDX-License-Identifier: Apache-2.0 */
/* os/user_row: rows of passwd(5), and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "os/user_row.h"

static void rows(void **state)
{
	(void)state;
	static const struct span list = SPAN_INIT(
		"root:x:0:0:root:/:/bin/sh\n"
		"+::::::\nnobody\n\nshort:x\n"
		"alice:x:1000:1000:Alice:/nowhere:/bin/sh\n"
		"second:x:1000:1000::/:/bin/sh\n"
		"a.b-c_9:x:1001:1::/:\n"
		"-a:x:1002:1::/:\n"
		"a b:x:1003:1::/:\n"
		"a@b:x:1004:1::/:\n"
		":x:1005:1::/:\n"
		"big:x:4294967295:1::/:\n"
		"over:x:4294967296:1::/:\n"
		"neg:x:-1:1::/:\n"
		"last:x:1006:1::/:");
	static const struct {
		uint32_t uid;
		const char *name; /* NULL: nobody */
	} want[] = {
		{0, "root"}, {1000, "alice"}, {1001, "a.b-c_9"}, {1002, NULL}, {1003, NULL},
		{1004, NULL}, {1005, NULL}, {1006, "last"}, {1, NULL},
		{UINT32_MAX, "big"},
	};
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct span name = users_name(list, want[i].uid);
		assert_int_equal(name.ptr == NULL, want[i].name == NULL);
		if (want[i].name != NULL)
			assert_true(span_eq(name, span_cstr(want[i].name)));
	}
	assert_null(users_name(SPAN(""), 0).ptr);
}

static void limits(void **state)
{
	(void)state;
	static char list[USERS_MAX + 64];
	for (size_t n = USER_NAME_MAX - 1; n <= USER_NAME_MAX + 1; n++) {
		memset(list, 'x', n);
		memcpy(list + n, ":x:7:7:", 7);
		struct span name = users_name(span_of(list, n + 7), 7);
		assert_int_equal(name.ptr != NULL, n <= USER_NAME_MAX);
	}
	/* A row that ends at the limit is read, one that needs an octet more is not. */
	for (size_t back = 5; back <= 7; back++) {
		memset(list, '\n', sizeof list);
		memcpy(list + USERS_MAX - back, "a:x:7:b:x:8:", 12);
		struct span name = users_name(span_of(list, sizeof list), 7);
		assert_int_equal(name.ptr != NULL, back >= 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("os/user_row", tests, NULL, NULL);
}

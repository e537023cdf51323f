/* SPDX-License-Identifier: Apache-2.0 */
/* base/siphash: vectors of the reference (key 00..0f, input 00, 01, ...). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/siphash.h"

static void reference_vectors(void **state)
{
	(void)state;
	uint8_t key[SIPHASH_KEY], in[16];
	for (uint8_t i = 0; i < 16; i++)
		key[i] = in[i] = i;
	assert_true(siphash(key, span_of(in, 0)) == 0x726fdb47dd0e0e31);
	assert_true(siphash(key, span_of(in, 1)) == 0x74f839c593dc67fd);
	assert_true(siphash(key, span_of(in, 8)) == 0x93f5f5799a932462);
	assert_true(siphash(key, span_of(in, 15)) == 0xa129ca6149be45e5);
	assert_true(siphash(key, span_of(NULL, 0)) == 0x726fdb47dd0e0e31);
}

static void the_key_matters(void **state)
{
	(void)state;
	static const uint8_t a[SIPHASH_KEY] = {0}, b[SIPHASH_KEY] = {1};
	assert_true(siphash(a, SPAN("x")) != siphash(b, SPAN("x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_vectors),
		cmocka_unit_test(the_key_matters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

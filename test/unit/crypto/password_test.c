/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/password: hash and verify, a hash made by another implementation,
 * every refused verifier, and the caps on length and cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/password.h"

/* Cheap: the tests are about form, not about time. */
static const struct password_cost cheap = {64, 1};

static void test_round(void **state)
{
	char text[PASSWORD_TEXT_MAX], again[PASSWORD_TEXT_MAX];
	struct password_cost cost;

	(void)state;
	assert_int_equal(password_hash(SPAN("secret"), cheap, text),
			 PASSWORD_OK);
	assert_int_equal(password_hash(SPAN("secret"), cheap, again),
			 PASSWORD_OK);
	assert_string_not_equal(text, again);
	assert_true(password_cost_of(span_cstr(text), &cost));
	assert_int_equal(cost.memory_kib, 64);
	assert_int_equal(cost.passes, 1);
	assert_int_equal(password_verify(SPAN("secret"), span_cstr(text), cheap),
			 PASSWORD_OK);
	assert_int_equal(password_verify(SPAN("Secret"), span_cstr(text), cheap),
			 PASSWORD_WRONG);
	assert_int_equal(password_verify(SPAN(""), span_cstr(text), cheap),
			 PASSWORD_WRONG);
	assert_int_equal(password_verify(SPAN("secret\0"), span_cstr(text),
					 cheap),
			 PASSWORD_WRONG);
}

static void test_default_cost(void **state)
{
	char text[PASSWORD_TEXT_MAX];

	(void)state;
	assert_int_equal(password_hash(SPAN("x"), PASSWORD_COST_DEFAULT, text),
			 PASSWORD_OK);
	assert_true(span_starts(span_cstr(text),
				SPAN("$argon2id$v=19$m=19456,t=2,p=1$")));
}

static void test_unknown_user(void **state)
{
	(void)state;
	assert_int_equal(password_verify(SPAN("secret"), SPAN(""), cheap),
			 PASSWORD_WRONG);
	assert_int_equal(password_verify(SPAN("secret"), SPAN(""),
					 (struct password_cost){1, 1}),
			 PASSWORD_BAD_COST);
}

static void test_verifiers(void **state)
{
	static const char *const bad[] = {
		"x",
		"$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
		"$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
		"$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
		"$argon2id$v=19$m=7,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
		"$argon2id$v=19$m=1048577,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFza",
		"$argon2id$v=19$m=4294967297,t=1,p=1$c2FsdHNhbHRzYWx0$aGFza",
		"$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
		"$argon2id$v=19$m=64,t=17,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
		"$argon2id$v=19$m=64,t=1,p=2$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
		"$argon2id$v=19$m=064,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
		"$argon2id$v=19$m=+64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
		"$argon2id$v=19$m=64,t=1,p=1$",
		"$argon2id$v=19$m=64,t=1,p=1$c2Fsd",
		"$argon2id$v=19$m=64,t=1,p=1$c2Fsd$",
		"$argon2id$v=19$m=64,t=1,p=1$c2Fsd$a$b",
		"$argon2id$v=19$t=1,m=64,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
	};
	char large[PASSWORD_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(password_verify(SPAN("x"), span_cstr(bad[i]),
						 cheap),
				 PASSWORD_BAD_VERIFIER);
	memset(large, 'a', sizeof(large));
	memcpy(large, "$argon2id$v=19$m=64,t=1,p=1$c2Fsd$", 34);
	assert_int_equal(password_verify(SPAN("x"), span_of(large, 128), cheap),
			 PASSWORD_BAD_VERIFIER);
	/* In form, but no hash of this password. */
	assert_int_equal(password_verify(SPAN("x"), span_of(large, 127), cheap),
			 PASSWORD_WRONG);
}

/* Made by the reference implementation's command line tool. */
static void test_foreign(void **state)
{
	(void)state;
	assert_int_equal(
		password_verify(SPAN("password"),
				SPAN("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
				     "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
				cheap),
		PASSWORD_OK);
}

static void test_limits(void **state)
{
	char text[PASSWORD_TEXT_MAX], p[PASSWORD_MAX + 1];

	(void)state;
	memset(p, 'p', sizeof(p));
	for (size_t n = PASSWORD_MAX - 1; n <= PASSWORD_MAX + 1; n++) {
		bool fits = n <= PASSWORD_MAX;

		assert_int_equal(password_hash(span_of(p, n), cheap, text),
				 fits ? PASSWORD_OK : PASSWORD_TOO_LONG);
		assert_int_equal(password_verify(span_of(p, n), SPAN(""), cheap),
				 fits ? PASSWORD_WRONG : PASSWORD_TOO_LONG);
	}
	assert_int_equal(password_hash(SPAN("x"), (struct password_cost){7, 1},
				       text),
			 PASSWORD_BAD_COST);
	assert_int_equal(password_hash(SPAN("x"), (struct password_cost){8, 1},
				       text),
			 PASSWORD_OK);
	assert_int_equal(password_hash(SPAN("x"), (struct password_cost){8, 16},
				       text),
			 PASSWORD_OK);
	assert_int_equal(password_hash(SPAN("x"), (struct password_cost){8, 17},
				       text),
			 PASSWORD_BAD_COST);
	assert_int_equal(
		password_hash(SPAN("x"),
			      (struct password_cost){PASSWORD_MEMORY_MAX + 1, 1},
			      text),
		PASSWORD_BAD_COST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_default_cost),
		cmocka_unit_test(test_unknown_user),
		cmocka_unit_test(test_verifiers),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_limits),
	};

	if (!password_library_start())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/scram: the exchange printed in RFC 7677 section 3, recomputed from the
 * stored keys alone, and the limits of what is hashed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/library.h"
#include "crypto/password.h"
#include "crypto/scram.h"

/* base64 of the RFC's values, decoded. */
static const unsigned char rfc_salt[16] = {
	0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
	0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81,
};
static const unsigned char rfc_proof[SHA256_LEN] = {
	0x74, 0x7c, 0xdb, 0x65, 0xaa, 0x56, 0x22, 0x4e, 0x23, 0x52, 0x13,
	0x7e, 0x52, 0xd7, 0xbd, 0xca, 0xd6, 0xa0, 0xf7, 0x38, 0xdf, 0x30,
	0x78, 0x2c, 0xaa, 0x69, 0xa2, 0xcf, 0xb0, 0x27, 0x75, 0x54,
};
static const unsigned char rfc_signature[SHA256_LEN] = {
	0xea, 0xba, 0xe2, 0x4d, 0x10, 0x62, 0xdb, 0x75, 0xa9, 0x45, 0x1f,
	0xf0, 0xb6, 0xea, 0x7e, 0x98, 0xc8, 0x54, 0x65, 0x49, 0xff, 0x74,
	0x1e, 0x67, 0x2d, 0x32, 0x51, 0xb2, 0x39, 0x7d, 0xe4, 0x6e,
};

static void test_rfc7677(void **state)
{
	static const char message[] =
		"n=user,r=rOprNGfwEbeRWgbNEkqO,"
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	struct scram_verifier v;
	struct sha256 mac, client;

	(void)state;
	assert_true(scram_verifier_make(SPAN("pencil"), rfc_salt, 4096, &v));
	mac = hmac_sha256(span_of(v.server_key.bytes, SHA256_LEN),
			  span_cstr(message));
	assert_memory_equal(mac.bytes, rfc_signature, SHA256_LEN);
	mac = hmac_sha256(span_of(v.stored_key.bytes, SHA256_LEN),
			  span_cstr(message));
	for (size_t i = 0; i < SHA256_LEN; i++)
		client.bytes[i] = mac.bytes[i] ^ rfc_proof[i];
	client = sha256_of(span_of(client.bytes, SHA256_LEN));
	assert_memory_equal(client.bytes, v.stored_key.bytes, SHA256_LEN);
}

static void test_limits(void **state)
{
	char long_one[PASSWORD_MAX + 1];
	char salt[65] = "0123456789";
	struct sha256 a, b;
	struct scram_verifier v;

	(void)state;
	memset(long_one, 'x', sizeof(long_one));
	assert_true(scram_verifier_make(span_of(long_one, PASSWORD_MAX - 1),
					rfc_salt, 4096, &v));
	assert_true(scram_verifier_make(span_of(long_one, PASSWORD_MAX),
					rfc_salt, 4096, &v));
	assert_false(scram_verifier_make(span_of(long_one, PASSWORD_MAX + 1),
					 rfc_salt, 4096, &v));
	assert_false(scram_verifier_make(SPAN("x"), rfc_salt,
					 SCRAM_ITERATIONS_MIN - 1, &v));
	assert_false(scram_verifier_make(SPAN("x"), rfc_salt,
					 SCRAM_ITERATIONS_MAX + 1, &v));
	assert_true(scram_verifier_make(SPAN(""), rfc_salt, 4096, &v));
	assert_false(scram_keys(SPAN("x"), span_of(salt, 0), 4096, &a, &b));
	assert_true(scram_keys(SPAN("x"), span_of(salt, 63), 4096, &a, &b));
	assert_true(scram_keys(SPAN("x"), span_of(salt, 64), 4096, &a, &b));
	assert_false(scram_keys(SPAN("x"), span_of(salt, 65), 4096, &a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7677),
		cmocka_unit_test(test_limits),
	};

	if (!crypto_library_start())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

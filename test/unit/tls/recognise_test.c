/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/recognise: the right texts, every single-byte and length change of their
 * fixed parts, and the confusion that the vault exists to prevent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/recognise.h"

static size_t make_13(char *p, size_t hash)
{
	memset(p, ' ', 64);
	memcpy(p + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(p + 98, 0xab, hash);
	return 98 + hash;
}

static size_t make_12(char *p, uint16_t curve, uint8_t point)
{
	memset(p, 0x5a, 64);
	p[64] = 3;
	p[65] = (char)(curve >> 8);
	p[66] = (char)curve;
	p[67] = (char)point;
	memset(p + 68, 0x11, point);
	if (curve != 0x1d)
		p[68] = 4;
	return 68u + point;
}

static enum tls_recognised ec(const char *p, size_t n)
{
	return tls_recognise(TLS_ECDSA_SHA256, span_of(p, n));
}

static void test_13(void **state)
{
	char p[256];

	(void)state;
	for (size_t n = 0; n < 120; n++)
		assert_int_equal(ec(p, make_13(p, n)),
				 n == 32 || n == 48 ? TLS_IS_13_VERIFY
						    : TLS_NOT_CONTEXT);
	for (size_t i = 0; i < 98; i++) {
		size_t n = make_13(p, 32);

		p[i] ^= 1;
		assert_false(tls_recognised_ok(ec(p, n)));
	}
	make_13(p, 32);
	memcpy(p + 64, "TLS 1.3, client CertificateVerify", 33);
	assert_int_equal(ec(p, 130), TLS_NOT_CONTEXT);
}

static void test_12(void **state)
{
	static const struct {
		uint16_t curve;
		uint8_t point;
	} good[] = {{0x1d, 32}, {0x17, 65}, {0x18, 97}, {0x19, 133}};
	char p[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		size_t n = make_12(p, good[i].curve, good[i].point);

		assert_int_equal(ec(p, n), TLS_IS_12_KEY_EXCHANGE);
		assert_int_equal(ec(p, n - 1), TLS_NOT_LENGTH);
		assert_int_equal(ec(p, n + 1), TLS_NOT_LENGTH);
		for (size_t k = 64; k < 68; k++)
			for (int bit = 0; bit < 8; bit++) {
				p[k] = (char)(p[k] ^ (1 << bit));
				assert_int_equal(ec(p, n), TLS_NOT_CURVE);
				p[k] = (char)(p[k] ^ (1 << bit));
			}
		p[68] = 2;
		assert_int_equal(ec(p, n), good[i].curve == 0x1d
						   ? TLS_IS_12_KEY_EXCHANGE
						   : TLS_NOT_CURVE);
	}
	/* x448, a finite-field group, and an explicit curve. */
	assert_int_equal(ec(p, make_12(p, 0x1e, 56)), TLS_NOT_LENGTH);
	assert_int_equal(ec(p, make_12(p, 0x100, 65)), TLS_NOT_CURVE);
	make_12(p, 0x17, 65);
	p[64] = 1;
	assert_int_equal(ec(p, 133), TLS_NOT_CURVE);
}

/* A client that chooses its random so that 1.2 begins like 1.3. */
static void test_confusion(void **state)
{
	char p[256];
	size_t n = make_12(p, 0x17, 65);

	(void)state;
	memset(p, ' ', 31);
	assert_int_equal(ec(p, n), TLS_IS_12_KEY_EXCHANGE);
	memset(p, ' ', 32);
	assert_int_equal(ec(p, n), TLS_NOT_CONTEXT);
	memset(p, ' ', 64);
	assert_int_equal(ec(p, n), TLS_NOT_CONTEXT);
}

static void test_schemes(void **state)
{
	static const uint16_t good[] = {0x0401, 0x0501, 0x0601, 0x0804, 0x0805,
					0x0806, 0x0403, 0x0503, 0x0807};
	char v13[256], v12[256];
	struct span a = span_of(v13, make_13(v13, 32));
	struct span b = span_of(v12, make_12(v12, 0x1d, 32));
	size_t known = 0;

	(void)state;
	for (unsigned s = 0; s <= 0xffff; s++)
		known += tls_recognised_ok(tls_recognise((uint16_t)s, b));
	assert_int_equal(known, ARRAY_LEN(good));
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(tls_recognise(good[i], b),
				 TLS_IS_12_KEY_EXCHANGE);
		assert_int_equal(tls_recognise(good[i], a),
				 i < 3 ? TLS_NOT_SCHEME : TLS_IS_13_VERIFY);
	}
	assert_int_equal(tls_recognise(0x0201, b), TLS_NOT_SCHEME); /* SHA-1 */
	assert_int_equal(tls_recognise(0, b), TLS_NOT_SCHEME);
}

static void test_short(void **state)
{
	char p[64] = {0};

	(void)state;
	for (size_t n = 0; n <= sizeof(p); n++)
		assert_int_equal(ec(p, n), TLS_NOT_LENGTH);
	assert_int_equal(tls_recognise(TLS_ED25519, span_of(NULL, 0)),
			 TLS_NOT_LENGTH);
	for (enum tls_recognised r = TLS_IS_13_VERIFY; r <= TLS_NOT_SCHEME; r++)
		assert_true(tls_recognised_text(r)[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_13),	  cmocka_unit_test(test_12),
		cmocka_unit_test(test_confusion), cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

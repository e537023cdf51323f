/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/recognise and tls/ffdhe: the right texts, every single-byte and length
 * change of their fixed parts, and the confusion that the vault exists to
 * prevent.  OpenSSL says which primes are right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "tls/ffdhe.h"
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
}

/* The same words of a client: an answer of its own. */
static void test_13_client(void **state)
{
	char p[256];

	(void)state;
	for (size_t n = 0; n < 120; n++) {
		size_t all = make_13(p, n);

		memcpy(p + 64, "TLS 1.3, client", 15);
		assert_int_equal(ec(p, all), n == 32 || n == 48
						     ? TLS_IS_13_CLIENT
						     : TLS_NOT_CONTEXT);
	}
	for (size_t i = 0; i < 98; i++) {
		size_t n = make_13(p, 48);

		memcpy(p + 64, "TLS 1.3, client", 15);
		p[i] ^= 1;
		assert_false(tls_recognised_ok(ec(p, n)));
	}
	make_13(p, 32);
	memcpy(p + 64, "TLS 1.3, clienr", 15);
	assert_int_equal(ec(p, 130), TLS_NOT_CONTEXT);
}

/* A handshake from its ClientHello on, which a client of 1.2 signs: never. */
static void test_12_client(void **state)
{
	static const unsigned char hello[] = {1, 0, 0, 200, 3, 3};
	static char p[20000];

	(void)state;
	memset(p, 0x11, sizeof(p));
	memcpy(p, hello, sizeof(hello));
	for (size_t n = 0; n <= sizeof(p); n++)
		assert_false(tls_recognised_ok(ec(p, n)));
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
	/* x448, the number of a finite-field group, and an explicit curve. */
	assert_int_equal(ec(p, make_12(p, 0x1e, 56)), TLS_NOT_LENGTH);
	assert_int_equal(ec(p, make_12(p, 0x100, 65)), TLS_NOT_CURVE);
	make_12(p, 0x17, 65);
	p[64] = 1;
	assert_int_equal(ec(p, 133), TLS_NOT_CURVE);
}

/* The prime of a group that OpenSSL knows by name. */
static size_t prime_of(const char *name, unsigned char *out, size_t cap)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *group = NULL;
	BIGNUM *p = NULL;
	size_t n;

	assert_int_equal(EVP_PKEY_paramgen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, name), 1);
	assert_int_equal(EVP_PKEY_paramgen(ctx, &group), 1);
	assert_int_equal(EVP_PKEY_get_bn_param(group, OSSL_PKEY_PARAM_FFC_P, &p),
			 1);
	n = (size_t)BN_num_bytes(p);
	assert_true(n <= cap);
	BN_bn2bin(p, out);
	BN_free(p);
	EVP_PKEY_free(group);
	EVP_PKEY_CTX_free(ctx);
	return n;
}

/* ServerDHParams with that prime, generator 2 and a public value of 0x33s. */
static size_t make_dhe(char *p, const unsigned char *prime, size_t n)
{
	memset(p, 0x5a, 64);
	p[64] = (char)(n >> 8);
	p[65] = (char)n;
	memcpy(p + 66, prime, n);
	memcpy(p + 66 + n, "\0\1\2", 3);
	memcpy(p + 69 + n, p + 64, 2);
	memset(p + 71 + n, 0x33, n);
	return 71 + 2 * n;
}

static enum tls_recognised rsa(const char *p, size_t n)
{
	return tls_recognise(TLS_RSA_PKCS1_SHA256, span_of(p, n));
}

static void test_dhe_groups(void **state)
{
	static const struct {
		const char *name;
		enum tls_dhe group;
		enum tls_recognised seen;
	} all[] = {
		{"ffdhe2048", TLS_DHE_2048, TLS_IS_12_DHE},
		{"ffdhe3072", TLS_DHE_3072, TLS_IS_12_DHE},
		{"ffdhe4096", TLS_DHE_4096, TLS_IS_12_DHE},
		{"ffdhe6144", TLS_DHE_OFF, TLS_NOT_LENGTH},
		{"ffdhe8192", TLS_DHE_OFF, TLS_NOT_LENGTH},
		{"modp_1536", TLS_DHE_OFF, TLS_NOT_LENGTH},
		{"modp_2048", TLS_DHE_OFF, TLS_NOT_GROUP},
		{"modp_3072", TLS_DHE_OFF, TLS_NOT_GROUP},
		{"modp_4096", TLS_DHE_OFF, TLS_NOT_GROUP},
		{"dh_2048_224", TLS_DHE_OFF, TLS_NOT_GROUP},
	};
	unsigned char prime[1024];
	char p[71 + 2 * sizeof(prime)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		size_t n = prime_of(all[i].name, prime, sizeof(prime));
		enum tls_dhe d = tls_ffdhe_of(span_of(prime, n));

		assert_int_equal(d, all[i].group);
		assert_int_equal(rsa(p, make_dhe(p, prime, n)), all[i].seen);
		if (d == TLS_DHE_OFF)
			continue;
		assert_string_equal(tls_ffdhe_name(d), all[i].name);
		assert_int_equal(tls_ffdhe_bytes(d), n);
	}
	assert_null(tls_ffdhe_name(TLS_DHE_OFF));
	assert_null(tls_ffdhe_name(TLS_DHE_KINDS));
	assert_int_equal(tls_ffdhe_bytes(TLS_DHE_OFF), 0);
	assert_int_equal(tls_ffdhe_bytes(TLS_DHE_KINDS), 0);
	assert_int_equal(tls_ffdhe_of(span_of(NULL, 0)), TLS_DHE_OFF);
}

/* No bit of the prime, the generator and the lengths may differ. */
static void test_dhe_text(void **state)
{
	static const char *const names[] = {"ffdhe2048", "ffdhe4096"};
	static const uint16_t schemes[] = {0x0401, 0x0501, 0x0601, 0x0804,
					   0x0805, 0x0806, 0x0403, 0x0503,
					   0x0807};
	unsigned char prime[512];
	char p[TLS_TBS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = prime_of(names[i], prime, sizeof(prime));
		size_t all = make_dhe(p, prime, n);

		assert_int_equal(rsa(p, all), TLS_IS_12_DHE);
		assert_int_equal(rsa(p, all - 1), TLS_NOT_LENGTH);
		assert_int_equal(rsa(p, all + 1), TLS_NOT_LENGTH);
		for (size_t k = 64; k < 71 + n; k++)
			for (int bit = 0; bit < 8; bit++) {
				p[k] = (char)(p[k] ^ (1 << bit));
				assert_int_equal(rsa(p, all), TLS_NOT_GROUP);
				p[k] = (char)(p[k] ^ (1 << bit));
			}
		/* No suite has DHE with another key than RSA's. */
		for (size_t k = 0; k < ARRAY_LEN(schemes); k++)
			assert_int_equal(
				tls_recognise(schemes[k], span_of(p, all)),
				k < 6 ? TLS_IS_12_DHE : TLS_NOT_SCHEME);
		memset(p, ' ', 32);
		assert_int_equal(rsa(p, all), TLS_NOT_CONTEXT);
	}
}

static enum tls_recognised with_public(char *p, size_t n, const char *y)
{
	memcpy(p + 71 + n, y, n);
	return rsa(p, 71 + 2 * n);
}

/* 1 < y < p - 1: limit - 1, limit and limit + 1 at both ends. */
static void test_dhe_public(void **state)
{
	unsigned char prime[512];
	char p[TLS_TBS_MAX], y[512] = {0};
	size_t n = prime_of("ffdhe2048", prime, sizeof(prime));

	(void)state;
	make_dhe(p, prime, n);
	for (int low = 0; low < 4; low++) {
		y[n - 1] = (char)low;
		assert_int_equal(with_public(p, n, y),
				 low > 1 ? TLS_IS_12_DHE : TLS_NOT_GROUP);
	}
	memset(y, 0, n);
	y[n - 2] = 1; /* 256 */
	assert_int_equal(with_public(p, n, y), TLS_IS_12_DHE);
	memcpy(y, prime, n);
	assert_int_equal(with_public(p, n, y), TLS_NOT_GROUP); /* p */
	y[n - 1] = (char)0xfe; /* p - 1, of order 2 */
	assert_int_equal(with_public(p, n, y), TLS_NOT_GROUP);
	y[n - 1] = (char)0xfd;
	assert_int_equal(with_public(p, n, y), TLS_IS_12_DHE);
	y[20] = (char)(prime[20] + 1); /* 0x28: it cannot overflow */
	assert_int_equal(with_public(p, n, y), TLS_NOT_GROUP);
	y[20] = (char)(prime[20] - 1);
	y[n - 1] = (char)0xff;
	assert_int_equal(with_public(p, n, y), TLS_IS_12_DHE);
	assert_false(tls_ffdhe_public(span_of(y, 0), span_of(prime, 0)));
	assert_false(tls_ffdhe_public(span_of(y, n - 1), span_of(prime, n)));
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
	char v13[256], client[256], v12[256];
	struct span a = span_of(v13, make_13(v13, 32));
	struct span c = span_of(client, make_13(client, 32));
	struct span b = span_of(v12, make_12(v12, 0x1d, 32));
	size_t known = 0;

	(void)state;
	memcpy(client + 64, "TLS 1.3, client", 15);
	for (unsigned s = 0; s <= 0xffff; s++)
		known += tls_recognised_ok(tls_recognise((uint16_t)s, b));
	assert_int_equal(known, ARRAY_LEN(good));
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(tls_recognise(good[i], b),
				 TLS_IS_12_KEY_EXCHANGE);
		assert_int_equal(tls_recognise(good[i], a),
				 i < 3 ? TLS_NOT_SCHEME : TLS_IS_13_VERIFY);
		assert_int_equal(tls_recognise(good[i], c),
				 i < 3 ? TLS_NOT_SCHEME : TLS_IS_13_CLIENT);
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
		cmocka_unit_test(test_13_client), cmocka_unit_test(test_12_client),
		cmocka_unit_test(test_dhe_groups), cmocka_unit_test(test_dhe_text),
		cmocka_unit_test(test_dhe_public),
		cmocka_unit_test(test_confusion), cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

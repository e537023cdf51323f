/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/dnssec: keys made here sign, and verify until one byte of anything is
 * another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/buf.h"
#include "crypto/dnssec.h"

struct signer {
	EVP_PKEY *key;
	const EVP_MD *md;
	size_t part; /* of ECDSA */
	struct buf public;
};

static void add_number(struct buf *b, const BIGNUM *n, size_t width)
{
	unsigned char out[1024];
	int len = BN_num_bytes(n);
	size_t w = width ? width : (size_t)len;
	assert_int_equal(BN_bn2binpad(n, out, (int)w), (int)w);
	buf_add(b, span_of(out, w));
}

static void make(struct signer *s, uint8_t algorithm)
{
	unsigned char raw[128];
	size_t len = sizeof raw;
	buf_init(&s->public, 2048);
	s->md = algorithm == 8 || algorithm == 13 ? EVP_sha256()
		: algorithm == 10		  ? EVP_sha512()
		: algorithm == 14		  ? EVP_sha384()
						  : NULL;
	s->part = algorithm == 13 ? 32 : algorithm == 14 ? 48 : 0;
	if (algorithm == 15) {
		s->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		assert_int_equal(EVP_PKEY_get_raw_public_key(s->key, raw, &len), 1);
		buf_add(&s->public, span_of(raw, len));
	} else if (s->part) {
		s->key = EVP_EC_gen(algorithm == 13 ? "P-256" : "P-384");
		assert_int_equal(EVP_PKEY_get_octet_string_param(
					 s->key, OSSL_PKEY_PARAM_PUB_KEY, raw,
					 sizeof raw, &len),
				 1);
		buf_add(&s->public, span_of(raw + 1, len - 1));
	} else {
		BIGNUM *n = NULL, *e = NULL;
		s->key = EVP_RSA_gen(2048);
		assert_int_equal(EVP_PKEY_get_bn_param(s->key, "n", &n), 1);
		assert_int_equal(EVP_PKEY_get_bn_param(s->key, "e", &e), 1);
		buf_addc(&s->public, (char)BN_num_bytes(e));
		add_number(&s->public, e, 0);
		add_number(&s->public, n, 0);
		BN_free(n);
		BN_free(e);
	}
}

static void sign(struct signer *s, struct span data, struct buf *out)
{
	unsigned char sig[1024];
	const unsigned char *p = sig;
	size_t len = sizeof sig;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(c, NULL, s->md, NULL, s->key), 1);
	assert_int_equal(EVP_DigestSign(c, sig, &len,
					(const unsigned char *)data.ptr, data.len),
			 1);
	EVP_MD_CTX_free(c);
	buf_clear(out);
	if (!s->part) {
		buf_add(out, span_of(sig, len));
		return;
	}
	ECDSA_SIG *e = d2i_ECDSA_SIG(NULL, &p, (long)len);
	assert_non_null(e);
	add_number(out, ECDSA_SIG_get0_r(e), s->part);
	add_number(out, ECDSA_SIG_get0_s(e), s->part);
	ECDSA_SIG_free(e);
}

/* One byte of it at a time is another one. */
static void bend(uint8_t algorithm, struct buf *b, struct span key,
		 struct span data, struct span sig)
{
	for (size_t i = 0; i < buf_len(b); i += 1 + buf_len(b) / 40) {
		b->data[b->from + i] ^= 1;
		assert_false(dnssec_verify(algorithm, key, data, sig));
		b->data[b->from + i] ^= 1;
	}
}

static void what_is_signed_verifies(void **state)
{
	static const uint8_t algorithms[] = {8, 10, 13, 14, 15};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		uint8_t a = algorithms[i];
		struct signer s = {0};
		struct buf sig, data;
		make(&s, a);
		buf_init(&sig, 2048);
		buf_init(&data, 2048);
		buf_add(&data, SPAN("the bytes that are signed"));
		struct span key = buf_span(&s.public), d = buf_span(&data);
		sign(&s, d, &sig);
		struct span g = buf_span(&sig);
		assert_true(dnssec_verify(a, key, d, g));
		bend(a, &data, key, d, g);
		bend(a, &sig, key, d, g);
		bend(a, &s.public, key, d, g);
		for (size_t n = 0; n < key.len; n += 1 + key.len / 40)
			assert_false(dnssec_verify(a, span_sub(key, 0, n), d, g));
		for (size_t n = 0; n < g.len; n += 1 + g.len / 40)
			assert_false(dnssec_verify(a, key, d, span_sub(g, 0, n)));
		for (unsigned other = 0; other < 256; other++)
			assert_int_equal(dnssec_verify((uint8_t)other, key, d, g),
					 other == a);
		buf_free(&sig);
		buf_free(&data);
		buf_free(&s.public);
		EVP_PKEY_free(s.key);
	}
}

/* Weak ones and ones without an end. */
static void odd_keys(void **state)
{
	static char big[600];
	(void)state;
	memset(big, 0x81, sizeof big);
	struct span sig = span_of(big, 256), data = SPAN("x");
	big[0] = 3;
	for (size_t n = 0; n < sizeof big; n++)
		assert_false(dnssec_verify(8, span_of(big, n), data, sig));
	big[0] = 0; /* the long form of the exponent's length */
	for (size_t n = 0; n < sizeof big; n++)
		assert_false(dnssec_verify(8, span_of(big, n), data, sig));
	assert_false(dnssec_verify(8, SPAN(""), data, sig));
	assert_false(dnssec_verify(13, SPAN(""), data, SPAN("")));
}

static void digests(void **state)
{
	uint8_t out[DNSSEC_DIGEST_MAX];
	(void)state;
	assert_int_equal(dnssec_digest(2, SPAN("abc"), out), 32);
	assert_memory_equal(out, "\xba\x78\x16\xbf\x8f\x01\xcf\xea", 8);
	assert_int_equal(dnssec_digest(4, SPAN("abc"), out), 48);
	assert_memory_equal(out, "\xcb\x00\x75\x3f\x45\xa3\x5e\x8b", 8);
	assert_int_equal(dnssec_digest(1, SPAN("abc"), out), 0);
	assert_int_equal(dnssec_digest(3, SPAN("abc"), out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_signed_verifies),
		cmocka_unit_test(odd_keys),
		cmocka_unit_test(digests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

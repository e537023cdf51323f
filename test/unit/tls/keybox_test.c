/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/keybox: loading, rights, schemes that fit, refusals, and that what it
 * signs verifies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "crypto/library.h"
#include "tls/ffdhe.h"
#include "tls/issue.h"
#include "tls/keybox.h"
#include "tls/pkey.h"

static const enum tls_key_kind kinds[4] = {TLS_KEY_RSA, TLS_KEY_P256,
					   TLS_KEY_P384, TLS_KEY_ED25519};

static struct span text_13(char *p)
{
	memset(p, ' ', 64);
	memcpy(p + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(p + 98, 1, 32);
	return span_of(p, 130);
}

static struct span text_12(char *p)
{
	memset(p, 9, 100);
	memcpy(p + 64, "\3\0\x1d\x20", 4);
	return span_of(p, 100);
}

static bool verifies(struct span pem, uint16_t scheme, struct span tbs,
		     const char *sig, size_t len)
{
	EVP_PKEY *key = tls_pkey_read(pem);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;
	const char *digest = scheme == TLS_ED25519	? NULL
			     : (scheme & 0xff00) == 0x0500 ||
				       scheme == 0x0805 ? "SHA384"
			     : scheme == 0x0601 || scheme == 0x0806
				     ? "SHA512"
				     : "SHA256";
	bool ok = EVP_DigestVerifyInit_ex(md, &ctx, digest, NULL, NULL, key,
					  NULL) == 1;

	if (ok && scheme >= 0x0804 && scheme <= 0x0806)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) >
			     0 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(
			     ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
	ok = ok && EVP_DigestVerify(md, (const unsigned char *)sig, len,
				    (const unsigned char *)tbs.ptr,
				    tbs.len) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return ok;
}

/* Which schemes each kind signs, in TLS 1.2 and in TLS 1.3. */
static void test_schemes(void **state)
{
	static const uint16_t all[] = {0x0401, 0x0501, 0x0601, 0x0804, 0x0805,
				       0x0806, 0x0403, 0x0503, 0x0807};
	static const unsigned fit12[4] = {0x3f, 0xc0, 0xc0, 0x100};
	static const unsigned fit13[4] = {0x38, 0x40, 0x80, 0x100};
	struct tls_keybox *box = tls_keybox_new();
	char sig[TLS_SIGNATURE_MAX], p13[256], p12[256];
	struct span tbs[2] = {text_12(p12), text_13(p13)};
	enum tls_recognised seen;
	size_t len;

	(void)state;
	for (uint32_t k = 0; k < 4; k++) {
		struct buf pem;

		buf_init(&pem, TLS_KEY_PEM_MAX);
		assert_true(tls_issue_key(kinds[k], 2048, &pem));
		assert_int_equal(tls_keybox_add(box, k, 1, buf_span(&pem)),
				 TLS_KEY_LOADED);
		for (unsigned i = 0; i < 18; i++) {
			unsigned fit = i < 9 ? fit12[k] : fit13[k];
			uint16_t scheme = all[i % 9];
			bool ok = tls_keybox_sign(box, 1, k, scheme, tbs[i / 9],
						  &seen, sig,
						  &len) == TLS_KEYBOX_SIGNED;

			assert_int_equal(ok, fit >> (i % 9) & 1);
			if (ok)
				assert_true(verifies(buf_span(&pem), scheme,
						     tbs[i / 9], sig, len));
		}
		buf_free(&pem);
	}
	tls_keybox_free(box);
}

static void test_refusals(void **state)
{
	struct tls_keybox *box = tls_keybox_new();
	static char large[1u << 20];
	char sig[TLS_SIGNATURE_MAX], p[256];
	struct span good = text_13(p);
	enum tls_recognised seen;
	unsigned char spki[32];
	struct buf pem;
	size_t len;

	(void)state;
	buf_init(&pem, TLS_KEY_PEM_MAX);
	assert_true(tls_issue_key(TLS_KEY_P256, 0, &pem));
	assert_int_equal(tls_keybox_add(box, 5, 2, buf_span(&pem)),
			 TLS_KEY_LOADED);
	assert_int_equal(tls_keybox_add(box, 5, 2, buf_span(&pem)),
			 TLS_KEY_DUPLICATE);
	assert_true(tls_keybox_spki(box, 5, spki));
	assert_false(tls_keybox_spki(box, 6, spki));
#define SIGN(rights, number, tbs)                                              \
	tls_keybox_sign(box, rights, number, TLS_ECDSA_SHA256, tbs, &seen,     \
			sig, &len)
	assert_int_equal(SIGN(2, 5, good), TLS_KEYBOX_SIGNED);
	assert_int_equal(SIGN(3, 5, good), TLS_KEYBOX_SIGNED);
	assert_int_equal(SIGN(1, 5, good), TLS_KEYBOX_NO_KEY);
	assert_int_equal(SIGN(0, 5, good), TLS_KEYBOX_NO_KEY);
	assert_int_equal(SIGN(2, 6, good), TLS_KEYBOX_NO_KEY);
	assert_int_equal(SIGN(2, 5, SPAN("sign me")), TLS_KEYBOX_UNRECOGNISED);
	assert_int_equal(seen, TLS_NOT_LENGTH);
	assert_int_equal(SIGN(2, 5, span_of(large, sizeof(large))),
			 TLS_KEYBOX_UNRECOGNISED);
	assert_true(tls_keybox_drop(box, 5));
	assert_false(tls_keybox_drop(box, 5));
	assert_int_equal(SIGN(2, 5, good), TLS_KEYBOX_NO_KEY);
#undef SIGN
	buf_free(&pem);
	tls_keybox_free(box);
	tls_keybox_free(NULL);
}

/* Two randoms and ServerDHParams: a group and a public value just made in it. */
static struct span text_dhe(const char *group, char *p)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *key = NULL;
	BIGNUM *prime = NULL, *y = NULL;
	int n;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, group), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_FFC_P,
					       &prime), 1);
	assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PUB_KEY,
					       &y), 1);
	n = BN_num_bytes(prime);
	memset(p, 9, 64);
	p[64] = (char)(n >> 8);
	p[65] = (char)n;
	BN_bn2bin(prime, (unsigned char *)p + 66);
	memcpy(p + 66 + n, "\0\1\2", 3);
	memcpy(p + 69 + n, p + 64, 2);
	BN_bn2binpad(y, (unsigned char *)p + 71 + n, n);
	BN_free(prime);
	BN_free(y);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	return span_of(p, (size_t)(71 + 2 * n));
}

/* A right of its own: nobody has it unasked, and it is the channel's. */
static void test_dhe(void **state)
{
	struct tls_keybox *box = tls_keybox_new();
	char sig[TLS_SIGNATURE_MAX], p[TLS_TBS_MAX], p12[128];
	struct span dhe, ecdhe = text_12(p12);
	enum tls_recognised seen;
	struct buf pem;
	size_t len;

	(void)state;
	buf_init(&pem, TLS_KEY_PEM_MAX);
	assert_true(tls_issue_key(TLS_KEY_RSA, 2048, &pem));
	assert_int_equal(tls_keybox_add(box, 5, 6, buf_span(&pem)),
			 TLS_KEY_LOADED);
#define SIGN(rights, tbs)                                                      \
	tls_keybox_sign(box, rights, 5, TLS_RSA_PSS_SHA256, tbs, &seen, sig,   \
			&len)
	for (enum tls_dhe d = TLS_DHE_2048; d < TLS_DHE_KINDS; d++) {
		dhe = text_dhe(tls_ffdhe_name(d), p);
		assert_true(tls_keybox_allow_dhe(box, 5, 0));
		assert_int_equal(SIGN(2, dhe), TLS_KEYBOX_UNRECOGNISED);
		assert_int_equal(seen, TLS_NOT_ALLOWED);
		assert_true(tls_keybox_allow_dhe(box, 5, 4));
		assert_int_equal(SIGN(2, dhe), TLS_KEYBOX_UNRECOGNISED);
		assert_int_equal(SIGN(1, dhe), TLS_KEYBOX_NO_KEY);
		assert_int_equal(SIGN(4, dhe), TLS_KEYBOX_SIGNED);
		assert_int_equal(seen, TLS_IS_12_DHE);
		assert_true(verifies(buf_span(&pem), TLS_RSA_PSS_SHA256, dhe,
				     sig, len));
	}
	assert_int_equal(SIGN(2, ecdhe), TLS_KEYBOX_SIGNED);
	dhe = text_dhe("modp_2048", p);
	assert_int_equal(SIGN(4, dhe), TLS_KEYBOX_UNRECOGNISED);
	assert_int_equal(seen, TLS_NOT_GROUP);
	assert_false(tls_keybox_allow_dhe(box, 6, 4));
#undef SIGN
	buf_free(&pem);
	tls_keybox_free(box);
}

/* A key of a server's signs for no client, one of a client's for no server. */
static void test_sides(void **state)
{
	struct tls_keybox *box = tls_keybox_new();
	char sig[TLS_SIGNATURE_MAX], server[256], client[256], p12[256];
	struct span as_server = text_13(server), as_client = text_13(client);
	struct span in_12 = text_12(p12);
	enum tls_recognised seen;
	struct buf pem;
	size_t len;

	(void)state;
	memcpy(client + 64, "TLS 1.3, client", 15);
	buf_init(&pem, TLS_KEY_PEM_MAX);
	assert_true(tls_issue_key(TLS_KEY_P256, 0, &pem));
	/* 1: channels 1 and 2 as servers; 2: channel 4 as a client; 3: both. */
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(tls_keybox_add(box, i, i == 2 ? 0 : 3,
						buf_span(&pem)),
				 TLS_KEY_LOADED);
	assert_false(tls_keybox_allow_client(box, 4, 4));
	assert_true(tls_keybox_allow_client(box, 2, 4));
	assert_true(tls_keybox_allow_client(box, 3, 4));
	for (uint32_t key = 1; key <= 3; key++)
		for (uint64_t channel = 1; channel <= 8; channel *= 2) {
			bool s = key != 2 && channel <= 2;
			bool c = key != 1 && channel == 4;
			enum tls_keybox_answer no =
				s || c ? TLS_KEYBOX_UNRECOGNISED
				       : TLS_KEYBOX_NO_KEY;

#define SIGN(tbs)                                                              \
	tls_keybox_sign(box, channel, key, TLS_ECDSA_SHA256, tbs, &seen, sig,  \
			&len)
			assert_int_equal(SIGN(as_server),
					 s ? TLS_KEYBOX_SIGNED : no);
			assert_int_equal(SIGN(in_12),
					 s ? TLS_KEYBOX_SIGNED : no);
			assert_int_equal(seen, s ? TLS_IS_12_KEY_EXCHANGE
						 : c ? TLS_NOT_SIDE
						     : TLS_IS_12_KEY_EXCHANGE);
			assert_int_equal(SIGN(as_client),
					 c ? TLS_KEYBOX_SIGNED : no);
			if (c)
				assert_true(verifies(buf_span(&pem),
						     TLS_ECDSA_SHA256,
						     as_client, sig, len));
#undef SIGN
		}
	/* The same hash and curve as a server's 1.3 text has. */
	assert_int_equal(tls_keybox_sign(box, 4, 2, TLS_ECDSA_SHA384, as_client,
					 &seen, sig, &len),
			 TLS_KEYBOX_SCHEME);
	buf_free(&pem);
	tls_keybox_free(box);
}

static void test_loading(void **state)
{
	static const struct span bad[] = {
		SPAN_INIT(""),
		SPAN_INIT("nothing"),
		SPAN_INIT("-----BEGIN PRIVATE KEY-----\nAAAA\n"
			  "-----END PRIVATE KEY-----\n"),
		SPAN_INIT("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
			  "-----END ENCRYPTED PRIVATE KEY-----\n"),
	};
	struct tls_keybox *box = tls_keybox_new();
	EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	EVP_PKEY *curve = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	EVP_PKEY *unfit[2] = {weak, curve};
	static char large[TLS_KEY_PEM_MAX + 1];
	struct buf pem;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(tls_keybox_add(box, 1, 1, bad[i]),
				 TLS_KEY_UNREADABLE);
	for (size_t i = 0; i < 2; i++) {
		BIO *bio = BIO_new(BIO_s_mem());
		char *p;
		long n;

		PEM_write_bio_PrivateKey(bio, unfit[i], NULL, NULL, 0, NULL,
					 NULL);
		n = BIO_get_mem_data(bio, &p);
		assert_int_equal(tls_keybox_add(box, 1, 1,
						span_of(p, (size_t)n)),
				 TLS_KEY_UNFIT);
		BIO_free(bio);
		EVP_PKEY_free(unfit[i]);
	}
	/* Padding after the key: limit - 1, limit, limit + 1. */
	buf_init(&pem, TLS_KEY_PEM_MAX);
	assert_true(tls_issue_key(TLS_KEY_ED25519, 0, &pem));
	memset(large, '\n', sizeof(large));
	memcpy(large, buf_span(&pem).ptr, buf_len(&pem));
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(
			tls_keybox_add(box, i, 1,
				       span_of(large, TLS_KEY_PEM_MAX - 1 + i)),
			i < 2 ? TLS_KEY_LOADED : TLS_KEY_UNREADABLE);
	for (uint32_t i = 2; i < TLS_KEYBOX_MAX; i++)
		assert_int_equal(tls_keybox_add(box, i, 1, buf_span(&pem)),
				 TLS_KEY_LOADED);
	assert_int_equal(tls_keybox_add(box, TLS_KEYBOX_MAX, 1, buf_span(&pem)),
			 TLS_KEY_FULL);
	buf_free(&pem);
	tls_keybox_free(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_dhe),
		cmocka_unit_test(test_sides),
		cmocka_unit_test(test_loading),
	};

	if (!crypto_library_start())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/dnssec - keys of DNS made into keys of libcrypto (RFC 3110, 6605, 8080).
 */
#include "crypto/dnssec.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define RSA_LEAST  128u /* bytes of the modulus */
#define RSA_MOST   512u
#define EC_PART    48u /* of P-384 */
#define SIG_DER    128u
#define ED25519_LEN 32u

static const unsigned char *bytes(struct span s)
{
	return (const unsigned char *)s.ptr;
}

static EVP_PKEY *made(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (c == NULL || params == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(c);
	return key;
}

/* Length of the exponent in one byte, or in two behind a zero. */
static EVP_PKEY *rsa_key(struct span k)
{
	size_t len = k.len > 0 ? bytes(k)[0] : 0, skip = 1;
	if (len == 0 && k.len > 3) {
		len = (size_t)bytes(k)[1] << 8 | bytes(k)[2];
		skip = 3;
	}
	if (len == 0 || k.len < skip + len)
		return NULL;
	struct span e = span_sub(k, skip, len), n = span_skip(k, skip + len);
	if (n.len < RSA_LEAST || n.len > RSA_MOST || e.len > n.len)
		return NULL;
	BIGNUM *bn = BN_bin2bn(bytes(n), (int)n.len, NULL);
	BIGNUM *be = BN_bin2bn(bytes(e), (int)e.len, NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	if (bn != NULL && be != NULL && b != NULL &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		params = OSSL_PARAM_BLD_to_param(b);
	key = made("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(bn);
	BN_free(be);
	return key;
}

static EVP_PKEY *ec_key(struct span k, const char *group, size_t part)
{
	unsigned char point[1 + 2 * EC_PART] = {4}; /* uncompressed */
	char name[8];
	if (k.len != 2 * part)
		return NULL;
	memcpy(point + 1, k.ptr, k.len);
	memcpy(name, group, strlen(group) + 1);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name,
						 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
						  1 + k.len),
		OSSL_PARAM_construct_end()};
	return made("EC", params);
}

/* r and s behind each other become DER; the length, or 0. */
static size_t ec_signature(struct span s, size_t part,
			   unsigned char der[SIG_DER])
{
	if (s.len != 2 * part)
		return 0;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(bytes(s), (int)part, NULL);
	BIGNUM *t = BN_bin2bn(bytes(s) + part, (int)part, NULL);
	int len = 0;
	if (sig == NULL || r == NULL || t == NULL ||
	    ECDSA_SIG_set0(sig, r, t) != 1) {
		BN_free(r);
		BN_free(t);
	} else if (i2d_ECDSA_SIG(sig, NULL) <= (int)SIG_DER) {
		len = i2d_ECDSA_SIG(sig, &der);
	}
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

static bool verify(EVP_PKEY *key, const EVP_MD *md, struct span data,
		   const unsigned char *sig, size_t len)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool good = key != NULL && c != NULL && len > 0 &&
		    EVP_DigestVerifyInit(c, NULL, md, NULL, key) == 1 &&
		    EVP_DigestVerify(c, sig, len, bytes(data), data.len) == 1;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}

bool dnssec_verify(uint8_t algorithm, struct span key, struct span data,
		   struct span sig)
{
	unsigned char der[SIG_DER];
	switch (algorithm) {
	case 8:
		return verify(rsa_key(key), EVP_sha256(), data, bytes(sig),
			      sig.len);
	case 10:
		return verify(rsa_key(key), EVP_sha512(), data, bytes(sig),
			      sig.len);
	case 13:
		return verify(ec_key(key, "P-256", 32), EVP_sha256(), data, der,
			      ec_signature(sig, 32, der));
	case 14:
		return verify(ec_key(key, "P-384", 48), EVP_sha384(), data, der,
			      ec_signature(sig, 48, der));
	case 15:
		if (key.len != ED25519_LEN)
			return false;
		return verify(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
							  bytes(key), key.len),
			      NULL, data, bytes(sig), sig.len);
	default:
		return false;
	}
}

size_t dnssec_digest(uint8_t type, struct span data,
		     uint8_t out[DNSSEC_DIGEST_MAX])
{
	const EVP_MD *md = type == 2   ? EVP_sha256()
			   : type == 4 ? EVP_sha384()
				       : NULL;
	unsigned len = 0;
	if (md == NULL ||
	    EVP_Digest(bytes(data), data.len, out, &len, md, NULL) != 1)
		return 0;
	return len;
}

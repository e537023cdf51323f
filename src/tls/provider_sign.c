/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/provider_sign - the SIGNATURE half of the provider.
 *
 * One-shot signing of a whole text only: OpenSSL's TLS always signs so, and a
 * digest would tell the vault nothing.  The owner's function may park the fiber
 * here; the last act is to clear the error queue, which is the thread's and so
 * may hold another connection's errors by then.
 */
#include "tls/provider.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <stdlib.h>

#include "base/ensure.h"

#define TAG_SIGN TAG4('r', 's', 'i', 'g')

enum digest { DIGEST_NONE, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };

struct remote_sign {
	uint32_t tag;
	struct remote_key *key;
	enum digest digest;
	bool pss;
};

static void *sign_new(void *provider, const char *query)
{
	struct remote_sign *s = calloc(1, sizeof(*s));

	(void)provider;
	(void)query;
	if (s)
		s->tag = TAG_SIGN;
	return s;
}

static void sign_free(void *context)
{
	struct remote_sign *s = context;

	if (!s)
		return;
	ENSURE_TAG(s, TAG_SIGN);
	remote_key_drop(s->key);
	s->tag = 0;
	free(s);
}

static bool set_digest(struct remote_sign *s, const char *name)
{
	static const struct {
		const char *name;
		enum digest digest;
	} known[] = {
		{"SHA256", DIGEST_SHA256},   {"SHA2-256", DIGEST_SHA256},
		{"SHA384", DIGEST_SHA384},   {"SHA2-384", DIGEST_SHA384},
		{"SHA512", DIGEST_SHA512},   {"SHA2-512", DIGEST_SHA512},
	};

	if (!name || *name == '\0') {
		s->digest = DIGEST_NONE;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (OPENSSL_strcasecmp(name, known[i].name) == 0) {
			s->digest = known[i].digest;
			return true;
		}
	return false;
}

static int sign_set(void *context, const OSSL_PARAM params[])
{
	struct remote_sign *s = context;
	const OSSL_PARAM *p;
	const char *text = NULL;
	int n = 0;

	p = params ? OSSL_PARAM_locate_const(params,
					     OSSL_SIGNATURE_PARAM_PAD_MODE)
		   : NULL;
	if (p && p->data_type == OSSL_PARAM_UTF8_STRING) {
		if (OSSL_PARAM_get_utf8_string_ptr(p, &text) != 1)
			return 0;
		s->pss = strcmp(text, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	} else if (p) {
		if (OSSL_PARAM_get_int(p, &n) != 1)
			return 0;
		s->pss = n == RSA_PKCS1_PSS_PADDING;
	}
	/* The salt is always as long as the digest: all that TLS allows. */
	p = params ? OSSL_PARAM_locate_const(params,
					     OSSL_SIGNATURE_PARAM_PSS_SALTLEN)
		   : NULL;
	if (p && p->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_int(p, &n) == 1 &&
		       n == RSA_PSS_SALTLEN_DIGEST;
	return 1;
}

static int sign_init(void *context, const char *digest, void *key,
		     const OSSL_PARAM params[])
{
	struct remote_sign *s = context;
	struct remote_key *k = key;

	ENSURE_TAG(s, TAG_SIGN);
	if (k) {
		remote_key_hold(k);
		remote_key_drop(s->key);
		s->key = k;
	}
	return s->key && s->key->has_number && set_digest(s, digest) &&
	       sign_set(s, params);
}

static const OSSL_PARAM *sign_settable(void *context, void *provider)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL,
				       0),
		OSSL_PARAM_END,
	};

	(void)context;
	(void)provider;
	return list;
}

static bool scheme_of(const struct remote_sign *s, enum tls_scheme *out)
{
	static const enum tls_scheme pkcs1[] = {
		0, TLS_RSA_PKCS1_SHA256, TLS_RSA_PKCS1_SHA384,
		TLS_RSA_PKCS1_SHA512};
	static const enum tls_scheme pss[] = {
		0, TLS_RSA_PSS_SHA256, TLS_RSA_PSS_SHA384, TLS_RSA_PSS_SHA512};

	switch (s->key->kind) {
	case REMOTE_RSA:
		*out = s->pss ? pss[s->digest] : pkcs1[s->digest];
		return s->digest != DIGEST_NONE;
	case REMOTE_EC:
		*out = s->digest == DIGEST_SHA384 ? TLS_ECDSA_SHA384
						  : TLS_ECDSA_SHA256;
		return s->digest == DIGEST_SHA256 || s->digest == DIGEST_SHA384;
	case REMOTE_ED25519:
		*out = TLS_ED25519;
		return s->digest == DIGEST_NONE;
	}
	return false;
}

static int sign_now(void *context, unsigned char *out, size_t *len, size_t cap,
		    const unsigned char *tbs, size_t tbs_len)
{
	struct remote_sign *s = context;
	const struct tls_signer *signer;
	enum tls_sign_result r;
	enum tls_scheme scheme;
	size_t n = 0;

	ENSURE_TAG(s, TAG_SIGN);
	if (!s->key || !scheme_of(s, &scheme) || tbs_len > TLS_TBS_MAX)
		return 0;
	if (!out) {
		*len = s->key->signature_max;
		return 1;
	}
	signer = &s->key->provider->signer;
	r = signer->sign(signer->owner, s->key->number, scheme,
			 span_of(tbs, tbs_len), (char *)out, cap, &n);
	ERR_clear_error();
	if (r != TLS_SIGNED)
		return 0;
	ENSURE(n <= cap);
	*len = n;
	return n > 0;
}

#define FN(f) ((void (*)(void))(f))
static const OSSL_DISPATCH sign_functions[] = {
	{OSSL_FUNC_SIGNATURE_NEWCTX, FN(sign_new)},
	{OSSL_FUNC_SIGNATURE_FREECTX, FN(sign_free)},
	{OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FN(sign_init)},
	{OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FN(sign_now)},
	{OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FN(sign_set)},
	{OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FN(sign_settable)},
	{0, NULL},
};

const OSSL_ALGORITHM provider_signature[] = {
	{"RSA:rsaEncryption", "provider=" PROVIDER_NAME, sign_functions, NULL},
	{"ECDSA", "provider=" PROVIDER_NAME, sign_functions, NULL},
	{"ED25519", "provider=" PROVIDER_NAME, sign_functions, NULL},
	{NULL, NULL, NULL, NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/provider - an OpenSSL provider whose private keys are numbers.
 *
 * Private to tls/.  A key holds public parameters and the vault's number; its
 * signature operation hands scheme and text to the tls_signer.  OpenSSL asks
 * its default provider first, cannot export such a key to it, and falls back
 * to ours, so no property query is needed.
 */
#pragma once

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>

#include "tls/sign.h"

#define PROVIDER_NAME "letterlock"
/* The private parameter of EVP_PKEY_fromdata. */
#define PROVIDER_KEY_NUMBER "letterlock-key"

enum remote_kind { REMOTE_RSA, REMOTE_EC, REMOTE_ED25519 };

/* The provider's context: whom to ask. */
struct provider {
	OSSL_LIB_CTX *lib;
	struct tls_signer signer;
};

struct remote_key {
	uint32_t tag;
	unsigned references;
	const struct provider *provider;
	enum remote_kind kind;
	bool has_public, has_number;
	uint32_t number;
	int bits, security;
	size_t signature_max;
	OSSL_PARAM *public; /* owned; what export hands out */
};

extern const OSSL_ALGORITHM provider_keymgmt[];
extern const OSSL_ALGORITHM provider_signature[];

void remote_key_hold(struct remote_key *);
void remote_key_drop(struct remote_key *);

/* The entry point for OSSL_PROVIDER_add_builtin. */
int provider_init(const OSSL_CORE_HANDLE *, const OSSL_DISPATCH *in,
		  const OSSL_DISPATCH **out, void **context);

/* A key with the public half of `leaf` and the vault's number.  NULL: no. */
EVP_PKEY *provider_key(OSSL_LIB_CTX *, EVP_PKEY *leaf, uint32_t number);

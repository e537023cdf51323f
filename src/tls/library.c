/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/library - the library context, its two providers, and keys made in it.
 *
 * There is no global to find the signer by: our init makes the provider's
 * context, keys remember it, and tls_library_new fills it in right after
 * loading, before any key exists.
 */
#include "tls/library_own.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <stdlib.h>
#include <time.h>

#include "base/ensure.h"
#include "tls/pkey.h"

static const OSSL_ALGORITHM *query(void *context, int operation, int *no_cache)
{
	(void)context;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return provider_keymgmt;
	if (operation == OSSL_OP_SIGNATURE)
		return provider_signature;
	return NULL;
}

static void teardown(void *context) { free(context); }

#define FN(f) ((void (*)(void))(f))
static const OSSL_DISPATCH functions[] = {
	{OSSL_FUNC_PROVIDER_QUERY_OPERATION, FN(query)},
	{OSSL_FUNC_PROVIDER_TEARDOWN, FN(teardown)},
	{0, NULL},
};

int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		  const OSSL_DISPATCH **out, void **context)
{
	struct provider *p = calloc(1, sizeof(*p));

	(void)handle;
	(void)in;
	if (!p)
		return 0;
	*out = functions;
	*context = p;
	return 1;
}

struct tls_library *tls_library_new(const struct tls_signer *signer)
{
	struct tls_library *l = calloc(1, sizeof(*l));
	struct provider *p;
	unsigned char byte;

	if (!l)
		return NULL;
	l->tag = TAG_LIBRARY;
	/* The first conversion of a time, UTC too, opens the zone's file. */
	tzset();
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
				     OPENSSL_INIT_LOAD_SSL_STRINGS |
				     OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
				     OPENSSL_INIT_NO_ATEXIT,
			     NULL) == 1 &&
	    (l->lib = OSSL_LIB_CTX_new()) != NULL &&
	    OSSL_PROVIDER_add_builtin(l->lib, PROVIDER_NAME, provider_init) == 1 &&
	    (l->defaults = OSSL_PROVIDER_load(l->lib, "default")) != NULL &&
	    (l->own = OSSL_PROVIDER_load(l->lib, PROVIDER_NAME)) != NULL &&
	    (l->transport = transport_method()) != NULL &&
	    RAND_bytes_ex(l->lib, &byte, 1, 0) == 1 &&
	    RAND_priv_bytes_ex(l->lib, &byte, 1, 0) == 1) {
		p = OSSL_PROVIDER_get0_provider_ctx(l->own);
		p->lib = l->lib;
		p->signer = *signer;
		return l;
	}
	ERR_clear_error();
	tls_library_free(l);
	return NULL;
}

void tls_library_free(struct tls_library *l)
{
	if (!l)
		return;
	ENSURE_TAG(l, TAG_LIBRARY);
	if (l->own)
		OSSL_PROVIDER_unload(l->own);
	if (l->defaults)
		OSSL_PROVIDER_unload(l->defaults);
	BIO_meth_free(l->transport);
	OSSL_LIB_CTX_free(l->lib);
	l->tag = 0;
	free(l);
}

/* The leaf's public parameters and the number, as one list. */
static OSSL_PARAM *key_params(EVP_PKEY *leaf, uint32_t number)
{
	OSSL_PARAM *public = NULL, *private = NULL, *all = NULL;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

	if (build &&
	    OSSL_PARAM_BLD_push_uint32(build, PROVIDER_KEY_NUMBER, number) == 1)
		private = OSSL_PARAM_BLD_to_param(build);
	if (private && EVP_PKEY_todata(leaf, EVP_PKEY_PUBLIC_KEY, &public) == 1)
		all = OSSL_PARAM_merge(public, private);
	/* merge copies pointers only: make one list that owns its values. */
	if (all) {
		OSSL_PARAM *copy = OSSL_PARAM_dup(all);
		OSSL_PARAM_free(all);
		all = copy;
	}
	OSSL_PARAM_free(public);
	OSSL_PARAM_free(private);
	OSSL_PARAM_BLD_free(build);
	return all;
}

EVP_PKEY *provider_key(OSSL_LIB_CTX *lib, EVP_PKEY *leaf, uint32_t number)
{
	enum tls_key_kind kind;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params = NULL;
	const char *name;
	int bits;

	if (!tls_pkey_kind(leaf, &kind, &bits))
		return NULL;
	name = kind == TLS_KEY_RSA	 ? "RSA"
	       : kind == TLS_KEY_ED25519 ? "ED25519"
					 : "EC";
	params = key_params(leaf, number);
	ctx = EVP_PKEY_CTX_new_from_name(lib, name, "provider=" PROVIDER_NAME);
	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/provider_key - the KEYMGMT half of the provider: RSA, EC and Ed25519.
 *
 * Must never: hand out anything private; there is nothing but a number, and
 * export refuses selections that ask for it.
 */
#include "tls/provider.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <stdlib.h>

#include "base/ensure.h"

#define TAG_KEY TAG4('r', 'k', 'e', 'y')

static struct remote_key *key_new(void *provider, enum remote_kind kind)
{
	struct remote_key *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->tag = TAG_KEY;
	k->references = 1;
	k->provider = provider;
	k->kind = kind;
	return k;
}

static void *rsa_new(void *p) { return key_new(p, REMOTE_RSA); }
static void *ec_new(void *p) { return key_new(p, REMOTE_EC); }
static void *ed_new(void *p) { return key_new(p, REMOTE_ED25519); }

void remote_key_hold(struct remote_key *k)
{
	ENSURE_TAG(k, TAG_KEY);
	k->references++;
}

void remote_key_drop(struct remote_key *k)
{
	if (!k)
		return;
	ENSURE_TAG(k, TAG_KEY);
	if (--k->references > 0)
		return;
	OSSL_PARAM_free(k->public);
	k->tag = 0;
	free(k);
}

static void key_free(void *k) { remote_key_drop(k); }

static int key_has(const void *key, int selection)
{
	const struct remote_key *k = key;

	if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && !k->has_public)
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !k->has_number)
		return 0;
	return 1;
}

static bool same_param(const struct remote_key *a, const struct remote_key *b,
		       const char *name)
{
	const OSSL_PARAM *x = OSSL_PARAM_locate_const(a->public, name);
	const OSSL_PARAM *y = OSSL_PARAM_locate_const(b->public, name);

	return x && y && x->data_size == y->data_size &&
	       memcmp(x->data, y->data, x->data_size) == 0;
}

static int key_match(const void *a, const void *b, int selection)
{
	const struct remote_key *x = a, *y = b;

	if (x->kind != y->kind || !x->has_public || !y->has_public)
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_ALL) == 0)
		return 1;
	if (x->kind == REMOTE_RSA)
		return same_param(x, y, OSSL_PKEY_PARAM_RSA_N) &&
		       same_param(x, y, OSSL_PKEY_PARAM_RSA_E);
	return same_param(x, y, OSSL_PKEY_PARAM_PUB_KEY);
}

static bool rsa_sizes(struct remote_key *k, const OSSL_PARAM params[])
{
	const OSSL_PARAM *n = OSSL_PARAM_locate_const(params,
						      OSSL_PKEY_PARAM_RSA_N);
	BIGNUM *bn = NULL;

	if (!n || !OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_E) ||
	    OSSL_PARAM_get_BN(n, &bn) != 1)
		return false;
	k->bits = BN_num_bits(bn);
	k->security = BN_security_bits(k->bits, -1);
	k->signature_max = (size_t)BN_num_bytes(bn);
	BN_free(bn);
	return k->signature_max <= TLS_SIGNATURE_MAX;
}

static bool ec_sizes(struct remote_key *k, const OSSL_PARAM params[])
{
	const OSSL_PARAM *g = OSSL_PARAM_locate_const(
		params, OSSL_PKEY_PARAM_GROUP_NAME);
	const char *name = NULL;

	if (!g || OSSL_PARAM_get_utf8_string_ptr(g, &name) != 1 || !name ||
	    !OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY))
		return false;
	k->bits = strcmp(name, "secp384r1") == 0 ? 384 : 256;
	k->security = k->bits / 2;
	/* SEQUENCE of two INTEGERs, each with a possible leading zero. */
	k->signature_max = (size_t)k->bits / 4 + 9;
	return strcmp(name, "secp384r1") == 0 ||
	       strcmp(name, "prime256v1") == 0;
}

static bool ed_sizes(struct remote_key *k, const OSSL_PARAM params[])
{
	k->bits = 256;
	k->security = 128;
	k->signature_max = 64;
	return OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY) != NULL;
}

static bool key_sizes(struct remote_key *k, const OSSL_PARAM params[])
{
	switch (k->kind) {
	case REMOTE_RSA:
		return rsa_sizes(k, params);
	case REMOTE_EC:
		return ec_sizes(k, params);
	case REMOTE_ED25519:
		return ed_sizes(k, params);
	}
	return false;
}

static const char *const public_names[] = {
	OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PKEY_PARAM_PUB_KEY,
};

static int key_import(void *key, int selection, const OSSL_PARAM params[])
{
	struct remote_key *k = key;
	OSSL_PARAM pick[ARRAY_LEN(public_names) + 1];
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params,
						      PROVIDER_KEY_NUMBER);
	size_t n = 0;

	if (!key_sizes(k, params))
		return 0;
	if (p && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) {
		if (OSSL_PARAM_get_uint32(p, &k->number) != 1)
			return 0;
		k->has_number = true;
	}
	for (size_t i = 0; i < ARRAY_LEN(public_names); i++) {
		p = OSSL_PARAM_locate_const(params, public_names[i]);
		if (p)
			pick[n++] = *p;
	}
	pick[n] = OSSL_PARAM_construct_end();
	OSSL_PARAM_free(k->public);
	k->public = OSSL_PARAM_dup(pick);
	k->has_public = k->public != NULL;
	return k->has_public;
}

static int key_export(void *key, int selection, OSSL_CALLBACK *give, void *arg)
{
	struct remote_key *k = key;

	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ||
	    !k->has_public)
		return 0;
	return give(k->public, arg);
}

static const OSSL_PARAM *key_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_uint32(PROVIDER_KEY_NUMBER, NULL),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

static bool give_text(OSSL_PARAM params[], const char *name, const char *text)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_utf8_string(p, text) == 1;
}

static bool give_int(OSSL_PARAM params[], const char *name, int value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_int(p, value) == 1;
}

static int key_get(void *key, OSSL_PARAM params[])
{
	struct remote_key *k = key;
	const char *group = k->bits == 384 ? "secp384r1" : "prime256v1";

	if (!give_int(params, OSSL_PKEY_PARAM_BITS, k->bits) ||
	    !give_int(params, OSSL_PKEY_PARAM_SECURITY_BITS, k->security) ||
	    !give_int(params, OSSL_PKEY_PARAM_MAX_SIZE, (int)k->signature_max))
		return 0;
	if (k->kind == REMOTE_EC &&
	    (!give_text(params, OSSL_PKEY_PARAM_GROUP_NAME, group) ||
	     !give_text(params, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
			"uncompressed")))
		return 0;
	/* Ed25519 hashes by itself and takes no digest. */
	return k->kind == REMOTE_ED25519
		       ? give_text(params, OSSL_PKEY_PARAM_MANDATORY_DIGEST, "")
		       : give_text(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST,
				   "SHA256");
}

static const OSSL_PARAM *key_gettable(void *provider)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL,
				       0),
		OSSL_PARAM_utf8_string(
			OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return list;
}

static const char *rsa_operation(int id)
{
	(void)id;
	return "RSA";
}
static const char *ec_operation(int id)
{
	return id == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}
static const char *ed_operation(int id)
{
	(void)id;
	return "ED25519";
}

#define FN(f) ((void (*)(void))(f))
#define KEYMGMT(make, operation)                                               \
	{                                                                      \
		{OSSL_FUNC_KEYMGMT_NEW, FN(make)},                             \
		{OSSL_FUNC_KEYMGMT_FREE, FN(key_free)},                        \
		{OSSL_FUNC_KEYMGMT_HAS, FN(key_has)},                          \
		{OSSL_FUNC_KEYMGMT_MATCH, FN(key_match)},                      \
		{OSSL_FUNC_KEYMGMT_IMPORT, FN(key_import)},                    \
		{OSSL_FUNC_KEYMGMT_IMPORT_TYPES, FN(key_types)},               \
		{OSSL_FUNC_KEYMGMT_EXPORT, FN(key_export)},                    \
		{OSSL_FUNC_KEYMGMT_EXPORT_TYPES, FN(key_types)},               \
		{OSSL_FUNC_KEYMGMT_GET_PARAMS, FN(key_get)},                   \
		{OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FN(key_gettable)},         \
		{OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FN(operation)},       \
		{0, NULL},                                                     \
	}

static const OSSL_DISPATCH rsa_keymgmt[] = KEYMGMT(rsa_new, rsa_operation);
static const OSSL_DISPATCH ec_keymgmt[] = KEYMGMT(ec_new, ec_operation);
static const OSSL_DISPATCH ed_keymgmt[] = KEYMGMT(ed_new, ed_operation);

const OSSL_ALGORITHM provider_keymgmt[] = {
	{"RSA:rsaEncryption", "provider=" PROVIDER_NAME, rsa_keymgmt, NULL},
	{"EC:id-ecPublicKey", "provider=" PROVIDER_NAME, ec_keymgmt, NULL},
	{"ED25519", "provider=" PROVIDER_NAME, ed_keymgmt, NULL},
	{NULL, NULL, NULL, NULL},
};

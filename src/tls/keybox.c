/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/keybox - the vault's keys: an unsorted table.
 *
 * A linear search over numbers costs less than the signature by three orders
 * of magnitude.  Must never: ask for a passphrase on a terminal, or sign before
 * tls_recognise has said yes.
 */
#include "tls/keybox.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdlib.h>

#include "base/ensure.h"
#include "crypto/hash.h"
#include "tls/pkey.h"

#define TAG_BOX TAG4('k', 'b', 'o', 'x')

struct entry {
	uint32_t number;
	enum tls_key_kind kind;
	/* Masks of channels: as servers, in finite fields too, as clients. */
	uint64_t rights, dhe, client;
	EVP_PKEY *pkey;
};

struct tls_keybox {
	uint32_t tag;
	size_t count;
	struct entry entries[TLS_KEYBOX_MAX];
};

struct tls_keybox *tls_keybox_new(void)
{
	struct tls_keybox *b = calloc(1, sizeof(*b));

	if (b)
		b->tag = TAG_BOX;
	return b;
}

void tls_keybox_free(struct tls_keybox *b)
{
	if (!b)
		return;
	ENSURE_TAG(b, TAG_BOX);
	/* libcrypto clears the secret numbers of a key when it frees it. */
	for (size_t i = 0; i < b->count; i++)
		EVP_PKEY_free(b->entries[i].pkey);
	b->tag = 0;
	free(b);
}

static struct entry *find(struct tls_keybox *b, uint32_t number)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->entries[i].number == number)
			return &b->entries[i];
	return NULL;
}

enum tls_key_load tls_keybox_add(struct tls_keybox *b, uint32_t number,
				 uint64_t rights, struct span pem)
{
	EVP_PKEY *pkey;
	enum tls_key_kind kind;
	int bits;

	ENSURE_TAG(b, TAG_BOX);
	if (find(b, number))
		return TLS_KEY_DUPLICATE;
	if (b->count == TLS_KEYBOX_MAX)
		return TLS_KEY_FULL;
	if (pem.len > TLS_KEY_PEM_MAX)
		return TLS_KEY_UNREADABLE;
	pkey = tls_pkey_read(pem);
	if (!pkey)
		return TLS_KEY_UNREADABLE;
	if (!tls_pkey_kind(pkey, &kind, &bits) ||
	    (kind == TLS_KEY_RSA && (bits < TLS_RSA_MIN || bits > 8192))) {
		EVP_PKEY_free(pkey);
		return TLS_KEY_UNFIT;
	}
	b->entries[b->count++] = (struct entry){.number = number,
						.kind = kind,
						.rights = rights,
						.pkey = pkey};
	return TLS_KEY_LOADED;
}

bool tls_keybox_allow_dhe(struct tls_keybox *b, uint32_t number,
			  uint64_t rights)
{
	struct entry *e;

	ENSURE_TAG(b, TAG_BOX);
	e = find(b, number);
	if (e)
		e->dhe = rights;
	return e != NULL;
}

bool tls_keybox_allow_client(struct tls_keybox *b, uint32_t number,
			     uint64_t rights)
{
	struct entry *e;

	ENSURE_TAG(b, TAG_BOX);
	e = find(b, number);
	if (e)
		e->client = rights;
	return e != NULL;
}

bool tls_keybox_drop(struct tls_keybox *b, uint32_t number)
{
	struct entry *e;

	ENSURE_TAG(b, TAG_BOX);
	e = find(b, number);
	if (!e)
		return false;
	EVP_PKEY_free(e->pkey);
	*e = b->entries[--b->count];
	memset(&b->entries[b->count], 0, sizeof(*e));
	return true;
}

bool tls_keybox_spki(struct tls_keybox *b, uint32_t number,
		     unsigned char out[32])
{
	const struct entry *e;

	ENSURE_TAG(b, TAG_BOX);
	e = find(b, number);
	return e && tls_pkey_spki(e->pkey, out);
}

static bool fits(enum tls_key_kind kind, enum tls_scheme scheme,
		 enum tls_recognised seen)
{
	bool tls13 = seen == TLS_IS_13_VERIFY || seen == TLS_IS_13_CLIENT;

	switch (kind) {
	case TLS_KEY_RSA:
		return scheme == TLS_RSA_PKCS1_SHA256 ||
		       scheme == TLS_RSA_PKCS1_SHA384 ||
		       scheme == TLS_RSA_PKCS1_SHA512 ||
		       scheme == TLS_RSA_PSS_SHA256 ||
		       scheme == TLS_RSA_PSS_SHA384 ||
		       scheme == TLS_RSA_PSS_SHA512;
	case TLS_KEY_P256: /* 1.3 ties the hash to the curve, 1.2 does not */
		return scheme == TLS_ECDSA_SHA256 ||
		       (!tls13 && scheme == TLS_ECDSA_SHA384);
	case TLS_KEY_P384:
		return scheme == TLS_ECDSA_SHA384 ||
		       (!tls13 && scheme == TLS_ECDSA_SHA256);
	case TLS_KEY_ED25519:
		return scheme == TLS_ED25519;
	}
	return false;
}

static const EVP_MD *scheme_digest(enum tls_scheme scheme)
{
	switch (scheme) {
	case TLS_RSA_PKCS1_SHA256:
	case TLS_RSA_PSS_SHA256:
	case TLS_ECDSA_SHA256:
		return EVP_sha256();
	case TLS_RSA_PKCS1_SHA384:
	case TLS_RSA_PSS_SHA384:
	case TLS_ECDSA_SHA384:
		return EVP_sha384();
	case TLS_RSA_PKCS1_SHA512:
	case TLS_RSA_PSS_SHA512:
		return EVP_sha512();
	case TLS_ED25519:
		return NULL;
	}
	return NULL;
}

static bool sign(EVP_PKEY *pkey, enum tls_scheme scheme, struct span tbs,
		 char out[TLS_SIGNATURE_MAX], size_t *len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	size_t n = TLS_SIGNATURE_MAX;
	bool pss = scheme == TLS_RSA_PSS_SHA256 ||
		   scheme == TLS_RSA_PSS_SHA384 || scheme == TLS_RSA_PSS_SHA512;
	bool ok;

	ok = md && EVP_DigestSignInit(md, &pctx, scheme_digest(scheme), NULL,
				      pkey) == 1;
	if (ok && pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(pctx,
						  RSA_PKCS1_PSS_PADDING) > 0 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(
			     pctx, RSA_PSS_SALTLEN_DIGEST) > 0;
	ok = ok && EVP_DigestSign(md, (unsigned char *)out, &n,
				  (const unsigned char *)tbs.ptr, tbs.len) == 1;
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	if (ok)
		*len = n;
	return ok;
}

/* What was recognised, or why this channel has no right to it. */
static enum tls_recognised allowed(const struct entry *e, uint64_t channel,
				   enum tls_recognised seen)
{
	bool client = seen == TLS_IS_13_CLIENT;

	if (!tls_recognised_ok(seen))
		return seen;
	if (((client ? e->client : e->rights) & channel) == 0)
		return TLS_NOT_SIDE;
	if (seen == TLS_IS_12_DHE && (e->dhe & channel) == 0)
		return TLS_NOT_ALLOWED;
	return seen;
}

enum tls_keybox_answer
tls_keybox_sign(struct tls_keybox *b, uint64_t channel_rights, uint32_t number,
		uint16_t scheme, struct span tbs, enum tls_recognised *seen,
		char out[TLS_SIGNATURE_MAX], size_t *len)
{
	const struct entry *e;

	ENSURE_TAG(b, TAG_BOX);
	*seen = tls_recognise(scheme, tbs);
	e = find(b, number);
	if (!e || ((e->rights | e->client) & channel_rights) == 0)
		return TLS_KEYBOX_NO_KEY;
	*seen = allowed(e, channel_rights, *seen);
	if (!tls_recognised_ok(*seen))
		return TLS_KEYBOX_UNRECOGNISED;
	if (!fits(e->kind, (enum tls_scheme)scheme, *seen))
		return TLS_KEYBOX_SCHEME;
	if (!sign(e->pkey, (enum tls_scheme)scheme, tbs, out, len))
		return TLS_KEYBOX_FAILED;
	return TLS_KEYBOX_SIGNED;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/pkey - reading private keys and telling kinds of keys apart.
 */
#include "tls/pkey.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "crypto/hash.h"

/* An encrypted key is unreadable: nobody is there to be asked. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

EVP_PKEY *tls_pkey_read(struct span pem)
{
	EVP_PKEY *pkey = NULL;
	BIO *bio;

	if (pem.len == 0 || pem.len > INT32_MAX)
		return NULL;
	bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	if (bio)
		pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return pkey;
}

bool tls_pkey_kind(const EVP_PKEY *pkey, enum tls_key_kind *kind, int *bits)
{
	char group[32];
	size_t n;

	*bits = EVP_PKEY_get_bits(pkey);
	if (EVP_PKEY_is_a(pkey, "RSA")) {
		*kind = TLS_KEY_RSA;
		return true;
	}
	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		*kind = TLS_KEY_ED25519;
		return true;
	}
	if (!EVP_PKEY_is_a(pkey, "EC") ||
	    EVP_PKEY_get_group_name(pkey, group, sizeof(group), &n) != 1)
		return false;
	if (strcmp(group, "prime256v1") == 0)
		*kind = TLS_KEY_P256;
	else if (strcmp(group, "secp384r1") == 0)
		*kind = TLS_KEY_P384;
	else
		return false;
	return true;
}

/* Takes der, if there is one. */
static bool spki_hash(unsigned char *der, int n, unsigned char out[32])
{
	struct sha256 h;

	if (n <= 0) {
		ERR_clear_error();
		return false;
	}
	h = sha256_of(span_of(der, (size_t)n));
	OPENSSL_free(der);
	memcpy(out, h.bytes, 32);
	return true;
}

bool tls_pkey_spki(EVP_PKEY *pkey, unsigned char out[32])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);

	return spki_hash(der, n, out);
}

bool tls_x509_spki(const X509 *x, unsigned char out[32])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	return spki_hash(der, n, out);
}

const char *tls_key_kind_text(enum tls_key_kind k)
{
	switch (k) {
	case TLS_KEY_RSA:
		return "RSA";
	case TLS_KEY_P256:
		return "P-256";
	case TLS_KEY_P384:
		return "P-384";
	case TLS_KEY_ED25519:
		return "Ed25519";
	}
	return "?";
}

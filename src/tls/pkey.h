/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/pkey - small questions about OpenSSL keys, shared inside this folder.
 *
 * Private to tls/: everybody else sees kinds and hashes, never an EVP_PKEY.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tls/certificate.h"

/* The first unencrypted private key in the PEM text, or NULL. */
EVP_PKEY *tls_pkey_read(struct span pem);
/* False: a kind that we do not use. */
bool tls_pkey_kind(const EVP_PKEY *, enum tls_key_kind *, int *bits);
/* SHA-256 of the SubjectPublicKeyInfo. */
bool tls_pkey_spki(EVP_PKEY *, unsigned char out[32]);
/* The same of a certificate, of the bytes that stand in it (TLSA x 1 1). */
bool tls_x509_spki(const X509 *, unsigned char out[32]);
const char *tls_key_kind_text(enum tls_key_kind);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/keybox - the vault's private keys, and the only code that uses them.
 *
 * Keys have a number (unique, chosen by the vault) and a mask of rights; a
 * channel has a mask too, and may use the keys that share a bit with it.
 * tls_keybox_sign signs only what tls_recognise knows, with a scheme that fits
 * the key.  There are three rights: to sign as a server, to do so in a key
 * exchange in a finite field too, and to sign as a client.  None follows from
 * another, and a new key has the last two for nobody.  Keys are wiped when they
 * are dropped.
 *
 * Unknown numbers and missing rights give the same answer, so that a channel
 * cannot ask which keys exist.  libcrypto only (dep_tlskey); no OSSL provider
 * but the default one.
 */
#pragma once

#include "base/buf.h"
#include "tls/certificate.h"
#include "tls/recognise.h"

#define TLS_KEYBOX_MAX   1024u
#define TLS_KEY_PEM_MAX  16384u

struct tls_keybox;

enum tls_key_load {
	TLS_KEY_LOADED,
	TLS_KEY_UNREADABLE, /* no unencrypted PEM private key in it */
	TLS_KEY_UNFIT,      /* neither RSA >= 2048, P-256, P-384 nor Ed25519 */
	TLS_KEY_DUPLICATE,  /* the number is taken */
	TLS_KEY_FULL,
};

enum tls_keybox_answer {
	TLS_KEYBOX_SIGNED,
	TLS_KEYBOX_NO_KEY,       /* unknown number, or not for this channel */
	TLS_KEYBOX_UNRECOGNISED, /* no handshake, or not allowed; see `seen` */
	TLS_KEYBOX_SCHEME,       /* the scheme does not fit the key */
	TLS_KEYBOX_FAILED,       /* libcrypto failed (memory) */
};

MUST_USE struct tls_keybox *tls_keybox_new(void); /* NULL: no memory */
void tls_keybox_free(struct tls_keybox *);        /* wipes; NULL is allowed */

/* `rights`: channels that sign with it as servers.  The caller wipes `pem`. */
MUST_USE enum tls_key_load tls_keybox_add(struct tls_keybox *, uint32_t number,
					  uint64_t rights, struct span pem);
/* Channels that may use the key for DHE as well.  False: no such key. */
MUST_USE bool tls_keybox_allow_dhe(struct tls_keybox *, uint32_t number,
				   uint64_t rights);
/* Channels that may sign with the key as clients.  False: no such key. */
MUST_USE bool tls_keybox_allow_client(struct tls_keybox *, uint32_t number,
				      uint64_t rights);
/* False: no such key. */
bool tls_keybox_drop(struct tls_keybox *, uint32_t number);
/* SHA-256 of the public key, for tls_certificate_check.  False: no such key. */
MUST_USE bool tls_keybox_spki(struct tls_keybox *, uint32_t number,
			      unsigned char out[32]);

MUST_USE enum tls_keybox_answer
tls_keybox_sign(struct tls_keybox *, uint64_t channel_rights, uint32_t number,
		uint16_t scheme, struct span tbs, enum tls_recognised *seen,
		char out[TLS_SIGNATURE_MAX], size_t *len);

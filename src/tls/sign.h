/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/sign - what edge and courier ask the vault: one signature for one handshake.
 *
 * Schemes are numbered as on the wire (RFC 8446 section 4.2.3).  With TLS 1.2
 * the ECDSA ones name only the hash; the curve is the key's.  The whole text to
 * be signed crosses the hop, not its digest, so that the vault can see that it
 * is a TLS handshake and nothing else (tls/recognise.h).
 */
#pragma once

#include "base/span.h"

#define TLS_TBS_MAX       1095u /* a TLS 1.2 key exchange in ffdhe4096 */
#define TLS_SIGNATURE_MAX 1024u /* RSA 8192 */

enum tls_scheme {
	TLS_RSA_PKCS1_SHA256 = 0x0401,
	TLS_RSA_PKCS1_SHA384 = 0x0501,
	TLS_RSA_PKCS1_SHA512 = 0x0601,
	TLS_RSA_PSS_SHA256 = 0x0804,
	TLS_RSA_PSS_SHA384 = 0x0805,
	TLS_RSA_PSS_SHA512 = 0x0806,
	TLS_ECDSA_SHA256 = 0x0403,
	TLS_ECDSA_SHA384 = 0x0503,
	TLS_ED25519 = 0x0807,
};

enum tls_sign_result {
	TLS_SIGNED,
	TLS_SIGN_REFUSED,     /* the vault will not sign this */
	TLS_SIGN_UNAVAILABLE, /* no vault, no credit, deadline passed */
};

/*
 * How tls/ gets a signature.  Called in the middle of tls_shake, on the
 * caller's stack; it may park the fiber that it runs on, as long as it comes
 * back on the same thread.  Other connections may be served meanwhile.
 */
struct tls_signer {
	enum tls_sign_result (*sign)(void *owner, uint32_t key,
				     enum tls_scheme scheme, struct span tbs,
				     char *out, size_t cap, size_t *len);
	void *owner;
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/recognise - is this text a TLS server's signature input, and nothing else?
 *
 * The vault signs only what this says yes to.  A TLS 1.3 CertificateVerify (RFC
 * 8446 section 4.4.3) is 64 blanks, "TLS 1.3, server CertificateVerify", a
 * zero and a transcript hash of 32 or 48 bytes.  A TLS 1.2 ServerKeyExchange
 * (RFC 8422 section 5.4) is two randoms of 32 bytes, a named curve and a point
 * of exactly that curve's length.  The two cannot be confused: a client that
 * chooses its random so that a 1.2 text begins like a 1.3 text is refused.
 */
#pragma once

#include "tls/sign.h"

enum tls_recognised {
	TLS_IS_13_VERIFY,
	TLS_IS_12_KEY_EXCHANGE,
	TLS_NOT_LENGTH,  /* no handshake text has this length */
	TLS_NOT_CONTEXT, /* begins with 1.3's blanks, but is not the server's */
	TLS_NOT_CURVE,   /* neither a known named curve nor a plausible point */
	TLS_NOT_SCHEME,  /* unknown scheme, or one that TLS 1.3 does not allow */
};

enum tls_recognised tls_recognise(uint16_t scheme, struct span tbs);
static inline bool tls_recognised_ok(enum tls_recognised r)
{
	return r == TLS_IS_13_VERIFY || r == TLS_IS_12_KEY_EXCHANGE;
}
const char *tls_recognised_text(enum tls_recognised);

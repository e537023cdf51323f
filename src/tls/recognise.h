/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/recognise - is this text what TLS has signed, of which side, and nothing else?
 *
 * The vault signs only what this says yes to.  A TLS 1.3 CertificateVerify (RFC
 * 8446 section 4.4.3) is 64 blanks, "TLS 1.3, server CertificateVerify" or
 * the same of a client, a zero and a transcript hash of 32 or 48 bytes.  A TLS 1.2 ServerKeyExchange is
 * two randoms of 32 bytes and then either (RFC 8422 section 5.4) a named curve
 * and a point of exactly that curve's length, or (RFC 5246 section 7.4.3) a
 * prime of tls/ffdhe.h, the generator 2 and a public value 1 < y < p - 1 of exactly
 * the prime's length.  1.2 and 1.3 cannot be confused: a client that chooses its
 * random so that a 1.2 text begins like a 1.3 text is refused.
 *
 * The finite-field form and the client's have answers of their own: whether a
 * key may be used for them is a right that the keybox keeps.
 *
 * What a TLS 1.2 client signs (RFC 5246 section 7.4.8) is never recognised: it is
 * the handshake so far, whole, most of it written by the peer, up to the certificate
 * lists of any length; who holds the courier could have nearly anything
 * signed that has such a shape.
 */
#pragma once

#include "tls/sign.h"

enum tls_recognised {
	TLS_IS_13_VERIFY, /* the server's */
	TLS_IS_13_CLIENT,
	TLS_IS_12_KEY_EXCHANGE,
	TLS_IS_12_DHE,   /* a key exchange too, in a finite field */
	TLS_NOT_LENGTH,  /* no handshake text has this length */
	TLS_NOT_CONTEXT, /* begins with 1.3's blanks, but is neither side's */
	TLS_NOT_CURVE,   /* neither a known named curve nor a plausible point */
	TLS_NOT_GROUP,   /* no group of RFC 7919, or no plausible public value */
	TLS_NOT_ALLOWED, /* recognised, but not switched on: see tls/keybox.h */
	TLS_NOT_SIDE,    /* recognised, but the key is for the other side */
	TLS_NOT_SCHEME,  /* unknown scheme, or one that the text does not allow */
};

enum tls_recognised tls_recognise(uint16_t scheme, struct span tbs);
static inline bool tls_recognised_ok(enum tls_recognised r)
{
	return r == TLS_IS_13_VERIFY || r == TLS_IS_13_CLIENT ||
	       r == TLS_IS_12_KEY_EXCHANGE || r == TLS_IS_12_DHE;
}
const char *tls_recognised_text(enum tls_recognised);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/recognise - the two texts that a TLS server signs, byte for byte.
 *
 * The lengths of the 1.3 form (130, 146) and of the 1.2 forms (100, 133, 165,
 * 201) do not meet, but the rule does not lean on that: a text whose first 32
 * bytes are blanks must be the 1.3 form to the last byte.  Those bytes are the
 * client's random in 1.2, and no honest one is all blanks.
 */
#include "tls/recognise.h"

#define BLANKS   64u
#define RANDOM   32u
#define PARAMS   (2 * RANDOM) /* where ServerECDHParams begin */
#define CONTEXT  "TLS 1.3, server CertificateVerify"
#define HASH     (BLANKS + sizeof(CONTEXT)) /* its NUL is the separator */
#define NAMED    3

static const struct curve {
	uint16_t number;
	uint8_t point;      /* length */
	bool uncompressed; /* begins with 4 */
} curves[] = {
	{0x001d, 32, false}, /* x25519 */
	{0x0017, 65, true},  /* secp256r1 */
	{0x0018, 97, true},  /* secp384r1 */
	{0x0019, 133, true}, /* secp521r1 */
};

static bool blank(struct span s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s.ptr[i] != ' ')
			return false;
	return true;
}

static enum tls_recognised recognise_13(enum tls_scheme scheme, struct span tbs)
{
	if (tbs.len != HASH + 32 && tbs.len != HASH + 48)
		return TLS_NOT_CONTEXT;
	if (!blank(tbs, BLANKS) ||
	    memcmp(tbs.ptr + BLANKS, CONTEXT, sizeof(CONTEXT)) != 0)
		return TLS_NOT_CONTEXT;
	if (scheme == TLS_RSA_PKCS1_SHA256 || scheme == TLS_RSA_PKCS1_SHA384 ||
	    scheme == TLS_RSA_PKCS1_SHA512)
		return TLS_NOT_SCHEME;
	return TLS_IS_13_VERIFY;
}

static enum tls_recognised recognise_12(struct span tbs)
{
	const unsigned char *p = (const unsigned char *)tbs.ptr + PARAMS;

	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		const struct curve *c = &curves[i];

		if (tbs.len != PARAMS + 4u + c->point)
			continue;
		if (p[0] != NAMED || (p[1] << 8 | p[2]) != c->number ||
		    p[3] != c->point || (c->uncompressed && p[4] != 4))
			return TLS_NOT_CURVE;
		return TLS_IS_12_KEY_EXCHANGE;
	}
	return TLS_NOT_LENGTH;
}

static bool known(uint16_t scheme)
{
	switch (scheme) {
	case TLS_RSA_PKCS1_SHA256:
	case TLS_RSA_PKCS1_SHA384:
	case TLS_RSA_PKCS1_SHA512:
	case TLS_RSA_PSS_SHA256:
	case TLS_RSA_PSS_SHA384:
	case TLS_RSA_PSS_SHA512:
	case TLS_ECDSA_SHA256:
	case TLS_ECDSA_SHA384:
	case TLS_ED25519:
		return true;
	default:
		return false;
	}
}

enum tls_recognised tls_recognise(uint16_t scheme, struct span tbs)
{
	if (!known(scheme))
		return TLS_NOT_SCHEME;
	if (tbs.len < PARAMS)
		return TLS_NOT_LENGTH;
	if (blank(tbs, RANDOM))
		return recognise_13((enum tls_scheme)scheme, tbs);
	return recognise_12(tbs);
}

const char *tls_recognised_text(enum tls_recognised r)
{
	switch (r) {
	case TLS_IS_13_VERIFY:
		return "TLS 1.3 server CertificateVerify";
	case TLS_IS_12_KEY_EXCHANGE:
		return "TLS 1.2 ServerKeyExchange";
	case TLS_NOT_LENGTH:
		return "no handshake text has this length";
	case TLS_NOT_CONTEXT:
		return "begins like TLS 1.3, but is not the server's text";
	case TLS_NOT_CURVE:
		return "no named curve with a point of its length";
	case TLS_NOT_SCHEME:
		return "signature scheme unknown or not for this text";
	}
	return "unknown";
}

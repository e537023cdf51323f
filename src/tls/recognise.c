/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/recognise - the texts that TLS has signed, byte for byte.
 *
 * The lengths of the 1.3 form (130, 146) and of the 1.2 forms (100, 133, 165,
 * 201 with curves, 583 to 1095 in a finite field) do not meet, but the rule does
 * not lean on that: a text whose first 32 bytes are blanks must be the 1.3 form
 * to the last byte.  Those bytes are the client's random in 1.2, and no honest
 * one is all blanks.
 */
#include "tls/recognise.h"

#include "tls/ffdhe.h"

#define BLANKS   64u
#define RANDOM   32u
#define PARAMS   (2 * RANDOM) /* where ServerECDHParams begin */
#define SERVER   "TLS 1.3, server CertificateVerify"
#define CLIENT   "TLS 1.3, client CertificateVerify"
#define HASH     (BLANKS + sizeof(SERVER)) /* its NUL is the separator */
#define NAMED    3
/* Of ServerDHParams: three lengths and the generator, which is one byte. */
#define DH_FIXED 7u

_Static_assert(sizeof(SERVER) == sizeof(CLIENT), "both at the same place");
_Static_assert(TLS_TBS_MAX == PARAMS + DH_FIXED + 2 * TLS_FFDHE_MAX,
	       "the longest text");

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
	const char *context = tbs.ptr + BLANKS;
	bool client;

	if (tbs.len != HASH + 32 && tbs.len != HASH + 48)
		return TLS_NOT_CONTEXT;
	client = memcmp(context, CLIENT, sizeof(CLIENT)) == 0;
	if (!blank(tbs, BLANKS) ||
	    (!client && memcmp(context, SERVER, sizeof(SERVER)) != 0))
		return TLS_NOT_CONTEXT;
	if (scheme == TLS_RSA_PKCS1_SHA256 || scheme == TLS_RSA_PKCS1_SHA384 ||
	    scheme == TLS_RSA_PKCS1_SHA512)
		return TLS_NOT_SCHEME;
	return client ? TLS_IS_13_CLIENT : TLS_IS_13_VERIFY;
}

static bool signs_rsa(enum tls_scheme scheme)
{
	return scheme != TLS_ECDSA_SHA256 && scheme != TLS_ECDSA_SHA384 &&
	       scheme != TLS_ED25519;
}

static unsigned u16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* The length has said which group's it must be. */
static enum tls_recognised recognise_dhe(enum tls_scheme scheme,
					 struct span tbs, enum tls_dhe group)
{
	size_t n = tls_ffdhe_bytes(group);
	const unsigned char *p = (const unsigned char *)tbs.ptr + PARAMS;
	const unsigned char *g = p + 2 + n, *y = g + 3;
	struct span prime = span_of(p + 2, n);

	/* There is no DHE suite of TLS 1.2 for another key than RSA's. */
	if (!signs_rsa(scheme))
		return TLS_NOT_SCHEME;
	if (u16(p) != n || tls_ffdhe_of(prime) != group || u16(g) != 1 ||
	    g[2] != 2 || u16(y) != n ||
	    !tls_ffdhe_public(span_of(y + 2, n), prime))
		return TLS_NOT_GROUP;
	return TLS_IS_12_DHE;
}

static enum tls_recognised recognise_12(enum tls_scheme scheme, struct span tbs)
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
	for (enum tls_dhe d = TLS_DHE_2048; d < TLS_DHE_KINDS; d++)
		if (tbs.len == PARAMS + DH_FIXED + 2 * tls_ffdhe_bytes(d))
			return recognise_dhe(scheme, tbs, d);
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
	return recognise_12((enum tls_scheme)scheme, tbs);
}

const char *tls_recognised_text(enum tls_recognised r)
{
	switch (r) {
	case TLS_IS_13_VERIFY:
		return "TLS 1.3 server CertificateVerify";
	case TLS_IS_13_CLIENT:
		return "TLS 1.3 client CertificateVerify";
	case TLS_IS_12_KEY_EXCHANGE:
		return "TLS 1.2 ServerKeyExchange";
	case TLS_IS_12_DHE:
		return "TLS 1.2 ServerKeyExchange in a finite field";
	case TLS_NOT_LENGTH:
		return "no handshake text has this length";
	case TLS_NOT_CONTEXT:
		return "begins like TLS 1.3, but is neither side's text";
	case TLS_NOT_CURVE:
		return "no named curve with a point of its length";
	case TLS_NOT_GROUP:
		return "no group of RFC 7919 with a public value of its length";
	case TLS_NOT_ALLOWED:
		return "finite-field DHE is not switched on for this key";
	case TLS_NOT_SIDE:
		return "this key is not for that side of a handshake";
	case TLS_NOT_SCHEME:
		return "signature scheme unknown or not for this text";
	}
	return "unknown";
}

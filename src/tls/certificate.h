/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/certificate - read a certificate chain and say what is wrong with it.
 *
 * Every finding is a sentence that names the file, what is wrong and how to
 * mend it.  A chain with an error is not usable; warnings and notes are shown
 * when the configuration is loaded.  Names are those in subjectAltName only
 * (RFC 9525); the common name is never used.
 *
 * libcrypto only: also linked into the vault (dep_tlskey).  Reads no clock and
 * opens no file: the caller gives bytes and the time.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define TLS_PEM_MAX      262144u /* bytes of one chain file */
#define TLS_CHAIN_MAX    10u     /* certificates in it */
#define TLS_NAMES_MAX    256u    /* SAN entries used */
#define TLS_FINDINGS_MAX 32u
#define TLS_RSA_MIN      2048
#define TLS_RSA_GOOD     3072
#define TLS_EXPIRY_SOON  (14 * 86400)

enum tls_level { TLS_NOTE, TLS_WARNING, TLS_ERROR };

enum tls_finding_kind {
	TLS_F_EMPTY,      /* no certificate in the file */
	TLS_F_TOO_LARGE,  /* over TLS_PEM_MAX or TLS_CHAIN_MAX */
	TLS_F_BROKEN,     /* a PEM block cannot be read */
	TLS_F_ORDER,      /* a certificate is not issued by the one after it */
	TLS_F_LEAF_IS_CA, /* the first certificate is a CA's */
	TLS_F_KEY,        /* the key does not belong to the leaf */
	TLS_F_KEY_KIND,   /* neither RSA, P-256, P-384 nor Ed25519 */
	TLS_F_KEY_SIZE,   /* below the minimum, or below what lasts */
	TLS_F_NOT_YET,
	TLS_F_EXPIRED,
	TLS_F_EXPIRES_SOON,
	TLS_F_NO_SERVER_AUTH,
	TLS_F_NO_CLIENT_AUTH,
	TLS_F_NO_NAMES, /* nothing in subjectAltName */
	TLS_F_SELF_SIGNED,
	TLS_F_SHA1,        /* a signature by SHA-1 or MD5 */
	TLS_F_DH_IGNORED,  /* a DH parameter block, ignored */
	TLS_F_KEY_IN_FILE, /* a private key in a chain file, ignored */
	TLS_F_LEAF_ALONE, /* no intermediate: right only below a root */
	TLS_F_ROOT_SENT,   /* the root is in the chain: harmless, useless */
};

struct tls_finding {
	enum tls_finding_kind kind;
	enum tls_level level;
	struct span text;
};

enum tls_key_kind { TLS_KEY_RSA, TLS_KEY_P256, TLS_KEY_P384, TLS_KEY_ED25519 };

/* All in the arena given. */
struct tls_certificate {
	bool usable; /* no finding of level TLS_ERROR */
	enum tls_key_kind kind;
	int key_bits;
	size_t chain_len;
	struct span *names; /* DNS names, lower case, wildcards as written */
	size_t name_count;
	struct span *addresses; /* 4 or 16 bytes */
	size_t address_count;
	int64_t not_before, not_after; /* seconds since 1970 */
	bool self_signed, server_auth, client_auth;
	struct span subject, issuer;
	unsigned char spki_sha256[32]; /* of the leaf's public key (TLSA 3 1 1) */
	struct tls_finding findings[TLS_FINDINGS_MAX];
	size_t finding_count;
};

/*
 * `where` names the file in findings.  `key_spki`: the SHA-256 that
 * tls_keybox_spki gave for the key meant for this chain, or NULL to skip that
 * check.  False: no memory.  Everything else is a finding.
 */
MUST_USE bool tls_certificate_check(struct arena *, struct span pem,
				    struct span where, int64_t now,
				    const unsigned char *key_spki,
				    struct tls_certificate *out);

/* Does a (wild-card) name of the certificate match?  RFC 9525 section 6.3. */
bool tls_certificate_matches(const struct tls_certificate *, struct span host);
bool tls_name_matches(struct span pattern, struct span host);

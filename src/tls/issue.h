/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/issue - make keys, signing requests and throw-away certificates.
 *
 * For `letterlock keys` and the demo.  Runs in a process of its own that ends
 * before the roles start.  libcrypto only (dep_tlskey).  Randomness for keys
 * and serial numbers is OpenSSL's.
 *
 * The throw-away CA signs the leaves that are asked for at once; its private
 * key never leaves the function.  All certificates pass strict X.509 checks
 * (`openssl verify -x509_strict`).
 */
#pragma once

#include "base/buf.h"
#include "tls/certificate.h"

#define TLS_ISSUE_NAMES 64u

struct tls_issue_names {
	const struct span *dns; /* the first one is also the common name */
	size_t dns_count;
	const struct span *ips; /* 4 or 16 bytes each */
	size_t ip_count;
};

/* A private key as unencrypted PKCS#8 PEM.  bits: RSA only, 2048 to 8192. */
MUST_USE bool tls_issue_key(enum tls_key_kind kind, int bits, struct buf *pem);

/* A PKCS#10 request with subjectAltName for that key. */
MUST_USE bool tls_issue_request(struct span key_pem,
				const struct tls_issue_names *,
				struct buf *pem);

struct tls_issued {
	struct buf *key;   /* PEM, private */
	struct buf *chain; /* PEM, the leaf alone: the CA is the trust anchor */
	enum tls_key_kind kind;
	int bits;
};

/*
 * A CA named `ca_name` (valid from `now` minus an hour for `days`), its
 * certificate into `ca_pem`, and one leaf per entry of `leaves`.
 */
MUST_USE bool tls_issue_throwaway(struct span ca_name,
				  const struct tls_issue_names *, int64_t now,
				  int days, struct tls_issued *leaves,
				  size_t count, struct buf *ca_pem);

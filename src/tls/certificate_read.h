/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/certificate_read - a chain while it is being read and judged.
 *
 * Private to tls/certificate*.c.
 */
#pragma once

#include <openssl/x509v3.h>

#include "tls/certificate.h"

struct tls_reading {
	struct arena *arena;
	struct tls_certificate *out;
	struct span where;
	int64_t now;
	const unsigned char *key_spki;
	X509 *chain[TLS_CHAIN_MAX];
	size_t count;
	bool leaf_readable, kind_known;
	bool memory; /* false once some ran out */
};

PRINTF_LIKE(4, 5)
void tls_finding(struct tls_reading *, enum tls_finding_kind, enum tls_level,
		 const char *fmt, ...);
void tls_judge(struct tls_reading *);
/* The facts of chain[0]; a finding and not leaf_readable if there are none. */
void tls_read_leaf(struct tls_reading *);
/* Since 1970.  False: unreadable. */
MUST_USE bool tls_asn1_seconds(const ASN1_TIME *, int64_t *out);
/* A DNS name as it may stand in a certificate (RFC 9525); it borrows. */
MUST_USE bool tls_dns_name(const GENERAL_NAME *, struct span *out);

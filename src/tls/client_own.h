/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/client_own - the client's half of a connection.  Private to tls/.
 */
#pragma once

#include <openssl/ssl.h>

#include "tls/client.h"
#include "tls/conn_own.h"

struct tls_client {
	uint32_t tag;
	unsigned references;
	struct tls_library *library;
	SSL_CTX *ssl;
};
#define TAG_CLIENT TAG4('t', 'c', 'l', 'i')

#define TLS_PEER_BY_MAX 159u /* a SHA-512 in full */

/* What was expected, and what the judge made of it. */
struct tls_judged {
	struct tls_expect expect; /* borrowed; only until the handshake is over */
	enum tls_expectation what;
	bool refused;    /* by the judge: that is why there is no handshake */
	bool anchored;   /* there is a chain to an authority */
	bool asked;      /* the server asked for a certificate */
	size_t usable;   /* TLSA records that OpenSSL took */
	int tlsa;        /* the one that matched, or -1 */
	char by[TLS_PEER_BY_MAX + 1]; /* what it was verified by */
	size_t chain_len;
	X509 *leaf; /* NULL: none came */
	enum tls_peer peer;
	char why[TLS_PEER_WHY_MAX + 1];
};

struct tls_judged *tls_judged_new(const struct tls_expect *);
void tls_judged_free(struct tls_judged *);
/* SSL_CTX_set_cert_verify_callback. */
int tls_judge_chain(X509_STORE_CTX *, void *);

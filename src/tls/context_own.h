/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/context_own - what tls/conn and tls/facts see of a context.  Private.
 */
#pragma once

#include <openssl/ssl.h>

#include "tls/authorities_own.h"
#include "tls/certificate.h"
#include "tls/context.h"
#include "tls/policy_own.h"

struct tls_site {
	SSL_CTX *ssl;
	struct arena *arena; /* the names */
	struct span *names;
	size_t name_count;
	bool rsa, ecdsa; /* which kinds of TLS 1.2 suites it can serve */
};

struct tls_context {
	uint32_t tag;
	unsigned references;
	struct tls_library *library;
	struct tls_settings settings; /* spans are not kept */
	struct tls_choice choice;
	struct tls_authorities *client_ca; /* NULL: none */
	struct tls_site *sites;
	size_t site_count;
	SSL_CTX *bare; /* the policy without a site */
};
#define TAG_CONTEXT TAG4('t', 'c', 't', 'x')

void tls_context_hold(struct tls_context *);
/* Leaf with a remote key, then the rest of the chain.  False: OpenSSL's error. */
bool tls_chain_use(SSL_CTX *, OSSL_LIB_CTX *, const struct tls_identity *);
/* The ex_data slot 0 of an SSL is its tls_conn. */
struct tls_conn *tls_conn_of(const SSL *);
/* The info callback of every SSL_CTX. */
void tls_conn_watch(const SSL *, int where, int value);
void tls_conn_note_verify(struct tls_conn *, int error);

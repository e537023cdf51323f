/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/context_own - what tls/conn and tls/facts see of a context.  Private.
 */
#pragma once

#include <openssl/ssl.h>

#include "tls/certificate.h"
#include "tls/context.h"

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
	char *ciphers;		      /* owned; the custom string */
	char *groups;
	X509_STORE *client_ca; /* NULL: none */
	STACK_OF(X509_NAME) *client_names;
	struct tls_site *sites;
	size_t site_count;
	SSL_CTX *bare; /* the policy without a site */
};
#define TAG_CONTEXT TAG4('t', 'c', 't', 'x')

void tls_context_hold(struct tls_context *);
/* Set policy on a fresh SSL_CTX.  False: a string that OpenSSL refuses. */
bool tls_policy_set(SSL_CTX *, const struct tls_context *);
/* The ex_data slot 0 of an SSL is its tls_conn. */
struct tls_conn *tls_conn_of(const SSL *);
void tls_conn_note_alert(struct tls_conn *, int alert);
void tls_conn_note_verify(struct tls_conn *, int error);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/policy_own - profiles turned into OpenSSL's settings, for both sides.
 *
 * Private to tls/.  Both refuse what doc/decisions/0006 names; a client offers
 * more than a server takes, see tls/policy.c.
 */
#pragma once

#include <openssl/ssl.h>

#include "tls/context.h"

/* What a profile is made of; the strings are owned. */
struct tls_choice {
	enum tls_profile profile;
	char *ciphers; /* TLS_CUSTOM only */
	char *groups;  /* NULL: the usual ones */
};

/* False: `why` says what is wrong; the choice is to be freed all the same. */
MUST_USE bool tls_choice_make(struct tls_choice *, enum tls_profile,
			      struct span ciphers, struct span groups,
			      struct buf *why);
void tls_choice_free(struct tls_choice *);

/* Set policy on a fresh SSL_CTX.  False: a string that OpenSSL refuses. */
MUST_USE bool tls_policy_server(SSL_CTX *, const struct tls_choice *,
				enum tls_order, enum tls_dhe, OSSL_LIB_CTX *);
MUST_USE bool tls_policy_client(SSL_CTX *, const struct tls_choice *);

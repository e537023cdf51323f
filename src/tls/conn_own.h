/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/conn_own - a connection, as the other files of tls/ see it.  Private.
 */
#pragma once

#include "tls/context_own.h"
#include "tls/conn.h"

#define TLS_REASON_MAX 128u

struct tls_conn {
	uint32_t tag;
	struct tls_context *context; /* NULL on the client's side */
	struct tls_client *client;   /* NULL on the server's side */
	struct tls_judged *judged;   /* the client's side */
	SSL *ssl;
	struct tls_transport transport;
	bool up;     /* the handshake is over, and went well */
	bool ended;  /* the transport has nothing more to read */
	bool broken; /* the transport failed */
	bool failed; /* OpenSSL wants no further call */
	bool ours;   /* it failed here, for want of memory */
	int alert;   /* sent, or -1 */
	int told;    /* the alert that came, or -1 */
	int verify;  /* first X.509 error of the client's chain */
	char reason[TLS_REASON_MAX];
};
#define TAG_CONN TAG4('t', 'c', 'o', 'n')

/* A connection that nobody shakes hands on yet; NULL: no memory. */
struct tls_conn *tls_conn_make(struct tls_library *, SSL_CTX *,
			       const struct tls_transport *);
/* Is one of the errors in the queue of that kind?  Empties it. */
bool tls_failed_by_us(void);

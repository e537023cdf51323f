/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/conn_own - a connection, as tls/transport and tls/facts see it.
 * Private.
 */
#pragma once

#include "tls/context_own.h"
#include "tls/conn.h"

#define TLS_REASON_MAX 128u

struct tls_conn {
	uint32_t tag;
	struct tls_context *context;
	SSL *ssl;
	struct tls_transport transport;
	bool ended;  /* the transport has nothing more to read */
	bool broken; /* the transport failed */
	bool failed; /* OpenSSL wants no further call */
	int alert;   /* sent, or -1 */
	int verify;  /* first X.509 error of the client's chain */
	char reason[TLS_REASON_MAX];
};
#define TAG_CONN TAG4('t', 'c', 'o', 'n')

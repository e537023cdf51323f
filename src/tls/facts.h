/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/facts - what one finished handshake produced, for logs and Received lines.
 *
 * Text that the peer chose (SNI, peer name) is cut to its limit and has every
 * byte outside printable ASCII replaced by '?', so it can go into a log as it is.
 */
#pragma once

#include "tls/conn.h"

#define TLS_BINDING_LEN 32u
#define TLS_PEER_MAX    255u

enum tls_trust {
	TLS_ANONYMOUS, /* the peer showed no certificate */
	TLS_UNTRUSTED, /* one that did not verify */
	TLS_TRUSTED,   /* one of an authority's; of a server: names not asked */
	TLS_VERIFIED,  /* a server's, and all that was asked of it holds */
};

struct tls_facts {
	struct span version; /* "TLSv1.3" */
	struct span suite;   /* OpenSSL's name */
	int bits, bits_total;
	struct span group; /* "X25519"; empty if none */
	struct span sni;   /* empty: none sent */
	struct span alpn;
	struct span peer; /* subject of the peer's certificate */
	enum tls_trust trust;
	struct span why; /* TLS_UNTRUSTED: the reason */
	bool outgoing;   /* we are the client */
	bool resumed;
	bool bindable;                          /* `binding` is set */
	unsigned char binding[TLS_BINDING_LEN]; /* tls-exporter, RFC 9266 */
};

/* Only after tls_shake answered TLS_OK.  False: the arena is full. */
MUST_USE bool tls_facts(const struct tls_conn *, struct arena *,
			struct tls_facts *out);

/* The tls-exporter alone.  False: this connection has none. */
MUST_USE bool tls_binding(const struct tls_conn *,
			  unsigned char out[TLS_BINDING_LEN]);

/*
 * "Anonymous TLS connection established from host[ip]: TLSv1.3 with cipher
 * TLS_AES_256_GCM_SHA384 (256/256 bits)" and then what else is known; one line
 * without its end.  The words before the suite keep their places: log
 * pipelines count them.
 */
void tls_facts_log(const struct tls_facts *, struct span host, struct span ip,
		   struct buf *out);

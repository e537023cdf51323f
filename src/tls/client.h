/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/client - TLS connections to other servers.
 *
 * A client is immutable and shared by connections, which keep it alive; what is
 * expected of one server (tls/peer.h) comes with the connection.  TLS 1.2 or
 * later, no renegotiation, no compression, no early data, no resumption.  The
 * profiles are those of tls/context.h; TLS_OPPORTUNISTIC, for port 25, offers
 * all that is not broken, which is more than our servers take.
 *
 * Certificates of ours are shown to a server that asks, in TLS 1.3 only: there
 * the text under the signature says that it is a client's and nothing else.  In
 * TLS 1.2 it would be a transcript that the peer has a large part in, which the
 * vault signs for nobody; a server of 1.2 that asks gets none and decides.
 *
 * An idle connection holds about 24 KiB with a chain of two certificates: as much
 * as a server's (tls/conn.h), and the chain.
 */
#pragma once

#include "tls/peer.h"

struct tls_client_settings {
	enum tls_profile profile;
	struct span ciphers; /* TLS_CUSTOM only */
	/* Empty: TLS_GROUPS_DEFAULT, before them X25519MLKEM768 if OpenSSL
	 * knows it. */
	struct span groups;
	struct span alpn; /* one protocol; empty: none, as usual on port 25 */
	/* What we show, one of each kind of key at most. */
	const struct tls_identity *identities;
	size_t identity_count;
};

struct tls_client;

/* NULL: `why` holds a sentence for the administrator. */
MUST_USE struct tls_client *tls_client_new(struct tls_library *,
					   const struct tls_client_settings *,
					   struct buf *why);
/* The client goes when its last connection has gone.  NULL is allowed. */
void tls_client_free(struct tls_client *);

/* NULL: no memory.  `transport` is copied.  Then tls_shake. */
MUST_USE struct tls_conn *tls_client_conn(struct tls_client *,
					  const struct tls_expect *,
					  const struct tls_transport *transport);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/context - what a listener brings to a handshake: policy and certificates.
 *
 * A context is immutable once connections use it; a reload makes a new one.
 * Connections keep the context that they began with alive.
 *
 * Always: TLS 1.2 or later, the minimum is set explicitly so that older clients
 * get alert 70 (TLS 1.0 and 1.1 need SHA-1 signatures, which the vault does not
 * give); forward secrecy, by ECDHE alone unless `dhe` names a group of RFC 7919
 * (RFC 10015 wants none in TLS 1.2, so it has to be asked for); no compression,
 * no renegotiation, no early data, no SHA-1 signatures, no anonymous and no
 * NULL suites; tickets and session cache off.
 *
 * A site is what one server name gets: up to one certificate of each kind (RSA,
 * ECDSA, Ed25519).  The first site is the default, for clients without SNI or
 * with a name that no site has.  Names come from the certificates' SAN.
 */
#pragma once

#include "base/buf.h"
#include "tls/ffdhe.h"
#include "tls/library.h"

#define TLS_SITES_MAX     1024u
#define TLS_SITE_CERTS    3u
#define TLS_SNI_MAX       253u /* longer ones are treated as unknown */
#define TLS_CIPHERS_MAX   4096u
#define TLS_GROUPS_DEFAULT "X25519:P-256:P-384"

enum tls_profile {
	TLS_MODERN,        /* 1.3 only */
	TLS_STRICT,        /* 1.2 and later, AEAD */
	TLS_OPPORTUNISTIC, /* 1.2 and later, CBC too */
	TLS_LEGACY,        /* 1.2 and later, all with forward secrecy; the owner warns */
	TLS_CUSTOM,        /* the OpenSSL cipher string in `ciphers`, 1.2 and later */
};

enum tls_order {
	TLS_ORDER_CHACHA, /* ours, but ChaCha20 first if the client has it first */
	TLS_ORDER_SERVER,
	TLS_ORDER_CLIENT,
};

enum tls_client_certificate {
	TLS_CLIENT_OFF,
	TLS_CLIENT_REQUEST, /* looked at, reported, never a reason to fail */
	TLS_CLIENT_REQUIRE, /* must be given and verify */
};

/* Decides the ALPN name: a client that offers only others gets alert 120. */
enum tls_protocol {
	TLS_FOR_SMTP, /* "smtp" */
	TLS_FOR_IMAP,
	TLS_FOR_POP3,
	TLS_FOR_SIEVE, /* "managesieve" */
	TLS_FOR_HTTP,  /* "http/1.1" */
};

struct tls_settings {
	enum tls_profile profile;
	enum tls_order order;
	enum tls_protocol protocol;
	enum tls_client_certificate client;
	enum tls_dhe dhe;      /* TLS 1.2, with RSA certificates only */
	struct span ciphers;   /* TLS_CUSTOM only */
	struct span groups;    /* empty: TLS_GROUPS_DEFAULT */
	struct span client_ca; /* PEM; empty: nothing verifies */
};

/* A certificate chain (PEM, leaf first) and the vault's number of its key. */
struct tls_identity {
	struct span chain;
	uint32_t key;
};

struct tls_context;

/* NULL: `why` holds a sentence for the administrator. */
MUST_USE struct tls_context *tls_context_new(struct tls_library *,
					     const struct tls_settings *,
					     struct buf *why);
/* The context goes when its last connection has gone.  NULL is allowed. */
void tls_context_free(struct tls_context *);

/* Add a site.  False: `why` says what is wrong; the context is as before. */
MUST_USE bool tls_context_add(struct tls_context *,
			      const struct tls_identity *, size_t count,
			      struct buf *why);

/*
 * What the policy resolves to, one suite a line as `openssl ciphers -V` has it:
 * "0xC0,0x2B - ECDHE-ECDSA-AES128-GCM-SHA256 TLSv1.2".
 */
void tls_context_show(const struct tls_context *, struct buf *out);

/*
 * True with a sentence in `why` when suites and certificates do not fit, so
 * that some clients cannot connect (an ECDSA-only site and a string with
 * !ECDSA leaves TLS 1.2 without a suite; DHE is switched on and there is no RSA
 * certificate that could serve it).
 */
bool tls_context_misfit(const struct tls_context *, struct buf *why);

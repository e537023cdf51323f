/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_kit - certificates of every make, and a server of OpenSSL's own at the
 * other end of a client's connection, in memory.
 */
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls/client.h"
#include "tls/keybox.h"

#define KIT_NOW	 1700000000
#define KIT_DAY	 86400
#define KIT_PIPE (1u << 18)

/* A certificate and its key. */
struct made {
	X509 *x;
	EVP_PKEY *key;
};

struct plan {
	const char *cn;
	const char *san;   /* "DNS:a.test,DNS:b.test"; NULL: none */
	const char *eku;   /* "serverAuth"; NULL: none */
	const char *kind;  /* NULL: P-256; "RSA1024", "RSA2048" */
	const char *digest; /* NULL: SHA256 */
	int from, to;      /* days from KIT_NOW; both 0: -1 to 30 */
	bool ca;
	const char *limits; /* nameConstraints; NULL: none */
	size_t padding;    /* bytes of a comment in it */
};

/* issuer NULL: signed by itself. */
struct made kit_make(const struct plan *, const struct made *issuer);
void kit_unmake(struct made *);
void kit_pem(X509 *, struct buf *);
/* selector 0: certificate, 1: key; matching 0, 1, 2.  To be freed. */
struct tls_tlsa kit_tlsa(uint8_t usage, uint8_t selector, uint8_t matching,
			 X509 *);

/* What a signature costs: nothing; or the keybox's. */
struct kit {
	struct tls_library *library;
	struct tls_keybox *box;
	unsigned signatures;
	bool refuse;
};
struct kit *kit_new(void);
void kit_free(struct kit *);
struct tls_client *kit_client(struct kit *, struct tls_client_settings);

/* A server that shows `chain` (leaf first) from low to high. */
SSL_CTX *kit_server(const struct made *chain, size_t count, int low, int high);

struct meeting {
	struct tls_conn *conn;
	SSL *server;
	BIO *in, *out;
	unsigned char down[KIT_PIPE]; /* to the client */
	size_t from, to;
	bool closed;
	size_t chunk; /* most bytes at a time; 0: all */
	enum tls last;
	int alert; /* that the server got, or -1 */
	size_t sent; /* bytes that the client has written */
};

/* server NULL: the test plays it with `down`. */
struct meeting *kit_meet(struct tls_client *, const struct tls_expect *,
			 SSL_CTX *server);
void kit_part(struct meeting *);
/* Until both are done or one has failed. */
bool kit_shake(struct meeting *);
void kit_carry(struct meeting *);
/* "ping" one way, "pong" the other. */
void kit_echo(struct meeting *);

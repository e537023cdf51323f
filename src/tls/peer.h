/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls/peer - what we expect of a server's certificate, and what came of it.
 *
 * The certificate is judged in the middle of the handshake, as soon as it is
 * there: one answer (enum tls_peer) with a sentence that says what was wrong,
 * what was expected and what was seen.  With `enforce` one that is not as
 * expected ends the handshake with an alert: nothing that we say was sent then,
 * nor our own certificate.  Without it, and whenever anything will do, the
 * answer is only told.
 *
 *   anything  any certificate; its chain is looked at if there are authorities
 *   names     a chain to one of the authorities, dates, purpose, keys and
 *             digests that last, and one of the names in subjectAltName
 *             (RFC 9525: A-labels, "*" as the whole left-most label, no common
 *             name)
 *   TLSA      RFC 7671, 7672: usage 3 is that certificate or key, whatever its
 *             names and dates; usage 2 is a chain to that anchor, be it in the
 *             record alone, with dates, purpose and one of the names.  Others
 *             and unreadable ones are skipped; if none is left, no certificate
 *             is good.
 *   keys      the SHA-256 of the public key (SubjectPublicKeyInfo) is listed
 *
 * Must never: call a certificate good that was not compared with all that was
 * asked for, or put bytes of the peer's into a sentence as they came.
 */
#pragma once

#include "tls/authorities.h"
#include "tls/conn.h"

#define TLS_PEER_CHAIN_MAX 102400u /* bytes of a Certificate message */
#define TLS_PEER_DEPTH	   10      /* certificates between leaf and authority */
#define TLS_PEER_NAMES_MAX 32u     /* told in the facts; all are compared */
#define TLS_PEER_WHY_MAX   511u    /* bytes of the sentence */

enum tls_peer {
	TLS_PEER_GOOD,        /* all that was asked for holds */
	TLS_PEER_HANDSHAKE,   /* no handshake, for no reason of ours */
	TLS_PEER_OURS,        /* none because of us: memory, the vault; later */
	TLS_PEER_NAME,        /* it has none of the names */
	TLS_PEER_EXPIRED,     /* or is not valid yet */
	TLS_PEER_UNTRUSTED,   /* no chain to an authority that we know */
	TLS_PEER_TLSA,        /* no TLSA record matches */
	TLS_PEER_KEY,         /* none of the keys */
	TLS_PEER_CERTIFICATE, /* anything else about the certificate */
};
#define TLS_PEERS 9u

enum tls_expectation {
	TLS_EXPECT_ANYTHING,
	TLS_EXPECT_NAMES,
	TLS_EXPECT_TLSA,
	TLS_EXPECT_KEYS,
};

struct tls_tlsa {
	uint8_t usage, selector, matching;
	struct span data;
};

/* Borrowed until the handshake is over, all of it. */
struct tls_expect {
	enum tls_expectation what;
	bool enforce;
	int64_t now;     /* seconds since 1970 */
	struct span sni; /* no name, or an address: none is sent */
	struct tls_authorities *authorities; /* NULL: nobody is one */
	const struct span *names; /* a dot in front: any name below it */
	size_t name_count;
	const struct tls_tlsa *tlsa;
	size_t tlsa_count;
	const struct span *keys; /* 32 bytes each */
	size_t key_count;
};

/* TLS_PEER_HANDSHAKE as long as the handshake is not over. */
enum tls_peer tls_peer(const struct tls_conn *);

/* Printable, in the arena.  Times in seconds since 1970. */
struct tls_peer_facts {
	enum tls_peer peer;
	/* Of GOOD: empty, or why it would not have been good for more. */
	struct span why;
	struct span by; /* what it was verified by: "TLSA 3 1 1 ab12...", ... */
	int tlsa;       /* which record of tls_expect matched, or -1 */
	bool asked, gave; /* for a certificate of ours; and it was given */
	bool shown;       /* a certificate came: the rest is set */
	size_t chain_len;
	struct span subject, issuer, key; /* "RSA 2048", "P-256" */
	struct span names[TLS_PEER_NAMES_MAX];
	size_t name_count, more_names;
	int64_t not_before, not_after;
	unsigned char spki_sha256[32];
};

/*
 * After the handshake, good or not: what was seen of the certificate is told of
 * a handshake that failed, too.  Client's side only.  False: the arena is full.
 */
MUST_USE bool tls_peer_facts(const struct tls_conn *, struct arena *,
			     struct tls_peer_facts *out);

/* "name", "tlsa-mismatch": for logs. */
const char *tls_peer_text(enum tls_peer);

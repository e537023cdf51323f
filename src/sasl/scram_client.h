/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/scram_client - the client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS
 * (RFC 5802, 7677, with tls-exporter of RFC 9266), for a server of ours.
 *
 * Three steps: without a challenge the first message; to the server's first one
 * the proof; to its last one nothing, after it was seen that it knows the secret,
 * too.  Without scram_client_proved the login is none, whatever it said.
 *
 * PBKDF2 takes 25 ms at 100,000 iterations and is done once: keys for the same
 * salt are kept by the owner beside the password.
 *
 * Must never: send anything that the password can be had from but by guessing
 * at SCRAM_ITERATIONS_MIN; take a nonce that does not go on with ours.
 */
#pragma once

#include "base/buf.h"
#include "crypto/scram.h"

#define SCRAM_CLIENT_USER_MAX	 255u
#define SCRAM_CLIENT_NONCE	 24u /* characters of ours */
#define SCRAM_CLIENT_NONCE_MAX	 512u /* of both */
#define SCRAM_CLIENT_MESSAGE_MAX 2048u /* of the server's first one */
#define SCRAM_CLIENT_BINDING	 32u

/* What a password became for one salt; wiped by its owner. */
struct scram_client_keys {
	size_t salt_len; /* 0: not made yet */
	unsigned char salt[SCRAM_SALT_MAX];
	uint32_t iterations;
	struct sha256 client, server;
};

enum scram_client_binding {
	SCRAM_CLIENT_CANNOT,  /* the channel has none */
	SCRAM_CLIENT_NOT_OFFERED, /* it has, and the server did not offer -PLUS */
	SCRAM_CLIENT_BINDS,   /* -PLUS */
};

struct scram_client_settings {
	struct span user, password;
	enum scram_client_binding how;
	unsigned char binding[SCRAM_CLIENT_BINDING]; /* tls-exporter */
	unsigned char random[SCRAM_CLIENT_NONCE / 4 * 3];
	struct scram_client_keys *keys;
};

struct scram_client {
	const struct scram_client_settings *set;
	unsigned step;
	bool proved;
	struct buf said; /* what the proof is about */
	struct sha256 expected; /* of the server's last message */
};

/* May SCRAM be tried with it?  Others would want a preparation of their own. */
bool scram_client_fits(struct span password);

/* The settings outlive it.  Give back with scram_client_end. */
void scram_client_begin(struct scram_client *, const struct scram_client_settings *);
/*
 * challenge NULL: the first message.  False: what came is not of this exchange,
 * or memory is short; `out` may then hold part of a message.
 */
MUST_USE bool scram_client_step(struct scram_client *, const struct span *challenge,
				struct buf *out);
/* Has the server shown that it knows the secret? */
bool scram_client_proved(const struct scram_client *);
void scram_client_end(struct scram_client *);

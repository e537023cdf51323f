/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sasl/server - the server's side of one SASL exchange.
 *
 * Mechanisms: PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS
 * (RFC 5802, 7677, with tls-exporter of RFC 9266).  Nothing with MD5 exists.
 * It lives in the auth role: edge carries the decoded blobs and never looks.
 * Base64 is the protocol session's affair.
 *
 * PLAIN and LOGIN end in SASL_PASSWORD: the owner checks the pair where it can
 * take its time, and gives its verdict.  SCRAM asks the owner's `verifier` for
 * the stored keys; for a user without any it goes on with a salt and keys made
 * from a secret, so that an unknown user sees the same messages, in the same
 * time, as a wrong password, and the same salt every time.
 *
 * User names are normalised before anybody is asked: the domain in lower case;
 * names with control bytes, broken UTF-8 or over SASL_NAME_MAX fail.  Acting
 * for somebody else (authzid) is refused.
 *
 * Limits: SASL_MESSAGE_MAX a message, SASL_STEPS_MAX messages.  After
 * SASL_DONE or SASL_FAILED every step answers SASL_FAILED.
 */
#pragma once

#include "base/buf.h"
#include "crypto/scram.h"
#include "crypto/secret.h"

#define SASL_MESSAGE_MAX 4096u
#define SASL_NAME_MAX    320u /* 64 + 1 + 255 */
#define SASL_PASSWORD_MAX 1024u
#define SASL_STEPS_MAX   6u
#define SASL_BINDING_LEN 32u

enum sasl_mechanism {
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_SCRAM_SHA_256,
	SASL_SCRAM_SHA_256_PLUS,
};
#define SASL_MECHANISMS 4u

enum sasl_state {
	SASL_CONTINUE, /* send `out` as a challenge (it may be empty), then step */
	SASL_PASSWORD, /* check sasl_user and sasl_password, then sasl_verdict */
	SASL_DONE,     /* sasl_user is who it is */
	SASL_FAILED,   /* say no; sasl_failure tells the log why */
};

enum sasl_failure {
	SASL_F_NONE,
	SASL_F_SYNTAX,   /* not a message of this mechanism, or over a limit */
	SASL_F_NAME,     /* no usable user name */
	SASL_F_AUTHZID,  /* wants to act for another user */
	SASL_F_WRONG,    /* unknown user or wrong password: never told apart */
	SASL_F_BINDING,  /* channel binding missing, of another kind or stripped */
	SASL_F_MEMORY,
};

/* "SCRAM-SHA-256-PLUS"; names compare without case. */
struct span sasl_mechanism_name(enum sasl_mechanism);
MUST_USE bool sasl_mechanism_find(struct span name, enum sasl_mechanism *out);

/* libgsasl's state; one per process, made before confinement. */
struct sasl_library;
MUST_USE struct sasl_library *sasl_library_new(void); /* NULL: no memory */
void sasl_library_free(struct sasl_library *);

/* What the owner knows.  Answers from memory, never parks. */
struct sasl_owner {
	/* False: no such user, or none with SCRAM.  `user` is normalised. */
	bool (*verifier)(void *owner, struct span user,
			 struct scram_verifier *out);
	void *owner;
	/* For users that do not exist: the same for the life of the data. */
	unsigned char secret[32];
	/* Iterations that new verifiers get; shown for unknown users. */
	uint32_t iterations;
};

/* What the connection offered. */
struct sasl_channel {
	/*
	 * tls-exporter, or NULL.  Set it only where -PLUS was offered: a client
	 * that could bind, but saw no offer, is otherwise refused as the victim
	 * of a downgrade, which is right only if we did offer.
	 */
	const unsigned char *binding;
};

struct sasl_server;

/*
 * NULL: no memory, or -PLUS without a binding.  Owner and library must outlive
 * it; the binding is copied.
 */
MUST_USE struct sasl_server *sasl_server_new(struct sasl_library *,
					     const struct sasl_owner *,
					     const struct sasl_channel *,
					     enum sasl_mechanism);
void sasl_server_free(struct sasl_server *); /* wipes; NULL is allowed */

/*
 * The first call: the client's initial response, or NULL if it sent none (an
 * empty one is not the same).  Later calls: its answer to our challenge.  `out`
 * is cleared first; its limit should be SASL_MESSAGE_MAX.
 */
MUST_USE enum sasl_state sasl_server_step(struct sasl_server *,
					  const struct span *in,
					  struct buf *out);
/* Only after SASL_PASSWORD.  SASL_DONE or SASL_FAILED; wipes the password. */
MUST_USE enum sasl_state sasl_verdict(struct sasl_server *, bool right);

/* Normalised; valid from SASL_PASSWORD or SASL_DONE until freed. */
struct span sasl_user(const struct sasl_server *);
struct span sasl_password(const struct sasl_server *);
enum sasl_failure sasl_failure(const struct sasl_server *);

/*
 * Lower-cases the domain part and checks; the result goes to `out`, at most
 * SASL_NAME_MAX bytes.  False: control bytes, broken UTF-8, empty or too long.
 */
MUST_USE bool sasl_name_normalise(struct span name, char out[SASL_NAME_MAX],
				  size_t *len);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/password - argon2id hashes of passwords, by libsodium.
 *
 * The encoded form is the usual "$argon2id$v=19$m=...,t=...,p=1$salt$hash";
 * cost and salt travel in it, so costs can be raised without losing old
 * verifiers.  Passwords longer than PASSWORD_MAX, and verifiers whose cost is
 * above PASSWORD_MEMORY_MAX or PASSWORD_PASSES_MAX, are refused BEFORE any
 * hashing, so neither a peer nor an imported verifier can buy more work than
 * the owner planned for.
 *
 * Both calls block for as long as the cost says (19 MiB and 2 passes: about
 * 25 ms) and take `memory_kib` of memory: call them on the bounded pool of the
 * auth role, never on a loop.  They are safe to call from several threads.
 * The salt is libsodium's own randomness.
 *
 * Link with dep_password; it alone brings libsodium.
 */
#pragma once

#include "base/span.h"

#define PASSWORD_MAX        1024u /* bytes */
#define PASSWORD_TEXT_MAX   128u  /* encoded form with its NUL */
#define PASSWORD_MEMORY_MIN 8u
#define PASSWORD_MEMORY_MAX (1024u * 1024) /* KiB */
#define PASSWORD_PASSES_MAX 16u

struct password_cost {
	uint32_t memory_kib, passes;
};

/* OWASP's first choice for argon2id. */
#define PASSWORD_COST_DEFAULT ((struct password_cost){19u * 1024, 2})

enum password {
	PASSWORD_OK,
	PASSWORD_WRONG,
	PASSWORD_TOO_LONG,
	PASSWORD_BAD_VERIFIER, /* not argon2id in our form, or cost out of range */
	PASSWORD_BAD_COST,
	PASSWORD_NO_MEMORY,
};

/* Call once before the first hash (crypto_library_start does not). */
MUST_USE bool password_library_start(void);

/* The encoded form, NUL-terminated, into `out`. */
MUST_USE enum password password_hash(struct span password,
				     struct password_cost cost,
				     char out[PASSWORD_TEXT_MAX]);

/*
 * Compare.  A verifier of length 0 (unknown user) does the work of
 * `unknown` against a fixed hash and answers PASSWORD_WRONG, so that time says
 * nothing about which users exist.
 */
MUST_USE enum password password_verify(struct span password,
				       struct span verifier,
				       struct password_cost unknown);

/* The cost written in a verifier, e.g. to rehash at the next login. */
MUST_USE bool password_cost_of(struct span verifier, struct password_cost *out);

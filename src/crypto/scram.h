/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/scram - the stored half of a SCRAM-SHA-256 credential (RFC 5802, 7677).
 *
 * StoredKey and ServerKey are made once, when a password is set; what is kept
 * cannot be used to log in elsewhere, and the password cannot be had from it
 * faster than by guessing at SCRAM_ITERATIONS of PBKDF2 each.
 */
#pragma once

#include "base/span.h"
#include "crypto/hash.h"

#define SCRAM_ITERATIONS     100000u
#define SCRAM_ITERATIONS_MIN 4096u /* RFC 7677 section 4 */
#define SCRAM_ITERATIONS_MAX 1000000u
#define SCRAM_SALT_LEN       16u
#define SCRAM_SALT_MAX       64u /* of others */

struct scram_verifier {
	uint32_t iterations;
	unsigned char salt[SCRAM_SALT_LEN];
	struct sha256 stored_key, server_key;
};

/*
 * From a password (normalised by the caller) and 16 random bytes.  About 25 ms
 * at SCRAM_ITERATIONS: not on a loop.  False: password over PASSWORD_MAX, or
 * iterations out of range, or no memory.
 */
MUST_USE bool scram_verifier_make(struct span password,
				  const unsigned char salt[SCRAM_SALT_LEN],
				  uint32_t iterations,
				  struct scram_verifier *out);
/* The same with a salt of any length up to 64 bytes (imported verifiers). */
MUST_USE bool scram_keys(struct span password, struct span salt,
			 uint32_t iterations, struct sha256 *stored_key,
			 struct sha256 *server_key);
/* As a client needs them: what the first one is worth is the password's. */
MUST_USE bool scram_client_keys(struct span password, struct span salt,
				uint32_t iterations, struct sha256 *client_key,
				struct sha256 *server_key);

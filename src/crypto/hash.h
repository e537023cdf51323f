/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/hash - SHA-256, HMAC-SHA-256 and CRC-32C.
 *
 * SHA-256 names and checks content; HMAC is for secrets and for caches that an
 * attacker may probe; CRC-32C finds damage by hardware, never by people.  Hash
 * tables with hostile keys use base/siphash.
 *
 * One-shot functions cannot fail except by lack of memory, which ends the
 * process (ENSURE): a hash is never optional.
 */
#pragma once

#include "base/span.h"

#define SHA256_LEN 32u

struct sha256 {
	unsigned char bytes[SHA256_LEN];
};

struct sha256 sha256_of(struct span);
/* Keys of any length; RFC 2104. */
struct sha256 hmac_sha256(struct span key, struct span data);
/* The same over several pieces, as if they were one.  At most 8 pieces. */
struct sha256 hmac_sha256_parts(struct span key, const struct span *parts,
				size_t n);

/* Streaming SHA-256: new, any number of adds, one end (frees it). */
struct sha256_stream;
MUST_USE struct sha256_stream *sha256_stream_new(void); /* NULL: no memory */
void sha256_stream_add(struct sha256_stream *, struct span);
struct sha256 sha256_stream_end(struct sha256_stream *);
void sha256_stream_drop(struct sha256_stream *); /* NULL is allowed */

/* Castagnoli polynomial.  Start with 0; feed the result back in to go on. */
uint32_t crc32c(uint32_t crc, struct span data);

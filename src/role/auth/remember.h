/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/remember - a credential just found right is known again without a
 * hash.
 *
 * What is kept is a MAC under a key that is made at start and never leaves the
 * process, over account, version of its verifiers and password: no password,
 * nothing to try guesses on elsewhere, and nothing that outlives a change.
 * Bounded; the longest unused entry goes first.
 */
#pragma once

#include "base/siphash.h"
#include "crypto/hash.h"

#define REMEMBER_MAX 16384u

struct remember;

MUST_USE struct remember *remember_new(const unsigned char key[32],
				       const uint8_t secret[SIPHASH_KEY]);
void remember_free(struct remember *); /* wipes; NULL is allowed */

struct remembered {
	uint64_t account, version;
	struct span password;
};

/* True: right, and it opens `scopes`. */
MUST_USE bool remember_check(struct remember *, uint64_t now,
			     const struct remembered *, uint32_t *scopes);
/* Until `until`; nothing happens when memory is short. */
void remember_put(struct remember *, uint64_t until, const struct remembered *,
		  uint32_t scopes);
void remember_drop(struct remember *, uint64_t account);
size_t remember_count(const struct remember *);

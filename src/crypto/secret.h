/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/secret - handling bytes that nobody else may learn.
 *
 * secret_eq takes a time that depends on the lengths only.  secret_wipe is
 * never optimised away.  Random bytes come from a function that the owner
 * gives (os has it; tests give a seeded one), so that a whole system can run
 * deterministically; only OpenSSL's own nonces and key generation do not.
 */
#pragma once

#include "base/span.h"

/* Fills all len bytes or ends the process: there is no half-random. */
struct random_source {
	void (*fill)(void *owner, void *bytes, size_t len);
	void *owner;
};

static inline void random_fill(const struct random_source *r, void *p, size_t n)
{
	r->fill(r->owner, p, n);
}

bool secret_eq(struct span a, struct span b);
void secret_wipe(void *, size_t);

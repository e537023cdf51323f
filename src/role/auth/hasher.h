/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/hasher - the only place where passwords are hashed.
 *
 * A few threads work, a bounded queue waits before them, and what is over it
 * is refused at once: memory is threads times the cost of one hash, and no
 * more work is taken than somebody will wait for.  Favoured jobs (an address
 * from which the account logged in lately, an administrator) go first, and a
 * quarter of the queue is theirs alone.  A job whose deadline has passed is not
 * begun.
 *
 * Whether a name exists must not show in the work: a password that is wrong
 * costs one hash at full cost, and if it has the form of an app password, also
 * USER_APPS_MAX cheap ones, for a known name and an unknown one alike.
 *
 * In a simulated world there are no threads: jobs run on the loop, one after
 * the other, and each takes HASHER_SIM_NS of its clock.
 */
#pragma once

#include "os/fiber.h"
#include "os/thread.h"
#include "role/auth/users.h"

#define HASHER_SIM_NS (25 * NS_PER_MS)

/* An app password is 120 random bits: 6 groups of 4 base32 digits.  It cannot
 * be guessed at any speed, so its hash is cheap. */
#define APP_PASSWORD_DIGITS 24u
#define APP_PASSWORD_TEXT   (APP_PASSWORD_DIGITS + 5)
#define APP_PASSWORD_COST   ((struct password_cost){PASSWORD_MEMORY_MIN, 1})

#define SCOPES_ALL UINT32_MAX /* what the account's own password opens */

enum hash_work { HASH_CHECK, HASH_MAKE, HASH_MAKE_APP };
enum hash_end {
	HASH_DONE,  /* made; or the password is right, see scopes */
	HASH_WRONG,
	HASH_LATER, /* queue full, deadline passed, memory short */
};

struct hash_job {
	/* The question. */
	enum hash_work work;
	bool favoured;
	struct password_cost cost;
	char password[SASL_PASSWORD_MAX];
	size_t password_len;
	struct user *user;         /* HASH_CHECK; held by the caller */
	uint32_t scram_iterations; /* HASH_MAKE; 0: none */
	unsigned char salt[SCRAM_SALT_LEN];
	/* Asked on the loop when its turn has come; true: end and scopes are
	 * given, nothing is left to be hashed.  NULL: nobody knows. */
	bool (*answered)(struct hash_job *);
	void *ctx; /* its own */
	/* The answer. */
	uint32_t scopes;
	char argon2[PASSWORD_TEXT_MAX];
	struct scram_verifier scram;
	unsigned hashes; /* at full cost */
	/* The hasher's own. */
	struct worker_job job;
	struct list link;
	struct fiber *fiber;
	uint64_t deadline;
	enum hash_end end;
	bool over;
};

struct hasher;

MUST_USE struct hasher *hasher_new(struct loop *, unsigned threads,
				   size_t queue);
/* Every job ends now: waiting ones with HASH_LATER. */
void hasher_settle(struct hasher *); /* NULL is allowed */
/* No fiber may wait in it. */
void hasher_free(struct hasher *); /* NULL is allowed */
void hasher_limit(struct hasher *, size_t queue);

/* Parks until it is done. */
MUST_USE enum hash_end hasher_run(struct hasher *, struct hash_job *,
				  uint64_t deadline);
size_t hasher_waiting(const struct hasher *);
uint64_t hasher_hashes(const struct hasher *); /* at full cost, since start */

/* Without its hyphens and blanks, in lower case.  False: not of that form. */
MUST_USE bool app_password_digits(struct span text,
				  char out[APP_PASSWORD_DIGITS]);
/* From 15 random bytes. */
void app_password_text(const unsigned char random[15],
		       char out[APP_PASSWORD_TEXT]);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/users - what the store knows of a login name, kept in memory.
 *
 * Asked for on demand, dropped when the store says that the account changed or
 * when its channel dies.  That a name is unknown is kept for a few seconds
 * only.  A user is immutable and counted: who holds one may use it while a hash
 * runs, and sees in `stale` that it is not the newest any more.
 *
 * Keys are lookup names: lower case, with a domain.
 */
#pragma once

#include "base/list.h"
#include "crypto/password.h"
#include "crypto/scram.h"
#include "os/loop.h"
#include "sasl/server.h"
#include "wire/auth_store.h"

#define USERS_MAX        10000u
#define USERS_UNKNOWN_NS (5 * NS_PER_SEC)
#define USER_APPS_MAX    64u

struct user_app {
	uint32_t scopes;
	char argon2[PASSWORD_TEXT_MAX];
};

struct user {
	unsigned refs;
	bool found, stale, has_scram;
	uint64_t account, until;
	uint64_t version; /* of an unknown name: the changes seen by then */
	char key[SASL_NAME_MAX];
	size_t key_len;
	char name[SASL_NAME_MAX];
	size_t name_len;
	char argon2[PASSWORD_TEXT_MAX];
	struct scram_verifier scram;
	struct list link;
	size_t app_count;
	struct user_app apps[];
};

struct users;

MUST_USE struct users *users_new(struct loop *, const uint8_t secret[16]);
/* Every user must have been given back. */
void users_free(struct users *); /* NULL is allowed */

/*
 * Parks while the store is asked.  NULL: it could not be asked.  Give it back
 * with user_release.
 */
MUST_USE struct user *users_get(struct users *, struct auth_store *,
				struct span key, uint64_t deadline);
void user_release(struct user *); /* NULL is allowed */

void users_changed(struct users *, uint64_t account);
/* Everything: the store went away, changes may have been missed. */
void users_forget_all(struct users *);
size_t users_count(const struct users *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/granting - reading and changing grants, for users and administrators.
 *
 * A grant stands in two accounts: with the mailbox what may be done, and with whoever
 * got it that there is something to look for.  The latter is written first and removed
 * last, so that nothing granted is ever missed; changes in one account take turns.
 */
#pragma once

#include "box/rights.h"
#include "role/store/store.h"

#define GRANTING_ANYONE SPAN("anyone")

/* Whom a word means: an account's number, or BOX_ANYONE.  False: nobody to whom anything
 * can be granted in this account. */
MUST_USE bool granting_who(const struct store *, uint64_t owner, struct span word,
			   uint64_t *account);

struct granted {
	struct span who; /* borrowed from the directory */
	uint32_t rights, refused;
};
struct grants {
	struct granted of[BOX_GRANTS_MAX + 1]; /* the owner first */
	size_t count;
};
/* Accounts that are no more are left out. */
enum box_result granting_read(const struct store *, struct open_box *, uint32_t mailbox,
			      struct grants *out);

struct granting {
	struct open_box *box; /* the owner's */
	uint32_t mailbox;
	uint64_t account; /* of granting_who */
	enum box_how how;
	uint32_t rights;
	bool refuse;
};
/* Parks. */
enum box_result granting_change(struct job *, const struct granting *);

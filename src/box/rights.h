/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/rights - who may do what in a mailbox, beside its owner.
 *
 * A mailbox has one row of grants, which names accounts by their numbers: a name
 * that is given away anew inherits nothing.  What a grant means is the caller's to
 * judge (role/store/access.h); this folder keeps them with the mailbox: they follow
 * its number through renames, come back with it, and go with its rows.  A new
 * mailbox begins with those of the one above it.
 *
 * An account also keeps a list of those who granted it anything once: where to look,
 * not what it may.  It may name too many, never too few.
 */
#pragma once

#include "base/acl.h"
#include "box/change.h"

#define BOX_GRANTS_MAX  128u  /* of one mailbox */
#define BOX_GIVERS_MAX  1000u /* that one account knows of */
#define BOX_ANYONE	0u    /* in the place of an account: everybody who logs in */

struct box_grant {
	uint64_t account; /* or BOX_ANYONE */
	uint32_t rights, refused; /* enum acl_right */
};

struct box_grants {
	struct box_grant of[BOX_GRANTS_MAX]; /* by account, ascending */
	size_t count;
};

/* None where there is no row. */
MUST_USE enum box_result box_grants(struct box *, enum kv_view, uint32_t mailbox,
				    struct box_grants *out);
/* What an account has by its own grant and by that of anyone, if `anyone` counts. */
uint32_t box_grants_of(const struct box_grants *, uint64_t account, bool anyone);

/* Called for each mailbox with grants, by number; anything but BOX_OK ends it. */
typedef enum box_result box_grants_fn(void *arg, uint32_t mailbox,
				      const struct box_grants *);
MUST_USE enum box_result box_grants_each(struct box *, enum kv_view, box_grants_fn *,
					 void *arg);

/* Those who granted this account anything, ascending, at most `max`. */
MUST_USE enum box_result box_givers(struct box *, enum kv_view, uint64_t *givers,
				    size_t max, size_t *count);

enum box_grant_verb {
	BOX_GRANT,  /* `how` with `rights`, of `account` in `mailbox` */
	BOX_GIVER,  /* `account` grants something here */
	BOX_FORGET_GIVER,
};

struct box_granting {
	enum box_grant_verb verb;
	uint32_t mailbox;
	uint64_t account;
	enum box_how how;
	uint32_t rights;
	bool refuse; /* it is what they refuse that changes */
	struct box_own own;
};
/* BOX_NONE: no such mailbox.  BOX_LIMIT: too many.  Moves no mailbox's version. */
MUST_USE enum box_result box_granting(struct box *, struct box_granting *,
				      box_done_fn *, void *arg);

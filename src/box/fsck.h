/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/fsck - verify and repair the rows of one account.
 *
 * Checked: every row parses; page slots and cold rows name the same UIDs;
 * counts, bytes and unseen equal a recount; UIDNEXT above every UID;
 * HIGHESTMODSEQ not below any MODSEQ; names, uses and numbers unique; bodies
 * there, of the right length and (deep) checksum; annotations of a mailbox that
 * is there, and their sums; rights in a mailbox that is there or can be had back.
 *
 * Repair goes from the cold rows: they are what was delivered.  A slot without a
 * cold row is expunged; a cold row without a slot gets one without flags; counts
 * are written anew; UIDNEXT and versions only ever rise.  A message whose body is
 * missing or damaged stays, is reported, and carries the keyword $Damaged.
 */
#pragma once

#include "box/box.h"

struct box_fsck_count {
	uint64_t mailboxes, messages, bodies, bytes;
	uint64_t wrong;	   /* findings */
	uint64_t repaired; /* of them */
	uint64_t damaged;  /* bodies lost or changed */
};

/*
 * what: one finding in words; NULL: just progress, between two mailboxes and
 * between two pieces of a body.  While it is told of progress the caller may let
 * others go on and change the account, unless it asked for a repair.
 */
typedef void box_fsck_fn(void *arg, const struct box_fsck_count *,
			 const char *what);

enum box_fsck_how {
	BOX_FSCK_DEEP = 1,   /* read bodies and compare CRC32C */
	BOX_FSCK_REPAIR = 2, /* polls the kv: for the store alone */
};
MUST_USE enum box_result box_fsck(struct box *, unsigned how, box_fsck_fn *,
				  void *arg, struct box_fsck_count *out);

/* Every body that the account names (for the sweep of orphans). */
typedef void box_body_fn(void *arg, const struct kv_id *);
MUST_USE enum box_result box_bodies(struct box *, box_body_fn *, void *arg);

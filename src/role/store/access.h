/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/access - whose mailbox a name means, and what a session may do there.
 *
 * Below one level of names stand the mailboxes of other users, below another one those
 * of accounts that the configuration calls shared: "Other Users/bob@example.org/Work".
 * Everything else is the session's own, where it may do all.  Elsewhere each request is
 * judged by the grants of that moment (box/rights.h), nothing of them is remembered.
 *
 * Must never answer otherwise for a mailbox that the session may not see than for one
 * that is not there.
 */
#pragma once

#include "box/rights.h"
#include "role/store/session.h"

enum sharing {
	SHARING_NOT,	/* nobody but its owner reaches it */
	SHARING_OTHERS, /* by what its owner grants */
	SHARING_SHARED, /* the same, and anyone counts */
};
enum sharing access_sharing(const struct store *, uint64_t account);

/* A name as a session means it. */
struct access_name {
	uint64_t account; /* 0: nobody's */
	struct span name; /* in that account */
	bool own;
};
struct access_name access_name(const struct session *, struct span name);
/* Is it one of the two levels, or below one? */
bool access_reserved(const struct session *, struct span name);

/* What the session has in a mailbox, now. */
enum box_result access_rights(const struct session *, struct open_box *,
			      uint32_t mailbox, uint32_t *rights);

/* A mailbox's number that no other one has that the session sees: RFC 8474. */
uint64_t access_object(const struct session *, uint64_t account, uint32_t mailbox);

struct reached {
	struct open_box *box; /* held */
	uint32_t mailbox, rights;
	bool own;
};
/* The mailbox of this name, if the session has all of `need` there; else why not, and
 * nothing is held.  Parks. */
enum edge_store_answer access_reach(struct job *, struct span name, uint32_t need,
				    struct reached *out);
/* The account of a name; with yes it is held.  Not its own: judge by names. */
enum edge_store_answer access_box(struct job *, const struct access_name *,
				  struct open_box **out);
/* May a mailbox of this name be made in somebody else's account? */
enum edge_store_answer access_make(struct job *, struct open_box *, struct span name);

/* A selected mailbox for something that needs these rights beside `r`.  NULL: why not. */
struct selected *access_selected(struct session *, uint64_t handle, uint32_t need,
				 enum edge_store_answer *);
/* Is it still one that the session may read?  Not known now: yes; what it asks for is
 * judged again. */
bool access_reads(const struct selected *);
/* The flags that rights do not let be set: enum box_flag. */
uint32_t access_locked(uint32_t rights);

/* foreign.c: what others let the session see, by name; in the job's arena. */
struct foreign {
	struct box_entry *entries; /* bytewise; mailbox 0: a bare level */
	size_t count;
};
enum box_result access_foreign(struct job *, struct open_box *own, struct foreign *out);

/* across.c: copies into another account, a chunk at a time; moved: the source's go. */
struct across {
	struct open_box *from, *to;
	uint32_t mailbox, into, rights; /* rights: in `into` */
	const struct box_uids *uids;
	bool move;
	/* out */
	uint32_t *source, *target;
	size_t pairs;
	uint32_t uid_validity;
};
enum box_result access_copy(struct job *, struct across *);

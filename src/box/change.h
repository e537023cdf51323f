/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/change - operations on the messages of an account.
 *
 * Each takes a request that the caller keeps until `done` has run; results
 * stand in the request then.  BOX_OK means durable and visible.  If starting
 * answers anything but BOX_OK, done never runs and nothing happened.
 *
 * Operations on sets work in commits of at most BOX_CHUNK messages, each of
 * them with a version of its own; when one fails, those before it stay done and
 * `done_uids` says which they are.  Memory for results comes from the
 * request's arena.  UIDs without a message are skipped.
 */
#pragma once

#include "box/box.h"

typedef void box_done_fn(void *arg, enum box_result);

struct box_own { /* box's own part of a request */
	struct box *box;
	box_done_fn *done;
	void *arg;
	enum box_result refusal;
};

/* ---- new messages ---- */

struct box_token { /* names one delivery for ever; all zero: none */
	uint8_t byte[16];
};

struct box_new {
	uint32_t mailbox; /* when it is gone: `fallback`, unless that is 0 */
	uint32_t fallback;
	struct span prefix; /* in front of the body, at most BOX_PREFIX_MAX */
	struct kv_id body;  /* from kv_body_name */
	struct span bytes;  /* a body to be kept by this commit ... */
	bool kept;	    /* ... or it is durable already; bytes is empty */
	uint64_t body_size;
	uint32_t body_crc;
	struct kv_id email; /* all zero: the body's id */
	int64_t date;	    /* 0: now */
	uint32_t flags;
	const struct span *keywords; /* a new one takes a bit; none left: dropped */
	size_t keyword_count;
	struct span summary;
	struct span order; /* record for box/order.h; may be empty */
	/* out */
	uint32_t uid, uid_validity;
	uint32_t into; /* the mailbox that has it */
};

struct box_insert {
	struct box_new *messages; /* all or none, in this order */
	size_t count;		  /* 1 .. BOX_INSERT_MAX */
	/*
	 * A delivery that was done before under this token answers BOX_OK with the
	 * UIDs of then; `again` is set.  At most BOX_TOKEN_MAX messages then.
	 */
	struct box_token token;
	/* The message that goes in the same commit; when it is gone already nothing
	 * happens and the answer is BOX_CANNOT.  0: none. */
	uint32_t replaces, replaces_in;
	uint64_t quota_bytes, quota_messages; /* 0: no limit */
	bool custody; /* already promised: neither quota nor a full disk refuse */
	bool again;
	uint64_t version; /* out */
	struct box_own own;
};
MUST_USE enum box_result box_insert(struct box *, struct box_insert *,
				    box_done_fn *, void *arg);
/* Forget tokens of deliveries made before this time, some per call. */
struct box_forget {
	int64_t before;
	struct box_token at, stop; /* where to go on; zero at first */
	bool more; /* out: call again */
	struct box_own own;
};
MUST_USE enum box_result box_forget(struct box *, struct box_forget *,
				    box_done_fn *, void *arg);

/* ---- changes of a set ---- */

enum box_how { BOX_SET, BOX_ADD, BOX_REMOVE };

struct box_change {
	uint32_t mailbox;
	const struct box_uids *uids;
	struct arena *arena;
	/* store */
	enum box_how how;
	uint32_t locked_flags;	  /* these stay as they are, and are not copied ... */
	bool locked_keywords;	  /* ... and all of these */
	uint32_t flags;
	uint64_t keywords;	  /* bits that box_keyword_add gave */
	uint64_t unchanged_since; /* skip larger modseqs; UINT64_MAX: none */
	/* expunge: only those carrying \Deleted */
	bool deleted_only;
	bool keep; /* they can be had back for a while (box/gone.h) */
	/* copy, move */
	uint32_t to;
	uint64_t quota_bytes, quota_messages; /* copy; 0: no limit */
	/* out */
	struct box_uids modified;  /* store: left alone by unchanged_since */
	struct box_uids done_uids; /* changed, expunged, copied: source UIDs */
	uint32_t *from, *into;	   /* copy, move: pairs in UID order */
	size_t pairs;
	uint32_t uid_validity; /* of the target */
	uint64_t before, after; /* the mailbox's version around it */
	struct box_own own;
	uint32_t at, end;
	size_t pair_cap;
	struct box_chunk *chunk;
};
MUST_USE enum box_result box_store(struct box *, struct box_change *,
				   box_done_fn *, void *arg);
MUST_USE enum box_result box_expunge(struct box *, struct box_change *,
				     box_done_fn *, void *arg);
/* Within the account.  Copies share the body. */
MUST_USE enum box_result box_copy(struct box *, struct box_change *,
				  box_done_fn *, void *arg);
MUST_USE enum box_result box_move(struct box *, struct box_change *,
				  box_done_fn *, void *arg);

/* ---- small ones ---- */

/* The bit of a keyword (compared without ASCII case), made when new. */
struct box_keyword {
	uint32_t mailbox;
	struct span name;
	unsigned bit; /* out */
	struct box_own own;
};
MUST_USE enum box_result box_keyword_add(struct box *, struct box_keyword *,
					 box_done_fn *, void *arg);

/*
 * \Recent: the caller claims every message below the current UIDNEXT that
 * nobody claimed before; from..uid_next are its own.  Moves no version.
 */
struct box_claim {
	uint32_t mailbox;
	uint32_t from, uid_next; /* out */
	struct box_own own;
};
MUST_USE enum box_result box_claim(struct box *, struct box_claim *,
				   box_done_fn *, void *arg);

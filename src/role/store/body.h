/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/body - the bytes of one message on their way to be kept.
 *
 * What fits a request comes with it.  More is staged: appended piece by piece
 * to memory that will be sealed for the sorter, and, above BODY_APART, written
 * to the engine's folder while it arrives.  Staged bytes are counted for the whole
 * store; what a session leaves behind goes with it.
 */
#pragma once

#include "role/store/session.h"

/*
 * Larger ones are files of their own: written once and not compressed, where a
 * value of the engine goes through its log, its memory and a blob file.
 */
#define BODY_APART (64u * 1024u)
_Static_assert(BODY_APART <= KV_BODY_INLINE, "the engine takes the others");

struct staged {
	uint64_t id;
	int blob;
	struct kv_body *file; /* NULL up to BODY_APART */
	struct kv_id name;
	uint64_t size;
	uint32_t crc; /* of the file's bytes */
};
/* What all sessions may stage: a tenth is kept for those who logged in. */
uint64_t staged_most(const struct store *, const struct session *);
void staged_drop(struct store *, struct staged *); /* NULL is allowed */
/* One more piece of what the session stages; fresh: the first of a message.  What
 * was staged is dropped with any answer but yes. */
enum edge_store_answer stage_piece(struct session *, bool fresh,
				   struct span piece);

struct body {
	struct store *store;
	struct span bytes;    /* of a body that goes in with the commit */
	struct kv_body *file; /* ... or it is being written */
	bool kept;	      /* ... or it is durable under its name */
	struct kv_id name;
	uint64_t size;
	uint32_t crc;
	int blob; /* sealed, for the sorter; -1: bytes fit a request */
	struct staged *staged;
};

/* What the session staged, and the tail.  The body must be dropped after any
 * answer. */
enum edge_store_answer body_collect(struct job *, uint64_t staged,
				    struct span tail, struct body *);
/* Put the prefix in front and leave the cuts out. */
enum edge_store_answer body_edit(struct job *, struct body *,
				 struct span prefix,
				 const struct store_sorter_cut *, size_t count);
/* Make a large one durable. */
enum edge_store_answer body_settle(struct job *, struct body *);
void body_drop(struct body *);
/* Bytes of the message as it came in, at most len. */
bool body_peek(const struct body *, uint64_t at, void *to, size_t len);

/* ---- on_append.c ---- */

/* A message that is put into a mailbox of the session's account. */
struct appending {
	struct span name; /* of the mailbox */
	uint32_t flags;	  /* enum box_flag */
	const struct span *keywords;
	size_t keyword_count;
	int64_t date;  /* 0: now */
	bool no_quota; /* what the administrator brings back has no limit */
	bool hold;     /* it waits for the last message of its command */
	uint64_t replaces_in; /* the selected mailbox that `replaces` is in */
	uint32_t replaces;    /* goes in the same commit; 0: none */
	uint32_t uid, uid_validity; /* out */
};
/* Yes: it is durable, with all that waited, which have the UIDs from `uid` on;
 * or it waits.  With any other answer nothing waits any more.  The body is still to be dropped. */
enum edge_store_answer append_body(struct job *, struct body *,
				   struct appending *);

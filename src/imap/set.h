/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/set - sets of numbers as sorted runs: UIDs, sequence numbers.
 *
 * A mailbox of 100,000 messages that was never expunged from is one run; every
 * set that a session holds or hands to its host is kept this way.  Runs are
 * sorted, do not touch or overlap, and hold no zero.
 *
 * imap_set_parse reads RFC 3501's sequence-set; "*" is the largest number in
 * use, which the caller names (0: an empty mailbox).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

struct imap_run {
	uint32_t first, last; /* both are in it */
};

struct imap_set {
	struct imap_run *runs;
	size_t count, cap;
	struct arena *arena; /* where it grows */
};

/* Ranges in one sequence-set, as written by the client. */
#define IMAP_SET_MAX 8192u

void imap_set_init(struct imap_set *, struct arena *);
/*
 * Add a run.  Runs may come in any order: imap_set_sort then brings them into
 * shape, and is not needed when they ascended.  False: out of memory.
 */
MUST_USE bool imap_set_add(struct imap_set *, uint32_t first, uint32_t last);
void imap_set_sort(struct imap_set *);

bool imap_set_has(const struct imap_set *, uint32_t n);
uint64_t imap_set_size(const struct imap_set *);
/* How many numbers of the set are <= n: the position of n, from 1. */
uint32_t imap_set_rank(const struct imap_set *, uint32_t n);
/* The number at position `rank` (from 1), or 0 past the end. */
uint32_t imap_set_nth(const struct imap_set *, uint32_t rank);
/* The smallest member >= n, or 0. */
uint32_t imap_set_next(const struct imap_set *, uint32_t n);
/* out := a and b; out is empty and initialised.  False: out of memory. */
MUST_USE bool imap_set_and(const struct imap_set *a, const struct imap_set *b,
			   struct imap_set *out);

/* out := a without b.  False: out of memory. */
MUST_USE bool imap_set_minus(const struct imap_set *a, const struct imap_set *b,
			     struct imap_set *out);

/* "1:3,5" */
void imap_set_text(const struct imap_set *, struct buf *out);
/* out := positions of the members of `some`, all in `all`.  False: out of memory. */
MUST_USE bool imap_set_ranks(const struct imap_set *all, const struct imap_set *some,
			     struct imap_set *out);
/* out := the members at positions first..last.  False: out of memory. */
MUST_USE bool imap_set_slice(const struct imap_set *, uint64_t first, uint64_t last,
			     struct imap_set *out);

/* Ranks of ascending members in one pass: start with {set}. */
struct imap_cursor {
	const struct imap_set *set;
	size_t at;
	uint32_t before; /* members in front of run `at` */
};
/* n is a member, not smaller than at the call before. */
uint32_t imap_cursor_rank(struct imap_cursor *, uint32_t n);

enum imap_set_result { IMAP_SET_OK, IMAP_SET_BAD, IMAP_SET_LONG, IMAP_SET_MEMORY };
/* text is the whole sequence-set; out is initialised. */
MUST_USE enum imap_set_result imap_set_parse(struct span text, uint32_t star,
					     struct imap_set *out);

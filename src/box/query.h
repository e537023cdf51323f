/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/query - which messages of a mailbox match a bounded postfix program.
 *
 * Each op pushes one truth value, NOT replaces the top, AND and OR the two on
 * top; after the last op one value is left.  Keys on flags, keywords, UIDs and
 * modseq are answered from page rows; the cold row is read only when a message
 * needs it; texts are asked through the callback (summary given), because only
 * a parser of mail may judge them.  Evaluation stops early where the outcome
 * is known (a message that a cheap key excludes is never read).
 *
 * Where an index says which messages can match (`known`), pages without one of
 * them are not read at all.
 *
 * Work is cut in slices: box_query_run answers after about `budget` units (a
 * page 16, a cold row 1, a text leaf 4) with *next to go on from.
 */
#pragma once

#include "box/box.h"

#define BOX_QUERY_OPS   1000u
#define BOX_QUERY_DEPTH 64u

enum box_query_kind {
	BOX_Q_ALL,
	BOX_Q_NOTHING,
	BOX_Q_FLAGS,	/* every bit of number is set */
	BOX_Q_KEYWORDS, /* every bit of number is set */
	BOX_Q_UIDS,
	BOX_Q_MODSEQ,	/* modseq >= number */
	BOX_Q_BEFORE,	/* internal date <  number (seconds) */
	BOX_Q_SINCE,	/* internal date >= number */
	BOX_Q_SAVED_BEFORE,
	BOX_Q_SAVED_SINCE,
	BOX_Q_LARGER,	/* size > number */
	BOX_Q_SMALLER,	/* size < number */
	BOX_Q_EMAIL,	/* email id == id */
	BOX_Q_LEAF,	/* the callback's: number says which */
	BOX_Q_NOT,
	BOX_Q_AND,
	BOX_Q_OR,
};

struct box_query_op {
	enum box_query_kind kind;
	uint64_t number;
	const struct box_uids *uids; /* UIDS, LEAF */
	struct kv_id id;	     /* EMAIL */
	/*
	 * LEAF: of messages up to the UID `known` it is true for those in `uids`,
	 * the callback's for those in `may`, false for all others.
	 */
	uint32_t known;
	const struct box_uids *may;
};

/* The truth of a leaf.  It may wait: a run holds nothing open in the engine
 * meanwhile.  Anything but BOX_OK ends the run with it. */
typedef enum box_result box_leaf_fn(void *arg, const struct box_message *,
				    uint64_t number, bool *truth);

struct box_query {
	const struct box_query_op *ops;
	size_t count;
	box_leaf_fn *leaf; /* NULL: programs without leaves */
	void *arg;
	size_t most; /* runs in `out`, when the run ends; 0: no limit */
};

/* BOX_LIMIT: too many ops, too deep, or not one value at the end. */
MUST_USE enum box_result box_query_check(const struct box_query *);

/*
 * Adds matching UIDs >= from to out.  *next: where to go on, 0 at the end.
 * highest: the largest modseq of what matched, never lowered.
 */
MUST_USE enum box_result box_query_run(struct box *, enum kv_view,
				       uint32_t mailbox,
				       const struct box_query *, uint32_t from,
				       size_t budget, struct box_uids *out,
				       uint64_t *highest, uint32_t *next);

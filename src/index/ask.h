/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/ask - which messages of a segment hold these texts?
 *
 * All leaves of a search are asked in one pass over the rows that can matter.  The
 * answer for a leaf is two sets: documents that hold its text for certain, and
 * documents that may (and have to be looked at).  All others do not hold it.
 *
 * Time: the words of the classes asked for, once for each probe, and the lists of
 * the terms that match.  Memory: a bit for each document and probe.
 */
#pragma once

#include "index/segment.h"
#include "terms/needle.h"

#define INDEX_LEAVES 16u
#define INDEX_PROBES 96u /* of all leaves; a leaf that they do not reach: all may */

struct index_ask;

MUST_USE struct index_ask *index_ask_new(void); /* NULL: memory is short */
void index_ask_free(struct index_ask *);	/* NULL is allowed */
/*
 * One more leaf: its text in any of the fields (a bit for each term_field).  The needle's
 * spans are borrowed.  False: there are INDEX_LEAVES.
 */
MUST_USE bool index_ask_leaf(struct index_ask *, unsigned fields, const struct needle *);

/* Forgets what a segment before this one answered. */
MUST_USE enum index_result index_ask_run(struct index_ask *, const struct index_segment *,
					 const struct index_rows *);

enum index_said { INDEX_NO, INDEX_MAYBE, INDEX_SURE };
/* Of the segment asked last: its documents' UIDs, and what a leaf says of each. */
const uint32_t *index_ask_uids(const struct index_ask *);
enum index_said index_ask_said(const struct index_ask *, size_t leaf, uint32_t doc);

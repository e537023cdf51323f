/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/note - small things that whoever carries mail has to remember: a value by
 * kind and name.
 *
 * They stand in the partition that is the number of their kind, so that a list of
 * them is one scan in order.  What a value means is the caller's.
 */
#pragma once

#include "spool/spool.h"

#define SPOOL_NOTE_NAME	 320u /* bytes, not empty */
#define SPOOL_NOTE_VALUE 49152u
#define SPOOL_NOTE_KINDS 8u

struct spool_note {
	unsigned kind;
	struct span name, value; /* an empty value removes it */
	struct spool_own own;
};
/* Durable when done says SPOOL_OK. */
MUST_USE enum spool_result spool_note_put(struct spool *, struct spool_note *,
					  spool_done_fn *, void *arg);
/* Appended to out; SPOOL_NONE. */
MUST_USE enum spool_result spool_note_get(struct spool *, unsigned kind,
					  struct span name, struct buf *out);
/* Names behind `after`, at most max, in the arena; *more: there are others. */
MUST_USE enum spool_result spool_notes(struct spool *, unsigned kind,
				       struct span after, struct arena *,
				       struct span *names, size_t max,
				       size_t *count, bool *more);

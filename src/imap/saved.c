/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/saved: "$", what the last SEARCH with SAVE found (RFC 5182).
 *
 * Kept as runs of UIDs in memory of its own, because a session has no other
 * between two commands; the bound is IMAP_SAVED_MAX runs.  It goes with the
 * selected mailbox.  Must never name a message that the view does not have.
 */
#include <stdlib.h>

#include "imap/state.h"

void imap_saved_drop(struct imap_session *s)
{
	free(s->saved.runs);
	s->saved = (struct imap_saved){0};
}

bool imap_saved_keep(struct imap_session *s, const struct imap_set *set)
{
	imap_saved_drop(s);
	if (set->count == 0)
		return true;
	if (set->count > IMAP_SAVED_MAX)
		return false;
	s->saved.runs = calloc(set->count, sizeof *set->runs);
	if (s->saved.runs == NULL)
		return false;
	memcpy(s->saved.runs, set->runs, set->count * sizeof *set->runs);
	s->saved.count = set->count;
	return true;
}

bool imap_saved_get(struct imap_session *s, struct imap_set *out)
{
	const struct imap_set all = {.runs = s->saved.runs, .count = s->saved.count};
	return imap_set_and(&all, &s->work->map, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/waits: which limit keeps a recipient that is due, in words for an
 * administrator.  Where nothing keeps it there are none: it is out, or has its
 * turn soon.
 */
#include "role/store/queue.h"

#include "base/check.h"

static struct span words(struct arena *a, const struct schedule_waits *w)
{
	switch (w->why) {
	case SCHEDULE_WAITS_DOWN:
		return SPAN("no host of the destination answered; it is left "
			    "alone for a while");
	case SCHEDULE_WAITS_LEASES:
		return arena_printf(
			a, "the destination has all of its connections (%u)",
			w->limit);
	case SCHEDULE_WAITS_MINUTE:
		return arena_printf(a,
				    "the destination has had its messages of "
				    "this minute (%u)",
				    w->limit);
	case SCHEDULE_WAITS_SOURCE_LEASES:
		return arena_printf(
			a, "source %.*s has all of its connections (%u)",
			SPAN_FMT(w->source), w->limit);
	case SCHEDULE_WAITS_SOURCE_MINUTE:
		return arena_printf(a,
				    "source %.*s has had its messages of this "
				    "minute (%u)",
				    SPAN_FMT(w->source), w->limit);
	case SCHEDULE_WAITS_NOT:
		break;
	}
	return SPAN("");
}

struct span queue_waits(const struct store *s, struct arena *a,
			const struct spool_id *job,
			const struct spool_recipient *r)
{
	struct carry *c = s->queue.carry;
	int64_t now = now_wall(s);
	char room[SPOOL_DESTINATION_MAX];
	struct schedule_waits w;
	if (r->state != SPOOL_REMOTE || r->next > now ||
	    carry_is_out(c, job, r->n))
		return SPAN("");
	const struct destination *d =
		schedule_find(carry_schedule(c), spool_destination(r, room));
	if (d == NULL)
		return SPAN("");
	schedule_waits(carry_schedule(c), d, now, &w);
	return words(a, &w);
}

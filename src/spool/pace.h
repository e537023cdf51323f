/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/pace - so many in a minute.
 *
 * A minute begins with the first one; when it has had as many as it may, the next
 * one waits for its end.  A clock that is set back lets nobody wait longer than
 * that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PACE_MINUTE_S 60

struct pace {
	unsigned a_minute; /* may have; 0: no limit */
	unsigned had;	   /* since `minute` */
	int64_t minute;
};

/* The end of a minute that has had all of its; 0: one may go. */
static inline int64_t pace_until(const struct pace *p)
{
	return p->a_minute > 0 && p->had >= p->a_minute
		       ? p->minute + PACE_MINUTE_S
		       : 0;
}

static inline void pace_count(struct pace *p, int64_t now)
{
	if (p->had == 0 || now >= p->minute + PACE_MINUTE_S) {
		p->minute = now;
		p->had = 0;
	}
	p->had++;
}

static inline void pace_mind_clock(struct pace *p, int64_t now)
{
	if (p->minute > now)
		p->minute = now;
}

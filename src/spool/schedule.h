/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/schedule - which destination is worked for next.
 *
 * Pure: no clock (it is told `now`, in seconds), no rows, no randomness of its
 * own.  It knows destinations, never messages: for each the partitions in which
 * something of it waits and since when, how many leases are out, how many may be,
 * and how long it has to be left alone.  Those that are ready take turns, one
 * lease each, so that a million messages for one do not slow ten others.
 *
 * Memory: at most `most` destinations, each with at most one spot a partition.
 * What there is no room for is refused: the owner finds it in the rows later.
 *
 * Pace: so many leases in a minute (spool/pace.h).  Sources: those that leave by
 * the same own addresses share limits and wait for their turn together
 * (spool/sluice.h); what a lease costs does not depend on how many wait.
 *
 * Mood.  Down: nobody goes there until a time is over that grows with each
 * failure in a row (the steps of the rules); then one lease alone tries, and only
 * when it went well the others follow.  Slow: half as many as before may go, and
 * one more again after each minute in which all went well.
 */
#pragma once

#include "base/list.h"
#include "base/siphash.h"
#include "spool/due.h"
#include "spool/sluice.h"

#define SCHEDULE_MOST	   65536u /* destinations */
#define SCHEDULE_STEPS	   16u
#define SCHEDULE_GROW_S	   60
#define SCHEDULE_TURN	   10u /* leases in a row while others wait for its source */
#define SCHEDULE_SLOW_S	   10 /* "slow" from several at once counts once */
#define SCHEDULE_FORGET_S  3600

/* Of one by its name. */
struct schedule_most {
	unsigned leases;   /* at a time; 0: per_destination */
	unsigned a_minute; /* leases given; 0: no limit */
	unsigned source[2]; /* of the rules', that it leaves by, from 1; 0: none */
};
struct schedule_rules {
	unsigned per_destination; /* leases at a time, not 0 */
	struct schedule_most (*of)(const void *ctx, struct span destination);
	/* NULL: of none is anything said */
	/* The limits of source i, at most SLUICE_SOURCES. */
	struct sluice_limit (*source)(const void *ctx, size_t i);
	size_t source_count;
	const void *ctx;
	uint32_t steps[SCHEDULE_STEPS]; /* seconds; the last one repeats */
	size_t step_count;		/* not 0 */
};
/*
 * How long to wait after so many failures (from 1), moved by up to an eighth to
 * either side by any number, so that what failed together does not come together.
 */
int64_t schedule_wait(const struct schedule_rules *, uint32_t failures,
		      uint64_t random);

/* Unknown: the lease ended without a word; nothing is learned. */
enum schedule_mood {
	SCHEDULE_FINE,
	SCHEDULE_SLOW,
	SCHEDULE_DOWN,
	SCHEDULE_UNKNOWN,
};

struct schedule;
struct destination;

/* NULL: memory. */
MUST_USE struct schedule *schedule_new(const uint8_t secret[SIPHASH_KEY],
				       const struct schedule_rules *,
				       size_t most);
void schedule_free(struct schedule *); /* NULL is allowed */
void schedule_adopt(struct schedule *, const struct schedule_rules *);

/* Something waits there from `at` on.  False: no room. */
MUST_USE bool schedule_add(struct schedule *, struct span name,
			   unsigned partition, enum spool_priority, int64_t at,
			   int64_t now);
struct destination *schedule_find(const struct schedule *, struct span name);
struct span schedule_name(const struct destination *);

/*
 * What the owner has at hand for a destination, in a list: as long as there is
 * something it is as ready as with a row that is due.  hold: at the end of the
 * list; NULL: no room.  give_back: at its front.  take: out of it.
 */
struct destination *schedule_hold(struct schedule *, struct span name,
				  struct list *, int64_t now);
void schedule_give_back(struct schedule *, struct destination *, struct list *,
			int64_t now);
void schedule_take(struct schedule *, struct destination *, struct list *,
		   int64_t now);
/* The first; NULL: none, or rows that are more urgent may be due. */
struct list *schedule_at_hand(const struct destination *, int64_t now);
/* May more be held for it: nothing else is due, it is not left alone? */
bool schedule_calm(const struct destination *, size_t most, int64_t now);

/* The next one that may be worked for, in turn; NULL: none is ready. */
struct destination *schedule_next(struct schedule *, int64_t now);
/* May this one be worked for now? */
bool schedule_ready(const struct schedule *, const struct destination *,
		    int64_t now);
/* The same out of turn, for whoever just worked for it and may go on: not for
 * ever while others wait for what it shares with them. */
bool schedule_stays(const struct schedule *, const struct destination *,
		    int64_t now);
/* When schedule_next may have one again; SPOOL_NEVER. */
int64_t schedule_wake(const struct schedule *);

/*
 * Where to look for work of a ready destination: a partition, and behind which row
 * (has_from).  Then say what was found: the row, or NULL and when the partition
 * has something again.  Whoever found nothing asks again while it is ready.
 */
struct schedule_look {
	unsigned partition;
	bool has_from;
	struct spool_due from;
};
void schedule_look(struct destination *, int64_t now, struct schedule_look *);
void schedule_looked(struct schedule *, struct destination *,
		     const struct schedule_look *,
		     const struct spool_due *found, int64_t next, int64_t now);

/*
 * Rows that the look saw behind the one that was leased, at most SCHEDULE_AHEAD:
 * the next looks get them without another question.  They are as old as that
 * look; what came meanwhile and would stand between them is met later.
 */
#define SCHEDULE_AHEAD 7u
void schedule_ahead(struct destination *, const struct spool_due *, size_t n);
/* False: the rows have to be asked. */
MUST_USE bool schedule_next_row(struct destination *,
				const struct schedule_look *,
				struct spool_due *out);

/*
 * What the look found is of this priority.  True: another partition may have
 * something more urgent, and is looked at before this one.
 */
MUST_USE bool schedule_yields(struct destination *, const struct schedule_look *,
			      enum spool_priority, int64_t now);

/* A lease is out; it stays known until schedule_done. */
void schedule_leased(struct schedule *, struct destination *, int64_t now);
/* The destination may be forgotten by it. */
void schedule_done(struct schedule *, struct destination *, enum schedule_mood,
		   int64_t now, uint64_t random);

struct schedule_state {
	unsigned leases, limit;
	uint32_t failures;
	int64_t until; /* left alone; 0: not */
};
void schedule_state(const struct destination *, struct schedule_state *);
/* Which limit keeps one that has something due. */
enum schedule_why {
	SCHEDULE_WAITS_NOT, /* for its turn, at most */
	SCHEDULE_WAITS_DOWN,
	SCHEDULE_WAITS_LEASES,
	SCHEDULE_WAITS_MINUTE,
	SCHEDULE_WAITS_SOURCE_LEASES,
	SCHEDULE_WAITS_SOURCE_MINUTE,
};
struct schedule_waits {
	enum schedule_why why;
	struct span source; /* its name */
	unsigned limit;
	int64_t until; /* 0: not known */
};
void schedule_waits(const struct schedule *, const struct destination *,
		    int64_t now, struct schedule_waits *out);
size_t schedule_count(const struct schedule *);
/* The administrator wants it tried now. */
void schedule_retry(struct schedule *, struct destination *, int64_t now);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/throttle - slows guessing without locking an owner out.
 *
 * Wrong passwords fill buckets that leak over the window: one for the address,
 * one for its network (/24, /64), one for the account.  A full bucket lets
 * one attempt through after a delay that doubles with each further failure.
 *
 * An address from which the account logged in lately is judged by a bucket of
 * its own for that pair, whose delay stays under a minute: whatever the rest of
 * the world tries against the account, and whatever others fail to do from
 * that address, its owner still gets in.
 *
 * Attempts under way count a quarter, so that many at once cannot slip past: one
 * that would be too many stands in line until another has ended, first come first
 * served.  Only failures refuse, and a line at its end.
 * Names are kept as keyed hashes; all tables are bounded and forget the longest
 * unused entry.  Times are monotonic nanoseconds that the caller has.
 */
#pragma once

#include "base/list.h"
#include "base/siphash.h"
#include "os/addr.h"

#define THROTTLE_BUCKETS   65536u
#define THROTTLE_KNOWN     65536u
#define THROTTLE_LINE      256u /* that wait for the same bucket */
#define THROTTLE_FIRST_NS  1000000000ull        /* the first delay */
#define THROTTLE_OWNER_NS  30000000000ull       /* longest, for a known pair */
#define THROTTLE_LATELY_NS (30ull * 86400 * 1000000000)

/* Failures within the window; 0: no limit of that kind. */
struct throttle_limits {
	uint64_t window_ns;
	uint64_t address, network, account;
};

struct throttle;
struct bucket;

/*
 * Where entries are kept, so that a process that follows another one knows what
 * it knew: each entry has a slot of its own and is written when it changes.
 */
#define THROTTLE_SLOTS	(THROTTLE_BUCKETS + THROTTLE_KNOWN)
#define THROTTLE_RECORD 64u /* bytes; zeroed: an empty slot */
struct throttle_keeper {
	void *ctx;
	void (*keep)(void *ctx, size_t slot,
		     const uint8_t record[THROTTLE_RECORD]);
};

/* The secret keys tables and names.  NULL: no memory. */
MUST_USE struct throttle *throttle_new(const uint8_t secret[2 * SIPHASH_KEY],
				       const struct throttle_limits *);
void throttle_free(struct throttle *); /* NULL is allowed */
void throttle_set(struct throttle *, const struct throttle_limits *);

/* NULL: nowhere.  Entries of before are not written until they change. */
void throttle_keep(struct throttle *, const struct throttle_keeper *);
/*
 * An entry that a process before wrote, made with the same secret.  It is checked
 * input: no wait is longer than the limits allow, no time is yet to come.  False:
 * it is none.
 */
MUST_USE bool throttle_take(struct throttle *, uint64_t now, size_t slot,
			    const uint8_t record[THROTTLE_RECORD]);

enum throttle_way {
	THROTTLE_GO,     /* look at the password, and end it */
	THROTTLE_SLOWED, /* too many failures: come again after wait_ns */
	THROTTLE_LINE_UP, /* `turn` is called when it is another one of these */
	THROTTLE_FULL,   /* the line is */
};

/*
 * One attempt, between begin and end; zeroed: none.  It stays where it is while it
 * stands in line.
 */
struct throttle_attempt {
	/* The caller's, who is in no hurry; it must not begin or end one.
	 * NULL: full instead of a line. */
	void (*turn)(struct throttle_attempt *);
	/* Answers. */
	enum throttle_way way;
	uint64_t wait_ns;
	bool known;
	/* The throttle's own. */
	struct bucket *buckets[3];
	size_t count;
	struct bucket *line;
	struct list link;
	struct addr peer;
	uint8_t account[SIPHASH_KEY];
};

enum throttle_end { THROTTLE_RIGHT, THROTTLE_WRONG, THROTTLE_NEITHER };

/* Account: in one spelling.  The way is in the attempt too. */
MUST_USE enum throttle_way throttle_begin(struct throttle *, uint64_t now,
					  const struct addr *,
					  struct span account,
					  struct throttle_attempt *);
/* Ending an attempt that is none does nothing; one in line leaves it. */
void throttle_end(struct throttle *, uint64_t now, struct throttle_attempt *,
		  enum throttle_end);
/* Whoever stands in line is told that it is full. */
void throttle_settle(struct throttle *);
size_t throttle_count(const struct throttle *); /* buckets in use */

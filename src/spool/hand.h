/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/hand - jobs at hand: copies in memory of what was just accepted, so that
 * what is carried at once is never read, nor looked for.  Private to src/spool.
 *
 * Each stands for a W row (spool/format.h).  It is being accepted, waits for its
 * destination's turn in the list of the schedule, or is out with a lease.  Whoever
 * drops one has to know that its row is gone, or that the rows have to be looked at
 * again.  At most HAND_MOST jobs and HAND_BYTES.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "spool/spool.h"

#define HAND_MOST  4096u
#define HAND_BYTES (16u << 20)
#define HAND_EACH  1024u /* of one destination */
#define HAND_S	   60	 /* longer than that none stays */

struct destination;

struct held {
	struct list all;  /* in the order in which they came */
	struct list link; /* of its destination, while it waits there */
	struct destination *destination; /* once it is durable */
	struct span name; /* of the destination */
	struct spool_copy copy;
	struct span body;
	int64_t came;
	size_t size;
	bool durable, out;
	char *at;  /* free bytes */
	char bytes[];
};

struct hand {
	struct map *ids;
	struct list all;
	size_t bytes;
};

MUST_USE bool hand_init(struct hand *, const uint8_t secret[SIPHASH_KEY]);
void hand_free(struct hand *); /* with all that is in it */
/* NULL: no room. */
struct held *hand_copy(struct hand *, const struct spool_accept *, int64_t now);
struct held *hand_find(const struct hand *, const struct spool_id *); /* NULL */
/* Not linked at a destination, nor out. */
void hand_drop(struct hand *, struct held *);
/* The one that is here the longest, if that is too long; NULL. */
const struct held *hand_old(const struct hand *, int64_t now);

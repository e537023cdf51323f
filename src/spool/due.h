/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/due - what is due, found by the indexes; all from KV_VISIBLE.
 *
 * Each question is one or a few short range scans in one partition and costs what
 * it finds, not what waits.  Nothing of it is remembered here.
 */
#pragma once

#include "spool/spool.h"

/* One job at one destination, as the index has it. */
struct spool_due {
	struct spool_id id;
	enum spool_priority priority;
	int64_t at;
};

/*
 * Jobs for a destination that are due at `now`, by priority and then time, those
 * behind *from when it is not NULL.  False ends it.  name: the destination that
 * the row belongs to; it is another one when two share a hash.  *next: when the
 * first of the others becomes due, if it was not ended; SPOOL_NEVER.
 */
typedef bool spool_due_fn(void *arg, const struct spool_due *,
			  struct span name);
MUST_USE enum spool_result spool_due(struct spool *, unsigned partition,
				     struct span destination, int64_t now,
				     const struct spool_due *from,
				     spool_due_fn *, void *arg, int64_t *next);

/*
 * The first destination of the partition whose hash is at least *hash, with its
 * best priority and when something of it is due; *hash becomes its own.
 * SPOOL_NONE: there is no other.
 */
MUST_USE enum spool_result spool_destination_next(
	struct spool *, unsigned partition, uint64_t *hash,
	char room[SPOOL_DESTINATION_MAX], struct span *name,
	enum spool_priority *, int64_t *at);

/*
 * Jobs whose sender has to hear something at `now`, the longest due first, behind
 * *from when it is not NULL (its priority does not count).  *next as above.
 */
MUST_USE enum spool_result spool_tells(struct spool *, unsigned partition,
				       int64_t now,
				       const struct spool_due *from,
				       spool_due_fn *, void *arg,
				       int64_t *next);

/* Jobs with local recipients, due or not, by time. */
MUST_USE enum spool_result spool_locals(struct spool *, unsigned partition,
					spool_due_fn *, void *arg);

/*
 * Recipients of a job that `want` takes, at most max, in the arena; *more: it
 * wanted another one.  recipients: how many it has, 0: not known.
 */
typedef bool spool_want_fn(void *arg, const struct spool_recipient *);
MUST_USE enum spool_result
spool_gather(struct spool *, const struct spool_id *, uint32_t recipients,
	     struct arena *, spool_want_fn *, void *arg, struct spool_recipient *out,
	     size_t max, size_t *count, bool *more);

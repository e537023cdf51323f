/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/carry - leases: who works on which remote recipients now.
 *
 * Joins the schedule (which destination) with the indexes (which job) and keeps
 * what is out.  A lease is memory only: recipients of one job that go to one
 * destination with the same prefix, at most CARRY_RECIPIENTS; while it is out
 * nobody else gets them.  It ends when it was settled, or with its owner; then
 * what was not settled is due as before.  Held recipients are never leased.
 *
 * Senders are served by leases of their own kind: recipients of a job about whom
 * something has to be told (all but CARRY_MAIL), whatever their destinations.
 *
 * What was just accepted, and whose destination has nothing else due, is leased from
 * a copy in memory (spool/hand.h): first come, first served, as by the rows.
 *
 * Nothing is read at the start but what `carry_discover` finds, one destination a
 * step; meanwhile what is known is handed out.
 */
#pragma once

#include "spool/schedule.h"

#define CARRY_RECIPIENTS 100u
#define CARRY_BYTES	 20000u /* of their addresses and reasons */
#define CARRY_LEASES	 4096u /* out at a time */
#define CARRY_LATER_S	 30    /* what is leased now may have something to tell then */

enum carry_work { CARRY_MAIL, CARRY_DELAY, CARRY_EXPIRED, CARRY_DELIVERED };

struct carry;
struct lease;

/* Becomes the spool's watcher.  NULL: memory. */
MUST_USE struct carry *carry_new(struct spool *,
				 const uint8_t secret[SIPHASH_KEY],
				 const struct schedule_rules *, size_t most);
void carry_free(struct carry *); /* NULL is allowed; with all leases */
void carry_adopt(struct carry *, const struct schedule_rules *);

/* What to do, with all that is needed to do it; spans in the arena, or as long as
 * the lease lives. */
struct carried {
	struct lease *lease;
	enum carry_work work;
	struct span destination; /* of the first recipient, for the others */
	struct spool_job job;
	const struct spool_recipient *recipients;
	size_t count;
	struct span body; /* all of it, if it is at hand; else empty */
};
struct carry_ask {
	void *owner;	    /* of the lease; not NULL */
	struct span prefer; /* a destination, or empty */
	bool only;	    /* nothing but that */
	int64_t now;
};
/*
 * SPOOL_NONE: nothing is due; carry_wake says when to ask again.  SPOOL_STALE:
 * there is more to look at than was looked at now: ask again.  SPOOL_LIMIT: too
 * many leases are out.  Damaged jobs are left out.
 */
MUST_USE enum spool_result carry_take(struct carry *, const struct carry_ask *,
				      struct arena *, struct carried *out);
/* Is somebody at work on this recipient? */
bool carry_is_out(const struct carry *, const struct spool_id *job, uint32_t n);
/* 0: at once; SPOOL_NEVER. */
int64_t carry_wake(const struct carry *);

struct lease *carry_find(const struct carry *, uint64_t number,
			 const void *owner); /* NULL: not one of his */
uint64_t lease_number(const struct lease *);
size_t lease_count(const struct lease *);
uint32_t lease_recipient(const struct lease *, size_t i);
enum carry_work lease_work(const struct lease *);
const struct spool_id *lease_job(const struct lease *);
const struct kv_id *lease_body(const struct lease *);
uint64_t lease_size(const struct lease *); /* of the body */
uint32_t lease_job_recipients(const struct lease *); /* all of its job */
struct span lease_bytes(const struct lease *); /* the body, if it is at hand */
/* It was given from memory: as long as the lease lives; else NULL. */
const struct spool_copy *lease_copy(const struct lease *);
/* Is recipient n of its job in it? */
bool lease_has(const struct lease *, uint32_t n);
/* The epoch of its partition; 0: spool_lease is to take it first. */
uint64_t lease_epoch(const struct carry *, const struct lease *);
/* One who works on it waits for a commit: it must not end meanwhile. */
void lease_hold(struct lease *);
/* False: it ended, and is gone with the last one who held it. */
MUST_USE bool lease_release(struct carry *, struct lease *, int64_t now);

/*
 * It is over: settled, or not.  whole: no recipient of it is due any more
 * without the indexes saying so.
 */
void carry_end(struct carry *, struct lease *, enum schedule_mood, bool whole,
	       int64_t now, uint64_t random);
/* All of an owner's, whose channel is gone. */
void carry_drop(struct carry *, const void *owner, int64_t now);

/* One step of finding what waits in the rows; false: all is known. */
MUST_USE bool carry_discover(struct carry *, int64_t now);
/* Read the rows again from the beginning: something was not found. */
void carry_rediscover(struct carry *);

/* Something is at hand for so long that it has to get its rows (spool_upgrade). */
bool carry_old_hand(const struct carry *, int64_t now);

struct carry_figures {
	size_t leases, destinations;
	bool looking; /* not all of the rows has been looked at */
	bool wholes;  /* jobs of one row have to be given their rows */
};
void carry_figures(const struct carry *, struct carry_figures *);
struct schedule *carry_schedule(struct carry *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/carry_inner - what carry.c (life, what is at hand, discovery), carry_lease.c (what
 * is out) and carry_take.c (what goes out next) share.  Nobody else includes it.
 */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "spool/carry.h"
#include "spool/hand.h"

#define CANDIDATES 8u /* rows of one look */
#define TELL_NEVER UINT32_MAX

struct lease {
	struct list all;
	struct list same; /* others of the job */
	uint64_t number;
	void *owner;
	enum carry_work work;
	struct spool_id job;
	struct destination *destination; /* CARRY_MAIL */
	enum spool_priority priority;
	int64_t at; /* of its row in the index */
	bool more;  /* the job has others that are due there */
	struct kv_id body;
	uint64_t size;
	uint32_t recipients; /* that the job has */
	unsigned holds;
	bool over; /* ended while it was held */
	struct held *at_hand; /* NULL: it was read */
	size_t count;
	uint32_t n[];
};

/* The leases of one job. */
struct out {
	struct spool_id job;
	struct list leases;
};

struct carry {
	struct spool *spool;
	struct schedule *schedule;
	struct map *numbers, *jobs;
	struct list leases;
	uint64_t next_number;
	uint32_t tell[SPOOL_PARTITIONS]; /* when somebody has to hear something */
	/* What discovery has looked at. */
	unsigned partition;
	uint64_t hash;
	bool begun, looking, missed;
	struct hand hand;
	bool lost; /* a job of one row that nobody has at hand */
};

struct candidates {
	struct carry *carry;
	struct span name;
	struct spool_due row[CANDIDATES];
	size_t count;
	unsigned partition;
	int64_t now;
};

static inline uint32_t carry_tell_time(int64_t at)
{
	if (at < 0)
		return 0;
	return at < TELL_NEVER ? (uint32_t)at : TELL_NEVER;
}

static inline struct span carry_job_key(const struct spool_id *id)
{
	return span_of(id->byte, sizeof(id->byte));
}

/* ---- carry.c ---- */

/* Something is due there, or somebody has to hear something, from then on. */
void carry_hear_due(void *carry, unsigned partition, struct span destination,
		    enum spool_priority, int64_t at, int64_t now);
void carry_hear_tell(void *carry, unsigned partition, int64_t at);
/* The lease of one ended: it waits again, unless its row is gone. */
void carry_put_back(struct carry *, struct held *, int64_t now);

/* ---- carry_lease.c ---- */

/* NULL: memory. */
MUST_USE struct lease *lease_new(struct carry *, const struct carried *,
				 void *owner);
/* Does one of the leases of its job have recipient n?  NULL: no. */
bool out_has(const struct out *, uint32_t n);

/* ---- carry_take.c ---- */

/* For a look at rows: the first CANDIDATES, into a struct candidates. */
bool carry_first_rows(void *candidates, const struct spool_due *, struct span);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/sluice - own addresses that destinations share, and whose turn it is there.
 *
 * A source is what has limits of its own: leases at a time and in a minute, of all
 * destinations that leave by it.  A destination leaves by two at most (IPv4, IPv6);
 * those with the same ones wait behind the same sluice, in the order in which they
 * came.  A sluice is open while each of its sources has room.  The next one is that
 * which waits for longest behind an open sluice: as if all stood in one ring and
 * those behind a closed sluice were passed over, without meeting them.
 *
 * A turn costs as much as there are sluices, whatever waits behind them.
 *
 * Must never: count a lease twice, or keep the count of one that is over: leases
 * are counted in and out by destination, and by sluices_build anew.
 */
#pragma once

#include "base/list.h"
#include "base/span.h"
#include "spool/pace.h"

#define SLUICE_SOURCES 64u  /* of the rules */
#define SLUICE_MOST    260u /* different pairs that the rules name, and none */
#define SLUICE_NAME    64u

/* Limits of one of the rules; 0: none. */
struct sluice_limit {
	struct span name; /* by which it is known after a change of the rules */
	unsigned leases, a_minute;
};

struct sluice_source {
	char name[SLUICE_NAME];
	size_t name_len;
	unsigned most, leases; /* most 0: no limit */
	struct pace pace;
};

struct sluice {
	struct list waiting; /* struct sluice_place */
	uint8_t source[2];   /* index + 1; 0: none */
};

struct sluices {
	struct sluice_source sources[SLUICE_SOURCES];
	size_t source_count;
	struct sluice at[SLUICE_MOST]; /* the first has no source */
	size_t count;
	uint64_t turn;
};

/* Of a destination. */
struct sluice_place {
	struct list link;
	uint64_t turn; /* when it came; the least is the next one */
	struct sluice *sluice;
};

void sluices_init(struct sluices *);
/*
 * Other rules: sources of the same name keep their minute.  Nobody may be waiting;
 * whoever has leases is counted by sluice_leased again, without `now`.
 */
void sluices_build(struct sluices *, const struct sluice_limit *, size_t count);
/* The one of these two sources, index + 1, 0 for none. */
struct sluice *sluice_for(struct sluices *, const unsigned source[2]);

/* At the end of those who wait; or no longer among them. */
void sluice_wait(struct sluices *, struct sluice_place *);
static inline bool sluice_waits(const struct sluice_place *p)
{
	return list_linked(&p->link);
}
static inline void sluice_leave(struct sluice_place *p)
{
	list_remove(&p->link);
}
/* Who is next, of those behind open sluices or of all; still among them.  NULL. */
struct sluice_place *sluices_next(struct sluices *, bool all, int64_t now);
/* Does another one wait that leaves by one of this one's sources? */
bool sluice_shared(const struct sluices *, const struct sluice_place *);

/* When it is open as far as is known: 0 now; INT64_MAX: when a lease ends. */
int64_t sluice_opens(const struct sluices *, const struct sluice *);
/* When the first of those opens behind which somebody waits. */
int64_t sluices_wake(const struct sluices *);
void sluice_mind_clock(struct sluices *, const struct sluice *, int64_t now);

/* A lease is out; counted: in the minute, too. */
void sluice_leased(struct sluices *, const struct sluice *, bool counted, int64_t now);
void sluice_done(struct sluices *, const struct sluice *);

/* The source that keeps it closed; NULL: it is open. */
const struct sluice_source *sluice_closed_by(const struct sluices *,
					 const struct sluice *, int64_t now);

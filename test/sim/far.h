/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Far away: the mail servers of everybody else, and the DNS that leads there.
 *
 * Until far_mend they do what the internet does: answer late, defer, refuse, hang,
 * cut the connection (before a message is theirs, and after), are down for a time;
 * names fail or take long.  How much of it is drawn from the storm's seed.  Every
 * copy that a server takes is told to the ledger's keeper (courier.c).
 */
#pragma once

#include "names.h"
#include "town.h"

struct storm;
struct far;

/* Raised before the town; the table is for the dialer. */
struct far *far_new(uint64_t seed);
struct names *far_names(struct far *);
/* Doors open, on the town's loop. */
void far_begin(struct far *, struct storm *);
/* Other servers are down than before. */
void far_shift(struct far *);
/* All are well, for good; what hung is cut. */
void far_mend(struct far *);
/* Nobody is there any more; before the house is taken down. */
void far_end(struct far *);
void far_free(struct far *);

/* How often a server said no for good, in any words. */
unsigned far_refusals(const struct far *);

/* What went wrong there, as rows of trouble.c. */
#define FAR_DEEDS 11u
const char *far_deed(size_t row); /* NULL: no such row */
unsigned far_count(const struct far *, size_t row);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip/flate - a connection whose both directions are deflated (RFC 1951).
 *
 * Bytes of the wire are put where flate_wire says; flate_read makes plain bytes
 * of them, never more than the caller has room for, so little that unpacks to
 * much costs no memory.  What is written goes out whole at once.
 *
 * Between two commands flate_rest gives back what zlib took.  What the client
 * may still refer to, 32 KiB at most, is kept packed.
 */
#pragma once

#include "base/span.h"

#define FLATE_WIRE 4096u  /* bytes of the wire that wait here */
#define FLATE_OUT  32768u /* bytes that one write takes at most */

enum flated {
	FLATE_OK,
	FLATE_BROKEN, /* not deflated, or it ended: no connection does that */
	FLATE_MEMORY,
};

struct flate;

struct flate *flate_new(void); /* NULL: memory */
void flate_free(struct flate *); /* NULL is allowed */

/* Where FLATE_WIRE bytes may go, once flate_has is false.  NULL: memory. */
char *flate_wire(struct flate *);
void flate_came(struct flate *, size_t bytes);
/* More can be read without more of the wire.  It may turn out to be nothing. */
bool flate_has(const struct flate *);
/* *got may be 0: then more of the wire is needed. */
MUST_USE enum flated flate_read(struct flate *, char *to, size_t cap, size_t *got);
/* All of it, for the wire; *wire is borrowed until the next call. */
MUST_USE enum flated flate_write(struct flate *, struct span plain, struct span *wire);
/* Nothing is to be done for a while. */
void flate_rest(struct flate *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/auth/book - what the throttle knows, outside of this process's life.
 *
 * The book is a memory file that the supervisor holds and hands to each auth
 * process in turn: the secret of the tables, then a slot for each entry.  It is
 * never on a disk, and ends with the supervisor.  Names stand in it as keyed
 * hashes only.
 *
 * Must never be believed: who wrote it may have been broken into.
 */
#pragma once

#include "os/world.h"
#include "role/auth/throttle.h"

struct book {
	struct world *world;
	int fd; /* -1: none */
};

/*
 * A throttle as the book describes it, or an empty one and a new book; the
 * descriptor becomes the book's.  NULL: memory is short.
 */
MUST_USE struct throttle *book_open(struct book *, struct world *, int fd,
				    uint64_t now,
				    const struct throttle_limits *);
void book_close(struct book *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/logger/trail - the events of the last messages and sessions, by their id.
 *
 * A file of a fixed largest size, written round and round, beside the log and
 * independent of its format, level of detail and rotation.  What comes under an
 * id is found in a time that does not depend on how much there is: a table in
 * memory leads to the newest entry of a bucket, each entry to the one before it.
 * The table is made again from the file after a start, slice by slice; lines
 * that come meanwhile wait in bounded memory.
 *
 * Layout (little-endian): a page that names the format, the size and a secret;
 * then blocks of TRAIL_BLOCK bytes.  An entry lies within one block and carries
 * its own position, counted from the beginning of time, and check sums of its
 * head and of its body; so what is left of an earlier round, or was cut by a
 * crash, is told from an entry, and reading goes on with the next block.  The
 * table needs the heads alone; a body is proven when it is asked for.
 *
 * Must never take a byte of the file for more than it proves to be: who shares
 * the disk may have changed it.
 */
#pragma once

#include "base/arena.h"
#include "os/world.h"
#include "wire/role_logger.h"

#define TRAIL_BLOCK	65536u
#define TRAIL_PAGE	4096u
#define TRAIL_LEAST	(1ull << 20)   /* bytes of a file, the page not counted */
#define TRAIL_MOST	(1ull << 32)
#define TRAIL_ROLE_MAX	32u
#define TRAIL_ENTRY_MAX 61440u	       /* larger lines are not kept */
#define TRAIL_WAITING	(4u << 20)     /* bytes that wait for the table */
#define TRAIL_SLICE	16u	       /* blocks read at a time */
#define TRAIL_STEPS	256u	       /* entries looked at by one trail_next */

struct trail;

struct trail_stamp {
	int64_t sec;
	uint32_t nsec, pid;
	struct span role;
};

struct trail_entry {
	struct trail_stamp stamp;
	struct span line; /* role_logger_line, encoded */
};

/*
 * The file, opened to read and write, is the trail's from here on, also on
 * failure.  One of another size or format is begun anew.  NULL: memory is short,
 * or the file cannot be used.
 */
MUST_USE struct trail *trail_new(struct world *, int fd, uint64_t size);
void trail_free(struct trail *); /* what waits is written; NULL is allowed */

/* The next slice of the table.  True: it is whole. */
bool trail_read(struct trail *);
bool trail_is_ready(const struct trail *);

/* Lines without an id are nobody's. */
void trail_add(struct trail *, const struct trail_stamp *,
	       const struct role_logger_line *);
/* What was added goes to the file in one write. */
void trail_flush(struct trail *);

/*
 * One entry of this id, newest first; *at is 0 in the beginning, and 0 again when
 * there are no more.  False: none among TRAIL_STEPS looked at, go on from *at.
 * The entry lives in the arena.  Only when it is ready.
 */
MUST_USE bool trail_next(struct trail *, uint64_t id, uint64_t *at,
			 struct arena *, struct trail_entry *);

uint64_t trail_lost(const struct trail *); /* lines that could not be kept */

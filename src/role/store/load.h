/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/load - how long requests wait, and who is told.
 *
 * The measure is the age of the oldest request that waits for a commit or for
 * the sorter.  A few of the oldest are left out: one message that the sorter
 * cannot get done with is not load, and must not close the door to all others.
 *
 * A level is taken at once and left one at a time, each after the age was under
 * half of its limit for a second, so that a load near a limit does not make
 * doors swing.
 */
#pragma once

#include "base/list.h"
#include "os/loop.h"
#include "wire/edge_store.h"

#define LOAD_WARM_NS	 (50 * NS_PER_MS)
#define LOAD_BUSY_NS	 (250 * NS_PER_MS)
#define LOAD_FULL_NS	 (1000 * NS_PER_MS)
#define LOAD_LEAVE_NS	 (1 * NS_PER_SEC)
#define LOAD_LOOK_NS	 (25 * NS_PER_MS)
#define LOAD_STRAGGLERS	 3u

struct load {
	enum edge_store_level level;
	uint64_t lower_since; /* under half of the level's limit; 0: not now */
	struct list waiting;  /* jobs, the longest waiting first */
	size_t count;
	uint64_t oldest_ns, highest_ns; /* now, and ever */
	uint64_t raised;		/* times that it left calm */
	struct timer look;
};

/* The level that an age leads to; keeps the book of *l.  True: it changed. */
MUST_USE bool load_judge(struct load *l, uint64_t now, uint64_t age);

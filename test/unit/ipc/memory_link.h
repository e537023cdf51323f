/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ends of a channel in memory, with a clock that the test moves and
 * descriptors that are only counted.  There are no fibers here.  A test may
 * also stand at one end itself and push and pull raw frames.
 */
#pragma once

#include "ipc/hop.h"

struct memory_pair;

#define MEMORY_FRAMES 8u /* unread frames that an end takes */

struct memory_pair *memory_pair_new(void);
void memory_pair_free(struct memory_pair *);
/* The link of end 0 or 1, for a join. */
struct ipc_link *memory_link(struct memory_pair *, unsigned end);
/* Deliver everything until nothing moves any more; a hook runs each turn. */
void memory_run(struct memory_pair *);
void memory_clock(struct memory_pair *, uint64_t now);

/* Stand at `end`: put a frame on the way to the other one. */
void memory_push(struct memory_pair *, unsigned end, struct span frame, int fd);
/* The next frame that was sent to `end`; false: none. */
bool memory_pull(struct memory_pair *, unsigned end, char *buf, size_t *len, int *fd);
void memory_close(struct memory_pair *, unsigned end);

/* Descriptors: a new one, and how many are open. */
int memory_fd(struct memory_pair *);
void memory_fd_close(struct memory_pair *);
int memory_fds(const struct memory_pair *);

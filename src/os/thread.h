/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/thread - a few threads that do blocking work for one loop.
 *
 * Work is cut in jobs.  A job is given to a lane (each lane has threads of its
 * own and keeps the order in which its jobs begin), runs there, and comes
 * back to the owner through workers_finished.  The descriptor is readable
 * while finished jobs wait.  Threads block every signal but SIGSYS.
 *
 * Only the owner calls these functions; only `run` executes elsewhere.  What a
 * job points to belongs to its thread from submit until it comes back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#define WORKER_LANES 4u

struct worker_job {
	void (*run)(struct worker_job *);
	struct worker_job *next; /* the workers' own */
};

struct workers;

/* threads[i] of lane i, at least 1 each.  NULL: the system refused. */
MUST_USE struct workers *workers_new(const unsigned *threads, size_t lanes);
/* Lets everything submitted finish first; unclaimed jobs are forgotten. */
void workers_free(struct workers *); /* NULL is allowed */

void workers_submit(struct workers *, size_t lane, struct worker_job *);
/* One finished job, or NULL. */
struct worker_job *workers_finished(struct workers *);
/* Sleep until a job has finished; returns at once when none is out. */
void workers_wait(struct workers *);
int workers_fd(const struct workers *);

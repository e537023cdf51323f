/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fibers on one edge-triggered epoll loop.  A fiber runs until it waits; only
 * the fiber that runs may call loop_wait and loop_sleep.
 */
#ifndef BENCH_FIBER_H
#define BENCH_FIBER_H

#include <stdbool.h>

struct loop;
struct fiber;

/* In whatever owns a descriptor; must outlive the turn in which it is closed.
 */
struct waiter {
	struct fiber *fiber;
};

struct loop *loop_make(void);
void loop_free(struct loop *);
void loop_start(struct loop *, void (*run)(void *), void *argument);
void loop_run(struct loop *); /* until no fiber is left */

void loop_watch(struct loop *, int fd, struct waiter *);
bool loop_wait(struct loop *, struct waiter *,
	       double seconds); /* false: time is up */
void loop_sleep(struct loop *, double milliseconds);
void loop_discard(struct loop *, void *memory); /* freed after this turn */

#endif

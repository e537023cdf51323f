/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/fiber - functions that can wait: stackful coroutines on a loop.
 *
 * A fiber runs on a stack of its own until it parks or returns; while it is
 * parked the loop serves others.  Nothing else interrupts it.  A fiber belongs
 * to its loop and to the loop's thread for life.
 *
 * Stacks are FIBER_STACK bytes with a guard page below: an overflow ends the
 * process instead of corrupting it.  They come from a pool of the loop's;
 * when its limit is reached fiber_start answers NULL and the caller sheds load.
 *
 * A struct fiber is valid until its function has returned.  Who keeps a pointer
 * in order to wake it makes sure that the fiber clears the pointer before it
 * returns; a fiber_gate does that by itself and is the usual choice.
 */
#pragma once

#include "os/loop.h"

#ifdef LL_SANITIZE
#define FIBER_STACK (256u * 1024) /* instrumented frames are larger */
#else
#define FIBER_STACK (64u * 1024)
#endif
/* Two mappings each; the kernel's default allows 65,530 to a process. */
#define FIBER_STACKS_MAX  32000u
/* Kept warm when unused; further ones go back to the kernel. */
#define FIBER_STACKS_IDLE 256u

struct fiber;

typedef void fiber_fn(void *arg);

/* Runs in this turn, after those made runnable before it.  NULL: no stack. */
MUST_USE struct fiber *fiber_start(struct loop *, fiber_fn *fn, void *arg);
/* Change the limit, at most FIBER_STACKS_MAX (the default). */
void fiber_limit(struct loop *, size_t max);
size_t fiber_count(const struct loop *); /* that have not returned */

/* The running one, or NULL outside any. */
struct fiber *fiber_self(const struct loop *);
struct loop *fiber_loop(const struct fiber *);

enum woke {
	WOKE_VALUE,   /* somebody called fiber_wake */
	WOKE_TIMEOUT, /* the deadline passed */
	WOKE_STOPPED, /* fiber_stop was called: clean up and return */
};

/*
 * Wait for fiber_wake.  A wake that came before is taken at once: it is never
 * lost.  Only inside a fiber (else an ENSURE).
 */
MUST_USE enum woke fiber_park(struct loop *, uint64_t *value);
/* The same with a deadline in loop_now's time; NS_NEVER has none. */
MUST_USE enum woke fiber_park_until(struct loop *, uint64_t deadline,
				    uint64_t *value);
/* WOKE_TIMEOUT after the sleep, or WOKE_STOPPED.  Wakes are kept for later. */
MUST_USE enum woke fiber_sleep_until(struct loop *, uint64_t at);
/* Let all others that are runnable now run first. */
void fiber_yield(struct loop *);

/*
 * Make it runnable.  At most one wake is kept: false, and the value is dropped,
 * when one is already waiting to be taken.  Never runs the fiber at once, so
 * it may be called from anywhere in the loop's thread.
 */
bool fiber_wake(struct fiber *, uint64_t value);
/*
 * Ask it to end: every wait of it, the present one included, answers
 * WOKE_STOPPED from now on.  Idempotent.
 */
void fiber_stop(struct fiber *);
bool fiber_stopped(const struct fiber *);

/* Bytes of stack left to the running fiber, for code that recurses. */
size_t fiber_room(const struct loop *);

/* --- one answer to wait for --- */

/*
 * A gate is opened once with a value; one fiber may wait for it.  Plain value:
 * embed it, gate_init, wait, forget.  Whoever opens it must be told before its
 * memory ends (the fiber that waited takes it off the list it is on).
 */
struct fiber_gate {
	struct fiber *waiter;
	uint64_t value;
	bool open;
};

static inline void gate_init(struct fiber_gate *g)
{
	*g = (struct fiber_gate){0};
}
/* False: it was open already, and keeps its first value. */
bool gate_open(struct fiber_gate *, uint64_t value);
MUST_USE enum woke gate_wait(struct loop *, struct fiber_gate *,
			     uint64_t deadline, uint64_t *value);

/* --- waiting for a descriptor --- */

/*
 * A watch whose events wake fibers: at most one waits for reading and one for
 * writing.  Start it, then call the wait after an operation answered OS_AGAIN.
 */
struct fiber_io {
	struct watch watch;
	struct fiber *reader, *writer;
	bool ended;
};

MUST_USE enum os fiber_io_start(struct loop *, struct fiber_io *, int fd);
/* WOKE_VALUE: try again.  `what` is READY_IN or READY_OUT. */
MUST_USE enum woke fiber_io_wait(struct fiber_io *, unsigned what,
				 uint64_t deadline);
/* No fiber may be waiting. */
void fiber_io_end(struct fiber_io *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/loop - one thread's events: descriptors, timers, fibers, end-of-turn work.
 *
 * A turn: 1. timers that are due, 2. descriptors that are ready, 3. fibers that
 * are runnable, until none is, 4. end-of-turn hooks (here each channel is
 * flushed, once), 5. changes of interest are told to the kernel.  Hooks that
 * make fibers runnable cause another turn without waiting.
 *
 * Readiness is level-triggered: an event that nobody takes comes again, so
 * nothing is ever lost by an early return.  Changes of interest are gathered
 * and applied at the end of the turn, so asking to read, finding bytes, and
 * asking again costs no system call; an idle connection keeps its one
 * registration.  (Edge triggering would save the rare call for writing, and
 * ask every reader to drain its socket.)
 *
 * Watches, timers and hooks are embedded in the caller's objects, zeroed before
 * first use, and stopped before their memory ends.  All calls belong to the
 * thread that runs the loop; loop_poke is the exception.
 */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "os/world.h"

#define LOOP_TIMERS_MAX   1000000u
#define LOOP_EVENTS_MAX   64u             /* taken from the kernel at once */
#define LOOP_SLOW_NS      (50 * NS_PER_MS) /* a longer run is reported */

struct loop;
struct watch;
struct timer;
struct hook;

/* NULL: out of memory or descriptors. */
MUST_USE struct loop *loop_new(struct world *);
/* Every watch, timer and fiber must be gone. */
void loop_free(struct loop *);
struct world *loop_world(struct loop *);

/* The time at which this turn began to run: one clock read a turn. */
uint64_t loop_now(struct loop *);

/*
 * Until loop_stop, which ends it after the current turn.  In the real world
 * only: in the simulation sim_run turns the loops.
 */
void loop_run(struct loop *);
void loop_stop(struct loop *);
bool loop_stopping(const struct loop *);
/* One turn that waits for nothing.  True when something was done. */
bool loop_turn(struct loop *);

/* --- descriptors --- */

/* `ready` is what was asked for and is there, and READY_END at any time. */
typedef void watch_fn(struct watch *, unsigned ready);

struct watch {
	watch_fn *fn;
	void *arg; /* the caller's */
	/* The loop's: */
	struct loop *loop;
	struct list changed;
	int fd;
	unsigned want, told;
};

/*
 * READY_END is reported whatever `want` is; a watch_fn must then either read the
 * end, or stop the watch: ignoring it is a busy loop.
 */
MUST_USE enum os watch_start(struct loop *, struct watch *, int fd,
			     unsigned want, watch_fn *fn, void *arg);
/* Cheap and idempotent; takes effect at the end of the turn. */
void watch_want(struct watch *, unsigned want);
/* Before the descriptor is closed.  Nothing is reported afterwards, not even
 * events already taken from the kernel.  Stopping twice is allowed. */
void watch_stop(struct watch *);
static inline bool watch_active(const struct watch *w) { return w->loop != NULL; }

/* --- timers --- */

typedef void timer_fn(struct timer *);

struct timer {
	timer_fn *fn;
	void *arg;
	/* The loop's: */
	struct heap_item item;
	struct loop *loop;
};

/*
 * Once, at `at` or soon after (never before); starting again moves it.  False:
 * memory is short or LOOP_TIMERS_MAX run already, and the timer is not set.
 */
MUST_USE bool timer_start(struct loop *, struct timer *, uint64_t at,
			  timer_fn *fn, void *arg);
void timer_stop(struct timer *);
static inline bool timer_active(const struct timer *t)
{
	return heap_holds(&t->item);
}

/* --- end of turn --- */

typedef void hook_fn(struct hook *);

struct hook {
	hook_fn *fn;
	void *arg;
	struct list link;
};

/*
 * Run fn once at the end of this turn.  Asking again before it ran changes
 * nothing; asking from inside a hook means the next turn, which then comes
 * without waiting.  Cannot fail.
 */
void loop_at_end(struct loop *, struct hook *, hook_fn *fn, void *arg);
/* The same after all of those: for what nobody waits for. */
void loop_at_last(struct loop *, struct hook *, hook_fn *fn, void *arg);
void hook_stop(struct hook *);

/* --- signals and other threads --- */

/* The signals that a role may hear. */
enum loop_signal {
	LOOP_TERM = 1, /* SIGTERM, and SIGINT */
	LOOP_HUP = 2,  /* SIGHUP */
	LOOP_CHILD = 4 /* SIGCHLD: several deaths may be one report */
};

typedef void signal_fn(void *arg, enum loop_signal);

/*
 * From now on these signals (a set of enum loop_signal) come here, by a
 * descriptor, one call a signal.  SIGPIPE is ignored.  Once per loop, before any thread starts.
 * In the simulation only loop_raise brings them.
 */
MUST_USE enum os loop_signals(struct loop *, unsigned set, signal_fn *fn,
			      void *arg);
void loop_raise(struct loop *, enum loop_signal);

/*
 * A way for other threads to call back into the loop's thread: fn runs there
 * some time after each loop_poke, once for many.  loop_poke may be called from
 * any thread and never blocks.
 */
struct poke;
MUST_USE struct poke *poke_new(struct loop *, void (*fn)(void *arg), void *arg);
void poke_free(struct poke *);
void loop_poke(struct poke *);

/* --- watching ourselves --- */

/* Called when one callback or fiber ran longer than LOOP_SLOW_NS. */
typedef void loop_slow_fn(void *arg, const char *what, uint64_t ns);
void loop_on_slow(struct loop *, loop_slow_fn *fn, void *arg);

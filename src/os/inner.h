/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/inner - what the files of this folder share and nobody else may see.
 *
 * The loop's and the fiber's insides (loop.c and fiber.c are two halves of one
 * scheduler), and the switch between stacks.
 */
#pragma once

#include "base/ensure.h"
#include "os/fiber.h"

#define TAG_LOOP  TAG4('l', 'o', 'o', 'p')
#define TAG_FIBER TAG4('f', 'i', 'b', 'r')
#define TAG_LINUX TAG4('l', 'n', 'u', 'x')
#define TAG_SIM   TAG4('s', 'i', 'm', 'w')

/* Fibers run in one turn before the descriptors get their chance again. */
#define LOOP_FIBER_RUNS 4096u

struct fiber_pool {
	struct list runnable; /* fiber.link, in order */
	struct list idle;     /* stacks without a fiber */
	struct fiber *self;
	size_t count, idle_count, limit;
	void *loop_sp;        /* where the loop's own stack was left */
	void *loop_fake;      /* AddressSanitizer's view of it */
	const void *loop_bottom;
	size_t loop_size;
};

struct loop {
	uint32_t tag;
	bool stop;
	struct world *world;
	struct poller *poller;
	uint64_t now;
	struct heap timers;
	struct list changed; /* watch.changed */
	struct list hooks;   /* hook.link */
	struct list last;    /* the same, of loop_at_last */
	struct list mark;    /* between this turn's and the next one's */
	size_t watch_count;
	struct ready batch[LOOP_EVENTS_MAX];
	size_t batch_len, batch_at;
	struct fiber_pool fibers;
	struct watch signals;
	int signals_fd;
	signal_fn *signal_fn;
	void *signal_arg;
	loop_slow_fn *slow_fn;
	void *slow_arg;
};

void fiber_pool_init(struct loop *);
void fiber_pool_free(struct loop *);
/* True when any ran. */
bool fiber_run_all(struct loop *);
/* Around every callback: reports one that took too long. */
uint64_t loop_clock(struct loop *);
void loop_measure(struct loop *, const char *what, uint64_t began);

/* --- the switch: switch_*.S, or switch_ucontext.c --- */

/* Leave this stack at *save and go on at `load`. */
void fiber_switch(void **save, void *load);
/* A stack whose first switch calls fn(arg), which must not return. */
void *fiber_switch_new(void *bottom, size_t size, void (*fn)(void *), void *arg);
/* The stack will not be switched to again. */
void fiber_switch_end(void *sp);

/*
 * A row of /proc/net/tcp, "sl: ADDRESS:PORT ADDRESS:PORT ST queues timer
 * retransmits uid timeout inode ...": the inode when the row listens (state 0A)
 * on this port, or 0 (port.c).
 */
uint64_t port_row_inode(struct span row, uint16_t port);

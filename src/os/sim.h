/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os/sim - a world in memory: the same seed gives the same run, always.
 *
 * Several loops (roles) live in one process on one sim world.  sim_run picks a
 * loop that has something to do, in an order drawn from the seed, lets it take
 * one turn, and again; when nobody has anything to do the clock jumps to the
 * next timer.  So a day passes in the time that its work takes.
 *
 * Sockets are queues in memory.  Descriptors are references: passing one over a
 * packet socket makes another reference.  There are no files (OS_UNSUPPORTED):
 * what is simulated keeps its data in the memory engine; blobs there are.
 *
 * Faults are called by name and happen at a rate.  Besides the names that code
 * asks for with world_fault the sim itself knows: "sim.read.short",
 * "sim.write.short", "sim.packet.again", "sim.packet.late" (it is under way for
 * up to SIM_LATE_NS, and what follows it waits behind it), "sim.accept.nofd",
 * "sim.blob.none" (no memory file is made; for roles only); of connections that are
 * being made "sim.connect.refused", "sim.connect.hole" (nobody ever answers),
 * "sim.connect.late" (the answer takes up to SIM_CONNECT_LATE_NS).
 *
 * A descriptor belongs to the loop in whose turn it was made or received.  So the
 * death of a process can be played: sim_kill takes its descriptors from the world
 * at a stroke, and what its object does while it is taken apart reaches nobody.
 */
#pragma once

#include "os/loop.h"
#include "os/world.h"

#define SIM_FDS_MAX     65536u
#define SIM_STREAM_BUF  65536u /* bytes under way in one direction */
#define SIM_PACKETS_MAX 16u    /* packets unread on one socket */
#define SIM_FAULTS_MAX  64u
#define SIM_LATE_NS     (500 * NS_PER_MS)
#define SIM_CONNECT_LATE_NS (40 * NS_PER_SEC)

/* NULL when memory is short. */
MUST_USE struct world *world_sim(uint64_t seed);

enum sim_end {
	SIM_IDLE,  /* nobody has anything to do, now or later */
	SIM_UNTIL, /* the time came */
	SIM_STEPS, /* max_steps turns were taken: a busy loop? */
};

/* Run until the virtual time `until` (NS_NEVER), or idle. */
enum sim_end sim_run(struct world *, uint64_t until, uint64_t max_steps);
uint64_t sim_steps(const struct world *); /* turns taken in all */

/* `rate` of 1,000,000 times that the fault is asked for; 0 never. */
MUST_USE bool sim_fault_set(struct world *, const char *name, uint32_t rate);
uint64_t sim_fault_count(const struct world *, const char *name); /* happened */

/* The wall clock is the virtual clock plus this; it may be set back. */
void sim_wall_set(struct world *, struct wall);

/* Break both directions of a stream or packet socket, as when its owner died. */
void sim_break(struct world *, int fd);
/* References in use; a leak check for tests. */
size_t sim_open(const struct world *);
size_t sim_owned(const struct loop *); /* ... that belong to a loop */
/* A descriptor made outside of any turn belongs to this loop. */
void sim_give(struct loop *, int fd);
/*
 * The process of this loop dies: what it sent before still arrives, then its peers
 * find the end; whatever it sends from now on goes nowhere, and it hears nothing.
 */
void sim_kill(struct loop *);

/*
 * All that happened so far, as one number: turns in their order, bytes sent, faults,
 * each with its time.  Two runs with the same number were the same run.
 */
uint64_t sim_trace(const struct world *);
/* Called for each of these things; `what` is "turn", "packet", "stream", "fault". */
typedef void sim_tell_fn(void *arg, const char *what, const struct loop *by,
			 uint64_t now, struct span bytes);
void sim_tell(struct world *, sim_tell_fn *, void *arg);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the roles are counted, and the k-th of a kind fails.
 *
 * Three kinds: memory (malloc and its family, by the linker's --wrap), the world
 * (the table of os/world.h), the engine (the table of kv/engine.h and the named
 * faults of kv).  Only calls that a role makes count: between fault_arm and
 * fault_disarm, in a turn of a role's loop, or inside fault_enter ... fault_leave.
 * What the simulated world itself, the test and libraries of others do is free.
 *
 * A call that cannot fail, or whose failure only a bug of ours can bring about
 * (a change of what a poller waits for), is not counted.
 */
#pragma once

#include "os/world.h"

enum fault_kind { FAULT_MEMORY, FAULT_WORLD, FAULT_ENGINE, FAULT_KINDS };
const char *fault_kind_name(enum fault_kind);

/*
 * How a call fails.  Each kind knows some ways, numbered from 0; a call that
 * does not know the way takes its first one.
 */
unsigned fault_ways(enum fault_kind);
const char *fault_way_name(enum fault_kind, unsigned way);

struct fault_plan {
	enum fault_kind kind;
	unsigned way;
	uint64_t at;  /* which call fails, from 1; 0: none, they are counted */
	bool for_good; /* and all after it */
};
void fault_arm(const struct fault_plan *);
/* The answer is how many calls of the kind there were. */
uint64_t fault_disarm(void);
/* How many of them failed. */
uint64_t fault_failed(void);
/* What failed first, and where in our code: for a message. */
void fault_site(char *out, size_t cap);
/* Blocks of memory that our code has and did not free. */
size_t fault_blocks(void);

/* Count in here although no loop turns: a role is made, say. */
void fault_enter(void);
void fault_leave(void);

struct loop;
/* The loops of the test itself do not count; all others do. */
void fault_exempt(struct loop *);

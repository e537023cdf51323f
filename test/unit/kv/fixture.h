/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of kv and of the models on it share: an engine by name, with
 * a fault switch, that can be reopened, killed and thrown away.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kv/memory.h"
#include "kv/op.h"
#include "kv/rocksdb.h"
#include "os/world.h"

enum which { MEMORY, ROCKSDB };

struct fixture {
	enum which which;
	struct world *world;
	const struct world_ops *real;
	struct world_ops ops; /* the real ones, with our fault() */
	struct kv_disk *disk;
	struct kv *kv;
	char dir[64];
	size_t memtable;
};

/* Faults are armed by name, for the next `n` times that they are asked for. */
void fixture_fault(struct fixture *, const char *name, unsigned n);

void fixture_start(struct fixture *, enum which, uint64_t seed);
void fixture_open(struct fixture *);
void fixture_reopen(struct fixture *); /* in good order */
void fixture_cut(struct fixture *);    /* killed, or without power */
void fixture_stop(struct fixture *);

/* A fixed stream of numbers for tests. */
uint64_t roll(uint64_t *state, uint64_t below);


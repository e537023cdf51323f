/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/memory - the deterministic engine of tests and of the simulation.
 *
 * A kv_disk outlives the kv that is opened on it, as a disk outlives a
 * process.  A group started by one kv_poll is durable at the next.  All
 * faults are drawn from the disk's seed: the same calls give the same story.
 *
 * In a simulated world the disk may also lie (struct kv_memory_lies): that is for
 * tests of tests, which have to find out.
 *
 * Fault points beside those of kv/kv.h: "kv.write.torn" a beginning of the group
 * went in before its write failed, "kv.write.late" all of it did, "kv.slow" the
 * sync takes some more polls.
 */
#pragma once

#include "kv/kv.h"

struct world; /* os/world.h */

struct kv_disk;

/* How often, of 1,000 commits, the engine answers ... */
struct kv_memory_faults {
	unsigned conflict;	/* that somebody else was first (nobody was) */
	unsigned unknown_done;	/* unknown, and it had gone in */
	unsigned unknown_lost;	/* unknown, and it had not */
	unsigned group_failed;	/* of 1,000 groups: none of it went in, all unknown */
	size_t rows_per_space;	/* an engine's limit on one space; 0: none */
};

/* What a broken store would do; for tests that show that this is noticed. */
struct kv_memory_lies {
	unsigned drop;	/* of 1,000 commits to an account: said, not written */
	bool no_sync;	/* the last group is answered, but a power cut takes it */
	/* False: this row of a commit is left out.  NULL: none is. */
	bool (*row)(void *arg, struct kv_name, struct span key);
	void *arg;
};

MUST_USE struct kv_disk *kv_disk_new(uint64_t seed);
void kv_disk_free(struct kv_disk *); /* no kv is open on it */
void kv_disk_faults(struct kv_disk *, const struct kv_memory_faults *);
void kv_disk_lies(struct kv_disk *, const struct kv_memory_lies *);

/* Damage for fsck's tests: flip a bit in a body or a row.  False: no such. */
bool kv_disk_damage_body(struct kv_disk *, const struct kv_id *, uint64_t at);
bool kv_disk_damage_row(struct kv_disk *, struct kv_name, struct span key,
			uint64_t at);

/* What kv_checkpoint made: a disk of its own until the next one, or NULL. */
struct kv_disk *kv_disk_checkpoint(struct kv_disk *);

/* One kv at a time; KV_REFUSED while another is open. */
/*
 * The process that uses the disk is gone from one moment to the next, as in
 * kv_power_cut, while its kv is still there: that one finds the disk unavailable
 * for ever, and another may be opened.  power: the machine went down with it.
 */
void kv_disk_cut(struct kv_disk *, bool power);

MUST_USE enum kv_result kv_open_memory(struct kv_disk *,
				       struct world *,
				       struct kv **out);

/*
 * The power goes.  Everything answered stays; of the group being written a
 * beginning chosen by the seed stays; what was only staged is gone, and
 * so are unfinished bodies.  Closes the kv as kv_abandon does.
 */
void kv_power_cut(struct kv *);

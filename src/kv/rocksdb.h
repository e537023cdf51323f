/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/rocksdb - the embedded engine of one machine.
 *
 * RocksDB's own log is the journal: one write batch with one sync a group,
 * written by a thread of its own while the owner builds the next.  Bodies up
 * to KV_BODY_INLINE are values (blob files, zstd, garbage collected); larger
 * ones are immutable files under `bodies/`, synced and linked before a commit
 * may name them.
 *
 * DIR/rocksdb   RocksDB's folder, with its LOCK
 * DIR/bodies/xx the large bodies by the first byte of their id, in hex
 *
 * A failed write or sync answers nobody of its group with yes: the engine
 * closes, opens again (which replays the log) and goes on; commits and reads
 * meanwhile answer KV_UNAVAILABLE.
 */
#pragma once

#include "kv/kv.h"

struct world; /* os/world.h */

struct kv_rocksdb {
	struct world *world;	 /* that of the system: threads use it too */
	struct span dir;	 /* exists; ours alone */
	size_t memtable;	 /* bytes; 0: 32 MiB */
	size_t cache;		 /* bytes of block cache; 0: 64 MiB */
	unsigned readers;	 /* threads for kv_body_fetch; 0: 2 */
	/* Nothing in the folder is made, locked or changed; a commit is refused.
	 * For a copy that nobody writes in. */
	bool read_only;
	/* With read_only: of a store that runs, as it was at its checkpoint. */
	bool checkpoint;
};

/*
 * KV_REFUSED (held by another instance, a newer format), KV_CORRUPT or
 * KV_UNAVAILABLE come with a sentence for the administrator in `why`.
 */
MUST_USE enum kv_result kv_open_rocksdb(const struct kv_rocksdb *,
					struct kv **out, struct buf *why);

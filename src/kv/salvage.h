/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/salvage - what can still be read of a damaged RocksDB folder, as a new one.
 *
 * Nothing in the damaged folder is changed.  Rows are read around what is
 * damaged: a hole costs the rows of the damaged block and no others.  The log
 * is read around damaged records.  When the list of files (MANIFEST) is lost,
 * tables and log are put together without it in a scratch folder.
 *
 * Works in the process's working folder, for a program that has it alone:
 * DIR/rocksdb is read, DIR/salvage/rocksdb is made, DIR/salvage/tables is
 * scratch.
 */
#pragma once

#include "kv/kv.h"

#define KV_SALVAGE "salvage"

struct world;
struct kv_salvage;

struct kv_salvaged {
	uint64_t rows;	/* copied */
	uint64_t holes; /* places around which rows are missing */
	bool rebuilt;	/* the list of files was lost */
};

/* The new folder has all rows that can be read, no bodies yet. */
MUST_USE enum kv_result kv_salvage_open(struct world *, int dir,
					struct kv_salvage **out,
					struct kv_salvaged *, struct buf *why);
/* A body of the damaged folder, whole and right as far as its engine knows.
 * KV_NONE: no such body; KV_CORRUPT: it is lost. */
MUST_USE enum kv_result kv_salvage_body(struct kv_salvage *, const struct kv_id *,
					struct buf *out);
void kv_salvage_close(struct kv_salvage *); /* NULL is allowed */

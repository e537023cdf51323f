/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/wal - is a log of RocksDB damaged where no crash can have damaged it?
 *
 * A log is blocks of 32 KiB with records: checksum 4 (CRC-32C, masked), length 2, kind 1,
 * bytes; a batch is one record, or a first, middle and last one.  Each group
 * is synced before the next is written.  So a power cut tears the last group at
 * most, and nothing that begins a batch stands behind the first damage.  Where
 * something does, RocksDB would leave out what stands behind the damage as well, and say nothing.
 */
#pragma once

#include "base/span.h"

#define WAL_BLOCK 32768u

struct wal_scan {
	bool damaged;  /* something does not read; it may be a torn end */
	bool in_midst; /* ... and a batch begins behind it */
	uint64_t records, at; /* whole records; where the damage begins */
};

/* One block after the other, each of them WAL_BLOCK bytes but the last. */
void kv_wal_block(struct wal_scan *, struct span block, uint64_t at);

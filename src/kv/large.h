/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/large - bodies as files of their own.  Private to src/kv.
 *
 * DIR/bodies/xx/<32 hex digits>, xx the first two of them.  While it is
 * written the name ends in ".new".  A file opens with 16 bytes: "LLBODY", two
 * bytes of format number, eight of the time of its making, big-endian; the body
 * follows.  A file with its final name is complete and durable.
 *
 * Format 2: behind the body the CRC-32C of each LARGE_PIECE bytes of it and eight
 * bytes of its length, all big-endian.  What is read is compared; a file of
 * another length is damaged.  Format 1 has neither, and is still read.
 *
 * Only one process works in the folder: what ends in ".new" when it is
 * opened belongs to nobody.
 */
#pragma once

#include "kv/kv.h"
#include "os/file.h"

#define LARGE_FORMAT 2u
#define LARGE_HEAD   16u
#define LARGE_PIECE  65536u
#define LARGE_END    8u

struct large; /* the folder */
struct engine_large;

/* Below dir, which the caller syncs: the name "bodies" may be new in it. */
MUST_USE enum kv_result kv_large_open(struct world *, int dir,
				   struct large **out);
/* The same of a folder in which nothing may be changed; what is missing in it is
 * empty. */
MUST_USE enum kv_result kv_large_open_copy(struct world *, int dir,
					   struct large **out);
void kv_large_close(struct large *);

MUST_USE enum kv_result kv_large_read(struct large *, const struct kv_id *,
				   uint64_t from, size_t len, struct buf *);
MUST_USE enum kv_result kv_large_facts(struct large *, const struct kv_id *,
				    uint64_t *size, int64_t *made);
/* Ids whose first byte is `first`, ascending; the array is the caller's. */
MUST_USE enum kv_result kv_large_list(struct large *, uint8_t first,
				   struct kv_id **ids, size_t *count);
MUST_USE enum kv_result kv_large_remove(struct large *, const struct kv_id *);

MUST_USE enum kv_result kv_large_begin(struct large *, const struct kv_id *,
				    struct engine_large **out);
MUST_USE enum kv_result kv_large_append(struct engine_large *, struct span);
MUST_USE enum kv_result kv_large_finish(struct engine_large *);
void kv_large_drop(struct engine_large *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/rocks - what the files of the RocksDB engine share.  Private to
 * kv/rocksdb.c (rows, commits, opening) and kv/rocks_body.c (bodies).
 */
#pragma once

#include <rocksdb/c.h>

#include "kv/engine.h"
#include "kv/large.h"

/* In front of a body's bytes: its format, and when it was made. */
#define BODY_HEAD   8u
#define BODY_FORMAT 1u

enum { CF_DEFAULT, CF_ROWS, CF_BODIES, CFS };

struct rocks {
	struct engine engine;
	char *path; /* of RocksDB's folder */
	size_t memtable, cache_size;
	bool read_only;
	/* The writer's thread's own. */
	bool collects;	 /* garbage of blob files */
	uint64_t unseen; /* bytes since that was decided */
	int dir, lock;
	struct large *large;
	rocksdb_t *db;
	rocksdb_column_family_handle_t *cf[CFS];
	rocksdb_cache_t *cache;
	const rocksdb_snapshot_t *snapshot;
	rocksdb_readoptions_t *visible, *latest;
	rocksdb_writeoptions_t *sync;
};

#define ROCKS(e) CONTAINER_OF(e, struct rocks, engine)

/* RocksDB's error as ours; the text goes. */
MUST_USE enum kv_result rocks_error(char *err);
/* KV_NONE: the iterator is just at its end. */
MUST_USE enum kv_result rocks_iter_error(rocksdb_iterator_t *);
/* On KV_OK the value is to be destroyed. */
MUST_USE enum kv_result rocks_find(struct rocks *, rocksdb_readoptions_t *,
				   unsigned cf, struct span key,
				   rocksdb_pinnableslice_t **out);

static inline struct span rocks_pinned(const rocksdb_pinnableslice_t *p)
{
	size_t len;
	const char *v = rocksdb_pinnableslice_value(p, &len);
	return span_of(v, len);
}

/* ---- rocks_body.c: of struct engine_ops ---- */
void rocks_bodies_read(struct engine *, struct kv_piece *, size_t count);
enum kv_result rocks_body_size(struct engine *, const struct kv_id *,
			       uint64_t *size);
enum kv_result rocks_body_list(struct engine *, const struct kv_id *from,
			       size_t max, struct kv_id *next, kv_body_fn *each,
			       void *arg);
enum kv_result rocks_large_begin(struct engine *, const struct kv_id *,
				 struct engine_large **out);

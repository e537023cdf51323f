/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup/manifest - what a backup consists of: every file with its checksum.
 *
 * Text, a line each, bytes as they are:
 *
 *     letterlock-backup 1
 *     made 1795328400
 *     file <SHA-256, hex> <size> <mtime> <path>
 *     end <files> <bytes> <SHA-256 of all lines above, hex>
 *
 * Paths are relative, ascending, of at most MANIFEST_LEVELS names of letters,
 * digits, '.', '-' and '_', none of which begins with '.'.  The manifest is
 * written last: a folder without a whole one is no backup.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/hash.h"

#define MANIFEST_NAME	   "manifest"
#define MANIFEST_FORMAT	   1u
#define MANIFEST_MAX	   (512u << 20) /* bytes: some four million files */
#define MANIFEST_FILES_MAX 4000000u
#define MANIFEST_PATH_MAX  128u
#define MANIFEST_LEVELS	   3u

struct manifest_file {
	struct span path;
	uint64_t size;
	int64_t mtime; /* of what was copied, seconds */
	struct sha256 hash;
};

struct manifest {
	struct arena *arena; /* the caller's: paths live here */
	struct manifest_file *files;
	size_t count, cap;
	int64_t made;
	uint64_t bytes; /* of all files */
};

enum manifest_result {
	MANIFEST_OK,
	MANIFEST_DAMAGED,
	MANIFEST_NEWER, /* of a newer letterlock */
	MANIFEST_MEMORY,
};

void manifest_init(struct manifest *, struct arena *);
void manifest_free(struct manifest *);
/* The path is copied.  False: no such path may be, or memory is short. */
MUST_USE bool manifest_add(struct manifest *, const struct manifest_file *);
bool manifest_path_ok(struct span path);
/* Into the order of paths: before find and write. */
void manifest_sort(struct manifest *);
/* NULL: not in it. */
const struct manifest_file *manifest_find(const struct manifest *,
					  struct span path);
/* Appended; buf_ok says whether there was room. */
void manifest_write(const struct manifest *, struct buf *);
/* Into a fresh manifest; what is not MANIFEST_OK is still to be freed. */
MUST_USE enum manifest_result manifest_read(struct span text,
					    struct manifest *);

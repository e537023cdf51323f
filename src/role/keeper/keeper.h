/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/keeper/keeper - what the verbs of the keeper share.
 *
 * Descriptors: KEEPER_OUT takes rows of JSON, a line each, that the command
 * shows when the keeper has ended; those behind it are the folders that the
 * verb works on.  What went wrong is a sentence on standard error.
 */
#pragma once

#include "backup/manifest.h"
#include "os/file.h"

#define KEEPER_OUT    3
#define KEEPER_FOLDER 4 /* the first of the verb's folders */
#define KEEPER_MAIL   5 /* behind the one folder of `mail` */
#define KEEPER_PIECE  (1u << 20)
#define KEEPER_MEMORY ((size_t)2 << 30) /* paths of a manifest, rows */
#define KEEPER_PATH   (MANIFEST_PATH_MAX + 8u)

struct keeper {
	struct world *world;
	struct arena *arena;
	bool progress;
	uint64_t told; /* when progress was shown last */
	char *piece;   /* KEEPER_PIECE bytes */
	int argc;      /* what stands behind the verb */
	char **argv;
};

/* "letterlock: text" to standard error; false, for the caller to return. */
PRINTF_LIKE(2, 3) bool keeper_fail(struct keeper *, const char *fmt, ...);
/* A row for the command: members of a JSON object. */
PRINTF_LIKE(2, 3) void keeper_row(struct keeper *, const char *fmt, ...);
/* For `%s` in a row: text that needs no escapes stays, anything else is '?'. */
const char *keeper_text(struct keeper *, struct span);
/* At most some times a second. */
void keeper_progress(struct keeper *, const char *what, uint64_t done,
		     uint64_t of);
bool keeper_argument(const struct keeper *, const char *word);
/* What stands behind `key` (which ends in =); or "". */
const char *keeper_word(const struct keeper *, const char *key);
/* The same, fit for a row. */
const char *keeper_value(struct keeper *, const char *key);

/* ---- files.c -------------------------------------------------------------- */

/* The folder that a manifest's path leads to, made when asked, and the last
 * name.  Close the folder. */
MUST_USE enum os files_parent(struct keeper *, int root, struct span path,
			      bool make, int *dir, const char **name);
/* A manifest as it stands in a folder of a backup; says what is wrong. */
MUST_USE bool files_manifest(struct keeper *, int folder, struct manifest *);
/* Read to the end; size and checksum. */
MUST_USE enum os files_hash(struct keeper *, int root, struct span path,
			    uint64_t *size, struct sha256 *);
/* A new file, synced; size and checksum of what was read. */
MUST_USE enum os files_copy(struct keeper *, int from, struct span from_path,
			    int to, struct span path, uint64_t *size,
			    struct sha256 *);
/* Make every name below the folder durable. */
MUST_USE enum os files_sync(struct keeper *, int root);

/* ---- the verbs ------------------------------------------------------------ */

bool keeper_check(struct keeper *);
bool keeper_copy(struct keeper *);
bool keeper_facts(struct keeper *);
bool keeper_verify(struct keeper *);
bool keeper_restore(struct keeper *);
bool keeper_mail(struct keeper *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/parse - configuration text to an immutable snapshot.
 *
 *     hostname mx.example.org;             # a statement
 *     listener submission {                # a named block
 *         role submission;
 *         limits { message-size 20M; }     # overrides the top-level block
 *     }
 *     include "extra.conf";
 *
 * Pure: bytes in, snapshot out.  Included files are asked from the caller, who
 * decides what may be opened.  Linear time in the size of the text; every count
 * is limited below.  An empty text with a hostname is a complete server.
 *
 * Mistakes do not end the run: up to CONF_ERRORS_MAX of them are reported, each
 * with file, line, column (bytes, from 1) and how to mend it.  Unknown names
 * are mistakes.  A snapshot exists only when there was none; warnings do not
 * prevent it.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "conf/conf.h"

#define CONF_FILE_MAX   (1024u * 1024u)      /* bytes in one file */
#define CONF_FILES_MAX  64u                  /* files in all */
#define CONF_DEPTH_MAX  16u                  /* includes within includes */
#define CONF_TOKENS_MAX 100000u              /* in all files together */
#define CONF_VALUE_MAX  4096u                /* bytes in one value */
#define CONF_ERRORS_MAX 20u                  /* reported before giving up */
#define CONF_WARNINGS_MAX 50u
#define CONF_MEMORY_MAX (64u * 1024u * 1024u) /* of a snapshot */

enum conf_result {
	CONF_OK,
	CONF_WRONG,  /* the report says what */
	CONF_MEMORY, /* the machine's, or CONF_MEMORY_MAX */
};

/*
 * How included files are had.  path: as resolved against the including file.
 * Returns NULL and sets *bytes (borrowed until conf_parse returns), or a reason
 * for the message such as "No such file or directory".
 */
struct conf_includes {
	void *ctx;
	const char *(*fetch)(void *ctx, const char *path, struct span *bytes);
};

struct conf_complaint {
	struct span file;
	uint32_t line, column; /* 0: the configuration as a whole */
	bool warning;
	struct span text; /* what is wrong and how to mend it, one line */
};

/* Filled by conf_parse, in the order of finding.  Give back with _free. */
struct conf_report {
	struct arena *arena;
	struct conf_complaint *at;
	size_t count, errors, warnings;
	/* Its data folder as far as the text was understood, or the default:
	 * what was in force before a mistake is kept there. */
	struct span data;
};
/* The last configuration that was in force, as text, in the data folder. */
#define CONF_COMMITTED "configuration.last"

void conf_report_free(struct conf_report *);
/* "file:line:column: error: text" lines, or a JSON array. */
void conf_report_text(const struct conf_report *, struct buf *);
void conf_report_json(const struct conf_report *, struct buf *);

struct conf_snapshot;

/*
 * file: the name for messages and for resolving relative includes.  includes
 * may be NULL: then an include is a mistake.  report is initialised here and
 * always has to be freed.  *out is NULL unless CONF_OK.  Nested includes need up
 * to 256 KiB of stack: call it on a process's own stack, not in a fiber.
 */
MUST_USE enum conf_result conf_parse(struct span file, struct span text,
				     const struct conf_includes *,
				     struct conf_report *report,
				     struct conf_snapshot **out);
void conf_snapshot_free(struct conf_snapshot *); /* NULL is allowed */

const struct conf *conf_values(const struct conf_snapshot *);

/*
 * The same for two snapshots exactly when every value is the same, however
 * written (a hash for comparison, not against an adversary).
 */
uint64_t conf_hash(const struct conf_snapshot *);

/*
 * Whether going from one to the other needs a restart: the name (static) of the
 * first option that differs and cannot be changed while running, else NULL.
 */
const char *conf_needs_restart(const struct conf_snapshot *from,
			       const struct conf_snapshot *to);

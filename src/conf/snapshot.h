/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/snapshot - what a snapshot is made of, within conf.
 *
 * Values stand in the public structs; beside each option of each block stands
 * where it was set.  An `area` is one block's values and origins, so that code
 * that walks the table need not know which block it is in.
 */
#pragma once

#include "base/arena.h"
#include "conf/options.h"
#include "conf/parse.h"

enum conf_from { CONF_FROM_DEFAULT, CONF_FROM_FILE, CONF_FROM_INHERITED };

struct conf_origin {
	enum conf_from from;
	uint32_t file; /* index into files; for CONF_FROM_FILE */
	uint32_t line, column;
};

/* A named block. */
struct conf_instance {
	struct conf_origin where; /* DEFAULT: not written by anybody */
	struct conf_origin origins[CONF_OPTIONS_MAX];
};

struct conf_snapshot {
	uint32_t tag;
	struct arena *arena;
	struct conf values;
	struct conf_certificate *certificates; /* writable while parsing */
	struct conf_listener *listeners;
	struct conf_destination *destinations;
	struct conf_source *sources;
	struct conf_instance *certificate_info, *listener_info;
	struct conf_instance *destination_info, *source_info;
	struct conf_origin origins[CONF_OPTIONS_MAX];
	struct span files[CONF_FILES_MAX];
	size_t file_count;
};

struct conf_area {
	char *base;
	struct conf_origin *origins;
};

/* The values of an unnamed block at top level. */
struct conf_area conf_area_top(const struct conf_snapshot *, enum conf_block);
/* Those of certificate i. */
struct conf_area conf_area_certificate(const struct conf_snapshot *, size_t i);
/* Those of destination i. */
struct conf_area conf_area_destination(const struct conf_snapshot *, size_t i);
/* Those of source i. */
struct conf_area conf_area_source(const struct conf_snapshot *, size_t i);
/* Those of listener i: its own, or of an inherited block inside it. */
struct conf_area conf_area_listener(const struct conf_snapshot *, size_t i,
				    enum conf_block);

/* Whether the block's options stand in a listener. */
static inline bool conf_in_listener(enum conf_block b)
{
	return b == CONF_B_LISTENER || conf_blocks[b].inherited;
}

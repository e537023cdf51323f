/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/table - rows of JSON as columns for people.
 *
 * Text from the server may come from strangers (an address, a reason): what
 * could act on a terminal is shown as '?'.
 */
#pragma once

#include "base/json.h"

enum column_kind {
	COLUMN_TEXT,
	COLUMN_COUNT, /* a number, to the right */
	COLUMN_CODE,  /* the same; 0 is "-" */
	COLUMN_SIZE,  /* bytes: 1.5 MiB */
	COLUMN_LIMIT, /* the same; 0 is "none" */
	COLUMN_TIME,  /* seconds since 1970; 0 is "-" */
	COLUMN_FLAG,  /* yes or no */
	COLUMN_LIST,  /* texts, a comma between */
};

struct column {
	const char *key, *title;
	enum column_kind kind;
};

/* Text of a stranger, appended: a question mark for what a terminal would act on. */
void table_plain(struct buf *, struct span);
/* The same for several lines, each behind `before` and with its end. */
void table_lines(struct buf *, struct span before, struct span);
/* One value as text, appended.  v NULL: nothing is there. */
void table_cell(struct buf *, enum column_kind, const struct json *v);

/*
 * A line of titles (bold when `colour`) and a line a row, appended.  False: the
 * arena is full.
 */
MUST_USE bool table_render(struct buf *, struct arena *, const struct column *,
			   size_t columns, const struct json *const *rows,
			   size_t count, bool colour);
/* One row as "title: value" lines. */
void table_render_one(struct buf *, const struct column *, size_t columns,
		      const struct json *row);

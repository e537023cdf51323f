/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows - rows of segments in memory, and small mailboxes whose every message's text is
 * known, so that what an index says can be compared with the text.
 */
#pragma once

#include "base/buf.h"
#include "index/ask.h"
#include "index/gather.h"
#include "index/merge.h"

#define ROWS_MAX 4096u

struct row {
	uint32_t segment, n;
	enum index_part part;
	char *bytes;
	size_t len;
};
struct rows {
	struct row row[ROWS_MAX];
	size_t count;
	size_t puts_left; /* then the sink refuses */
	struct index_rows get;
	struct index_sink put;
};
void rows_init(struct rows *);
void rows_free(struct rows *);
struct row *rows_find(struct rows *, uint32_t segment, enum index_part, uint32_t n);

/* A segment of messages 2, 4, 6 ... from `first` on, each a line of the text. */
struct index_segment rows_segment(struct rows *, struct span lines, uint32_t id,
				  uint32_t first);
/* How many segments say of how many messages: no, maybe, sure.  A text that is there
 * and ruled out, or sure and not there, ends the test. */
void rows_check(struct rows *, const struct index_segment *, struct span lines,
		struct span needle, unsigned said[3]);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/stream - bytes end to end over the rows of one part of a segment.
 * Private.  Reading keeps the row that it was in; forwards is cheap.
 */
#pragma once

#include "index/segment.h"

struct index_out {
	const struct index_sink *sink;
	uint32_t segment;
	enum index_part part;
	struct buf bytes; /* less than a row */
	uint64_t at;	  /* written in all */
	bool failed;
};
void index_out_init(struct index_out *, const struct index_sink *, uint32_t segment,
		    enum index_part);
void index_out_free(struct index_out *);
void index_out_add(struct index_out *, struct span);
void index_out_end(struct index_out *);

struct index_in {
	const struct index_rows *rows;
	uint32_t segment;
	enum index_part part;
	uint64_t size; /* of the stream */
	uint32_t row;  /* the one in `bytes`; UINT32_MAX: none */
	struct buf bytes, joined;
};
void index_in_init(struct index_in *, const struct index_rows *, uint32_t segment,
		   enum index_part, uint64_t size);
void index_in_free(struct index_in *);
/* len bytes from `at` on, until the next call.  False: they are not there. */
MUST_USE bool index_in_read(struct index_in *, uint64_t at, uint64_t len,
			    struct span *out);

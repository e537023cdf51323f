/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/write - makes a segment from its terms in order.  Rows go to the sink as
 * they fill; what was written of a segment that is not finished means nothing.
 */
#pragma once

#include "index/segment.h"

struct index_writer;

/*
 * A segment that covers first to last and has documents with these UIDs,
 * ascending (borrowed until the end).  The sink is borrowed until index_writer_free.
 * NULL: memory is short.
 */
MUST_USE struct index_writer *index_writer_new(const struct index_sink *, uint32_t id,
					       uint32_t first, uint32_t last,
					       const uint32_t *uids, uint32_t docs);
void index_writer_free(struct index_writer *); /* NULL is allowed */
/* The next term by class and bytes, and its documents: ascending, at least one. */
void index_writer_term(struct index_writer *, const struct term *, const uint32_t *docs,
		       uint32_t count);
/* False: the sink refused, or memory is short. */
MUST_USE bool index_writer_end(struct index_writer *, struct index_segment *out);

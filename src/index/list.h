/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/list - the documents of a term as bytes.
 *
 * How many, then either a bit for each document of the segment (when more than
 * one in eight has the term) or the gaps between them, less one, as varints.
 */
#pragma once

#include "base/buf.h"

/* Ascending, below `of`; at least one. */
void index_list_write(struct buf *, const uint32_t *docs, size_t count, uint32_t of);
/* How many it says to have; 0: damaged. */
uint32_t index_list_count(struct span, uint32_t of);
/* All of them, into room for index_list_count.  False: damaged. */
MUST_USE bool index_list_read(struct span, uint32_t of, uint32_t *docs);
/* The same into bits (of / 64 rounded up).  False: damaged. */
MUST_USE bool index_list_or(struct span, uint32_t of, uint64_t *bits);

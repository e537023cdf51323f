/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/merge - one segment from several that follow each other.
 *
 * Reads each once from front to back and holds one row of each, and the documents
 * of one term.  Messages that are gone are left out, and terms that only they had.
 */
#pragma once

#include "index/segment.h"

#define INDEX_MERGE_MAX 16u

/* Is there a message with this UID?  Asked once for each document, ascending. */
struct index_alive {
	bool (*is)(void *arg, uint32_t uid);
	void *arg;
};

/* In the order of their UIDs; together at most INDEX_DOCS_MAX documents. */
MUST_USE enum index_result index_merge(const struct index_segment *in, size_t count,
				       const struct index_rows *,
				       const struct index_sink *,
				       const struct index_alive *, uint32_t id,
				       struct index_segment *out);

/* The UIDs of a segment's documents.  Memory of the caller's, `docs` of them. */
MUST_USE bool index_uids(const struct index_segment *, const struct index_rows *,
			 uint32_t *uids);

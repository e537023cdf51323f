/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/segment - a part of a mailbox's index, and the list of all parts.
 *
 * A segment covers a range of UIDs: every message in it that was there when it
 * was made is one of its documents, numbered from 0 by ascending UID.  It is
 * written once and never changed, as rows of at most INDEX_ROW bytes:
 *
 *  words      terms in order, and where the documents of each stand (row.h)
 *  documents  of each term that has more than one (list.h), end to end
 *  uids       of the documents, ascending: first - 1, then gaps - 1, as varints
 *
 * The shelf is the mailbox's segments, in the order of their UIDs, without
 * overlap, and the UID up to which messages are covered at all.  What stands on
 * it is made from the messages and can be made again: a shelf that cannot be
 * read, or a row that is missing, is forgotten as a whole.
 */
#pragma once

#include "base/buf.h"
#include "terms/term.h"

#define INDEX_FORMAT	 1u
#define INDEX_ROW	 49152u /* bytes of a row, about; never more than INDEX_ROW_MAX */
#define INDEX_ROW_MAX	 65536u
#define INDEX_SEGMENTS	 48u	/* of a shelf */
#define INDEX_GONE	 16u
#define INDEX_DOCS_MAX	 (1u << 20) /* of a segment */
#define INDEX_SHELF_MAX	 16384u	    /* bytes of a shelf's row */

enum index_part { INDEX_WORDS, INDEX_DOCS, INDEX_UIDS };

struct index_segment {
	uint32_t id;	      /* given once in a mailbox */
	uint32_t first, last; /* UIDs that it covers */
	uint32_t docs;
	uint64_t terms, postings;
	uint64_t docs_bytes, uids_bytes, words_bytes;
	uint32_t word_rows;
	/* The row in which terms of a class, or of the next one that has any, begin. */
	uint32_t row_of[TERM_CLASSES];
};

/* A segment that nobody reads any more, and whose rows are still to be deleted. */
struct index_gone {
	uint32_t id, word_rows, docs_rows, uids_rows;
};

struct index_shelf {
	unsigned version;     /* TERMS_VERSION that its terms were made by */
	uint32_t next_id, covered; /* every UID up to this one */
	struct index_segment segment[INDEX_SEGMENTS];
	size_t count;
	struct index_gone gone[INDEX_GONE];
	size_t gone_count;
};

void index_shelf_init(struct index_shelf *);
void index_shelf_write(struct buf *, const struct index_shelf *);
/* False: damaged, or of other terms than this program makes. */
MUST_USE bool index_shelf_read(struct span, struct index_shelf *);

/* Where rows are: false when a row is not there.  May park; *out is cleared first. */
struct index_rows {
	bool (*get)(void *arg, uint32_t segment, enum index_part, uint32_t n,
		    struct buf *out);
	void *arg;
};
/* Where new rows go.  False: not now. */
struct index_sink {
	bool (*put)(void *arg, uint32_t segment, enum index_part, uint32_t n,
		    struct span row);
	void *arg;
};

enum index_result {
	INDEX_OK,
	INDEX_DAMAGED, /* a row is missing or makes no sense */
	INDEX_MEMORY,  /* short, or the sink takes no more */
};

/*
 * Which neighbours should be one: *from and how many, 0 for none.  Each message is so
 * written anew a few times in its life, and a shelf never gets full unless it holds
 * INDEX_DOCS_MAX times INDEX_SEGMENTS messages or so.
 */
size_t index_shelf_due(const struct index_shelf *, size_t *from);
/* One segment stands in the place of several, which are gone now. */
void index_shelf_replace(struct index_shelf *, size_t from, size_t count,
			 const struct index_segment *);

/* Rows of a part that is a stream of so many bytes. */
static inline uint32_t index_stream_rows(uint64_t bytes)
{
	return (uint32_t)((bytes + INDEX_ROW - 1) / INDEX_ROW);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/row - a row of words.
 *
 *  format, count, where in the documents' stream this row's lists begin, the
 *  length of the texts, the texts, and one number for each:
 *    2 * document + 1   the term is in this document alone
 *    2 * length         its list is so many bytes, behind those before it
 *
 * A text is the class byte and the term's bytes, which are never as small as a
 * class: so the texts of a row are searched as one run of bytes, and a hit's term
 * begins at the class byte before it.  Texts ascend by their bytes.
 */
#pragma once

#include "index/segment.h"

struct index_row {
	struct span texts;
	uint32_t count;
	uint64_t lists; /* where they begin */
	struct span numbers;
};

struct index_word {
	struct term term;
	bool is_one;
	uint32_t doc;	 /* is_one */
	uint64_t at, len; /* else: its list */
};

void index_row_write(struct buf *, uint32_t count, uint64_t lists, struct span texts,
		     struct span numbers);
/* Checks the frame; texts and numbers are checked as they are read. */
MUST_USE bool index_row_read(struct span, struct index_row *);

/* Goes over a row's terms. */
struct index_walk {
	struct span texts, numbers;
	uint64_t at;
	uint32_t left;
};
void index_walk_init(struct index_walk *, const struct index_row *);
enum index_step { INDEX_END, INDEX_TERM, INDEX_BROKEN };
enum index_step index_walk_next(struct index_walk *, struct index_word *);

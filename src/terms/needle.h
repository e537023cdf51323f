/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/needle - what an index has to be asked to find a text.
 *
 * A needle (folded, valid UTF-8) is cut into pieces by the table that cuts
 * messages.  A message that holds the needle holds every piece, so the messages
 * in which all pieces were found are candidates, and no other needs a look.
 * Where the needle is one piece that terms hold whole the answer is final.
 *
 *  a word alone             any WORD that holds it, or LONG pieces that do
 *  a word among others      the same, and it begins or ends where the needle says
 *  symbols, Han, kana ...   GRAM
 *
 * Only the first NEEDLE_PIECES pieces, and of a long one NEEDLE_PROBES probes,
 * are asked for: fewer questions make more candidates, never fewer.
 */
#pragma once

#include "terms/term.h"

#define NEEDLE_PIECES 6u
#define NEEDLE_PROBES 6u /* LONG or GRAM of one piece */

/* Looks for terms of a kind.  Without `starts` and `ends`: that hold the text. */
struct term_probe {
	enum term_kind kind;
	bool starts, ends; /* the text is where the term begins, ends */
	struct span text;
};

struct needle_piece {
	bool has_word; /* `word` finds messages of its own ... */
	struct term_probe word;
	struct term_probe all[NEEDLE_PROBES]; /* ... and all of these together do */
	size_t count;
	bool is_sure; /* what `all` finds holds the piece for certain */
};

struct needle {
	struct needle_piece pieces[NEEDLE_PIECES];
	size_t count; /* 0: every message is a candidate */
	bool is_alone; /* the needle is one piece and nothing else */
};

/* Spans borrow from `folded`. */
void needle_cut(struct needle *, struct span folded);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/term - the terms of a message as bytes, from the sorter to the store.
 *
 * A term is a class and some bytes of folded text.  The class says where it
 * stands and of which kind it is:
 *
 *  WORD  a run of letters, marks and digits, whole, at most TERM_MAX bytes
 *  LONG  three code points in a row of such a run that is longer
 *  GRAM  two code points in a row of a script that sets no blanks between words
 *        (Han, kana, Thai ...) or of symbols; one where nothing of that kind
 *        stands beside it
 *
 * So every run is in the index whole or in overlapping pieces, and nothing that
 * is not a separator is ever left out.
 *
 * Written: class, length, bytes, one term after the other, in no order.  No byte
 * of a term is below TERM_FIRST_BYTE: classes are, and can part terms.
 */
#pragma once

#include "base/span.h"

#define TERM_MAX	40u /* bytes */
#define TERM_FIRST_BYTE 0x20u
#define TERM_LONG_POINTS 3u
#define TERM_GRAM_POINTS 2u

enum term_field {
	TERM_SUBJECT,
	TERM_FROM,
	TERM_TO,
	TERM_CC,
	TERM_HEADER, /* names of fields, and all other fields */
	TERM_BODY,
	TERM_FIELDS
};

enum term_kind { TERM_WORD, TERM_LONG, TERM_GRAM, TERM_KINDS };

/* Class 1 says of a message that not everything in it became terms. */
#define TERM_OPEN  1u
#define TERM_CLASS(field, kind) (2u + (unsigned)(field)*TERM_KINDS + (unsigned)(kind))
#define TERM_CLASSES (2u + TERM_FIELDS * TERM_KINDS) /* one more than the last */
_Static_assert(TERM_CLASSES <= TERM_FIRST_BYTE, "classes part terms");

static inline enum term_field term_field_of(unsigned c)
{
	return (enum term_field)((c - 2) / TERM_KINDS);
}
static inline enum term_kind term_kind_of(unsigned c)
{
	return (enum term_kind)((c - 2) % TERM_KINDS);
}

struct term {
	unsigned class;
	struct span text;
};

/* Class and text that may stand in an index. */
bool term_ok(const struct term *);
/* The next one.  False at the end, or where what comes is no term: then *rest is
 * not empty. */
MUST_USE bool term_next(struct span *rest, struct term *out);

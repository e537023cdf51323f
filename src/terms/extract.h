/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/extract - the distinct terms of one message, gathered while its text
 * passes.
 *
 * Text comes folded (terms/fold.h) in pieces that end between code points; a
 * word may go on in the next piece, until terms_break.  Linear in the text; at
 * most TERMS_BYTES of terms are kept, and a message with more is `open`: the
 * index cannot say what it does not hold.
 */
#pragma once

#include "base/siphash.h"
#include "base/span.h"
#include "terms/term.h"

#define TERMS_VERSION 1u /* rises when the same text gives other terms */
#define TERMS_BYTES   (384u << 10)
#define TERMS_COUNT   32768u

struct terms;

/* The secret keeps a message from choosing words that meet in one place of a
 * table.  NULL: memory is short. */
MUST_USE struct terms *terms_new(const uint8_t secret[SIPHASH_KEY]);
void terms_free(struct terms *); /* NULL is allowed */

/* More of the text of a field, or the body. */
void terms_text(struct terms *, enum term_field, struct span folded);
/* What comes next stands apart from what came. */
void terms_break(struct terms *);
/* Something of the message will not come. */
void terms_leave_out(struct terms *);

/* Is something left out, or were there too many? */
bool terms_open(const struct terms *);

/* After a terms_break: as term_next reads them.  In the order of their coming, the mark
 * of an open one first. */
struct span terms_bytes(const struct terms *);
/* Was memory short, so that this cannot be used? */
bool terms_short(const struct terms *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/fold - text as it is compared: i;unicode-casemap (RFC 5051).
 *
 * Each code point for itself becomes its titlecase form, that is taken apart
 * (canonically and for compatibility), and ASCII letters become small.  So what
 * is cut anywhere between two code points folds to the same bytes as the whole,
 * and one text holds another exactly when its folded bytes do.
 *
 * Hangul syllables stay whole: the table that the RFC names has no entry for
 * them.  A form that would become more than FOLD_POINTS stays as well.
 */
#pragma once

#include "base/buf.h"

#define FOLD_POINTS 4u
#define FOLD_GROWTH 8u /* bytes out are never more than so many times those in */

/* Append valid UTF-8 `text`, folded. */
void terms_fold(struct buf *out, struct span text);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms/kind - what a code point is to an index.  Private.
 *
 * Text falls into runs of one kind; separators belong to none.  Text and needle
 * are cut by the same table, which is all that searching rests on: where exactly
 * a language ends its words does not matter.
 */
#pragma once

#include "base/span.h"

enum point_kind {
	POINT_PART, /* stands between words */
	POINT_WORD,
	POINT_GRAM,
};

enum point_kind point_kind(uint32_t);
/* The code point at the front of folded text and its kind; at least one byte. */
size_t point_next(struct span, enum point_kind *);

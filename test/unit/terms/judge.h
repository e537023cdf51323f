/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - what a needle's questions say about one message's terms, each asked of
 * every term: the plain way that an index has to agree with.
 */
#pragma once

#include "base/buf.h"
#include "terms/extract.h"
#include "terms/needle.h"

enum verdict { VERDICT_NO, VERDICT_MAYBE, VERDICT_SURE };

/* Terms of a text in pieces of `cut` bytes or a little more; `out` is theirs. */
void judge_extract(struct span folded, size_t cut, struct buf *out);
enum verdict judge_needle(struct span terms, const struct needle *);
/* The whole: folds both, cuts, extracts, judges; also whether it is there. */
enum verdict judge_text(struct span text, struct span needle, bool *there);

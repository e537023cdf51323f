/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/mime/tree - a summary as text, one line a part, and the checks that
 * every summary has to pass: it can be written, read back to the same text, and
 * does not depend on how the message was cut.
 */
#pragma once

#include "base/buf.h"
#include "mime/parse.h"

/* "* multipart/mixed 0-40-100 lines=3", indented by depth; - leaf, @ message. */
void tree_write(const struct summary *, struct buf *);
/* Parse in chunks of `cut` bytes (0: whole) and write the tree. */
void tree_of(struct span message, size_t cut, struct buf *);
/* tree_of for several cuts, all equal; through bytes and back. */
void tree_checked(struct span message, struct buf *);

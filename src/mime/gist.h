/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/gist - the terms of a message, from the same text that mime/match looks at.
 *
 * The caller feeds the bytes of a message whose summary it has.  Fields that the
 * store put in front of it are given apart.
 */
#pragma once

#include "mime/charset.h"
#include "summary/summary.h"
#include "terms/extract.h"

struct mime_gist;

/* The summary is borrowed until mime_gist_free.  NULL: memory is short. */
MUST_USE struct mime_gist *mime_gist_new(struct mime_charsets *, const struct summary *,
					 const uint8_t secret[SIPHASH_KEY]);
void mime_gist_free(struct mime_gist *); /* NULL is allowed */

/* Whole header fields. */
void mime_gist_prefix(struct mime_gist *, struct span);
/* Bytes in order.  True: enough, the index will say nothing of this message. */
bool mime_gist_feed(struct mime_gist *, struct span chunk);
/* The rest was not given and is not text. */
void mime_gist_end(struct mime_gist *);
/* After the end: as term_next reads them. */
struct span mime_gist_terms(const struct mime_gist *);
/* Was memory short, so that this cannot be used? */
bool mime_gist_short(const struct mime_gist *);

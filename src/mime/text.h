/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/text - the text of a message as a search sees it: decoded header fields
 * and text parts in UTF-8, folded (terms/fold.h), in the order of the bytes.
 *
 * What SEARCH compares and what an index is made of comes from here, so that both
 * speak of the same text.  The caller feeds the bytes of a message whose summary it
 * has.  Text is decoded in pieces that end with a line where there is one; never more
 * than a piece and a header block are held.
 */
#pragma once

#include "base/span.h"
#include "mime/charset.h"
#include "summary/summary.h"

struct mime_text_field {
	bool top;	   /* of the message itself, not of a part or a message in it */
	struct span name;  /* as written */
	struct span line;  /* folded: the name, ": " and the value */
	struct span value; /* the value in it */
};

struct mime_text_sink {
	void (*field)(void *arg, const struct mime_text_field *);
	/* More of a text part, valid UTF-8; an empty piece: the part ends. */
	void (*text)(void *arg, struct span folded);
	bool (*enough)(void *arg); /* nothing more is wanted */
	void *arg;
};

struct mime_text;

/* Summary and sink are borrowed until mime_text_free.  NULL: memory is short. */
MUST_USE struct mime_text *mime_text_new(struct mime_charsets *, const struct summary *,
					 const struct mime_text_sink *);
void mime_text_free(struct mime_text *); /* NULL is allowed */

/* Whole header fields that stand before the message, as if they were its own. */
void mime_text_fields(struct mime_text *, struct span);
/* Bytes in order, from the first. */
void mime_text_feed(struct mime_text *, struct span chunk);
/* No more bytes: a message that ended early has what there is of it. */
void mime_text_end(struct mime_text *);
/* Was memory short, so that something may be missing?  Ask after the end. */
bool mime_text_short(const struct mime_text *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/match - does a message contain these texts?  For IMAP SEARCH BODY, TEXT
 * and HEADER.
 *
 * Decoded text of text parts and decoded header fields (mime/text.h) are compared
 * folded, without case in any script.  The caller feeds the bytes of a message whose
 * summary it has; nothing but the longest needle is held back.  Linear in bytes
 * times needles.
 */
#pragma once

#include "base/span.h"
#include "mime/charset.h"
#include "summary/summary.h"

#define MIME_NEEDLES_MAX 16u
#define MIME_NEEDLE_MAX  1024u /* bytes */

enum mime_where {
	MIME_IN_BODY, /* parts that are text or message/ without parts of its own */
	MIME_IN_TEXT, /* header fields and those */
	MIME_IN_FIELD /* one header field of the message, by name */
};

struct mime_needle {
	enum mime_where where;
	struct span field; /* MIME_IN_FIELD */
	struct span text;  /* UTF-8; empty: true when the field exists */
};

struct mime_match;

/*
 * Needles and the summary are borrowed until mime_match_free.  NULL when memory
 * is short, when there are too many needles or one is too long.
 */
MUST_USE struct mime_match *mime_match_new(struct mime_charsets *, const struct summary *,
					   const struct mime_needle *, size_t count);
void mime_match_free(struct mime_match *);

/* Bytes in order, from the first.  True: all needles are found, stop here. */
MUST_USE bool mime_match_feed(struct mime_match *, struct span chunk);
/* Was memory short, so that a needle may have been missed?  Ask after the end. */
bool mime_match_short(const struct mime_match *);
/* Bit n is set when needle n was found; valid after the last feed. */
uint32_t mime_match_end(struct mime_match *);

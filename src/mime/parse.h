/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/parse - a whole message, once, from front to back, into its summary
 * (RFC 5322, 2045-2047, 2231, 6532).
 *
 * Bytes arrive in chunks of any cut and are never changed nor kept, but for the
 * header block that is being read (MIME_HEADER_BLOCK_MAX).  Lines end with
 * CRLF; a bare LF counts as one too, because what is read here was accepted
 * already and readers see it that way.  Offsets are those of the bytes given.
 *
 * Never fails on content: every sequence of bytes has a summary.  Limits of
 * mime/limits.h; time is linear in the bytes.
 */
#pragma once

#include "base/arena.h"
#include "mime/charset.h"
#include "mime/limits.h"
#include "summary/summary.h"

struct mime_parser;

/* Charsets may be NULL.  NULL when memory is short. */
MUST_USE struct mime_parser *mime_parser_new(struct mime_charsets *);
/* Was the machine's memory short?  Then another time it may go well. */
bool mime_parser_short(const struct mime_parser *);
void mime_parser_free(struct mime_parser *); /* NULL is allowed */

void mime_parser_feed(struct mime_parser *, struct span chunk);

/*
 * The message is over.  The summary and everything in it live until the parser
 * is freed.  NULL when memory ran out (the caller then keeps the message with
 * summary_opaque).  It always fits summary_write: what would not is left out.
 */
MUST_USE struct summary *mime_parser_end(struct mime_parser *);

/* One field of a header block; `at` and `len` cover it with its line end. */
struct mime_field {
	struct span name;  /* without blanks before the colon */
	struct span value; /* after the colon, folds kept, last line end not */
	size_t at, len;
};

/*
 * The next field of *rest, which stands at offset *at of its block.  False at
 * the empty line or the end.  Lines that are no field are skipped.
 */
bool mime_field_next(struct span *rest, size_t *at, struct mime_field *);

/* Append a field's value without folds and controls, blanks at the ends cut. */
void mime_unfold(struct span value, struct buf *out);

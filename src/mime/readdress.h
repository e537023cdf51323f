/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/readdress - the addresses of one field replaced where they stand: names,
 * comments, groups and folds stay as they were written.
 *
 * An address is a dot-atom or a quoted string, an @ and a domain with nothing
 * between them (RFC 5322 3.4.1); one with blanks or comments inside, and one with
 * a literal, stays.  Linear.
 */
#pragma once

#include "base/buf.h"

#define MIME_LINE_MAX 998u /* RFC 5322 2.1.1, without the line's end */

struct mime_rewriting {
	const void *ctx;
	/* Appends what takes the place of the address; false: it stays. */
	bool (*address)(const void *ctx, bool sender, struct span address,
			struct buf *out);
};

/*
 * Appends the field's value with its addresses replaced.  False: none was, or
 * the field is none that could be written again (lines that are empty, not ended by
 * CRLF or would be too long): nothing is appended, or buf_ok is false.
 */
MUST_USE bool mime_readdress(struct span value, bool sender,
			     const struct mime_rewriting *, struct buf *out);

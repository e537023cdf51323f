/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/letter - a message as a program hands it to sendmail(1): lines that end
 * with LF, a header that may be half there, addresses without a domain.
 *
 * Made of it: lines that end with CRLF; a header with a From; in the fields of
 * addresses (From, Sender, Reply-To, To, Cc, Bcc and their Resent- forms) each
 * address has a domain; an empty line before the body.  All else stays byte for
 * byte; fields in which no address lacks a domain do too.  A first line of an
 * mbox ("From ...") goes.
 *
 * Linear in the bytes.  Never: a bare CR or a NUL in what comes out, or a field
 * that the text did not have but From.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "mime/limits.h"

#define MIME_LETTER_RECIPIENTS 1000u

struct mime_letter_how {
	bool dot;	 /* a line with a dot alone ends the text */
	bool gather;	 /* recipients from To, Cc and Bcc, or their Resent- forms */
	struct span domain; /* of addresses without one */
	struct span from, name; /* for a missing From; the name may be empty */
};

struct mime_letter {
	struct span *recipients; /* in the arena */
	size_t count;
	bool eight_bit; /* a byte over 127 occurs */
	bool utf8;	/* one occurs in the header, which is valid UTF-8 */
};

enum mime_letter_result {
	MIME_LETTER_OK,
	MIME_LETTER_BARE,     /* a bare CR or a NUL */
	MIME_LETTER_TOO_MUCH, /* header, addresses, or the limit of `out` */
	MIME_LETTER_MEMORY,
};

MUST_USE enum mime_letter_result mime_letter(struct span text, const struct mime_letter_how *,
					     struct arena *, struct buf *out,
					     struct mime_letter *);

/* Append an address with the domain where it has none; angle brackets go. */
void mime_letter_address(struct span address, struct span domain, struct buf *out);

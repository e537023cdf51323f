/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/address - address lists of header fields (RFC 5322 3.4, 4.4), groups,
 * comments, routes and obsolete spellings included.
 *
 * Never fails and never stops early for bad syntax: words that make no address
 * become one with the text as its mailbox, and reading goes on at the next
 * comma.  Linear; comments nest to MIME_COMMENT_DEPTH.
 *
 * Values are raw bytes: quotes and backslashes taken off, encoded words kept.
 * A comment after an address without a display name becomes its name, as IMAP
 * servers do.  A missing host is an empty one, not NIL: NIL marks groups.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "mime/charset.h"
#include "summary/summary.h"

enum mime_address_result {
	MIME_ADDRESS_OK,
	MIME_ADDRESS_CUT,    /* more than MIME_ADDRESSES_MAX: the first ones are given */
	MIME_ADDRESS_MEMORY, /* the arena is full: nothing is given */
	MIME_ADDRESS_SHORT,  /* the same, but the machine's memory is short */
};

/* `field` is the body of the field, folded or not; values live in the arena. */
MUST_USE enum mime_address_result mime_address_list(struct span field, struct arena *,
						    struct summary_list *out);

/* "mailbox@host" of one address, quoted where it must be. */
void mime_address_write(const struct summary_address *, struct buf *out);

/* The list as a person reads it, in UTF-8: Name <mailbox@host>, ... */
void mime_address_text(struct mime_charsets *, struct summary_list, struct buf *out);

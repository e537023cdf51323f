/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/base64 - the encoding of RFC 4648 section 4, strictly.
 *
 * Decoding accepts exactly what encoding produces: no blanks, no line ends,
 * padding present and right, unused bits zero.  So each byte string has one
 * spelling, and what was checked is what is used.  (Bodies of messages, where
 * anything occurs, are the mime folder's.)
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum base64 {
	BASE64_OK,
	BASE64_BAD,    /* not base64: the peer's fault */
	BASE64_MEMORY, /* the buf's or arena's limit, or memory */
};

/* Appends 4 characters for every 3 bytes begun; failure shows in buf_ok. */
void base64_encode(struct buf *, struct span);

/* Appends the bytes.  Nothing is appended unless BASE64_OK. */
MUST_USE enum base64 base64_decode(struct buf *, struct span text);
/* The same into an arena; *out lives as long as the arena. */
MUST_USE enum base64 base64_decode_arena(struct arena *, struct span text,
					 struct span *out);

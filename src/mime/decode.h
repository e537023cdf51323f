/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/decode - Content-Transfer-Encoding undone, in any cut of the input.
 *
 * Forgiving, as bodies of mail are: base64 skips what is not in its alphabet
 * and starts anew after padding; quoted-printable keeps a '=' that escapes
 * nothing.  Output is never longer than the input, and each decoder gives
 * the same bytes however its input is cut.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

enum mime_encoding { MIME_IDENTITY, MIME_BASE64, MIME_QP };

/* 7bit, 8bit, binary, NIL and anything unknown: MIME_IDENTITY. */
enum mime_encoding mime_encoding_of(struct span name);

#define MIME_QP_BLANKS 256u /* a longer run is text, whatever follows it */

struct mime_decoder {
	enum mime_encoding encoding;
	uint32_t bits; /* base64: collected */
	unsigned held; /* base64: characters in bits; qp: bytes in pending */
	char pending[2];
	unsigned blank_count; /* qp: blanks that may stand before a line end */
	char blanks[MIME_QP_BLANKS];
};

void mime_decoder_init(struct mime_decoder *, enum mime_encoding);
void mime_decode(struct mime_decoder *, struct span in, struct buf *out);
/* The input is over: write what was held back, forget everything. */
void mime_decode_end(struct mime_decoder *, struct buf *out);

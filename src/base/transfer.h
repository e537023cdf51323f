/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/transfer - Content-Transfer-Encoding undone, in any cut of the input.
 *
 * Forgiving, as bodies of mail are: base64 skips what is not in its alphabet
 * and starts anew after padding; quoted-printable keeps a '=' that escapes
 * nothing.  Output is never longer than the input, and each decoder gives
 * the same bytes however its input is cut.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"

enum transfer_encoding { TRANSFER_IDENTITY, TRANSFER_BASE64, TRANSFER_QP };

/* 7bit, 8bit, binary, NIL and anything unknown: TRANSFER_IDENTITY. */
enum transfer_encoding transfer_encoding_of(struct span name);
/* Is it none of those that RFC 2045 6.1 names (and NIL, which means 7bit)? */
bool transfer_unknown(struct span name);

#define TRANSFER_QP_BLANKS 256u /* a longer run is text, whatever follows it */

struct transfer_decoder {
	enum transfer_encoding encoding;
	uint32_t bits; /* base64: collected */
	unsigned held; /* base64: characters in bits; qp: bytes in pending */
	char pending[2];
	unsigned blank_count; /* qp: blanks that may stand before a line end */
	char blanks[TRANSFER_QP_BLANKS];
};

void transfer_decoder_init(struct transfer_decoder *, enum transfer_encoding);
void transfer_decode(struct transfer_decoder *, struct span in, struct buf *out);
/* The input is over: write what was held back, forget everything. */
void transfer_decode_end(struct transfer_decoder *, struct buf *out);

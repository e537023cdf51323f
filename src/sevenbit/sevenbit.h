/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevenbit - a message with 8-bit text in the form that a server without
 * 8BITMIME takes (RFC 6152 3; RFC 2045 6, 8): leaves of its structure become
 * quoted-printable or base64, whichever is shorter, and say so in their header.
 *
 * The message is read twice, from its first byte, in pieces of any cut.  The first
 * time nothing is written: sevenbit_look counts, and sevenbit_judge says whether
 * it can be done.  Then sevenbit_begin and sevenbit_turn write it, as often as is
 * wanted.  What a leaf decodes to stays the same, byte for byte, but for a bare LF
 * in text, which ends a line; all other bytes stay where they are.
 *
 * It is not done where it would break a signature (multipart/signed, DKIM, ARC),
 * where the header or what stands between parts has such bytes, or where the
 * structure is not known.
 *
 * Memory: the plan, in the arena, and what one piece becomes: at most
 * SEVENBIT_GROWTH times its length and SEVENBIT_MORE.  Linear.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "summary/summary.h"

#define SEVENBIT_GROWTH 16u
#define SEVENBIT_MORE	1024u

enum sevenbit_can {
	SEVENBIT_PLAIN,	  /* there is no such byte: it may go as it is */
	SEVENBIT_CAN,
	SEVENBIT_UNKNOWN, /* its structure is not known, or not whole */
	SEVENBIT_SIGNED,
	SEVENBIT_HEADER,  /* a header field has such bytes */
	SEVENBIT_BETWEEN, /* they stand before, between or behind parts */
	SEVENBIT_ENCODED, /* a part has them that is encoded already, or may not be */
};
/* Why not, as half a sentence; of PLAIN and CAN nothing. */
const char *sevenbit_why(enum sevenbit_can);

struct sevenbit;

/* The summary has to live as long.  NULL: the arena is full. */
MUST_USE struct sevenbit *sevenbit_new(const struct summary *, struct arena *);
void sevenbit_look(struct sevenbit *, struct span piece);
/* After the last piece; once. */
enum sevenbit_can sevenbit_judge(struct sevenbit *);

/* Only after PLAIN or CAN. */
void sevenbit_begin(struct sevenbit *);
void sevenbit_turn(struct sevenbit *, struct span piece, struct buf *out);
void sevenbit_end(struct sevenbit *, struct buf *out);

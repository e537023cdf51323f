/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/data - the framing of message bytes: DATA's dots, and what may not
 * stand in mail (RFC 5321 2.3.8, 4.5.2).
 *
 * Works on any cut of the input with the same result.  Only CRLF.CRLF ends a
 * message; a bare CR, a bare LF and a NUL are noted in `faults` and never
 * taken for a line end.  No byte is changed but for the dots taken off.
 */
#pragma once

#include "base/span.h"

#define SMTP_FAULT_CR  1u
#define SMTP_FAULT_LF  2u
#define SMTP_FAULT_NUL 4u

enum smtp_data_state {
	SMTP_DATA_LINE, /* at the start of a line */
	SMTP_DATA_TEXT,
	SMTP_DATA_CR,     /* after a CR in the text */
	SMTP_DATA_DOT,    /* after the first dot of a line, which is dropped */
	SMTP_DATA_DOT_CR, /* after ".CR", the CR being held back */
};

struct smtp_data {
	enum smtp_data_state state; /* zero at the start */
	unsigned faults;
};

/*
 * Take bytes from the front of *in; *out is a run of it that belongs to the
 * message (it may be empty).  Call until *in is empty or the answer is true:
 * the end mark was taken, and what is left of *in are commands.
 * After a fault *out may lack bytes: the message is refused anyhow.
 */
MUST_USE bool smtp_data_next(struct smtp_data *, struct span *in, struct span *out);

/* BDAT: look at bytes that have no framing of their own. */
void smtp_data_plain(struct smtp_data *, struct span);
/* The last of them was seen. */
void smtp_data_plain_end(struct smtp_data *);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_dots - message bytes as DATA wants them (RFC 5321 2.3.8, 4.5.2).
 *
 * The other half of smtp/data.  Whatever goes in, what comes out has lines
 * that end with CRLF, no bare CR, no bare LF, and exactly one end mark, at its
 * end.  The one rule: a bare CR and a bare LF are each a line end, and are
 * sent as CRLF; so is a last line that has no end.  Each such change is
 * counted, so that nothing is changed in silence.  Nothing else is touched: a
 * NUL goes as it is, and is counted.
 *
 * Works on any cut of the input with the same result, in linear time, and
 * holds back one CR at most.
 */
#pragma once

#include "base/span.h"

struct smtp_dots {
	bool mid; /* inside a line; zero at the start */
	bool cr;  /* a CR is held back */
	bool unended; /* the last line had no end */
	uint64_t bare_cr, bare_lf, nul;
};

/* Runs go to `put` in order; they are borrowed from `in` or constant. */
void smtp_dots_add(struct smtp_dots *, struct span in, void (*put)(void *, struct span),
		   void *owner);
/* What stands before the end mark: nothing, or the end of a last line. */
void smtp_dots_close(struct smtp_dots *, void (*put)(void *, struct span), void *owner);
/* After smtp_dots_close, and only then. */
#define SMTP_DOTS_END SPAN(".\r\n")

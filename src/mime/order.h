/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/order - the sort record of a message, out of its summary (RFC 5256, 5957).
 *
 * Base subject: blanks made one, then, for as long as there is any, "(fwd)" at
 * the end, "Re:", "Fwd:" and "[list]" in front, and "[fwd: ... ]" around it taken off.
 * Linear in the length of the subject.
 */
#pragma once

#include "base/buf.h"
#include "mime/charset.h"
#include "summary/order.h"
#include "summary/summary.h"

/*
 * The base of a decoded subject (RFC 5256 2.1), appended to out as it is written;
 * true when the subject says that it answers or forwards.
 */
bool mime_base_subject(struct span subject, struct buf *out);

/* Append the record.  False: memory is short. */
MUST_USE bool mime_order(struct mime_charsets *, const struct summary *, struct buf *out);

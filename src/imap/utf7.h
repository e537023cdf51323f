/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/utf7 - modified UTF-7 (RFC 3501 5.1.3) and UTF-8, strictly.
 *
 * Every name has exactly one spelling: text that uses base64 where it need not,
 * shifts twice in a row, leaves bits over or holds a lone surrogate is refused.
 * So two names on the wire are equal exactly when their UTF-8 is.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

/* False: not the one valid spelling, or out of memory. */
MUST_USE bool imap_utf7_decode(struct arena *, struct span in, struct span *out);
/* False: not valid UTF-8, or out of memory. */
MUST_USE bool imap_utf7_encode(struct arena *, struct span in, struct span *out);

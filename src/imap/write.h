/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/write - strings in answers (RFC 3501 4.3).  Private.
 *
 * A string goes out quoted when it can, else as a literal: 8-bit, CR, LF and
 * overlong ones.  A NUL, which IMAP cannot carry, is written as a blank.
 */
#pragma once

#include "imap/state.h"

void imap_write_string(struct stream *, struct span);
/* NIL for a span without a pointer. */
void imap_write_nstring(struct stream *, struct span);
/* A mailbox name as the client spells them; arena for its spelling. */
void imap_write_name(struct imap_session *, struct arena *, struct span name);

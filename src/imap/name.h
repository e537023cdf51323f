/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/name - mailbox names as the rest of the system knows them.
 *
 * From the wire's modified UTF-7 to UTF-8 with "/" between levels.  INBOX, in
 * any case, alone or as the first level, becomes "INBOX".  Names with an empty
 * level, a control character or a wildcard do not exist here.  "..", "~" and
 * the like are ordinary: no path is ever made from a name.
 */
#pragma once

#include "base/arena.h"
#include "base/span.h"

#define IMAP_NAME_MAX   512u /* bytes of UTF-8 */
#define IMAP_LEVELS_MAX 32u
#define IMAP_INBOX_LEN  5u

/* Is the first level INBOX, in any case? */
bool imap_name_inbox(struct span);

enum imap_name_result { IMAP_NAME_OK, IMAP_NAME_BAD, IMAP_NAME_LONG, IMAP_NAME_MEMORY };
/* One trailing "/" (CREATE's hint for levels to come) is dropped. */
/* A name in UTF-8, as it is after ENABLE UTF8=ACCEPT (RFC 6855). */
MUST_USE enum imap_name_result imap_name_take(struct arena *, struct span name,
					      struct span *out);
/* The same in modified UTF-7. */
MUST_USE enum imap_name_result imap_name_parse(struct arena *, struct span wire,
					       struct span *out);

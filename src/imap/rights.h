/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/rights - the letters of RFC 4314.  Private.
 *
 * "c" stands for making and removing mailboxes (k, x), "d" for removing messages (t, e):
 * taken as all of theirs, shown where one of theirs is (2.1.1).
 */
#pragma once

#include "imap/state.h"

#define IMAP_IDENTIFIER_MAX 320u /* bytes: an account's name */

/* "+lrs": how, and which.  False: a letter that there is not. */
MUST_USE bool imap_rights_parse(struct span text, enum imap_store_how *how,
				uint32_t *rights);
#define IMAP_RIGHTS_TEXT 14u /* all letters and a NUL */
void imap_rights_text(char out[IMAP_RIGHTS_TEXT], uint32_t rights);
/* "* MYRIGHTS ..."; what is not there, or not to be seen, is left out. */
enum imap_answer imap_rights_tell(struct imap_session *, struct span name);

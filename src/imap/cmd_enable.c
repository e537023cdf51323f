/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_enable: ENABLE (RFC 5161).  A table of what can be switched on; it
 * answers with those that were.  Unknown names are no error.
 */
#include "imap/state.h"

void imap_cmd_enable(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	do {
		if (!imap_lex_atom(lex, &name)) {
			imap_bad(s, "Capability names expected");
			return;
		}
	} while (imap_lex_space(lex));
	if (!imap_lex_end(lex)) {
		imap_bad(s, "Capability names expected");
		return;
	}
	imap_untagged(s, "ENABLED");
	imap_ok(s, NULL, "Done");
}

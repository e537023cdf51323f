/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_cancelupdate: CANCELUPDATE (RFC 5267 4.3.5): results that are not kept up to
 * date any more, by the tags of the commands that asked for it.
 */
#include "imap/context.h"

void imap_cmd_cancelupdate(struct imap_session *s, struct imap_lex *lex)
{
	struct imap_lex again = *lex;
	struct span tag;
	bool known = true;
	do {
		if (!imap_lex_string(lex, &tag)) {
			imap_bad(s, "Tags in quotes expected");
			return;
		}
	} while (imap_lex_space(lex));
	if (!imap_lex_end(lex)) {
		imap_bad(s, "Tags in quotes expected");
		return;
	}
	do {
		if (imap_lex_string(&again, &tag))
			known = imap_context_cancel(s, tag) && known;
	} while (imap_lex_space(&again));
	if (known)
		imap_ok(s, NULL, "No further updates");
	else
		imap_no(s, NULL, "Not all of these were kept up to date");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_namespace: NAMESPACE (RFC 2342): one personal one without a prefix.
 */
#include "imap/state.h"

void imap_cmd_namespace(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	imap_untagged(s, "NAMESPACE ((\"\" \"/\")) NIL NIL");
	imap_ok(s, NULL, "That is all");
}

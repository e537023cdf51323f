/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_any: CAPABILITY, NOOP, CHECK and LOGOUT (RFC 3501 6.1, 6.4.1).
 *
 * CHECK has nothing to do: what was answered is durable.
 */
#include "imap/state.h"

void imap_cmd_capability(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	stream_write(s->stream, SPAN("* CAPABILITY "));
	imap_capabilities(s);
	stream_write(s->stream, SPAN("\r\n"));
	imap_ok(s, NULL, "That is all");
}

void imap_cmd_noop(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	imap_ok(s, NULL, "Nothing done");
}

void imap_cmd_check(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	imap_ok(s, NULL, "All is kept");
}

void imap_cmd_logout(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	imap_untagged(s, "BYE Until next time");
	imap_ok(s, NULL, "Logged out");
	s->closing = true;
}

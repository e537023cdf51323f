/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_idle: IDLE (RFC 2177).
 *
 * The command only notes that the session idles and returns: the owner then
 * keeps no stack for it.  imap_session_hint tells what changed, the next line
 * ends it (imap/session.c).
 */
#include "imap/state.h"

void imap_cmd_idle(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	stream_write(s->stream, SPAN("+ idling\r\n"));
	imap_view_tell(s, IMAP_TELL_ALL);
	s->idling = true;
}

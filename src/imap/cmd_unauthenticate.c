/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_unauthenticate: UNAUTHENTICATE (RFC 8437): the connection is as it was
 * before login, inside of the same TLS.
 *
 * Must never leave anything of the one who was logged in to the next one.  Under
 * COMPRESS it is refused: the windows would.
 */
#include "imap/state.h"

void imap_cmd_unauthenticate(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	if (s->compressed) {
		imap_no(s, "CANNOT", "Not while it is deflated");
		return;
	}
	imap_view_close(s);
	imap_notify_drop(s);
	s->host->unauthenticate(s->host);
	s->condstore = s->qresync = s->utf8 = s->rev2 = s->uidonly = false;
	s->state = IMAP_NEW;
	imap_ok(s, NULL, "Nobody is logged in");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_starttls: STARTTLS (RFC 3501 6.2.1).
 *
 * Must never let a byte of the clear phase reach the protected one: the stream
 * throws buffered input away, and the session starts from nothing.
 */
#include "imap/state.h"

void imap_cmd_starttls(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	if (s->host->facts.tls) {
		imap_bad(s, "TLS is active already");
		return;
	}
	if (!s->host->facts.starttls) {
		imap_no(s, "CANNOT", "TLS cannot be had here");
		return;
	}
	imap_ok(s, NULL, "Begin TLS negotiation now");
	enum io r = stream_start_tls(s->stream);
	s->bad = 0;
	if (r != IO_OK)
		imap_stream_ended(s, r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_compress: COMPRESS (RFC 4978).
 *
 * Must never begin before login: what a stranger chooses and what is secret
 * would share a window.
 */
#include "imap/state.h"

void imap_cmd_compress(struct imap_session *s, struct imap_lex *lex)
{
	struct span how;
	if (!imap_lex_atom(lex, &how) || !imap_lex_end(lex)) {
		imap_bad(s, "COMPRESS takes the name of a mechanism");
		return;
	}
	if (!span_eq_nocase(how, SPAN("DEFLATE"))) {
		imap_no(s, "CANNOT", "Only DEFLATE");
		return;
	}
	if (s->compressed) {
		imap_no(s, "COMPRESSIONACTIVE", "It is on already");
		return;
	}
	imap_ok(s, NULL, "Everything after this line is deflated");
	s->compressed = true;
	enum io r = stream_start_deflate(s->stream);
	if (r != IO_OK)
		imap_stream_ended(s, r);
}

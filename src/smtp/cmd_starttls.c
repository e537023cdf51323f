/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/cmd_starttls: RFC 3207.
 *
 * Must never carry anything of the clear phase into TLS: neither bytes (the
 * stream throws them away) nor the hello, the transaction or counters' grace.
 */
#include "smtp/state.h"

enum smtp_step smtp_cmd_starttls(struct smtp_session *s, struct span arg)
{
	(void)arg;
	if (s->secure)
		return smtp_bad(s, SMTP_R_TLS_TWICE);
	if (s->set->tls != SMTP_TLS_OFFERED && s->set->tls != SMTP_TLS_REQUIRED)
		return smtp_bad(s, SMTP_R_NOT_HERE);
	if (stream_buffered(s->stream).len > 0)
		smtp_note(s, SMTP_NOTE_PIPELINED, SPAN("STARTTLS"));
	smtp_hello_forget(s);
	smtp_say(s, SMTP_R_START_TLS);
	if (stream_start_tls(s->stream) != IO_OK)
		return SMTP_END;
	s->secure = true;
	s->authenticated = false;
	s->host->ops->tls(s->host, &s->tls);
	return SMTP_ON;
}

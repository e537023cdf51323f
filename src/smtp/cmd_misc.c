/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/cmd_misc: the verbs of one line: RSET, NOOP, HELP, VRFY, QUIT, and
 * those that are refused by name.
 */
#include "smtp/state.h"

enum smtp_step smtp_cmd_rset(struct smtp_session *s, struct span arg)
{
	(void)arg;
	smtp_transaction_end(s);
	smtp_say(s, SMTP_R_OK);
	return SMTP_ON;
}

enum smtp_step smtp_cmd_noop(struct smtp_session *s, struct span arg)
{
	(void)arg;
	smtp_say(s, SMTP_R_OK);
	return SMTP_ON;
}

enum smtp_step smtp_cmd_help(struct smtp_session *s, struct span arg)
{
	(void)arg;
	smtp_say(s, SMTP_R_HELP);
	return SMTP_ON;
}

/* Says nothing about any address (RFC 5321 7.3). */
enum smtp_step smtp_cmd_vrfy(struct smtp_session *s, struct span arg)
{
	if (arg.len == 0)
		return smtp_bad(s, SMTP_R_BAD_SYNTAX);
	smtp_say(s, SMTP_R_VRFY);
	return SMTP_ON;
}

enum smtp_step smtp_cmd_quit(struct smtp_session *s, struct span arg)
{
	(void)arg;
	smtp_transaction_end(s);
	smtp_say(s, SMTP_R_BYE);
	return SMTP_END;
}

enum smtp_step smtp_cmd_not_here(struct smtp_session *s, struct span arg)
{
	(void)arg;
	return smtp_bad(s, SMTP_R_NOT_HERE);
}

enum smtp_step smtp_cmd_privileged(struct smtp_session *s, struct span arg)
{
	smtp_note(s, SMTP_NOTE_PRIVILEGED, arg);
	return smtp_bad(s, SMTP_R_NOT_HERE);
}

/* A browser was sent here by somebody: not one more of its lines is read. */
enum smtp_step smtp_cmd_http(struct smtp_session *s, struct span arg)
{
	(void)arg;
	smtp_note(s, SMTP_NOTE_NOT_SMTP, SPAN("HTTP"));
	smtp_say(s, SMTP_R_NOT_SMTP);
	return SMTP_END;
}

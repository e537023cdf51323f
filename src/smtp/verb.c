/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/verb: the table of verbs.
 *
 * What other servers obey and we do not is listed too, so that it is refused
 * as known (502) and, where it would claim a right, noted.
 */
#include "smtp/state.h"

static const struct smtp_verb verbs[] = {
	{SPAN_INIT("MAIL"), SMTP_V_HELLO | SMTP_V_AUTH, smtp_cmd_mail, NULL},
	{SPAN_INIT("RCPT"), SMTP_V_HELLO | SMTP_V_AUTH, smtp_cmd_rcpt, NULL},
	{SPAN_INIT("DATA"), SMTP_V_HELLO | SMTP_V_AUTH, smtp_cmd_data, smtp_refuse_data},
	{SPAN_INIT("BDAT"), SMTP_V_HELLO | SMTP_V_AUTH, smtp_cmd_bdat, smtp_refuse_bdat},
	{SPAN_INIT("EHLO"), SMTP_V_CLEAR | SMTP_V_IDLE, smtp_cmd_ehlo, NULL},
	{SPAN_INIT("HELO"), SMTP_V_CLEAR | SMTP_V_IDLE, smtp_cmd_helo, NULL},
	{SPAN_INIT("LHLO"), SMTP_V_CLEAR | SMTP_V_IDLE, smtp_cmd_lhlo, NULL},
	{SPAN_INIT("STARTTLS"), SMTP_V_CLEAR | SMTP_V_BARE, smtp_cmd_starttls, NULL},
	{SPAN_INIT("AUTH"), SMTP_V_CLEAR, smtp_cmd_auth, NULL},
	{SPAN_INIT("RSET"), SMTP_V_CLEAR | SMTP_V_BARE | SMTP_V_IDLE, smtp_cmd_rset, NULL},
	{SPAN_INIT("NOOP"), SMTP_V_CLEAR | SMTP_V_IDLE, smtp_cmd_noop, NULL},
	{SPAN_INIT("HELP"), SMTP_V_CLEAR | SMTP_V_IDLE, smtp_cmd_help, NULL},
	{SPAN_INIT("VRFY"), SMTP_V_IDLE, smtp_cmd_vrfy, NULL},
	{SPAN_INIT("QUIT"), SMTP_V_CLEAR | SMTP_V_BARE, smtp_cmd_quit, NULL},
	{SPAN_INIT("EXPN"), 0, smtp_cmd_not_here, NULL},
	{SPAN_INIT("ETRN"), 0, smtp_cmd_not_here, NULL},
	{SPAN_INIT("TURN"), 0, smtp_cmd_not_here, NULL},
	{SPAN_INIT("ATRN"), 0, smtp_cmd_not_here, NULL},
	{SPAN_INIT("SEND"), 0, smtp_cmd_not_here, NULL},
	{SPAN_INIT("SOML"), 0, smtp_cmd_not_here, NULL},
	{SPAN_INIT("SAML"), 0, smtp_cmd_not_here, NULL},
	{SPAN_INIT("BURL"), 0, smtp_cmd_not_here, NULL},
	{SPAN_INIT("DEBUG"), 0, smtp_cmd_privileged, NULL},
	{SPAN_INIT("WIZ"), 0, smtp_cmd_privileged, NULL},
	{SPAN_INIT("XCLIENT"), 0, smtp_cmd_privileged, NULL},
	{SPAN_INIT("XFORWARD"), 0, smtp_cmd_privileged, NULL},
	{SPAN_INIT("GET"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
	{SPAN_INIT("HEAD"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
	{SPAN_INIT("POST"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
	{SPAN_INIT("PUT"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
	{SPAN_INIT("PATCH"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
	{SPAN_INIT("DELETE"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
	{SPAN_INIT("OPTIONS"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
	{SPAN_INIT("CONNECT"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
	{SPAN_INIT("TRACE"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
	{SPAN_INIT("PRI"), SMTP_V_CLEAR, smtp_cmd_http, NULL},
};

const struct smtp_verb *smtp_verb_find(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (span_eq_nocase(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

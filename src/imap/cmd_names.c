/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_names: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE
 * (RFC 3501 6.3.3 to 6.3.7).  Names are checked and made canonical here; what
 * they may do is the host's to say.
 */
#include "imap/state.h"

/* One name and the end.  False: answered. */
static bool only_name(struct imap_session *s, struct imap_lex *lex, struct span *name)
{
	if (!imap_arg_name(s, lex, name))
		return false;
	if (!imap_lex_end(lex))
		imap_bad(s, "One mailbox name expected");
	return imap_lex_end(lex);
}

static void answer(struct imap_session *s, enum imap_answer r, const char *text)
{
	if (r == IMAP_YES)
		imap_ok(s, NULL, text);
	else
		imap_no_answer(s, r);
}

void imap_cmd_create(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	if (only_name(s, lex, &name))
		answer(s, s->host->create(s->host, name), "Created");
}

void imap_cmd_delete(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	if (only_name(s, lex, &name))
		answer(s, s->host->remove(s->host, name), "Deleted");
}

void imap_cmd_rename(struct imap_session *s, struct imap_lex *lex)
{
	struct span from, to;
	if (!imap_arg_name(s, lex, &from))
		return;
	if (!imap_lex_space(lex)) {
		imap_bad(s, "RENAME takes two names");
		return;
	}
	if (!only_name(s, lex, &to))
		return;
	/* Below itself a mailbox would vanish. */
	if (span_starts(to, from) && to.len > from.len && to.ptr[from.len] == '/' &&
	    !span_eq(from, SPAN("INBOX"))) {
		imap_no(s, "CANNOT", "Not below itself");
		return;
	}
	answer(s, s->host->rename(s->host, from, to), "Renamed");
}

void imap_cmd_subscribe(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	if (only_name(s, lex, &name))
		answer(s, s->host->subscribe(s->host, name, true), "Subscribed");
}

void imap_cmd_unsubscribe(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	if (only_name(s, lex, &name))
		answer(s, s->host->subscribe(s->host, name, false), "Unsubscribed");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_select: SELECT, EXAMINE, CLOSE, UNSELECT (RFC 3501 6.3.1, 6.3.2,
 * 6.4.2, RFC 3691).  The mailbox before is left first, whatever comes of it.
 */
#include "imap/state.h"

static void tell(struct imap_session *s, const struct imap_selected *m)
{
	struct stream *out = s->stream;
	imap_view_flags(s);
	stream_printf(out, "* %u EXISTS\r\n* %u RECENT\r\n", s->exists, s->recent);
	if (m->first_unseen != 0)
		stream_printf(out, "* OK [UNSEEN %u] First unseen message\r\n",
			      m->first_unseen);
	stream_printf(out, "* OK [UIDVALIDITY %u] UIDs are valid\r\n", s->uid_validity);
	stream_printf(out, "* OK [UIDNEXT %u] Next UID\r\n", s->uid_next);
}

static void run(struct imap_session *s, struct imap_lex *lex, bool read_only)
{
	struct span name;
	struct imap_selected m = {0};
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!imap_lex_end(lex)) {
		imap_bad(s, "One mailbox name expected");
		return;
	}
	imap_view_close(s);
	enum imap_answer r = s->host->select(s->host, name, read_only, &m);
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	s->state = IMAP_SELECTED;
	s->mailbox = m.mailbox;
	s->read_only = m.read_only || read_only;
	s->version = s->flags_version = m.version;
	s->uid_validity = m.uid_validity;
	s->uid_next = m.uid_next;
	s->exists = m.exists;
	s->recent = m.recent;
	s->recent_from = m.recent_from;
	tell(s, &m);
	imap_ok(s, s->read_only ? "READ-ONLY" : "READ-WRITE", "Selected");
}

void imap_cmd_select(struct imap_session *s, struct imap_lex *lex)
{
	run(s, lex, false);
}

void imap_cmd_examine(struct imap_session *s, struct imap_lex *lex)
{
	run(s, lex, true);
}

void imap_cmd_close(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	enum imap_answer r = IMAP_YES;
	if (!s->read_only)
		r = s->host->expunge(s->host, s->mailbox, NULL);
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	imap_view_close(s);
	imap_ok(s, NULL, "Closed");
}

void imap_cmd_unselect(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	imap_view_close(s);
	imap_ok(s, NULL, "Closed");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_select: SELECT, EXAMINE, CLOSE, UNSELECT (RFC 3501 6.3.1, 6.3.2,
 * 6.4.2, RFC 3691; CONDSTORE and QRESYNC of RFC 7162).  The mailbox before is
 * left first, whatever comes of it.
 */
#include "imap/object.h"
#include "imap/write.h"

/* What a client with a copy of the mailbox knows of it (RFC 7162 3.2.5). */
struct resync {
	bool asked;
	bool numbers; /* it names messages by number */
	uint64_t validity, modseq;
	struct imap_set known;
};

struct selecting {
	bool condstore;
	struct resync resync;
};

/* "(" sequence-set " " sequence-set ")": hints that our log does not need. */
static bool skip_matches(struct imap_lex *lex)
{
	struct span set;
	return imap_lex_set(lex, &set) && imap_lex_space(lex) &&
	       imap_lex_set(lex, &set) && imap_lex_char(lex, ')');
}

static bool parse_resync(struct imap_session *s, struct imap_lex *lex, struct resync *r)
{
	struct span set = SPAN("1:4294967295");
	r->asked = true;
	if (!s->qresync || !imap_lex_space(lex) || !imap_lex_char(lex, '(') ||
	    !imap_lex_number(lex, UINT32_MAX, &r->validity) || r->validity == 0 ||
	    !imap_lex_space(lex) || !imap_lex_number(lex, INT64_MAX, &r->modseq) ||
	    r->modseq == 0)
		return false;
	bool more = imap_lex_space(lex);
	if (more && imap_lex_peek(lex) != '(') {
		if (!imap_lex_set(lex, &set) || span_has(set, '*') || span_has(set, '$'))
			return false;
		more = imap_lex_space(lex);
	}
	r->numbers = more;
	if (more && !(imap_lex_char(lex, '(') && skip_matches(lex)))
		return false;
	imap_set_init(&r->known, s->work->arena);
	return imap_lex_char(lex, ')') &&
	       imap_set_parse(set, UINT32_MAX, &r->known) == IMAP_SET_OK;
}

/* " (CONDSTORE)" or " (QRESYNC (...))", or nothing. */
static bool parse(struct imap_session *s, struct imap_lex *lex, struct selecting *p)
{
	if (imap_lex_end(lex))
		return true;
	if (!imap_lex_space(lex) || !imap_lex_char(lex, '('))
		return false;
	do {
		if (imap_lex_word(lex, "CONDSTORE"))
			p->condstore = true;
		else if (!imap_lex_word(lex, "QRESYNC") ||
			 !parse_resync(s, lex, &p->resync))
			return false;
	} while (imap_lex_space(lex));
	return imap_lex_char(lex, ')') && imap_lex_end(lex);
}

static void tell(struct imap_session *s, const struct imap_selected *m)
{
	struct stream *out = s->stream;
	imap_view_flags(s);
	imap_exists_tell(s);
	if (m->first_unseen != 0 && !s->uidonly && !s->rev2)
		stream_printf(out, "* OK [UNSEEN %u] First unseen message\r\n",
			      m->first_unseen);
	char id[IMAP_MAILBOXID];
	imap_mailboxid(id, m->object);
	stream_printf(out, "* OK [%s] Its name for ever\r\n", id);
	stream_write(out, SPAN("* OK [URLMECH INTERNAL] How URLs are signed\r\n"));
	stream_printf(out, "* OK [UIDVALIDITY %u] UIDs are valid\r\n", s->uid_validity);
	stream_printf(out, "* OK [UIDNEXT %u] Next UID\r\n", s->uid_next);
	stream_printf(out, "* OK [HIGHESTMODSEQ %llu] Highest\r\n",
		      (unsigned long long)m->version);
}

/* RFC 9051 6.3.2: how it is called, and how the client called it. */
static void tell_name(struct imap_session *s, struct span name, struct span wire)
{
	if (!s->rev2)
		return;
	stream_write(s->stream, SPAN("* LIST () \"/\" "));
	imap_write_name(s, s->work->arena, name);
	if (!span_eq(name, wire)) {
		stream_write(s->stream, SPAN(" (\"OLDNAME\" ("));
		imap_write_string(s->stream, wire);
		stream_write(s->stream, SPAN("))"));
	}
	stream_write(s->stream, SPAN("\r\n"));
}

/* What happened since the client's copy was right. */
static enum imap_answer tell_resync(struct imap_session *s, const struct resync *r)
{
	struct imap_set gone, known;
	if (!r->asked || r->validity != s->uid_validity || r->modseq >= s->version)
		return IMAP_YES;
	if (!imap_view_map(s))
		return IMAP_GONE; /* answered */
	imap_set_init(&gone, s->work->arena);
	imap_set_init(&known, s->work->arena);
	enum imap_answer a = imap_vanished_since(s, r->modseq, &r->known, &gone);
	if (a != IMAP_YES || !imap_set_and(&r->known, &s->work->map, &known))
		return a != IMAP_YES ? a : IMAP_UNAVAILABLE;
	imap_vanished_write(s->stream, "(EARLIER) ", &gone);
	return imap_view_changed(s, r->modseq, s->uid_next, &known);
}

static void run(struct imap_session *s, struct imap_lex *lex, bool read_only)
{
	struct span name, wire;
	struct imap_lex again = *lex;
	struct imap_selected m = {0};
	struct selecting p = {0};
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!parse(s, lex, &p)) {
		imap_bad(s, "One mailbox name expected, then (CONDSTORE) or, once it "
			    "is enabled, (QRESYNC (...))");
		return;
	}
	if (p.resync.numbers && s->uidonly) {
		imap_uid_required(s);
		return;
	}
	if (s->state == IMAP_SELECTED)
		imap_untagged(s, "OK [CLOSED] The mailbox before");
	imap_view_close(s);
	if (p.condstore)
		imap_condstore_on(s);
	enum imap_answer r = s->host->select(s->host, name, read_only, &m);
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	s->state = IMAP_SELECTED;
	s->mailbox = m.mailbox;
	s->object = m.object;
	s->name = strndup(name.ptr, name.len);
	s->read_only = m.read_only || read_only;
	s->rights = m.rights;
	s->version = s->flags_version = m.version;
	s->uid_validity = m.uid_validity;
	s->uid_next = m.uid_next;
	s->exists = m.exists;
	s->recent = m.recent;
	s->recent_from = m.recent_from;
	tell(s, &m);
	if (imap_lex_astring(&again, &wire))
		tell_name(s, name, wire);
	r = tell_resync(s, &p.resync);
	if (s->closing || s->work->done)
		return;
	/* The client asks for what it misses. */
	if (r != IMAP_YES)
		imap_untagged(s, "OK [NOTRESYNCED] Changes cannot be told now");
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
	if (!s->read_only && (s->rights & ACL_E) != 0)
		r = s->host->expunge(s->host, s->mailbox, NULL);
	/* RFC 4314 4: who may not expunge closes all the same. */
	if (r != IMAP_YES && r != IMAP_DENIED) {
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

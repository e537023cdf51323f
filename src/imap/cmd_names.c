/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_names: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE
 * (RFC 3501 6.3.3 to 6.3.7; USE of RFC 6154).  Names are checked and made canonical here; what
 * they may do is the host's to say.
 */
#include "imap/list.h"
#include "imap/object.h"

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

struct creating {
	enum imap_use use; /* the last one named */
	size_t count;
};

/* " (USE (" uses "))", or nothing; there are no other options. */
static bool create_options(struct imap_lex *lex, struct creating *c)
{
	struct span use;
	if (imap_lex_end(lex))
		return true;
	if (!imap_lex_space(lex) || !imap_lex_char(lex, '(') ||
	    !imap_lex_word(lex, "USE") || !imap_lex_space(lex) ||
	    !imap_lex_char(lex, '('))
		return false;
	if (!imap_lex_char(lex, ')')) {
		do {
			if (!imap_lex_flag(lex, &use))
				return false;
			c->use = imap_use_parse(use);
			c->count++;
		} while (imap_lex_space(lex));
		if (!imap_lex_char(lex, ')'))
			return false;
	}
	return imap_lex_char(lex, ')') && imap_lex_end(lex);
}

void imap_cmd_create(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	struct creating c = {0};
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!create_options(lex, &c)) {
		imap_bad(s, "One mailbox name expected, then (USE (...))");
		return;
	}
	/* All and Flagged would show what stands in others. */
	bool possible = c.count <= 1 &&
			(c.count == 0 || (c.use != IMAP_USE_NONE && c.use != IMAP_USE_ALL &&
					  c.use != IMAP_USE_FLAGGED));
	uint64_t object = 0;
	enum imap_answer r = IMAP_CANNOT;
	char id[IMAP_MAILBOXID];
	if (possible)
		r = s->host->create(s->host, name, c.use, &object);
	imap_mailboxid(id, object);
	if (r == IMAP_YES)
		imap_ok(s, id, "Created");
	else if (r == IMAP_CANNOT && c.count > 0)
		imap_no(s, "USEATTR", "A mailbox has one use of its own: Archive, Drafts, "
				      "Junk, Sent or Trash");
	else
		imap_no_answer(s, r);
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

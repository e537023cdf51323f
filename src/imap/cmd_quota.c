/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_quota: GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208).
 *
 * An account has one quota root, "", which holds all its mailboxes and counts
 * STORAGE.  Without a limit there is no root: a list of resources must not be
 * empty.  Limits are set by the administrator, never from here.
 */
#include "imap/state.h"
#include "imap/write.h"

#define UNIT 1024u /* RFC 9208 5.1 */

/* Both are rounded up, so that who is below the limit never seems above it. */
static unsigned long long units(uint64_t bytes)
{
	return bytes / UNIT + (bytes % UNIT != 0);
}

static void tell(struct imap_session *s, const struct imap_quota *q)
{
	stream_printf(s->stream, "* QUOTA \"\" (STORAGE %llu %llu)\r\n", units(q->used),
		      units(q->limit));
}

void imap_cmd_getquota(struct imap_session *s, struct imap_lex *lex)
{
	struct span root;
	struct imap_quota q = {0};
	if (!imap_lex_astring(lex, &root) || !imap_lex_end(lex)) {
		imap_bad(s, "GETQUOTA takes a quota root");
		return;
	}
	enum imap_answer r = s->host->quota(s->host, &q);
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	if (root.len != 0 || q.limit == 0) {
		imap_no(s, "NONEXISTENT", "No such quota root");
		return;
	}
	tell(s, &q);
	imap_ok(s, NULL, "That is all");
}

/* RFC 9208 4.1.2: the mailbox need not be there. */
void imap_cmd_getquotaroot(struct imap_session *s, struct imap_lex *lex)
{
	struct span name;
	struct imap_quota q = {0};
	struct imap_namespaces n = {0};
	if (!imap_arg_name(s, lex, &name))
		return;
	if (!imap_lex_end(lex)) {
		imap_bad(s, "One mailbox name expected");
		return;
	}
	enum imap_answer r = s->host->quota(s->host, &q);
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	/* What is put there counts for somebody else, whose quota is his. */
	if (s->host->namespaces(s->host, s->work->arena, &n) == IMAP_YES &&
	    imap_of_others(&n, name))
		q.limit = 0;
	stream_write(s->stream, SPAN("* QUOTAROOT "));
	imap_write_name(s, s->work->arena, name);
	if (q.limit != 0)
		stream_write(s->stream, SPAN(" \"\""));
	stream_write(s->stream, SPAN("\r\n"));
	if (q.limit != 0)
		tell(s, &q);
	imap_ok(s, NULL, "That is all");
}

/* "(STORAGE 512 X 1)"; it may be empty. */
static bool limits(struct imap_lex *lex)
{
	struct span name;
	uint64_t n;
	if (!imap_lex_char(lex, '('))
		return false;
	if (imap_lex_char(lex, ')'))
		return true;
	do {
		if (!imap_lex_atom(lex, &name) || !imap_lex_space(lex) ||
		    !imap_lex_number(lex, INT64_MAX, &n))
			return false;
	} while (imap_lex_space(lex));
	return imap_lex_char(lex, ')');
}

void imap_cmd_setquota(struct imap_session *s, struct imap_lex *lex)
{
	struct span root;
	if (!imap_lex_astring(lex, &root) || !imap_lex_space(lex) || !limits(lex) ||
	    !imap_lex_end(lex))
		imap_bad(s, "SETQUOTA takes a quota root and a list of limits");
	else
		imap_no(s, "NOPERM", "The administrator sets quotas");
}

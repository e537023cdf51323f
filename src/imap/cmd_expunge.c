/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_expunge: EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315).
 * The client learns of what went when the command ends, like of any change.
 */
#include "imap/state.h"

static void run(struct imap_session *s, const struct imap_set *uids)
{
	if (s->read_only) {
		imap_no(s, "READ-ONLY", "Mailbox is read-only");
		return;
	}
	enum imap_answer r = s->host->expunge(s->host, s->mailbox, uids);
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	/* The version that the client has once it was told (RFC 7162 3.2.7). */
	char code[IMAP_MODSEQ_CODE];
	if (s->condstore)
		imap_view_tell(s, s->work->tell);
	if (!s->closing)
		imap_ok(s, imap_condstore_code(s, code), "Expunged");
}

void imap_cmd_expunge(struct imap_session *s, struct imap_lex *lex UNUSED)
{
	run(s, NULL);
}

void imap_cmd_uid_expunge(struct imap_session *s, struct imap_lex *lex)
{
	struct span text;
	struct imap_set uids;
	if (!imap_lex_set(lex, &text) || !imap_lex_end(lex)) {
		imap_bad(s, "UIDs expected");
		return;
	}
	if (imap_view_resolve(s, text, &uids))
		run(s, &uids);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_replace: REPLACE and UID REPLACE (RFC 8508): a message comes and
 * another one goes, in one moment.
 *
 * Must never let one of the two happen alone.
 */
#include "imap/append.h"

/* RFC 8508 3.4: the new UID is told before the old message goes. */
static void kept(struct imap_session *s, const char *code)
{
	char highest[IMAP_MODSEQ_CODE];
	stream_printf(s->stream, "* OK [%s] Its replacement\r\n", code);
	if (s->condstore)
		imap_view_tell(s, s->work->tell);
	if (!s->closing)
		imap_ok(s, imap_condstore_code(s, highest), "Replaced");
}

/* What is on its way is not for anybody. */
static void drop(struct imap_session *s, const struct imap_literal *l)
{
	if (l->plus && !s->closing)
		imap_read_drop(s, l->size);
}

void imap_cmd_replace(struct imap_session *s, struct imap_lex *lex)
{
	struct imap_literal literal = {0};
	struct imap_set uids;
	struct span text;
	if (!imap_lex_literal_end(lex->rest, &literal))
		literal = (struct imap_literal){0};
	bool good = imap_lex_set(lex, &text) && imap_lex_space(lex) &&
		    !span_has(text, ':') && !span_has(text, ',') && !span_has(text, '$');
	if (good && !imap_view_resolve(s, text, &uids)) {
		drop(s, &literal);
		return;
	}
	if (good && uids.count > 0 && !s->read_only) {
		imap_append_run(s, lex, uids.runs[0].first, kept);
		return;
	}
	drop(s, &literal);
	if (s->closing)
		return;
	if (!good)
		imap_bad(s, "One message, a mailbox, flags, a date and a message expected");
	else if (s->read_only)
		imap_no(s, "READ-ONLY", "Mailbox is read-only");
	else
		imap_no(s, "NONEXISTENT", "No such message");
}

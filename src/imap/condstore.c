/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/condstore: what CONDSTORE and QRESYNC share (RFC 7162).
 *
 * Mod-sequences are the store's versions, so nothing is counted here: a session
 * only remembers that its client minds.  Must never tell a HIGHESTMODSEQ above
 * what the client was told of.
 */
#include <stdio.h>

#include "imap/state.h"

void imap_condstore_on(struct imap_session *s)
{
	char code[IMAP_MODSEQ_CODE];
	if (s->condstore)
		return;
	s->condstore = true;
	/* RFC 7162 3.1: switched on with a mailbox selected, it is told now. */
	if (s->state == IMAP_SELECTED)
		stream_printf(s->stream, "* OK [%s] From now on\r\n",
			      imap_condstore_code(s, code));
}

const char *imap_condstore_code(struct imap_session *s, char code[IMAP_MODSEQ_CODE])
{
	uint64_t told = s->version < s->flags_version ? s->version : s->flags_version;
	if (!s->condstore)
		return NULL;
	snprintf(code, IMAP_MODSEQ_CODE, "HIGHESTMODSEQ %llu", (unsigned long long)told);
	return code;
}

#define LINE_MAX_BYTES (4u << 20)

void imap_vanished_write(struct stream *out, const char *flag, const struct imap_set *uids)
{
	struct buf text;
	if (uids->count == 0)
		return;
	buf_init(&text, LINE_MAX_BYTES);
	imap_set_text(uids, &text);
	if (buf_ok(&text)) {
		stream_printf(out, "* VANISHED %s", flag);
		stream_write(out, buf_span(&text));
		stream_write(out, SPAN("\r\n"));
	}
	buf_free(&text);
}

/* The log may not reach back so far: then all that are not there count as gone,
 * which RFC 7162 3.2.6 allows. */
static enum imap_answer all_missing(struct imap_session *s, const struct imap_set *uids,
				    struct imap_set *out)
{
	struct imap_set now, below;
	imap_set_init(&now, s->work->arena);
	imap_set_init(&below, s->work->arena);
	enum imap_answer r = s->host->uids(s->host, s->mailbox, &now);
	if (r != IMAP_YES)
		return r;
	for (size_t i = 0; i < uids->count && uids->runs[i].first < s->uid_next; i++) {
		uint32_t last = uids->runs[i].last;
		if (last >= s->uid_next)
			last = s->uid_next - 1;
		if (!imap_set_add(&below, uids->runs[i].first, last))
			return IMAP_UNAVAILABLE;
	}
	return imap_set_minus(&below, &now, out) ? IMAP_YES : IMAP_UNAVAILABLE;
}

enum imap_answer imap_vanished_since(struct imap_session *s, uint64_t since,
				     const struct imap_set *uids, struct imap_set *out)
{
	struct imap_changes changes = {0};
	imap_set_init(&changes.vanished, s->work->arena);
	enum imap_answer r = s->host->changes(s->host, s->mailbox, since,
					      s->work->arena, &changes);
	if (r == IMAP_GONE)
		return all_missing(s, uids, out);
	if (r != IMAP_YES)
		return r;
	imap_set_sort(&changes.vanished);
	return imap_set_and(&changes.vanished, uids, out) ? IMAP_YES : IMAP_UNAVAILABLE;
}

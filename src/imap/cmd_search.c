/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_search: SEARCH (RFC 3501 6.4.4).  The host evaluates; only messages
 * that this session was told of are answered.
 */
#include "imap/search.h"

static void answer(struct imap_session *s, const struct imap_set *found)
{
	struct imap_cursor cursor = {.set = &s->work->map};
	stream_write(s->stream, SPAN("* SEARCH"));
	for (size_t i = 0; i < found->count; i++) {
		uint32_t uid = found->runs[i].first;
		for (;;) {
			stream_printf(s->stream, " %u",
				      s->work->by_uid ? uid
						      : imap_cursor_rank(&cursor, uid));
			if (uid++ == found->runs[i].last)
				break;
		}
	}
	stream_write(s->stream, SPAN("\r\n"));
}

void imap_cmd_search(struct imap_session *s, struct imap_lex *lex)
{
	struct imap_query query;
	struct imap_set found, told;
	uint64_t modseq = 0;
	if (!imap_view_map(s) || !imap_search_parse(s, lex, &query))
		return;
	imap_set_init(&found, s->work->arena);
	imap_set_init(&told, s->work->arena);
	enum imap_answer r = s->host->search(s->host, s->mailbox, &query, &found,
					     &modseq);
	if (r == IMAP_YES && !imap_set_and(&found, &s->work->map, &told))
		r = IMAP_UNAVAILABLE;
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	answer(s, &told);
	imap_ok(s, NULL, "Searched");
}

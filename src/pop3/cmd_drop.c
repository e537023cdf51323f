/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3/cmd_drop: STAT, LIST, UIDL, DELE, RSET, NOOP, QUIT (RFC 1939 5, 6, 7).
 *
 * Must never delete anything but at QUIT, and there only what was marked.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "pop3/state.h"

static void temporary(struct pop3_session *s)
{
	pop3_err(s, "[SYS/TEMP] Try again later");
}

void pop3_cmd_noop(struct pop3_session *s, struct span argument UNUSED)
{
	pop3_ok(s, "Nothing done");
}

void pop3_cmd_stat(struct pop3_session *s, struct span argument UNUSED)
{
	s->bad = 0;
	stream_printf(s->stream, "+OK %u %" PRIu64 "\r\n", s->count - s->marked,
		      s->drop.octets - s->marked_octets);
}

static void list_one(struct pop3_session *s, struct span argument)
{
	uint32_t n;
	if (!pop3_number(s, argument, &n))
		return;
	uint64_t *size = pop3_sizes(s, n, 1);
	if (size == NULL)
		temporary(s);
	else if (*size == UINT64_MAX)
		pop3_err(s, "Message is gone");
	else
		stream_printf(s->stream, "+OK %u %" PRIu64 "\r\n", n, *size);
}

void pop3_cmd_list(struct pop3_session *s, struct span argument)
{
	if (argument.len > 0) {
		list_one(s, argument);
		return;
	}
	bool begun = false;
	for (uint32_t from = 1; from <= s->count || !begun; from += POP3_BATCH) {
		uint32_t n = s->count - (from - 1);
		if (n > POP3_BATCH)
			n = POP3_BATCH;
		arena_reset(s->arena);
		uint64_t *sizes = n > 0 ? pop3_sizes(s, from, n) : NULL;
		if (sizes == NULL && n > 0) {
			if (!begun)
				temporary(s);
			/* In the middle of a list there is no way to say so. */
			s->closing = begun;
			return;
		}
		if (!begun)
			pop3_ok(s, "Sizes follow");
		begun = true;
		for (uint32_t i = 0; i < n; i++)
			if (!pop3_marked(s, from + i) && sizes[i] != UINT64_MAX)
				stream_printf(s->stream, "%u %" PRIu64 "\r\n", from + i,
					      sizes[i]);
	}
	stream_write(s->stream, SPAN(".\r\n"));
}

/* ---- UIDL: what came from another server, else UIDVALIDITY and UID ---- */

struct kept {
	struct pop3_ids page;
	size_t at;
	uint32_t last; /* the UID up to which anybody will ask */
};

static bool kept_more(struct pop3_session *s, struct kept *k, uint32_t from)
{
	arena_reset(s->arena);
	k->at = 0;
	return s->host->ids(s->host, s->arena, s->drop.mailbox, from, k->last,
			    &k->page) == POP3_YES;
}

/* Ascending UIDs only.  False: not to be had now. */
static bool kept_find(struct pop3_session *s, struct kept *k, uint32_t uid,
		      struct span *text)
{
	*text = SPAN("");
	for (;;) {
		while (k->at < k->page.count && k->page.list[k->at].uid < uid)
			k->at++;
		if (k->at < k->page.count) {
			if (k->page.list[k->at].uid == uid)
				*text = k->page.list[k->at].text;
			return true;
		}
		if (k->page.next == 0 || k->page.next > uid)
			return true;
		if (!kept_more(s, k, k->page.next))
			return false;
	}
}

static void tell_id(struct pop3_session *s, const char *before, uint32_t n, uint32_t uid,
		    struct span text)
{
	if (text.len > 0)
		stream_printf(s->stream, "%s%u %.*s\r\n", before, n, SPAN_FMT(text));
	else
		stream_printf(s->stream, "%s%u %u.%u\r\n", before, n,
			      s->drop.uid_validity, uid);
}

static void uidl_one(struct pop3_session *s, struct span argument)
{
	uint32_t n;
	struct span text;
	if (!pop3_number(s, argument, &n))
		return;
	uint32_t uid = pop3_uid(s, n);
	struct kept k = {.last = uid};
	if (!kept_more(s, &k, uid) || !kept_find(s, &k, uid, &text)) {
		temporary(s);
		return;
	}
	s->bad = 0;
	tell_id(s, "+OK ", n, uid, text);
}

void pop3_cmd_uidl(struct pop3_session *s, struct span argument)
{
	uint32_t n = 0;
	struct kept k = {.last = UINT32_MAX};
	struct span text;
	if (argument.len > 0) {
		uidl_one(s, argument);
		return;
	}
	if (s->count > 0 && !kept_more(s, &k, s->drop.runs[0].first)) {
		temporary(s);
		return;
	}
	pop3_ok(s, "Identifiers follow");
	for (size_t i = 0; i < s->drop.count; i++) {
		uint32_t uid = s->drop.runs[i].first;
		for (;;) {
			if (!kept_find(s, &k, uid, &text)) {
				/* In the middle of a list there is no way to say so. */
				s->closing = true;
				return;
			}
			if (!pop3_marked(s, ++n))
				tell_id(s, "", n, uid, text);
			if (uid++ == s->drop.runs[i].last)
				break;
		}
	}
	stream_write(s->stream, SPAN(".\r\n"));
}

void pop3_cmd_dele(struct pop3_session *s, struct span argument)
{
	uint32_t n;
	if (!pop3_number(s, argument, &n))
		return;
	uint64_t *size = pop3_sizes(s, n, 1);
	if (s->marks == NULL)
		s->marks = calloc(s->count / 8 + 1, 1);
	if (size == NULL || s->marks == NULL) {
		temporary(s);
		return;
	}
	if (*size == UINT64_MAX) {
		pop3_err(s, "Message is gone");
		return;
	}
	s->marks[n / 8] |= (uint8_t)(1u << n % 8);
	s->marked++;
	s->marked_octets += *size;
	pop3_ok(s, "Marked, deleted at QUIT");
}

void pop3_cmd_rset(struct pop3_session *s, struct span argument UNUSED)
{
	free(s->marks);
	s->marks = NULL;
	s->marked = 0;
	s->marked_octets = 0;
	pop3_ok(s, "Nothing is marked");
}

/* Neighbours in one run; a run of the answer never spans a gap between UIDs. */
static bool deletions(struct pop3_session *s, struct pop3_run **out, size_t *count)
{
	struct pop3_run *runs = ARENA_ARRAY(s->arena, s->marked, struct pop3_run);
	uint32_t n = 0;
	*count = 0;
	*out = runs;
	if (runs == NULL)
		return false;
	for (size_t i = 0; i < s->drop.count; i++) {
		uint32_t uid = s->drop.runs[i].first;
		for (;;) {
			if (pop3_marked(s, ++n)) {
				if (*count > 0 && runs[*count - 1].last + 1 == uid)
					runs[*count - 1].last = uid;
				else
					runs[(*count)++] = (struct pop3_run){uid, uid};
			}
			if (uid++ == s->drop.runs[i].last)
				break;
		}
	}
	return true;
}

void pop3_cmd_quit(struct pop3_session *s, struct span argument UNUSED)
{
	struct pop3_run *runs;
	size_t count;
	s->closing = true;
	if (s->state == POP3_AUTHORIZATION || s->marked == 0)
		pop3_ok(s, "Until next time");
	else if (deletions(s, &runs, &count) &&
		 s->host->expunge(s->host, s->drop.mailbox, runs, count) == POP3_YES)
		pop3_ok(s, "Deleted, until next time");
	else
		pop3_err(s, "[SYS/TEMP] Some messages were not deleted");
}

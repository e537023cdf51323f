/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/notify: what is told while no command runs (RFC 5465).
 *
 * Of the selected mailbox the view tells, as ever; of others the host says what became of
 * each, and what the client wants of that is told.  A host that lost count ends it:
 * [NOTIFICATIONOVERFLOW], as if NOTIFY NONE had been said.
 */
#include "imap/notify.h"

#include <stdlib.h>

#include "imap/fetch.h"
#include "imap/list.h"
#include "imap/write.h"

void imap_notify_drop(struct imap_session *s)
{
	if (s->notify == NULL)
		return;
	if (s->notify->follows && s->state != IMAP_NEW)
		s->host->no_news(s->host);
	arena_free(s->notify->arena);
	free(s->notify);
	s->notify = NULL;
}

enum imap_tell imap_notify_how(const struct imap_session *s)
{
	const struct imap_notify *n = s->notify;
	if (n == NULL)
		return IMAP_TELL_ALL;
	if (!n->selected || n->here == 0)
		return IMAP_TELL_NOTHING;
	return n->delayed ? IMAP_TELL_NO_EXPUNGE : IMAP_TELL_ALL;
}

bool imap_notify_fetches(const struct imap_session *s)
{
	return s->notify != NULL && s->notify->fetch.len > 0;
}

void imap_notify_arrived(struct imap_session *s, uint32_t from)
{
	struct imap_set since, fresh;
	imap_set_init(&since, s->work->arena);
	imap_set_init(&fresh, s->work->arena);
	if (imap_view_numbers(s) != IMAP_YES || !imap_set_add(&since, from, UINT32_MAX) ||
	    !imap_set_and(&s->work->map, &since, &fresh))
		return;
	/* What cannot be fetched now is asked for by the client: it knows the message. */
	(void)!imap_fetch_listed(s, s->notify->fetch, &fresh);
}

unsigned imap_notify_events(const struct imap_notify *n, struct span name, bool subscribed)
{
	if (imap_of_others(&n->others, name))
		return 0;
	for (size_t i = 0; i < n->count; i++)
		if (imap_filter_matches(&n->groups[i].filter, name, subscribed))
			return n->groups[i].events;
	return 0;
}

void imap_notify_status(struct imap_session *s, struct span name, const struct imap_moved *m,
			bool modseq)
{
	stream_write(s->stream, SPAN("* STATUS "));
	imap_write_name(s, s->work->batch, name);
	stream_printf(s->stream, " (MESSAGES %u UIDNEXT %u UIDVALIDITY %u", m->messages,
		      m->uid_next, m->uid_validity);
	if (modseq)
		stream_printf(s->stream, " HIGHESTMODSEQ %llu", (unsigned long long)m->version);
	stream_write(s->stream, SPAN(")\r\n"));
}

static void tell_name(struct imap_session *s, const struct imap_moved *m)
{
	struct imap_listing l = {.tell_subscribed = true, .old_name = m->old};
	struct imap_entry e = {.name = m->name,
			       .exists = !(m->what & IMAP_MOVED_LOST) &&
					 (m->object != 0 || m->children),
			       .selectable = m->object != 0,
			       .subscribed = m->subscribed,
			       .children = m->children};
	imap_list_line(s, &l, &e, false);
}

static void tell_one(struct imap_session *s, const struct imap_moved *m)
{
	const struct imap_notify *n = s->notify;
	unsigned events = imap_notify_events(n, m->name, m->subscribed);
	if (events == 0 && m->old.len > 0)
		events = imap_notify_events(n, m->old, m->subscribed) & IMAP_EVENT_NAME;
	bool name = (events & IMAP_EVENT_NAME) &&
		    (m->what & (IMAP_MOVED_NAME | IMAP_MOVED_LOST));
	bool subscription = (events & IMAP_EVENT_SUBSCRIPTION) && (m->what & IMAP_MOVED_SUBSCRIBED);
	if (name || subscription)
		tell_name(s, m);
	/* The view tells of the selected one. */
	if (m->object == 0 || (s->state == IMAP_SELECTED && m->object == s->object))
		return;
	if (((m->what & IMAP_MOVED_COUNTS) && (events & (IMAP_EVENT_NEW | IMAP_EVENT_EXPUNGE))) ||
	    ((m->what & IMAP_MOVED_FLAGS) && (events & IMAP_EVENT_FLAGS)))
		imap_notify_status(s, m->name, m, s->condstore || (events & IMAP_EVENT_FLAGS));
}

void imap_notify_tell(struct imap_session *s)
{
	struct imap_news_of_all news = {.more = true};
	enum imap_answer r = IMAP_YES;
	if (s->notify == NULL || !s->notify->follows)
		return;
	while (news.more && r == IMAP_YES && s->stream->state == IO_OK) {
		news = (struct imap_news_of_all){0};
		arena_reset(s->work->batch);
		r = s->host->news(s->host, false, s->work->batch, &news);
		for (size_t i = 0; r == IMAP_YES && i < news.count; i++)
			tell_one(s, &news.list[i]);
		stream_flush(s->stream);
	}
	if (r != IMAP_LIMIT)
		return; /* not now: the next hint asks again */
	imap_untagged(s, "OK [NOTIFICATIONOVERFLOW] Too much happened, nothing more is told");
	imap_notify_drop(s);
}

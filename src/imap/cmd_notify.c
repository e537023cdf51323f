/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_notify: NOTIFY (RFC 5465 3): event groups, what they may hold, and the STATUS of
 * each mailbox that is followed from now on.
 */
#include "imap/notify.h"

#include <stdlib.h>

#include "imap/fetch.h"
#include "imap/list.h"

#define EVENTS "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange"

static const struct {
	const char *name;
	unsigned event; /* 0: there is such a thing, but not here */
} events[] = {
	{"MessageNew", IMAP_EVENT_NEW},
	{"MessageExpunge", IMAP_EVENT_EXPUNGE},
	{"FlagChange", IMAP_EVENT_FLAGS},
	{"MailboxName", IMAP_EVENT_NAME},
	{"SubscriptionChange", IMAP_EVENT_SUBSCRIPTION},
	{"AnnotationChange", 0},
	{"MailboxMetadataChange", 0},
	{"ServerMetadataChange", 0},
};

/* " (" items ")" behind MessageNew, or nothing.  False: BAD. */
static bool fetch_items(struct imap_lex *lex, struct span *out)
{
	struct imap_lex at = *lex;
	if (!imap_lex_space(&at) || imap_lex_peek(&at) != '(')
		return true;
	*lex = at;
	return imap_fetch_list(lex, out) && out->len <= IMAP_NOTIFY_FETCH;
}

struct group {
	struct imap_notify_group made;
	struct span fetch;
	bool unknown; /* an event that is not told of here */
};

static bool one_event(struct imap_lex *lex, struct group *g)
{
	struct span name;
	size_t i = 0;
	if (!imap_lex_atom(lex, &name))
		return false;
	while (i < ARRAY_LEN(events) && !span_eq_nocase(name, span_cstr(events[i].name)))
		i++;
	if (i == ARRAY_LEN(events) || events[i].event == 0) {
		g->unknown = true;
		return true;
	}
	g->made.events |= events[i].event;
	return events[i].event != IMAP_EVENT_NEW || fetch_items(lex, &g->fetch);
}

/* RFC 5465 5: what goes with what.  An event that we do not know says nothing of the others. */
static bool is_whole(const struct group *g)
{
	unsigned e = g->made.events;
	bool fresh = e & IMAP_EVENT_NEW, gone = e & IMAP_EVENT_EXPUNGE;
	return fresh == gone && (fresh || !(e & IMAP_EVENT_FLAGS)) &&
	       !(imap_filter_is_selected(&g->made.filter) && (e & ~(unsigned)IMAP_EVENT_MESSAGES));
}

enum parsed { GROUP, ANSWERED, BAD };

/* "(" mailboxes SP events ")" */
static enum parsed one_group(struct imap_session *s, struct imap_lex *lex, size_t *left,
			     struct group *g)
{
	*g = (struct group){0};
	if (!imap_lex_char(lex, '('))
		return BAD;
	if (!imap_filter_parse(s, lex, left, &g->made.filter))
		return ANSWERED;
	if (!imap_lex_space(lex))
		return BAD;
	if (!imap_lex_word(lex, "NONE")) {
		if (!imap_lex_char(lex, '('))
			return BAD;
		do {
			if (!one_event(lex, g))
				return BAD;
		} while (imap_lex_space(lex));
		if (!imap_lex_char(lex, ')'))
			return BAD;
	}
	return imap_lex_char(lex, ')') && (g->unknown || is_whole(g)) ? GROUP : BAD;
}

static bool take_group(struct imap_notify *n, const struct group *g)
{
	if (!imap_filter_is_selected(&g->made.filter)) {
		n->groups[n->count++] = g->made;
		n->follows |= g->made.events != 0;
		return true;
	}
	if (n->selected)
		return false; /* RFC 5465 6.1: once */
	n->selected = true;
	n->delayed = g->made.filter.kind == IMAP_FILTER_SELECTED_DELAYED;
	n->here = g->made.events;
	n->fetch = g->fetch;
	return true;
}

/* False: answered. */
static bool parse_set(struct imap_session *s, struct imap_lex *lex, struct imap_notify *n)
{
	size_t left = IMAP_FILTER_NAMES_MAX, groups = 0;
	bool unknown = false;
	enum parsed p = GROUP;
	if (!imap_lex_space(lex))
		p = BAD;
	if (p == GROUP && imap_lex_word(lex, "STATUS")) {
		n->status = true;
		p = imap_lex_space(lex) ? GROUP : BAD;
	}
	while (p == GROUP) {
		struct group g;
		if (groups++ == IMAP_FILTERS_MAX) {
			imap_no(s, "NOTIFICATIONOVERFLOW", "Too many groups");
			return false;
		}
		p = one_group(s, lex, &left, &g);
		unknown |= g.unknown;
		if (p == GROUP && !take_group(n, &g))
			p = BAD;
		if (p == GROUP && !imap_lex_space(lex))
			break;
	}
	if (p == GROUP && !imap_lex_end(lex))
		p = BAD;
	if (p == BAD && arena_short(n->arena))
		imap_no_answer(s, IMAP_UNAVAILABLE);
	else if (p == BAD)
		imap_bad(s, "NOTIFY takes NONE, or SET and groups of mailboxes and events");
	else if (p == GROUP && unknown)
		imap_no(s, "BADEVENT (" EVENTS ")", "Not all of these events are told of");
	return p == GROUP && !unknown;
}

/* ---- STATUS --------------------------------------------------------------------------- */

struct statuses {
	struct imap_session *s;
	const struct imap_notify *n;
	struct span *names;
	size_t count;
	bool full, memory;
};

static void gather(void *arg, const struct imap_entry *e)
{
	struct statuses *g = arg;
	unsigned wanted = imap_notify_events(g->n, e->name, e->subscribed);
	if (!e->exists || !e->selectable || !(wanted & IMAP_EVENT_MESSAGES) || g->full ||
	    (g->s->state == IMAP_SELECTED && span_eq(e->name, imap_selected_name(g->s))))
		return;
	g->full = g->count == IMAP_NOTIFY_STATUS;
	if (!g->full && arena_copy(g->s->work->arena, e->name, &g->names[g->count]))
		g->count++;
	else
		g->memory = !g->full;
}

/* RFC 5465 3.1: as it is when the following begins. */
static enum imap_answer tell_status(struct imap_session *s, const struct imap_notify *n)
{
	struct statuses g = {.s = s, .n = n};
	g.names = ARENA_ARRAY(s->work->arena, IMAP_NOTIFY_STATUS, struct span);
	enum imap_answer r = IMAP_UNAVAILABLE;
	if (g.names != NULL)
		r = imap_list_each(s, gather, &g);
	if (r == IMAP_YES && (g.full || g.memory))
		r = g.full ? IMAP_LIMIT : IMAP_UNAVAILABLE;
	for (size_t i = 0; i < g.count && r == IMAP_YES; i++) {
		struct imap_status st = {0};
		arena_reset(s->work->batch);
		r = s->host->status(s->host, g.names[i], false, &st);
		struct imap_moved m = {.messages = st.messages,
				       .uid_next = st.uid_next,
				       .uid_validity = st.uid_validity,
				       .version = st.version};
		bool flags = imap_notify_events(n, g.names[i], false) & IMAP_EVENT_FLAGS;
		if (r == IMAP_YES)
			imap_notify_status(s, g.names[i], &m, s->condstore || flags);
		if (r == IMAP_NONEXISTENT || r == IMAP_DENIED)
			r = IMAP_YES; /* it went just now */
	}
	return r;
}

/* ---- the command ------------------------------------------------------------------------ */

/* Its names and items live as long as it does. */
static struct imap_notify *notify_new(struct imap_session *s, struct imap_lex *lex)
{
	struct imap_notify *n = calloc(1, sizeof *n);
	struct arena *command = s->work->arena;
	if (n == NULL || (n->arena = arena_new(IMAP_NOTIFY_MEMORY)) == NULL) {
		free(n);
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return NULL;
	}
	s->work->arena = lex->arena = n->arena;
	enum imap_answer r = s->host->namespaces(s->host, n->arena, &n->others);
	bool good = r == IMAP_YES && parse_set(s, lex, n);
	s->work->arena = lex->arena = command;
	if (r != IMAP_YES)
		imap_no_answer(s, r);
	if (good && arena_copy(n->arena, n->fetch, &n->fetch))
		return n;
	if (good)
		imap_no_answer(s, IMAP_UNAVAILABLE);
	arena_free(n->arena);
	free(n);
	return NULL;
}

static enum imap_answer begin(struct imap_session *s, struct imap_notify *n)
{
	struct imap_news_of_all news = {0};
	enum imap_answer r = IMAP_YES;
	if (n->follows)
		r = s->host->news(s->host, true, s->work->batch, &news);
	if (r == IMAP_YES && n->status)
		r = tell_status(s, n);
	if (r == IMAP_LIMIT || (r != IMAP_YES && s->notify == NULL))
		s->host->no_news(s->host);
	return r;
}

void imap_cmd_notify(struct imap_session *s, struct imap_lex *lex)
{
	if (imap_lex_word(lex, "NONE") && imap_lex_end(lex)) {
		imap_notify_drop(s);
		imap_ok(s, NULL, "Nothing is told by itself");
		return;
	}
	if (!imap_lex_word(lex, "SET")) {
		imap_bad(s, "NOTIFY takes NONE, or SET and groups of mailboxes and events");
		return;
	}
	struct imap_notify *n = notify_new(s, lex);
	if (n == NULL)
		return;
	enum imap_answer r = begin(s, n);
	if (r != IMAP_YES) {
		arena_free(n->arena);
		free(n);
		if (r == IMAP_LIMIT) {
			imap_notify_drop(s);
			imap_no(s, "NOTIFICATIONOVERFLOW", "Too many mailboxes");
		} else {
			imap_no_answer(s, r);
		}
		return;
	}
	if (s->notify != NULL && n->follows)
		s->notify->follows = false; /* it goes on */
	imap_notify_drop(s);
	s->notify = n;
	imap_ok(s, NULL, "These are told");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_esearch: ESEARCH, a search in several mailboxes (RFC 7377).
 *
 * Mailboxes are looked at one after the other, in the order of their names, each as if it
 * was examined; one that went meanwhile or may not be read is passed over.  Keys that
 * mean something else in each mailbox (keywords, UIDs with "*", RECENT) are bound there.
 * Without IN, or IN (selected), it is a UID SEARCH that tells where it was made.
 *
 * Bounds: IMAP_ESEARCH_NAMES mailboxes, which hold IMAP_ESEARCH_MESSAGES messages
 * together; the host lets others have their turn between two parts of each.
 */
#include "imap/context.h"
#include "imap/filter.h"
#include "imap/flags.h"

struct esearch {
	struct imap_session *s;
	struct imap_filter filters[IMAP_FILTERS_MAX];
	size_t filter_count;
	bool selected; /* that one, and no other */
	struct imap_wanted wanted;
	struct imap_query query;
	struct span *names;
	size_t count;
	bool full, memory;
	uint64_t messages;
};

/* "IN (" filters ") ", or nothing.  False: answered. */
static bool parse_in(struct esearch *e, struct imap_lex *lex)
{
	struct imap_session *s = e->s;
	size_t left = IMAP_FILTER_NAMES_MAX;
	e->selected = true;
	if (!imap_lex_word(lex, "IN"))
		return true;
	if (!imap_lex_space(lex) || !imap_lex_char(lex, '(')) {
		imap_bad(s, "IN takes mailboxes in parentheses");
		return false;
	}
	do {
		if (e->filter_count == IMAP_FILTERS_MAX) {
			imap_no(s, "LIMIT", "Too many kinds of mailboxes");
			return false;
		}
		struct imap_filter *f = &e->filters[e->filter_count];
		if (!imap_filter_parse(s, lex, &left, f))
			return false;
		e->selected &= imap_filter_is_selected(f);
		e->filter_count++;
	} while (imap_lex_space(lex));
	/* There are no scope options. */
	if (imap_lex_char(lex, ')') && imap_lex_space(lex))
		return true;
	imap_bad(s, "IN takes mailboxes in parentheses");
	return false;
}

static bool is_meant(const struct esearch *e, const struct imap_entry *entry)
{
	const struct imap_session *s = e->s;
	for (size_t i = 0; i < e->filter_count; i++)
		if (imap_filter_is_selected(&e->filters[i])
			    ? s->state == IMAP_SELECTED &&
				      span_eq(entry->name, imap_selected_name(s))
			    : imap_filter_matches(&e->filters[i], entry->name, entry->subscribed))
			return true;
	return false;
}

static void gather(void *arg, const struct imap_entry *entry)
{
	struct esearch *e = arg;
	if (!entry->exists || !entry->selectable || e->full || !is_meant(e, entry))
		return;
	e->full = e->count == IMAP_ESEARCH_NAMES;
	if (!e->full && arena_copy(e->s->work->arena, entry->name, &e->names[e->count]))
		e->count++;
	else
		e->memory = !e->full;
}

/* The query in the words of the mailbox that was opened. */
static enum imap_answer bind(struct esearch *e, const struct imap_selected *m, struct arena *a,
			     struct imap_query *out)
{
	struct imap_host *host = e->s->host;
	struct imap_keywords k = {0};
	struct imap_set uids;
	imap_set_init(&uids, a);
	enum imap_answer r = host->keywords(host, m->mailbox, a, &k.names, &k.count);
	if (r == IMAP_YES && imap_query_names_last(&e->query))
		r = host->uids(host, m->mailbox, &uids);
	if (r != IMAP_YES)
		return r;
	struct imap_binding b = {.keywords = &k,
				 .recent_from = m->recent_from,
				 .last = imap_set_nth(&uids, (uint32_t)imap_set_size(&uids)),
				 .arena = a};
	return imap_query_bind(&e->query, &b, out) ? IMAP_YES : IMAP_UNAVAILABLE;
}

static enum imap_answer search_in(struct esearch *e, struct span name, const struct imap_selected *m,
				  struct arena *a)
{
	struct imap_host *host = e->s->host;
	struct imap_query q;
	struct imap_set found;
	uint64_t highest = 0;
	imap_set_init(&found, a);
	enum imap_answer r = bind(e, m, a, &q);
	if (r == IMAP_YES)
		r = host->search(host, m->mailbox, &q, &found, &highest);
	struct imap_source from = {.name = name, .uid_validity = m->uid_validity};
	struct imap_relevant relevant;
	if (r == IMAP_YES && found.count > 0 &&
	    !(imap_relevant(e->s, &e->wanted, m->mailbox, &q, &found, &relevant) &&
	      imap_esearch_tell(e->s, &e->wanted, &found, &e->query, highest,
				e->wanted.what & IMAP_WANT_RELEVANCY ? &relevant : NULL, &from)))
		r = IMAP_UNAVAILABLE;
	return r;
}

/* One mailbox; LIMIT: this one would be too much. */
static enum imap_answer visit(struct esearch *e, struct span name)
{
	struct imap_host *host = e->s->host;
	struct imap_selected m = {0};
	struct arena *a = arena_new(IMAP_ARENA_MAX), *command = e->s->work->arena;
	enum imap_answer r = a != NULL ? host->visit(host, name, &m) : IMAP_UNAVAILABLE;
	if (r == IMAP_YES) {
		e->s->work->arena = a; /* an answer's memory is that of one mailbox */
		e->messages += m.exists;
		r = e->messages > IMAP_ESEARCH_MESSAGES ? IMAP_LIMIT : search_in(e, name, &m, a);
		e->s->work->arena = command;
		host->deselect(host, m.mailbox);
	}
	arena_free(a);
	/* RFC 7377 2: what cannot be searched is passed over. */
	return r == IMAP_NONEXISTENT || r == IMAP_DENIED || r == IMAP_GONE || r == IMAP_CANNOT
		       ? IMAP_YES : r;
}

static enum imap_answer visit_all(struct esearch *e)
{
	enum imap_answer r = IMAP_YES;
	e->s->work->elsewhere = true;
	for (size_t i = 0; i < e->count && r == IMAP_YES && !e->s->closing; i++)
		r = visit(e, e->names[i]);
	e->s->work->elsewhere = false;
	return r;
}

static void in_several(struct esearch *e, struct imap_lex *lex)
{
	struct imap_session *s = e->s;
	if (e->wanted.what & IMAP_WANT_SAVE) {
		imap_bad(s, "SAVE is for the selected mailbox alone");
		return;
	}
	if (!imap_search_parse_unbound(s, lex, &e->query) ||
	    ((e->wanted.what & IMAP_WANT_RELEVANCY) && imap_relevancy_refused(s, &e->query)))
		return;
	if (e->query.modseq)
		imap_condstore_on(s);
	e->names = ARENA_ARRAY(s->work->arena, IMAP_ESEARCH_NAMES, struct span);
	enum imap_answer r = IMAP_UNAVAILABLE;
	if (e->names != NULL)
		r = imap_list_each(s, gather, e);
	if (r == IMAP_YES && (e->full || e->memory))
		r = e->full ? IMAP_LIMIT : IMAP_UNAVAILABLE;
	if (r == IMAP_YES && (e->wanted.what & IMAP_WANT_UPDATE))
		imap_context_refuse(s, "Only of the selected mailbox alone");
	if (r == IMAP_YES)
		r = visit_all(e);
	if (s->closing)
		s->work->done = true;
	else if (r == IMAP_YES)
		imap_ok(s, NULL, "Searched");
	else
		imap_no_answer(s, r);
}

void imap_cmd_esearch(struct imap_session *s, struct imap_lex *lex)
{
	struct esearch e = {.s = s, .wanted = {.extended = true, .what = IMAP_WANT_ALL}};
	if (!parse_in(&e, lex))
		return;
	if (!imap_return_parse(lex, &e.wanted)) {
		imap_bad(s, IMAP_RETURN_TAKES);
		return;
	}
	if (!e.selected) {
		in_several(&e, lex);
		return;
	}
	if (s->state != IMAP_SELECTED) {
		imap_bad(s, "No mailbox is selected");
		return;
	}
	struct imap_source here = {.name = imap_selected_name(s), .uid_validity = s->uid_validity};
	s->work->by_uid = true;
	imap_search_selected(s, lex, &e.wanted, &here);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_list: LIST and LSUB (RFC 3501 6.3.8, 6.3.9; attributes of RFC 3348,
 * RFC 5258 and RFC 6154, STATUS of RFC 5819, METADATA of RFC 9590, MYRIGHTS of RFC 8440).
 *
 * Names come from the host in batches and are matched one by one, so memory
 * does not grow with their number.
 */
#include "imap/list.h"
#include "imap/write.h"

static const char *const use_names[] = {
	[IMAP_USE_NONE] = "",
	[IMAP_USE_ALL] = "\\All",     [IMAP_USE_ARCHIVE] = "\\Archive",
	[IMAP_USE_DRAFTS] = "\\Drafts", [IMAP_USE_FLAGGED] = "\\Flagged",
	[IMAP_USE_JUNK] = "\\Junk",   [IMAP_USE_SENT] = "\\Sent",
	[IMAP_USE_TRASH] = "\\Trash",
};

enum imap_use imap_use_parse(struct span word)
{
	for (size_t i = IMAP_USE_NONE + 1; i < ARRAY_LEN(use_names); i++)
		if (span_eq_nocase(word, span_cstr(use_names[i])))
			return (enum imap_use)i;
	return IMAP_USE_NONE;
}

void imap_list_line(struct imap_session *s, const struct imap_listing *l,
		    const struct imap_entry *e, bool childinfo)
{
	struct stream *out = s->stream;
	stream_write(out, SPAN("* LIST ("));
	if (!e->exists)
		stream_write(out, SPAN("\\NonExistent "));
	else if (!e->selectable)
		stream_write(out, SPAN("\\Noselect "));
	if (l->tell_subscribed && e->subscribed)
		stream_write(out, SPAN("\\Subscribed "));
	stream_write(out, e->children ? SPAN("\\HasChildren")
				      : SPAN("\\HasNoChildren"));
	if (e->use != IMAP_USE_NONE)
		stream_printf(out, " %s", use_names[e->use]);
	stream_write(out, SPAN(") \"/\" "));
	imap_write_name(s, s->work->batch, e->name);
	if (childinfo)
		stream_write(out, SPAN(" (\"CHILDINFO\" (\"SUBSCRIBED\"))"));
	if (l->old_name.len > 0) {
		stream_write(out, SPAN(" (\"OLDNAME\" ("));
		imap_write_name(s, s->work->batch, l->old_name);
		stream_write(out, SPAN("))"));
	}
	stream_write(out, SPAN("\r\n"));
	bool told = e->exists && e->selectable;
	/* RFC 5819 2, RFC 8440 3: nothing of one that only has children that match. */
	if (l->rights && told && (!l->recursive || e->subscribed))
		imap_rights_tell(s, e->name);
	if (l->status != 0 && told && (!l->recursive || e->subscribed))
		imap_status_tell(s, e->name, l->status);
	uint32_t longest;
	/* RFC 9590 3.1: what cannot be told is left out. */
	if (l->metadata != NULL && e->exists && e->selectable)
		imap_metadata_tell(s, l->metadata, e->name, &longest);
}

enum imap_answer imap_list_each(struct imap_session *s, imap_entry_fn *each, void *arg)
{
	struct imap_entries found = {.more = true};
	struct buf last;
	enum imap_answer r = IMAP_YES;
	buf_init(&last, IMAP_NAME_MAX);
	while (found.more && r == IMAP_YES) {
		found = (struct imap_entries){0};
		arena_reset(s->work->batch);
		r = s->host->list(s->host, s->work->batch, buf_span(&last), &found);
		for (size_t i = 0; r == IMAP_YES && i < found.count; i++)
			each(arg, &found.entries[i]);
		if (r != IMAP_YES || found.count == 0)
			break;
		buf_clear(&last);
		buf_add(&last, found.entries[found.count - 1].name);
		if (buf_short(&last))
			r = IMAP_UNAVAILABLE;
		ENSURE(buf_ok(&last) || r == IMAP_UNAVAILABLE);
	}
	buf_free(&last);
	return r;
}

static void answer(struct imap_session *s, enum imap_answer r)
{
	if (r == IMAP_YES)
		imap_ok(s, NULL, "That is all");
	else
		imap_no_answer(s, r);
}

/* ---- LIST ------------------------------------------------------------------ */

struct list {
	struct imap_session *s;
	struct imap_listing what;
};

static void list_each(void *arg, const struct imap_entry *e)
{
	struct list *l = arg;
	if ((l->what.subscribed ? e->subscribed : e->exists) &&
	    (!l->what.special || e->use != IMAP_USE_NONE) &&
	    imap_list_matches(&l->what, e->name))
		imap_list_line(l->s, &l->what, e, false);
}

void imap_cmd_list(struct imap_session *s, struct imap_lex *lex)
{
	struct list *l = ARENA_NEW(s->work->arena, struct list);
	if (l == NULL) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return;
	}
	l->s = s;
	if (!imap_list_parse(s, lex, &l->what))
		return;
	if (l->what.root) {
		imap_untagged(s, "LIST (\\Noselect) \"/\" \"\"");
		imap_ok(s, NULL, "That is all");
	} else if (l->what.recursive) {
		answer(s, imap_list_recursive(s, &l->what));
	} else {
		answer(s, imap_list_each(s, list_each, l));
	}
}

/* ---- LSUB ------------------------------------------------------------------ */

struct lsub {
	struct imap_session *s;
	const struct imap_pattern *pattern;
	struct buf parent; /* the superior name told last */
};

static void lsub_line(struct lsub *l, struct span name, bool selectable)
{
	struct stream *out = l->s->stream;
	stream_write(out, selectable ? SPAN("* LSUB () \"/\" ")
				     : SPAN("* LSUB (\\Noselect) \"/\" "));
	imap_write_name(l->s, l->s->work->batch, name);
	stream_write(out, SPAN("\r\n"));
}

static void remember(struct lsub *l, struct span name)
{
	buf_clear(&l->parent);
	buf_add(&l->parent, name);
}

/* RFC 3501 6.3.9: with "%" the level above a subscribed name is told. */
static void lsub_parent(struct lsub *l, struct span name)
{
	size_t slash;
	while ((slash = span_find_last(name, '/')) != SIZE_MAX) {
		name = span_sub(name, 0, slash);
		if (!imap_pattern_match(l->pattern, name))
			continue;
		if (span_eq(buf_span(&l->parent), name))
			return;
		remember(l, name);
		lsub_line(l, name, false);
		return;
	}
}

static void lsub_each(void *arg, const struct imap_entry *e)
{
	struct lsub *l = arg;
	if (!e->subscribed)
		return;
	if (!imap_pattern_match(l->pattern, e->name)) {
		lsub_parent(l, e->name);
		return;
	}
	lsub_line(l, e->name, e->exists && e->selectable);
	/* Told as itself: not once more as somebody's superior. */
	remember(l, e->name);
}

void imap_cmd_lsub(struct imap_session *s, struct imap_lex *lex)
{
	struct span reference, mailbox;
	if (!imap_lex_astring(lex, &reference) || !imap_lex_space(lex) ||
	    !imap_lex_pattern(lex, &mailbox) || !imap_lex_end(lex)) {
		imap_bad(s, "A reference and a pattern expected");
		return;
	}
	struct lsub l = {.s = s, .pattern = imap_list_pattern(s, reference, mailbox)};
	enum imap_answer r = IMAP_YES;
	/* What is no valid name, or longer than any, matches nothing. */
	if (l.pattern != NULL) {
		buf_init(&l.parent, IMAP_NAME_MAX);
		r = imap_list_each(s, lsub_each, &l);
		buf_free(&l.parent);
	}
	answer(s, r);
}

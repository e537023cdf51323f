/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_list: LIST and LSUB (RFC 3501 6.3.8, 6.3.9; attributes of RFC 3348
 * and RFC 6154).
 *
 * Names come from the host in batches and are matched one by one, so memory
 * does not grow with their number.
 */
#include "imap/pattern.h"
#include "imap/state.h"
#include "imap/utf7.h"
#include "imap/write.h"

static const char *const use_names[] = {
	[IMAP_USE_ALL] = "\\All",     [IMAP_USE_ARCHIVE] = "\\Archive",
	[IMAP_USE_DRAFTS] = "\\Drafts", [IMAP_USE_FLAGGED] = "\\Flagged",
	[IMAP_USE_JUNK] = "\\Junk",   [IMAP_USE_SENT] = "\\Sent",
	[IMAP_USE_TRASH] = "\\Trash",
};

struct listing {
	struct imap_session *s;
	const struct imap_pattern *pattern;
	struct buf parent; /* LSUB: the superior name told last */
};

static void list_line(struct listing *l, const struct imap_entry *e)
{
	struct stream *out = l->s->stream;
	stream_write(out, SPAN("* LIST ("));
	if (!e->selectable)
		stream_write(out, SPAN("\\Noselect "));
	stream_write(out, e->children ? SPAN("\\HasChildren")
				      : SPAN("\\HasNoChildren"));
	if (e->use != IMAP_USE_NONE)
		stream_printf(out, " %s", use_names[e->use]);
	stream_write(out, SPAN(") \"/\" "));
	imap_write_name(out, l->s->work->batch, e->name);
	stream_write(out, SPAN("\r\n"));
}

static void lsub_line(struct listing *l, struct span name, bool selectable)
{
	struct stream *out = l->s->stream;
	stream_write(out, selectable ? SPAN("* LSUB () \"/\" ")
				     : SPAN("* LSUB (\\Noselect) \"/\" "));
	imap_write_name(out, l->s->work->batch, name);
	stream_write(out, SPAN("\r\n"));
}

/* RFC 3501 6.3.9: with "%" the level above a subscribed name is told. */
static void lsub_parent(struct listing *l, struct span name)
{
	size_t slash;
	while ((slash = span_find_last(name, '/')) != SIZE_MAX) {
		name = span_sub(name, 0, slash);
		if (!imap_pattern_match(l->pattern, name))
			continue;
		if (span_eq(buf_span(&l->parent), name))
			return;
		buf_clear(&l->parent);
		buf_add(&l->parent, name);
		lsub_line(l, name, false);
		return;
	}
}

static void each(struct listing *l, const struct imap_entry *e, bool subscribed)
{
	bool match = imap_pattern_match(l->pattern, e->name);
	if (!subscribed && e->exists && match) {
		list_line(l, e);
	} else if (subscribed && e->subscribed && match) {
		lsub_line(l, e->name, e->exists && e->selectable);
		/* Told as itself: not once more as somebody's superior. */
		buf_clear(&l->parent);
		buf_add(&l->parent, e->name);
	} else if (subscribed && e->subscribed) {
		lsub_parent(l, e->name);
	}
}

static enum imap_answer all(struct listing *l, bool subscribed)
{
	struct imap_session *s = l->s;
	struct imap_entries found = {.more = true};
	struct buf last;
	enum imap_answer r = IMAP_YES;
	buf_init(&last, IMAP_NAME_MAX);
	while (found.more && r == IMAP_YES) {
		found = (struct imap_entries){0};
		arena_reset(s->work->batch);
		r = s->host->list(s->host, s->work->batch, buf_span(&last), &found);
		for (size_t i = 0; r == IMAP_YES && i < found.count; i++)
			each(l, &found.entries[i], subscribed);
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

/* Reference and pattern joined; an absolute level separator is not known here. */
static bool join(struct imap_session *s, struct span reference, struct span mailbox,
		 struct span *out)
{
	char *p = arena_bytes(s->work->arena, reference.len + mailbox.len + 1);
	if (p == NULL)
		return false;
	memcpy(p, reference.ptr ? reference.ptr : "", reference.len);
	memcpy(p + reference.len, mailbox.ptr ? mailbox.ptr : "", mailbox.len);
	return imap_utf7_decode(s->work->arena,
				span_of(p, reference.len + mailbox.len), out);
}

static void run(struct imap_session *s, struct imap_lex *lex, bool subscribed)
{
	struct span reference, mailbox, text;
	if (!imap_lex_astring(lex, &reference) || !imap_lex_space(lex) ||
	    !imap_lex_pattern(lex, &mailbox) || !imap_lex_end(lex)) {
		imap_bad(s, "A reference and a pattern expected");
		return;
	}
	if (mailbox.len == 0 && !subscribed) {
		imap_untagged(s, "LIST (\\Noselect) \"/\" \"\"");
		imap_ok(s, NULL, "That is all");
		return;
	}
	struct listing l = {.s = s};
	/* What is no valid name, or longer than any, matches nothing. */
	if (join(s, reference, mailbox, &text))
		l.pattern = imap_pattern_new(s->work->arena, text);
	enum imap_answer r = IMAP_YES;
	if (l.pattern != NULL) {
		buf_init(&l.parent, IMAP_NAME_MAX);
		r = all(&l, subscribed);
		buf_free(&l.parent);
	}
	if (r == IMAP_YES)
		imap_ok(s, NULL, "That is all");
	else
		imap_no_answer(s, r);
}

void imap_cmd_list(struct imap_session *s, struct imap_lex *lex)
{
	run(s, lex, false);
}

void imap_cmd_lsub(struct imap_session *s, struct imap_lex *lex)
{
	run(s, lex, true);
}

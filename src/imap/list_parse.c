/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/list_parse: selection options, patterns and return options of LIST.
 *
 * Must never take more patterns than the table holds.
 */
#include "base/utf8.h"
#include "imap/list.h"
#include "imap/utf7.h"

const struct imap_pattern *imap_list_pattern(struct imap_session *s, struct span reference,
					     struct span mailbox)
{
	struct span text;
	char *p = arena_bytes(s->work->arena, reference.len + mailbox.len + 1);
	if (p == NULL)
		return NULL;
	memcpy(p, reference.ptr ? reference.ptr : "", reference.len);
	memcpy(p + reference.len, mailbox.ptr ? mailbox.ptr : "", mailbox.len);
	struct span wire = span_of(p, reference.len + mailbox.len);
	if (s->utf8 ? !utf8_valid(wire) : !imap_utf7_decode(s->work->arena, wire, &text))
		return NULL;
	if (s->utf8)
		text = wire;
	return imap_pattern_new(s->work->arena, text);
}

bool imap_list_matches(const struct imap_listing *l, struct span name)
{
	for (size_t i = 0; i < l->pattern_count; i++)
		if (imap_pattern_match(l->patterns[i], name))
			return true;
	return false;
}

/* "(" options ") ", or nothing.  REMOTE asks for names that we do not have. */
static bool selection(struct imap_lex *lex, struct imap_listing *l)
{
	if (!imap_lex_char(lex, '('))
		return true;
	if (imap_lex_char(lex, ')'))
		return imap_lex_space(lex);
	do {
		if (imap_lex_word(lex, "SUBSCRIBED"))
			l->subscribed = true;
		else if (imap_lex_word(lex, "SPECIAL-USE"))
			l->special = true;
		else if (imap_lex_word(lex, "RECURSIVEMATCH"))
			l->recursive = true;
		else if (!imap_lex_word(lex, "REMOTE"))
			return false;
	} while (imap_lex_space(lex));
	/* RFC 5258 3.1: it says below what, so it cannot stand alone. */
	return imap_lex_char(lex, ')') && imap_lex_space(lex) &&
	       (!l->recursive || l->subscribed);
}

static bool add(struct imap_session *s, struct imap_listing *l, struct span reference,
		struct span mailbox)
{
	if (l->pattern_count == IMAP_LIST_PATTERNS_MAX)
		return false;
	const struct imap_pattern *p = imap_list_pattern(s, reference, mailbox);
	if (p != NULL)
		l->patterns[l->pattern_count++] = p;
	return true;
}

static bool patterns(struct imap_session *s, struct imap_lex *lex, struct imap_listing *l,
		     bool *extended)
{
	struct span reference, mailbox;
	if (!imap_lex_astring(lex, &reference) || !imap_lex_space(lex))
		return false;
	if (!imap_lex_char(lex, '(')) {
		bool good = imap_lex_pattern(lex, &mailbox);
		l->root = good && mailbox.len == 0;
		return good && add(s, l, reference, mailbox);
	}
	*extended = true;
	do {
		if (!imap_lex_pattern(lex, &mailbox) || !add(s, l, reference, mailbox))
			return false;
	} while (imap_lex_space(lex));
	return imap_lex_char(lex, ')');
}

/* RFC 9590: a list, even of one. */
static bool metadata(struct imap_session *s, struct imap_lex *lex, struct imap_listing *l)
{
	struct imap_entries_asked *a = ARENA_NEW(s->work->arena, struct imap_entries_asked);
	if (a == NULL || !imap_lex_space(lex) || imap_lex_peek(lex) != '(')
		return false;
	*a = (struct imap_entries_asked){.largest = UINT32_MAX};
	l->metadata = a;
	return imap_entries_parse(lex, a) == IMAP_ENTRIES_OK;
}

/* CHILDREN and SPECIAL-USE are always told. */
static bool returns(struct imap_session *s, struct imap_lex *lex,
		    struct imap_listing *l)
{
	if (!imap_lex_word(lex, "RETURN") || !imap_lex_space(lex) ||
	    !imap_lex_char(lex, '('))
		return false;
	if (imap_lex_char(lex, ')'))
		return true;
	do {
		if (imap_lex_word(lex, "SUBSCRIBED"))
			l->tell_subscribed = true;
		else if (imap_lex_word(lex, "MYRIGHTS"))
			l->rights = true;
		else if (imap_lex_word(lex, "STATUS")) {
			if (!imap_lex_space(lex) || !imap_status_parse(s, lex, &l->status))
				return false;
		} else if (imap_lex_word(lex, "METADATA")) {
			if (!metadata(s, lex, l))
				return false;
		} else if (!imap_lex_word(lex, "CHILDREN") &&
			   !imap_lex_word(lex, "SPECIAL-USE"))
			return false;
	} while (imap_lex_space(lex));
	return imap_lex_char(lex, ')');
}

bool imap_list_parse(struct imap_session *s, struct imap_lex *lex, struct imap_listing *l)
{
	*l = (struct imap_listing){0};
	bool extended = imap_lex_peek(lex) == '(';
	bool good = selection(lex, l) && patterns(s, lex, l, &extended);
	if (good && imap_lex_space(lex)) {
		extended = true;
		good = returns(s, lex, l);
	}
	l->root = l->root && !extended;
	l->tell_subscribed = l->tell_subscribed || l->subscribed;
	if (good && imap_lex_end(lex))
		return true;
	if (arena_short(s->work->arena)) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return false;
	}
	imap_bad(s, "LIST takes options, a reference, at most 16 patterns and RETURN (...)");
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/filter: see filter.h.
 *
 * The names of a filter are sorted, so that a name is looked for in it, and each level
 * above, by halving: what a command costs does not grow with names times mailboxes.
 */
#include "imap/filter.h"

#include <stdlib.h>

static const struct {
	const char *name;
	enum imap_filter_kind kind;
	bool names;
} kinds[] = {
	{"selected", IMAP_FILTER_SELECTED, false},
	{"selected-delayed", IMAP_FILTER_SELECTED_DELAYED, false},
	{"inboxes", IMAP_FILTER_INBOXES, false},
	{"personal", IMAP_FILTER_PERSONAL, false},
	{"subscribed", IMAP_FILTER_SUBSCRIBED, false},
	{"subtree", IMAP_FILTER_SUBTREE, true},
	{"subtree-one", IMAP_FILTER_SUBTREE_ONE, true},
	{"mailboxes", IMAP_FILTER_MAILBOXES, true},
};

/* "" is above all names.  False: answered. */
static bool one_name(struct imap_session *s, struct imap_lex *lex, size_t *left,
		     struct imap_filter *f)
{
	if (*left == 0) {
		imap_no(s, "LIMIT", "Too many names");
		return false;
	}
	--*left;
	if (f->kind != IMAP_FILTER_MAILBOXES && span_starts(lex->rest, SPAN("\"\""))) {
		lex->rest = span_skip(lex->rest, 2);
		f->names[f->count++] = SPAN("");
		return true;
	}
	return imap_arg_name(s, lex, &f->names[f->count++]);
}

static int by_bytes(const void *a, const void *b)
{
	return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static bool some_names(struct imap_session *s, struct imap_lex *lex, size_t *left,
		       struct imap_filter *f)
{
	f->names = ARENA_ARRAY(s->work->arena, *left + 1, struct span);
	if (f->names == NULL) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return false;
	}
	bool list = imap_lex_char(lex, '(');
	do {
		if (!one_name(s, lex, left, f))
			return false;
	} while (list && imap_lex_space(lex));
	if (list && !imap_lex_char(lex, ')')) {
		imap_bad(s, "A list of mailbox names ends with a parenthesis");
		return false;
	}
	qsort(f->names, f->count, sizeof *f->names, by_bytes);
	return true;
}

static bool personal(struct imap_session *s, struct imap_filter *f)
{
	enum imap_answer r = s->host->namespaces(s->host, s->work->arena, &f->others);
	if (r != IMAP_YES)
		imap_no_answer(s, r);
	return r == IMAP_YES;
}

bool imap_filter_parse(struct imap_session *s, struct imap_lex *lex, size_t *left,
		       struct imap_filter *out)
{
	*out = (struct imap_filter){0};
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!imap_lex_word(lex, kinds[i].name))
			continue;
		out->kind = kinds[i].kind;
		if (kinds[i].kind == IMAP_FILTER_PERSONAL)
			return personal(s, out);
		if (!kinds[i].names)
			return true;
		if (imap_lex_space(lex))
			return some_names(s, lex, left, out);
		break;
	}
	imap_bad(s, "selected, inboxes, personal, subscribed, or subtree, subtree-one and "
		    "mailboxes with names expected");
	return false;
}

static bool has(const struct imap_filter *f, struct span name)
{
	return f->count > 0 &&
	       bsearch(&name, f->names, f->count, sizeof *f->names, by_bytes) != NULL;
}

/* Is one of the names this one or a level above it, at most `levels` up? */
static bool is_below(const struct imap_filter *f, struct span name, size_t levels)
{
	for (size_t up = 0; up <= levels; up++) {
		if (has(f, name))
			return true;
		if (name.len == 0)
			return false;
		size_t slash = span_find_last(name, '/');
		name = span_sub(name, 0, slash != SIZE_MAX ? slash : 0);
	}
	return false;
}

bool imap_filter_matches(const struct imap_filter *f, struct span name, bool subscribed)
{
	switch (f->kind) {
	case IMAP_FILTER_SELECTED:
	case IMAP_FILTER_SELECTED_DELAYED:
		return false;
	case IMAP_FILTER_INBOXES:
		return span_eq(name, SPAN("INBOX"));
	case IMAP_FILTER_PERSONAL:
		return !imap_of_others(&f->others, name);
	case IMAP_FILTER_SUBSCRIBED:
		return subscribed;
	case IMAP_FILTER_SUBTREE:
		return is_below(f, name, SIZE_MAX - 1);
	case IMAP_FILTER_SUBTREE_ONE:
		return is_below(f, name, 1);
	case IMAP_FILTER_MAILBOXES:
		return has(f, name);
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/list_tree: LIST (SUBSCRIBED RECURSIVEMATCH), RFC 5258 3.1 and 4.
 *
 * A name is told when it is subscribed, or when a subscribed name stands below
 * it, whether it exists or not.  So all names are looked at before the first is
 * told: at most IMAP_LIST_NAMES_MAX, in the command's arena.  They are sorted by
 * bytes, therefore those below a name stand side by side.
 */
#include "imap/list.h"

struct tree {
	struct imap_session *s;
	const struct imap_listing *l;
	struct imap_entry *names;
	uint32_t *before; /* how many of those in front are subscribed */
	size_t count;
	bool full;
};

static void gather(void *arg, const struct imap_entry *e)
{
	struct tree *t = arg;
	if (t->count == IMAP_LIST_NAMES_MAX ||
	    !arena_copy(t->s->work->arena, e->name, &t->names[t->count].name)) {
		t->full = true;
		return;
	}
	struct span name = t->names[t->count].name;
	t->names[t->count] = *e;
	t->names[t->count].name = name;
	t->before[t->count + 1] = t->before[t->count] + e->subscribed;
	t->count++;
}

/* Is a in front of everything below the name? */
static bool in_front(struct span a, struct span name)
{
	int c = span_cmp(span_sub(a, 0, name.len), name);
	if (c != 0 || a.len <= name.len)
		return c < 0 || (c == 0 && a.len <= name.len);
	return (unsigned char)a.ptr[name.len] < '/';
}

static bool below(struct span a, struct span name)
{
	return a.len > name.len && a.ptr[name.len] == '/' && span_starts(a, name);
}

/* The first name below this one, and the first behind all of those. */
static void range(const struct tree *t, struct span name, size_t *from, size_t *to)
{
	size_t lo = 0, hi = t->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (in_front(t->names[mid].name, name))
			lo = mid + 1;
		else
			hi = mid;
	}
	*from = lo;
	hi = t->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (below(t->names[mid].name, name))
			lo = mid + 1;
		else
			hi = mid;
	}
	*to = lo;
}

static bool exists(const struct tree *t, struct span name)
{
	size_t lo = 0, hi = t->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = span_cmp(t->names[mid].name, name);
		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* Levels above that are in no list, told with the first subscribed name below. */
static void tell_missing(const struct tree *t, size_t at)
{
	struct span name = t->names[at].name;
	for (size_t i = 1; i < name.len; i++) {
		struct span level = span_sub(name, 0, i);
		size_t from, to;
		if (name.ptr[i] != '/' || exists(t, level) ||
		    !imap_list_matches(t->l, level))
			continue;
		range(t, level, &from, &to);
		if (t->before[at] != t->before[from])
			continue; /* told already */
		struct imap_entry e = {.name = level, .children = true};
		imap_list_line(t->s, t->l, &e, true);
	}
}

enum imap_answer imap_list_recursive(struct imap_session *s, const struct imap_listing *l)
{
	struct tree t = {.s = s, .l = l};
	t.names = ARENA_ARRAY(s->work->arena, IMAP_LIST_NAMES_MAX, struct imap_entry);
	t.before = ARENA_ARRAY(s->work->arena, IMAP_LIST_NAMES_MAX + 1, uint32_t);
	if (t.names == NULL || t.before == NULL)
		return IMAP_UNAVAILABLE;
	enum imap_answer r = imap_list_each(s, gather, &t);
	if (r != IMAP_YES || t.full)
		return r != IMAP_YES ? r : IMAP_LIMIT;
	for (size_t i = 0; i < t.count; i++) {
		size_t from, to;
		const struct imap_entry *e = &t.names[i];
		if (e->subscribed)
			tell_missing(&t, i);
		range(&t, e->name, &from, &to);
		bool child = t.before[to] != t.before[from];
		if ((e->subscribed || child) && imap_list_matches(l, e->name) &&
		    (!l->special || e->use != IMAP_USE_NONE))
			imap_list_line(s, l, e, child);
	}
	return IMAP_YES;
}

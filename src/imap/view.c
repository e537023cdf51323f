/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/view: what the client was told, from one version number.
 *
 * The sequence map at version V is: the UIDs there now, and those expunged
 * since V, as far as they are below the UIDNEXT that belonged to V.  `uids` is
 * asked before `changes`, so a message expunged in between is in both, and
 * none slips through.
 *
 * Must never tell an expunge when the client's numbers could still be in use,
 * nor move the version without telling everything up to it.
 */
#include "imap/flags.h"

#include <stdlib.h>

static bool answered(struct imap_session *s, enum imap_answer r)
{
	if (r != IMAP_YES)
		imap_no_answer(s, r);
	return r != IMAP_YES;
}

static bool below_next(const struct imap_session *s, const struct imap_set *from,
		       struct imap_set *to)
{
	for (size_t i = 0; i < from->count; i++) {
		struct imap_run run = from->runs[i];
		if (run.first >= s->uid_next)
			continue;
		if (run.last >= s->uid_next)
			run.last = s->uid_next - 1;
		if (!imap_set_add(to, run.first, run.last))
			return false;
	}
	return true;
}

/* The map before `changes` was told; its size is what the client counts. */
static enum imap_answer build(struct imap_session *s, const struct imap_set *now,
			      const struct imap_changes *changes)
{
	struct imap_work *w = s->work;
	imap_set_init(&w->map, w->arena);
	if (!below_next(s, now, &w->map) ||
	    !below_next(s, &changes->vanished, &w->map))
		return IMAP_UNAVAILABLE;
	imap_set_sort(&w->map);
	w->mapped = true;
	/* A log that does not reach back would give wrong numbers: say BYE. */
	return imap_set_size(&w->map) == s->exists ? IMAP_YES : IMAP_GONE;
}

static enum imap_answer map_once(struct imap_session *s, bool *news)
{
	struct imap_work *w = s->work;
	struct imap_host *host = s->host;
	struct imap_changes changes = {0};
	struct imap_set now;
	imap_set_init(&now, w->arena);
	imap_set_init(&changes.vanished, w->arena);
	enum imap_answer r = host->uids(host, s->mailbox, &now);
	if (r == IMAP_YES)
		r = host->changes(host, s->mailbox, s->version, w->arena, &changes);
	if (r == IMAP_YES)
		r = build(s, &now, &changes);
	*news = changes.version != s->version;
	return r;
}

/*
 * Messages that came since the last command are told first, so that this one
 * can already speak of them: what was acknowledged anywhere is found by the
 * next command of any session.
 */
bool imap_view_map(struct imap_session *s)
{
	struct imap_work *w = s->work;
	bool news;
	if (w->mapped)
		return true;
	enum imap_answer r = map_once(s, &news);
	if (r == IMAP_YES && news) {
		imap_view_tell(s, IMAP_TELL_NO_EXPUNGE);
		if (s->closing)
			return false;
		if (!w->mapped)
			r = map_once(s, &news);
	}
	return !answered(s, r);
}

enum imap_answer imap_view_numbers(struct imap_session *s)
{
	bool news;
	return s->work->mapped ? IMAP_YES : map_once(s, &news);
}

/* Ranks to members, run by run; all ranks exist.  False: out of memory. */
static bool by_rank(const struct imap_set *map, const struct imap_set *ranks,
		    struct imap_set *out)
{
	size_t at = 0;
	uint32_t before = 0; /* members in front of map->runs[at] */
	for (size_t i = 0; i < ranks->count; i++) {
		uint32_t rank = ranks->runs[i].first;
		while (rank <= ranks->runs[i].last) {
			ENSURE(at < map->count);
			struct imap_run run = map->runs[at];
			uint32_t size = run.last - run.first + 1;
			if (rank > before + size) {
				before += size;
				at++;
				continue;
			}
			uint32_t end = ranks->runs[i].last;
			if (end > before + size)
				end = before + size;
			if (!imap_set_add(out, run.first + (rank - before - 1),
					  run.first + (end - before - 1)))
				return false;
			rank = end + 1;
		}
	}
	return true;
}

bool imap_view_resolve(struct imap_session *s, struct span text, struct imap_set *uids)
{
	struct imap_work *w = s->work;
	struct imap_set named;
	if (!imap_view_map(s))
		return false;
	imap_set_init(uids, w->arena);
	if (span_eq(text, SPAN("$"))) {
		if (imap_saved_get(s, uids))
			return true;
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return false;
	}
	uint32_t star = s->exists;
	if (w->by_uid)
		star = imap_set_nth(&w->map, s->exists);
	imap_set_init(&named, w->arena);
	switch (imap_set_parse(text, star, &named)) {
	case IMAP_SET_OK:
		break;
	case IMAP_SET_BAD:
		imap_bad(s, "Invalid message set");
		return false;
	case IMAP_SET_LONG:
		imap_no(s, "LIMIT", "Message set too long");
		return false;
	case IMAP_SET_MEMORY:
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return false;
	}
	if (w->by_uid && imap_set_and(&named, &w->map, uids))
		return true;
	if (w->by_uid) {
		imap_no_answer(s, IMAP_UNAVAILABLE);
		return false;
	}
	/* Numbers that do not exist are the client's error (RFC 3501 9). */
	if (named.count > 0 && named.runs[named.count - 1].last > s->exists) {
		imap_bad(s, "No such message");
		return false;
	}
	if (named.count == 0) {
		imap_bad(s, "The mailbox is empty");
		return false;
	}
	if (by_rank(&w->map, &named, uids))
		return true;
	imap_no_answer(s, IMAP_UNAVAILABLE);
	return false;
}

void imap_view_advance(struct imap_session *s, uint64_t before, uint64_t after)
{
	if (before == s->version && before == s->flags_version)
		s->version = s->flags_version = after;
}

/* Those that the session's rights let it change (RFC 4314 5.1.1). */
static void tell_permanent(struct imap_session *s, const struct imap_keywords *k)
{
	struct stream *out = s->stream;
	bool others = (s->rights & ACL_W) != 0;
	if (others)
		stream_write(out, SPAN("\\Answered \\Flagged "));
	if ((s->rights & ACL_T) != 0)
		stream_write(out, SPAN("\\Deleted "));
	if ((s->rights & ACL_S) != 0)
		stream_write(out, SPAN("\\Seen "));
	if (!others)
		return;
	stream_write(out, SPAN("\\Draft "));
	for (size_t i = 0; i < k->count; i++) {
		stream_write(out, k->names[i]);
		stream_write(out, SPAN(" "));
	}
	if (k->count < IMAP_KEYWORDS_MAX)
		stream_write(out, SPAN("\\*"));
}

void imap_view_flags(struct imap_session *s)
{
	struct imap_keywords k;
	struct stream *out = s->stream;
	if (imap_keywords_get(s, &k) != IMAP_YES)
		k.count = 0;
	stream_write(out, SPAN("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft"));
	for (size_t i = 0; i < k.count; i++) {
		stream_write(out, SPAN(" "));
		stream_write(out, k.names[i]);
	}
	stream_write(out, SPAN(")\r\n* OK [PERMANENTFLAGS ("));
	if (!s->read_only)
		tell_permanent(s, &k);
	stream_write(out, SPAN(")] Flags that can be kept\r\n"));
	s->keywords = k.count;
}

struct span imap_selected_name(const struct imap_session *s)
{
	return s->name != NULL ? span_cstr(s->name) : SPAN("");
}

void imap_view_close(struct imap_session *s)
{
	if (s->state == IMAP_SELECTED)
		s->host->deselect(s->host, s->mailbox);
	if (s->state == IMAP_SELECTED)
		s->state = IMAP_AUTHED;
	s->mailbox = 0;
	free(s->name);
	s->name = NULL;
	imap_saved_drop(s);
	imap_contexts_drop(s);
	if (s->work != NULL)
		s->work->mapped = false;
}

/* Told by UID, not by number. */
static bool vanishes(const struct imap_session *s)
{
	return s->qresync || s->uidonly;
}

/* One run that is no more; `rank` is the number of its last. */
static void tell_run(struct imap_session *s, struct imap_run run, uint32_t rank)
{
	for (uint32_t n = 0; !vanishes(s) && n <= run.last - run.first; n++)
		stream_printf(s->stream, "* %u EXPUNGE\r\n", rank - n);
	if (run.last >= s->recent_from)
		s->recent -= run.last - (run.first > s->recent_from
						 ? run.first
						 : s->recent_from) + 1;
	s->exists -= run.last - run.first + 1;
}

/* From the end, so that no number told before a line is moved by it. */
static void tell_vanished(struct imap_session *s, const struct imap_set *gone)
{
	const struct imap_set *map = &s->work->map;
	size_t at = map->count;
	if (vanishes(s))
		imap_vanished_write(s->stream, "", gone);
	uint32_t end = s->exists; /* members up to the end of map run at - 1 */
	for (size_t i = gone->count; i-- > 0;) {
		struct imap_run run = gone->runs[i];
		ENSURE(at > 0);
		while (map->runs[at - 1].first > run.last) {
			end -= map->runs[at - 1].last - map->runs[at - 1].first + 1;
			at--;
			ENSURE(at > 0);
		}
		tell_run(s, run, end - (map->runs[at - 1].last - run.last));
	}
}

void imap_exists_tell(struct imap_session *s)
{
	stream_printf(s->stream, "* %u EXISTS\r\n", s->exists);
	if (!s->rev2)
		stream_printf(s->stream, "* %u RECENT\r\n", s->recent);
}

static void tell_new(struct imap_session *s, uint32_t exists)
{
	if (exists <= s->exists)
		return;
	s->recent += exists - s->exists;
	s->exists = exists;
	imap_exists_tell(s);
}

enum imap_answer imap_view_changed(struct imap_session *s, uint64_t since, uint32_t end,
				   const struct imap_set *known)
{
	struct imap_work *w = s->work;
	struct imap_keywords k = {0};
	struct imap_slots slots = {.next = 1};
	struct imap_cursor cursor = {.set = known};
	bool named = false;
	while (slots.next != 0 && slots.next < end) {
		uint32_t from = slots.next;
		slots = (struct imap_slots){0};
		arena_reset(w->batch);
		enum imap_answer r = s->host->pages(s->host, s->mailbox, from, end - 1,
						    since, w->batch, &slots);
		if (r == IMAP_YES && !named && slots.count > 0)
			r = imap_keywords_get(s, &k);
		if (r != IMAP_YES)
			return r;
		if (!named && k.count > s->keywords)
			imap_view_flags(s);
		named = named || slots.count > 0;
		for (size_t i = 0; i < slots.count; i++) {
			/* Expunged by now, but still one of the client's numbers? */
			if (!imap_set_has(known, slots.slots[i].uid))
				continue;
			imap_flags_tell(s, &k, &slots.slots[i],
					imap_cursor_rank(&cursor, slots.slots[i].uid));
		}
	}
	return IMAP_YES;
}

static enum imap_answer tell(struct imap_session *s, enum imap_tell how)
{
	struct imap_work *w = s->work;
	struct imap_host *host = s->host;
	struct imap_changes changes = {0};
	struct imap_set now, gone, known;
	imap_set_init(&now, w->arena);
	imap_set_init(&gone, w->arena);
	imap_set_init(&known, w->arena);
	imap_set_init(&changes.vanished, w->arena);
	enum imap_answer r = host->changes(host, s->mailbox, s->version, w->arena,
					   &changes);
	if (r != IMAP_YES ||
	    (changes.version == s->version &&
	     changes.version == s->flags_version))
		return r;
	/* Asked again, now that it is known that something happened. */
	r = host->uids(host, s->mailbox, &now);
	if (r == IMAP_YES) {
		imap_set_init(&changes.vanished, w->arena);
		r = host->changes(host, s->mailbox, s->version, w->arena, &changes);
	}
	if (r == IMAP_YES)
		r = build(s, &now, &changes);
	if (r != IMAP_YES)
		return r;
	if (!below_next(s, &changes.vanished, &gone))
		return IMAP_UNAVAILABLE;
	if (gone.count > 0 && how != IMAP_TELL_ALL)
		return IMAP_YES;
	uint32_t end = s->uid_next;
	imap_contexts_gone(s, &gone);
	tell_vanished(s, &gone);
	w->mapped = false;
	tell_new(s, changes.exists);
	s->uid_next = changes.uid_next;
	s->version = changes.version;
	/* What `now` still held and `changes` knew to be gone. */
	if (!imap_set_minus(&w->map, &gone, &known))
		return IMAP_UNAVAILABLE;
	/* New flags of what the client knew before: below the UIDNEXT of then. */
	r = imap_view_changed(s, s->flags_version, end, &known);
	if (r == IMAP_YES)
		s->flags_version = changes.version;
	return r;
}

void imap_view_tell(struct imap_session *s, enum imap_tell how)
{
	if (how == IMAP_TELL_NOTHING || s->state != IMAP_SELECTED)
		return;
	uint32_t before = s->uid_next;
	enum imap_answer r = tell(s, how);
	/* Short of memory or the store away: told next time. */
	if (r == IMAP_GONE)
		imap_bye(s, "The selected mailbox is gone, connect again");
	if (r == IMAP_GONE)
		return;
	if (s->uid_next > before && imap_notify_fetches(s))
		imap_notify_arrived(s, before);
	imap_contexts_tell(s);
}

/* ---- what a hint carried ------------------------------------------------- */

/* The part of a run that the client knows; false: none. */
static bool known_part(const struct imap_session *s, const struct imap_left *l,
		       struct imap_run *run)
{
	*run = l->run;
	if (run->first >= s->uid_next)
		return false;
	if (run->last >= s->uid_next)
		run->last = s->uid_next - 1;
	return true;
}

/* Would all its numbers be the client's?  *exists: once the expunged are told. */
static bool gone_fits(const struct imap_session *s, const struct imap_news *n,
		      uint32_t *exists)
{
	uint32_t below = 0, uid = 0; /* highest rank and UID so far */
	*exists = s->exists;
	for (size_t i = 0; i < n->gone_count; i++) {
		struct imap_run run;
		const struct imap_left *l = &n->gone[i];
		if (l->run.first <= uid || l->run.last < l->run.first)
			return false;
		uid = l->run.last;
		if (!known_part(s, l, &run))
			continue;
		uint32_t size = run.last - run.first + 1;
		if (l->rank <= below || l->rank > s->exists ||
		    size > s->exists - l->rank + 1)
			return false;
		below = l->rank + size - 1;
		*exists -= size;
	}
	return true;
}

static bool news_fit(const struct imap_session *s, const struct imap_news *n)
{
	uint32_t left, rank = 0, uid = 0;
	if (!gone_fits(s, n, &left) || n->exists < left ||
	    n->uid_next < s->uid_next ||
	    n->exists - left > n->uid_next - s->uid_next)
		return false;
	for (size_t i = 0; i < n->flag_count; i++) {
		const struct imap_flagged *f = &n->flags[i];
		if (f->slot.uid >= s->uid_next)
			continue;
		if (f->slot.uid <= uid || f->rank <= rank || f->rank > left)
			return false;
		uid = f->slot.uid;
		rank = f->rank;
	}
	return true;
}

static void tell_flagged(struct imap_session *s, const struct imap_news *n,
			 uint32_t end)
{
	static const struct imap_keywords none = {0};
	for (size_t i = 0; i < n->flag_count; i++) {
		const struct imap_flagged *f = &n->flags[i];
		if (f->slot.uid >= end || f->slot.modseq <= s->flags_version)
			continue;
		imap_flags_tell(s, &none, &f->slot, f->rank);
	}
}

static void tell_left(struct imap_session *s, const struct imap_news *n)
{
	const char *between = "* VANISHED ";
	for (size_t i = 0; i < n->gone_count; i++) {
		struct imap_run run;
		if (!known_part(s, &n->gone[i], &run))
			continue;
		stream_printf(s->stream, "%s%u:%u", between, run.first, run.last);
		between = ",";
	}
	if (*between == ',')
		stream_write(s->stream, SPAN("\r\n"));
}

/*
 * News from before our version are of use as long as no number moved: counts are
 * those of now, and flags say which version they are of.
 */
bool imap_view_news(struct imap_session *s, const struct imap_news *n)
{
	uint32_t end = s->uid_next;
	if (n->mailbox != s->mailbox || s->flags_version != s->version || s->contexts != NULL)
		return false;
	if (n->version <= s->version)
		return true;
	if (n->since > s->version ||
	    (n->since < s->version && n->gone_count > 0) || !news_fit(s, n))
		return false;
	if (vanishes(s))
		tell_left(s, n);
	for (size_t i = n->gone_count; i-- > 0;) {
		struct imap_run run;
		if (known_part(s, &n->gone[i], &run))
			tell_run(s, run,
				 n->gone[i].rank + (run.last - run.first));
	}
	tell_new(s, n->exists);
	s->uid_next = n->uid_next;
	tell_flagged(s, n, end);
	s->version = s->flags_version = n->version;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/metadata: names of annotations, and telling them.
 *
 * Values come a page at a time into an arena of its own, so telling those of a
 * thousand mailboxes needs no more memory than those of one.
 */
#include "imap/metadata.h"

#include "imap/write.h"

#define PAGE_MAX (256u * 1024u) /* one answer of the host */

/* RFC 5464 3.2; RFC 9590 has the same.  "/shared" alone is good for DEPTH. */
static bool entry_ok(struct span name)
{
	if (name.len < 2 || name.ptr[0] != '/' || name.ptr[name.len - 1] == '/')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (c <= ' ' || c > '~' || c == '*' || c == '%' ||
		    (c == '/' && i > 0 && name.ptr[i - 1] == '/'))
			return false;
	}
	struct span rest = span_skip(name, 1), scope;
	span_cut(&rest, '/', &scope);
	return span_eq(scope, SPAN("private")) || span_eq(scope, SPAN("shared"));
}

enum imap_entries_result imap_entry_parse(struct imap_lex *lex, struct span *said,
					  struct span *name)
{
	if (!imap_lex_astring(lex, said))
		return arena_short(lex->arena) ? IMAP_ENTRIES_MEMORY : IMAP_ENTRIES_BAD;
	if (said->len > IMAP_ENTRY_MAX)
		return IMAP_ENTRIES_LIMIT;
	char *low = arena_bytes(lex->arena, said->len + 1);
	if (low == NULL)
		return IMAP_ENTRIES_MEMORY;
	for (size_t i = 0; i < said->len; i++)
		low[i] = ascii_lower(said->ptr[i]);
	*name = span_of(low, said->len);
	return entry_ok(*name) ? IMAP_ENTRIES_OK : IMAP_ENTRIES_BAD;
}

enum imap_entries_result imap_entries_parse(struct imap_lex *lex,
					    struct imap_entries_asked *a)
{
	bool list = imap_lex_char(lex, '(');
	a->count = 0;
	do {
		struct span said, name;
		enum imap_entries_result r = imap_entry_parse(lex, &said, &name);
		if (r == IMAP_ENTRIES_OK && a->count == IMAP_ENTRIES_MAX)
			r = IMAP_ENTRIES_LIMIT;
		if (r != IMAP_ENTRIES_OK)
			return r;
		a->said[a->count] = said;
		a->names[a->count++] = name;
	} while (imap_lex_space(lex));
	return !list || imap_lex_char(lex, ')') ? IMAP_ENTRIES_OK : IMAP_ENTRIES_BAD;
}

/* ---- telling ---------------------------------------------------------------- */

struct telling {
	struct imap_session *s;
	const struct imap_entries_asked *asked;
	struct span mailbox;
	bool open;     /* "* METADATA name (" was said */
	uint64_t seen; /* by number in asked->names: it has a value */
	uint32_t longest;
};

static void write_entry(struct stream *out, struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!imap_atom_char(name.ptr[i])) {
			imap_write_string(out, name);
			return;
		}
	stream_write(out, name);
}

/* A value may be any bytes: RFC 5464 5. */
static void write_value(struct stream *out, struct span value)
{
	if (!span_has(value, '\0')) {
		imap_write_string(out, value);
		return;
	}
	stream_printf(out, "~{%zu}\r\n", value.len);
	stream_write(out, value);
}

static void begin(struct telling *t, struct arena *arena, struct span entry)
{
	struct stream *out = t->s->stream;
	if (t->open) {
		stream_write(out, SPAN(" "));
	} else {
		stream_write(out, SPAN("* METADATA "));
		imap_write_name(t->s, arena, t->mailbox);
		stream_write(out, SPAN(" ("));
	}
	t->open = true;
	write_entry(out, entry);
	stream_write(out, SPAN(" "));
}

static void tell(struct telling *t, struct arena *arena, const struct imap_annotation *a)
{
	struct span name = a->name;
	for (size_t i = 0; i < t->asked->count; i++)
		if (span_eq(t->asked->names[i], a->name)) {
			t->seen |= 1ull << i;
			name = t->asked->said[i];
		}
	if (!a->set && a->size > t->longest)
		t->longest = a->size;
	if (!a->set)
		return;
	begin(t, arena, name);
	write_value(t->s->stream, a->value);
}

static void tell_missing(struct telling *t, struct arena *arena)
{
	bool some = t->open || t->longest > 0;
	for (size_t i = 0; i < t->asked->count; i++) {
		if ((t->seen >> i & 1) || (some && t->asked->depth > 0))
			continue;
		begin(t, arena, t->asked->said[i]);
		stream_write(t->s->stream, SPAN("NIL"));
	}
}

static enum imap_answer pages(struct telling *t, struct arena *arena)
{
	struct imap_annotations_of of = {.mailbox = t->mailbox,
					 .entries = t->asked->names,
					 .count = t->asked->count,
					 .depth = t->asked->depth,
					 .largest = t->asked->largest};
	char after[IMAP_ENTRY_MAX];
	size_t after_len = 0;
	struct imap_annotations found;
	do {
		arena_reset(arena);
		found = (struct imap_annotations){0};
		enum imap_answer r = t->s->host->annotations(
			t->s->host, &of, span_of(after, after_len), arena, &found);
		if (r != IMAP_YES)
			return r;
		for (size_t i = 0; i < found.count; i++)
			tell(t, arena, &found.list[i]);
		if (found.count == 0)
			break;
		struct span last = found.list[found.count - 1].name;
		after_len = last.len;
		ENSURE(after_len > 0 && after_len <= sizeof after);
		memcpy(after, last.ptr, after_len);
	} while (found.more);
	arena_reset(arena);
	tell_missing(t, arena);
	return IMAP_YES;
}

enum imap_answer imap_metadata_tell(struct imap_session *s,
				    const struct imap_entries_asked *asked,
				    struct span mailbox, uint32_t *longest)
{
	_Static_assert(IMAP_ENTRIES_MAX <= 64, "`seen` has a bit for each");
	struct telling t = {.s = s, .asked = asked, .mailbox = mailbox};
	struct arena *arena = arena_new(PAGE_MAX);
	enum imap_answer r = arena != NULL ? pages(&t, arena) : IMAP_UNAVAILABLE;
	/* What was begun is ended, whatever comes after it. */
	if (t.open)
		stream_write(s->stream, SPAN(")\r\n"));
	arena_free(arena);
	*longest = t.longest;
	return r;
}

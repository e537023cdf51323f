/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/address: one pass over the field, collecting words until something
 * says what they were.
 *
 * Must never loop without consuming a byte, nor give more addresses than the
 * limit.
 */
#include "mime/address.h"

#include "mime/content.h"
#include "mime/limits.h"

struct state {
	struct span rest;
	struct arena *arena;
	struct summary_address *at;
	size_t count, cap;
	bool cut, no_memory, is_short, in_group;
	/* What was read since the last separator. */
	struct buf phrase;  /* words with a blank where there was one */
	struct buf local;   /* the same without blanks */
	struct buf host;
	struct buf adl;
	struct buf comment; /* the last one */
	bool blank, has_at, has_angle;
};

static bool is_special(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f || strchr("()<>@,;:\"[]", c) != NULL;
}

static void forget(struct state *s)
{
	buf_clear(&s->phrase);
	buf_clear(&s->local);
	buf_clear(&s->host);
	buf_clear(&s->adl);
	buf_clear(&s->comment);
	s->blank = s->has_at = s->has_angle = false;
}

static struct span keep(struct state *s, struct span text)
{
	struct span out;
	if (text.len == 0)
		return SPAN("");
	if (!arena_copy(s->arena, text, &out)) {
		s->no_memory = true;
		return SPAN("");
	}
	return out;
}

static struct span keep_or_nil(struct state *s, struct span text)
{
	return text.len == 0 ? (struct span){0} : keep(s, text);
}

static struct summary_address *next_slot(struct state *s)
{
	if (s->count == s->cap) {
		s->cut = true;
		return NULL;
	}
	return &s->at[s->count++];
}

/* A separator or the end: what was collected is an address, or nothing. */
static void settle(struct state *s)
{
	bool any = s->has_angle || s->has_at || buf_len(&s->local) > 0;
	struct summary_address *a = any ? next_slot(s) : NULL;
	if (a != NULL) {
		struct span name = s->has_angle ? buf_span(&s->phrase) : buf_span(&s->comment);
		if (name.len == 0)
			name = buf_span(&s->comment);
		a->name = keep_or_nil(s, name);
		a->adl = keep_or_nil(s, buf_span(&s->adl));
		a->mailbox = keep(s, s->has_angle || s->has_at ? buf_span(&s->local)
							       : buf_span(&s->phrase));
		a->host = keep(s, buf_span(&s->host));
	}
	forget(s);
}

/* Skip one comment, keep its text (without outer parentheses) when asked. */
static void take_comment(struct state *s, struct buf *text)
{
	size_t i = 0, depth = 0;
	struct span r = s->rest;
	buf_clear(text);
	for (; i < r.len; i++) {
		char c = r.ptr[i];
		if (c == ')' && --depth == 0)
			break;
		if (depth > 0 && c == '\\' && i + 1 < r.len)
			c = r.ptr[++i];
		else if (c == '(' && ++depth == 1)
			continue;
		else if (depth > MIME_COMMENT_DEPTH)
			i = r.len - 1;
		buf_addc(text, c);
	}
	s->rest = span_skip(r, i + 1);
}

/* Blanks and comments. */
static void skip(struct state *s)
{
	while (s->rest.len > 0) {
		char c = s->rest.ptr[0];
		if (c == '(')
			take_comment(s, &s->comment);
		else if ((unsigned char)c <= ' ' || c == 0x7f)
			s->rest = span_skip(s->rest, 1);
		else
			return;
		s->blank = true;
	}
}

static void add_word(struct state *s, struct span word)
{
	if (s->blank && buf_len(&s->phrase) > 0)
		buf_addc(&s->phrase, ' ');
	s->blank = false;
	buf_add(&s->phrase, word);
	buf_add(&s->local, word);
}

static void take_quoted(struct state *s)
{
	struct span r = s->rest;
	size_t i = 1;
	add_word(s, (struct span){0});
	for (; i < r.len && r.ptr[i] != '"'; i++) {
		if (r.ptr[i] == '\\' && i + 1 < r.len)
			i++;
		buf_addc(&s->phrase, r.ptr[i]);
		buf_addc(&s->local, r.ptr[i]);
	}
	s->rest = span_skip(r, i + 1);
}

static struct span take_atom(struct state *s)
{
	size_t n = 0;
	while (n < s->rest.len && !is_special(s->rest.ptr[n]))
		n++;
	struct span a = span_sub(s->rest, 0, n);
	s->rest = span_skip(s->rest, n);
	return a;
}

/* After '@': atoms and literals, blanks and comments between them left out. */
static void take_domain(struct state *s, struct buf *to)
{
	for (skip(s); s->rest.len > 0; skip(s)) {
		if (s->rest.ptr[0] == '[') {
			size_t end = span_find(s->rest, ']');
			size_t n = end == SIZE_MAX ? s->rest.len : end + 1;
			buf_add(to, span_sub(s->rest, 0, n));
			s->rest = span_skip(s->rest, n);
			continue;
		}
		struct span atom = take_atom(s);
		if (atom.len == 0)
			return;
		buf_add(to, atom);
	}
}

/* A domain; where one came before, that was part of the local part. */
static void take_at(struct state *s, bool again)
{
	if (again) {
		buf_addc(&s->local, '@');
		buf_add(&s->local, buf_span(&s->host));
	}
	s->rest = span_skip(s->rest, 1);
	buf_clear(&s->host);
	take_domain(s, &s->host);
}

/* "@a,@b:" in front of a mailbox in angle brackets. */
static void take_route(struct state *s)
{
	while (s->rest.len > 0 && (s->rest.ptr[0] == '@' || s->rest.ptr[0] == ',')) {
		buf_addc(&s->adl, s->rest.ptr[0]);
		s->rest = span_skip(s->rest, 1);
		take_domain(s, &s->adl);
	}
	if (span_starts(s->rest, SPAN(":")))
		s->rest = span_skip(s->rest, 1);
}

/* From '<' to '>' or to a separator that should not be there. */
static void take_angle(struct state *s)
{
	s->rest = span_skip(s->rest, 1);
	s->has_angle = true;
	buf_clear(&s->local);
	buf_clear(&s->host);
	buf_clear(&s->adl);
	size_t phrase = buf_len(&s->phrase);
	bool at = false;
	skip(s);
	take_route(s);
	for (skip(s); s->rest.len > 0; skip(s)) {
		char c = s->rest.ptr[0];
		if (c == '>' || c == ',' || c == ';') {
			if (c == '>')
				s->rest = span_skip(s->rest, 1);
			break;
		}
		if (c == '"') {
			take_quoted(s);
		} else if (c == '@') {
			take_at(s, at);
			at = true;
		} else {
			struct span atom = take_atom(s);
			buf_add(&s->local, atom);
			if (atom.len == 0 && c == ':')
				buf_addc(&s->local, c);
			if (atom.len == 0)
				s->rest = span_skip(s->rest, 1);
		}
	}
	/* Words inside the brackets are no part of the display name. */
	buf_cut(&s->phrase, buf_len(&s->phrase) - phrase);
}

/* Without a slot the group stays as it was, for close_group. */
static void group_mark(struct state *s, struct span name, bool start)
{
	struct summary_address *a = next_slot(s);
	if (a == NULL)
		return;
	if (start)
		a->mailbox = keep(s, name);
	s->in_group = start;
}

/* A word; one behind the angle brackets belongs to nothing. */
static void take_word(struct state *s)
{
	size_t phrase = buf_len(&s->phrase), local = buf_len(&s->local);
	if (s->rest.ptr[0] == '"') {
		take_quoted(s);
	} else {
		struct span atom = take_atom(s);
		if (s->has_at && !s->has_angle)
			buf_add(&s->host, atom);
		else
			add_word(s, atom);
	}
	if (s->has_angle) {
		buf_cut(&s->phrase, buf_len(&s->phrase) - phrase);
		buf_cut(&s->local, buf_len(&s->local) - local);
	}
}

/* One token that is neither blank nor comment. */
static void step(struct state *s)
{
	char c = s->rest.ptr[0];
	if (c == '<') {
		take_angle(s);
		return;
	}
	if (c == '"' || !is_special(c)) {
		take_word(s);
		return;
	}
	if (c == '@' && !s->has_angle) {
		take_at(s, s->has_at);
		s->has_at = true;
		return;
	}
	/* "Ann [work] <a@b>" */
	if (!s->has_at && !s->has_angle &&
	    (c == '[' || (c == ']' && buf_len(&s->phrase) > 0)))
		add_word(s, span_sub(s->rest, 0, 1));
	s->rest = span_skip(s->rest, 1);
	if (c == ',') {
		settle(s);
	} else if (c == ';') {
		settle(s);
		if (s->in_group)
			group_mark(s, (struct span){0}, false);
	} else if (c == ':' && !s->in_group && !s->has_at && !s->has_angle) {
		group_mark(s, buf_span(&s->phrase), true);
		forget(s);
	}
}

static size_t most_addresses(struct span f)
{
	size_t n = 2;
	for (size_t i = 0; i < f.len && n < MIME_ADDRESSES_MAX; i++)
		n += f.ptr[i] == ';' ? 2 : f.ptr[i] == ',' || f.ptr[i] == ':';
	return n < MIME_ADDRESSES_MAX ? n : MIME_ADDRESSES_MAX;
}

/* A group that is open at the end, or was cut, still gets its end. */
static void close_group(struct state *s)
{
	if (!s->in_group)
		return;
	if (s->count == s->cap) {
		const struct summary_address *last = &s->at[--s->count];
		/* Its beginning was the last that fit: then there is no group. */
		if (last->host.ptr == NULL)
			return;
	}
	s->at[s->count++] = (struct summary_address){0};
}

enum mime_address_result mime_address_list(struct span field, struct arena *arena,
					   struct summary_list *out)
{
	struct state s = {.rest = span_sub(field, 0, MIME_FIELD_MAX), .arena = arena};
	*out = (struct summary_list){0};
	s.cap = most_addresses(s.rest);
	s.at = ARENA_ARRAY(arena, s.cap, struct summary_address);
	if (s.at == NULL)
		return arena_short(arena) ? MIME_ADDRESS_SHORT : MIME_ADDRESS_MEMORY;
	struct buf *bufs[] = {&s.phrase, &s.local, &s.host, &s.adl, &s.comment};
	for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
		buf_init(bufs[i], MIME_FIELD_MAX);
	for (skip(&s); s.rest.len > 0 && !s.cut; skip(&s))
		step(&s);
	if (!s.cut)
		settle(&s);
	close_group(&s);
	for (size_t i = 0; i < ARRAY_LEN(bufs); i++) {
		s.is_short |= buf_short(bufs[i]);
		buf_free(bufs[i]);
	}
	if (s.is_short || arena_short(arena))
		return MIME_ADDRESS_SHORT;
	if (s.no_memory)
		return MIME_ADDRESS_MEMORY;
	*out = (struct summary_list){s.at, s.count};
	return s.cut ? MIME_ADDRESS_CUT : MIME_ADDRESS_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/fetch_parse: fetch-att and section (RFC 3501 6.4.5, section 9) and what
 * may follow them: CHANGEDSINCE, VANISHED (RFC 7162), PARTIAL (RFC 9394).
 *
 * Must never take more items or names than the tables hold: what one command
 * can cost is fixed here.
 */
#include "imap/fetch.h"

#include "base/check.h"

static const struct {
	const char *name;
	enum imap_item item;
	bool peek;
	enum imap_section_kind kind;
} simple[] = {
	{"BODYSTRUCTURE", IMAP_ITEM_BODYSTRUCTURE, true, 0},
	{"ENVELOPE", IMAP_ITEM_ENVELOPE, true, 0},
	{"FLAGS", IMAP_ITEM_FLAGS, true, 0},
	{"MODSEQ", IMAP_ITEM_MODSEQ, true, 0},
	{"INTERNALDATE", IMAP_ITEM_DATE, true, 0},
	{"RFC822.SIZE", IMAP_ITEM_SIZE, true, 0},
	{"EMAILID", IMAP_ITEM_EMAILID, true, 0},
	{"THREADID", IMAP_ITEM_THREADID, true, 0},
	{"SAVEDATE", IMAP_ITEM_SAVEDATE, true, 0},
	{"UID", IMAP_ITEM_UID, true, 0},
	{"RFC822.HEADER", IMAP_ITEM_SECTION, true, IMAP_SECTION_HEADER},
	{"RFC822.TEXT", IMAP_ITEM_SECTION, false, IMAP_SECTION_TEXT},
	{"RFC822", IMAP_ITEM_SECTION, false, IMAP_SECTION_ALL},
};

static const struct {
	const char *name;
	enum imap_section_kind kind;
	bool part; /* needs a part number in front */
} section_texts[] = {
	{"HEADER.FIELDS.NOT", IMAP_SECTION_FIELDS_NOT, false},
	{"HEADER.FIELDS", IMAP_SECTION_FIELDS, false},
	{"HEADER", IMAP_SECTION_HEADER, false},
	{"TEXT", IMAP_SECTION_TEXT, false},
	{"MIME", IMAP_SECTION_MIME, true},
};

static const struct {
	const char *name;
	enum imap_item items[5];
	size_t count;
} macros[] = {
	{"ALL", {IMAP_ITEM_FLAGS, IMAP_ITEM_DATE, IMAP_ITEM_SIZE, IMAP_ITEM_ENVELOPE}, 4},
	{"FAST", {IMAP_ITEM_FLAGS, IMAP_ITEM_DATE, IMAP_ITEM_SIZE}, 3},
	{"FULL",
	 {IMAP_ITEM_FLAGS, IMAP_ITEM_DATE, IMAP_ITEM_SIZE, IMAP_ITEM_ENVELOPE,
	  IMAP_ITEM_BODY},
	 5},
};

static bool header_list(struct imap_lex *lex, struct imap_section *section)
{
	section->fields = ARENA_ARRAY(lex->arena, IMAP_FETCH_FIELDS_MAX, struct span);
	if (section->fields == NULL || !imap_lex_space(lex) || !imap_lex_char(lex, '('))
		return false;
	do {
		struct span *name = &section->fields[section->field_count];
		if (section->field_count == IMAP_FETCH_FIELDS_MAX ||
		    !imap_lex_astring(lex, name) || name->len == 0)
			return false;
		/* A field name: printable and no colon (RFC 5322 2.2). */
		for (size_t i = 0; i < name->len; i++)
			if (name->ptr[i] <= ' ' || name->ptr[i] >= 0x7f ||
			    name->ptr[i] == ':')
				return false;
		section->field_count++;
	} while (imap_lex_space(lex));
	return imap_lex_char(lex, ')');
}

static bool section_text(struct imap_lex *lex, struct imap_section *section)
{
	for (size_t i = 0; i < ARRAY_LEN(section_texts); i++) {
		if (!imap_lex_word(lex, section_texts[i].name))
			continue;
		section->kind = section_texts[i].kind;
		if (section_texts[i].part && section->count == 0)
			return false;
		if (section->kind == IMAP_SECTION_FIELDS ||
		    section->kind == IMAP_SECTION_FIELDS_NOT)
			return header_list(lex, section);
		return true;
	}
	return false;
}

bool imap_section_parse(struct imap_lex *lex, struct imap_section *out)
{
	*out = (struct imap_section){.kind = IMAP_SECTION_ALL};
	while (ascii_digit(imap_lex_peek(lex))) {
		uint64_t n;
		if (out->count == SUMMARY_DEPTH_MAX ||
		    !imap_lex_number(lex, UINT32_MAX, &n) || n == 0)
			return false;
		out->numbers[out->count++] = (uint32_t)n;
		if (!imap_lex_char(lex, '.'))
			return true;
	}
	return section_text(lex, out);
}

static bool section(struct imap_lex *lex, struct imap_section *out)
{
	*out = (struct imap_section){.kind = IMAP_SECTION_ALL};
	return imap_lex_char(lex, ']') ||
	       (imap_section_parse(lex, out) && imap_lex_char(lex, ']'));
}

static bool partial(struct imap_lex *lex, struct imap_fetch_item *item)
{
	item->partial = imap_lex_char(lex, '<');
	if (!item->partial)
		return true;
	return imap_lex_number(lex, INT64_MAX, &item->offset) &&
	       imap_lex_char(lex, '.') &&
	       imap_lex_number(lex, INT64_MAX, &item->length) && item->length > 0 &&
	       imap_lex_char(lex, '>');
}

static bool word_before(struct imap_lex *lex, const char *word, char next)
{
	struct span want = span_cstr(word);
	if (!span_starts_nocase(lex->rest, want) || lex->rest.len <= want.len ||
	    lex->rest.ptr[want.len] != next)
		return false;
	lex->rest = span_skip(lex->rest, want.len + 1);
	return true;
}

/* BINARY, BINARY.PEEK and BINARY.SIZE take part numbers alone (RFC 3516 4.2). */
static bool binary(struct imap_lex *lex, struct imap_fetch_item *item, bool *found)
{
	item->item = IMAP_ITEM_BINARY;
	item->peek = word_before(lex, "BINARY.PEEK", '[');
	*found = item->peek || word_before(lex, "BINARY", '[');
	if (!*found && word_before(lex, "BINARY.SIZE", '[')) {
		*found = item->peek = true;
		item->item = IMAP_ITEM_BINARY_SIZE;
	}
	return *found && section(lex, &item->section) &&
	       item->section.kind == IMAP_SECTION_ALL &&
	       (item->item == IMAP_ITEM_BINARY_SIZE || partial(lex, item));
}

/* "PREVIEW" or "PREVIEW (LAZY)": it is always there already. */
static bool preview(struct imap_lex *lex)
{
	struct imap_lex back = *lex;
	if (imap_lex_space(lex) && imap_lex_char(lex, '(') && imap_lex_word(lex, "LAZY"))
		return imap_lex_char(lex, ')');
	*lex = back;
	return true;
}

static bool one(struct imap_lex *lex, struct imap_fetch_item *item)
{
	bool found;
	*item = (struct imap_fetch_item){0};
	bool good = binary(lex, item, &found);
	if (found)
		return good;
	if (imap_lex_word(lex, "PREVIEW")) {
		*item = (struct imap_fetch_item){.item = IMAP_ITEM_PREVIEW, .peek = true};
		return preview(lex);
	}
	*item = (struct imap_fetch_item){.peek = word_before(lex, "BODY.PEEK", '[')};
	if (item->peek || word_before(lex, "BODY", '[')) {
		item->item = IMAP_ITEM_SECTION;
		return section(lex, &item->section) && partial(lex, item);
	}
	for (size_t i = 0; i < ARRAY_LEN(simple); i++) {
		if (!imap_lex_word(lex, simple[i].name))
			continue;
		item->item = simple[i].item;
		item->peek = simple[i].peek;
		item->section.kind = simple[i].kind;
		if (item->item == IMAP_ITEM_SECTION)
			item->legacy = simple[i].name;
		return true;
	}
	item->item = IMAP_ITEM_BODY;
	item->peek = true;
	return imap_lex_word(lex, "BODY");
}

static bool macro(struct imap_lex *lex, struct imap_fetch *f)
{
	for (size_t i = 0; i < ARRAY_LEN(macros); i++) {
		if (!imap_lex_word(lex, macros[i].name))
			continue;
		for (; f->count < macros[i].count; f->count++)
			f->items[f->count] = (struct imap_fetch_item){
				.item = macros[i].items[f->count], .peek = true};
		return true;
	}
	return false;
}

/* An item asked for twice is answered once; sections may differ in their parts. */
static void keep(struct imap_fetch *f)
{
	enum imap_item item = f->items[f->count].item;
	bool many = item == IMAP_ITEM_SECTION || item == IMAP_ITEM_BINARY ||
		    item == IMAP_ITEM_BINARY_SIZE;
	for (size_t i = 0; i < f->count && !many; i++)
		if (f->items[i].item == item)
			return;
	f->count++;
}

static void needs(struct imap_fetch *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct imap_fetch_item *item = &f->items[i];
		f->flags = f->flags || item->item == IMAP_ITEM_FLAGS;
		f->modseq = f->modseq || item->item == IMAP_ITEM_MODSEQ;
		f->rows = f->rows || item->item > IMAP_ITEM_MODSEQ;
		f->summary = f->summary || item->item >= IMAP_ITEM_ENVELOPE;
		f->origin = f->origin || item->item == IMAP_ITEM_SAVEDATE ||
			    item->item == IMAP_ITEM_EMAILID;
		f->seen = f->seen || !item->peek;
		f->whole = f->whole || (item->item == IMAP_ITEM_SECTION && !item->partial &&
					item->section.count == 0 &&
					(item->section.kind == IMAP_SECTION_ALL ||
					 item->section.kind == IMAP_SECTION_TEXT));
	}
}

bool imap_part_parse(struct imap_lex *lex, struct imap_part *p)
{
	uint64_t a, b;
	*p = (struct imap_part){.asked = true, .from_end = imap_lex_char(lex, '-')};
	if (!imap_lex_number(lex, UINT32_MAX, &a) || !imap_lex_char(lex, ':') ||
	    imap_lex_char(lex, '-') != p->from_end ||
	    !imap_lex_number(lex, UINT32_MAX, &b) || a == 0 || b == 0)
		return false;
	p->first = (uint32_t)u64_min(a, b);
	p->last = (uint32_t)(a < b ? b : a);
	return true;
}

bool imap_part_of(const struct imap_part *p, const struct imap_set *all,
		  struct imap_set *out)
{
	uint64_t size = imap_set_size(all), first = p->first, last = p->last;
	if (p->from_end && first > size)
		return true;
	if (p->from_end) {
		last = size - p->first + 1;
		first = p->last >= size ? 1 : size - p->last + 1;
	}
	return imap_set_slice(all, first, last, out);
}

/* One of what stands behind the items, in parentheses. */
static bool modifier(struct imap_lex *lex, struct imap_fetch *f)
{
	if (imap_lex_word(lex, "VANISHED")) {
		f->vanished = true;
		return true;
	}
	if (imap_lex_word(lex, "PARTIAL"))
		return imap_lex_space(lex) && imap_part_parse(lex, &f->part);
	return imap_lex_word(lex, "CHANGEDSINCE") && imap_lex_space(lex) &&
	       imap_lex_number(lex, INT64_MAX, &f->since) && f->since > 0;
}

/* CHANGEDSINCE shows the mod-sequences even where nobody asked (3.1.4.1). */
static bool modifiers(struct imap_lex *lex, struct imap_fetch *f)
{
	if (imap_lex_end(lex))
		return true;
	if (!imap_lex_space(lex) || !imap_lex_char(lex, '('))
		return false;
	do {
		if (!modifier(lex, f))
			return false;
	} while (imap_lex_space(lex));
	if (!imap_lex_char(lex, ')') || (f->vanished && f->since == 0))
		return false;
	if (f->since > 0 && !f->modseq && f->count == IMAP_FETCH_ITEMS_MAX)
		return false;
	if (f->since > 0 && !f->modseq)
		f->items[f->count++] = (struct imap_fetch_item){
			.item = IMAP_ITEM_MODSEQ, .peek = true};
	f->modseq = f->modseq || f->since > 0;
	return imap_lex_end(lex);
}

bool imap_fetch_parse(struct imap_lex *lex, struct imap_fetch *f)
{
	f->count = 0;
	if (!macro(lex, f)) {
		bool list = imap_lex_char(lex, '(');
		do {
			if (f->count == IMAP_FETCH_ITEMS_MAX ||
			    !one(lex, &f->items[f->count]))
				return false;
			keep(f);
		} while (list && imap_lex_space(lex));
		if (list && !imap_lex_char(lex, ')'))
			return false;
	}
	needs(f);
	return modifiers(lex, f);
}

/* "(" ... ")"; false: it does not end. */
static bool in_parentheses(struct imap_lex *lex, struct span *out)
{
	struct imap_lex at = *lex;
	struct span skipped;
	size_t depth = 0;
	do {
		char c = imap_lex_peek(&at);
		if (c == '\0')
			return false;
		if (c == '"' || c == '{') {
			if (!imap_lex_string(&at, &skipped))
				return false;
			continue;
		}
		depth += (c == '(') - (size_t)(c == ')');
		at.rest = span_skip(at.rest, 1);
	} while (depth > 0);
	*out = span_sub(lex->rest, 0, lex->rest.len - at.rest.len);
	*lex = at;
	return true;
}

bool imap_fetch_list(struct imap_lex *lex, struct span *out)
{
	struct imap_fetch *what = ARENA_NEW(lex->arena, struct imap_fetch);
	if (what == NULL || !in_parentheses(lex, out))
		return false;
	struct imap_lex items = {.rest = *out, .arena = lex->arena};
	return imap_fetch_parse(&items, what);
}

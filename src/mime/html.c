/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/html: one byte at a time; bytes over 127 are text like any letter.
 *
 * Must never hold back more than a name, nor write more than two bytes for one that
 * came (a blank or a line end in front of it).
 */
#include "mime/html.h"

#include "base/check.h"
#include "base/utf8.h"

static const char *const references[][2] = {
	{"AMP", "&"},	    {"Aacute", "\xc3\x81"}, {"Agrave", "\xc3\x80"},
	{"Auml", "\xc3\x84"}, {"Ccedil", "\xc3\x87"}, {"Eacute", "\xc3\x89"},
	{"GT", ">"},	    {"LT", "<"},	    {"Ntilde", "\xc3\x91"},
	{"Oslash", "\xc3\x98"}, {"Ouml", "\xc3\x96"}, {"QUOT", "\""},
	{"Uuml", "\xc3\x9c"}, {"aacute", "\xc3\xa1"}, {"acirc", "\xc3\xa2"},
	{"aelig", "\xc3\xa6"}, {"agrave", "\xc3\xa0"}, {"amp", "&"},
	{"apos", "'"},	    {"aring", "\xc3\xa5"}, {"atilde", "\xc3\xa3"},
	{"auml", "\xc3\xa4"}, {"bull", "\xe2\x80\xa2"}, {"ccedil", "\xc3\xa7"},
	{"copy", "\xc2\xa9"}, {"eacute", "\xc3\xa9"}, {"ecirc", "\xc3\xaa"},
	{"egrave", "\xc3\xa8"}, {"euml", "\xc3\xab"}, {"euro", "\xe2\x82\xac"},
	{"gt", ">"},	    {"hellip", "\xe2\x80\xa6"}, {"iacute", "\xc3\xad"},
	{"icirc", "\xc3\xae"}, {"igrave", "\xc3\xac"}, {"iuml", "\xc3\xaf"},
	{"laquo", "\xc2\xab"}, {"ldquo", "\xe2\x80\x9c"}, {"lsquo", "\xe2\x80\x98"},
	{"lt", "<"},	    {"mdash", "\xe2\x80\x94"}, {"nbsp", " "},
	{"ndash", "\xe2\x80\x93"}, {"ntilde", "\xc3\xb1"}, {"oacute", "\xc3\xb3"},
	{"ocirc", "\xc3\xb4"}, {"ograve", "\xc3\xb2"}, {"oslash", "\xc3\xb8"},
	{"otilde", "\xc3\xb5"}, {"ouml", "\xc3\xb6"}, {"pound", "\xc2\xa3"},
	{"quot", "\""},	    {"raquo", "\xc2\xbb"}, {"rdquo", "\xe2\x80\x9d"},
	{"reg", "\xc2\xae"}, {"rsquo", "\xe2\x80\x99"}, {"sect", "\xc2\xa7"},
	{"shy", ""},	    {"szlig", "\xc3\x9f"}, {"trade", "\xe2\x84\xa2"},
	{"uacute", "\xc3\xba"}, {"ucirc", "\xc3\xbb"}, {"ugrave", "\xc3\xb9"},
	{"uuml", "\xc3\xbc"}, {"yacute", "\xc3\xbd"},
};

/* Tags that stand within a word or a line; all others part the text. */
static const char *const within[] = {
	"a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del",
	"dfn", "em", "font", "i", "ins", "kbd", "mark", "nobr", "q", "s", "samp",
	"small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr"};

static const char *const shown[] = {"alt", "href", "title"};

static bool is_one_of(struct span name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_nocase(name, span_cstr(list[i])))
			return true;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static struct span name_of(const struct html *h)
{
	return span_of(h->name, h->name_len <= HTML_NAME_MAX ? h->name_len : 0);
}

/* ---- text ---- */

static void write(struct html *h, struct span s, struct buf *out)
{
	if (s.len == 0)
		return;
	if (h->blank)
		buf_addc(out, ' ');
	h->blank = false;
	buf_add(out, s);
}

static void part(struct html *h, struct buf *out)
{
	h->blank = false;
	buf_addc(out, '\n');
}

/* &#1234; and &#x4d2; false: none. */
static bool number(struct span s, struct buf *out, struct html *h)
{
	char bytes[UTF8_MAX];
	uint32_t c = 0;
	bool hex = s.len > 1 && ascii_lower(s.ptr[0]) == 'x';
	s = span_skip(s, hex);
	for (size_t i = 0; i < s.len; i++) {
		char d = ascii_lower(s.ptr[i]);
		unsigned v = ascii_digit(d) ? (unsigned)(d - '0')
			     : hex && d >= 'a' && d <= 'f' ? (unsigned)(d - 'a' + 10)
							   : 99;
		if (v == 99 || c > 0x10ffff)
			return false;
		c = c * (hex ? 16 : 10) + v;
	}
	size_t n = s.len > 0 && c >= ' ' ? utf8_encode(c, bytes) : 0;
	if (n > 0 && c != 0xad)
		write(h, span_of(bytes, n), out);
	return n > 0;
}

/* The reference is complete: its character, or what was written. */
static void end_ref(struct html *h, bool semicolon, struct buf *out)
{
	struct span whole = span_of(h->ref, h->ref_len), name = span_skip(whole, 1);
	h->ref_len = 0;
	if (whole.len > 2 && whole.ptr[1] == '#' &&
	    number(span_skip(whole, 2), out, h))
		return;
	for (size_t i = 0; i < ARRAY_LEN(references); i++) {
		if (!span_eq(name, span_cstr(references[i][0])))
			continue;
		struct span c = span_cstr(references[i][1]);
		if (span_eq(c, SPAN(" ")))
			h->blank = true;
		else
			write(h, c, out);
		return;
	}
	write(h, whole, out);
	if (semicolon)
		write(h, SPAN(";"), out);
}

/* A byte of text: of the document, or of a value that is shown. */
static void letter(struct html *h, char c, struct buf *out)
{
	if (h->ref_len > 0) {
		bool goes_on = ascii_alnum(c) || (c == '#' && h->ref_len == 1);
		if (goes_on && h->ref_len < HTML_NAME_MAX) {
			h->ref[h->ref_len++] = c;
			return;
		}
		end_ref(h, c == ';', out);
		if (c == ';')
			return;
	}
	if (c == '&')
		h->ref[h->ref_len++] = c;
	else if (is_blank(c))
		h->blank = true;
	else
		write(h, span_of(&c, 1), out);
}

static void flush(struct html *h, struct buf *out)
{
	if (h->ref_len > 0)
		end_ref(h, false, out);
}

/* ---- tags ---- */

static void add_name(struct html *h, char c)
{
	if (h->name_len <= HTML_NAME_MAX)
		h->name[h->name_len++] = ascii_lower(c);
}

static void tag_named(struct html *h, struct buf *out)
{
	struct span name = name_of(h);
	if (!is_one_of(name, within, ARRAY_LEN(within)))
		part(h, out);
	h->raw[0] = 0;
	if (!h->is_end && (span_eq(name, SPAN("script")) || span_eq(name, SPAN("style")))) {
		memcpy(h->raw, name.ptr, name.len);
		h->raw[name.len] = 0;
	}
}

static void tag_ends(struct html *h)
{
	h->state = h->raw[0] != 0 ? HTML_RAW : HTML_TEXT;
	h->raw_at = 0;
}

static void value_begins(struct html *h, struct buf *out)
{
	h->state = HTML_VALUE;
	h->shown = is_one_of(name_of(h), shown, ARRAY_LEN(shown));
	if (h->shown)
		part(h, out);
}

static void value_ends(struct html *h, struct buf *out)
{
	h->state = HTML_TAG;
	flush(h, out);
	if (h->shown)
		part(h, out);
}

/* Waits for "</" and the name of the tag that began it. */
static void raw_byte(struct html *h, char c)
{
	size_t len = strlen(h->raw);
	char want = h->raw_at == 0 ? '<' : h->raw_at == 1 ? '/' : h->raw[h->raw_at - 2];
	if (ascii_lower(c) != want)
		h->raw_at = c == '<';
	else if (++h->raw_at == len + 2) {
		h->state = HTML_MARKUP;
		h->raw[0] = 0;
	}
}

static void less(struct html *h, char c, struct buf *out)
{
	h->name_len = 0;
	h->is_end = false;
	if (c == '/' || ascii_alpha(c)) {
		h->state = HTML_NAME;
		h->is_end = c == '/';
		if (c != '/')
			add_name(h, c);
	} else if (c == '!' || c == '?') {
		h->state = HTML_MARKUP;
		h->dashes = c == '!';
	} else {
		h->state = HTML_TEXT;
		write(h, SPAN("<"), out);
		if (c == '<')
			h->state = HTML_LESS;
		else
			letter(h, c, out);
	}
}

/* dashes: 1 behind <!, 2 behind <!-; 0: no comment begins here. */
static void markup(struct html *h, char c)
{
	if (h->dashes == 2 && c == '-') {
		h->state = HTML_COMMENT;
		h->dashes = 0;
		return;
	}
	h->dashes = h->dashes == 1 && c == '-' ? 2 : 0;
	if (c == '>')
		h->state = HTML_TEXT;
}

static void comment(struct html *h, char c)
{
	if (c == '>' && h->dashes >= 2)
		h->state = HTML_TEXT;
	h->dashes = c == '-' ? h->dashes + (h->dashes < 2) : 0;
}

/* The name of an attribute may begin, the tag may end. */
static void in_tag(struct html *h, char c)
{
	if (c == '>') {
		tag_ends(h);
	} else if (!is_blank(c) && c != '/') {
		h->state = HTML_ATTRIBUTE;
		h->name_len = 0;
		add_name(h, c);
	}
}

static void in_name(struct html *h, char c, struct buf *out)
{
	if (c != '>' && c != '/' && !is_blank(c)) {
		add_name(h, c);
		return;
	}
	tag_named(h, out);
	h->state = HTML_TAG;
	in_tag(h, c);
}

static void in_attribute(struct html *h, char c)
{
	if (c == '=') {
		h->state = HTML_BEFORE;
	} else if (c == '>') {
		tag_ends(h);
	} else if (is_blank(c) || c == '/') {
		h->state = HTML_TAG;
		h->name_len = c == '/' ? 0 : h->name_len;
	} else {
		add_name(h, c);
	}
}

static void before_value(struct html *h, char c, struct buf *out)
{
	if (is_blank(c))
		return;
	if (c == '>') {
		tag_ends(h);
		return;
	}
	h->quote = c == '"' || c == '\'' ? c : 0;
	value_begins(h, out);
	if (h->quote == 0 && h->shown)
		letter(h, c, out);
}

static void in_value(struct html *h, char c, struct buf *out)
{
	if (h->quote != 0 ? c == h->quote : is_blank(c) || c == '>') {
		value_ends(h, out);
		if (c == '>' && h->quote == 0)
			tag_ends(h);
	} else if (h->shown) {
		letter(h, c, out);
	}
}

static void one_byte(struct html *h, char c, struct buf *out)
{
	switch (h->state) {
	case HTML_TEXT:
		if (c != '<') {
			letter(h, c, out);
			return;
		}
		flush(h, out);
		h->state = HTML_LESS;
		return;
	case HTML_LESS:
		less(h, c, out);
		return;
	case HTML_NAME:
		in_name(h, c, out);
		return;
	case HTML_TAG:
		in_tag(h, c);
		return;
	case HTML_ATTRIBUTE:
		in_attribute(h, c);
		return;
	case HTML_BEFORE:
		before_value(h, c, out);
		return;
	case HTML_VALUE:
		in_value(h, c, out);
		return;
	case HTML_MARKUP:
		markup(h, c);
		return;
	case HTML_COMMENT:
		comment(h, c);
		return;
	case HTML_RAW:
		raw_byte(h, c);
		return;
	}
}

void html_text(struct html *h, struct span piece, struct buf *out)
{
	for (size_t i = 0; i < piece.len; i++) {
		/* Most is plain text in a row. */
		size_t n = i;
		while (h->state == HTML_TEXT && h->ref_len == 0 && n < piece.len &&
		       piece.ptr[n] != '<' && piece.ptr[n] != '&' &&
		       !is_blank(piece.ptr[n]))
			n++;
		write(h, span_sub(piece, i, n - i), out);
		i = n;
		if (i < piece.len)
			one_byte(h, piece.ptr[i], out);
	}
}

void html_end(struct html *h, struct buf *out)
{
	flush(h, out);
	if (h->state == HTML_LESS)
		write(h, SPAN("<"), out);
	*h = (struct html){.state = HTML_TEXT};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/lex: one look at each byte.
 *
 * Must never read past the command, and never take a literal's bytes for
 * anything but content.
 */
#include "imap/lex.h"

#include "base/check.h"

bool imap_atom_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

static bool tag_char(char c)
{
	return c == ']' || (c != '+' && imap_atom_char(c));
}

static bool astring_char(char c)
{
	return c == ']' || imap_atom_char(c);
}

static bool pattern_char(char c)
{
	return c == '%' || c == '*' || astring_char(c);
}

static bool set_char(char c)
{
	return ascii_digit(c) || c == ':' || c == ',' || c == '*';
}

bool imap_quotable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((signed char)s.ptr[i] <= 0 || s.ptr[i] == '\r' || s.ptr[i] == '\n')
			return false;
	return true;
}

bool imap_lex_literal_end(struct span line, struct imap_literal *out)
{
	if (line.len < 3 || line.ptr[line.len - 1] != '}')
		return false;
	size_t end = line.len - 1;
	bool plus = line.ptr[end - 1] == '+';
	if (plus)
		end--;
	size_t at = end;
	while (at > 0 && ascii_digit(line.ptr[at - 1]))
		at--;
	if (at == end || at == 0 || line.ptr[at - 1] != '{')
		return false;
	*out = (struct imap_literal){.plus = plus,
				     .header = line.len - (at - 1)};
	if (!span_u64(span_sub(line, at, end - at), UINT64_MAX, &out->size))
		out->size = UINT64_MAX;
	return true;
}

bool imap_lex_quote_open(struct span line)
{
	bool open = false;
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '"')
			open = !open;
		else if (open && line.ptr[i] == '\\')
			i++;
	}
	return open;
}

bool imap_lex_end(const struct imap_lex *lex)
{
	return lex->rest.len == 0;
}

char imap_lex_peek(const struct imap_lex *lex)
{
	return lex->rest.len ? lex->rest.ptr[0] : '\0';
}

bool imap_lex_char(struct imap_lex *lex, char c)
{
	if (lex->rest.len == 0 || lex->rest.ptr[0] != c)
		return false;
	lex->rest = span_skip(lex->rest, 1);
	return true;
}

bool imap_lex_space(struct imap_lex *lex)
{
	return imap_lex_char(lex, ' ');
}

bool imap_lex_word(struct imap_lex *lex, const char *word)
{
	struct span want = span_cstr(word);
	if (!span_starts_nocase(lex->rest, want))
		return false;
	struct span rest = span_skip(lex->rest, want.len);
	if (rest.len > 0 && imap_atom_char(rest.ptr[0]) && rest.ptr[0] != '[')
		return false;
	lex->rest = rest;
	return true;
}

static bool run(struct imap_lex *lex, bool (*fits)(char), struct span *out)
{
	size_t n = 0;
	while (n < lex->rest.len && fits(lex->rest.ptr[n]))
		n++;
	*out = span_sub(lex->rest, 0, n);
	lex->rest = span_skip(lex->rest, n);
	return n > 0;
}

bool imap_lex_tag(struct imap_lex *lex, size_t max, struct span *out)
{
	return run(lex, tag_char, out) && out->len <= max;
}

bool imap_lex_atom(struct imap_lex *lex, struct span *out)
{
	return run(lex, imap_atom_char, out);
}

static bool quoted(struct imap_lex *lex, struct span *out)
{
	struct span in = span_skip(lex->rest, 1);
	size_t end = 0, escapes = 0;
	while (end < in.len && in.ptr[end] != '"') {
		char c = in.ptr[end];
		if (c == '\0' || c == '\r' || c == '\n')
			return false;
		if (c == '\\') {
			end++;
			escapes++;
			if (end == in.len ||
			    (in.ptr[end] != '"' && in.ptr[end] != '\\'))
				return false;
		}
		end++;
	}
	if (end >= in.len)
		return false;
	*out = span_sub(in, 0, end);
	lex->rest = span_skip(in, end + 1);
	if (escapes == 0)
		return true;
	char *plain = arena_bytes(lex->arena, end - escapes);
	if (plain == NULL)
		return false;
	size_t n = 0;
	for (size_t i = 0; i < end; i++) {
		if (in.ptr[i] == '\\')
			i++;
		plain[n++] = in.ptr[i];
	}
	*out = span_of(plain, n);
	return true;
}

static bool literal(struct imap_lex *lex, struct span *out)
{
	struct imap_literal header;
	size_t line = span_find(lex->rest, '\n');
	if (line == SIZE_MAX || line == 0 || lex->rest.ptr[line - 1] != '\r' ||
	    !imap_lex_literal_end(span_sub(lex->rest, 0, line - 1), &header) ||
	    header.header != line - 1)
		return false;
	struct span data = span_skip(lex->rest, line + 1);
	if (header.size > data.len)
		return false;
	*out = span_sub(data, 0, (size_t)header.size);
	lex->rest = span_skip(data, (size_t)header.size);
	return true;
}

bool imap_lex_string(struct imap_lex *lex, struct span *out)
{
	char c = imap_lex_peek(lex);
	if (c == '"')
		return quoted(lex, out);
	/* CHAR8 has no NUL: nothing below has to think of one. */
	return c == '{' && literal(lex, out) && !span_has(*out, '\0');
}

bool imap_lex_nstring(struct imap_lex *lex, struct span *out, bool *nil)
{
	*nil = imap_lex_word(lex, "NIL");
	*out = span_of(NULL, 0);
	return *nil || imap_lex_string(lex, out);
}

bool imap_lex_nstring8(struct imap_lex *lex, struct span *out, bool *nil)
{
	*nil = false;
	if (imap_lex_char(lex, '~'))
		return literal(lex, out);
	return imap_lex_nstring(lex, out, nil);
}

bool imap_lex_astring(struct imap_lex *lex, struct span *out)
{
	char c = imap_lex_peek(lex);
	if (c == '"' || c == '{')
		return imap_lex_string(lex, out);
	return run(lex, astring_char, out);
}

bool imap_lex_pattern(struct imap_lex *lex, struct span *out)
{
	char c = imap_lex_peek(lex);
	if (c == '"' || c == '{')
		return imap_lex_string(lex, out);
	return run(lex, pattern_char, out);
}

bool imap_lex_number(struct imap_lex *lex, uint64_t max, uint64_t *out)
{
	struct span digits;
	return run(lex, ascii_digit, &digits) && span_u64(digits, max, out);
}

bool imap_lex_set(struct imap_lex *lex, struct span *out)
{
	struct span all = lex->rest;
	if (imap_lex_char(lex, '$')) {
		*out = span_sub(all, 0, 1);
		return true;
	}
	return run(lex, set_char, out);
}

bool imap_lex_flag(struct imap_lex *lex, struct span *out)
{
	struct span start = lex->rest, atom;
	size_t slash = imap_lex_char(lex, '\\') ? 1 : 0;
	if (!imap_lex_atom(lex, &atom))
		return false;
	*out = span_sub(start, 0, atom.len + slash);
	return true;
}

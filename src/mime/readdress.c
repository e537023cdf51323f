/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/readdress: one pass over the value, word by word.
 *
 * Must never change a byte outside of an address, nor look for one in a
 * comment or a quoted string.
 */
#include "mime/readdress.h"

#include "mime/limits.h"

static bool is_atom(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f &&
	       memchr("()<>@,;:\\\"[]", c, 12) == NULL;
}

static size_t atom_end(struct span s, size_t i)
{
	while (i < s.len && is_atom(s.ptr[i]))
		i++;
	return i;
}

/* Behind the closing quote, or the end. */
static size_t quoted_end(struct span s, size_t i)
{
	for (i++; i < s.len && s.ptr[i] != '"'; i++)
		if (s.ptr[i] == '\\')
			i++;
	return i < s.len ? i + 1 : s.len;
}

/* Behind the closing parenthesis, or the end; too deep is the end, too. */
static size_t comment_end(struct span s, size_t i)
{
	size_t depth = 0;
	for (; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '(' && ++depth > MIME_COMMENT_DEPTH)
			return s.len;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.len;
}

/* As it will be written: each line ended by CRLF, none empty, none too long. */
static bool writable(struct span value, size_t first)
{
	struct span line;
	bool more = true;
	while (more) {
		more = span_cut(&value, '\n', &line);
		if (more && !span_ends(line, SPAN("\r")))
			return false;
		if (more)
			line.len--;
		if (span_has(line, '\r') || span_has(line, '\0') ||
		    first + line.len > MIME_LINE_MAX ||
		    (first == 0 && span_trim(line).len == 0))
			return false;
		first = 0;
	}
	return true;
}

struct pass {
	struct span in;
	const struct mime_rewriting *how;
	struct buf *out;
	size_t copied; /* of the value */
	size_t begin;  /* of the word that ends where the next one begins */
	bool sender, any;
};

/* in[at] is the @ behind a word.  Where reading goes on. */
static size_t replace(struct pass *p, size_t at)
{
	size_t end = atom_end(p->in, at + 1);
	struct span address = span_sub(p->in, p->begin, end - p->begin);
	if (end == at + 1)
		return end;
	size_t len = buf_len(p->out);
	buf_add(p->out, span_sub(p->in, p->copied, p->begin - p->copied));
	if (p->how->address(p->how->ctx, p->sender, address, p->out)) {
		p->copied = end;
		p->any = true;
	} else if (buf_ok(p->out)) {
		buf_cut(p->out, buf_len(p->out) - len);
	}
	return end;
}

bool mime_readdress(struct span value, bool sender,
		    const struct mime_rewriting *how, struct buf *out)
{
	struct pass p = {.in = value, .how = how, .out = out, .sender = sender};
	size_t start = buf_len(out);
	size_t word_end = SIZE_MAX; /* no word ends there */
	for (size_t i = 0; i < value.len && buf_ok(out);) {
		char c = value.ptr[i];
		size_t from = i;
		if (c == '@' && word_end == i) {
			i = replace(&p, i);
			continue;
		}
		if (c == '(')
			i = comment_end(value, i);
		else if (c == '"')
			i = quoted_end(value, i);
		else if (is_atom(c))
			i = atom_end(value, i);
		else
			i++;
		if (c == '"' || is_atom(c)) {
			if (word_end != from)
				p.begin = from;
			word_end = i;
		}
	}
	buf_add(out, span_skip(value, p.copied));
	if (!buf_ok(out))
		return false;
	struct span made = span_skip(buf_span(out), start);
	if (p.any && writable(made, start))
		return true;
	buf_cut(out, made.len);
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* conf/lex - configuration text to tokens; see the header. */
#include "conf/lex.h"

#include "conf/parse.h"

void conf_lex_init(struct conf_lexer *l, struct span text, struct arena *arena)
{
	*l = (struct conf_lexer){.text = text, .arena = arena, .line = 1};
}

static bool more(const struct conf_lexer *l)
{
	return l->at < l->text.len;
}

static unsigned char here(const struct conf_lexer *l)
{
	return (unsigned char)l->text.ptr[l->at];
}

static void newline(struct conf_lexer *l)
{
	l->at++;
	l->line++;
	l->line_start = l->at;
}

static void skip_blanks(struct conf_lexer *l)
{
	while (more(l)) {
		unsigned char c = here(l);
		if (c == '\n') {
			newline(l);
		} else if (c == ' ' || c == '\t' ||
			   (c == '\r' && l->at + 1 < l->text.len &&
			    l->text.ptr[l->at + 1] == '\n')) {
			l->at++;
		} else if (c == '#') {
			while (more(l) && here(l) != '\n')
				l->at++;
		} else {
			return;
		}
	}
}

/* Length of the UTF-8 character at s, 0 when it is not one (RFC 3629). */
static size_t utf8_length(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	if (p[0] < 0x80)
		return 1;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || s.len < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Checks one character of a string; consumes it, or says what is wrong. */
static const char *string_char(struct conf_lexer *l, bool *escapes)
{
	unsigned char c = here(l);
	if (c == '\n')
		return "the quoted text does not end on this line; close it "
		       "with a \"";
	if (c < 0x20 || c == 0x7f)
		return "a control character in quoted text; remove it";
	if (c == '\\') {
		if (l->at + 1 >= l->text.len ||
		    (l->text.ptr[l->at + 1] != '"' &&
		     l->text.ptr[l->at + 1] != '\\'))
			return "only \\\" and \\\\ may follow a backslash; "
			       "double it";
		*escapes = true;
		l->at += 2;
		return NULL;
	}
	size_t n = utf8_length(span_skip(l->text, l->at));
	if (n == 0)
		return "not UTF-8; save the file as UTF-8";
	l->at += n;
	return NULL;
}

static bool unescape(struct conf_lexer *l, struct span *s)
{
	char *to = arena_bytes(l->arena, s->len);
	if (!to)
		return false;
	size_t n = 0;
	for (size_t i = 0; i < s->len; i++) {
		if (s->ptr[i] == '\\')
			i++;
		to[n++] = s->ptr[i];
	}
	*s = span_of(to, n);
	return true;
}

/* After a fault the rest of the line is skipped: one complaint a line. */
static void skip_line(struct conf_lexer *l)
{
	while (more(l) && here(l) != '\n')
		l->at++;
}

static struct conf_token bad(struct conf_lexer *l, struct conf_token t,
			     const char *fault)
{
	t.kind = CONF_T_BAD;
	t.fault = fault;
	skip_line(l);
	return t;
}

static uint32_t column(const struct conf_lexer *l)
{
	return (uint32_t)(l->at - l->line_start + 1);
}

static struct conf_token string(struct conf_lexer *l, struct conf_token t)
{
	bool escapes = false;
	size_t from = ++l->at;
	while (more(l) && here(l) != '"') {
		uint32_t col = column(l);
		const char *fault = string_char(l, &escapes);
		if (fault) {
			if (here(l) != '\n')
				t.column = col;
			return bad(l, t, fault);
		}
	}
	if (!more(l))
		return bad(l, t,
			   "the quoted text does not end; close it with a \"");
	t.kind = CONF_T_STRING;
	t.text = span_sub(l->text, from, l->at - from);
	l->at++;
	if (t.text.len > CONF_VALUE_MAX)
		return bad(l, t, "a value of more than 4096 bytes; shorten it");
	if (escapes && !unescape(l, &t.text))
		t.kind = CONF_T_MEMORY;
	return t;
}

static bool word_char(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != ';' && c != '{' && c != '}' &&
	       c != '"' && c != '#';
}

static const char *strange(struct conf_lexer *l, struct conf_token *t)
{
	t->column = column(l);
	unsigned char c = here(l);
	if (c == 0xef && l->at == 0)
		return "the file begins with a byte order mark; save it as "
		       "UTF-8 without one";
	if (c == 0)
		return "a NUL byte; this is not a text file";
	if (c >= 0x80)
		return "only ASCII may stand outside of quotes; put the value "
		       "in \"quotes\"";
	return "a control character; remove it";
}

static struct conf_token word(struct conf_lexer *l, struct conf_token t)
{
	size_t from = l->at;
	while (more(l) && word_char(here(l)))
		l->at++;
	t.kind = CONF_T_WORD;
	t.text = span_sub(l->text, from, l->at - from);
	if (t.text.len > CONF_VALUE_MAX)
		return bad(l, t, "a value of more than 4096 bytes; shorten it");
	if (!more(l))
		return t;
	unsigned char c = here(l);
	if (c == '"' || c == '#') {
		t.column = column(l);
		return bad(l, t,
			   c == '"' ? "a quote inside a word; quote the whole "
				      "value"
				    : "a # inside a word; put a blank before a "
				      "comment, or quote the value");
	}
	if (c >= 0x80 || c == 0x7f ||
	    (c < ' ' && c != '\n' && c != '\t' && c != '\r')) {
		const char *fault = strange(l, &t);
		return bad(l, t, fault);
	}
	return t;
}

static struct conf_token token(struct conf_lexer *l)
{
	skip_blanks(l);
	struct conf_token t = {.line = l->line, .column = column(l)};
	if (!more(l)) {
		t.kind = CONF_T_END;
		return t;
	}
	unsigned char c = here(l);
	if (c == '"')
		return string(l, t);
	if (word_char(c))
		return word(l, t);
	if (c != '{' && c != '}' && c != ';') {
		const char *fault = strange(l, &t);
		return bad(l, t, fault);
	}
	t.kind = c == '{' ? CONF_T_OPEN
		 : c == '}' ? CONF_T_CLOSE
			    : CONF_T_SEMICOLON;
	t.text = span_sub(l->text, l->at, 1);
	l->at++;
	return t;
}

struct conf_token conf_lex(struct conf_lexer *l)
{
	struct conf_token t = token(l);
	t.end_line = l->line;
	t.end_column = column(l);
	return t;
}

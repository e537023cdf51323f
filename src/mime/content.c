/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime/content: one pass over the field.
 * Must never take longer than its length, nor more parameters than the limit.
 */
#include "mime/content.h"

#include "mime/limits.h"

void mime_skip_cfws(struct span *s)
{
	size_t i = 0, depth = 0;
	for (; i < s->len; i++) {
		char c = s->ptr[i];
		if (depth > 0 && c == '\\')
			i++;
		else if (c == '(' && ++depth > MIME_COMMENT_DEPTH)
			i = s->len;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && c != '(' && (unsigned char)c > ' ')
			break;
	}
	*s = span_skip(*s, i);
}

static bool is_token(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct span take_token(struct span *s)
{
	size_t n = 0;
	while (n < s->len && is_token(s->ptr[n]))
		n++;
	struct span t = span_sub(*s, 0, n);
	*s = span_skip(*s, n);
	return t;
}

/* A quoted string at the front, its quotes taken off; an open one ends here. */
static bool take_quoted(struct span *s, struct arena *a, struct span *out)
{
	size_t n = 0, i = 1, end = 1;
	while (end < s->len && s->ptr[end] != '"')
		end += s->ptr[end] == '\\' && end + 1 < s->len ? 2 : 1;
	char *p = arena_bytes(a, end);
	if (p == NULL)
		return false;
	for (; i < end; i++) {
		if (s->ptr[i] == '\\' && i + 1 < s->len)
			i++;
		p[n++] = s->ptr[i];
	}
	*s = span_skip(*s, end + 1);
	*out = span_of(p, n);
	return true;
}

/* Values without quotes hold what they should not: take all up to ';' or a blank. */
static struct span take_loose(struct span *s)
{
	size_t n = 0;
	while (n < s->len && s->ptr[n] != ';' && (unsigned char)s->ptr[n] > ' ' &&
	       s->ptr[n] != '(')
		n++;
	struct span t = span_sub(*s, 0, n);
	*s = span_skip(*s, n);
	return t;
}

static void skip_to_semicolon(struct span *s)
{
	size_t at = span_find(*s, ';');
	*s = span_skip(*s, at == SIZE_MAX ? s->len : at);
}

/* name = value; *ok: it was one. */
static bool take_param(struct span *s, struct arena *a, struct summary_param *p, bool *ok)
{
	mime_skip_cfws(s);
	p->name = take_token(s);
	mime_skip_cfws(s);
	*ok = p->name.len > 0 && span_starts(*s, SPAN("="));
	if (!*ok)
		return true;
	*s = span_skip(*s, 1);
	mime_skip_cfws(s);
	if (s->len > 0 && s->ptr[0] == '"')
		return take_quoted(s, a, &p->value);
	p->value = take_loose(s);
	if (p->value.len == 0)
		p->value = SPAN("");
	return true;
}

static size_t count_semicolons(struct span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len && n <= SUMMARY_PARAMS_MAX; i++)
		n += s.ptr[i] == ';';
	return n;
}

bool mime_content_parse(struct span s, struct arena *a, struct mime_content *c)
{
	*c = (struct mime_content){0};
	size_t most = count_semicolons(s);
	if (most > SUMMARY_PARAMS_MAX)
		most = SUMMARY_PARAMS_MAX;
	struct summary_param *at = most > 0 ? ARENA_ARRAY(a, most, struct summary_param) : NULL;
	if (most > 0 && at == NULL)
		return false;
	mime_skip_cfws(&s);
	c->value = take_token(&s);
	mime_skip_cfws(&s);
	if (span_starts(s, SPAN("/"))) {
		s = span_skip(s, 1);
		mime_skip_cfws(&s);
		c->subtype = take_token(&s);
	}
	size_t n = 0;
	for (skip_to_semicolon(&s); s.len > 0; skip_to_semicolon(&s)) {
		bool ok;
		s = span_skip(s, 1);
		if (n == most) {
			c->cut = true;
			break;
		}
		if (!take_param(&s, a, &at[n], &ok))
			return false;
		n += ok;
	}
	c->params = (struct summary_params){at, n};
	return true;
}

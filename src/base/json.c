/* SPDX-License-Identifier: Apache-2.0 */
/* base/json: recursive descent with a bound on depth and number. */
#include "base/json.h"

#include "base/hex.h"
#include "base/utf8.h"

struct reader {
	struct arena *arena;
	struct span rest;
	size_t values;
};

static struct json *value(struct reader *, unsigned depth);

static void blanks(struct reader *r)
{
	while (r->rest.len > 0 && span_has(SPAN(" \t\r\n"), r->rest.ptr[0]))
		r->rest = span_skip(r->rest, 1);
}

static bool take(struct reader *r, struct span word)
{
	if (!span_starts(r->rest, word))
		return false;
	r->rest = span_skip(r->rest, word.len);
	return true;
}

static bool sign(struct reader *r, char c)
{
	blanks(r);
	return take(r, span_of(&c, 1));
}

static bool unit(struct reader *r, uint32_t *out)
{
	uint64_t n;
	if (r->rest.len < 4 || !hex_u64(span_sub(r->rest, 0, 4), &n))
		return false;
	*out = (uint32_t)n;
	r->rest = span_skip(r->rest, 4);
	return true;
}

/* Behind \u: one point, from a pair if need be. */
static size_t point(struct reader *r, char out[UTF8_MAX])
{
	uint32_t c, low;
	if (!unit(r, &c))
		return 0;
	if (c >= 0xd800 && c <= 0xdbff) {
		if (!take(r, SPAN("\\u")) || !unit(r, &low) || low < 0xdc00 ||
		    low > 0xdfff)
			return 0;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return utf8_encode(c, out);
}

static bool escape(struct reader *r, char *out, size_t *n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (r->rest.len == 0)
		return false;
	char c = r->rest.ptr[0];
	r->rest = span_skip(r->rest, 1);
	if (c == 'u') {
		size_t used = point(r, out + *n);
		*n += used;
		return used > 0;
	}
	size_t i = span_find(SPAN("\"\\/bfnrt"), c);
	if (i == SIZE_MAX || from[i] != c)
		return false;
	out[(*n)++] = to[i];
	return true;
}

/* An escape is never shorter than what it stands for. */
static bool text(struct reader *r, struct span *out)
{
	size_t n = 0, end;
	if (!sign(r, '"'))
		return false;
	for (end = 0; end < r->rest.len && r->rest.ptr[end] != '"'; end++)
		if (r->rest.ptr[end] == '\\')
			end++;
	char *bytes = arena_bytes(r->arena, end + UTF8_MAX);
	if (bytes == NULL)
		return false;
	while (r->rest.len > 0 && r->rest.ptr[0] != '"') {
		char c = r->rest.ptr[0];
		if ((unsigned char)c < 0x20)
			return false;
		r->rest = span_skip(r->rest, 1);
		if (c != '\\')
			bytes[n++] = c;
		else if (!escape(r, bytes, &n))
			return false;
	}
	*out = span_of(bytes, n);
	return take(r, SPAN("\"")) && utf8_valid(*out);
}

static size_t digits(struct span s, size_t at)
{
	while (at < s.len && ascii_digit(s.ptr[at]))
		at++;
	return at;
}

static bool number(struct reader *r, struct span *out)
{
	struct span s = r->rest;
	size_t from = s.len > 0 && s.ptr[0] == '-' ? 1 : 0;
	size_t at = digits(s, from);
	if (at == from || (s.ptr[from] == '0' && at > from + 1))
		return false;
	if (at < s.len && s.ptr[at] == '.') {
		size_t after = digits(s, at + 1);
		if (after == at + 1)
			return false;
		at = after;
	}
	if (at < s.len && ascii_lower(s.ptr[at]) == 'e') {
		at++;
		if (at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-'))
			at++;
		size_t after = digits(s, at);
		if (after == at)
			return false;
		at = after;
	}
	*out = span_sub(s, 0, at);
	r->rest = span_skip(s, at);
	return true;
}

static bool children(struct reader *r, struct json *parent, unsigned depth,
		     char close)
{
	struct json **to = &parent->first;
	if (sign(r, close))
		return true;
	do {
		struct span key = {0};
		if (parent->kind == JSON_OBJECT &&
		    (!text(r, &key) || !sign(r, ':')))
			return false;
		*to = value(r, depth + 1);
		if (*to == NULL)
			return false;
		(*to)->key = key;
		to = &(*to)->next;
	} while (sign(r, ','));
	return sign(r, close);
}

static bool content(struct reader *r, struct json *v, unsigned depth)
{
	char c = r->rest.len > 0 ? r->rest.ptr[0] : '\0';
	switch (c) {
	case '{':
	case '[':
		v->kind = c == '{' ? JSON_OBJECT : JSON_LIST;
		r->rest = span_skip(r->rest, 1);
		return children(r, v, depth, c == '{' ? '}' : ']');
	case '"':
		v->kind = JSON_TEXT;
		return text(r, &v->text);
	case 't':
	case 'f':
		v->kind = JSON_BOOL;
		v->truth = c == 't';
		return take(r, v->truth ? SPAN("true") : SPAN("false"));
	case 'n':
		return take(r, SPAN("null"));
	default:
		v->kind = JSON_NUMBER;
		return number(r, &v->text);
	}
}

static struct json *value(struct reader *r, unsigned depth)
{
	if (depth > JSON_DEPTH || ++r->values > JSON_VALUES)
		return NULL;
	struct json *v = ARENA_NEW(r->arena, struct json);
	blanks(r);
	return v != NULL && content(r, v, depth) ? v : NULL;
}

struct json *json_read(struct arena *arena, struct span s)
{
	struct reader r = {.arena = arena, .rest = s};
	struct json *v = value(&r, 0);
	blanks(&r);
	return r.rest.len == 0 ? v : NULL;
}

const struct json *json_member(const struct json *o, const char *key)
{
	if (o == NULL || o->kind != JSON_OBJECT)
		return NULL;
	for (const struct json *m = o->first; m != NULL; m = m->next)
		if (span_eq(m->key, span_cstr(key)))
			return m;
	return NULL;
}

struct span json_text(const struct json *o, const char *key)
{
	const struct json *m = json_member(o, key);
	if (m != NULL && (m->kind == JSON_TEXT || m->kind == JSON_NUMBER))
		return m->text;
	return span_of(NULL, 0);
}

uint64_t json_u64(const struct json *o, const char *key)
{
	const struct json *m = json_member(o, key);
	uint64_t n = 0;
	return m != NULL && m->kind == JSON_NUMBER &&
			       span_u64(m->text, UINT64_MAX, &n)
		       ? n
		       : 0;
}

void json_quote(struct buf *out, struct span s)
{
	buf_addc(out, '"');
	while (s.len > 0) {
		uint32_t c = UTF8_REPLACEMENT;
		size_t n = utf8_decode(s, &c);
		if (n == 0)
			buf_add(out, SPAN("\\ufffd"));
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", (char)c);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_add(out, span_sub(s, 0, n));
		s = span_skip(s, n > 0 ? n : 1);
	}
	buf_addc(out, '"');
}

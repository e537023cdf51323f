/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url/imap: reading a URL (RFC 5092 11, RFC 4467 9).
 *
 * Percent signs are decoded piece by piece, after the URL was taken apart.
 */
#include "url/imap.h"

#include "base/civil.h"
#include "base/hex.h"
#include "base/utf8.h"

static bool cut_nocase(struct span *rest, struct span word)
{
	if (!span_starts_nocase(*rest, word))
		return false;
	*rest = span_skip(*rest, word.len);
	return true;
}

static bool cut_char(struct span *rest, char c)
{
	return cut_nocase(rest, span_of(&c, 1));
}

/* No NUL comes out of it. */
static bool decode(struct arena *arena, struct span in, struct span *out)
{
	char *text = arena_bytes(arena, in.len + 1);
	size_t n = 0;
	if (text == NULL)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = (unsigned char)in.ptr[i];
		if (c == '%') {
			if (in.len - i < 3 || !hex_decode(span_sub(in, i + 1, 2), &c, 1) ||
			    c == '\0')
				return false;
			i += 2;
		}
		text[n++] = (char)c;
	}
	*out = span_of(text, n);
	return true;
}

static bool number(struct span *rest, uint64_t max, uint64_t *out)
{
	size_t n = 0;
	while (n < rest->len && ascii_digit(rest->ptr[n]))
		n++;
	struct span digits = span_sub(*rest, 0, n);
	*rest = span_skip(*rest, n);
	return n > 0 && span_u64(digits, max, out);
}

static bool number32(struct span *rest, uint32_t *out)
{
	uint64_t n;
	if (!number(rest, UINT32_MAX, &n) || n == 0)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* "imap://user;AUTH=x@host:port", up to the slash. */
static bool server(struct arena *arena, struct span *rest, struct url_imap *u)
{
	struct span all, user;
	size_t slash = span_find(*rest, '/');
	if (slash == SIZE_MAX)
		return false;
	all = span_sub(*rest, 0, slash);
	*rest = span_skip(*rest, slash);
	u->absolute = true;
	u->host = all;
	if (!span_has(all, '@'))
		return true;
	span_cut(&u->host, '@', &all);
	span_cut(&all, ';', &user);
	return u->host.len > 0 && !span_has(u->host, '@') && decode(arena, user, &u->user);
}

/* The first level is INBOX in any case, or not at all. */
static bool inbox(struct arena *arena, struct span *name)
{
	struct span word = SPAN("INBOX");
	if (!span_starts_nocase(*name, word) ||
	    (name->len > word.len && name->ptr[word.len] != '/'))
		return true;
	char *text = arena_bytes(arena, name->len);
	if (text == NULL)
		return false;
	memcpy(text, name->ptr, name->len);
	memcpy(text, word.ptr, word.len);
	*name = span_of(text, name->len);
	return true;
}

/* "mailbox;UIDVALIDITY=n/" in front of ";UID=". */
static bool mailbox(struct arena *arena, struct span *rest, struct url_imap *u)
{
	struct span name;
	size_t at = span_find(*rest, ';');
	if (at == SIZE_MAX)
		return false;
	name = span_sub(*rest, 0, at);
	*rest = span_skip(*rest, at);
	if (cut_nocase(rest, SPAN(";UIDVALIDITY="))) {
		if (!number32(rest, &u->uid_validity) || !cut_char(rest, '/'))
			return false;
	} else if (name.len > 0 && name.ptr[name.len - 1] == '/') {
		name.len--;
	} else {
		return false;
	}
	u->has_mailbox = true;
	return decode(arena, name, &u->mailbox) && u->mailbox.len > 0 &&
	       utf8_valid(u->mailbox) && inbox(arena, &u->mailbox);
}

static bool section(struct arena *arena, struct span *rest, struct url_imap *u)
{
	/* A slash in a section is encoded, or stands in front of ";PARTIAL=". */
	size_t end = 0;
	while (end < rest->len && rest->ptr[end] != '/' && rest->ptr[end] != ';')
		end++;
	struct span text = span_sub(*rest, 0, end);
	*rest = span_skip(*rest, end);
	return decode(arena, text, &u->section) && u->section.len > 0;
}

static bool part(struct span *rest, struct url_imap *u)
{
	u->partial = true;
	u->length = UINT64_MAX;
	if (!number(rest, INT64_MAX, &u->offset))
		return false;
	return !cut_char(rest, '.') ||
	       (number(rest, INT64_MAX, &u->length) && u->length > 0);
}

static bool expire(struct span *rest, struct url_imap *u)
{
	size_t end = span_find(*rest, ';');
	u->expires = true;
	struct span date = span_sub(*rest, 0, end);
	*rest = span_skip(*rest, date.len);
	return civil_parse_rfc3339(date, &u->expire);
}

static bool hexadecimal(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (hex_value(s.ptr[i]) < 0)
			return false;
	return s.len > 0 && s.len <= URL_TOKEN_MAX;
}

/* "access:mechanism:token"; the last two may be missing, not one alone. */
static bool signature(struct arena *arena, struct span text, struct span *rest,
		      struct url_imap *u)
{
	struct span access, after = *rest;
	bool is_signed = span_cut(&after, ':', &access);
	u->rump = span_sub(text, 0, (size_t)(access.ptr + access.len - text.ptr));
	*rest = span_skip(*rest, rest->len);
	if (is_signed &&
	    (!span_cut(&after, ':', &u->mechanism) || u->mechanism.len == 0 ||
	     !hexadecimal(after)))
		return false;
	u->token = after;
	if (span_eq_nocase(access, SPAN("authuser"))) {
		u->access = URL_AUTHUSER;
		return true;
	}
	if (span_eq_nocase(access, SPAN("anonymous"))) {
		u->access = URL_ANONYMOUS;
		return true;
	}
	u->access = cut_nocase(&access, SPAN("submit+")) ? URL_SUBMIT : URL_USER;
	if (u->access == URL_USER && !cut_nocase(&access, SPAN("user+")))
		return false;
	return decode(arena, access, &u->reader) && u->reader.len > 0;
}

static bool printable(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	return text.len > 0 && text.len <= URL_IMAP_MAX;
}

bool url_imap_parse(struct arena *arena, struct span text, struct url_imap *u)
{
	struct span rest = text;
	*u = (struct url_imap){0};
	if (!printable(text))
		return false;
	if (cut_nocase(&rest, SPAN("imap://")) && !server(arena, &rest, u))
		return false;
	if (cut_char(&rest, '/') && !span_starts_nocase(rest, SPAN(";UID=")) &&
	    !mailbox(arena, &rest, u))
		return false;
	if (!cut_nocase(&rest, SPAN(";UID=")) || !number32(&rest, &u->uid))
		return false;
	if (cut_nocase(&rest, SPAN("/;SECTION=")) && !section(arena, &rest, u))
		return false;
	if (cut_nocase(&rest, SPAN("/;PARTIAL=")) && !part(&rest, u))
		return false;
	if (cut_nocase(&rest, SPAN(";EXPIRE=")) && !expire(&rest, u))
		return false;
	if (cut_nocase(&rest, SPAN(";URLAUTH=")) && !signature(arena, text, &rest, u))
		return false;
	return rest.len == 0 && (u->has_mailbox || !u->absolute);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/url: reading a URL (RFC 5092 11).
 *
 * Percent signs are decoded piece by piece, after the URL was taken apart: what
 * is encoded never ends a piece.
 */
#include "imap/url.h"

#include "base/hex.h"

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
static bool server(struct arena *arena, struct span *rest, struct imap_url *u)
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

/* "mailbox;UIDVALIDITY=n/" in front of ";UID=". */
static bool mailbox(struct arena *arena, struct span *rest, struct imap_url *u)
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
	return decode(arena, name, &name) && name.len > 0 &&
	       imap_name_take(arena, name, &u->mailbox) == IMAP_NAME_OK;
}

static bool section(struct arena *arena, struct span *rest, struct imap_url *u)
{
	/* A slash in a section is encoded, or stands in front of ";PARTIAL=". */
	size_t end = 0;
	while (end < rest->len && rest->ptr[end] != '/' && rest->ptr[end] != ';')
		end++;
	struct span text;
	if (!decode(arena, span_sub(*rest, 0, end), &text) || text.len == 0)
		return false;
	*rest = span_skip(*rest, end);
	struct imap_lex lex = {text, arena};
	return imap_section_parse(&lex, &u->section) && imap_lex_end(&lex);
}

static bool part(struct span *rest, struct imap_url *u)
{
	u->partial = true;
	u->length = UINT64_MAX;
	if (!number(rest, INT64_MAX, &u->offset))
		return false;
	return !cut_char(rest, '.') ||
	       (number(rest, INT64_MAX, &u->length) && u->length > 0);
}

bool imap_url_parse(struct arena *arena, struct span text, struct imap_url *u)
{
	struct span rest = text;
	*u = (struct imap_url){0};
	if (text.len > IMAP_URL_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
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
	return rest.len == 0 && (u->has_mailbox || !u->absolute);
}

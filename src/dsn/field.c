/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/field: header fields and text made of what others chose.
 *
 * Must never let a byte of theirs end a line or a field, start an encoded word
 * of its own, or make a line longer than DSN_LINE_MAX.
 */
#include "base/civil.h"
#include "base/utf8.h"
#include "dsn/inner.h"

static bool odd(uint32_t cp)
{
	return cp <= ' ' || (cp >= 0x7f && cp <= 0xa0) || (cp >= 0x200e && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

void dsn_clean(struct span text, size_t max, struct buf *out)
{
	bool blank = false;
	size_t start = buf_len(out);
	for (text = span_sub(text, 0, max); text.len > 0;) {
		char one[UTF8_MAX];
		uint32_t cp = UTF8_REPLACEMENT;
		size_t n = utf8_decode(text, &cp);
		text = span_skip(text, n == 0 ? 1 : n);
		if (odd(cp)) {
			blank = buf_len(out) > start;
			continue;
		}
		n = utf8_encode(cp, one);
		if (buf_len(out) - start + n + blank > max)
			return;
		if (blank)
			buf_addc(out, ' ');
		blank = false;
		buf_add(out, span_of(one, n));
	}
}

/* ---- encoded words ---- */

#define WORD_HEAD "=?utf-8?q?"
#define WORD_TAIL "?="
#define WORD_ROOM (75u - (sizeof WORD_HEAD - 1) - (sizeof WORD_TAIL - 1))

static bool word_plain(char c)
{
	return ascii_alnum(c) || c == '-' || c == '.' || c == '@' || c == '/' || c == ':';
}

/* One whole character, so that no word ends within one. */
static void add_character(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++)
		if (word_plain(s.ptr[i]))
			buf_addc(out, s.ptr[i]);
		else if (s.ptr[i] == ' ')
			buf_addc(out, '_');
		else
			buf_printf(out, "=%02X", (unsigned char)s.ptr[i]);
}

static void add_words(struct buf *out, struct span s)
{
	size_t room = 0;
	while (s.len > 0) {
		uint32_t cp;
		size_t n = utf8_decode(s, &cp);
		n = n == 0 ? 1 : n; /* dsn_clean left none such */
		if (room < 3 * n) {
			buf_add(out, room == 0 ? SPAN("\r\n " WORD_HEAD)
					       : SPAN(WORD_TAIL "\r\n " WORD_HEAD));
			room = WORD_ROOM;
		}
		size_t before = buf_len(out);
		add_character(span_sub(s, 0, n), out);
		room -= buf_ok(out) ? buf_len(out) - before : 0;
		s = span_skip(s, n);
	}
	buf_add(out, SPAN(WORD_TAIL));
}

/* Words of `s` with folds where a line would grow too long. */
static void add_folded(struct buf *out, struct span s, size_t column)
{
	struct span word;
	while (s.len > 0) {
		span_cut(&s, ' ', &word);
		if (column + 1 + word.len > DSN_COLUMN) {
			buf_add(out, SPAN("\r\n"));
			column = 0;
		}
		buf_addc(out, ' ');
		buf_add(out, word);
		column += 1 + word.len;
	}
}

void dsn_text_field(struct buf *out, const char *name, struct span s, bool utf8)
{
	buf_add(out, span_cstr(name));
	if ((!utf8 && !utf8_ascii(s)) || span_find_span(s, SPAN("=?")) != SIZE_MAX)
		add_words(out, s);
	else
		add_folded(out, s, strlen(name));
	buf_add(out, SPAN("\r\n"));
}

/* Character by character, so that an address stays the address it is. */
static void add_address(struct buf *out, struct span s)
{
	while (s.len > 0) {
		uint32_t cp;
		size_t n = utf8_decode(s, &cp);
		if (n == 0 || (cp != ' ' && odd(cp)))
			buf_addc(out, '?');
		else
			buf_add(out, span_sub(s, 0, n));
		s = span_skip(s, n == 0 ? 1 : n);
	}
}

void dsn_address_field(struct buf *out, const char *name, struct span address, bool utf8)
{
	struct buf text;
	buf_init(&text, 16u * DSN_ADDRESS_MAX);
	bool ascii = utf8_ascii(address);
	address = span_sub(address, 0, DSN_ADDRESS_MAX);
	if (ascii || utf8)
		add_address(&text, address);
	else
		dsn_utf8_encode(address, &text);
	buf_printf(out, "%s: %s; ", name, ascii ? "rfc822" : "utf-8");
	/* Longer than any that SMTP takes: cut, for a line has its limit. */
	struct span fits = utf8_fit(buf_span(&text), DSN_ADDRESS_MAX);
	buf_add(out, span_trim(fits).len > 0 ? fits : SPAN("unknown"));
	buf_add(out, SPAN("\r\n"));
	out->failed |= !buf_ok(&text);
	buf_free(&text);
}

void dsn_date_field(struct buf *out, const char *name, int64_t seconds)
{
	buf_printf(out, "%s: ", name);
	civil_add_rfc5322(out, seconds);
	buf_add(out, SPAN("\r\n"));
}

/* ---- quoted-printable, RFC 2045 6.7 ---- */

void dsn_qp(struct span s, struct buf *out)
{
	size_t column = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool end = i + 1 == s.len || span_starts(span_skip(s, i + 1), SPAN("\r\n"));
		if (span_starts(span_skip(s, i), SPAN("\r\n"))) {
			buf_add(out, SPAN("\r\n"));
			column = 0;
			i++;
			continue;
		}
		bool blank = c == ' ' || c == '\t';
		bool raw = (c > ' ' && c <= '~' && c != '=') || (blank && !end);
		size_t width = raw ? 1 : 3;
		if (column + width > DSN_COLUMN - 1) {
			buf_add(out, SPAN("=\r\n"));
			column = 0;
		}
		if (raw)
			buf_addc(out, c);
		else
			buf_printf(out, "=%02X", (unsigned char)c);
		column += width;
	}
}

/* ---- what a sender may see ---- */

bool dsn_hidden(const struct dsn_recipient *r)
{
	return r->named.len > 0 && !span_eq_nocase(r->named, r->final);
}

struct span dsn_shown(const struct dsn_recipient *r)
{
	return r->named.len > 0 ? r->named : r->final;
}

/* "550 5.1.1 " at the front, as far as it is there; the rest is left out. */
static struct span codes(struct span reply)
{
	struct span word, rest = reply;
	struct dsn_status s;
	for (size_t i = 0; i < 3; i++)
		if (reply.len < 3 || !ascii_digit(reply.ptr[i]))
			return span_of("", 0);
	if (reply.len > 3 && reply.ptr[3] != ' ' && reply.ptr[3] != '-')
		return span_of("", 0);
	rest = span_skip(reply, 4);
	span_cut(&rest, ' ', &word);
	return span_sub(reply, 0, dsn_status_parse(word, &s) ? 4 + word.len : 3);
}

void dsn_shown_reply(const struct dsn_recipient *r, struct buf *out)
{
	if (!dsn_hidden(r)) {
		dsn_clean(r->reply, DSN_REPLY_MAX, out);
		return;
	}
	struct span front = codes(r->reply);
	if (front.len > 0) {
		dsn_clean(front, DSN_REPLY_MAX, out);
		buf_add(out, SPAN(" (words left out: they may tell a private address)"));
	}
}

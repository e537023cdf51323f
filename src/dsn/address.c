/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/address: the two ways in which an address travels as plain ASCII: xtext
 * (RFC 3461 4) and utf-8-addr-xtext (RFC 6533 3).
 * Must never write a byte outside '!'..'~'.
 */
#include "base/hex.h"
#include "base/utf8.h"
#include "dsn/dsn.h"

static bool plain(uint32_t cp)
{
	return cp > ' ' && cp < 0x7f && cp != '+' && cp != '=' && cp != '\\';
}

void dsn_utf8_encode(struct span s, struct buf *out)
{
	while (s.len > 0) {
		uint32_t cp = UTF8_REPLACEMENT;
		size_t n = utf8_decode(s, &cp);
		s = span_skip(s, n == 0 ? 1 : n);
		if (plain(cp))
			buf_addc(out, (char)cp);
		else
			buf_printf(out, "\\x{%02X}", (unsigned)cp);
	}
}

/* Behind the backslash: x{HEX}.  0: no such thing, else the bytes of it. */
static size_t point(struct span s, uint32_t *cp)
{
	struct span digits;
	uint64_t v;
	if (!span_starts(s, SPAN("x{")))
		return 0;
	s = span_sub(s, 2, 7);
	if (!span_cut(&s, '}', &digits) || digits.len < 2 || !hex_u64(digits, &v))
		return 0;
	*cp = (uint32_t)v;
	return digits.len + 3;
}

bool dsn_utf8_decode(struct span s, struct buf *out)
{
	while (s.len > 0) {
		char one[UTF8_MAX];
		uint32_t cp;
		size_t n = utf8_decode(s, &cp);
		if (n == 0)
			return false;
		s = span_skip(s, n);
		if (cp == '\\') {
			n = point(s, &cp);
			if (n == 0)
				return false;
			s = span_skip(s, n);
		}
		n = utf8_encode(cp, one);
		if (n == 0)
			return false;
		buf_add(out, span_of(one, n));
	}
	return buf_ok(out);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/utf8: the first byte says how many follow and within which borders the
 * second one lies; that alone excludes overlong forms, surrogates and what is
 * above U+10FFFF (Unicode, table 3-7).
 */
#include "base/utf8.h"

#include "base/check.h"

struct lead {
	unsigned length;   /* 0: begins nothing */
	uint8_t low, high; /* borders of the second byte */
};

static struct lead lead_of(uint8_t c)
{
	if (c < 0x80)
		return (struct lead){1, 0, 0};
	if (c < 0xc2 || c > 0xf4)
		return (struct lead){0, 0, 0};
	if (c < 0xe0)
		return (struct lead){2, 0x80, 0xbf};
	if (c < 0xf0)
		return (struct lead){3, c == 0xe0 ? 0xa0 : 0x80,
				     c == 0xed ? 0x9f : 0xbf};
	return (struct lead){4, c == 0xf0 ? 0x90 : 0x80,
			     c == 0xf4 ? 0x8f : 0xbf};
}

/*
 * How many bytes at the front belong together; *whole says whether they are a
 * code point or only a beginning (or a byte that begins nothing).
 */
static size_t front(struct span s, bool *whole)
{
	const uint8_t *p = (const uint8_t *)s.ptr;
	struct lead lead = lead_of(p[0]);
	size_t n = 1;
	while (n < lead.length && n < s.len &&
	       p[n] >= (n == 1 ? lead.low : 0x80) &&
	       p[n] <= (n == 1 ? lead.high : 0xbf))
		n++;
	*whole = n == lead.length;
	return n;
}

size_t utf8_decode(struct span s, uint32_t *cp)
{
	bool whole;
	if (s.len == 0)
		return 0;
	size_t n = front(s, &whole);
	if (!whole)
		return 0;
	uint32_t v = (uint8_t)s.ptr[0];
	if (n > 1)
		v &= 0xffu >> (n + 1);
	for (size_t i = 1; i < n; i++)
		v = v << 6 | ((uint8_t)s.ptr[i] & 0x3fu);
	*cp = v;
	return n;
}

size_t utf8_encode(uint32_t cp, char out[UTF8_MAX])
{
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)((0xf00u >> n & 0xf0) | cp);
	return n;
}

bool utf8_valid(struct span s)
{
	bool whole;
	while (s.len > 0) {
		size_t n = front(s, &whole);
		if (!whole)
			return false;
		s = span_skip(s, n);
	}
	return true;
}

bool utf8_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((uint8_t)s.ptr[i] >= 0x80)
			return false;
	return true;
}

void utf8_repair(struct buf *b, struct span s)
{
	bool whole;
	while (s.len > 0) {
		size_t n = front(s, &whole);
		buf_add(b, whole ? span_sub(s, 0, n) : SPAN("\xef\xbf\xbd"));
		s = span_skip(s, n);
	}
}

struct span utf8_fit(struct span s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((uint8_t)s.ptr[max] & 0xc0) == 0x80)
		max--;
	return span_sub(s, 0, max);
}

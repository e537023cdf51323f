/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/utf7: both directions in one pass.
 *
 * Must never let two spellings stand for one name, nor make UTF-8 that is not
 * valid: names are compared and stored as bytes from here on.
 */
#include "imap/utf7.h"

#include "base/check.h"
#include "base/ensure.h"
#include "base/utf8.h"

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool direct(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* The UTF-16 behind one shift; *n grows by the UTF-8 written to p. */
static bool decode_shift(struct span in, char *p, size_t *n)
{
	uint32_t bits = 0, high = 0;
	unsigned held = 0;
	for (size_t i = 0; i < in.len; i++) {
		const char *at = in.ptr[i] ? strchr(digits, in.ptr[i]) : NULL;
		if (at == NULL)
			return false;
		bits = (bits << 6 | (uint32_t)(at - digits)) & 0x3fffff;
		held += 6;
		if (held < 16)
			continue;
		held -= 16;
		uint32_t unit = bits >> held & 0xffff;
		bool low = unit >= 0xdc00 && unit <= 0xdfff;
		if (low != (high != 0) || direct(unit))
			return false;
		if (low) {
			unit = 0x10000 + ((high & 0x3ff) << 10) + (unit & 0x3ff);
			high = 0;
		} else if (unit >= 0xd800 && unit <= 0xdbff) {
			high = unit;
			continue;
		}
		*n += utf8_encode(unit, p + *n);
	}
	/* Left over bits are padding: fewer than six, and zero. */
	return high == 0 && held < 6 && (bits & ((1u << held) - 1)) == 0;
}

bool imap_utf7_decode(struct arena *arena, struct span in, struct span *out)
{
	/* Eight base64 digits (48 bits) make at most nine bytes of UTF-8. */
	size_t room;
	if (!size_mul(in.len, 2, &room))
		return false;
	char *p = arena_bytes(arena, room + 1);
	if (p == NULL)
		return false;
	size_t n = 0;
	bool shifted = false;
	while (in.len > 0) {
		char c = in.ptr[0];
		in = span_skip(in, 1);
		if (c != '&') {
			if (c < 0x20 || c > 0x7e)
				return false;
			p[n++] = c;
			shifted = false;
			continue;
		}
		struct span coded;
		if (!span_cut(&in, '-', &coded))
			return false;
		if (coded.len == 0) {
			p[n++] = '&';
			shifted = false;
			continue;
		}
		if (shifted || !decode_shift(coded, p, &n))
			return false;
		shifted = true;
	}
	*out = span_of(p, n);
	return true;
}

struct encoder {
	char *p;
	size_t n;
	uint32_t bits;
	unsigned held;
	bool shifted;
};

static void put_unit(struct encoder *e, uint32_t unit)
{
	e->bits = (e->bits << 16 | unit) & 0x3fffff;
	e->held += 16;
	while (e->held >= 6) {
		e->held -= 6;
		e->p[e->n++] = digits[e->bits >> e->held & 0x3f];
	}
}

static void unshift(struct encoder *e)
{
	if (!e->shifted)
		return;
	if (e->held > 0)
		e->p[e->n++] = digits[e->bits << (6 - e->held) & 0x3f];
	e->p[e->n++] = '-';
	e->held = 0;
	e->bits = 0;
	e->shifted = false;
}

bool imap_utf7_encode(struct arena *arena, struct span in, struct span *out)
{
	size_t room;
	/* The worst is a control character between two printable ones. */
	if (!size_mul(in.len, 5, &room) || !size_add(room, 2, &room))
		return false;
	struct encoder e = {.p = arena_bytes(arena, room)};
	if (e.p == NULL)
		return false;
	while (in.len > 0) {
		uint32_t code;
		size_t used = utf8_decode(in, &code);
		if (used == 0)
			return false;
		in = span_skip(in, used);
		if (direct(code)) {
			unshift(&e);
			e.p[e.n++] = (char)code;
			if (code == '&')
				e.p[e.n++] = '-';
			continue;
		}
		if (!e.shifted)
			e.p[e.n++] = '&';
		e.shifted = true;
		if (code >= 0x10000) {
			put_unit(&e, 0xd7c0 + (code >> 10));
			code = 0xdc00 + (code & 0x3ff);
		}
		put_unit(&e, code);
	}
	unshift(&e);
	ENSURE(e.n <= room);
	*out = span_of(e.p, e.n);
	return true;
}

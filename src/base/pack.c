/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/pack: see pack.h.  Must never read a byte that is not in the span, and
 * never accept two spellings of one number.
 */
#include "base/pack.h"

static void put_little(struct buf *b, uint64_t v, size_t n)
{
	char bytes[8];
	for (size_t i = 0; i < n; i++, v >>= 8)
		bytes[i] = (char)(v & 255);
	buf_add(b, span_of(bytes, n));
}

static void put_big(struct buf *b, uint64_t v, size_t n)
{
	char bytes[8];
	for (size_t i = n; i > 0; i--, v >>= 8)
		bytes[i - 1] = (char)(v & 255);
	buf_add(b, span_of(bytes, n));
}

void pack_u8(struct buf *b, uint8_t v) { put_little(b, v, 1); }
void pack_u16(struct buf *b, uint16_t v) { put_little(b, v, 2); }
void pack_u32(struct buf *b, uint32_t v) { put_little(b, v, 4); }
void pack_u64(struct buf *b, uint64_t v) { put_little(b, v, 8); }
void pack_u32_be(struct buf *b, uint32_t v) { put_big(b, v, 4); }
void pack_u64_be(struct buf *b, uint64_t v) { put_big(b, v, 8); }

void pack_varint(struct buf *b, uint64_t v)
{
	char bytes[PACK_VARINT_MAX];
	buf_add(b, span_of(bytes, pack_varint_at(bytes, v)));
}

void pack_span(struct buf *b, struct span s)
{
	pack_varint(b, s.len);
	buf_add(b, s);
}

void unpack_fail(struct unpack *u)
{
	u->failed = true;
	u->rest = span_of(NULL, 0);
}

static uint64_t get_big(struct unpack *u, size_t n)
{
	struct span s = unpack_bytes(u, n);
	uint64_t v = 0;
	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | (uint8_t)s.ptr[i];
	return v;
}

uint32_t unpack_u32_be(struct unpack *u) { return (uint32_t)get_big(u, 4); }
uint64_t unpack_u64_be(struct unpack *u) { return get_big(u, 8); }

uint64_t unpack_varint_any(struct unpack *u, uint64_t max)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < PACK_VARINT_MAX; i++) {
		uint8_t c = unpack_u8(u);
		/* The tenth byte has one bit left; a zero on top is padding. */
		if (u->failed || (i == 9 && c > 1) || (i > 0 && c == 0))
			break;
		v |= (uint64_t)(c & 127) << (7 * i);
		if (c < 128) {
			if (v > max)
				break;
			return v;
		}
	}
	unpack_fail(u);
	return 0;
}

bool unpack_bool(struct unpack *u)
{
	uint8_t v = unpack_u8(u);
	if (v > 1)
		unpack_fail(u);
	return v == 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* index/list: see list.h.  Must never give a document that the segment does not have. */
#include "index/list.h"

#include "base/pack.h"

static bool is_bits(uint64_t count, uint32_t of) { return count * 8 > of; }
static size_t bits_len(uint32_t of) { return ((size_t)of + 7) / 8; }

static void write_bits(struct buf *b, const uint32_t *docs, size_t count, uint32_t of)
{
	size_t len = bits_len(of);
	unsigned char *to = (unsigned char *)buf_room(b, len);
	if (to == NULL)
		return;
	memset(to, 0, len);
	for (size_t i = 0; i < count; i++)
		to[docs[i] / 8] |= (unsigned char)(1u << docs[i] % 8);
	buf_wrote(b, len);
}

void index_list_write(struct buf *b, const uint32_t *docs, size_t count, uint32_t of)
{
	uint32_t next = 0;
	pack_varint(b, count);
	if (is_bits(count, of)) {
		write_bits(b, docs, count, of);
		return;
	}
	char *to = buf_room(b, count * 5);
	size_t n = 0;
	if (to == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		char one[PACK_VARINT_MAX];
		size_t len = pack_varint_at(one, docs[i] - next);
		memcpy(to + n, one, len);
		n += len;
		next = docs[i] + 1;
	}
	buf_wrote(b, n);
}

uint32_t index_list_count(struct span s, uint32_t of)
{
	struct unpack u = unpack_of(s);
	return (uint32_t)unpack_varint(&u, of);
}

static bool each_bit(struct span s, uint32_t of, uint32_t want, uint32_t *docs,
		     uint64_t *bits)
{
	uint32_t n = 0;
	if (s.len != bits_len(of))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned byte = (unsigned char)s.ptr[i];
		if (bits != NULL)
			bits[i / 8] |= (uint64_t)byte << i % 8 * 8;
		for (; byte != 0; byte &= byte - 1, n++)
			if (docs != NULL && n < want)
				docs[n] = (uint32_t)i * 8 +
					  (uint32_t)__builtin_ctz(byte);
	}
	/* Bits behind the last document would show in the last byte. */
	return n == want &&
	       (of % 8 == 0 || (unsigned char)s.ptr[s.len - 1] >> of % 8 == 0);
}

static bool each_gap(struct span s, uint32_t of, uint32_t count, uint32_t *docs,
		     uint64_t *bits)
{
	struct unpack u = unpack_of(s);
	uint64_t next = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t doc = next + unpack_varint(&u, of);
		if (doc >= of || u.failed)
			return false;
		if (docs != NULL)
			docs[i] = (uint32_t)doc;
		else
			bits[doc / 64] |= UINT64_C(1) << doc % 64;
		next = doc + 1;
	}
	return unpack_done(&u);
}

static bool each(struct span s, uint32_t of, uint32_t *docs, uint64_t *bits)
{
	struct unpack u = unpack_of(s);
	uint32_t count = (uint32_t)unpack_varint(&u, of);
	if (count == 0 || u.failed)
		return false;
	return is_bits(count, of) ? each_bit(u.rest, of, count, docs, bits)
				  : each_gap(u.rest, of, count, docs, bits);
}

bool index_list_read(struct span s, uint32_t of, uint32_t *docs)
{
	return each(s, of, docs, NULL);
}

bool index_list_or(struct span s, uint32_t of, uint64_t *bits)
{
	return each(s, of, NULL, bits);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/wal: records by their checksums; behind damage every offset is tried.
 */
#include "kv/wal.h"

#include "crypto/hash.h"

#define HEAD	   7u
#define MASK_DELTA 0xa282ead8u

enum { KIND_FULL = 1, KIND_FIRST = 2, KIND_LAST = 4 };

static uint32_t u32_at(struct span s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.ptr + at;
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

/* The length of the whole record that stands there; 0: none does. */
static size_t record_at(struct span block, size_t at, unsigned *kind)
{
	if (at + HEAD > block.len)
		return 0;
	size_t len = (unsigned char)block.ptr[at + 4] |
		     (size_t)(unsigned char)block.ptr[at + 5] << 8;
	*kind = (unsigned char)block.ptr[at + 6];
	if (*kind < KIND_FULL || *kind > KIND_LAST || len > block.len - at - HEAD)
		return 0;
	uint32_t said = u32_at(block, at) - MASK_DELTA;
	uint32_t is = crc32c(0, span_sub(block, at + 6, len + 1));
	said = said >> 17 | said << 15;
	return said == is ? HEAD + len : 0;
}

/* The end of a block that is too short for a head is zeros. */
static bool is_filler(struct span block, size_t at)
{
	if (block.len != WAL_BLOCK || at + HEAD <= WAL_BLOCK)
		return false;
	for (; at < block.len; at++)
		if (block.ptr[at] != 0)
			return false;
	return true;
}

void kv_wal_block(struct wal_scan *s, struct span block, uint64_t at)
{
	unsigned kind = 0;
	for (size_t i = 0; i < block.len && !is_filler(block, i);) {
		size_t n = record_at(block, i, &kind);
		if (n > 0) {
			s->records++;
			s->in_midst |= s->damaged && kind <= KIND_FIRST;
			i += n;
			continue;
		}
		if (!s->damaged)
			s->at = at + i;
		s->damaged = true;
		i++;
	}
}

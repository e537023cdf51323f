/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/pack - fixed byte layouts for rows on disk and frames between processes.
 *
 * Numbers are little-endian, independent of the machine; varints are LEB128
 * (seven bits a byte, lowest first, at most ten bytes) and must be the shortest
 * form; spans carry their length as a varint in front.  The _be forms are
 * big-endian: they sort as bytes the way they sort as numbers, for row keys.
 *
 * Reading is bounded and sticky: the first read that does not fit returns zero
 * or an empty span, sets `failed`, and so does every later one.  So a record is
 * read field by field and judged once, with unpack_done.  Spans that come out
 * borrow the input.
 */
#pragma once

#include "base/buf.h"

#define PACK_VARINT_MAX 10u /* bytes */

void pack_u8(struct buf *, uint8_t);
void pack_u16(struct buf *, uint16_t);
void pack_u32(struct buf *, uint32_t);
void pack_u64(struct buf *, uint64_t);
void pack_u32_be(struct buf *, uint32_t);
void pack_u64_be(struct buf *, uint64_t);
void pack_varint(struct buf *, uint64_t);
/* For many in a row: the bytes go to `at`, their count comes back. */
static inline size_t pack_varint_at(char at[PACK_VARINT_MAX], uint64_t v)
{
	size_t n = 0;
	for (; v > 127; v >>= 7)
		at[n++] = (char)(128 | (v & 127));
	at[n++] = (char)v;
	return n;
}
/* Length, then bytes.  For bytes alone: buf_add. */
void pack_span(struct buf *, struct span);

struct unpack {
	struct span rest;
	bool failed;
};

static inline struct unpack unpack_of(struct span s)
{
	return (struct unpack){.rest = s};
}

/* Say from outside that what was read makes no sense. */
void unpack_fail(struct unpack *);

static inline uint8_t unpack_u8(struct unpack *u)
{
	if (u->rest.len == 0) {
		unpack_fail(u);
		return 0;
	}
	u->rest.len--;
	return (uint8_t)*u->rest.ptr++;
}
/* Exactly n bytes. */
static inline struct span unpack_bytes(struct unpack *u, size_t n)
{
	if (u->failed || n > u->rest.len) {
		unpack_fail(u);
		return span_of(NULL, 0);
	}
	struct span s = span_of(u->rest.ptr, n);
	u->rest = span_skip(u->rest, n);
	return s;
}
/* n is a constant to the compiler, which makes one load of it. */
static inline uint64_t unpack_little(struct unpack *u, size_t n)
{
	struct span s = unpack_bytes(u, n);
	uint64_t v = 0;
	for (size_t i = 0; s.len > 0 && i < n; i++)
		v |= (uint64_t)(uint8_t)s.ptr[i] << (8 * i);
	return v;
}
static inline uint16_t unpack_u16(struct unpack *u) { return (uint16_t)unpack_little(u, 2); }
static inline uint32_t unpack_u32(struct unpack *u) { return (uint32_t)unpack_little(u, 4); }
static inline uint64_t unpack_u64(struct unpack *u) { return unpack_little(u, 8); }
uint32_t unpack_u32_be(struct unpack *);
uint64_t unpack_u64_be(struct unpack *);
uint64_t unpack_varint_any(struct unpack *, uint64_t max);
/* Fails above max as well. */
static inline uint64_t unpack_varint(struct unpack *u, uint64_t max)
{
	/* Most are one byte. */
	if (u->rest.len > 0 && (uint8_t)*u->rest.ptr < 128 &&
	    (uint8_t)*u->rest.ptr <= max)
		return unpack_u8(u);
	return unpack_varint_any(u, max);
}
/* 0 or 1 in one byte; anything else fails. */
bool unpack_bool(struct unpack *);
/* Length and bytes, at most max of them. */
static inline struct span unpack_span(struct unpack *u, size_t max)
{
	return unpack_bytes(u, (size_t)unpack_varint(u, max));
}

static inline bool unpack_ok(const struct unpack *u) { return !u->failed; }
/* Everything was read, and all of it was right. */
MUST_USE static inline bool unpack_done(const struct unpack *u)
{
	return !u->failed && u->rest.len == 0;
}

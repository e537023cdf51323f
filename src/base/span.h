/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/span - a borrowed run of bytes: pointer and length.
 *
 * Everything that comes from outside is a span, never a C string: it may hold
 * NUL and any other byte, and is not terminated.  A span owns nothing; who
 * hands one out says how long it stays valid.  An empty span may have ptr
 * NULL.
 *
 * Comparison without case folds ASCII only, as mail protocols ask; it does not
 * depend on a locale.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

struct span {
	const char *ptr;
	size_t len;
};

/* A span over a string literal, without its NUL. */
#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})
/* The same as a constant initialiser. */
#define SPAN_INIT(literal) {"" literal, sizeof(literal) - 1}
/* Arguments for the "%.*s" of our own messages. */
#define SPAN_FMT(s) (int)((s).len > 1024 ? 1024 : (s).len), (s).ptr ? (s).ptr : ""

static inline struct span span_of(const void *ptr, size_t len)
{
	return (struct span){ptr, len};
}

/* From a C string that is ours (a literal's name, argv). */
static inline struct span span_cstr(const char *s)
{
	return (struct span){s, s ? strlen(s) : 0};
}

static inline bool span_empty(struct span s) { return s.len == 0; }

/* The bytes from `from` on, at most `len` of them; clamped, never past the end. */
static inline struct span span_sub(struct span s, size_t from, size_t len)
{
	from = from < s.len ? from : s.len;
	len = len < s.len - from ? len : s.len - from;
	return span_of(s.ptr ? s.ptr + from : NULL, len);
}
static inline struct span span_skip(struct span s, size_t n)
{
	return span_sub(s, n, SIZE_MAX);
}

bool span_eq(struct span a, struct span b);
bool span_eq_nocase(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
bool span_starts_nocase(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
bool span_ends_nocase(struct span s, struct span suffix);
/* <0, 0, >0 by bytes, shorter first. */
int span_cmp(struct span a, struct span b);

/* Where c stands first or last, or SIZE_MAX. */
size_t span_find(struct span s, char c);
size_t span_find_last(struct span s, char c);
/* Where the span `what` stands first, or SIZE_MAX.  Linear time. */
size_t span_find_span(struct span s, struct span what);
static inline bool span_has(struct span s, char c)
{
	return span_find(s, c) != SIZE_MAX;
}

/* Without blanks and tabs at both ends. */
struct span span_trim(struct span s);

/*
 * Cut at the first c: *head is what stands before it, *s what follows it.
 * False, with *head the whole and *s empty, when c does not occur.
 */
bool span_cut(struct span *s, char c, struct span *head);

/*
 * A whole decimal number, digits only, no sign, at most `max`.  False when
 * empty, too large, or when anything else stands in it.
 */
MUST_USE bool span_u64(struct span s, uint64_t max, uint64_t *out);

#define SPAN_U64_DIGITS 20u
/* The number in decimal; the span lies in `digits`. */
struct span span_put_u64(char digits[SPAN_U64_DIGITS], uint64_t);

/* ASCII only, whatever the locale. */
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline char ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}
static inline bool ascii_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool ascii_alpha(char c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}
static inline bool ascii_alnum(char c)
{
	return ascii_digit(c) || ascii_alpha(c);
}

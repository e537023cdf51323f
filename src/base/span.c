/* SPDX-License-Identifier: Apache-2.0 */
/* base/span: see span.h.  Must never read past s.len or look for a NUL. */
#define _GNU_SOURCE /* memmem, memrchr: linear and bounded */
#include "base/span.h"

#include "base/check.h"

bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool span_eq_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

bool span_starts(struct span s, struct span prefix)
{
	return span_eq(span_sub(s, 0, prefix.len), prefix);
}

bool span_starts_nocase(struct span s, struct span prefix)
{
	return span_eq_nocase(span_sub(s, 0, prefix.len), prefix);
}

bool span_ends(struct span s, struct span suffix)
{
	return s.len >= suffix.len &&
	       span_eq(span_skip(s, s.len - suffix.len), suffix);
}

bool span_ends_nocase(struct span s, struct span suffix)
{
	return s.len >= suffix.len &&
	       span_eq_nocase(span_skip(s, s.len - suffix.len), suffix);
}

int span_cmp(struct span a, struct span b)
{
	size_t n = size_min(a.len, b.len);
	int r = n ? memcmp(a.ptr, b.ptr, n) : 0;
	if (r != 0)
		return r;
	return a.len < b.len ? -1 : a.len > b.len;
}

size_t span_find(struct span s, char c)
{
	const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;
	return p ? (size_t)(p - s.ptr) : SIZE_MAX;
}

size_t span_find_last(struct span s, char c)
{
	const char *p = s.len ? memrchr(s.ptr, c, s.len) : NULL;
	return p ? (size_t)(p - s.ptr) : SIZE_MAX;
}

size_t span_find_span(struct span s, struct span what)
{
	if (what.len == 0)
		return 0;
	if (s.len < what.len)
		return SIZE_MAX;
	const char *p = memmem(s.ptr, s.len, what.ptr, what.len);
	return p ? (size_t)(p - s.ptr) : SIZE_MAX;
}

struct span span_trim(struct span s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = span_skip(s, 1);
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool span_cut(struct span *s, char c, struct span *head)
{
	size_t at = span_find(*s, c);
	*head = span_sub(*s, 0, at);
	if (at == SIZE_MAX) {
		*s = span_skip(*s, s->len);
		return false;
	}
	*s = span_skip(*s, at + 1);
	return true;
}

bool span_u64(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_digit(s.ptr[i]) || !u64_mul(v, 10, &v) ||
		    !u64_add(v, (uint64_t)(s.ptr[i] - '0'), &v) || v > max)
			return false;
	}
	*out = v;
	return true;
}

struct span span_put_u64(char digits[SPAN_U64_DIGITS], uint64_t v)
{
	size_t at = SPAN_U64_DIGITS;
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	return span_of(digits + at, SPAN_U64_DIGITS - at);
}

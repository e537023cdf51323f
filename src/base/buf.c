/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/buf: doubling growth; content moves to the front before memory grows.
 * Must never hold more than `limit` bytes of content.
 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

#define BUF_FIRST 256u

void buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){.limit = limit};
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.limit = b->limit};
}

void buf_clear(struct buf *b)
{
	b->from = b->to = 0;
	b->failed = false;
}

static bool grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	char *p = realloc(b->data, cap);
	if (p == NULL)
		return false;
	b->data = p;
	b->cap = cap;
	return true;
}

/* Room for n bytes of content and `spare` (0 or 1) that are none. */
static char *room(struct buf *b, size_t n, size_t spare)
{
	size_t len = buf_len(b), need;
	if (b->failed || n > b->limit || len > b->limit - n ||
	    !size_add(n, spare, &need) || !size_add(len, need, &need)) {
		b->failed = true;
		return NULL;
	}
	if (b->from != 0 && b->cap - b->from < need) {
		memmove(b->data, b->data + b->from, len);
		b->from = 0;
		b->to = len;
	}
	need += b->from;
	if ((b->cap < need || b->data == NULL) && !grow(b, need)) {
		b->failed = b->no_memory = true;
		return NULL;
	}
	return b->data + b->to;
}

char *buf_room(struct buf *b, size_t n)
{
	return room(b, n, 0);
}

void buf_wrote(struct buf *b, size_t n)
{
	ENSURE(n <= b->cap - b->to);
	b->to += n;
}

void buf_add_more(struct buf *b, struct span s)
{
	char *p = buf_room(b, s.len);
	if (p == NULL || s.len == 0)
		return;
	memcpy(p, s.ptr, s.len);
	b->to += s.len;
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, span_of(&c, 1));
}

void buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[SPAN_U64_DIGITS];
	buf_add(b, span_put_u64(digits, v));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	ENSURE(n >= 0);
	/* vsnprintf also writes a NUL, which is not content. */
	char *p = room(b, (size_t)n, 1);
	if (p != NULL) {
		vsnprintf(p, (size_t)n + 1, fmt, again);
		b->to += (size_t)n;
	}
	va_end(again);
}

void buf_take(struct buf *b, size_t n)
{
	ENSURE(n <= buf_len(b));
	b->from += n;
	if (b->from == b->to)
		b->from = b->to = 0;
}

void buf_cut(struct buf *b, size_t n)
{
	ENSURE(n <= buf_len(b));
	b->to -= n;
}

void buf_trim(struct buf *b)
{
	if (buf_len(b) == 0) {
		bool failed = b->failed;
		buf_free(b);
		b->failed = failed;
	}
}

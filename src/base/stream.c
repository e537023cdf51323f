/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/stream: line and byte access over an owner's fill and flush.
 *
 * Must never take a bare LF or a bare CR for a line end (smuggling), and never
 * use more memory than the owner's two buffers, however long a line is.
 */
#include "base/stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

static enum io fill(struct stream *s)
{
	if (stream_flush(s) == IO_OK)
		s->state = s->ops->fill(s);
	ENSURE(s->state != IO_OK || s->in_to > s->in_from);
	return s->state;
}

/* Length of the line in b with its CRLF, or 0 when no CRLF is there yet. */
static size_t line_length(struct span b, size_t from)
{
	while (from < b.len) {
		size_t at = span_find(span_skip(b, from), '\n');
		if (at == SIZE_MAX)
			return 0;
		at += from;
		if (at > 0 && b.ptr[at - 1] == '\r')
			return at + 1;
		from = at + 1;
	}
	return 0;
}

/* Throw a line away that is too long, keeping a CR that may start its end. */
static enum io drain_line(struct stream *s, size_t drain)
{
	for (;;) {
		struct span b = stream_buffered(s);
		size_t n = line_length(b, 0);
		if (n != 0) {
			s->in_from += n;
			return n > drain ? (s->state = IO_BROKEN) : IO_LONG;
		}
		size_t keep = b.len && b.ptr[b.len - 1] == '\r' ? 1 : 0;
		if (b.len - keep > drain)
			return s->state = IO_BROKEN;
		drain -= b.len - keep;
		s->in_from += b.len - keep;
		enum io r = fill(s);
		if (r != IO_OK)
			return r;
	}
}

enum io stream_line(struct stream *s, size_t limit, size_t drain,
		    struct span *line)
{
	size_t seen = 0;
	while (s->state == IO_OK) {
		struct span b = span_sub(stream_buffered(s), 0, limit);
		size_t n = line_length(b, seen > 0 ? seen - 1 : 0);
		if (n != 0) {
			*line = span_sub(b, 0, n - 2);
			s->in_from += n;
			return IO_OK;
		}
		if (b.len == limit)
			return drain_line(s, drain);
		seen = b.len;
		if (fill(s) == IO_OK)
			ENSURE(limit <= s->in_cap);
	}
	return s->state;
}

enum io stream_peek(struct stream *s, struct span *bytes)
{
	if (s->state == IO_OK && s->in_to == s->in_from)
		fill(s);
	if (s->state == IO_OK)
		*bytes = stream_buffered(s);
	return s->state;
}

enum io stream_some(struct stream *s, size_t max, struct span *bytes)
{
	enum io r = stream_peek(s, bytes);
	if (r != IO_OK)
		return r;
	*bytes = span_sub(*bytes, 0, max);
	s->in_from += bytes->len;
	return IO_OK;
}

void stream_consume(struct stream *s, size_t n)
{
	ENSURE(n <= s->in_to - s->in_from);
	s->in_from += n;
}

/* A session that was told to stop may still say goodbye. */
static bool writable(const struct stream *s)
{
	return s->state == IO_OK || s->state == IO_STOP;
}

static void push(struct stream *s)
{
	enum io r = s->ops->flush(s);
	if (r != IO_OK)
		s->state = r;
	ENSURE(r != IO_OK || (s->out_len == 0 && s->out_cap > 0));
}

void stream_write_more(struct stream *s, struct span b)
{
	while (b.len > 0 && writable(s)) {
		size_t n = size_min(b.len, s->out_cap - s->out_len);
		if (n > 0) {
			memcpy(s->out + s->out_len, b.ptr, n);
			s->out_len += n;
			b = span_skip(b, n);
		}
		if (b.len > 0)
			push(s);
	}
}

void stream_number(struct stream *s, uint64_t v)
{
	char digits[SPAN_U64_DIGITS];
	stream_write(s, span_put_u64(digits, v));
}

void stream_printf(struct stream *s, const char *fmt, ...)
{
	char small[1024];
	char *text = small;
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	ENSURE(n >= 0);
	if ((size_t)n >= sizeof small) {
		text = malloc((size_t)n + 1);
		if (text != NULL)
			vsnprintf(text, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	if (text == NULL) {
		s->state = IO_BROKEN;
		return;
	}
	stream_write(s, span_of(text, (size_t)n));
	if (text != small)
		free(text);
}

enum io stream_flush(struct stream *s)
{
	if (writable(s) && s->out_len > 0)
		push(s);
	return s->state;
}

enum io stream_start_tls(struct stream *s)
{
	enum io r = stream_flush(s);
	if (r != IO_OK)
		return r;
	s->in_from = s->in_to = 0;
	return s->state = s->ops->start_tls(s);
}

enum io stream_start_deflate(struct stream *s)
{
	enum io r = stream_flush(s);
	if (r != IO_OK)
		return r;
	s->in_from = s->in_to = 0;
	return s->state = s->ops->deflate(s);
}

void stream_deadline(struct stream *s, uint32_t seconds)
{
	s->ops->deadline(s, seconds);
}

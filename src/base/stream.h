/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/stream - how straight-line protocol code reads and writes.
 *
 * A session (smtp, imap, pop3, ...) holds a stream and knows nothing of
 * sockets, TLS or fibers.  In a role a read that finds nothing parks the
 * fiber; in a unit test or a fuzzer the stream is a script of bytes.
 *
 * Input is buffered inside the stream up to its line limit.  Output is
 * gathered until stream_flush, or until more than STREAM_OUT_MAX is gathered,
 * when the write itself flushes and so parks: that is the back-pressure which
 * bounds what a client that never reads can cost.  Every read flushes first.
 *
 * Results: a stream that has once answered anything but IO_OK (IO_LONG apart)
 * keeps answering the same; the session then returns to its owner.
 *
 * Deadlines are the owner's: a session names the time it grants with
 * stream_deadline and never reads a clock.
 */
#pragma once

#include "base/span.h"

enum io {
	IO_OK,
	IO_EOF,     /* the peer closed in good order */
	IO_BROKEN,  /* reset, TLS alert, truncation without close_notify */
	IO_TIMEOUT, /* the deadline passed */
	IO_STOP,    /* the owner wants the session to end: say goodbye and return */
	IO_LONG,    /* stream_line only: no line end within the limit */
};

#define STREAM_OUT_MAX 16384u

struct stream;

struct stream_ops {
	/* At least one byte of input is buffered on IO_OK. May park. */
	enum io (*fill)(struct stream *);
	/*
	 * Everything gathered is handed to the transport on IO_OK, and there is
	 * room in `out` again (an idle stream gets its buffer here). May park.
	 */
	enum io (*flush)(struct stream *);
	/*
	 * Shake hands over the same connection, as the side that the owner is.  Buffered input
	 * is thrown away before (no byte of the clear phase is read after).
	 */
	enum io (*start_tls)(struct stream *);
	void (*deadline)(struct stream *, uint32_t seconds);
	/* From here on both directions are deflated.  NULL: cannot be had. */
	enum io (*deflate)(struct stream *);
};

/*
 * The part of a stream that its owner embeds.  Opaque to sessions: they use
 * the functions below only.  in[in_from..in_to) is unread, out[0..out_len)
 * ungathered; both buffers belong to the owner and may be NULL while idle.
 */
struct stream {
	const struct stream_ops *ops;
	char *in, *out;
	size_t in_from, in_to, in_cap;
	size_t out_len, out_cap;
	enum io state;
};

/* Input that can be had without parking. */
static inline struct span stream_buffered(const struct stream *s)
{
	return span_of(s->in ? s->in + s->in_from : NULL, s->in_to - s->in_from);
}

/*
 * One line without its CRLF.  Borrowed until the next read.  Only CRLF ends a
 * line: a bare CR or LF is content, for the caller to refuse.  IO_LONG when
 * `limit` bytes (CRLF included) held no line end: the bytes are consumed up to
 * and including the next CRLF, in constant memory and at most `drain` bytes of
 * them, else IO_BROKEN.  limit is at most the stream's input buffer.
 */
MUST_USE enum io stream_line(struct stream *, size_t limit, size_t drain,
			     struct span *line);

/* Some bytes, at least one, at most max.  Borrowed until the next read. */
MUST_USE enum io stream_some(struct stream *, size_t max, struct span *bytes);

/*
 * Look at everything buffered (at least one byte), then consume n of it: what
 * a framer needs that scans for its own end mark.
 */
MUST_USE enum io stream_peek(struct stream *, struct span *bytes);
void stream_consume(struct stream *, size_t n);

/* Gather output.  Failures show at the next flush or read. */
void stream_write_more(struct stream *, struct span);
static inline void stream_write(struct stream *s, struct span b)
{
	if (b.len == 0)
		return;
	if (s->state != IO_OK || b.len > s->out_cap - s->out_len) {
		stream_write_more(s, b);
		return;
	}
	memcpy(s->out + s->out_len, b.ptr, b.len);
	s->out_len += b.len;
}
void stream_number(struct stream *, uint64_t); /* in decimal */
PRINTF_LIKE(2, 3) void stream_printf(struct stream *, const char *fmt, ...);
enum io stream_flush(struct stream *);

MUST_USE enum io stream_start_tls(struct stream *);
/* Buffered input is thrown away as well. */
MUST_USE enum io stream_start_deflate(struct stream *);
void stream_deadline(struct stream *, uint32_t seconds);

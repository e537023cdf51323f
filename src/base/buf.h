/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/buf - a growing run of bytes with a hard limit.
 *
 * Written at the end, taken from the front.  The first write that does not fit
 * under the limit (or into memory) writes nothing and sets `failed`; every
 * later write is then a no-op, so a series of writes is checked once at its
 * end with buf_ok.  buf_clear forgets content and failure, keeps the memory.
 *
 * A plain value: initialise with buf_init, give back with buf_free.
 */
#pragma once

#include <stdarg.h>

#include "base/span.h"

struct buf {
	char *data;
	size_t from, to, cap; /* content is data[from..to) */
	size_t limit;
	bool failed;
	bool no_memory; /* a failure since buf_init was the machine's, not the limit's */
};

void buf_init(struct buf *, size_t limit);
void buf_free(struct buf *);
void buf_clear(struct buf *);

static inline bool buf_ok(const struct buf *b) { return !b->failed; }
static inline size_t buf_len(const struct buf *b) { return b->to - b->from; }
/* Valid until the next write. */
static inline struct span buf_span(const struct buf *b)
{
	return span_of(b->data ? b->data + b->from : NULL, buf_len(b));
}

void buf_add_more(struct buf *, struct span);
static inline void buf_add(struct buf *b, struct span s)
{
	if (s.len == 0 || s.len > b->cap - b->to || b->failed || s.len > b->limit ||
	    buf_len(b) > b->limit - s.len) {
		buf_add_more(b, s);
		return;
	}
	memcpy(b->data + b->to, s.ptr, s.len);
	b->to += s.len;
}
void buf_addc(struct buf *, char);
void buf_add_u64(struct buf *, uint64_t); /* in decimal */
PRINTF_LIKE(2, 3) void buf_printf(struct buf *, const char *fmt, ...);

/* Room for n more bytes, or NULL (and failed); say with buf_wrote how many. */
MUST_USE char *buf_room(struct buf *, size_t n);
void buf_wrote(struct buf *, size_t n);

/*
 * Did memory run out since buf_init, buf_clear or not?  Then what is missing here
 * would fit another time; without it a failure is the limit's.
 */
static inline bool buf_short(const struct buf *b) { return b->no_memory; }
/* What went into `out` came from `b`: when memory was short there, `out` failed. */
static inline void buf_share(struct buf *out, const struct buf *b)
{
	if (b->no_memory)
		out->failed = out->no_memory = true;
}

/* Drop n bytes from the front (n <= buf_len) or the end. */
void buf_take(struct buf *, size_t n);
void buf_cut(struct buf *, size_t n);
/* Give memory back when nothing is in it. */
void buf_trim(struct buf *);

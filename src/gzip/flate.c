/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip/flate: zlib's streams, made when they are needed.
 *
 * What we send is flushed after each write and may begin anew at any flush, as a
 * stream that refers to nothing before it.  What comes refers to what came
 * before, so its last 32 KiB outlive a rest, unless the client stopped inside of
 * a byte: then zlib keeps its state.
 *
 * Must never hand out a byte that the wire did not say, nor wait for one that
 * zlib has already.
 */
#include "gzip/flate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/check.h"
#include "base/ensure.h"

#define RAW	   (-15)   /* what a client may refer to: 32 KiB */
#define RAW_OUT	   (-13)   /* ours: 8 KiB, so that it costs little */
#define OUT_MEMORY 7	   /* zlib's memLevel: 64 KiB */
#define OUT_LEVEL  1	   /* the processor is dearer than the line */
#define WINDOW	   32768u
#define OUT_SLACK  64u	   /* of a flush */
#define BOUNDARY   128	   /* data_type: between two blocks, and two bytes */

struct flate {
	z_stream in, out;
	bool in_on, out_on;
	bool full; /* the last read filled its room */
	char *wire, *sent;
	size_t wire_from, wire_to, sent_cap;
	char *past; /* the window, packed; NULL: there is none */
	size_t past_len, past_plain;
};

struct flate *flate_new(void)
{
	return calloc(1, sizeof(struct flate));
}

static void out_end(struct flate *f)
{
	if (f->out_on)
		(void)deflateEnd(&f->out);
	free(f->sent);
	f->out_on = false;
	f->sent = NULL;
}

static void in_end(struct flate *f)
{
	if (f->in_on)
		(void)inflateEnd(&f->in);
	free(f->wire);
	f->in_on = false;
	f->wire = NULL;
	f->wire_from = f->wire_to = 0;
}

static void past_end(struct flate *f)
{
	free(f->past);
	f->past = NULL;
	f->past_len = f->past_plain = 0;
}

void flate_free(struct flate *f)
{
	if (f == NULL)
		return;
	out_end(f);
	in_end(f);
	past_end(f);
	free(f);
}

/* ---- reading ---- */

char *flate_wire(struct flate *f)
{
	ENSURE(f->wire_from == f->wire_to);
	if (f->wire == NULL)
		f->wire = malloc(FLATE_WIRE);
	f->wire_from = f->wire_to = 0;
	return f->wire;
}

void flate_came(struct flate *f, size_t bytes)
{
	ENSURE(f->wire_to == 0 && bytes <= FLATE_WIRE);
	f->wire_to = bytes;
}

bool flate_has(const struct flate *f)
{
	return f->full || f->wire_from < f->wire_to;
}

/* A stream that knows what came before it. */
static enum flated in_begin(struct flate *f)
{
	Bytef *plain = NULL;
	uLongf len = f->past_plain;
	enum flated r = FLATE_MEMORY;
	if (f->in_on)
		return FLATE_OK;
	f->in = (z_stream){0};
	if (f->past != NULL)
		plain = malloc(WINDOW);
	if ((f->past != NULL && plain == NULL) || inflateInit2(&f->in, RAW) != Z_OK) {
		free(plain);
		return FLATE_MEMORY;
	}
	f->in_on = true;
	if (f->past == NULL ||
	    (uncompress(plain, &len, (const Bytef *)f->past, f->past_len) == Z_OK &&
	     inflateSetDictionary(&f->in, plain, (uInt)len) == Z_OK))
		r = FLATE_OK;
	free(plain);
	if (r == FLATE_OK)
		past_end(f);
	return r;
}

enum flated flate_read(struct flate *f, char *to, size_t cap, size_t *got)
{
	enum flated r = in_begin(f);
	*got = 0;
	if (r != FLATE_OK || cap == 0 || !flate_has(f))
		return r;
	f->in.next_in = (Bytef *)f->wire + f->wire_from;
	f->in.avail_in = (uInt)(f->wire_to - f->wire_from);
	f->in.next_out = (Bytef *)to;
	f->in.avail_out = (uInt)size_min(cap, UINT32_MAX);
	size_t room = f->in.avail_out;
	int z = inflate(&f->in, Z_NO_FLUSH);
	f->wire_from = f->wire_to - f->in.avail_in;
	*got = room - f->in.avail_out;
	f->full = f->in.avail_out == 0;
	if (z == Z_MEM_ERROR)
		return FLATE_MEMORY;
	/* Nothing to do is no error; the end of the stream is one. */
	return z == Z_OK || z == Z_BUF_ERROR ? FLATE_OK : FLATE_BROKEN;
}

/* ---- writing ---- */

static enum flated out_begin(struct flate *f)
{
	if (f->out_on)
		return FLATE_OK;
	f->out = (z_stream){0};
	if (deflateInit2(&f->out, OUT_LEVEL, Z_DEFLATED, RAW_OUT, OUT_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return FLATE_MEMORY;
	f->out_on = true;
	f->sent_cap = deflateBound(&f->out, FLATE_OUT) + OUT_SLACK;
	f->sent = malloc(f->sent_cap);
	if (f->sent != NULL)
		return FLATE_OK;
	out_end(f);
	return FLATE_MEMORY;
}

enum flated flate_write(struct flate *f, struct span plain, struct span *wire)
{
	ENSURE(plain.len <= FLATE_OUT);
	*wire = span_of(NULL, 0);
	if (plain.len == 0)
		return FLATE_OK;
	if (out_begin(f) != FLATE_OK)
		return FLATE_MEMORY;
	f->out.next_in = (Bytef *)(uintptr_t)plain.ptr;
	f->out.avail_in = (uInt)plain.len;
	f->out.next_out = (Bytef *)f->sent;
	f->out.avail_out = (uInt)f->sent_cap;
	int z = deflate(&f->out, Z_SYNC_FLUSH);
	/* There is room for the most that it can become. */
	ENSURE(z == Z_OK && f->out.avail_in == 0 && f->out.avail_out > 0);
	*wire = span_of(f->sent, f->sent_cap - f->out.avail_out);
	return FLATE_OK;
}

/* ---- resting ---- */

/* The window, packed.  False: it stays where it is. */
static bool keep_past(struct flate *f)
{
	Bytef *plain = malloc(WINDOW);
	uLongf len = compressBound(WINDOW);
	Bytef *packed = malloc(len);
	uInt count = WINDOW;
	bool ok = plain != NULL && packed != NULL &&
		  inflateGetDictionary(&f->in, plain, &count) == Z_OK &&
		  (count == 0 || compress2(packed, &len, plain, count, OUT_LEVEL) == Z_OK);
	if (ok && count > 0) {
		f->past = malloc(len);
		ok = f->past != NULL;
	}
	if (ok && count > 0) {
		memcpy(f->past, packed, len);
		f->past_len = len;
		f->past_plain = count;
	}
	free(packed);
	free(plain);
	return ok;
}

void flate_rest(struct flate *f)
{
	out_end(f);
	if (!f->in_on || flate_has(f) || f->in.data_type != BOUNDARY)
		return;
	if (keep_past(f))
		in_end(f);
}

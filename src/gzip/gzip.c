/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip: deflate and inflate in pieces of one size, straight into the buf.
 *
 * Must never write more than the buf's limit, whatever the input promises.
 */
#include "gzip/gzip.h"

#include <zlib.h>

#include "base/check.h"

#define PIECE	16384u
#define WINDOW	(15 + 16) /* the largest, with the frame of gzip */
#define IN_MAX	(1u << 30) /* of one call */

/* zlib reads through a pointer that is not const, and changes nothing. */
static Bytef *bytes_of(struct span s)
{
	return (Bytef *)(uintptr_t)s.ptr;
}

/* As much room as is left below the limit; NULL: none (*n is 0), or memory is short. */
static char *room(struct buf *out, size_t *n)
{
	*n = size_min(out->limit - buf_len(out), PIECE);
	return *n > 0 ? buf_room(out, *n) : NULL;
}

void gzip_pack(struct buf *out, struct span in)
{
	z_stream z = {.next_in = bytes_of(in), .avail_in = (uInt)in.len};
	int r = Z_OK;
	if (in.len > IN_MAX ||
	    deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		out->failed = out->no_memory = true;
		return;
	}
	while (r == Z_OK) {
		size_t n;
		char *to = room(out, &n);
		if (to == NULL) {
			out->failed = true;
			break;
		}
		z.next_out = (Bytef *)to;
		z.avail_out = (uInt)n;
		r = deflate(&z, Z_FINISH);
		buf_wrote(out, n - z.avail_out);
	}
	(void)deflateEnd(&z);
}

static enum gzip end_of(int r, const z_stream *z)
{
	if (r == Z_STREAM_END)
		return z->avail_in == 0 ? GZIP_OK : GZIP_BROKEN;
	return r == Z_MEM_ERROR ? GZIP_MEMORY : GZIP_BROKEN;
}

enum gzip gzip_unpack(struct buf *out, struct span in)
{
	z_stream z = {.next_in = bytes_of(in), .avail_in = (uInt)in.len};
	char spare;
	int r = Z_OK;
	if (in.len > IN_MAX)
		return GZIP_LIMIT;
	if (inflateInit2(&z, WINDOW) != Z_OK)
		return GZIP_MEMORY;
	while (r == Z_OK) {
		size_t n;
		char *to = room(out, &n);
		if (to == NULL && n > 0) {
			(void)inflateEnd(&z);
			return GZIP_MEMORY;
		}
		/* The end may still come without a byte more. */
		z.next_out = to != NULL ? (Bytef *)to : (Bytef *)&spare;
		z.avail_out = to != NULL ? (uInt)n : 1;
		r = inflate(&z, Z_NO_FLUSH);
		if (to == NULL && z.avail_out == 0) {
			(void)inflateEnd(&z);
			return GZIP_LIMIT;
		}
		if (to != NULL)
			buf_wrote(out, n - z.avail_out);
	}
	(void)inflateEnd(&z);
	return end_of(r, &z);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a stream do not depend on where its reads were cut, hold no
 * CRLF, and are never longer than the limit.  The first byte chooses the limit
 * and the cut.
 */
#include "base/ensure.h"
#include "script_stream.h"

#define DRAIN 64u

/* Lines with their lengths and the final result, as one run of bytes. */
static void collect(struct span in, size_t limit, size_t split, struct buf *out)
{
	struct script t;
	struct span line;
	enum io r;
	script_init_bytes(&t, in, split);
	script_in_cap(&t, limit + 1);
	do {
		r = stream_line(&t.stream, limit, DRAIN, &line);
		buf_addc(out, (char)r);
		if (r == IO_OK) {
			ENSURE(line.len + 2 <= limit);
			ENSURE(span_find_span(line, SPAN("\r\n")) == SIZE_MAX);
			buf_add_u64(out, line.len);
			buf_add(out, line);
		}
	} while (r == IO_OK || r == IO_LONG);
	script_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t limit = 2 + (data[0] & 15), split = 1 + (data[0] >> 4);
	struct span in = span_of(data + 1, size - 1);
	struct buf whole, cut;
	buf_init(&whole, SIZE_MAX);
	buf_init(&cut, SIZE_MAX);
	collect(in, limit, 0, &whole);
	collect(in, limit, split, &cut);
	ENSURE(span_eq(buf_span(&whole), buf_span(&cut)));
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the wire of a deflated connection, in pieces, with and without
 * rests in between: both read the same, and end in the same way.  What was read is
 * said back over the same connection, and a client understands it.
 */
#include "base/buf.h"
#include "base/ensure.h"
#include "gzip/flate.h"

#include <zlib.h>

#define LIMIT (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Said, and read by a client. */
static void say(struct flate *f, z_stream *client, struct span plain)
{
	char back[4096 + 1]; /* never full: else something might be left over */
	struct span wire;
	ENSURE(flate_write(f, plain, &wire) == FLATE_OK);
	client->next_in = (Bytef *)(uintptr_t)wire.ptr;
	client->avail_in = (uInt)wire.len;
	client->next_out = (Bytef *)back;
	client->avail_out = sizeof back;
	int z = inflate(client, Z_SYNC_FLUSH);
	ENSURE(z == Z_OK || (plain.len == 0 && z == Z_BUF_ERROR));
	ENSURE(client->avail_in == 0);
	ENSURE(span_eq(span_of(back, sizeof back - client->avail_out), plain));
}

static enum flated run(struct span wire, size_t step, size_t cap, bool rests, struct buf *out)
{
	struct flate *f = flate_new();
	char piece[4096];
	enum flated r = FLATE_OK;
	z_stream client = {0};
	ENSURE(f != NULL && inflateInit2(&client, -15) == Z_OK);
	while (wire.len > 0 && r == FLATE_OK && buf_ok(out)) {
		struct span part = span_sub(wire, 0, step);
		memcpy(flate_wire(f), part.ptr, part.len);
		flate_came(f, part.len);
		wire = span_skip(wire, part.len);
		while (flate_has(f) && r == FLATE_OK && buf_ok(out)) {
			size_t got;
			r = flate_read(f, piece, cap, &got);
			ENSURE(got <= cap);
			buf_add(out, span_of(piece, got));
			if (buf_ok(out) && r == FLATE_OK)
				say(f, &client, span_of(piece, got));
			if (rests)
				flate_rest(f);
		}
	}
	flate_free(f);
	(void)inflateEnd(&client);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf a, b;
	if (size < 2)
		return 0;
	size_t step = 1 + data[0], cap = 1 + 16u * data[1];
	struct span wire = span_of(data + 2, size - 2);
	buf_init(&a, LIMIT);
	buf_init(&b, LIMIT);
	enum flated ra = run(wire, FLATE_WIRE, 4096, false, &a);
	enum flated rb = run(wire, step, cap, true, &b);
	ENSURE(ra != FLATE_MEMORY && rb != FLATE_MEMORY);
	if (buf_ok(&a) && buf_ok(&b))
		ENSURE(ra == rb && span_eq(buf_span(&a), buf_span(&b)));
	buf_free(&a);
	buf_free(&b);
	return 0;
}

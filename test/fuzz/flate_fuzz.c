/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the wire of a deflated connection, in pieces, with and without
 * rests in between: both read the same, and end in the same way.
 */
#include "base/buf.h"
#include "base/ensure.h"
#include "gzip/flate.h"

#define LIMIT (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum flated run(struct span wire, size_t step, size_t cap, bool rests, struct buf *out)
{
	struct flate *f = flate_new();
	char piece[4096];
	enum flated r = FLATE_OK;
	ENSURE(f != NULL);
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
			if (rests)
				flate_rest(f);
		}
	}
	flate_free(f);
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

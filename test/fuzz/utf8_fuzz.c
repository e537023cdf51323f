/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repaired text is valid and at most three times as long; valid text is its own
 * repair; every decoded point is encoded to the same bytes.
 */
#include "base/ensure.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct buf out;
	buf_init(&out, size * 3);
	utf8_repair(&out, in);
	ENSURE(buf_ok(&out) && utf8_valid(buf_span(&out)));
	ENSURE(utf8_valid(in) == span_eq(in, buf_span(&out)));
	ENSURE(utf8_valid(utf8_fit(buf_span(&out), buf_len(&out) / 2)));
	for (struct span rest = buf_span(&out); rest.len > 0;) {
		uint32_t point;
		char bytes[UTF8_MAX];
		size_t n = utf8_decode(rest, &point);
		ENSURE(n > 0 && utf8_encode(point, bytes) == n);
		ENSURE(memcmp(bytes, rest.ptr, n) == 0);
		rest = span_skip(rest, n);
	}
	buf_free(&out);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first half of the input says what to read from the second half.  What
 * was read is packed again and must be the bytes that were consumed.
 */
#include "base/ensure.h"
#include "base/pack.h"

#define SPAN_MAX 64u

static void step(uint8_t verb, struct unpack *u, struct buf *out)
{
	switch (verb % 9) {
	case 0: pack_u8(out, unpack_u8(u)); break;
	case 1: pack_u16(out, unpack_u16(u)); break;
	case 2: pack_u32(out, unpack_u32(u)); break;
	case 3: pack_u64(out, unpack_u64(u)); break;
	case 4: pack_u32_be(out, unpack_u32_be(u)); break;
	case 5: pack_u64_be(out, unpack_u64_be(u)); break;
	case 6: pack_varint(out, unpack_varint(u, UINT64_MAX)); break;
	case 7: pack_span(out, unpack_span(u, SPAN_MAX)); break;
	default: pack_u8(out, unpack_bool(u)); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span verbs = span_of(data, size / 2);
	struct span in = span_of(data + size / 2, size - size / 2);
	struct unpack u = unpack_of(in);
	struct buf out;
	buf_init(&out, size + 16);
	for (size_t i = 0; i < verbs.len; i++) {
		size_t before = buf_len(&out);
		step((uint8_t)verbs.ptr[i], &u, &out);
		if (!unpack_ok(&u)) {
			ENSURE(u.rest.len == 0 && !unpack_done(&u));
			buf_cut(&out, buf_len(&out) - before);
			break;
		}
		ENSURE(buf_len(&out) + u.rest.len == in.len);
	}
	ENSURE(span_starts(in, buf_span(&out)));
	buf_free(&out);
	return 0;
}

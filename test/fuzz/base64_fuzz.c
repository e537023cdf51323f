/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever base64_decode accepts, base64_encode writes back byte for byte; any
 * bytes survive being encoded and decoded.
 */
#include "base/base64.h"
#include "base/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct buf bytes, text;
	buf_init(&bytes, 1u << 20);
	buf_init(&text, 1u << 20);
	if (base64_decode(&bytes, in) == BASE64_OK) {
		base64_encode(&text, buf_span(&bytes));
		ENSURE(span_eq(buf_span(&text), in));
	}
	buf_clear(&bytes);
	buf_clear(&text);
	base64_encode(&text, in);
	if (buf_ok(&text)) {
		ENSURE(base64_decode(&bytes, buf_span(&text)) == BASE64_OK);
		ENSURE(span_eq(buf_span(&bytes), in));
	}
	buf_free(&bytes);
	buf_free(&text);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewritten senders: what is forwarded comes back, and nobody without the key
 * makes an address that leads anywhere.
 */
#include "base/ensure.h"
#include "srs/srs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW ((int64_t)20000 * 86400)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct span key = SPAN_INIT("0123456789abcdef0123456789abcdef");
	static const struct span ours = SPAN_INIT("our.example");
	struct span in = span_of(data, size);
	struct buf there, back, second;
	buf_init(&there, 4096);
	buf_init(&back, 4096);
	buf_init(&second, 4096);
	/* 40 bits are not guessed by mutation: what is taken was ours. */
	if (srs_reverse(key, NOW, in, &back) == SRS_OK)
		ENSURE(srs_looks(in));
	buf_clear(&back);
	if (srs_forward(key, NOW, in, ours, &there) == SRS_OK) {
		struct span s = buf_span(&there);
		ENSURE(srs_looks(s) && span_find(s, '@') <= SRS_LOCAL_MAX);
		ENSURE(srs_reverse(key, NOW, s, &back) == SRS_OK);
		if (span_starts(s, SPAN("SRS0")))
			ENSURE(span_eq(buf_span(&back), in));
		else
			ENSURE(srs_looks(buf_span(&back)));
		/* Forwarded once more, it is still an address that we know. */
		if (srs_forward(key, NOW, s, ours, &second) == SRS_OK)
			ENSURE(span_starts(buf_span(&second), SPAN("SRS1")));
	}
	buf_free(&there);
	buf_free(&back);
	buf_free(&second);
	return 0;
}

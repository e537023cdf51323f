/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a gzip file: the limit holds; what came out packs and unpacks again. */
#include "base/ensure.h"
#include "gzip/gzip.h"

#define LIMIT 100000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out, again, back;
	buf_init(&out, LIMIT);
	enum gzip r = gzip_unpack(&out, span_of(data, size));
	ENSURE(buf_len(&out) <= LIMIT && r != GZIP_MEMORY);
	ENSURE(r != GZIP_LIMIT || buf_len(&out) == LIMIT);
	if (r == GZIP_OK) {
		buf_init(&again, 2 * LIMIT);
		buf_init(&back, LIMIT);
		gzip_pack(&again, buf_span(&out));
		ENSURE(buf_ok(&again) &&
		       gzip_unpack(&back, buf_span(&again)) == GZIP_OK &&
		       span_eq(buf_span(&back), buf_span(&out)));
		/* No file fits so little. */
		buf_free(&again);
		buf_init(&again, 10);
		gzip_pack(&again, buf_span(&out));
		ENSURE(!buf_ok(&again));
		buf_free(&again);
		buf_free(&back);
	}
	buf_free(&out);
	return 0;
}

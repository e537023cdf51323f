/* SPDX-License-Identifier: Apache-2.0 */
/* Messages turned into seven bits, with their own structure: unit/sevenbit/oracle.h. */
#include "oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct buf out;
	if (size < 1)
		return 0;
	buf_init(&out, size * SEVENBIT_GROWTH + 4096 + size * SEVENBIT_MORE);
	(void)sevenbit_oracle(span_skip(in, 1), 1u + data[0], &out);
	buf_free(&out);
	return 0;
}

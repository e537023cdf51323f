/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the data of a DNS record: the text is printable ASCII. */
#include "base/ensure.h"
#include "role/admin/rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b;
	if (size < 2)
		return 0;
	buf_init(&b, 1u << 20);
	uint16_t type = (uint16_t)(data[0] | data[1] << 8);
	rdata_text(type, span_of(data + 2, size - 2), &b);
	struct span s = buf_span(&b);
	for (size_t i = 0; i < s.len; i++)
		ENSURE(s.ptr[i] >= 0x20 && s.ptr[i] < 0x7f);
	buf_free(&b);
	return 0;
}

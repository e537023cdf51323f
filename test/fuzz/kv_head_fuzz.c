/* SPDX-License-Identifier: Apache-2.0 */
/* A space's head row: what is read is written back the same. */
#include "base/ensure.h"
#include "kv/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct head h;
	uint8_t out[HEAD_MAX];
	uint64_t version;
	struct span in = span_of(data, size);
	if (!kv_head_read(in, &h))
		return 0;
	ENSURE(span_eq(in, span_of(out, kv_head_write(&h, out))));
	for (unsigned i = 0; i < KV_TOKENS + 1; i++)
		(void)!kv_head_knows(&h, h.turn - i, h.token[0], &version);
	kv_head_advance(&h, 7, true);
	ENSURE(kv_head_knows(&h, h.turn, 7, &version) && version == h.version);
	return 0;
}

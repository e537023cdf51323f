/* SPDX-License-Identifier: Apache-2.0 */
/* A log as it came, block by block. */
#include "base/ensure.h"
#include "kv/wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wal_scan scan(struct span log)
{
	struct wal_scan s = {0};
	for (size_t at = 0; at < log.len; at += WAL_BLOCK)
		kv_wal_block(&s, span_sub(log, at, WAL_BLOCK), at);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span log = span_of(data, size);
	struct wal_scan s = scan(log);
	ENSURE(!s.in_midst || s.damaged);
	ENSURE(!s.damaged || s.at < size);
	ENSURE(s.records <= size / (7u));
	return 0;
}

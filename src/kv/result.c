/* SPDX-License-Identifier: Apache-2.0 */
/* kv/result: names of results, for logs. */
#include "base/ensure.h"
#include "kv/kv.h"

const char *kv_result_name(enum kv_result r)
{
	static const char *const names[] = {
		[KV_OK] = "ok",
		[KV_NONE] = "none",
		[KV_CONFLICT] = "conflict",
		[KV_UNKNOWN] = "unknown",
		[KV_UNAVAILABLE] = "unavailable",
		[KV_FULL] = "full",
		[KV_LIMIT] = "limit",
		[KV_CORRUPT] = "corrupt",
		[KV_REFUSED] = "refused",
	};
	ENSURE((unsigned)r < ARRAY_LEN(names));
	return names[r];
}

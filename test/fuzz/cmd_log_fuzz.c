/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a log: every line counts at most once. */
#include <stdlib.h>

#include "base/ensure.h"
#include "cmd/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(64u << 20);
	struct arena *temporary = arena_new(4u << 20);
	struct log_summary s;
	uint64_t lines = 1, counted = 0;
	if (arena != NULL && temporary != NULL) {
		log_summary(&s, arena, temporary, span_of(data, size));
		for (size_t i = 0; i < size; i++)
			lines += data[i] == '\n';
		for (size_t i = 0; i < s.count; i++)
			counted += s.groups[i].count;
		ENSURE(counted + s.left_out <= lines);
		log_summary_sort(&s);
	}
	arena_free(temporary);
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* summary: what is read holds its invariants and is written to the same again. */
#include "base/ensure.h"
#include "summary/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct summary *s, *again;
	struct arena *a = arena_new(8u << 20);
	ENSURE(a != NULL);
	uint64_t length = size > 0 ? data[0] : 0;
	struct span in = span_of(size > 0 ? data + 1 : data, size > 0 ? size - 1 : 0);
	if (summary_read(in, length, a, &s) == SUMMARY_OK) {
		struct buf b;
		buf_init(&b, SUMMARY_MAX);
		ENSURE(summary_link(s));
		const uint32_t numbers[3] = {1, 2, 1};
		for (size_t n = 0; n <= 3; n++)
			(void)summary_find(s, numbers, n);
		/* The short form of the usual type may make it smaller, never larger. */
		ENSURE(summary_write(s, &b) && buf_len(&b) <= in.len);
		enum summary_result r = summary_read(buf_span(&b), length, a, &again);
		ENSURE(r == SUMMARY_MEMORY || (r == SUMMARY_OK && again->part_count == s->part_count));
		buf_free(&b);
	}
	arena_free(a);
	return 0;
}

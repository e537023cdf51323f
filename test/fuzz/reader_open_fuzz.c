/* SPDX-License-Identifier: Apache-2.0 */
/* Any file: what is found is no longer than may be, and its rows are whole lines. */
#include "base/ensure.h"
#include "role/reader/open.h"
#include "role/reader/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(64u << 20);
	struct policy_report r;
	struct span json;
	ENSURE(a != NULL);
	if (reader_open(a, span_of(data, size), &json) == NULL) {
		ENSURE(json.len > 0 &&
		       json.len <= (size > POLICY_REPORT_TEXT_MAX
					    ? size
					    : POLICY_REPORT_TEXT_MAX));
		if (policy_report_read(a, json, &r) == NULL) {
			struct buf b;
			buf_init(&b, 32u << 20);
			reader_rows(&b, &r);
			ENSURE(!buf_ok(&b) || buf_len(&b) == 0 ||
			       span_ends(buf_span(&b), SPAN("}\n")));
			buf_free(&b);
		}
	}
	arena_free(a);
	return 0;
}

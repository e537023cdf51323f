/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON: what is read can be shown and quoted as JSON again. */
#include <stdlib.h>

#include "base/ensure.h"
#include "base/utf8.h"
#include "cmd/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct column columns[] = {{"a", "A", COLUMN_TEXT},
						{"b", "B", COLUMN_SIZE},
						{"c", "C", COLUMN_TIME},
						{"d", "D", COLUMN_LIST}};
	struct arena *arena = arena_new(64u << 20);
	struct span text = span_of(data, size);
	struct buf b;
	if (arena == NULL)
		return 0;
	buf_init(&b, 16u << 20);
	const struct json *v = json_read(arena, text);
	if (v != NULL && table_render(&b, arena, columns, 4, &v, 1, false)) {
		struct span out = buf_span(&b);
		ENSURE(utf8_valid(out) && !span_has(out, '\x1b'));
	}
	(void)json_u64(v, "b");
	buf_clear(&b);
	json_quote(&b, text);
	if (buf_ok(&b))
		ENSURE(json_read(arena, buf_span(&b)) != NULL);
	buf_free(&b);
	arena_free(arena);
	return 0;
}

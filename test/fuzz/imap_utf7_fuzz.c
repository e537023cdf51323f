/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What decodes is valid UTF-8 and encodes to the very same bytes; what encodes
 * decodes to itself.
 */
#include "base/ensure.h"
#include "base/utf8.h"
#include "imap/name.h"
#include "imap/utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(1u << 20);
	struct span in = span_of(data, size), out, back;
	if (arena == NULL || size > 10000) {
		arena_free(arena);
		return 0;
	}
	if (imap_utf7_decode(arena, in, &out)) {
		ENSURE(utf8_valid(out));
		ENSURE(imap_utf7_encode(arena, out, &back) && span_eq(in, back));
	}
	if (imap_utf7_encode(arena, in, &out)) {
		ENSURE(utf8_valid(in));
		ENSURE(imap_utf7_decode(arena, out, &back) && span_eq(in, back));
	}
	if (imap_name_parse(arena, in, &out) == IMAP_NAME_OK)
		ENSURE(out.len > 0 && out.len <= IMAP_NAME_MAX && !span_has(out, '*') &&
		       !span_has(out, '\n'));
	arena_free(arena);
	return 0;
}

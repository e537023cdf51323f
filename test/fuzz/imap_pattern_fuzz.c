/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled pattern agrees with the definition, on short texts. */
#include "base/ensure.h"
#include "imap/pattern.h"

static bool plain(struct span p, struct span n)
{
	if (p.len == 0)
		return n.len == 0;
	if (p.ptr[0] != '*' && p.ptr[0] != '%')
		return n.len > 0 && n.ptr[0] == p.ptr[0] &&
		       plain(span_skip(p, 1), span_skip(n, 1));
	if (plain(span_skip(p, 1), n))
		return true;
	return n.len > 0 && (p.ptr[0] == '*' || n.ptr[0] != '/') &&
	       plain(p, span_skip(n, 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(1u << 20);
	struct span name = span_of(data, size), text;
	if (arena == NULL)
		return 0;
	span_cut(&name, '\n', &text);
	struct imap_pattern *p = imap_pattern_new(arena, text);
	if (p != NULL) {
		bool match = imap_pattern_match(p, name);
		if (text.len <= 10 && name.len <= 12 && !imap_name_inbox(text))
			ENSURE(match == plain(text, name));
	}
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every kind of word on any text: what is left is always a tail of what was
 * there, and a word never reaches past it.
 */
#include "base/ensure.h"
#include "imap/lex.h"
#include "imap/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(1u << 20);
	struct imap_lex lex = {span_of(data, size), arena};
	const char *end = (const char *)data + size;
	struct imap_literal literal;
	struct imap_set set;
	if (arena == NULL)
		return 0;
	if (imap_lex_literal_end(lex.rest, &literal))
		ENSURE(literal.header <= size);
	(void)imap_lex_quote_open(lex.rest);
	imap_set_init(&set, arena);
	if (imap_set_parse(lex.rest, 1000, &set) == IMAP_SET_OK)
		for (size_t i = 1; i < set.count; i++)
			ENSURE(set.runs[i].first > set.runs[i - 1].last + 1);
	for (unsigned turn = 0; !imap_lex_end(&lex); turn++) {
		struct span out = {0};
		size_t before = lex.rest.len;
		uint64_t n;
		bool nil;
		bool ok = turn % 7 == 0   ? imap_lex_astring(&lex, &out)
			  : turn % 7 == 1 ? imap_lex_pattern(&lex, &out)
			  : turn % 7 == 2 ? imap_lex_nstring(&lex, &out, &nil)
			  : turn % 7 == 3 ? imap_lex_flag(&lex, &out)
			  : turn % 7 == 4 ? imap_lex_number(&lex, UINT32_MAX, &n)
			  : turn % 7 == 5 ? imap_lex_set(&lex, &out)
					  : imap_lex_tag(&lex, 64, &out);
		ENSURE(lex.rest.len <= before && lex.rest.ptr + lex.rest.len == end);
		ENSURE(!ok || out.len <= before);
		if (lex.rest.len == before)
			lex.rest = span_skip(lex.rest, 1);
	}
	arena_free(arena);
	return 0;
}

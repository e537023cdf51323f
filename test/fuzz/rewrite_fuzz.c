/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite/rewrite on any bytes: what comes of an address has the local part that
 * it had, or is one of the rules', and its length has a limit.
 */
#include "base/ensure.h"
#include "rewrite/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf_map canonical[] = {
	{SPAN_INIT("a@b.c"), SPAN_INIT("longer@other.example")},
	{SPAN_INIT("@b.c"), SPAN_INIT("@new.example")},
};
static const struct conf_map own[] = {{SPAN_INIT("@d"), SPAN_INIT("@x.d")}};
static const struct span above[] = {SPAN_INIT("d"), SPAN_INIT("e.d")};
static const struct span kept[] = {SPAN_INIT("k.d"), SPAN_INIT(".k.d")};
static const struct span users[] = {SPAN_INIT("r")};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conf_rewrite rules = {.canonical = {canonical, 2},
						  .sender = {own, 1},
						  .masquerade = {above, 2},
						  .keep_domains = {kept, 2},
						  .keep_users = {users, 1}};
	struct span in = span_of(data, size);
	for (unsigned party = 0; party <= REWRITE_SHOWN_RECIPIENT; party++) {
		struct buf b;
		buf_init(&b, 2 * REWRITE_ADDRESS_MAX);
		bool any = rewrite_address(&rules, (enum rewrite_party)party, in, &b);
		struct span out = buf_span(&b);
		ENSURE(any == (out.len > 0) && out.len <= REWRITE_ADDRESS_MAX);
		if (any && !span_eq(out, canonical[0].to)) {
			size_t at = span_find_last(out, '@');
			ENSURE(span_eq(span_sub(out, 0, at),
				       span_sub(in, 0, span_find_last(in, '@'))));
			ENSURE(!span_eq(out, in));
		}
		buf_free(&b);
	}
	return 0;
}

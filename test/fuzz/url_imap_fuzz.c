/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A URL of a message: what is understood stays inside of its text, and a token
 * behind one that has none is a token, and all that it vouches for.
 */
#include "base/buf.h"
#include "base/ensure.h"
#include "url/imap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sign(struct arena *a, struct span text)
{
	struct url_imap u;
	struct buf b;
	buf_init(&b, URL_IMAP_MAX);
	buf_add(&b, text);
	buf_add(&b, SPAN(":INTERNAL:0123456789abcdef"));
	if (buf_ok(&b)) {
		ENSURE(url_imap_parse(a, buf_span(&b), &u));
		ENSURE(span_eq(u.rump, text) && span_eq(u.mechanism, SPAN("INTERNAL")));
		ENSURE(span_eq(u.token, SPAN("0123456789abcdef")));
	}
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct arena *a = arena_new(1u << 20);
	struct url_imap u;
	ENSURE(a != NULL);
	if (url_imap_parse(a, text, &u)) {
		ENSURE(size <= URL_IMAP_MAX && u.uid > 0 && (u.has_mailbox || !u.absolute));
		ENSURE(u.mailbox.len <= size && u.section.len <= size);
		ENSURE(!span_has(u.mailbox, '\0') && !span_has(u.section, '\0'));
		ENSURE((u.access == URL_NOT_SIGNED) == (u.rump.len == 0));
		ENSURE(u.mechanism.len == 0 || (u.token.len > 0 && u.rump.len < size));
		if (u.access != URL_NOT_SIGNED && u.mechanism.len == 0) {
			ENSURE(span_eq(u.rump, text));
			sign(a, text);
		}
	}
	arena_free(a);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mime/trace: counting and comparing fields of the first header block. */
#include "mime/trace.h"

#include "mime/parse.h"

size_t mime_trace_received(struct span message)
{
	struct mime_field f;
	size_t at = 0, n = 0;
	while (mime_field_next(&message, &at, &f))
		n += span_eq_nocase(f.name, SPAN("Received"));
	return n;
}

bool mime_trace_tls_optional(struct span message)
{
	struct mime_field f;
	size_t at = 0, n = 0;
	bool no = false;
	struct buf b;
	buf_init(&b, MIME_FIELD_MAX);
	while (mime_field_next(&message, &at, &f)) {
		if (!span_eq_nocase(f.name, SPAN("TLS-Required")))
			continue;
		n++;
		buf_clear(&b);
		mime_unfold(f.value, &b);
		no = buf_ok(&b) && span_eq_nocase(span_trim(buf_span(&b)), SPAN("No"));
	}
	buf_free(&b);
	return no && n == 1;
}

static bool same_mailbox(struct span a, struct span b)
{
	size_t at_a = span_find_last(a, '@'), at_b = span_find_last(b, '@');
	if (at_a == SIZE_MAX || at_b == SIZE_MAX)
		return span_eq(a, b);
	return span_eq(span_sub(a, 0, at_a), span_sub(b, 0, at_b)) &&
	       span_eq_nocase(span_skip(a, at_a), span_skip(b, at_b));
}

bool mime_trace_delivered(struct span message, struct span address)
{
	struct mime_field f;
	size_t at = 0;
	bool found = false;
	struct buf b;
	buf_init(&b, MIME_FIELD_MAX);
	while (!found && mime_field_next(&message, &at, &f)) {
		if (!span_eq_nocase(f.name, SPAN("Delivered-To")))
			continue;
		buf_clear(&b);
		mime_unfold(f.value, &b);
		found = buf_ok(&b) && same_mailbox(buf_span(&b), address);
	}
	buf_free(&b);
	return found;
}

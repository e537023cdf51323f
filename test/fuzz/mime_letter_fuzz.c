/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages for sendmail: what comes out has CRLF lines alone and a header that
 * ends, and made once more it stays as it is.
 */
#include "base/ensure.h"
#include "mime/letter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(struct span s)
{
	ENSURE(span_ends(s, SPAN("\r\n")) && !span_has(s, '\0'));
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\r' || s.ptr[i] == '\n')
			ENSURE(s.ptr[i] == '\r' ? s.ptr[i + 1] == '\n' : s.ptr[i - 1] == '\r');
	ENSURE(span_find_span(s, SPAN("\r\n\r\n")) != SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct mime_letter_how how = {.dot = data[0] & 1, .gather = data[0] & 2,
				      .domain = SPAN("our.example"), .from = SPAN("me@our.example"),
				      .name = data[0] & 4 ? SPAN("M. E.") : SPAN("")};
	struct arena *a = arena_new(64u << 20);
	struct mime_letter letter;
	struct buf out, again;
	buf_init(&out, 8u << 20);
	buf_init(&again, 8u << 20);
	ENSURE(a != NULL);
	if (mime_letter(span_of(data + 1, size - 1), &how, a, &out, &letter) == MIME_LETTER_OK) {
		check_lines(buf_span(&out));
		ENSURE(letter.count == 0 || how.gather);
		for (size_t i = 0; i < letter.count; i++)
			ENSURE(span_has(letter.recipients[i], '@'));
		how.dot = false;
		if (mime_letter(buf_span(&out), &how, a, &again, &letter) == MIME_LETTER_OK)
			check_lines(buf_span(&again));
	}
	buf_free(&out);
	buf_free(&again);
	arena_free(a);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mime/html: the same text at every cut, never more than twice what came, UTF-8 stays. */
#include "base/ensure.h"
#include "base/utf8.h"
#include "mime/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 65536)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	struct html one = {.state = HTML_TEXT}, two = {.state = HTML_TEXT};
	struct buf a, b;
	size_t cut = data[0] % 32 + 1u;
	buf_init(&a, 2 * in.len + 2);
	buf_init(&b, 2 * in.len + 2);
	html_text(&one, in, &a);
	for (size_t at = 0; at < in.len; at += cut)
		html_text(&two, span_sub(in, at, cut), &b);
	html_end(&one, &a);
	html_end(&two, &b);
	ENSURE(buf_ok(&a) && buf_ok(&b) && span_eq(buf_span(&a), buf_span(&b)));
	ENSURE(!utf8_valid(in) || utf8_valid(buf_span(&a)));
	buf_free(&a);
	buf_free(&b);
	return 0;
}

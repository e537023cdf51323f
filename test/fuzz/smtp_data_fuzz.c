/* SPDX-License-Identifier: Apache-2.0 */
/* smtp/data: any cut gives the same message, end and faults; the end is CRLF.CRLF. */
#include "base/buf.h"
#include "base/ensure.h"
#include "smtp/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	struct buf out;
	size_t left;
	bool end;
	unsigned faults;
};

static void run(struct span in, size_t cut, struct result *r)
{
	struct smtp_data d = {0};
	buf_init(&r->out, 1u << 20);
	r->end = false;
	while (in.len > 0 && !r->end) {
		struct span chunk = span_sub(in, 0, cut), bytes;
		size_t had = chunk.len;
		while (chunk.len > 0 && !r->end) {
			r->end = smtp_data_next(&d, &chunk, &bytes);
			buf_add(&r->out, bytes);
		}
		in = span_skip(in, had - chunk.len);
	}
	r->left = in.len;
	r->faults = d.faults;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 65536)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	struct result whole, cut;
	run(in, in.len, &whole);
	run(in, data[0] % 16 + 1u, &cut);
	ENSURE(whole.end == cut.end && whole.left == cut.left && whole.faults == cut.faults);
	if (whole.faults == 0)
		ENSURE(span_eq(buf_span(&whole.out), buf_span(&cut.out)));
	struct span taken = span_sub(in, 0, in.len - whole.left);
	if (whole.end)
		ENSURE(span_ends(taken, SPAN("\r\n.\r\n")) || span_eq(taken, SPAN(".\r\n")));
	else
		ENSURE(span_find_span(in, SPAN("\r\n.\r\n")) == SIZE_MAX);
	buf_free(&whole.out);
	buf_free(&cut.out);
	return 0;
}

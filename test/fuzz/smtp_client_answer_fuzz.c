/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_answer: any cut gives the same reply and leaves the same bytes;
 * what is kept is printable, codes agree, nothing is over its limit.
 */
#include "base/ensure.h"
#include "script_stream.h"
#include "smtp/client_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum smtp_answer_result run(struct span in, size_t split, struct smtp_answer *a,
				   size_t *unread)
{
	struct script s;
	script_init_bytes(&s, in, split);
	enum smtp_answer_result r = smtp_answer_read(&s.stream, a, NULL, NULL);
	*unread = script_unread(&s);
	script_free(&s);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 1u << 18)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	struct smtp_answer whole, cut;
	size_t whole_left, cut_left;
	enum smtp_answer_result r = run(in, 0, &whole, &whole_left);
	ENSURE(r != SMTP_ANSWER_MORE);
	ENSURE(run(in, data[0] % 16 + 1u, &cut, &cut_left) == r);
	if (r != SMTP_ANSWER_OK)
		return 0;
	ENSURE(whole_left == cut_left && whole_left < in.len);
	ENSURE(whole.code == cut.code && whole.lines == cut.lines && whole.bytes == cut.bytes);
	ENSURE(whole.enhanced.klass == cut.enhanced.klass);
	ENSURE(span_eq(smtp_answer_text(&whole), smtp_answer_text(&cut)));
	ENSURE(whole.code >= 200 && whole.code <= 599);
	ENSURE(whole.enhanced.klass == 0 || whole.enhanced.klass == whole.code / 100);
	ENSURE(whole.enhanced.subject < 1000 && whole.enhanced.detail < 1000);
	ENSURE(whole.lines <= SMTP_ANSWER_LINES_MAX && whole.bytes <= SMTP_ANSWER_BYTES_MAX);
	struct span text = smtp_answer_text(&whole);
	ENSURE(text.len <= SMTP_ANSWER_TEXT_MAX);
	for (size_t i = 0; i < text.len; i++)
		ENSURE(text.ptr[i] >= ' ' && text.ptr[i] <= '~');
	struct span taken = span_sub(in, 0, in.len - whole_left);
	ENSURE(span_ends(taken, SPAN("\r\n")));
	/* No byte of another line end is in it. */
	while (taken.len > 0) {
		size_t lf = span_find(taken, '\n');
		ENSURE(lf != SIZE_MAX && lf > 0 && span_find(taken, '\r') == lf - 1);
		taken = span_skip(taken, lf + 1);
	}
	return 0;
}

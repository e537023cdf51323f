/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms: a text and a needle.  A text that holds the needle is never ruled out,
 * and one that is said to hold it for certain does; terms that a sorter sends are
 * read to the end or refused.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "base/utf8.h"
#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 20000)
		return 0;
	struct span in = span_of(data + 1, size - 1), rest = in;
	struct buf text, needle;
	struct term t;
	bool there;
	while (term_next(&rest, &t))
		ENSURE(term_ok(&t));
	/* The needle is a part of the text, or what stands behind it. */
	size_t cut = size_min(data[0] & 63u, in.len);
	buf_init(&text, 3 * size + 1);
	buf_init(&needle, 3 * size + 1);
	utf8_repair(&needle, span_sub(in, 0, cut));
	utf8_repair(&text, data[0] & 128 ? span_skip(in, cut) : in);
	enum verdict v = judge_text(buf_span(&text), buf_span(&needle),
				    &there);
	ENSURE(there ? v != VERDICT_NO : v != VERDICT_SURE);
	buf_free(&text);
	buf_free(&needle);
	return 0;
}

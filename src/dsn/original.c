/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsn/original: the message that a report is about, pulled and judged.
 * Must never hold more of it than its limits, nor ask for a byte past its size.
 */
#include "base/check.h"
#include "base/utf8.h"
#include "dsn/inner.h"

void dsn_original_init(struct dsn_original *o)
{
	*o = (struct dsn_original){0};
	buf_init(&o->bytes, DSN_RETURN_MAX);
}

void dsn_original_free(struct dsn_original *o)
{
	buf_free(&o->bytes);
}

/* Octets of the header that begins at the front, or 0: its end is not here. */
static size_t header_end(struct span s, size_t from)
{
	if (span_starts(s, SPAN("\r\n")) || span_starts(s, SPAN("\n")))
		return SIZE_MAX; /* there is none at all */
	for (size_t i = from; i < s.len; i++) {
		if (s.ptr[i] != '\n')
			continue;
		struct span rest = span_skip(s, i + 1);
		if (span_starts(rest, SPAN("\n")) || span_starts(rest, SPAN("\r\n")))
			return i + 1;
	}
	return 0;
}

enum dsn_result dsn_original_pull(struct dsn_original *o, const struct dsn_letter *l,
				  bool whole, size_t return_max)
{
	o->whole = whole && l->size <= return_max;
	/* Two octets more show the end of a header that is as long as may be. */
	size_t want = (size_t)u64_min(l->size, o->whole ? DSN_RETURN_MAX : DSN_HEADER_MAX + 2);
	size_t end = 0, looked = 0;
	while (buf_len(&o->bytes) < want && (o->whole || end == 0)) {
		struct span got;
		size_t at = buf_len(&o->bytes), len = size_min(want - at, DSN_PULL_MAX);
		if (!l->source->pull(l->source, at, len, &got) || got.len == 0 || got.len > len)
			return DSN_SOURCE_FAILED;
		buf_add(&o->bytes, got);
		if (!buf_ok(&o->bytes))
			return DSN_MEMORY;
		if (end == 0)
			end = header_end(buf_span(&o->bytes), looked);
		looked = buf_len(&o->bytes) > 2 ? buf_len(&o->bytes) - 2 : 0;
	}
	size_t have = buf_len(&o->bytes);
	o->header = end == SIZE_MAX ? 0 : end > 0 ? end : have;
	if (o->header > DSN_HEADER_MAX || (end == 0 && have < l->size)) {
		struct span front = span_sub(buf_span(&o->bytes), 0, DSN_HEADER_MAX);
		size_t line = span_find_last(front, '\n');
		o->header = line == SIZE_MAX ? front.len : line + 1;
		o->cut = true;
	}
	return DSN_OK;
}

static unsigned candidate(char c)
{
	return ascii_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

static void scan_line(struct span line, struct span stem, struct dsn_scan *scan)
{
	scan->unfit |= line.len > DSN_LINE_MAX || span_has(line, '\r') || span_has(line, '\0');
	if (!span_starts(line, SPAN("--")) || !span_starts(span_skip(line, 2), stem) ||
	    line.len == 2 + stem.len)
		return;
	char c = line.ptr[2 + stem.len];
	if (ascii_digit(c) || (c >= 'a' && c <= 'z'))
		scan->taken |= UINT64_C(1) << candidate(c);
}

struct dsn_scan dsn_scan(struct span s, struct span stem)
{
	struct dsn_scan scan = {.eight_bit = !utf8_ascii(s), .invalid = !utf8_valid(s)};
	while (s.len > 0) {
		struct span line;
		bool ended = span_cut(&s, '\n', &line);
		if (ended && span_ends(line, SPAN("\r")))
			line.len--;
		else
			scan.unfit |= ended;
		scan_line(line, stem, &scan);
	}
	return scan;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index: the first byte chooses.  Lines of text are indexed and asked for a part of
 * themselves, which no answer may rule out; or one row of a good index is replaced by
 * the fuzzer's bytes, and asking and merging end with some answer.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/utf8.h"
#include "index/list.h"
#include "index/row.h"
#include "rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool every_other(void *arg, uint32_t uid)
{
	(void)arg;
	return uid % 4 != 3;
}

static void shelf(struct span in)
{
	static struct index_shelf a, b;
	struct buf row;
	if (!index_shelf_read(in, &a))
		return;
	buf_init(&row, INDEX_SHELF_MAX);
	index_shelf_write(&row, &a);
	ENSURE(buf_ok(&row) && index_shelf_read(buf_span(&row), &b));
	ENSURE(a.count == b.count && a.covered == b.covered);
	buf_free(&row);
}

static void ask_and_merge(struct rows *s, const struct index_segment *seg, struct span text)
{
	struct index_ask *a = index_ask_new();
	struct needle n;
	struct index_segment out;
	const struct index_alive alive = {every_other, NULL};
	needle_cut(&n, text);
	ENSURE(a && index_ask_leaf(a, 1u << TERM_BODY | 1u << TERM_HEADER, &n));
	if (index_ask_run(a, seg, &s->get) == INDEX_OK)
		for (uint32_t d = 0; d < seg->docs; d++)
			(void)index_ask_said(a, 0, d);
	(void)!index_merge(seg, 1, &s->get, &s->put, &alive, 77, &out);
	index_ask_free(a);
}

static void broken(unsigned which, struct span in)
{
	static struct rows s;
	rows_init(&s);
	struct index_segment seg = rows_segment(
		&s, SPAN("one two three\nanother two\nlast of all\nold two\n"), 1, 1);
	struct row *r = &s.row[which % s.count];
	size_t most = size_min(in.len, INDEX_ROW_MAX);
	free(r->bytes);
	r->len = most;
	r->bytes = malloc(most + 1);
	ENSURE(r->bytes != NULL);
	memcpy(r->bytes, in.ptr, most);
	/* A stream is as long as its segment says. */
	if (r->part == INDEX_DOCS)
		seg.docs_bytes = most;
	if (r->part == INDEX_UIDS)
		seg.uids_bytes = most;
	ask_and_merge(&s, &seg, SPAN("two"));
	rows_free(&s);
}

static void good(struct span in)
{
	static struct rows s;
	struct buf text, needle;
	unsigned said[3] = {0};
	size_t lines = 1, at = (unsigned char)in.ptr[0];
	buf_init(&text, 3 * in.len + 1);
	buf_init(&needle, 3 * in.len + 1);
	utf8_repair(&text, span_skip(in, 2));
	utf8_repair(&needle, span_sub(in, at, (unsigned char)in.ptr[1] % 16u));
	for (size_t i = 0; i < buf_len(&text); i++)
		lines += text.data[text.from + i] == '\n';
	if (lines < GATHER_DOCS && buf_len(&text) > 0) {
		rows_init(&s);
		struct index_segment seg = rows_segment(&s, buf_span(&text), 1, 1);
		rows_check(&s, &seg, buf_span(&text), buf_span(&needle), said);
		rows_free(&s);
	}
	buf_free(&text);
	buf_free(&needle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4 || size > 20000)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	switch (data[0] % 8) {
	case 0:
		shelf(in);
		break;
	case 1:
	case 2:
	case 3:
		good(in);
		break;
	default:
		broken(data[0], in);
	}
	return 0;
}

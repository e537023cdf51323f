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
#include "index/stream.h"
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

/* A list of documents that the bytes choose, both ways. */
static void lists(struct span in)
{
	uint32_t docs[256], again[256], n = 0, of;
	uint64_t bits[256 * 256 / 64 + 1] = {0};
	struct buf b;
	for (uint32_t at = 0; n < 256 && n + 1 < in.len; at = docs[n++] + 1)
		docs[n] = at + ((unsigned char)in.ptr[0] & 1 ? (unsigned char)in.ptr[n + 1] : 0);
	of = n > 0 ? docs[n - 1] + 1 + (unsigned char)in.ptr[0] / 2u : 1;
	buf_init(&b, 65536);
	if (n > 0) {
		index_list_write(&b, docs, n, of);
		ENSURE(buf_ok(&b) && index_list_count(buf_span(&b), of) == n);
		ENSURE(index_list_read(buf_span(&b), of, again));
		ENSURE(memcmp(docs, again, n * sizeof docs[0]) == 0);
		ENSURE(index_list_or(buf_span(&b), of, bits));
	}
	of = of % 200 + 1;
	if (index_list_count(in, of) <= 256)
		(void)!index_list_read(in, of, again);
	(void)!index_list_or(in, of, bits);
	buf_free(&b);
}

/* Bytes over several rows, read wherever the bytes say. */
static void streams(struct span in)
{
	static struct rows s;
	static char all[3 * INDEX_ROW];
	struct index_out out;
	struct index_in back;
	struct span got;
	size_t size = 0, step = in.len * 97 % 5000 + 1;
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = in.ptr[i % in.len];
	rows_init(&s);
	index_out_init(&out, &s.put, 1, INDEX_DOCS);
	for (; size + step < sizeof all; size += step)
		index_out_add(&out, span_of(all + size, step));
	index_out_end(&out);
	ENSURE(!out.failed && out.at == size);
	index_in_init(&back, &s.get, 1, INDEX_DOCS, size);
	for (size_t i = 0; i + 3 < in.len && i < 100; i += 4) {
		size_t at = (size_t)((unsigned char)in.ptr[i] << 10 | (unsigned char)in.ptr[i + 1]);
		size_t len = (size_t)((unsigned char)in.ptr[i + 2] << 9 | (unsigned char)in.ptr[i + 3]);
		bool fits = at <= size && len <= size - at;
		ENSURE(index_in_read(&back, at, len, &got) == fits);
		ENSURE(!fits || span_eq(got, span_of(all + at, len)));
	}
	if (s.count > 1)
		s.row[1].len--;
	(void)!index_in_read(&back, 0, size, &got);
	index_in_free(&back);
	index_out_free(&out);
	rows_free(&s);
}

/* A mailbox that grows by what the bytes say: its shelf is read as it was written. */
static void grown(struct span in)
{
	static struct index_shelf s, again;
	struct buf row;
	buf_init(&row, INDEX_SHELF_MAX);
	index_shelf_init(&s);
	for (size_t i = 0; i < in.len && s.count < INDEX_SEGMENTS; i++) {
		size_t from, n;
		uint32_t docs = 1u << (unsigned char)in.ptr[i] % 20u;
		s.segment[s.count] = (struct index_segment){
			.id = s.next_id++, .first = s.covered + 1,
			.last = s.covered + docs, .docs = docs, .word_rows = 3};
		s.covered = s.segment[s.count++].last;
		if ((n = index_shelf_due(&s, &from)) > 0) {
			struct index_segment by = s.segment[from];
			by.id = s.next_id++;
			by.last = s.segment[from + n - 1].last;
			by.docs = (uint32_t)size_min(by.last - by.first + 1, INDEX_DOCS_MAX);
			s.gone_count = 0;
			index_shelf_replace(&s, from, n, &by);
		}
	}
	index_shelf_write(&row, &s);
	ENSURE(buf_ok(&row) && index_shelf_read(buf_span(&row), &again));
	ENSURE(again.count == s.count && again.gone_count == s.gone_count);
	for (size_t i = 0; i < in.len && i < buf_len(&row); i++)
		row.data[row.from + i] ^= (char)(in.ptr[i] % 2);
	(void)!index_shelf_read(buf_span(&row), &again);
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
		grown(in);
		break;
	case 1:
		lists(in);
		streams(in);
		break;
	case 2:
	case 3:
		good(in);
		break;
	default:
		broken(data[0], in);
	}
	return 0;
}

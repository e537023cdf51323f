/* SPDX-License-Identifier: Apache-2.0 */
/* index/write: see write.h. */
#include "index/write.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/pack.h"
#include "index/list.h"
#include "index/row.h"
#include "index/stream.h"

#define WRITER_TAG TAG4('I', 'X', 'W', 'R')
#define ROW_SLACK  64u /* what stands in a row beside texts and numbers */
#define LIST_MAX   (8u << 20)

struct index_writer {
	uint32_t tag;
	const struct index_sink *sink;
	struct index_segment segment;
	const uint32_t *uids;
	struct index_out docs, uid_bytes;
	struct buf texts, numbers, row, list;
	uint32_t count; /* in this row */
	uint64_t lists; /* where this row's begin */
	unsigned class; /* classes up to this one have their row */
	bool failed;
};

struct index_writer *index_writer_new(const struct index_sink *sink, uint32_t id,
				      uint32_t first, uint32_t last,
				      const uint32_t *uids, uint32_t docs)
{
	struct index_writer *w = calloc(1, sizeof *w);
	ENSURE(docs <= INDEX_DOCS_MAX && first > 0 && first <= last);
	if (w == NULL)
		return NULL;
	w->tag = WRITER_TAG;
	w->sink = sink;
	w->uids = uids;
	w->segment = (struct index_segment){.id = id, .first = first, .last = last,
					    .docs = docs};
	index_out_init(&w->docs, sink, id, INDEX_DOCS);
	index_out_init(&w->uid_bytes, sink, id, INDEX_UIDS);
	buf_init(&w->texts, INDEX_ROW_MAX);
	buf_init(&w->numbers, INDEX_ROW_MAX);
	buf_init(&w->row, INDEX_ROW_MAX);
	buf_init(&w->list, LIST_MAX);
	return w;
}

void index_writer_free(struct index_writer *w)
{
	if (w == NULL)
		return;
	ENSURE_TAG(w, WRITER_TAG);
	index_out_free(&w->docs);
	index_out_free(&w->uid_bytes);
	buf_free(&w->texts);
	buf_free(&w->numbers);
	buf_free(&w->row);
	buf_free(&w->list);
	w->tag = 0;
	free(w);
}

static void end_row(struct index_writer *w)
{
	if (w->count == 0)
		return;
	buf_clear(&w->row);
	index_row_write(&w->row, w->count, w->lists, buf_span(&w->texts),
			buf_span(&w->numbers));
	w->failed = w->failed || !buf_ok(&w->row) || !buf_ok(&w->texts) ||
		    !buf_ok(&w->numbers) ||
		    !w->sink->put(w->sink->arg, w->segment.id, INDEX_WORDS,
				  w->segment.word_rows, buf_span(&w->row));
	w->segment.words_bytes += buf_len(&w->row);
	w->segment.word_rows++;
	w->lists = w->docs.at;
	w->count = 0;
	buf_clear(&w->texts);
	buf_clear(&w->numbers);
}

void index_writer_term(struct index_writer *w, const struct term *t,
		       const uint32_t *docs, uint32_t count)
{
	ENSURE_TAG(w, WRITER_TAG);
	ENSURE(count > 0 && t->class >= w->class);
	if (w->failed)
		return;
	if (buf_len(&w->texts) + buf_len(&w->numbers) + 1 + t->text.len +
		    PACK_VARINT_MAX + ROW_SLACK > INDEX_ROW)
		end_row(w);
	while (w->class < t->class)
		w->segment.row_of[++w->class] = w->segment.word_rows;
	buf_addc(&w->texts, (char)t->class);
	buf_add(&w->texts, t->text);
	if (count == 1) {
		pack_varint(&w->numbers, 2 * (uint64_t)docs[0] + 1);
	} else {
		buf_clear(&w->list);
		index_list_write(&w->list, docs, count, w->segment.docs);
		pack_varint(&w->numbers, 2 * (uint64_t)buf_len(&w->list));
		index_out_add(&w->docs, buf_span(&w->list));
		w->failed = !buf_ok(&w->list);
	}
	w->count++;
	w->segment.terms++;
	w->segment.postings += count;
}

static void put_uids(struct index_writer *w)
{
	uint32_t next = w->segment.first;
	for (uint32_t i = 0; i < w->segment.docs; i++) {
		char bytes[PACK_VARINT_MAX];
		size_t n = pack_varint_at(bytes, w->uids[i] - next);
		index_out_add(&w->uid_bytes, span_of(bytes, n));
		next = w->uids[i] + 1;
	}
	index_out_end(&w->uid_bytes);
}

bool index_writer_end(struct index_writer *w, struct index_segment *out)
{
	ENSURE_TAG(w, WRITER_TAG);
	end_row(w);
	while (w->class + 1 < TERM_CLASSES)
		w->segment.row_of[++w->class] = w->segment.word_rows;
	index_out_end(&w->docs);
	put_uids(w);
	w->segment.docs_bytes = w->docs.at;
	w->segment.uids_bytes = w->uid_bytes.at;
	*out = w->segment;
	return !w->failed && !w->docs.failed && !w->uid_bytes.failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index/merge: the smallest term of all cursors, again and again.
 *
 * Must never trust a row: terms that do not ascend, documents that a segment
 * does not have, are damage.
 */
#include "index/merge.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "base/pack.h"
#include "index/list.h"
#include "index/row.h"
#include "index/stream.h"
#include "index/write.h"

#define GONE UINT32_MAX

struct cursor {
	const struct index_segment *segment;
	struct buf bytes; /* the row */
	struct index_walk walk;
	struct index_word entry;
	struct index_in docs;
	uint32_t row;
	bool is_end;
	uint32_t *number; /* of a document in the new segment, or GONE */
	uint32_t *list;	  /* room for all */
};

struct merge {
	const struct index_rows *rows;
	struct cursor cursor[INDEX_MERGE_MAX];
	size_t count;
	uint32_t *uids, *docs;
	uint32_t doc_count;
	struct index_writer *writer;
	char last[1 + TERM_MAX]; /* the term before this one */
	size_t last_len;
};

bool index_uids(const struct index_segment *s, const struct index_rows *rows,
		uint32_t *uids)
{
	struct index_in in;
	struct span all;
	uint64_t next = s->first;
	uint32_t n = 0;
	index_in_init(&in, rows, s->id, INDEX_UIDS, s->uids_bytes);
	bool ok = index_in_read(&in, 0, s->uids_bytes, &all);
	struct unpack u = unpack_of(ok ? all : span_of(NULL, 0));
	for (; ok && n < s->docs; n++) {
		next += unpack_varint(&u, UINT32_MAX);
		ok = next <= s->last && !u.failed;
		uids[n] = (uint32_t)next++;
	}
	ok = ok && unpack_done(&u);
	index_in_free(&in);
	return ok;
}

/* ---- cursors ---- */

static enum index_result advance(struct merge *m, struct cursor *c)
{
	for (;;) {
		struct index_row row;
		enum index_step s = c->row > 0 ? index_walk_next(&c->walk, &c->entry)
					       : INDEX_END;
		if (s != INDEX_END)
			return s == INDEX_TERM ? INDEX_OK : INDEX_DAMAGED;
		c->is_end = c->row == c->segment->word_rows;
		if (c->is_end)
			return INDEX_OK;
		if (!m->rows->get(m->rows->arg, c->segment->id, INDEX_WORDS, c->row,
				  &c->bytes) ||
		    !index_row_read(buf_span(&c->bytes), &row))
			return INDEX_DAMAGED;
		index_walk_init(&c->walk, &row);
		c->row++;
	}
}

static enum index_result open_cursor(struct merge *m, struct cursor *c,
				     const struct index_segment *s,
				     const struct index_alive *alive)
{
	c->segment = s;
	buf_init(&c->bytes, INDEX_ROW_MAX);
	index_in_init(&c->docs, m->rows, s->id, INDEX_DOCS, s->docs_bytes);
	m->count++;
	c->number = calloc(s->docs + 1u, sizeof *c->number);
	c->list = calloc(s->docs + 1u, sizeof *c->list);
	if (c->number == NULL || c->list == NULL)
		return INDEX_MEMORY;
	if (!index_uids(s, m->rows, c->list))
		return INDEX_DAMAGED;
	for (uint32_t i = 0; i < s->docs; i++) {
		c->number[i] = GONE;
		if (!alive->is(alive->arg, c->list[i]))
			continue;
		c->number[i] = m->doc_count;
		m->uids[m->doc_count++] = c->list[i];
	}
	return advance(m, c);
}

static int by_term(const struct cursor *a, const struct cursor *b)
{
	int c = (int)a->entry.term.class - (int)b->entry.term.class;
	return c != 0 ? c : span_cmp(a->entry.term.text, b->entry.term.text);
}

/* The documents of the cursor's term, by their new numbers. */
static enum index_result take(struct merge *m, struct cursor *c, uint32_t *n)
{
	const struct index_word *e = &c->entry;
	uint32_t count = 1;
	struct span list;
	if (e->is_one) {
		c->list[0] = e->doc;
	} else {
		if (!index_in_read(&c->docs, e->at, e->len, &list))
			return INDEX_DAMAGED;
		count = index_list_count(list, c->segment->docs);
		if (!index_list_read(list, c->segment->docs, c->list))
			return INDEX_DAMAGED;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (c->list[i] >= c->segment->docs)
			return INDEX_DAMAGED;
		uint32_t number = c->number[c->list[i]];
		if (number != GONE)
			m->docs[(*n)++] = number;
	}
	return INDEX_OK;
}

static bool ascends(struct merge *m, const struct term *t)
{
	char now[1 + TERM_MAX];
	now[0] = (char)t->class;
	memcpy(now + 1, t->text.ptr, t->text.len);
	bool ok = m->last_len == 0 ||
		  span_cmp(span_of(m->last, m->last_len),
			   span_of(now, 1 + t->text.len)) < 0;
	memcpy(m->last, now, 1 + t->text.len);
	m->last_len = 1 + t->text.len;
	return ok;
}

/* One term; *more: false when there is none. */
static enum index_result one_term(struct merge *m, bool *more)
{
	struct cursor *least = NULL;
	uint32_t n = 0;
	for (size_t i = 0; i < m->count; i++) {
		struct cursor *c = &m->cursor[i];
		if (!c->is_end && (least == NULL || by_term(c, least) < 0))
			least = c;
	}
	*more = least != NULL;
	if (least == NULL)
		return INDEX_OK;
	if (!ascends(m, &least->entry.term))
		return INDEX_DAMAGED;
	struct term t = {.class = (unsigned char)m->last[0],
			 .text = span_of(m->last + 1, m->last_len - 1)};
	for (size_t i = 0; i < m->count; i++) {
		struct cursor *c = &m->cursor[i];
		if (c->is_end || c->entry.term.class != t.class ||
		    !span_eq(c->entry.term.text, t.text))
			continue;
		enum index_result r = take(m, c, &n);
		if (r == INDEX_OK)
			r = advance(m, c);
		if (r != INDEX_OK)
			return r;
	}
	if (n > 0)
		index_writer_term(m->writer, &t, m->docs, n);
	return INDEX_OK;
}

static void close_merge(struct merge *m)
{
	for (size_t i = 0; i < m->count; i++) {
		buf_free(&m->cursor[i].bytes);
		index_in_free(&m->cursor[i].docs);
		free(m->cursor[i].number);
		free(m->cursor[i].list);
	}
	index_writer_free(m->writer);
	free(m->uids);
	free(m->docs);
	free(m);
}

static enum index_result open_all(struct merge *m, const struct index_segment *in,
				  size_t count, const struct index_alive *alive)
{
	uint64_t docs = 0;
	for (size_t i = 0; i < count; i++) {
		ENSURE(i == 0 || in[i - 1].last < in[i].first);
		docs += in[i].docs;
	}
	ENSURE(docs <= INDEX_DOCS_MAX);
	m->uids = calloc(docs + 1, sizeof *m->uids);
	m->docs = calloc(docs + 1, sizeof *m->docs);
	if (m->uids == NULL || m->docs == NULL)
		return INDEX_MEMORY;
	enum index_result r = INDEX_OK;
	for (size_t i = 0; i < count && r == INDEX_OK; i++)
		r = open_cursor(m, &m->cursor[i], &in[i], alive);
	return r;
}

enum index_result index_merge(const struct index_segment *in, size_t count,
			      const struct index_rows *rows,
			      const struct index_sink *sink,
			      const struct index_alive *alive, uint32_t id,
			      struct index_segment *out)
{
	bool more = true;
	struct merge *m = calloc(1, sizeof *m);
	ENSURE(count > 0 && count <= INDEX_MERGE_MAX);
	if (m == NULL)
		return INDEX_MEMORY;
	m->rows = rows;
	enum index_result r = open_all(m, in, count, alive);
	if (r == INDEX_OK)
		m->writer = index_writer_new(sink, id, in[0].first,
					     in[count - 1].last, m->uids,
					     m->doc_count);
	if (r == INDEX_OK && m->writer == NULL)
		r = INDEX_MEMORY;
	while (r == INDEX_OK && more)
		r = one_term(m, &more);
	if (r == INDEX_OK && !index_writer_end(m->writer, out))
		r = INDEX_MEMORY;
	close_merge(m);
	return r;
}

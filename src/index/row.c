/* SPDX-License-Identifier: Apache-2.0 */
/* index/row: see row.h. */
#include "index/row.h"

#include "base/pack.h"

void index_row_write(struct buf *b, uint32_t count, uint64_t lists, struct span texts,
		     struct span numbers)
{
	pack_u8(b, INDEX_FORMAT);
	pack_varint(b, count);
	pack_varint(b, lists);
	pack_span(b, texts);
	buf_add(b, numbers);
}

bool index_row_read(struct span row, struct index_row *r)
{
	struct unpack u = unpack_of(row);
	if (unpack_u8(&u) != INDEX_FORMAT)
		return false;
	r->count = (uint32_t)unpack_varint(&u, INDEX_ROW_MAX);
	r->lists = unpack_varint(&u, UINT64_MAX / 2);
	r->texts = unpack_span(&u, INDEX_ROW_MAX);
	r->numbers = u.rest;
	/* Two bytes of text and one of a number are the least for a term. */
	return unpack_ok(&u) && r->count > 0 && r->count <= r->texts.len / 2 &&
	       r->count <= r->numbers.len &&
	       (unsigned char)r->texts.ptr[0] < TERM_FIRST_BYTE;
}

void index_walk_init(struct index_walk *w, const struct index_row *r)
{
	*w = (struct index_walk){.texts = r->texts, .numbers = r->numbers,
				 .at = r->lists, .left = r->count};
}

static size_t term_len(struct span s)
{
	size_t n = 1;
	while (n < s.len && (unsigned char)s.ptr[n] >= TERM_FIRST_BYTE)
		n++;
	return n;
}

enum index_step index_walk_next(struct index_walk *w, struct index_word *e)
{
	struct unpack u = unpack_of(w->numbers);
	if (w->left == 0)
		return w->texts.len == 0 && w->numbers.len == 0 ? INDEX_END
								: INDEX_BROKEN;
	if (w->texts.len == 0)
		return INDEX_BROKEN;
	size_t n = term_len(w->texts);
	e->term = (struct term){.class = (unsigned char)w->texts.ptr[0],
				.text = span_sub(w->texts, 1, n - 1)};
	uint64_t number = unpack_varint(&u, UINT64_MAX / 4);
	e->is_one = (number & 1) != 0;
	e->doc = (uint32_t)(number >> 1);
	e->at = w->at;
	e->len = e->is_one ? 0 : number >> 1;
	if (u.failed || !term_ok(&e->term) ||
	    (e->is_one && number >> 1 >= INDEX_DOCS_MAX) ||
	    e->len > UINT64_MAX / 2 - w->at)
		return INDEX_BROKEN;
	w->at += e->len;
	w->numbers = u.rest;
	w->texts = span_skip(w->texts, n);
	w->left--;
	return INDEX_TERM;
}

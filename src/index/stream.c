/* SPDX-License-Identifier: Apache-2.0 */
/* index/stream: see stream.h.  Must never take a row that is longer or shorter than its
 * place says. */
#include "index/stream.h"

#include "base/check.h"

#define JOINED_MAX (8u << 20) /* one list */

void index_out_init(struct index_out *o, const struct index_sink *sink, uint32_t segment,
		    enum index_part part)
{
	*o = (struct index_out){.sink = sink, .segment = segment, .part = part};
	buf_init(&o->bytes, 2 * INDEX_ROW + JOINED_MAX);
}

void index_out_free(struct index_out *o)
{
	buf_free(&o->bytes);
}

static void give(struct index_out *o, size_t len)
{
	uint64_t row = (o->at - buf_len(&o->bytes)) / INDEX_ROW;
	o->failed = o->failed ||
		    !o->sink->put(o->sink->arg, o->segment, o->part, (uint32_t)row,
				  span_sub(buf_span(&o->bytes), 0, len));
	buf_take(&o->bytes, len);
}

void index_out_add(struct index_out *o, struct span s)
{
	if (o->failed)
		return;
	buf_add(&o->bytes, s);
	o->at += s.len;
	o->failed = !buf_ok(&o->bytes);
	while (!o->failed && buf_len(&o->bytes) >= INDEX_ROW)
		give(o, INDEX_ROW);
}

void index_out_end(struct index_out *o)
{
	if (!o->failed && buf_len(&o->bytes) > 0)
		give(o, buf_len(&o->bytes));
}

void index_in_init(struct index_in *i, const struct index_rows *rows, uint32_t segment,
		   enum index_part part, uint64_t size)
{
	*i = (struct index_in){.rows = rows, .segment = segment, .part = part,
			       .size = size, .row = UINT32_MAX};
	buf_init(&i->bytes, INDEX_ROW_MAX);
	buf_init(&i->joined, JOINED_MAX);
}

void index_in_free(struct index_in *i)
{
	buf_free(&i->bytes);
	buf_free(&i->joined);
}

static bool row(struct index_in *i, uint32_t n)
{
	if (n == i->row)
		return true;
	uint64_t at = (uint64_t)n * INDEX_ROW;
	i->row = UINT32_MAX;
	if (!i->rows->get(i->rows->arg, i->segment, i->part, n, &i->bytes) ||
	    buf_len(&i->bytes) != u64_min(INDEX_ROW, i->size - at))
		return false;
	i->row = n;
	return true;
}

bool index_in_read(struct index_in *i, uint64_t at, uint64_t len, struct span *out)
{
	if (at > i->size || len > i->size - at || len > JOINED_MAX)
		return false;
	*out = span_of(NULL, 0);
	if (len == 0)
		return true;
	size_t skip = (size_t)(at % INDEX_ROW);
	if (!row(i, (uint32_t)(at / INDEX_ROW)))
		return false;
	*out = span_sub(buf_span(&i->bytes), skip, (size_t)len);
	if (out->len == len)
		return true;
	buf_clear(&i->joined);
	while (buf_len(&i->joined) < len) {
		uint64_t now = at + buf_len(&i->joined);
		if (!row(i, (uint32_t)(now / INDEX_ROW)))
			return false;
		buf_add(&i->joined,
			span_sub(buf_span(&i->bytes), (size_t)(now % INDEX_ROW),
				 (size_t)(len - buf_len(&i->joined))));
		if (!buf_ok(&i->joined))
			return false;
	}
	*out = buf_span(&i->joined);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/batch: the changes of one commit, gathered in one run of bytes.
 *
 * Building never fails loudly: memory and limits are remembered and judged once
 * when the batch is committed.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "kv/engine.h"

#define BATCH_TAG TAG4('K', 'V', 'B', 'T')

struct kv_batch *kv_batch_new(void)
{
	struct kv_batch *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->tag = BATCH_TAG;
	/* One row over the limit must be seen as such, not as lack of memory. */
	buf_init(&b->bytes, KV_BYTES_MAX + KV_KEY_MAX + KV_VALUE_MAX);
	return b;
}

void kv_batch_clear(struct kv_batch *b)
{
	ENSURE_TAG(b, BATCH_TAG);
	ENSURE(!b->busy);
	for (size_t i = 0; i < b->body_count; i++)
		free(b->bodies[i].bytes);
	buf_clear(&b->bytes);
	b->count = b->body_count = b->body_bytes = 0;
	b->failed = b->limit = false;
}

void kv_batch_free(struct kv_batch *b)
{
	if (!b)
		return;
	kv_batch_clear(b);
	buf_free(&b->bytes);
	free(b->rows);
	b->tag = 0;
	free(b);
}

static struct batch_row *row_add(struct kv_batch *b)
{
	ENSURE_TAG(b, BATCH_TAG);
	ENSURE(!b->busy);
	if (b->count > KV_ROWS_MAX) {
		b->limit = true;
		return NULL;
	}
	if (b->count == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 8;
		struct batch_row *rows =
			realloc(b->rows, cap * sizeof(*rows));
		if (!rows) {
			b->failed = true;
			return NULL;
		}
		b->rows = rows;
		b->cap = cap;
	}
	struct batch_row *row = &b->rows[b->count++];
	*row = (struct batch_row){0};
	return row;
}

static void row_fill(struct kv_batch *b, struct span key, struct span value,
		     bool gone)
{
	if (key.len > KV_KEY_MAX || key.len == 0 || value.len > KV_VALUE_MAX ||
	    buf_len(&b->bytes) > KV_BYTES_MAX) {
		b->limit = true;
		return;
	}
	struct batch_row *row = row_add(b);
	if (!row)
		return;
	row->key = buf_len(&b->bytes);
	row->key_len = (uint32_t)key.len;
	buf_add(&b->bytes, key);
	row->value = buf_len(&b->bytes);
	row->value_len = (uint32_t)value.len;
	buf_add(&b->bytes, value);
	row->gone = gone;
	b->failed |= !buf_ok(&b->bytes);
}

void kv_put(struct kv_batch *b, struct span key, struct span value)
{
	row_fill(b, key, value, false);
}

void kv_put_row(struct kv_batch *b, struct span key, const struct buf *row)
{
	if (buf_ok(row))
		kv_put(b, key, buf_span(row));
	else
		b->failed = true;
}

void kv_delete(struct kv_batch *b, struct span key)
{
	row_fill(b, key, (struct span){0}, true);
}

void kv_delete_once(struct kv_batch *b, struct span key)
{
	size_t before = b->count;
	kv_delete(b, key);
	if (b->count > before)
		b->rows[before].once = true;
}

static struct batch_body *body_add(struct kv_batch *b, const struct kv_id *id)
{
	ENSURE_TAG(b, BATCH_TAG);
	ENSURE(!b->busy);
	if (b->body_count == KV_BODIES_MAX) {
		b->limit = true;
		return NULL;
	}
	struct batch_body *body = &b->bodies[b->body_count++];
	*body = (struct batch_body){.id = *id};
	return body;
}

void kv_put_body(struct kv_batch *b, const struct kv_id *id,
		 struct span bytes)
{
	if (bytes.len > KV_BODY_INLINE) {
		b->limit = true;
		return;
	}
	struct batch_body *body = body_add(b, id);
	if (!body)
		return;
	body->bytes = malloc(bytes.len ? bytes.len : 1);
	if (!body->bytes) {
		b->body_count--;
		b->failed = true;
		return;
	}
	if (bytes.len)
		memcpy(body->bytes, bytes.ptr, bytes.len);
	body->len = bytes.len;
	b->body_bytes += bytes.len;
}

void kv_delete_body(struct kv_batch *b, const struct kv_id *id)
{
	struct batch_body *body = body_add(b, id);
	if (body)
		body->gone = true;
}

void kv_delete_body_once(struct kv_batch *b, const struct kv_id *id)
{
	struct batch_body *body = body_add(b, id);
	if (body)
		body->gone = body->once = true;
}

size_t kv_batch_rows(const struct kv_batch *b)
{
	ENSURE_TAG(b, BATCH_TAG);
	return b->count;
}

size_t kv_batch_bytes(const struct kv_batch *b)
{
	ENSURE_TAG(b, BATCH_TAG);
	return buf_len(&b->bytes);
}

bool kv_batch_room(const struct kv_batch *b, size_t rows, size_t bytes)
{
	return !b->failed && !b->limit &&
	       kv_batch_rows(b) + rows <= KV_ROWS_MAX &&
	       kv_batch_bytes(b) + bytes <= KV_BYTES_MAX;
}

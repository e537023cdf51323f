/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv/read: rows of a space, visible or staged.
 *
 * Visible rows are the engine's.  Staged ones are the engine's with the
 * overlay in front: where both have a key the overlay counts, and a node that
 * is `gone` hides the engine's row.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "kv/front.h"

#define SCAN_TAG TAG4('K', 'V', 'S', 'C')

enum kv_result kv_get(struct kv_space *s, enum kv_view view, struct span key,
		      struct buf *out)
{
	ENSURE_TAG(s, SPACE_TAG);
	struct kv *kv = s->kv;
	if (view == KV_STAGED && s->rows) {
		struct kv_sorted_node *n = kv_sorted_find(s->rows, key);
		if (n && n->gone)
			return KV_NONE;
		if (n) {
			buf_add(out, n->value);
			return buf_ok(out) ? KV_OK : KV_UNAVAILABLE;
		}
	}
	if (kv->down)
		return KV_UNAVAILABLE;
	enum kv_result r = kv->engine->ops->get(kv->engine, s->name, key, out);
	return r == KV_OK && !buf_ok(out) ? KV_UNAVAILABLE : r;
}

bool kv_is_staged(const struct kv_space *s, struct span key)
{
	ENSURE_TAG(s, SPACE_TAG);
	return s->rows && kv_sorted_find(s->rows, key);
}

struct kv_scan {
	uint32_t tag;
	struct kv_space *space;
	struct engine_iter *iter;
	struct kv_sorted_node *node; /* next of the overlay */
	bool reverse, used_iter, used_node;
	struct span from, to; /* copies */
	char bounds[];
};

static bool inside(const struct kv_scan *s, struct span key)
{
	return span_cmp(key, s->from) >= 0 &&
	       (s->to.len == 0 || span_cmp(key, s->to) < 0);
}

static struct kv_sorted_node *clip(const struct kv_scan *s, struct kv_sorted_node *n)
{
	return n && inside(s, n->key) ? n : NULL;
}

static struct kv_sorted_node *first_node(const struct kv_scan *s)
{
	const struct kv_sorted *rows = s->space->rows;
	if (!s->reverse)
		return clip(s, kv_sorted_from(rows, s->from));
	return clip(s, s->to.len ? kv_sorted_before(rows, s->to) : kv_sorted_last(rows));
}

enum kv_result kv_scan_open(struct kv_space *space, enum kv_view view,
			    struct span from, struct span to, bool reverse,
			    struct kv_scan **out)
{
	ENSURE_TAG(space, SPACE_TAG);
	struct kv *kv = space->kv;
	*out = NULL;
	if (kv->down)
		return KV_UNAVAILABLE;
	struct kv_scan *s = calloc(1, sizeof(*s) + from.len + to.len + 1);
	if (!s)
		return KV_UNAVAILABLE;
	s->tag = SCAN_TAG;
	s->space = space;
	s->reverse = reverse;
	if (from.len)
		memcpy(s->bounds, from.ptr, from.len);
	if (to.len)
		memcpy(s->bounds + from.len, to.ptr, to.len);
	s->from = span_of(s->bounds, from.len);
	s->to = span_of(s->bounds + from.len, to.len);
	enum kv_result r = kv->engine->ops->iter(kv->engine, space->name,
						 s->from, s->to, reverse,
						 &s->iter);
	if (r != KV_OK) {
		free(s);
		return r;
	}
	if (view == KV_STAGED && space->rows)
		s->node = first_node(s);
	kv->scans++;
	kv_space_hold(space);
	*out = s;
	return KV_OK;
}

static void step(struct kv_scan *s)
{
	if (s->used_iter)
		s->space->kv->engine->ops->iter_next(s->iter);
	if (s->used_node)
		s->node = clip(s, s->reverse ? kv_sorted_before(s->space->rows,
							  s->node->key)
					     : kv_sorted_next(s->node));
	s->used_iter = s->used_node = false;
}

enum kv_result kv_scan_next(struct kv_scan *s, struct span *key,
			    struct span *value)
{
	ENSURE_TAG(s, SCAN_TAG);
	const struct engine_ops *ops = s->space->kv->engine->ops;
	for (;;) {
		struct span k = {0}, v = {0};
		step(s);
		enum kv_result r = ops->iter_row(s->iter, &k, &v);
		if (r != KV_OK && (r != KV_NONE || !s->node))
			return r;
		int order = r == KV_NONE ? 1
			    : !s->node	 ? -1
					 : span_cmp(k, s->node->key);
		if (r == KV_OK && s->node && s->reverse)
			order = -order;
		s->used_iter = order <= 0;
		s->used_node = order >= 0;
		if (s->used_node && s->node->gone)
			continue;
		*key = s->used_node ? s->node->key : k;
		*value = s->used_node ? s->node->value : v;
		return KV_OK;
	}
}

void kv_scan_close(struct kv_scan *s)
{
	if (!s)
		return;
	ENSURE_TAG(s, SCAN_TAG);
	struct kv_space *space = s->space;
	space->kv->engine->ops->iter_close(s->iter);
	space->kv->scans--;
	s->tag = 0;
	free(s);
	kv_space_close(space);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/list: names and subscriptions, merged in the order of their keys.
 */
#include "base/ensure.h"
#include "box/inner.h"

struct names {
	struct kv_scan *scan;
	struct span name, value;
	bool any;
};

static enum kv_result names_next(struct names *n)
{
	enum kv_result r = kv_scan_next(n->scan, &n->name, &n->value);
	n->any = r == KV_OK;
	n->name = span_skip(n->name, 1);
	return r == KV_NONE ? KV_OK : r;
}

static enum kv_result names_open(struct box *b, enum kv_view view, char kind,
				 struct span after, struct names *n)
{
	struct box_key from = box_key_name(kind, after), k = box_key_kind(kind);
	struct box_key end = box_key_end(&k);
	if (after.len)
		from.bytes[from.len++] = 0; /* the smallest larger name */
	enum kv_result r = kv_scan_open(b->space, view, box_key_span(&from),
					box_key_span(&end), false, &n->scan);
	return r == KV_OK ? names_next(n) : r;
}

static enum kv_result children(struct box *b, enum kv_view view,
			       struct span name, bool *out)
{
	struct box_key from = box_key_name('N', name), end;
	struct kv_scan *scan;
	struct span key, value;
	*out = false;
	if (name.len >= BOX_NAME_MAX)
		return KV_OK;
	from.bytes[from.len++] = '/';
	end = box_key_end(&from);
	enum kv_result r = kv_scan_open(b->space, view, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return r;
	r = kv_scan_next(scan, &key, &value);
	kv_scan_close(scan);
	*out = r == KV_OK;
	return r == KV_NONE ? KV_OK : r;
}

/* The smaller of both names, or the one that they share. */
static enum kv_result take(struct box *b, enum kv_view view, struct arena *a,
			   struct names *n, struct names *s,
			   struct box_entry *e)
{
	int order = !s->any ? -1 : !n->any ? 1 : span_cmp(n->name, s->name);
	struct name_row row = {0};
	*e = (struct box_entry){.subscribed = order >= 0};
	if (!arena_copy(a, order <= 0 ? n->name : s->name, &e->name))
		return KV_UNAVAILABLE;
	enum kv_result r = KV_OK;
	if (order <= 0) {
		if (!box_name_read(n->value, &row))
			return KV_CORRUPT;
		e->mailbox = row.mailbox;
		e->use = row.use;
		r = names_next(n);
	}
	if (r == KV_OK && order >= 0)
		r = names_next(s);
	return r == KV_OK ? children(b, view, e->name, &e->children) : r;
}

/* As names sort in keys: bytewise. */
enum box_result box_list(struct box *b, enum kv_view view, struct arena *a,
			 struct span after, struct box_entry *entries,
			 size_t max, size_t *count)
{
	ENSURE_TAG(b, BOX_TAG);
	struct names n = {0}, s = {0};
	*count = 0;
	if (after.len > BOX_NAME_MAX)
		return BOX_CANNOT;
	enum kv_result r = names_open(b, view, 'N', after, &n);
	if (r == KV_OK)
		r = names_open(b, view, 'S', after, &s);
	while (r == KV_OK && *count < max && (n.any || s.any))
		r = take(b, view, a, &n, &s, &entries[(*count)++]);
	kv_scan_close(n.scan);
	kv_scan_close(s.scan);
	return box_from_kv(r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/work: a mailbox's head and pages while one operation changes them.
 *
 * Pages are visited in ascending order; leaving a changed page writes it.  The
 * tail page lives in the head row, so that a delivery writes two rows: the
 * message and the head.
 *
 * Must never: lower uid_next or version, or leave counts behind the slots.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/ensure.h"
#include "box/inner.h"

enum kv_result box_work_open(struct kv_space *s, enum kv_view view,
			 uint32_t mailbox, struct kv_batch *batch,
			 uint64_t version, struct work **out)
{
	struct work *w = calloc(1, sizeof(*w));
	*out = NULL;
	if (!w)
		return KV_UNAVAILABLE;
	w->space = s;
	w->view = view;
	w->mailbox = mailbox;
	w->batch = batch;
	w->version = version;
	buf_init(&w->row, BOX_ROW_MAX);
	enum kv_result r = box_head_load(s, view, mailbox, true, &w->head);
	if (r != KV_OK) {
		box_work_free(w);
		return r;
	}
	*out = w;
	return KV_OK;
}

void box_work_free(struct work *w)
{
	if (!w)
		return;
	buf_free(&w->row);
	arena_free(w->names);
	free(w);
}

enum kv_result box_work_keep_keywords(struct work *w, const struct span *names,
				  size_t count)
{
	if (!w->names)
		w->names = arena_new(BOX_INSERT_MAX * BOX_KEYWORDS_MAX *
				     BOX_KEYWORD_MAX);
	for (size_t i = 0; i < count; i++)
		if (!w->names || !arena_copy(w->names, names[i], &w->keywords[i]))
			return KV_UNAVAILABLE;
	w->keyword_count = count;
	w->keywords_made = true;
	return KV_OK;
}

/* Write or forget a page row. */
static void page_store(struct work *w, const struct page *p)
{
	struct box_key k = box_key_two('P', w->mailbox, p->index);
	if (p->alive == 0) {
		kv_delete(w->batch, box_key_span(&k));
		return;
	}
	buf_clear(&w->row);
	box_page_write(&w->row, p);
	w->failed |= !buf_ok(&w->row);
	kv_put_row(w->batch, box_key_span(&k), &w->row);
}

static void page_leave(struct work *w)
{
	if (w->page_dirty)
		page_store(w, &w->page);
	w->page_dirty = w->page_loaded = false;
}

static void note_page(struct work *w, uint32_t index)
{
	if (w->page_count && w->pages[w->page_count - 1] == index)
		return;
	ENSURE(w->page_count < ARRAY_LEN(w->pages));
	w->pages[w->page_count++] = index;
}

enum kv_result box_work_page(struct work *w, uint32_t uid, struct page **out)
{
	uint32_t index = uid / BOX_PAGE;
	if (index == w->head.tail.index) {
		*out = &w->head.tail;
		return KV_OK;
	}
	*out = &w->page;
	if (w->page_loaded && w->page.index == index)
		return KV_OK;
	page_leave(w);
	struct box_key k = box_key_two('P', w->mailbox, index);
	enum kv_result r = box_row_get(w->space, w->view, &k, &w->row);
	if (r == KV_NONE)
		box_page_init(&w->page, index);
	else if (r != KV_OK)
		return r;
	else if (!box_page_read(buf_span(&w->row), index, &w->page))
		return KV_CORRUPT;
	w->page_loaded = true;
	return KV_OK;
}

void box_work_touch(struct work *w, const struct page *p)
{
	w->dirty = true;
	w->head.version = w->version;
	if (p != &w->page)
		return;
	if (!w->page_dirty)
		note_page(w, p->index);
	w->page_dirty = true;
}

void box_work_count(struct work *w, const struct slot *s, bool in)
{
	uint32_t d = in ? 1 : UINT32_MAX; /* plus or minus one */
	if (!(s->flags & BOX_SEEN))
		w->head.unseen += d;
	if (s->flags & BOX_DELETED)
		w->head.deleted += d;
}

/* A full tail becomes a page row of its own. */
static void tail_move(struct work *w, uint32_t index)
{
	ENSURE(index > w->head.tail.index);
	if (w->head.tail.alive)
		page_store(w, &w->head.tail);
	/* It may have been touched as a page before: the log keeps order. */
	page_leave(w);
	note_page(w, w->head.tail.index);
	box_page_init(&w->head.tail, index);
}

enum kv_result box_work_add(struct work *w, uint8_t flags, uint64_t keywords,
			uint64_t bytes, uint32_t *uid)
{
	if (w->head.uid_next == UINT32_MAX)
		return KV_LIMIT;
	*uid = w->head.uid_next++;
	if (*uid / BOX_PAGE != w->head.tail.index)
		tail_move(w, *uid / BOX_PAGE);
	struct slot *s = &w->head.tail.slot[*uid % BOX_PAGE];
	ENSURE(!s->alive);
	*s = (struct slot){true, flags, keywords, w->version};
	w->head.tail.alive++;
	w->head.messages++;
	w->head.bytes += bytes;
	box_work_count(w, s, true);
	w->head.version = w->version;
	w->dirty = true;
	return KV_OK;
}

void box_work_vanish(struct work *w, struct page *p, uint32_t uid, uint64_t bytes)
{
	struct slot *s = &p->slot[uid % BOX_PAGE];
	ENSURE(s->alive && p->alive > 0 && w->head.messages > 0);
	box_work_count(w, s, false);
	*s = (struct slot){0};
	p->alive--;
	w->head.messages--;
	w->head.bytes -= u64_min(bytes, w->head.bytes);
	w->head.version = w->version;
	w->dirty = true;
	if (p == &w->page)
		w->page_dirty = true;
	struct box_run *last =
		w->run_count ? &w->runs[w->run_count - 1] : NULL;
	if (last && last->last + 1 == uid) {
		last->last = uid;
		return;
	}
	ENSURE(w->run_count < ARRAY_LEN(w->runs));
	w->runs[w->run_count++] = (struct box_run){uid, uid};
}

enum kv_result box_work_expunge(struct work *w, uint32_t uid, int64_t kept,
				struct box_quota *quota)
{
	struct page *p;
	struct cold cold;
	struct buf row;
	enum kv_result r = box_work_page(w, uid, &p);
	if (r != KV_OK || !p->slot[uid % BOX_PAGE].alive)
		return r == KV_OK ? KV_NONE : r;
	buf_init(&row, BOX_ROW_MAX);
	r = box_cold_load(w->space, KV_STAGED, w->mailbox, uid, &row, &cold);
	if (r == KV_OK && kept != 0)
		r = box_gone_keep(w->batch, kept, w->mailbox, uid,
				  &p->slot[uid % BOX_PAGE], buf_span(&row));
	if (r == KV_OK) {
		struct box_key k = box_key_two('M', w->mailbox, uid);
		box_work_vanish(w, p, uid, cold.message.size);
		kv_delete(w->batch, box_key_span(&k));
		box_order_delete(w->batch, w->mailbox, uid);
		quota->bytes -= u64_min(cold.message.size, quota->bytes);
		quota->messages -= quota->messages > 0;
	}
	buf_free(&row);
	return r == KV_NONE ? KV_CORRUPT : r; /* a slot has its row */
}

/* The two oldest rows go when the log is full: the floor rises to them. */
static enum kv_result log_trim(struct work *w)
{
	struct box_key prefix = box_key_mailbox('L', w->mailbox);
	struct kv_scan *scan;
	struct span key, value;
	uint64_t gone[2];
	size_t n = 0;
	enum kv_result r = box_scan_prefix(w->space, w->view, &prefix, &scan);
	if (r != KV_OK)
		return r;
	while (n < 2 && (r = kv_scan_next(scan, &key, &value)) == KV_OK)
		gone[n++] = box_key_modseq(key);
	kv_scan_close(scan);
	for (size_t i = 0; i < n; i++) {
		struct box_key k = box_key_log(w->mailbox, gone[i]);
		kv_delete(w->batch, box_key_span(&k));
		w->head.floor = gone[i];
		w->head.log_rows--;
	}
	return r == KV_NONE ? KV_OK : r;
}

static int by_page(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static enum kv_result log_store(struct work *w)
{
	if (w->page_count == 0 && w->run_count == 0)
		return KV_OK;
	if (w->head.log_rows >= BOX_LOG_MAX) {
		enum kv_result r = log_trim(w);
		if (r != KV_OK)
			return r;
	}
	qsort(w->pages, w->page_count, sizeof(w->pages[0]), by_page);
	struct log_row row = {w->pages, w->page_count, w->runs, w->run_count};
	struct box_key k = box_key_log(w->mailbox, w->version);
	buf_clear(&w->row);
	box_log_write(&w->row, &row);
	w->failed |= !buf_ok(&w->row);
	kv_put_row(w->batch, box_key_span(&k), &w->row);
	w->head.log_rows++;
	return KV_OK;
}

enum kv_result box_work_close(struct work *w)
{
	page_leave(w);
	if (!w->dirty)
		return KV_NONE;
	enum kv_result r = log_store(w);
	if (r != KV_OK)
		return r;
	struct box_key k = box_key_mailbox('H', w->mailbox);
	buf_clear(&w->row);
	box_head_pack(&w->row, &w->head);
	w->failed |= !buf_ok(&w->row);
	kv_put_row(w->batch, box_key_span(&k), &w->row);
	return w->failed ? KV_LIMIT : KV_OK;
}

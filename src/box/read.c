/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/read: slots, changes and views.
 *
 * Pages are read whole, in order.  Where the log reaches back to the version
 * asked for, only the pages that it names and the tail are read: the cost of
 * "what is new" is that of the changes.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "box/inner.h"

/* ---- which pages ---- */

struct pages {
	uint32_t *index;
	size_t count, cap;
	bool failed;
};

static void pages_add(void *arg, uint32_t index)
{
	struct pages *p = arg;
	if (p->count == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		uint32_t *more = realloc(p->index, cap * sizeof(*more));
		if (!more) {
			p->failed = true;
			return;
		}
		p->index = more;
		p->cap = cap;
	}
	p->index[p->count++] = index;
}

static int by_index(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static enum kv_result log_scan(struct kv_space *s, enum kv_view view,
			       uint32_t mailbox, uint64_t since,
			       void (*page)(void *, uint32_t),
			       bool (*run)(void *, uint32_t, uint32_t),
			       void *arg)
{
	struct box_key from = box_key_log(mailbox, since + 1),
		       prefix = box_key_mailbox('L', mailbox),
		       end = box_key_end(&prefix);
	struct kv_scan *scan;
	struct span key, value;
	enum kv_result r = kv_scan_open(s, view, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return r;
	while ((r = kv_scan_next(scan, &key, &value)) == KV_OK)
		if (!box_log_read(value, page, run, arg)) {
			r = KV_CORRUPT;
			break;
		}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

typedef bool page_fn(void *arg, const struct page *);

struct visit {
	struct kv_space *space;
	enum kv_view view;
	uint32_t mailbox, from; /* the page of this UID is the first */
	const struct head *head;
	page_fn *fn; /* false: stop */
	void *arg;
	bool stopped;
};

/* All page rows, as they stand. */
static enum kv_result visit_all(struct visit *v, struct page *page)
{
	struct box_key from = box_key_two('P', v->mailbox, v->from / BOX_PAGE),
		       prefix = box_key_mailbox('P', v->mailbox),
		       end = box_key_end(&prefix);
	struct kv_scan *scan;
	struct span key, value;
	enum kv_result r = kv_scan_open(v->space, v->view, box_key_span(&from),
					box_key_span(&end), false, &scan);
	if (r != KV_OK)
		return r;
	while (!v->stopped && (r = kv_scan_next(scan, &key, &value)) == KV_OK) {
		uint32_t index = box_key_number(key, 5);
		if (index >= v->head->tail.index ||
		    !box_page_read(value, index, page))
			r = KV_CORRUPT;
		if (r != KV_OK)
			break;
		v->stopped = !v->fn(v->arg, page);
	}
	kv_scan_close(scan);
	return r == KV_NONE ? KV_OK : r;
}

/* Only those that the log names since a version. */
static enum kv_result visit_logged(struct visit *v, uint64_t above,
				   struct page *page)
{
	struct pages list = {0};
	struct buf row;
	buf_init(&row, BOX_ROW_MAX);
	enum kv_result r = log_scan(v->space, v->view, v->mailbox, above,
				    pages_add, NULL, &list);
	if (r == KV_OK && list.failed)
		r = KV_UNAVAILABLE;
	if (list.count)
		qsort(list.index, list.count, sizeof(*list.index), by_index);
	for (size_t i = 0; r == KV_OK && !v->stopped && i < list.count; i++) {
		uint32_t index = list.index[i];
		if (index < v->from / BOX_PAGE ||
		    index >= v->head->tail.index ||
		    (i > 0 && list.index[i - 1] == index))
			continue;
		struct box_key k = box_key_two('P', v->mailbox, index);
		r = box_row_get(v->space, v->view, &k, &row);
		if (r == KV_NONE) { /* all its messages vanished */
			r = KV_OK;
			continue;
		}
		if (r == KV_OK && !box_page_read(buf_span(&row), index, page))
			r = KV_CORRUPT;
		if (r == KV_OK)
			v->stopped = !v->fn(v->arg, page);
	}
	free(list.index);
	buf_free(&row);
	return r;
}

/* Every page that may have a slot with modseq > above, the tail last. */
static enum kv_result visit_pages(struct visit *v, uint64_t above)
{
	struct page *page = malloc(sizeof(*page));
	if (!page)
		return KV_UNAVAILABLE;
	enum kv_result r = above > 0 && above >= v->head->floor
				   ? visit_logged(v, above, page)
				   : visit_all(v, page);
	if (r == KV_OK && !v->stopped &&
	    v->head->tail.index >= v->from / BOX_PAGE)
		v->fn(v->arg, &v->head->tail);
	free(page);
	return r;
}

/* ---- slots ---- */

struct slots {
	struct box_slot *out;
	size_t count, max;
	uint32_t from, next;
	uint64_t above;
};

static bool slots_of_page(void *arg, const struct page *p)
{
	struct slots *s = arg;
	for (uint32_t i = 0; i < BOX_PAGE; i++) {
		const struct slot *slot = &p->slot[i];
		uint32_t uid = p->index * BOX_PAGE + i;
		if (!slot->alive || uid < s->from || slot->modseq <= s->above)
			continue;
		if (s->count == s->max) {
			s->next = uid;
			return false;
		}
		s->out[s->count++] = (struct box_slot){
			uid, slot->flags, slot->keywords, slot->modseq};
	}
	return true;
}

enum box_result box_slots(struct box *b, enum kv_view view, uint32_t mailbox,
			  uint32_t from, uint64_t above, struct box_slot *slots,
			  size_t max, size_t *count, uint32_t *next)
{
	ENSURE_TAG(b, BOX_TAG);
	struct head h;
	struct slots s = {
		.out = slots, .max = max, .from = from, .above = above};
	enum kv_result r = box_head_load(b->space, view, mailbox, true, &h);
	if (r == KV_OK && above < h.version)
		r = visit_pages(&(struct visit){.space = b->space,
						.view = view,
						.mailbox = mailbox,
						.from = from,
						.head = &h,
						.fn = slots_of_page,
						.arg = &s},
				above);
	*count = s.count;
	*next = s.next;
	return box_from_kv(r);
}

/* ---- what vanished, and views ---- */

struct runs {
	struct box_run *run;
	size_t count, cap;
	uint32_t below; /* only UIDs below this */
	bool failed;
};

static bool runs_add(void *arg, uint32_t first, uint32_t last)
{
	struct runs *r = arg;
	if (first >= r->below)
		return true;
	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct box_run *more = realloc(r->run, cap * sizeof(*more));
		if (!more)
			return false;
		r->run = more;
		r->cap = cap;
	}
	if (last >= r->below)
		last = r->below - 1;
	r->run[r->count++] = (struct box_run){first, last};
	return true;
}

static bool runs_of_page(void *arg, const struct page *p)
{
	struct runs *r = arg;
	for (uint32_t i = 0; i < BOX_PAGE; i++) {
		uint32_t uid = p->index * BOX_PAGE + i;
		struct box_run *last = r->count ? &r->run[r->count - 1] : NULL;
		if (!p->slot[i].alive || uid >= r->below)
			continue;
		if (last && last->last + 1 == uid)
			last->last = uid;
		else if (!runs_add(r, uid, uid))
			r->failed = true;
	}
	return !r->failed;
}

static int by_first(const void *a, const void *b)
{
	const struct box_run *x = a, *y = b;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorted, joined, and into a set. */
static enum kv_result runs_store(struct runs *r, struct box_uids *out)
{
	if (r->failed)
		return KV_UNAVAILABLE;
	if (r->count)
		qsort(r->run, r->count, sizeof(*r->run), by_first);
	for (size_t i = 0; i < r->count;) {
		struct box_run run = r->run[i++];
		while (i < r->count && r->run[i].first <= run.last + 1) {
			if (r->run[i].last > run.last)
				run.last = r->run[i].last;
			i++;
		}
		if (!box_uids_add(out, run.first, run.last))
			return KV_UNAVAILABLE;
	}
	return KV_OK;
}

/* The UIDs between the runs: what is not there. */
static bool runs_invert(struct runs *r)
{
	struct runs gaps = {.below = r->below};
	uint32_t next = 1;
	for (size_t i = 0; i < r->count; i++) {
		if (r->run[i].first > next &&
		    !runs_add(&gaps, next, r->run[i].first - 1))
			gaps.failed = true;
		next = r->run[i].last + 1;
	}
	if (next < r->below && !runs_add(&gaps, next, r->below - 1))
		gaps.failed = true;
	free(r->run);
	*r = gaps;
	return !r->failed;
}

static enum kv_result all_runs(struct box *b, enum kv_view view,
			       uint32_t mailbox, const struct head *h,
			       struct runs *runs)
{
	return visit_pages(&(struct visit){.space = b->space,
					   .view = view,
					   .mailbox = mailbox,
					   .head = h,
					   .fn = runs_of_page,
					   .arg = runs},
			   0);
}

enum box_result box_changes(struct box *b, enum kv_view view, uint32_t mailbox,
			    uint64_t since, bool guess, struct arena *a,
			    struct box_changes *out)
{
	ENSURE_TAG(b, BOX_TAG);
	struct head h;
	struct runs runs = {0};
	*out = (struct box_changes){0};
	box_uids_init(&out->vanished, a);
	enum kv_result r = box_head_load(b->space, view, mailbox, true, &h);
	if (r != KV_OK)
		return box_from_kv(r);
	runs.below = h.uid_next;
	if (since >= h.floor) {
		r = log_scan(b->space, view, mailbox, since, NULL, runs_add,
			     &runs);
	} else if (!guess) {
		return BOX_TOO_OLD;
	} else {
		r = all_runs(b, view, mailbox, &h, &runs);
		if (r == KV_OK && !runs_invert(&runs))
			r = KV_UNAVAILABLE;
	}
	if (r == KV_OK)
		r = runs_store(&runs, &out->vanished);
	free(runs.run);
	if (r == KV_OK)
		return box_status(b, view, mailbox, &out->now);
	return box_from_kv(r);
}

enum box_result box_view(struct box *b, enum kv_view view, uint32_t mailbox,
			 uint64_t since, uint32_t uid_next,
			 struct box_uids *out)
{
	ENSURE_TAG(b, BOX_TAG);
	struct head h;
	struct runs runs = {.below = uid_next};
	enum kv_result r = box_head_load(b->space, view, mailbox, true, &h);
	if (r == KV_OK && since < h.version && since < h.floor)
		return BOX_TOO_OLD;
	if (r == KV_OK)
		r = all_runs(b, view, mailbox, &h, &runs);
	if (r == KV_OK && since < h.version)
		r = log_scan(b->space, view, mailbox, since, NULL, runs_add,
			     &runs);
	if (r == KV_OK)
		r = runs_store(&runs, out);
	free(runs.run);
	return box_from_kv(r);
}

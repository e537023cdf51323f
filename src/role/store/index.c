/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/index: shelf and rows of one mailbox, and the fiber that walks from box to
 * box.
 */
#include "role/store/index.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"
#include "box/index.h"

#define TURN_NS	     (5 * NS_PER_MS) /* without letting others go on */
#define KICK_NS	     NS_PER_SEC	     /* mail that comes together is indexed together */
#define WINDOW_NS    (100 * NS_PER_MS) /* in which commits are counted */
#define STREAM	     10u	     /* of them are a stream */
#define AGAIN_NS     (30 * NS_PER_SEC) /* after what could not be done */
#define WAIT_NS	     (5 * NS_PER_MS)
#define LIST_STEP    32u

/* ---- rows ---- */

static bool get_row(void *arg, uint32_t segment, enum index_part part, uint32_t n,
		    struct buf *out)
{
	struct index_box *x = arg;
	struct world *w = x->job->store->role->world;
	if (world_now(w) - x->turn > TURN_NS) {
		fiber_yield(x->job->store->role->loop);
		x->turn = world_now(w);
	}
	enum box_result r = box_index_row(x->box->box, x->mailbox, segment, (uint8_t)part,
					  n, out);
	x->is_short = x->is_short || (r != BOX_OK && r != BOX_NONE && r != BOX_CORRUPT);
	return r == BOX_OK;
}

struct index_box *index_box_new(struct job *j, struct open_box *b, uint32_t mailbox)
{
	struct index_box *x = calloc(1, sizeof *x);
	if (x == NULL)
		return NULL;
	x->job = j;
	x->box = box_again(b);
	x->mailbox = mailbox;
	x->rows = (struct index_rows){get_row, x};
	x->turn = world_now(j->store->role->world);
	buf_init(&x->row, INDEX_ROW_MAX);
	return x;
}

void index_box_free(struct index_box *x)
{
	if (x == NULL)
		return;
	box_release(x->box);
	buf_free(&x->row);
	free(x);
}

enum box_result index_box_load(struct index_box *x)
{
	x->is_short = false;
	enum box_result r = box_index_shelf(x->box->box, x->mailbox, &x->row);
	if (r == BOX_OK && index_shelf_read(buf_span(&x->row), &x->shelf))
		return BOX_OK;
	index_shelf_init(&x->shelf);
	return r == BOX_OK || r == BOX_CORRUPT ? BOX_NONE : r;
}

void index_box_drop(struct index_box *x)
{
	struct job *j = x->job;
	struct box_index_drop d = {.mailbox = x->mailbox, .shelf = true, .more = true};
	enum box_result r = BOX_OK;
	index_shelf_init(&x->shelf);
	while (r == BOX_OK && d.more && !j->store->closing)
		r = job_box(j, box_index_drop(x->box->box, &d, box_gate, job_gate(j)));
}

enum index_progress index_box_catch_up(struct index_box *x, uint64_t until)
{
	struct world *w = x->job->store->role->world;
	enum index_progress p = INDEX_LATER;
	while (p == INDEX_LATER && world_now(w) < until && !x->job->store->closing &&
	       (x->job->call == NULL || !ipc_call_is_late(x->job->call))) {
		if (x->box->index_busy)
			job_sleep(x->job, WAIT_NS);
		else
			p = index_box_advance(x, until);
	}
	return p;
}

/* ---- in the background ---- */

static void look_later(struct store *, uint64_t in);

static bool over(const struct store *s)
{
	return s->closing || s->draining;
}

/* False: try again some time. */
static bool one_mailbox(struct job *j, struct open_box *b, uint32_t mailbox)
{
	enum index_progress p = INDEX_LATER;
	struct index_box *x = index_box_new(j, b, mailbox);
	while (x != NULL && p == INDEX_LATER && !b->index_busy && !over(j->store))
		p = index_box_advance(x, 0);
	index_box_free(x);
	return x != NULL && p != INDEX_CANNOT;
}

static bool one_box(struct job *j, struct open_box *b)
{
	struct box_entry entries[LIST_STEP];
	char after[BOX_NAME_MAX + 1];
	size_t count = LIST_STEP, after_len = 0;
	bool ok = true;
	while (ok && count == LIST_STEP && !over(j->store)) {
		arena_reset(j->arena);
		if (box_list(b->box, KV_VISIBLE, j->arena, span_of(after, after_len),
			     entries, LIST_STEP, &count) != BOX_OK)
			return false;
		if (count > 0) {
			struct span last = entries[count - 1].name;
			after_len = size_min(last.len, sizeof after);
			memcpy(after, last.ptr, after_len);
		}
		uint32_t ids[LIST_STEP];
		for (size_t i = 0; i < count; i++)
			ids[i] = entries[i].mailbox;
		for (size_t i = 0; i < count && ok; i++)
			ok = ids[i] == 0 || one_mailbox(j, b, ids[i]);
		fiber_yield(j->store->role->loop); /* there may be thousands */
	}
	return ok;
}

/* Does mail come faster than now and then? */
static bool streams(const struct store *s)
{
	uint64_t age = loop_now(s->role->loop) - s->index.window;
	return age < 2 * WINDOW_NS &&
	       (s->index.came >= STREAM || (age < WINDOW_NS && s->index.before >= STREAM));
}

static bool may_wait(const struct open_box *b)
{
	return streams(b->store) &&
	       kv_version(box_space(b->box), KV_VISIBLE) - b->index_looked < INDEX_BEHIND;
}

static void run_index(struct job *j)
{
	struct store *s = j->store;
	struct list *l, wait;
	bool ok = true;
	list_init(&wait);
	while (ok && !over(s) && (l = list_pop_front(&s->index.boxes)) != NULL) {
		struct open_box *b = CONTAINER_OF(l, struct open_box, index_wait);
		if (may_wait(b)) {
			list_push_back(&wait, l);
			continue;
		}
		b->index_looked = kv_version(box_space(b->box), KV_VISIBLE);
		ok = one_box(j, b);
		/* Meanwhile it may have come into the list again. */
		if (!ok && !over(s) && !list_linked(&b->index_wait))
			list_push_back(&s->index.boxes, &b->index_wait);
		else
			box_release(b);
	}
	while ((l = list_pop_front(&wait)) != NULL)
		list_push_back(&s->index.boxes, l);
	s->index.running = false;
	if (!list_empty(&s->index.boxes))
		look_later(s, ok ? KICK_NS : AGAIN_NS);
}

static void look_now(struct timer *t)
{
	struct store *s = t->arg;
	if (s->index.running || list_empty(&s->index.boxes))
		return;
	s->index.running = true;
	if (over(s) || !job_background(s, run_index, NULL)) {
		s->index.running = false;
		look_later(s, AGAIN_NS);
	}
}

static void look_later(struct store *s, uint64_t in)
{
	if (!over(s) && !timer_active(&s->index.timer))
		(void)!timer_start(s->role->loop, &s->index.timer,
				   loop_now(s->role->loop) + in, look_now, s);
}

void indexing_kick(struct open_box *b)
{
	struct store *s = b->store;
	if (list_linked(&b->index_wait) || over(s))
		return;
	list_push_back(&s->index.boxes, &box_again(b)->index_wait);
	if (!s->index.running)
		look_later(s, KICK_NS);
}

void indexing_moved(struct open_box *b, uint64_t version)
{
	struct store *s = b->store;
	uint64_t now = loop_now(s->role->loop), age = now - s->index.window;
	if (age >= WINDOW_NS) {
		s->index.before = age < 2 * WINDOW_NS ? s->index.came : 0;
		s->index.came = 0;
		s->index.window = now;
	}
	s->index.came++;
	if (version - b->index_looked >= INDEX_LEAST)
		indexing_kick(b);
}

void indexing_begin(struct store *s)
{
	list_init(&s->index.boxes);
}

void indexing_end(struct store *s)
{
	struct list *l;
	timer_stop(&s->index.timer);
	while ((l = list_pop_front(&s->index.boxes)) != NULL)
		box_release(CONTAINER_OF(l, struct open_box, index_wait));
}

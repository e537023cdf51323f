/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_sort: messages in order and in threads (RFC 5256).
 *
 * Records of all messages asked for are read (box/order.h), a slice at a time;
 * those of messages that an older program kept are made by the sorter first, and
 * kept.  Then they are ordered, others having their turns between.  One at a
 * time: the memory that it takes is bounded by the messages of one mailbox.
 */
#include "role/store/access.h"
#include "role/store/sort.h"

#include <stdlib.h>

#include "base/check.h"
#include "box/order.h"
#include "role/store/understand.h"
#include "summary/sort.h"

#define SLICE	      2048u /* records read at once */
#define MEMORY_MAX    (320ull << 20)
#define ONE_SORT_EACH (10 * NS_PER_MS) /* between two looks whether it is our turn */
#define SET_MAX	      100000u /* ranges of UIDs in one command */
#define DESCRIBE_MAX  16u     /* summaries in one question, of ... */
#define DESCRIBE_BYTES 8192u   /* ... so many bytes, and then one more */

struct sorting {
	struct job *job;
	struct open_box *box;
	uint32_t mailbox;
	struct arena *arena, *batch;
	struct box_uids wanted;
	struct summary_row *rows;
	size_t count, cap;
	uint32_t next; /* of the wanted, the first that no record came for */
	struct box_uids missing;
	bool no_memory;
	struct summary_pause pause;
};

/* ---- what is held between two requests ------------------------------------------------ */

static size_t held_bytes(const struct sort_held *h)
{
	return h->set_cap * sizeof *h->set +
	       (h->uids != NULL ? h->count * (sizeof *h->uids + sizeof *h->depths) : 0);
}

void sort_held_free(struct selected *sel)
{
	struct sort_held *h = sel->held;
	if (h == NULL)
		return;
	h->store->sort_held -= held_bytes(h);
	free(h->set);
	free(h->uids);
	free(h->depths);
	free(h);
	sel->held = NULL;
}

static struct sort_held *held_of(struct store *s, struct selected *sel)
{
	if (sel->held == NULL)
		sel->held = calloc(1, sizeof *sel->held);
	if (sel->held != NULL)
		sel->held->store = s;
	return sel->held;
}

/* Put a piece of the UIDs to those that came before. */
static bool keep_set(struct store *s, struct selected *sel, const struct edge_store_sort *m)
{
	struct sort_held *h = held_of(s, sel);
	if (h == NULL || h->set_count + m->uids_count > SET_MAX)
		return false;
	if (h->set_count + m->uids_count > h->set_cap) {
		size_t cap = size_min(SET_MAX, 2 * (h->set_count + m->uids_count));
		size_t more = (cap - h->set_cap) * sizeof *h->set;
		if (s->sort_held + more > SORT_HELD_MAX)
			return false;
		struct edge_store_range *set = realloc(h->set, cap * sizeof *set);
		if (set == NULL)
			return false;
		h->set = set;
		h->set_cap = cap;
		s->sort_held += more;
	}
	if (m->uids_count > 0)
		memcpy(h->set + h->set_count, m->uids, m->uids_count * sizeof *h->set);
	h->set_count += m->uids_count;
	return true;
}

/* ---- records ---------------------------------------------------------------------------- */

static bool add_row(struct sorting *q, const struct box_order *o)
{
	struct summary_order order;
	struct span record;
	if (!summary_order_read(o->record, &order))
		return true; /* as if there was none */
	if (q->count == q->cap || !arena_copy(q->arena, o->record, &record) ||
	    !summary_order_read(record, &order))
		return false;
	q->rows[q->count++] = (struct summary_row){
		.uid = o->uid,
		.arrived = o->date,
		.sent = order.flags & SUMMARY_ORDER_SENT ? order.sent : o->date,
		.size = o->size,
		.order = order};
	return true;
}

static uint32_t wanted_from(const struct sorting *q, uint32_t uid, size_t *run)
{
	while (*run < q->wanted.count && q->wanted.runs[*run].last < uid)
		(*run)++;
	if (*run == q->wanted.count)
		return 0;
	return uid < q->wanted.runs[*run].first ? q->wanted.runs[*run].first : uid;
}

struct taking {
	struct sorting *q;
	size_t run;
};

/* Records and wanted UIDs go up side by side: who is passed over has none. */
static bool take_order(void *arg, const struct box_order *o)
{
	struct taking *t = arg;
	struct sorting *q = t->q;
	size_t before = q->count;
	while (q->next != 0 && q->next < o->uid) {
		uint32_t last = q->wanted.runs[t->run].last;
		if (last >= o->uid)
			last = o->uid - 1;
		if (!box_uids_add(&q->missing, q->next, last))
			q->no_memory = true;
		q->next = last == UINT32_MAX ? 0 : wanted_from(q, last + 1, &t->run);
	}
	if (q->next != o->uid)
		return !q->no_memory;
	q->no_memory |= !add_row(q, o);
	if (q->count == before && !box_uids_add(&q->missing, o->uid, o->uid))
		q->no_memory = true;
	q->next = wanted_from(q, o->uid + 1, &t->run);
	return !q->no_memory;
}

static void give_way(void *arg)
{
	struct sorting *q = arg;
	fiber_yield(q->job->store->role->loop);
}

static enum box_result read_records(struct sorting *q)
{
	struct taking t = {.q = q};
	uint32_t from = 1;
	enum box_result r = BOX_OK;
	q->next = wanted_from(q, 1, &t.run);
	while (r == BOX_OK && from != 0 && q->next != 0) {
		r = box_orders(q->box->box, KV_VISIBLE, q->mailbox, (uint32_t)u64_max(from, q->next),
			       SLICE, take_order, &t, &from);
		give_way(q);
		if (ipc_call_is_late(q->job->call))
			return BOX_UNAVAILABLE;
	}
	while (r == BOX_OK && q->next != 0) {
		uint32_t last = q->wanted.runs[t.run].last;
		if (!box_uids_add(&q->missing, q->next, last))
			return BOX_UNAVAILABLE;
		q->next = last == UINT32_MAX ? 0 : wanted_from(q, last + 1, &t.run);
	}
	return q->no_memory ? BOX_UNAVAILABLE : r;
}

/* ---- those that have none ------------------------------------------------------------------ */

struct describing {
	struct store_sorter_described items[DESCRIBE_MAX];
	struct box_order orders[DESCRIBE_MAX];
	size_t count, bytes;
};

/* What the sorter says of some messages becomes rows, here and on the disk. */
static enum box_result describe(struct sorting *q, struct describing *d)
{
	struct store_sorter_order_reply r = {0};
	struct store_sorter_order m = {.items = d->items, .items_count = d->count};
	struct store_sorter *c = sorter_of(q->job, KIND_SORTER_ACCESS);
	if (c == NULL || store_sorter_order(c, &m, q->batch, &r,
					    sorter_deadline(q->job->store, d->bytes)) != IPC_OK ||
	    r.records_count != d->count)
		return BOX_UNAVAILABLE;
	for (size_t i = 0; i < d->count; i++) {
		struct summary_order check;
		if (!summary_order_read(r.records[i], &check))
			return BOX_UNAVAILABLE;
		d->orders[i].record = r.records[i];
		if (!add_row(q, &d->orders[i]))
			return BOX_UNAVAILABLE;
	}
	struct box_order_keep keep = {
		.mailbox = q->mailbox, .orders = d->orders, .count = d->count};
	/* One that cannot be kept is made again another time. */
	(void)!job_box(q->job, box_order_keep(q->box->box, &keep, box_gate, job_gate(q->job)));
	d->count = d->bytes = 0;
	arena_reset(q->batch);
	return BOX_OK;
}

static enum box_result describe_one(struct sorting *q, struct describing *d, uint32_t uid)
{
	struct box_message m;
	enum box_result r = box_message(q->box->box, KV_VISIBLE, q->mailbox, uid, true, q->batch, &m);
	if (r != BOX_OK)
		return r == BOX_NONE ? BOX_OK : r;
	d->items[d->count] = (struct store_sorter_described){.size = m.body_size, .summary = m.summary};
	d->orders[d->count++] = (struct box_order){.uid = uid, .date = m.date, .size = m.size};
	d->bytes += m.summary.len;
	return d->count == DESCRIBE_MAX || d->bytes > DESCRIBE_BYTES ? describe(q, d) : r;
}

static int by_uid(const void *a, const void *b)
{
	const struct summary_row *x = a, *y = b;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static enum box_result make_missing(struct sorting *q)
{
	struct describing *d = ARENA_NEW(q->arena, struct describing);
	enum box_result r = d != NULL ? BOX_OK : BOX_UNAVAILABLE;
	if (q->missing.count == 0)
		return r;
	for (size_t i = 0; r == BOX_OK && i < q->missing.count; i++) {
		struct box_run run = q->missing.runs[i];
		for (uint64_t uid = run.first; r == BOX_OK && uid <= run.last; uid++) {
			r = describe_one(q, d, (uint32_t)uid);
			if (ipc_call_is_late(q->job->call))
				r = BOX_UNAVAILABLE;
		}
	}
	if (r == BOX_OK && d->count > 0)
		r = describe(q, d);
	qsort(q->rows, q->count, sizeof *q->rows, by_uid);
	return r;
}

/* ---- the order ------------------------------------------------------------------------------- */

static enum box_result put_sorted(struct sorting *q, const struct edge_store_sort *m,
				  struct sort_held *h)
{
	uint32_t *order = summary_sort(q->rows, q->count, m->keys, m->keys_count, q->arena, &q->pause);
	h->uids = order != NULL ? malloc((q->count + 1) * sizeof *h->uids) : NULL;
	if (h->uids == NULL)
		return BOX_UNAVAILABLE;
	for (size_t i = 0; i < q->count; i++)
		h->uids[i] = q->rows[order[i]].uid;
	h->count = q->count;
	return BOX_OK;
}

static enum box_result put_threads(struct sorting *q, const struct edge_store_sort *m,
				   struct sort_held *h)
{
	struct summary_threads t;
	if (!summary_threads(q->rows, q->count, (enum summary_thread_how)(m->threads - 1), q->arena,
			     &q->pause, &t))
		return BOX_UNAVAILABLE;
	h->uids = malloc((t.count + 1) * sizeof *h->uids);
	h->depths = malloc((t.count + 1) * sizeof *h->depths);
	if (h->uids == NULL || h->depths == NULL)
		return BOX_UNAVAILABLE;
	for (size_t i = 0; i < t.count; i++) {
		h->uids[i] = t.at[i].row == SUMMARY_THREAD_NOBODY ? 0 : q->rows[t.at[i].row].uid;
		h->depths[i] = (uint16_t)u64_min(t.at[i].depth, UINT16_MAX);
	}
	h->count = t.count;
	return BOX_OK;
}

/* The UIDs of the request that there are. */
static enum box_result choose(struct sorting *q, const struct edge_store_sort *m,
			      const struct sort_held *sent)
{
	uint32_t after = 0;
	uint64_t size = 0;
	size_t before = sent != NULL ? sent->set_count : 0;
	box_uids_init(&q->wanted, q->arena);
	box_uids_init(&q->missing, q->arena);
	for (size_t i = 0; i < before + m->uids_count; i++) {
		struct edge_store_range r = i < before ? sent->set[i] : m->uids[i - before];
		if (r.first <= after || r.last < r.first)
			return BOX_LIMIT;
		if (!box_uids_add(&q->wanted, r.first, r.last))
			return BOX_UNAVAILABLE;
		after = r.last;
		size += (uint64_t)r.last - r.first + 1;
	}
	if (size > SUMMARY_SORT_MAX)
		return BOX_LIMIT;
	q->cap = (size_t)size;
	q->rows = ARENA_ARRAY(q->arena, q->cap + 1, struct summary_row);
	return q->rows != NULL ? BOX_OK : BOX_UNAVAILABLE;
}

static enum box_result order(struct sorting *q, const struct edge_store_sort *m, struct sort_held *h)
{
	enum box_result r = read_records(q);
	if (r == BOX_OK)
		r = make_missing(q);
	if (r != BOX_OK)
		return r;
	return m->threads != 0 ? put_threads(q, m, h) : put_sorted(q, m, h);
}

static bool keys_ok(const struct edge_store_sort *m)
{
	for (size_t i = 0; i < m->keys_count; i++)
		if ((m->keys[i] & ~SUMMARY_BY_REVERSE) >= SUMMARY_BY_COUNT)
			return false;
	return m->threads <= SUMMARY_THREAD_COUNT;
}

static void wait_turn(struct job *j)
{
	while (j->store->sorting && !ipc_call_is_late(j->call))
		job_sleep(j, ONE_SORT_EACH);
}

static size_t piece(const struct sort_held *h, size_t from)
{
	return size_min(SORT_PIECE, h->count - from);
}

static void answer_first(struct job *j, struct selected *sel, enum box_result r)
{
	struct edge_store_sort_reply rep = {.answer = answer_of(r)};
	struct sort_held *h = sel->held;
	if (r == BOX_OK && h != NULL && h->uids != NULL) {
		rep.count = (uint32_t)h->count;
		rep.uids = h->uids;
		rep.uids_count = piece(h, 0);
		rep.depths = h->depths;
		rep.depths_count = h->depths != NULL ? rep.uids_count : 0;
	}
	edge_store_sort_answer(j->call, &rep);
	if (r != BOX_OK || (h != NULL && h->uids != NULL && h->count <= SORT_PIECE))
		sort_held_free(sel);
}

/* What was found goes to the selected mailbox, if that is still there. */
static enum box_result hand_over(struct sorting *q, struct selected *sel, struct sort_held *fresh)
{
	struct store *s = q->job->store;
	sort_held_free(sel);
	fresh->store = s;
	if (s->sort_held + held_bytes(fresh) > SORT_HELD_MAX)
		return BOX_LIMIT;
	sel->held = malloc(sizeof *fresh);
	if (sel->held == NULL)
		return BOX_UNAVAILABLE;
	*sel->held = *fresh;
	s->sort_held += held_bytes(fresh);
	*fresh = (struct sort_held){0};
	return BOX_OK;
}

static void run_sort(struct job *j)
{
	const struct edge_store_sort *m = j->ask;
	struct store *s = j->store;
	enum edge_store_answer may;
	struct selected *sel = access_selected(j->session, m->mailbox, 0, &may);
	struct sort_held fresh = {0};
	struct sorting q = {.job = j};
	if (sel == NULL || !keys_ok(m)) {
		if (sel != NULL)
			may = EDGE_STORE_ANSWER_NO;
		edge_store_sort_answer(j->call,
				       &(struct edge_store_sort_reply){.answer = may});
		return;
	}
	if (m->more) {
		answer_first(j, sel, keep_set(s, sel, m) ? BOX_OK : BOX_LIMIT);
		return;
	}
	wait_turn(j);
	s->sorting = true;
	q.arena = arena_new(MEMORY_MAX);
	q.batch = arena_new(1u << 20);
	q.pause = (struct summary_pause){.pause = give_way, .arg = &q};
	sel = access_selected(j->session, m->mailbox, 0, &may);
	enum box_result r = q.arena == NULL || q.batch == NULL ? BOX_UNAVAILABLE : BOX_NONE;
	if (r == BOX_NONE && sel != NULL) {
		q.box = box_again(sel->box);
		q.mailbox = sel->mailbox;
		r = choose(&q, m, sel->held);
		if (r == BOX_OK)
			r = order(&q, m, &fresh);
		sel = access_selected(j->session, m->mailbox, 0, &may);
	}
	if (r == BOX_OK && sel != NULL)
		r = hand_over(&q, sel, &fresh);
	s->sorting = false;
	if (sel != NULL)
		answer_first(j, sel, r);
	else
		edge_store_sort_answer(j->call, &(struct edge_store_sort_reply){
							.answer = EDGE_STORE_ANSWER_GONE});
	free(fresh.uids);
	free(fresh.depths);
	arena_free(q.arena);
	arena_free(q.batch);
	box_release(q.box);
}
BOUND_JOB(sort)

static void run_sort_more(struct job *j)
{
	const struct edge_store_sort_more *m = j->ask;
	struct edge_store_sort_more_reply rep = {0};
	struct selected *sel = access_selected(j->session, m->mailbox, 0, &rep.answer);
	struct sort_held *h = sel != NULL ? sel->held : NULL;
	if (sel != NULL)
		rep.answer = EDGE_STORE_ANSWER_NO;
	if (h == NULL || h->uids == NULL || m->from >= h->count) {
		edge_store_sort_more_answer(j->call, &rep);
		return;
	}
	rep.answer = EDGE_STORE_ANSWER_YES;
	rep.uids = h->uids + m->from;
	rep.uids_count = piece(h, m->from);
	rep.depths = h->depths != NULL ? h->depths + m->from : NULL;
	rep.depths_count = h->depths != NULL ? rep.uids_count : 0;
	edge_store_sort_more_answer(j->call, &rep);
	if (m->from + rep.uids_count == h->count)
		sort_held_free(sel);
}
BOUND_NOW(sort_more)

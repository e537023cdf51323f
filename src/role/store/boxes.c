/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/boxes: open boxes by account.
 *
 * One handle an account, shared by everybody who works on it; the last user
 * leaves it open for the next, until STORE_BOXES_IDLE others were used since.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "box/tree.h"
#include "role/store/store.h"

enum edge_store_answer answer_of(enum box_result r)
{
	switch (r) {
	case BOX_OK:
		return EDGE_STORE_ANSWER_YES;
	case BOX_NONE:
		return EDGE_STORE_ANSWER_UNKNOWN;
	case BOX_EXISTS:
		return EDGE_STORE_ANSWER_EXISTS;
	case BOX_CANNOT:
		return EDGE_STORE_ANSWER_CANNOT;
	case BOX_CHILDREN:
		return EDGE_STORE_ANSWER_CHILDREN;
	case BOX_OVERQUOTA:
		return EDGE_STORE_ANSWER_OVER_QUOTA;
	case BOX_LIMIT:
	case BOX_FULL:
		return EDGE_STORE_ANSWER_LIMIT;
	case BOX_TOO_OLD:
		return EDGE_STORE_ANSWER_GONE;
	case BOX_UNAVAILABLE:
	case BOX_CORRUPT:
		break;
	}
	return EDGE_STORE_ANSWER_LATER;
}

static void box_end(struct open_box *b)
{
	map_remove_id(b->store->boxes, b->account);
	list_remove(&b->hinting);
	kv_watch_del(&b->watch);
	box_close(b->box);
	free(b);
}

static void trim(struct store *s)
{
	while (s->idle_box_count > STORE_BOXES_IDLE) {
		struct list *l = list_pop_front(&s->idle_boxes);
		s->idle_box_count--;
		box_end(CONTAINER_OF(l, struct open_box, link));
	}
}

static struct open_box *make(struct store *s, uint64_t account,
			     enum box_result *r)
{
	struct open_box *b = calloc(1, sizeof *b);
	*r = BOX_UNAVAILABLE;
	if (b == NULL)
		return NULL;
	b->store = s;
	b->account = account;
	list_init(&b->watchers);
	b->watch.moved = watch_moved;
	if (map_put_id(s->boxes, account, b))
		*r = box_open(s->kv, account, &b->box);
	if (*r == BOX_OK) {
		b->index_looked = kv_version(box_space(b->box), KV_VISIBLE);
		kv_watch_add(box_space(b->box), &b->watch);
		return b;
	}
	map_remove_id(s->boxes, account);
	free(b);
	return NULL;
}

struct open_box *box_again(struct open_box *b)
{
	if (b->users++ == 0 && list_linked(&b->link)) {
		list_remove(&b->link);
		b->store->idle_box_count--;
	}
	return b;
}

struct open_box *box_hold(struct store *s, uint64_t account, enum box_result *r)
{
	struct open_box *b = map_get_id(s->boxes, account);
	*r = BOX_OK;
	if (b == NULL)
		b = make(s, account, r);
	return b != NULL ? box_again(b) : NULL;
}

void box_release(struct open_box *b)
{
	if (b == NULL)
		return;
	ENSURE(b->users > 0);
	if (--b->users > 0)
		return;
	list_push_back(&b->store->idle_boxes, &b->link);
	b->store->idle_box_count++;
	trim(b->store);
}

static enum box_result set_up(struct job *j, struct open_box *b)
{
	enum box_result r = box_ready(b->box, KV_VISIBLE);
	if (r == BOX_NONE) {
		struct box_tree t = {.verb = BOX_SETUP};
		r = job_box(j, box_tree(b->box, &t, box_gate, job_gate(j)));
	}
	if (r == BOX_OK)
		r = box_find(b->box, KV_VISIBLE, SPAN("INBOX"), &b->inbox);
	b->ready = r == BOX_OK;
	return r;
}

struct open_box *box_prepared(struct job *j, uint64_t account,
			      enum box_result *r)
{
	struct open_box *b = box_hold(j->store, account, r);
	if (b == NULL || b->ready)
		return b;
	*r = set_up(j, b);
	if (*r == BOX_OK)
		return b;
	box_release(b);
	return NULL;
}

void boxes_close(struct store *s)
{
	struct list *l;
	while ((l = list_pop_front(&s->idle_boxes)) != NULL)
		box_end(CONTAINER_OF(l, struct open_box, link));
	s->idle_box_count = 0;
	ENSURE(map_count(s->boxes) == 0);
}

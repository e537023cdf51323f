/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/held: messages that wait.
 *
 * Must never let a session hold more than one insert takes, nor all of them
 * more than the configured sum of staged bytes.
 */
#include "role/store/held.h"

#include <stdlib.h>

#include "base/check.h"
#include "role/store/body.h"
#include "summary/order.h"

#define HELD_SLACK 1024u

static bool copy_spans(struct held *h, const struct box_new *m)
{
	struct span *names = ARENA_ARRAY(h->arena, m->keyword_count + 1, struct span);
	bool ok = names != NULL && arena_copy(h->arena, m->bytes, &h->message.bytes) &&
		  arena_copy(h->arena, m->summary, &h->message.summary);
	for (size_t i = 0; ok && i < m->keyword_count; i++)
		ok = arena_copy(h->arena, m->keywords[i], &names[i]);
	h->message.keywords = names;
	h->message.order = summary_order_of(h->message.summary); /* stands in it */
	return ok;
}

static void held_free(struct session *ss, struct held *h)
{
	ss->store->staged -= h->charged;
	arena_free(h->arena);
	free(h);
}

enum edge_store_answer held_add(struct session *ss, const struct box_new *m)
{
	uint64_t charge = m->bytes.len + m->summary.len + HELD_SLACK +
			  m->keyword_count * (sizeof(struct span) + BOX_KEYWORD_MAX);
	if (ss->held_count + 1 >= BOX_INSERT_MAX ||
	    ss->store->staged + charge > staged_most(ss->store, ss))
		return EDGE_STORE_ANSWER_LIMIT;
	struct held *h = calloc(1, sizeof *h);
	if (h == NULL)
		return EDGE_STORE_ANSWER_LATER;
	h->message = *m;
	h->charged = charge;
	ss->store->staged += charge;
	h->arena = arena_new((size_t)charge);
	if (h->arena == NULL || !copy_spans(h, m)) {
		held_free(ss, h);
		return EDGE_STORE_ANSWER_LATER;
	}
	list_push_back(&ss->held, &h->link);
	ss->held_count++;
	ss->held_bytes += m->body_size;
	return EDGE_STORE_ANSWER_YES;
}

struct box_new *held_all(struct session *ss, struct arena *arena)
{
	struct box_new *all = ARENA_ARRAY(arena, ss->held_count + 1, struct box_new);
	size_t n = 0;
	if (all == NULL)
		return NULL;
	LIST_EACH(&ss->held, l)
		all[n++] = CONTAINER_OF(l, struct held, link)->message;
	return all;
}

void held_drop(struct session *ss)
{
	struct list *l;
	while ((l = list_pop_front(&ss->held)) != NULL)
		held_free(ss, CONTAINER_OF(l, struct held, link));
	ss->held_count = 0;
	ss->held_bytes = 0;
}

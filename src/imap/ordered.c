/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/ordered: what SORT and THREAD have in common: search, ask for the order,
 * and call each message as the client does.
 */
#include "imap/search.h"

/* Positions of members in any order: how many stand before each run. */
struct ranks {
	const struct imap_set *set;
	uint32_t *before;
};

static bool ranks_init(struct ranks *r, const struct imap_set *set, struct arena *arena)
{
	*r = (struct ranks){.set = set, .before = ARENA_ARRAY(arena, set->count + 1, uint32_t)};
	uint32_t sum = 0;
	for (size_t i = 0; r->before != NULL && i < set->count; i++) {
		r->before[i] = sum;
		sum += set->runs[i].last - set->runs[i].first + 1;
	}
	return r->before != NULL;
}

/* 0: no member. */
static uint32_t rank_of(const struct ranks *r, uint32_t n)
{
	size_t from = 0, to = r->set->count;
	while (from < to) {
		size_t at = from + (to - from) / 2;
		if (r->set->runs[at].last < n)
			from = at + 1;
		else
			to = at;
	}
	if (from == r->set->count || n < r->set->runs[from].first)
		return 0;
	return r->before[from] + (n - r->set->runs[from].first) + 1;
}

static enum imap_answer find(struct imap_session *s, const struct imap_query *query,
			     struct imap_numbered *out)
{
	struct imap_set found;
	if (query->count == 1 && query->ops[0].kind == IMAP_Q_ALL) {
		out->uids = s->work->map;
		return IMAP_YES;
	}
	imap_set_init(&found, s->work->arena);
	enum imap_answer r = s->host->search(s->host, s->mailbox, query, &found, &out->modseq);
	if (r == IMAP_YES && !imap_set_and(&found, &s->work->map, &out->uids))
		r = IMAP_UNAVAILABLE;
	return r;
}

static bool number(struct imap_session *s, struct imap_numbered *out)
{
	struct ranks ranks;
	out->numbers = out->order.uids;
	if (s->work->by_uid || out->order.count == 0)
		return true;
	out->numbers = ARENA_ARRAY(s->work->arena, out->order.count, uint32_t);
	if (out->numbers == NULL || !ranks_init(&ranks, &s->work->map, s->work->arena))
		return false;
	for (size_t i = 0; i < out->order.count; i++)
		out->numbers[i] = out->order.uids[i] != 0
					  ? rank_of(&ranks, out->order.uids[i]) : 0;
	return true;
}

bool imap_order_run(struct imap_session *s, const struct imap_query *query,
		    const struct imap_order *how, struct imap_numbered *out)
{
	*out = (struct imap_numbered){0};
	imap_set_init(&out->uids, s->work->arena);
	if (query->modseq)
		imap_condstore_on(s);
	enum imap_answer r = find(s, query, out);
	if (r == IMAP_YES)
		r = s->host->sort(s->host, s->mailbox, how, &out->uids, s->work->arena,
				  &out->order);
	if (r == IMAP_YES && !number(s, out))
		r = IMAP_UNAVAILABLE;
	if (r != IMAP_YES)
		imap_no_answer(s, r);
	return r == IMAP_YES;
}

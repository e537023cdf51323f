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

/* ---- RELEVANCY -------------------------------------------------------------------- */

static enum imap_answer sort_by(struct imap_session *s, const struct imap_order *how, size_t keys,
				bool turned, const struct imap_set *uids, struct imap_ordered *out)
{
	struct imap_order some = *how;
	some.key_count = keys;
	for (size_t i = 0; turned && i < keys; i++)
		some.keys[i] ^= SUMMARY_BY_REVERSE;
	return s->host->sort(s->host, s->mailbox, &some, uids, s->work->arena, out);
}

/* Nearest first, or last, among some that are equal as yet; those of one score stay in order. */
static size_t put_nearest(uint32_t *out, const uint32_t *uids, size_t count, bool reverse,
			  const struct imap_relevancy *scores)
{
	static const unsigned nearest[] = {100, 70, 40};
	size_t n = 0;
	for (size_t k = 0; k < ARRAY_LEN(nearest); k++)
		for (size_t i = 0; i < count; i++)
			if (imap_relevancy_of(scores, uids[i]) ==
			    nearest[reverse ? ARRAY_LEN(nearest) - 1 - k : k])
				out[n++] = uids[i];
	ENSURE(n == count);
	return n;
}

/*
 * Who is equal by the keys in front: in the order of those keys and in their turned order
 * equal messages stand in the same order, so the group that begins the one ends the other.
 */
bool imap_order_nearest(struct imap_session *s, const struct imap_order *how, size_t before,
			bool reverse, const struct imap_relevancy *scores,
			struct imap_numbered *n)
{
	size_t count = n->order.count, at = 0;
	struct imap_ordered there = {0}, back = {0};
	uint32_t *out = ARENA_ARRAY(s->work->arena, count + 1, uint32_t);
	if (out == NULL)
		return false;
	if (before > 0 && count > 0 &&
	    (sort_by(s, how, before, false, &n->uids, &there) != IMAP_YES ||
	     sort_by(s, how, before, true, &n->uids, &back) != IMAP_YES ||
	     there.count != count || back.count != count))
		return false;
	for (size_t end = count; at < count;) {
		size_t from = before > 0 ? end : 1;
		do
			from--;
		while (from > 0 && back.uids[from] != there.uids[at]);
		size_t size = before > 0 ? end - from : count;
		at += put_nearest(out + at, n->order.uids + at, size, reverse, scores);
		end = from;
	}
	n->order.uids = out;
	return number(s, n);
}

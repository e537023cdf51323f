/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box/query: the program is run over three truths: no, yes, and not known
 * yet.  The first run has only the slot; if the answer is not known, the cold
 * row is read and the second run judges with it; the third asks the leaves.  Before
 * all that a page is judged as a whole: one that cannot hold a match is not read.  So
 * a cheap key that decides keeps the dear ones from being asked.
 */
#include "box/query.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "box/inner.h"

#define COST_PAGE 16u
#define COST_ROW  1u
#define COST_LEAF 4u
#define PAGES_AT_ONCE 4u
#define BLOCK	      16u /* UIDs that are ruled out together */

enum truth { NO, YES, OPEN };

enum depth { RANGE, SLOT, ROW, LEAF };

struct judged {
	const struct box_query *query;
	uint32_t first, last; /* of a range that is judged as a whole */
	const struct box_slot *slot;
	const struct box_message *message; /* from ROW on */
	enum depth depth;
	size_t cost;
	enum box_result result;
};

enum box_result box_query_check(const struct box_query *q)
{
	size_t depth = 0;
	if (q->count == 0 || q->count > BOX_QUERY_OPS)
		return BOX_LIMIT;
	for (size_t i = 0; i < q->count; i++) {
		switch (q->ops[i].kind) {
		case BOX_Q_NOT:
			if (depth < 1)
				return BOX_LIMIT;
			break;
		case BOX_Q_AND:
		case BOX_Q_OR:
			if (depth < 2)
				return BOX_LIMIT;
			depth--;
			break;
		case BOX_Q_LEAF:
			if (!q->leaf)
				return BOX_LIMIT;
			/* fall through */
		default:
			if (++depth > BOX_QUERY_DEPTH)
				return BOX_LIMIT;
		}
	}
	return depth == 1 ? BOX_OK : BOX_LIMIT;
}

static enum truth truth_of(bool b) { return b ? YES : NO; }

static enum truth of_slot(const struct box_slot *s,
			  const struct box_query_op *op)
{
	switch (op->kind) {
	case BOX_Q_ALL:
		return YES;
	case BOX_Q_NOTHING:
		return NO;
	case BOX_Q_FLAGS:
		return truth_of((s->flags & op->number) == op->number);
	case BOX_Q_KEYWORDS:
		return truth_of((s->keywords & op->number) == op->number);
	case BOX_Q_UIDS:
		return truth_of(box_uids_has(op->uids, s->uid));
	case BOX_Q_MODSEQ:
		return truth_of(s->modseq >= op->number);
	case BOX_Q_LEAF:
		if (s->uid > op->known || box_uids_has(op->may, s->uid))
			return OPEN;
		return truth_of(box_uids_has(op->uids, s->uid));
	default:
		return OPEN;
	}
}

/* Of all UIDs of a range: NO, or not known. */
static enum truth of_range(uint32_t first, uint32_t last, const struct box_query_op *op)
{
	bool may = true;
	if (op->kind == BOX_Q_UIDS)
		may = box_uids_any(op->uids, first, last);
	if (op->kind == BOX_Q_LEAF)
		may = last > op->known || box_uids_any(op->uids, first, last) ||
		      box_uids_any(op->may, first, last);
	if (op->kind == BOX_Q_NOTHING)
		may = false;
	return may ? OPEN : NO;
}

static enum truth of_row(const struct box_message *m,
			 const struct box_query_op *op)
{
	switch (op->kind) {
	case BOX_Q_BEFORE:
		return truth_of(m->date < (int64_t)op->number);
	case BOX_Q_SINCE:
		return truth_of(m->date >= (int64_t)op->number);
	case BOX_Q_SAVED_BEFORE:
		return truth_of(m->saved < (int64_t)op->number);
	case BOX_Q_SAVED_SINCE:
		return truth_of(m->saved >= (int64_t)op->number);
	case BOX_Q_LARGER:
		return truth_of(m->size > op->number);
	case BOX_Q_SMALLER:
		return truth_of(m->size < op->number);
	case BOX_Q_EMAIL:
		return truth_of(kv_id_eq(&m->email, &op->id));
	default:
		return OPEN;
	}
}

static enum truth of_leaf(struct judged *j, const struct box_query_op *op)
{
	bool truth = false;
	if (j->result != BOX_OK)
		return NO;
	j->cost += COST_LEAF;
	j->result = j->query->leaf(j->query->arg, j->message, op->number,
				   &truth);
	return truth_of(truth);
}

static enum truth judge_key(struct judged *j, const struct box_query_op *op)
{
	if (j->depth == RANGE)
		return of_range(j->first, j->last, op);
	enum truth t = of_slot(j->slot, op);
	if (t == OPEN && j->depth >= ROW)
		t = of_row(j->message, op);
	if (t == OPEN && j->depth == LEAF)
		t = of_leaf(j, op);
	return t;
}

static enum truth both(enum truth a, enum truth b)
{
	return a == NO || b == NO ? NO : a == YES && b == YES ? YES : OPEN;
}

static enum truth either(enum truth a, enum truth b)
{
	return a == YES || b == YES ? YES : a == NO && b == NO ? NO : OPEN;
}

static enum truth judge(struct judged *j)
{
	enum truth stack[BOX_QUERY_DEPTH];
	size_t n = 0;
	for (size_t i = 0; i < j->query->count; i++) {
		const struct box_query_op *op = &j->query->ops[i];
		switch (op->kind) {
		case BOX_Q_NOT:
			if (stack[n - 1] != OPEN)
				stack[n - 1] = stack[n - 1] == YES ? NO : YES;
			break;
		case BOX_Q_AND:
			n--;
			stack[n - 1] = both(stack[n - 1], stack[n]);
			break;
		case BOX_Q_OR:
			n--;
			stack[n - 1] = either(stack[n - 1], stack[n]);
			break;
		default:
			ENSURE(n < BOX_QUERY_DEPTH);
			stack[n++] = judge_key(j, op);
		}
	}
	ENSURE(n == 1);
	return stack[0];
}

static enum box_result judge_message(struct box *b, enum kv_view view,
				     uint32_t mailbox, struct judged *j,
				     struct arena *a, bool *match)
{
	struct box_message m;
	j->depth = SLOT;
	enum truth t = judge(j);
	if (t == OPEN) {
		j->cost += COST_ROW;
		enum box_result r = box_message(b, view, mailbox, j->slot->uid,
						j->query->leaf != NULL, a, &m);
		if (r != BOX_OK) {
			*match = false;
			return r == BOX_NONE ? BOX_OK : r;
		}
		j->message = &m;
		j->depth = ROW;
		t = judge(j);
	}
	if (t == OPEN) {
		j->depth = LEAF;
		t = judge(j);
	}
	*match = t == YES;
	return j->result;
}

/* Can none from `from` to the end of its block match? */
static bool range_is_no(struct judged *j, uint32_t from, uint32_t block)
{
	j->depth = RANGE;
	j->first = from;
	j->last = from | (block - 1);
	return judge(j) == NO;
}

/* The first page from `from` on that may hold a match; 0: none has. */
static uint32_t worth(struct judged *j, uint32_t from, uint32_t end, size_t budget)
{
	while (from != 0 && from < end && j->cost < budget) {
		if (!range_is_no(j, from, BOX_PAGE))
			return from;
		j->cost++;
		from = j->last + 1;
	}
	return from < end ? from : 0;
}

/* The slots that were read, as far as the budget goes. */
static bool is_full(const struct judged *j, const struct box_uids *out)
{
	return j->query->most > 0 && out->count >= j->query->most;
}

static enum box_result judge_slots(struct box *b, enum kv_view view, uint32_t mailbox,
				   struct judged *j, const struct box_slot *slots, size_t n,
				   size_t budget, struct arena *a, struct box_uids *out,
				   uint64_t *highest, uint32_t *next)
{
	enum box_result r = BOX_OK;
	uint32_t block_end = 0; /* up to here `is_no` is known */
	bool is_no = false;
	for (size_t i = 0; r == BOX_OK && i < n; i++) {
		bool match;
		if (slots[i].uid > block_end) {
			is_no = range_is_no(j, slots[i].uid, BLOCK);
			block_end = j->last;
		}
		if (is_no)
			continue;
		j->slot = &slots[i];
		arena_reset(a);
		r = judge_message(b, view, mailbox, j, a, &match);
		if (r == BOX_OK && match) {
			if (slots[i].modseq > *highest)
				*highest = slots[i].modseq;
			if (!box_uids_add(out, slots[i].uid, slots[i].uid))
				r = BOX_UNAVAILABLE;
		}
		if ((j->cost >= budget || is_full(j, out)) && i + 1 < n) {
			*next = slots[i + 1].uid;
			break;
		}
	}
	return r;
}

enum box_result box_query_run(struct box *b, enum kv_view view,
			      uint32_t mailbox, const struct box_query *query,
			      uint32_t from, size_t budget,
			      struct box_uids *out, uint64_t *highest,
			      uint32_t *next)
{
	struct judged j = {.query = query};
	struct box_status now;
	size_t n, pages = 1; /* most runs end soon; the others read on in larger steps */
	enum box_result r = box_query_check(query);
	if (r == BOX_OK)
		r = box_status(b, view, mailbox, &now);
	if (r != BOX_OK)
		return r;
	/* One message's spans; the bounds are those of a row and its summary. */
	struct arena *a = arena_new(BOX_PREFIX_MAX + BOX_SUMMARY_MAX + 1024);
	struct box_slot *slots = calloc(PAGES_AT_ONCE * BOX_PAGE, sizeof *slots);
	if (!a || !slots)
		r = BOX_UNAVAILABLE;
	*next = from;
	while (r == BOX_OK && *next && j.cost < budget && !is_full(&j, out)) {
		*next = worth(&j, *next, now.uid_next, budget);
		if (*next == 0 || j.cost >= budget)
			break;
		r = box_slots(b, view, mailbox, *next, 0, slots, pages * BOX_PAGE, &n,
			      next);
		j.cost += COST_PAGE * pages;
		if (r == BOX_OK)
			r = judge_slots(b, view, mailbox, &j, slots, n, budget, a, out,
					highest, next);
		pages = PAGES_AT_ONCE;
	}
	free(slots);
	arena_free(a);
	return r;
}

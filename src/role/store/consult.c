/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/consult: see consult.h.
 *
 * Must never rule out a message that the index does not cover, nor one of which a
 * row could not be read: then it says nothing, and every message is looked at.
 */
#include "role/store/consult.h"

#include "base/check.h"
#include "index/ask.h"
#include "role/store/index.h"

#define CATCH_UP_NS (20 * NS_PER_SEC)
#define TRIES	    3u /* segments may merge while they are read */

static void forget(struct consulted *c, size_t n, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		box_uids_init(&c[i].sure, a);
		box_uids_init(&c[i].may, a);
	}
}

/* The answers of the segment asked last, behind those before it. */
static bool take(const struct index_ask *ask, uint32_t docs, struct consulted *c, size_t n)
{
	const uint32_t *uids = index_ask_uids(ask);
	for (size_t i = 0; i < n; i++)
		for (uint32_t d = 0; d < docs; d++) {
			enum index_said said = index_ask_said(ask, i, d);
			if (said == INDEX_NO)
				continue;
			bool sure = said == INDEX_SURE && !c[i].only_may;
			if (!box_uids_add(sure ? &c[i].sure : &c[i].may, uids[d], uids[d]))
				return false;
		}
	return true;
}

static enum index_result ask_all(struct index_box *x, struct consulted *c, size_t n)
{
	enum index_result r = INDEX_OK;
	struct index_ask *ask = index_ask_new();
	if (ask == NULL)
		return INDEX_MEMORY;
	for (size_t i = 0; i < n && r == INDEX_OK; i++)
		if (!index_ask_leaf(ask, c[i].fields, c[i].needle))
			r = INDEX_MEMORY;
	for (size_t i = 0; i < x->shelf.count && r == INDEX_OK; i++) {
		const struct index_segment *s = &x->shelf.segment[i];
		r = index_ask_run(ask, s, &x->rows);
		if (r == INDEX_OK && !take(ask, s->docs, c, n))
			r = INDEX_MEMORY;
	}
	index_ask_free(ask);
	return r;
}

/* Something is missing or wrong: is it the shelf of a moment ago, or damage? */
static enum index_result again(struct index_box *x)
{
	uint32_t was = x->shelf.next_id;
	if (x->is_short || index_box_load(x) != BOX_OK)
		return INDEX_MEMORY;
	if (x->shelf.next_id != was)
		return INDEX_OK;
	LOG(x->job->store->role->log, WARNING, "index.damaged", 0,
	    F_U64("account", x->box->account), F_U64("mailbox", x->mailbox));
	if (!x->box->index_busy)
		index_box_drop(x);
	indexing_kick(x->box);
	return INDEX_DAMAGED;
}

/* Subjects are quickly read from summaries: they do not wait for the others' sake. */
static bool waits(const struct consulted *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].fields != 1u << TERM_SUBJECT)
			return true;
	return false;
}

static bool is_behind(const struct index_box *x)
{
	struct box_status now;
	return box_status(x->box->box, KV_VISIBLE, x->mailbox, &now) == BOX_OK &&
	       now.uid_next - 1 >= x->shelf.covered + (uint64_t)INDEX_LEAST;
}

uint32_t index_consult(struct job *j, struct open_box *b, uint32_t mailbox,
		       struct consulted *c, size_t n, struct arena *a)
{
	struct index_box *x = index_box_new(j, b, mailbox);
	enum index_result r = INDEX_MEMORY;
	uint64_t until = world_now(j->store->role->world) + CATCH_UP_NS;
	if (x == NULL)
		return 0;
	enum box_result loaded = index_box_load(x);
	if ((loaded == BOX_OK || loaded == BOX_NONE) && is_behind(x)) {
		if (waits(c, n))
			(void)index_box_catch_up(x, until);
		loaded = index_box_load(x);
		if (is_behind(x))
			indexing_kick(b);
	}
	for (unsigned i = 0; loaded == BOX_OK && r != INDEX_OK && i < TRIES; i++) {
		forget(c, n, a);
		r = ask_all(x, c, n);
		if (r != INDEX_OK && (r != INDEX_DAMAGED || again(x) != INDEX_OK))
			break;
	}
	uint32_t known = r == INDEX_OK ? x->shelf.covered : 0;
	index_box_free(x);
	return known;
}

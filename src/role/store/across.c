/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/across: COPY and MOVE between two accounts.
 *
 * A commit changes one account, so a chunk is put into the target first, and what moves
 * leaves the source afterwards: an end in between leaves a copy too many, never too few.
 * The copies name the same bodies; while a chunk is on its way, and until the round of the
 * sweep that could have missed it is over, those are spared.
 *
 * Must never take from the source what is not durable in the target.
 */
#include "box/change.h"
#include "role/store/access.h"
#include "summary/order.h"

#define CHUNK 32u /* messages of one commit */

struct part {
	struct across *a;
	struct arena *arena; /* of one chunk */
	uint32_t end; /* UIDs from here on came while it ran */
	size_t most;  /* pairs */
	struct box_new news[CHUNK];
	uint32_t uids[CHUNK];
	size_t count;
	struct span names[BOX_KEYWORDS_MAX]; /* the source's keywords */
	size_t name_count;
};

static bool put_keywords(struct part *p, const struct box_slot *slot, struct box_new *n)
{
	struct span *out = ARENA_ARRAY(p->arena, BOX_KEYWORDS_MAX, struct span);
	if (out == NULL)
		return false;
	n->keywords = out;
	for (size_t i = 0; i < p->name_count; i++)
		if ((slot->keywords >> i & 1) != 0 && p->names[i].len > 0)
			out[n->keyword_count++] = p->names[i];
	return true;
}

static enum box_result put_one(struct job *j, struct part *p, const struct box_slot *slot)
{
	struct across *a = p->a;
	struct box_message m;
	struct box_new *n = &p->news[p->count];
	enum box_result r = box_message(a->from->box, KV_VISIBLE, a->mailbox, slot->uid,
					true, p->arena, &m);
	if (r != BOX_OK)
		return r == BOX_NONE ? BOX_OK : r; /* expunged meanwhile */
	*n = (struct box_new){.mailbox = a->into,
			      .prefix = m.prefix,
			      .body = m.body,
			      .kept = true,
			      .body_size = m.body_size,
			      .body_crc = m.body_crc,
			      .email = m.email,
			      .date = m.date,
			      .flags = slot->flags & ~access_locked(a->rights),
			      .summary = m.summary,
			      .order = summary_order_of(m.summary)};
	if ((a->rights & ACL_W) != 0 && !put_keywords(p, slot, n))
		return BOX_UNAVAILABLE;
	if (!sweep_spare(j->store, &m.body))
		return BOX_UNAVAILABLE;
	p->uids[p->count++] = slot->uid;
	return BOX_OK;
}

/* The first member of the set from `from` on; 0: there is none. */
static uint32_t member(const struct part *p, uint32_t from)
{
	const struct box_uids *u = p->a->uids;
	for (size_t i = 0; from != 0 && i < u->count; i++) {
		if (u->runs[i].last < from)
			continue;
		from = from < u->runs[i].first ? u->runs[i].first : from;
		return from < p->end ? from : 0;
	}
	return 0;
}

/* The next messages of the set from *from on; 0: that was all. */
static enum box_result gather(struct job *j, struct part *p, uint32_t *from)
{
	struct across *a = p->a;
	enum box_result r = BOX_OK;
	p->count = 0;
	arena_reset(p->arena);
	while (r == BOX_OK && (*from = member(p, *from)) != 0 && p->count < CHUNK) {
		struct box_slot slots[CHUNK];
		size_t count = 0, i = 0;
		uint32_t next = 0;
		r = box_slots(a->from->box, KV_VISIBLE, a->mailbox, *from, 0, slots,
			      CHUNK, &count, &next);
		for (; r == BOX_OK && i < count && p->count < CHUNK; i++)
			if (box_uids_has(a->uids, slots[i].uid))
				r = put_one(j, p, &slots[i]);
		*from = i < count ? slots[i].uid : next;
	}
	return r;
}

static enum box_result insert(struct job *j, struct part *p)
{
	const struct directory_account *owner =
		directory_account(j->store->directory, p->a->to->account);
	if (owner == NULL)
		return BOX_NONE;
	struct box_insert in = {.messages = p->news,
				.count = p->count,
				.quota_bytes = quota_of(j->store, owner),
				.quota_messages = owner->quota_messages};
	return job_box(j, box_insert(p->a->to->box, &in, box_gate, job_gate(j)));
}

static enum box_result take_away(struct job *j, struct part *p)
{
	struct box_uids uids;
	struct box_change c = {.mailbox = p->a->mailbox,
			       .uids = &uids,
			       .arena = p->arena,
			       .keep = keeps_deleted(j->store)};
	box_uids_init(&uids, p->arena);
	for (size_t i = 0; i < p->count; i++)
		if (!box_uids_add(&uids, p->uids[i], p->uids[i]))
			return BOX_UNAVAILABLE;
	return job_box(j, box_expunge(p->a->from->box, &c, box_gate, job_gate(j)));
}

static enum box_result carry(struct job *j, struct part *p)
{
	struct across *a = p->a;
	uint32_t from = 1;
	enum box_result r = BOX_OK;
	while (r == BOX_OK && from != 0) {
		r = gather(j, p, &from);
		if (r != BOX_OK || p->count == 0)
			continue;
		r = p->count <= p->most - a->pairs ? insert(j, p) : BOX_UNAVAILABLE;
		for (size_t i = 0; r == BOX_OK && i < p->count; i++, a->pairs++) {
			a->source[a->pairs] = p->uids[i];
			a->target[a->pairs] = p->news[i].uid;
			a->uid_validity = p->news[i].uid_validity;
		}
		if (r == BOX_OK && a->move)
			r = take_away(j, p);
	}
	return r;
}

enum box_result access_copy(struct job *j, struct across *a)
{
	struct part *p = ARENA_NEW(j->arena, struct part);
	struct box_status st;
	enum box_result r =
		box_status(a->from->box, KV_VISIBLE, a->mailbox, &st);
	if (r != BOX_OK)
		return r;
	/* What comes while it runs is not in the set. */
	size_t most = (size_t)st.messages + CHUNK;
	a->source = ARENA_ARRAY(j->arena, most, uint32_t);
	a->target = ARENA_ARRAY(j->arena, most, uint32_t);
	if (p == NULL || a->source == NULL || a->target == NULL)
		return BOX_UNAVAILABLE;
	*p = (struct part){.a = a,
			   .arena = arena_new(STORE_JOB_MEMORY),
			   .end = st.uid_next,
			   .most = most};
	r = p->arena != NULL ? BOX_OK : BOX_UNAVAILABLE;
	if (r == BOX_OK)
		r = box_keywords(a->from->box, KV_VISIBLE, a->mailbox, j->arena,
				 p->names, &p->name_count);
	sweep_copying(j->store, true);
	if (r == BOX_OK)
		r = carry(j, p);
	sweep_copying(j->store, false);
	arena_free(p->arena);
	return r;
}

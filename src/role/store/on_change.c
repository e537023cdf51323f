/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_change: flags, expunge, copy, move, keywords.
 *
 * Yes comes after the last of the commits is durable.  A set that fails half
 * way keeps what was done; the answer then says that it failed.
 */
#include "box/change.h"

#include "base/check.h"
#include "role/store/access.h"

#define RANGES_MAX 4096u
#define PAIRS_MAX  4000u /* both lists have to fit a frame */

/* What a change works on, held while it waits. */
struct place {
	struct open_box *box;
	uint32_t mailbox;
};

static bool place_of(struct job *j, uint64_t handle, uint32_t need, struct place *p,
		     enum edge_store_answer *a)
{
	struct selected *sel = access_selected(j->session, handle, need, a);
	if (sel == NULL)
		return false;
	*a = EDGE_STORE_ANSWER_NO;
	if (sel->read_only)
		return false;
	*p = (struct place){.box = box_again(sel->box),
			    .mailbox = sel->mailbox};
	return true;
}

static enum edge_store_answer of_mailbox(enum box_result r)
{
	return r == BOX_NONE ? EDGE_STORE_ANSWER_GONE : answer_of(r);
}

/* Ranges of a request as runs: edge is held to ascending ones. */
static bool uids_of(struct job *j, const struct edge_store_range *in,
		    size_t count, struct box_uids *out)
{
	uint32_t after = 0;
	box_uids_init(out, j->arena);
	for (size_t i = 0; i < count; i++) {
		if (in[i].first <= after || in[i].last < in[i].first ||
		    !box_uids_add(out, in[i].first, in[i].last))
			return false;
		after = in[i].last;
	}
	return true;
}

static size_t put_runs(const struct box_uids *in, struct edge_store_range *out)
{
	size_t n = size_min(in->count, RANGES_MAX);
	for (size_t i = 0; i < n; i++)
		out[i] = (struct edge_store_range){.first = in->runs[i].first,
						   .last = in->runs[i].last};
	return n;
}

/* ---- flags ------------------------------------------------------------------ */

/* Flags that rights do not let be changed stay; *may: some are left. */
static enum box_result lock_flags(struct job *j, const struct place *p,
				  struct box_change *c, bool *may)
{
	uint32_t rights;
	enum box_result r = access_rights(j->session, p->box, p->mailbox, &rights);
	if (r != BOX_OK)
		return r;
	uint32_t asked = c->how == BOX_SET ? BOX_FLAGS : c->flags;
	c->locked_flags = access_locked(rights);
	c->locked_keywords = (rights & ACL_W) == 0;
	*may = (asked & ~c->locked_flags) != 0 ||
	       (c->keywords != 0 ? !c->locked_keywords : asked == 0);
	return BOX_OK;
}

static enum box_result change_flags(struct job *j, const struct place *p, bool *may,
				    struct edge_store_store_flags_reply *rep)
{
	const struct edge_store_store_flags *m = j->ask;
	struct box_uids uids;
	struct box_change *c = ARENA_NEW(j->arena, struct box_change);
	struct edge_store_range *out =
		ARENA_ARRAY(j->arena, RANGES_MAX, struct edge_store_range);
	if (c == NULL || out == NULL)
		return BOX_UNAVAILABLE;
	if (m->how > BOX_REMOVE || (m->flags & ~BOX_FLAGS) != 0 ||
	    !uids_of(j, m->uids, m->uids_count, &uids))
		return BOX_CANNOT;
	*c = (struct box_change){.mailbox = p->mailbox,
				 .uids = &uids,
				 .arena = j->arena,
				 .how = (enum box_how)m->how,
				 .flags = m->flags,
				 .keywords = m->keywords,
				 .unchanged_since = m->unchanged_since};
	enum box_result r = lock_flags(j, p, c, may);
	if (r != BOX_OK || !*may)
		return r;
	r = job_box(
		j, box_store(p->box->box, c, box_gate, job_gate(j)));
	rep->before = c->before;
	rep->after = c->after;
	rep->modified = out;
	if (r == BOX_OK)
		rep->modified_count = put_runs(&c->modified, out);
	return r;
}

static void run_store_flags(struct job *j)
{
	const struct edge_store_store_flags *m = j->ask;
	struct edge_store_store_flags_reply rep = {0};
	struct place p = {0};
	bool may = true;
	if (place_of(j, m->mailbox, 0, &p, &rep.answer))
		rep.answer = of_mailbox(change_flags(j, &p, &may, &rep));
	if (!may)
		rep.answer = EDGE_STORE_ANSWER_NO;
	edge_store_store_flags_answer(j->call, &rep);
	box_release(p.box);
}
BOUND_JOB(store_flags)

/* ---- expunge ------------------------------------------------------------------ */

static enum box_result expunge(struct job *j, const struct place *p)
{
	const struct edge_store_expunge *m = j->ask;
	struct box_uids uids;
	struct box_change *c = ARENA_NEW(j->arena, struct box_change);
	if (c == NULL)
		return BOX_UNAVAILABLE;
	box_uids_init(&uids, j->arena);
	if (m->all && m->force)
		return BOX_CANNOT; /* a whole mailbox goes by its name */
	if (m->all ? !box_uids_add(&uids, 1, UINT32_MAX - 1)
		   : !uids_of(j, m->uids, m->uids_count, &uids))
		return BOX_CANNOT;
	*c = (struct box_change){.mailbox = p->mailbox,
				 .uids = &uids,
				 .arena = j->arena,
				 .deleted_only = !m->force,
				 .keep = keeps_deleted(j->store)};
	return job_box(j, box_expunge(p->box->box, c, box_gate, job_gate(j)));
}

static void run_expunge(struct job *j)
{
	const struct edge_store_expunge *m = j->ask;
	struct edge_store_expunge_reply rep = {0};
	struct place p = {0};
	/* POP3 alone, whose session is the owner's, takes messages by force. */
	if (place_of(j, m->mailbox, ACL_E | (m->force ? ACL_T : 0), &p,
		     &rep.answer))
		rep.answer = of_mailbox(expunge(j, &p));
	edge_store_expunge_answer(j->call, &rep);
	box_release(p.box);
}
BOUND_JOB(expunge)

/* ---- copy and move --------------------------------------------------------------- */

/* Pairs as ranges of the same lengths on both sides. */
static bool put_pairs(const uint32_t *from, const uint32_t *into, size_t pairs,
		      struct edge_store_copy_reply *rep,
		      struct edge_store_range *source,
		      struct edge_store_range *target)
{
	size_t n = 0;
	for (size_t i = 0; i < pairs; i++) {
		if (n > 0 && source[n - 1].last + 1 == from[i] &&
		    target[n - 1].last + 1 == into[i]) {
			source[n - 1].last++;
			target[n - 1].last++;
			continue;
		}
		if (n == PAIRS_MAX)
			return false;
		source[n] = (struct edge_store_range){from[i], from[i]};
		target[n++] = (struct edge_store_range){into[i], into[i]};
	}
	rep->source = source;
	rep->target = target;
	rep->source_count = rep->target_count = n;
	return true;
}

/* Within one account: what has to be told stands in c. */
static enum box_result copy_here(struct job *j, const struct place *p,
				 const struct reached *to, const struct box_uids *uids,
				 struct across *c)
{
	const struct edge_store_copy *m = j->ask;
	const struct directory_account *a =
		directory_account(j->store->directory, p->box->account);
	struct box_change *q = ARENA_NEW(j->arena, struct box_change);
	if (q == NULL || a == NULL)
		return BOX_UNAVAILABLE;
	*q = (struct box_change){.mailbox = p->mailbox,
				 .uids = uids,
				 .arena = j->arena,
				 .locked_flags = access_locked(to->rights),
				 .locked_keywords = (to->rights & ACL_W) == 0,
				 .to = to->mailbox,
				 .quota_bytes = quota_of(j->store, a),
				 .quota_messages = a->quota_messages};
	enum box_result r = job_box(
		j, m->move ? box_move(p->box->box, q, box_gate, job_gate(j))
			   : box_copy(p->box->box, q, box_gate, job_gate(j)));
	c->source = q->from;
	c->target = q->into;
	c->pairs = q->pairs;
	c->uid_validity = q->uid_validity;
	return r;
}

static enum box_result copy(struct job *j, const struct place *p, const struct reached *to,
			    struct edge_store_copy_reply *rep)
{
	const struct edge_store_copy *m = j->ask;
	struct box_uids uids;
	struct edge_store_range *ranges =
		ARENA_ARRAY(j->arena, 2 * PAIRS_MAX, struct edge_store_range);
	struct across c = {.from = p->box,
			   .to = to->box,
			   .mailbox = p->mailbox,
			   .into = to->mailbox,
			   .rights = to->rights,
			   .uids = &uids,
			   .move = m->move};
	if (ranges == NULL)
		return BOX_UNAVAILABLE;
	if (!uids_of(j, m->uids, m->uids_count, &uids))
		return BOX_CANNOT;
	enum box_result r = p->box == to->box ? copy_here(j, p, to, &uids, &c)
					      : access_copy(j, &c);
	rep->uid_validity = c.uid_validity;
	/* Too scattered to be told of: it was done all the same. */
	if (r == BOX_OK &&
	    !put_pairs(c.source, c.target, c.pairs, rep, ranges, ranges + PAIRS_MAX))
		rep->source_count = rep->target_count = 0;
	return r;
}

static void run_copy(struct job *j)
{
	const struct edge_store_copy *m = j->ask;
	struct edge_store_copy_reply rep = {0};
	struct selected *sel =
		access_selected(j->session, m->mailbox,
				m->move ? ACL_T | ACL_E : 0, &rep.answer);
	struct place p = {0};
	struct reached to = {0};
	if (sel != NULL) {
		rep.answer = EDGE_STORE_ANSWER_NO;
		p = (struct place){.box = box_again(sel->box),
				   .mailbox = sel->mailbox};
	}
	if (sel != NULL && (!m->move || !sel->read_only)) {
		rep.answer = access_reach(j, m->to, ACL_I, &to);
		if (rep.answer == EDGE_STORE_ANSWER_YES)
			rep.answer = of_mailbox(copy(j, &p, &to, &rep));
	}
	edge_store_copy_answer(j->call, &rep);
	box_release(to.box);
	box_release(p.box);
}
BOUND_JOB(copy)

/* ---- keywords ------------------------------------------------------------------------ */

static void run_keyword_add(struct job *j)
{
	const struct edge_store_keyword_add *m = j->ask;
	struct edge_store_keyword_add_reply rep = {0};
	struct place p = {0};
	struct box_keyword k = {.name = m->name};
	if (place_of(j, m->mailbox, ACL_W, &p, &rep.answer)) {
		k.mailbox = p.mailbox;
		rep.answer = of_mailbox(job_box(
			j, box_keyword_add(p.box->box, &k, box_gate,
					   job_gate(j))));
		rep.bit = (uint8_t)k.bit;
	}
	edge_store_keyword_add_answer(j->call, &rep);
	box_release(p.box);
}
BOUND_JOB(keyword_add)

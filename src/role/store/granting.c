/* SPDX-License-Identifier: Apache-2.0 */
/* role/store/granting: grants by name, and the list of those who granted something. */
#include "role/store/granting.h"

#include "role/store/access.h"

#define TURN_NS (5 * NS_PER_MS)

bool granting_who(const struct store *s, uint64_t owner, struct span word,
		  uint64_t *account)
{
	*account = BOX_ANYONE;
	if (span_eq(word, GRANTING_ANYONE))
		return access_sharing(s, owner) == SHARING_SHARED;
	const struct directory_account *a = directory_account_named(s->directory, word);
	if (a == NULL || a->id == owner || access_sharing(s, owner) == SHARING_NOT)
		return false;
	*account = a->id;
	return true;
}

enum box_result granting_read(const struct store *s, struct open_box *b,
			      uint32_t mailbox, struct grants *out)
{
	struct box_grants g;
	const struct directory_account *a = directory_account(s->directory, b->account);
	enum box_result r = box_grants(b->box, KV_VISIBLE, mailbox, &g);
	out->count = 0;
	if (r != BOX_OK || a == NULL)
		return r != BOX_OK ? r : BOX_NONE;
	out->of[out->count++] = (struct granted){a->name, ACL_ALL, 0};
	for (size_t i = 0; i < g.count; i++) {
		struct span who = GRANTING_ANYONE;
		if (g.of[i].account != BOX_ANYONE) {
			a = directory_account(s->directory, g.of[i].account);
			if (a == NULL || a->state == DIRECTORY_REMOVED)
				continue;
			who = a->name;
		}
		out->of[out->count++] = (struct granted){who, g.of[i].rights,
							 g.of[i].refused};
	}
	return BOX_OK;
}

/* ---- changing ------------------------------------------------------------------ */

static enum box_result change(struct job *j, struct open_box *b, struct box_granting *q)
{
	return job_box(j, box_granting(b->box, q, box_gate, job_gate(j)));
}

/* What nobody has any more makes room: an account is never the same again. */
static enum box_result forget_gone(struct job *j, const struct granting *w)
{
	struct box_grants *g = ARENA_NEW(j->arena, struct box_grants);
	if (g == NULL)
		return BOX_UNAVAILABLE;
	enum box_result r = box_grants(w->box->box, KV_VISIBLE, w->mailbox, g);
	for (size_t i = 0; r == BOX_OK && g->count == BOX_GRANTS_MAX && i < g->count;
	     i++) {
		struct box_granting q = {.verb = BOX_GRANT,
					 .mailbox = w->mailbox,
					 .account = g->of[i].account};
		if (q.account == BOX_ANYONE ||
		    directory_account(j->store->directory, q.account) != NULL)
			continue;
		r = change(j, w->box, &q);
		q.refuse = true;
		if (r == BOX_OK)
			r = change(j, w->box, &q);
	}
	return r;
}

static enum box_result has_grant(void *arg, uint32_t mailbox, const struct box_grants *g)
{
	const struct box_granting *q = arg;
	(void)mailbox;
	for (size_t i = 0; i < g->count; i++)
		if (g->of[i].account == q->account && g->of[i].rights != 0)
			return BOX_EXISTS;
	return BOX_OK;
}

/* The one who got it learns where to look, or no longer does. */
static enum box_result tell(struct job *j, const struct granting *w,
			    enum box_grant_verb verb)
{
	enum box_result r;
	struct box_granting q = {.verb = verb, .account = w->box->account};
	struct open_box *theirs = box_prepared(j, w->account, &r);
	if (theirs == NULL)
		return r;
	r = change(j, theirs, &q);
	box_release(theirs);
	return r;
}

static enum box_result change_both(struct job *j, const struct granting *w)
{
	struct box_granting q = {.verb = BOX_GRANT,
				 .mailbox = w->mailbox,
				 .account = w->account,
				 .how = w->how,
				 .rights = w->rights,
				 .refuse = w->refuse};
	bool gives = w->how != BOX_REMOVE && w->rights != 0 && !w->refuse;
	bool takes = !gives && !w->refuse;
	enum box_result r = BOX_OK;
	if (gives)
		r = forget_gone(j, w);
	if (r == BOX_OK && gives && w->account != BOX_ANYONE)
		r = tell(j, w, BOX_GIVER);
	if (r == BOX_OK)
		r = change(j, w->box, &q);
	if (r != BOX_OK || !takes || w->account == BOX_ANYONE)
		return r;
	/* It is only a place to look at: that it stays is no harm. */
	if (box_grants_each(w->box->box, KV_VISIBLE, has_grant, &q) == BOX_OK)
		(void)!tell(j, w, BOX_FORGET_GIVER);
	return r;
}

enum box_result granting_change(struct job *j, const struct granting *w)
{
	while (w->box->granting && !j->store->closing)
		job_sleep(j, TURN_NS);
	if (j->store->closing)
		return BOX_UNAVAILABLE;
	w->box->granting = true;
	enum box_result r = change_both(j, w);
	w->box->granting = false;
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* role/store/on_admin_rights: who may do what in a mailbox, for the administrator. */
#include "base/acl.h"
#include "box/change.h"
#include "role/store/access.h"
#include "role/store/admin.h"
#include "role/store/granting.h"

/* The mailbox of an account; held when *end is done. */
static struct open_box *find(struct job *j, struct span account, struct span mailbox,
			     uint32_t *number, struct admin_end *end)
{
	struct open_box *b = admin_box(j, account, end);
	if (b == NULL)
		return NULL;
	*end = admin_box_end(box_find(b->box, KV_VISIBLE, mailbox, number));
	if (end->answer == ADMIN_STORE_ANSWER_DONE)
		return b;
	box_release(b);
	return NULL;
}

static void run_rights(struct job *j)
{
	const struct admin_store_rights *m = j->ask;
	struct admin_store_rights_reply rep = {0};
	struct admin_store_granted *out =
		ARENA_ARRAY(j->arena, BOX_GRANTS_MAX + 1, struct admin_store_granted);
	struct grants *g = ARENA_NEW(j->arena, struct grants);
	struct admin_end end;
	uint32_t number;
	struct open_box *b = find(j, m->name, m->mailbox, &number, &end);
	if (b != NULL)
		end = admin_box_end(g != NULL && out != NULL
					    ? granting_read(j->store, b, number, g)
					    : BOX_UNAVAILABLE);
	for (size_t i = 0; end.answer == ADMIN_STORE_ANSWER_DONE && i < g->count; i++)
		out[rep.grants_count++] = (struct admin_store_granted){
			.who = g->of[i].who,
			.rights = (uint16_t)g->of[i].rights,
			.refused = (uint16_t)g->of[i].refused};
	rep.grants = out;
	rep.answer = end.answer;
	rep.why = end.why;
	admin_store_rights_answer(j->call, &rep);
	box_release(b);
}

void on_admin_rights(void *ctx, struct ipc_call *call, const struct admin_store_rights *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_rights);
}

static struct span why_not(const struct store *s, uint64_t owner, struct span who)
{
	const struct directory_account *a = directory_account_named(s->directory, who);
	if (a != NULL && a->id == owner)
		return SPAN("the owner has all rights, always");
	if (span_eq(who, GRANTING_ANYONE))
		return SPAN("anyone is for accounts that the configuration calls shared");
	return a == NULL ? SPAN("no account has that name")
			 : SPAN("others-name in the configuration is empty: nobody reaches "
				"the mailboxes of others");
}

static void run_grant(struct job *j)
{
	const struct admin_store_grant *m = j->ask;
	struct admin_end end;
	struct granting w = {.how = (enum box_how)m->how,
			     .rights = m->rights,
			     .refuse = m->refused};
	w.box = find(j, m->name, m->mailbox, &w.mailbox, &end);
	if (w.box != NULL && (m->how > BOX_REMOVE || (m->rights & ~ACL_ALL) != 0))
		end = (struct admin_end){ADMIN_STORE_ANSWER_INVALID, SPAN("")};
	else if (w.box != NULL &&
		 !granting_who(j->store, w.box->account, m->who, &w.account))
		end = (struct admin_end){ADMIN_STORE_ANSWER_INVALID,
					 why_not(j->store, w.box->account, m->who)};
	if (end.answer == ADMIN_STORE_ANSWER_DONE)
		end = admin_box_end(granting_change(j, &w));
	admin_store_grant_answer(j->call, &(struct admin_store_grant_reply){
						  .answer = end.answer, .why = end.why});
	box_release(w.box);
}

void on_admin_grant(void *ctx, struct ipc_call *call, const struct admin_store_grant *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_grant);
}

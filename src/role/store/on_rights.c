/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_rights: namespaces, and who may do what in a mailbox (RFC 4314).
 *
 * Must never tell of grants, nor change one, without the right to administer them.
 */
#include "base/ensure.h"
#include "role/store/access.h"
#include "role/store/granting.h"

static void run_namespaces(struct job *j)
{
	const struct conf_accounts *c = &j->store->conf->accounts;
	struct edge_store_namespaces_reply rep = {.answer = EDGE_STORE_ANSWER_YES,
						  .others = c->others_name};
	if (c->shared.count > 0)
		rep.shared = c->shared_name;
	edge_store_namespaces_answer(j->call, &rep);
}
BOUND_NOW(namespaces)

/* Any of these is enough to be told of one's own (RFC 4314 4). */
#define TOLD                                                                   \
	(ACL_L | ACL_R | ACL_I | ACL_K | ACL_X | \
	 ACL_A)

static void run_rights(struct job *j)
{
	const struct edge_store_rights *m = j->ask;
	struct edge_store_rights_reply rep = {0};
	struct reached at;
	rep.answer = access_reach(j, m->name, 0, &at);
	if (rep.answer == EDGE_STORE_ANSWER_YES && (at.rights & TOLD) == 0)
		rep.answer = EDGE_STORE_ANSWER_UNKNOWN;
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.rights = (uint16_t)at.rights;
	edge_store_rights_answer(j->call, &rep);
	box_release(at.box);
}
BOUND_JOB(rights)

static void run_grants(struct job *j)
{
	const struct edge_store_grants *m = j->ask;
	struct edge_store_grants_reply rep = {0};
	struct edge_store_granted *out =
		ARENA_ARRAY(j->arena, BOX_GRANTS_MAX + 1, struct edge_store_granted);
	struct grants *g = ARENA_NEW(j->arena, struct grants);
	struct reached at;
	rep.answer = access_reach(j, m->name, ACL_A, &at);
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.answer = g == NULL || out == NULL
				     ? EDGE_STORE_ANSWER_LATER
				     : answer_of(granting_read(j->store, at.box,
							       at.mailbox, g));
	if (rep.answer == EDGE_STORE_ANSWER_YES) {
		rep.grants = out;
		rep.grants_count = g->count;
		for (size_t i = 0; i < g->count; i++)
			out[i] = (struct edge_store_granted){
				.who = g->of[i].who,
				.rights = (uint16_t)g->of[i].rights,
				.refused = (uint16_t)g->of[i].refused};
	}
	edge_store_grants_answer(j->call, &rep);
	box_release(at.box);
}
BOUND_JOB(grants)

static void run_grant(struct job *j)
{
	const struct edge_store_grant *m = j->ask;
	struct edge_store_grant_reply rep = {0};
	struct reached at;
	uint64_t account;
	rep.answer = access_reach(j, m->name, ACL_A, &at);
	if (rep.answer == EDGE_STORE_ANSWER_YES &&
	    (m->how > BOX_REMOVE || (m->rights & ~ACL_ALL) != 0 ||
	     !granting_who(j->store, at.box->account, m->who, &account)))
		rep.answer = EDGE_STORE_ANSWER_CANNOT;
	if (rep.answer == EDGE_STORE_ANSWER_YES) {
		struct granting w = {.box = at.box,
				     .mailbox = at.mailbox,
				     .account = account,
				     .how = (enum box_how)m->how,
				     .rights = m->rights,
				     .refuse = m->refused};
		rep.answer = answer_of(granting_change(j, &w));
	}
	edge_store_grant_answer(j->call, &rep);
	box_release(at.box);
}
BOUND_JOB(grant)

static void run_grantable(struct job *j)
{
	const struct edge_store_grantable *m = j->ask;
	struct edge_store_grantable_reply rep = {0};
	struct reached at;
	uint64_t account;
	rep.answer = access_reach(j, m->name, ACL_A, &at);
	if (rep.answer == EDGE_STORE_ANSWER_YES) {
		const struct directory_account *a =
			directory_account_named(j->store->directory, m->who);
		if (a != NULL && a->id == at.box->account)
			rep.always = ACL_ALL;
		else if (granting_who(j->store, at.box->account, m->who, &account))
			rep.others = ACL_ALL;
		else
			rep.answer = EDGE_STORE_ANSWER_CANNOT;
	}
	edge_store_grantable_answer(j->call, &rep);
	box_release(at.box);
}
BOUND_JOB(grantable)

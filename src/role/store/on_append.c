/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_append: a message that somebody logged in puts into a mailbox, his own or
 * one where he may: the quota is that of its account.
 *
 * The same road as mail that arrives: understood by the sorter (of the pool for
 * logged-in people), then one commit.
 */
#include "box/change.h"
#include "role/store/access.h"
#include "role/store/held.h"
#include "role/store/understand.h"
#include "summary/order.h"

static enum edge_store_answer room_for(struct job *j, struct open_box *b,
				       uint64_t size)
{
	struct store *s = j->store;
	const struct directory_account *a =
		directory_account(s->directory, b->account);
	struct box_quota used;
	enum box_result r = box_quota(b->box, KV_VISIBLE, &used);
	if (r != BOX_OK || a == NULL)
		return r != BOX_OK ? answer_of(r) : EDGE_STORE_ANSWER_NO;
	uint64_t bytes = quota_of(s, a);
	if (size > s->conf->limits.message_size)
		return EDGE_STORE_ANSWER_TOO_BIG;
	used.bytes += j->session->held_bytes;
	used.messages += j->session->held_count;
	if ((bytes != 0 && (size > bytes || used.bytes > bytes - size)) ||
	    (a->quota_messages != 0 && used.messages >= a->quota_messages))
		return EDGE_STORE_ANSWER_OVER_QUOTA;
	return EDGE_STORE_ANSWER_YES;
}

/* With yes the mailbox is held. */
static enum edge_store_answer may_append(struct job *j, struct span name, uint64_t size,
					 bool no_quota, struct reached *at)
{
	enum edge_store_answer a = access_reach(j, name, ACL_I, at);
	if (a == EDGE_STORE_ANSWER_YES && !no_quota)
		a = room_for(j, at->box, size);
	if (a == EDGE_STORE_ANSWER_YES && store_full(j->store))
		a = EDGE_STORE_ANSWER_LIMIT;
	return a;
}

static void run_append_check(struct job *j)
{
	const struct edge_store_append_check *m = j->ask;
	struct reached at;
	struct edge_store_append_check_reply rep = {
		.answer = may_append(j, m->name, m->size, m->replaces, &at)};
	edge_store_append_check_answer(j->call, &rep);
	box_release(at.box);
}
BOUND_JOB(append_check)

static struct span name_it(struct job *j)
{
	return arena_printf(j->arena, "%016llx",
			    (unsigned long long)world_random_u64(
				    j->store->role->world));
}

static struct box_new new_of(uint32_t mailbox, const struct body *body,
			     struct span summary, const struct appending *m)
{
	return (struct box_new){.mailbox = mailbox,
				.body = body->name,
				.bytes = body->bytes,
				.kept = body->kept,
				.body_size = body->size,
				.body_crc = body->crc,
				.date = m->date,
				.flags = m->flags & BOX_FLAGS,
				.keywords = m->keywords,
				.keyword_count = m->keyword_count,
				.summary = summary,
				.order = summary_order_of(summary)};
}

/* What rights do not let be set is left out (RFC 4314 4). */
static void allow_flags(struct box_new *m, uint32_t rights)
{
	m->flags &= ~access_locked(rights);
	if ((rights & ACL_W) == 0)
		m->keyword_count = 0;
}

/* It and all that waited, or none of them. */
static enum box_result insert(struct job *j, const struct reached *at,
			      const struct box_new *msg, struct appending *m)
{
	struct open_box *b = at->box;
	const struct directory_account *a =
		directory_account(j->store->directory, b->account);
	bool quota = a != NULL && !m->no_quota;
	size_t count = j->session->held_count + 1;
	struct box_new *all = held_all(j->session, j->arena);
	struct selected *from = NULL;
	enum edge_store_answer may;
	if (m->replaces != 0)
		from = access_selected(j->session, m->replaces_in,
				       ACL_T | ACL_E, &may);
	if (a == NULL || (m->replaces != 0 && (from == NULL || from->box != b)))
		return BOX_CANNOT;
	if (all == NULL)
		return BOX_UNAVAILABLE;
	all[count - 1] = *msg;
	for (size_t i = 0; i < count; i++) {
		all[i].mailbox = msg->mailbox;
		allow_flags(&all[i], at->rights);
	}
	struct box_insert in = {
		.messages = all,
		.count = count,
		.replaces = m->replaces,
		.replaces_in = from != NULL ? from->mailbox : 0,
		.quota_bytes = quota ? quota_of(j->store, a) : 0,
		.quota_messages = quota ? a->quota_messages : 0};
	enum box_result r =
		job_box(j, box_insert(b->box, &in, box_gate, job_gate(j)));
	if (r == BOX_OK && !m->no_quota)
		j->store->count.appended += count;
	m->uid = all[0].uid;
	m->uid_validity = all[0].uid_validity;
	return r;
}

enum edge_store_answer append_body(struct job *j, struct body *body,
				   struct appending *m)
{
	struct question q = {.purpose = STORE_SORTER_PURPOSE_APPEND,
			     .pool = KIND_SORTER_ACCESS,
			     .id = name_it(j)};
	struct understood seen = {0};
	struct reached at;
	enum edge_store_answer a = may_append(j, m->name, body->size,
					      m->no_quota || m->replaces != 0, &at);
	if (a == EDGE_STORE_ANSWER_YES)
		understand(j, &q, body, &seen);
	if (a == EDGE_STORE_ANSWER_YES &&
	    (seen.later || ipc_call_is_late(j->call) ||
	     j->session->peer == NULL))
		a = EDGE_STORE_ANSWER_LATER;
	if (a == EDGE_STORE_ANSWER_YES)
		a = body_settle(j, body);
	struct box_new msg = new_of(at.mailbox, body, seen.summary, m);
	if (a == EDGE_STORE_ANSWER_YES)
		a = m->hold ? held_add(j->session, &msg)
			    : answer_of(insert(j, &at, &msg, m));
	box_release(at.box);
	return a;
}

static void run_append(struct job *j)
{
	const struct edge_store_append *m = j->ask;
	struct appending what = {.name = m->name,
				 .flags = m->flags,
				 .keywords = m->keywords,
				 .keyword_count = m->keywords_count,
				 .date = m->dated ? m->date : 0,
				 .hold = m->hold,
				 .replaces_in = m->mailbox,
				 .replaces = m->replaces};
	struct edge_store_append_reply rep = {0};
	struct body body;
	rep.answer = body_collect(j, m->staged, m->body, &body);
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.answer = append_body(j, &body, &what);
	if (!m->hold || rep.answer != EDGE_STORE_ANSWER_YES)
		held_drop(j->session);
	rep.uid = what.uid;
	rep.uid_validity = what.uid_validity;
	edge_store_append_answer(j->call, &rep);
	body_drop(&body);
}
BOUND_JOB(append)

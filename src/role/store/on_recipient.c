/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_recipient: who may send as whom, and where mail would go.
 *
 * Answered from the directory's table in memory; a quota is looked up only for
 * accounts that have one.  An address elsewhere is taken from a logged-in
 * submission alone, or when it stands in a reverse path that we made.
 */
#include <stdlib.h>

#include "role/store/forward.h"
#include "role/store/readdress.h"

#define RECIPIENTS_STEP 8u

uint64_t quota_of(const struct store *s, const struct directory_account *a)
{
	return a->quota_bytes != 0 ? a->quota_bytes : s->conf->accounts.quota;
}

static enum edge_store_answer leave(enum directory_leave l)
{
	if (l == DIRECTORY_MAY)
		return EDGE_STORE_ANSWER_YES;
	return l == DIRECTORY_MAY_NOT ? EDGE_STORE_ANSWER_NO
				      : EDGE_STORE_ANSWER_LATER;
}

void on_sender(void *ctx, struct ipc_call *call,
	       const struct edge_store_sender *m)
{
	struct peer *p = ctx;
	struct store *s = p->store;
	struct session *ss = session_sends(p, m->session);
	struct edge_store_sender_reply rep = {.answer = EDGE_STORE_ANSWER_YES};
	if (ss == NULL)
		rep.answer = EDGE_STORE_ANSWER_NO;
	else if (m->size > s->conf->limits.message_size)
		rep.answer = EDGE_STORE_ANSWER_TOO_BIG;
	else if (store_full(s))
		rep.answer = EDGE_STORE_ANSWER_LIMIT;
	else if (session_submits(ss) && m->address.len > 0)
		rep.answer = leave(readdress_may_send_as(ss, m->address));
	if (rep.answer == EDGE_STORE_ANSWER_NO)
		rep.why = SPAN("This login may not use that sender address");
	edge_store_sender_answer(call, &rep);
}

/* Has the account room?  One that cannot be asked now is asked at the commit. */
static bool has_room(struct store *s, uint64_t account)
{
	const struct directory_account *a =
		directory_account(s->directory, account);
	struct box_quota used = {0};
	uint64_t bytes = a != NULL ? quota_of(s, a) : 0;
	enum box_result r;
	if (a == NULL || (bytes == 0 && a->quota_messages == 0))
		return true;
	uint64_t messages = a->quota_messages;
	struct open_box *b = box_hold(s, account, &r);
	if (b != NULL)
		r = box_quota(b->box, KV_VISIBLE, &used);
	box_release(b);
	return r != BOX_OK || ((bytes == 0 || used.bytes < bytes) &&
			       (messages == 0 || used.messages < messages));
}

static enum edge_store_answer judge(struct session *ss, bool returning,
				    const struct directory_resolved *r)
{
	switch (r->answer) {
	case DIRECTORY_OURS:
		return has_room(ss->store, r->targets[0].account)
			       ? EDGE_STORE_ANSWER_YES
			       : EDGE_STORE_ANSWER_OVER_QUOTA;
	case DIRECTORY_SET:
		return EDGE_STORE_ANSWER_YES;
	case DIRECTORY_REMOTE:
		return session_submits(ss) || returning ? EDGE_STORE_ANSWER_YES
				   : EDGE_STORE_ANSWER_RELAY_DENIED;
	case DIRECTORY_UNKNOWN:
		return EDGE_STORE_ANSWER_UNKNOWN;
	case DIRECTORY_LOOP:
		return EDGE_STORE_ANSWER_LOOP;
	}
	return EDGE_STORE_ANSWER_LATER;
}

static bool grow(struct transaction *t)
{
	struct recipient *r;
	if (t->count < t->cap)
		return true;
	size_t cap = t->cap ? t->cap * 2 : RECIPIENTS_STEP;
	r = realloc(t->recipients, cap * sizeof *r);
	if (r == NULL)
		return false;
	t->recipients = r;
	t->cap = cap;
	return true;
}

static enum edge_store_answer add(struct session *ss,
				  const struct edge_store_recipient *m,
				  struct span address, bool returning,
				  uint64_t *handle)
{
	struct transaction *t = session_transaction(ss);
	struct recipient r = {.notify = m->notify, .returning = returning};
	if (t == NULL)
		return EDGE_STORE_ANSWER_LATER;
	if (t->count >= SESSION_RECIPIENTS ||
	    !arena_copy(t->arena, address, &r.address) ||
	    !arena_copy(t->arena, m->orcpt, &r.original) || !grow(t))
		return EDGE_STORE_ANSWER_LIMIT;
	*handle = t->base + t->count;
	t->recipients[t->count++] = r;
	return EDGE_STORE_ANSWER_YES;
}

/* address: the one that was named, or, when it is returning, where it belongs. */
static void recipient(struct session *ss, const struct edge_store_recipient *m,
		      struct span address, bool returning,
		      struct edge_store_recipient_reply *rep)
{
	struct directory_resolved resolved;
	struct arena *a = arena_new(SESSION_PENDING);
	rep->answer = EDGE_STORE_ANSWER_LATER;
	if (a != NULL &&
	    (returning || readdress_recipient(ss, a, address, &address)) &&
	    directory_resolve(ss->store->directory, a, address,
					   &resolved))
		rep->answer = judge(ss, returning, &resolved);
	if (rep->answer == EDGE_STORE_ANSWER_YES)
		rep->answer = add(ss, m, address, returning, &rep->handle);
	arena_free(a);
	if (rep->answer == EDGE_STORE_ANSWER_LOOP)
		rep->why = SPAN("The aliases behind this address form a loop "
				"or are too many");
}

/* It looks like a reverse path of ours: the key may have to be read first. */
static void run_returning(struct job *j)
{
	const struct edge_store_recipient *m = j->ask;
	struct edge_store_recipient_reply rep = {
		.answer = EDGE_STORE_ANSWER_NO,
		.why = SPAN("This is no address that we gave a forwarded message "
			    "lately")};
	struct span to;
	switch (forward_back(j, m->address, &to)) {
	case FORWARD_BACK:
		rep.why = span_of(NULL, 0);
		recipient(j->session, m, to, true, &rep);
		break;
	case FORWARD_NO:
		rep.why = span_of(NULL, 0);
		recipient(j->session, m, m->address, false, &rep);
		break;
	case FORWARD_LATER:
		rep.why = span_of(NULL, 0);
		rep.answer = EDGE_STORE_ANSWER_LATER;
		break;
	case FORWARD_INVALID:
		break;
	}
	edge_store_recipient_answer(j->call, &rep);
}

void on_recipient(void *ctx, struct ipc_call *call,
		  const struct edge_store_recipient *m)
{
	struct peer *p = ctx;
	struct session *ss = session_sends(p, m->session);
	struct edge_store_recipient_reply rep = {.answer = EDGE_STORE_ANSWER_NO};
	bool may = ss != NULL &&
		   (ss->service == EDGE_STORE_SERVICE_MX || session_submits(ss));
	if (may && forward_looks(p->store, m->address)) {
		job_start(p->store, call, m, ss, run_returning);
		return;
	}
	if (may)
		recipient(ss, m, m->address, false, &rep);
	edge_store_recipient_answer(call, &rep);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/session: sessions of edge, their envelopes and mailbox handles.
 *
 * Must never find a session for a channel that did not open it, nor bind one
 * twice.
 */
#include "role/store/session.h"
#include "role/store/sort.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "role/store/body.h"
#include "role/store/follow.h"
#include "role/store/held.h"

/* ---- finding ------------------------------------------------------------------ */

struct session *session_find(struct peer *p, uint64_t id)
{
	struct session *ss = map_get_id(p->store->sessions, id);
	if (ss != NULL && ss->peer == p)
		return ss;
	p->store->count.violations++;
	return NULL;
}

struct session *session_bound(struct peer *p, uint64_t id)
{
	struct session *ss = session_find(p, id);
	if (ss == NULL || ss->account == 0)
		return NULL;
	const struct directory_account *a =
		directory_account(p->store->directory, ss->account);
	/* Locked or removed since it was bound: nothing more for it. */
	return a != NULL && a->state == DIRECTORY_ACTIVE ? ss : NULL;
}

struct session *session_sends(struct peer *p, uint64_t id)
{
	if (p->who.kind != KIND_EDGE_MX && p->who.kind != KIND_EDGE_LOCAL)
		return session_bound(p, id);
	struct session *ss = session_find(p, id);
	return ss != NULL && (p->who.kind == KIND_EDGE_MX || ss->is_local) ? ss
									   : NULL;
}

struct session *session_hold(struct session *ss)
{
	ss->refs++;
	return ss;
}

static void session_end(struct session *ss)
{
	transaction_free(ss->transaction);
	held_drop(ss);
	staged_drop(ss->store, ss->staged);
	LIST_EACH(&ss->mailboxes, l)
		session_deselect(CONTAINER_OF(l, struct selected, link));
	free(ss);
}

void session_release(struct session *ss)
{
	if (ss == NULL)
		return;
	ENSURE(ss->refs > 0);
	if (--ss->refs == 0)
		session_end(ss);
}

void session_close(struct session *ss)
{
	map_remove_id(ss->store->sessions, ss->id);
	follow_end(ss);
	list_remove(&ss->link);
	ss->peer = NULL;
	LIST_EACH(&ss->mailboxes, l)
		list_remove(&CONTAINER_OF(l, struct selected, link)->watching);
	session_release(ss);
}

void sessions_close(struct peer *p)
{
	if (p->who.hop != HOP_EDGE_STORE && p->who.hop != HOP_ADMIN_STORE)
		return;
	LIST_EACH(&p->sessions, l)
		session_close(CONTAINER_OF(l, struct session, link));
}

/* ---- opening -------------------------------------------------------------------- */

static bool service_fits(const struct peer *p, enum edge_store_service service)
{
	return (service == EDGE_STORE_SERVICE_MX) ==
		       (p->who.kind == KIND_EDGE_MX) &&
	       (service == EDGE_STORE_SERVICE_LOCAL) ==
		       (p->who.kind == KIND_EDGE_LOCAL);
}

static struct session *session_new(struct peer *p,
				   enum edge_store_service service)
{
	struct store *s = p->store;
	struct session *ss = calloc(1, sizeof *ss);
	if (ss == NULL)
		return NULL;
	*ss = (struct session){.store = s,
			       .peer = p,
			       .service = service,
			       .refs = 1,
			       .next_handle =
				       world_random_u64(s->role->world)};
	list_init(&ss->mailboxes);
	list_init(&ss->held);
	do
		ss->id = world_random_u64(s->role->world);
	while (ss->id == 0 || map_get_id(s->sessions, ss->id) != NULL);
	if (!map_put_id(s->sessions, ss->id, ss)) {
		free(ss);
		return NULL;
	}
	list_push_back(&p->sessions, &ss->link);
	return ss;
}

struct session *session_administer(struct peer *p, uint64_t account)
{
	struct session *ss = session_new(p, EDGE_STORE_SERVICE_IMAP);
	if (ss != NULL) {
		ss->account = account;
		ss->administers = true;
	}
	return ss;
}

void on_session_open(void *ctx, struct ipc_call *call,
		     const struct edge_store_session_open *m)
{
	struct peer *p = ctx;
	struct edge_store_session_open_reply rep = {
		.answer = EDGE_STORE_ANSWER_LATER};
	struct session *ss = NULL;
	if (!service_fits(p, m->service)) {
		p->store->count.violations++;
		rep.answer = EDGE_STORE_ANSWER_NO;
	} else if (!p->store->draining) {
		ss = session_new(p, m->service);
	}
	if (ss != NULL) {
		rep.answer = EDGE_STORE_ANSWER_YES;
		rep.session = ss->id;
	}
	edge_store_session_open_answer(call, &rep);
}

void on_session_close(void *ctx, struct edge_store *c,
		      const struct edge_store_session_close *m)
{
	struct session *ss = session_find(ctx, m->session);
	(void)c;
	if (ss != NULL)
		session_close(ss);
}

/* ---- envelopes ------------------------------------------------------------------ */

void transaction_free(struct transaction *t)
{
	if (t == NULL)
		return;
	arena_free(t->arena);
	free(t->recipients);
	free(t);
}

struct transaction *session_transaction(struct session *ss)
{
	if (ss->transaction != NULL)
		return ss->transaction;
	struct transaction *t = calloc(1, sizeof *t);
	if (t != NULL)
		t->arena = arena_new(SESSION_PENDING);
	if (t == NULL || t->arena == NULL) {
		free(t);
		return NULL;
	}
	t->base = world_random_u64(ss->store->role->world);
	ss->transaction = t;
	return t;
}

struct transaction *transaction_take(struct session *ss)
{
	struct transaction *t = ss->transaction;
	ss->transaction = NULL;
	return t;
}

const struct recipient *transaction_recipient(const struct transaction *t,
					      uint64_t handle)
{
	uint64_t i = handle - t->base;
	return i < t->count ? &t->recipients[i] : NULL;
}

void on_reset(void *ctx, struct edge_store *c, const struct edge_store_reset *m)
{
	struct session *ss = session_find(ctx, m->session);
	(void)c;
	if (ss == NULL)
		return;
	transaction_free(transaction_take(ss));
	held_drop(ss);
	staged_drop(ss->store, ss->staged);
	ss->staged = NULL;
}

/* ---- selected mailboxes ----------------------------------------------------------- */

static struct selected *find_handle(struct session *ss, uint64_t handle)
{
	LIST_EACH(&ss->mailboxes, l) {
		struct selected *sel = CONTAINER_OF(l, struct selected, link);
		if (sel->handle == handle)
			return sel;
	}
	return NULL;
}

struct selected *session_mailbox(struct session *ss, uint64_t handle)
{
	struct selected *sel = find_handle(ss, handle);
	return sel != NULL && sel->only == 0 ? sel : NULL;
}

struct selected *session_message(struct session *ss, uint64_t handle, uint32_t uid)
{
	struct selected *sel = find_handle(ss, handle);
	return sel != NULL && (sel->only == 0 || sel->only == uid) ? sel : NULL;
}

struct selected *session_select(struct session *ss, struct open_box *b,
				uint32_t mailbox)
{
	struct selected *sel = NULL;
	if (ss->mailbox_count < SESSION_MAILBOXES)
		sel = calloc(1, sizeof *sel);
	if (sel == NULL)
		return NULL;
	*sel = (struct selected){.session = ss,
				 .box = b,
				 .handle = ss->next_handle++,
				 .mailbox = mailbox};
	list_push_back(&ss->mailboxes, &sel->link);
	ss->mailbox_count++;
	return sel;
}

void session_deselect(struct selected *sel)
{
	sort_held_free(sel);
	list_remove(&sel->watching);
	list_remove(&sel->link);
	sel->session->mailbox_count--;
	box_release(sel->box);
	free(sel);
}

void on_deselect(void *ctx, struct edge_store *c,
		 const struct edge_store_deselect *m)
{
	struct session *ss = session_find(ctx, m->session);
	struct selected *sel = ss ? find_handle(ss, m->mailbox) : NULL;
	(void)c;
	if (sel != NULL)
		session_deselect(sel);
}

/* ---- the hop's table ------------------------------------------------------------- */

const struct edge_store_at_store store_for_edge = {
	.session_open = on_session_open,
	.session_close = on_session_close,
	.sender = on_sender,
	.recipient = on_recipient,
	.local = on_local,
	.reset = on_reset,
	.stage = on_stage,
	.offer = on_offer,
	.entries = on_entries,
	.create = on_create,
	.remove = on_remove,
	.rename = on_rename,
	.subscribe = on_subscribe,
	.status = on_status,
	.select = on_select,
	.deselect = on_deselect,
	.watch = on_watch,
	.news = on_news,
	.no_news = on_no_news,
	.uids = on_uids,
	.pages = on_pages,
	.rows = on_rows,
	.changes = on_changes,
	.body = on_body,
	.kept_ids = on_kept_ids,
	.keywords = on_keywords,
	.keyword_add = on_keyword_add,
	.store_flags = on_store_flags,
	.expunge = on_expunge,
	.copy = on_copy,
	.search = on_search,
	.sort = on_sort,
	.sort_more = on_sort_more,
	.append_check = on_append_check,
	.append = on_append,
	.quota = on_quota,
	.url_sign = on_url_sign,
	.url_open = on_url_open,
	.url_reset = on_url_reset,
	.annotate = on_annotate,
	.annotations = on_annotations,
	.namespaces = on_namespaces,
	.rights = on_rights,
	.grants = on_grants,
	.grant = on_grant,
	.grantable = on_grantable,
};

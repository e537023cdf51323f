/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_mailbox: names of mailboxes, their status, select.
 *
 * Everything here is about the account that the session is bound to; a session
 * without one is answered no.
 */
#include "box/change.h"
#include "box/tree.h"
#include "role/store/session.h"

#define ENTRIES_MAX   512u
#define ENTRIES_BYTES 61440u
#define ENTRY_HEAD    8u
#define SLICE_NS      (50 * NS_PER_MS) /* then others have their turn */

struct open_box *own_box(struct job *j, enum edge_store_answer *a)
{
	enum box_result r = BOX_UNAVAILABLE;
	struct open_box *b = box_prepared(j, j->session->account, &r);
	*a = answer_of(r);
	if (b == NULL && *a == EDGE_STORE_ANSWER_UNKNOWN)
		*a = EDGE_STORE_ANSWER_LATER;
	return b;
}

/* ---- list ------------------------------------------------------------------- */

static void put_entry(struct edge_store_entry *to, const struct box_entry *e)
{
	*to = (struct edge_store_entry){
		.name = e->name,
		/* A bare level has neither a mailbox nor a subscription. */
		.present = e->mailbox != 0 || e->children,
		.selectable = e->mailbox != 0,
		.subscribed = e->subscribed,
		.children = e->children,
		.use = (uint8_t)e->use};
}

static void list_entries(struct job *j, struct open_box *b,
			 struct edge_store_entries_reply *rep)
{
	const struct edge_store_entries *m = j->ask;
	struct box_entry *in =
		ARENA_ARRAY(j->arena, ENTRIES_MAX, struct box_entry);
	struct edge_store_entry *out =
		ARENA_ARRAY(j->arena, ENTRIES_MAX, struct edge_store_entry);
	size_t count = 0, bytes = 0;
	enum box_result r = BOX_UNAVAILABLE;
	if (in != NULL && out != NULL)
		r = box_list(b->box, KV_VISIBLE, j->arena, m->after, in,
			     ENTRIES_MAX, &count);
	rep->answer = answer_of(r);
	rep->entries = out;
	rep->more = count == ENTRIES_MAX;
	for (size_t i = 0; r == BOX_OK && i < count; i++) {
		bytes += in[i].name.len + ENTRY_HEAD;
		if (bytes > ENTRIES_BYTES) {
			rep->more = true;
			break;
		}
		put_entry(&out[rep->entries_count++], &in[i]);
	}
}

static void run_entries(struct job *j)
{
	struct edge_store_entries_reply rep = {0};
	struct open_box *b = own_box(j, &rep.answer);
	if (b != NULL)
		list_entries(j, b, &rep);
	edge_store_entries_answer(j->call, &rep);
	box_release(b);
}

BOUND_JOB(entries)

/* ---- create, remove, rename, subscribe ---------------------------------------- */

/* INBOX stays where it is when it is renamed: its messages go. */
static enum box_result empty_inbox(struct job *j, struct open_box *b,
				   uint32_t to)
{
	struct box_uids all;
	struct box_change *c = ARENA_NEW(j->arena, struct box_change);
	box_uids_init(&all, j->arena);
	if (c == NULL || !box_uids_add(&all, 1, UINT32_MAX - 1))
		return BOX_UNAVAILABLE;
	*c = (struct box_change){.mailbox = b->inbox,
				 .uids = &all,
				 .arena = j->arena,
				 .to = to};
	return job_box(j, box_move(b->box, c, box_gate, job_gate(j)));
}

static enum edge_store_answer tree(struct job *j, struct box_tree *t)
{
	enum edge_store_answer a;
	struct open_box *b = own_box(j, &a);
	if (b == NULL)
		return a;
	enum box_result r =
		job_box(j, box_tree(b->box, t, box_gate, job_gate(j)));
	if (r == BOX_OK && t->verb == BOX_RENAME && t->more)
		r = empty_inbox(j, b, t->mailbox);
	box_release(b);
	return answer_of(r);
}

/* The rows of mailboxes whose time is over go while nobody waits for them. */
static void purge(struct job *j)
{
	enum box_result r;
	struct open_box *b = box_hold(j->store, j->session->account, &r);
	struct box_tree t = {.verb = BOX_PURGE,
			     .before = deleted_before(j->store),
			     .more = true};
	while (b != NULL && r == BOX_OK && t.more && !j->store->closing) {
		t.more = false;
		r = job_box(j, box_tree(b->box, &t, box_gate, job_gate(j)));
	}
	box_release(b);
}

static void run_create(struct job *j)
{
	const struct edge_store_create *m = j->ask;
	struct box_tree t = {.verb = BOX_CREATE,
			     .name = m->name,
			     .use = (enum box_use)m->use};
	struct edge_store_create_reply rep = {.answer = EDGE_STORE_ANSWER_CANNOT};
	if (m->use <= BOX_USE_TRASH)
		rep.answer = tree(j, &t);
	rep.object = t.mailbox;
	edge_store_create_answer(j->call, &rep);
}

static void run_remove(struct job *j)
{
	const struct edge_store_remove *m = j->ask;
	struct box_tree t = {.verb = BOX_REMOVE_MAILBOX, .name = m->name};
	enum edge_store_answer a = tree(j, &t);
	edge_store_remove_answer(
		j->call, &(struct edge_store_remove_reply){.answer = a});
	if (a == EDGE_STORE_ANSWER_YES)
		purge(j);
}

static void run_rename(struct job *j)
{
	const struct edge_store_rename *m = j->ask;
	struct box_tree t = {.verb = BOX_RENAME, .name = m->name, .to = m->to};
	edge_store_rename_answer(
		j->call,
		&(struct edge_store_rename_reply){.answer = tree(j, &t)});
}

static void run_subscribe(struct job *j)
{
	const struct edge_store_subscribe *m = j->ask;
	struct box_tree t = {.verb = m->on ? BOX_SUBSCRIBE : BOX_UNSUBSCRIBE,
			     .name = m->name};
	edge_store_subscribe_answer(
		j->call,
		&(struct edge_store_subscribe_reply){.answer = tree(j, &t)});
}

BOUND_JOB(create)
BOUND_JOB(remove)
BOUND_JOB(rename)
BOUND_JOB(subscribe)

/* ---- status and select ----------------------------------------------------------- */

/* Messages that no session was told of: those from recent_from on. */
static enum box_result count_recent(struct job *j, struct open_box *b,
				    uint32_t mailbox,
				    const struct box_status *st,
				    uint32_t *recent)
{
	struct box_slot *slots = ARENA_ARRAY(j->arena, 2048, struct box_slot);
	uint32_t from = st->recent_from;
	enum box_result r = slots ? BOX_OK : BOX_UNAVAILABLE;
	*recent = 0;
	while (r == BOX_OK && from != 0 && from < st->uid_next) {
		size_t count = 0;
		r = box_slots(b->box, KV_VISIBLE, mailbox, from, 0, slots, 2048,
			      &count, &from);
		*recent += (uint32_t)count;
	}
	return r;
}

static enum box_result status_of(struct job *j, struct open_box *b,
				 struct span name, uint32_t *mailbox,
				 struct box_status *st, uint32_t *recent)
{
	enum box_result r = box_find(b->box, KV_VISIBLE, name, mailbox);
	if (r == BOX_OK)
		r = box_status(b->box, KV_VISIBLE, *mailbox, st);
	if (r == BOX_OK)
		r = count_recent(j, b, *mailbox, st, recent);
	return r;
}

/* Bytes of one page of slots that carry \Deleted. */
static enum box_result deleted_of(struct open_box *b, uint32_t mailbox,
				  const struct box_slot *slots, size_t count,
				  struct arena *arena, uint64_t *bytes)
{
	for (size_t i = 0; i < count; i++) {
		struct box_message m;
		if ((slots[i].flags & BOX_DELETED) == 0)
			continue;
		arena_reset(arena);
		enum box_result r = box_message(b->box, KV_VISIBLE, mailbox,
						slots[i].uid, false, arena, &m);
		if (r == BOX_OK)
			*bytes += m.size;
		else if (r != BOX_NONE)
			return r;
	}
	return BOX_OK;
}

/* What EXPUNGE would free.  Only the rows say; none and all are known without. */
static enum box_result deleted_bytes(struct job *j, struct open_box *b,
				     uint32_t mailbox,
				     const struct box_status *st, uint64_t *bytes)
{
	struct box_slot *slots = ARENA_ARRAY(j->arena, BOX_PAGE, struct box_slot);
	struct world *w = j->store->role->world;
	uint64_t turn = world_now(w);
	uint32_t from = 1;
	*bytes = st->deleted == st->messages ? st->bytes : 0;
	if (st->deleted == 0 || st->deleted == st->messages)
		return BOX_OK;
	struct arena *one = arena_new(BOX_PREFIX_MAX + BOX_SUMMARY_MAX + 1024);
	enum box_result r = slots && one ? BOX_OK : BOX_UNAVAILABLE;
	while (r == BOX_OK && from != 0) {
		size_t count = 0;
		r = box_slots(b->box, KV_VISIBLE, mailbox, from, 0, slots,
			      BOX_PAGE, &count, &from);
		if (r == BOX_OK)
			r = deleted_of(b, mailbox, slots, count, one, bytes);
		if (world_now(w) - turn > SLICE_NS) {
			if (ipc_call_is_late(j->call))
				r = BOX_UNAVAILABLE;
			fiber_yield(j->store->role->loop);
			turn = world_now(w);
		}
	}
	arena_free(one);
	return r;
}

static void run_status(struct job *j)
{
	const struct edge_store_status *m = j->ask;
	struct edge_store_status_reply rep = {0};
	struct open_box *b = own_box(j, &rep.answer);
	struct box_status st = {0};
	uint32_t mailbox = 0;
	if (b != NULL)
		rep.answer = answer_of(status_of(j, b, m->name, &mailbox, &st,
						 &rep.recent));
	if (rep.answer == EDGE_STORE_ANSWER_YES && m->deleted)
		rep.answer = answer_of(deleted_bytes(j, b, mailbox, &st,
						     &rep.deleted_size));
	rep.messages = st.messages;
	rep.uid_next = st.uid_next;
	rep.uid_validity = st.uid_validity;
	rep.unseen = st.unseen;
	rep.deleted = st.deleted;
	rep.version = st.version;
	rep.size = st.bytes;
	rep.object = mailbox;
	edge_store_status_answer(j->call, &rep);
	box_release(b);
}
BOUND_JOB(status)

/* The sequence number of the first message without \Seen; 0: none. */
static enum box_result first_unseen(struct job *j, struct open_box *b,
				    uint32_t mailbox,
				    const struct box_status *st, uint32_t *out)
{
	struct box_slot *slots = ARENA_ARRAY(j->arena, 2048, struct box_slot);
	uint32_t from = 1, seen = 0;
	enum box_result r = slots ? BOX_OK : BOX_UNAVAILABLE;
	*out = 0;
	while (r == BOX_OK && st->unseen > 0 && from != 0) {
		size_t count = 0;
		r = box_slots(b->box, KV_VISIBLE, mailbox, from, 0, slots, 2048,
			      &count, &from);
		for (size_t i = 0; r == BOX_OK && i < count; i++, seen++)
			if ((slots[i].flags & BOX_SEEN) == 0) {
				*out = seen + 1;
				return BOX_OK;
			}
	}
	return r;
}

static enum box_result claim(struct job *j, struct open_box *b,
			     uint32_t mailbox, struct box_status *st)
{
	struct box_claim c = {.mailbox = mailbox};
	enum box_result r = job_box(
		j, box_claim(b->box, &c, box_gate, job_gate(j)));
	if (r == BOX_OK)
		st->recent_from = c.from;
	return r;
}

static enum box_result select_it(struct job *j, struct open_box *b,
				 struct edge_store_select_reply *rep)
{
	const struct edge_store_select *m = j->ask;
	struct box_status st = {0};
	uint32_t mailbox = 0, recent_from = 0;
	enum box_result r =
		status_of(j, b, m->name, &mailbox, &st, &rep->recent);
	recent_from = st.recent_from;
	if (r == BOX_OK && !m->read_only && st.recent_from < st.uid_next) {
		r = claim(j, b, mailbox, &st);
		/* Another session may have been faster: count what is ours. */
		if (r == BOX_OK && st.recent_from != recent_from)
			r = count_recent(j, b, mailbox, &st, &rep->recent);
	}
	if (r == BOX_OK)
		r = first_unseen(j, b, mailbox, &st, &rep->first_unseen);
	if (r != BOX_OK)
		return r;
	struct selected *sel = session_select(j->session, b, mailbox);
	if (sel == NULL)
		return BOX_LIMIT;
	sel->read_only = m->read_only;
	sel->told = st.version;
	sel->told_next = st.uid_next;
	rep->mailbox = sel->handle;
	rep->read_only = m->read_only;
	rep->uid_validity = st.uid_validity;
	rep->uid_next = st.uid_next;
	rep->exists = st.messages;
	rep->recent_from = st.recent_from;
	rep->version = st.version;
	rep->size = st.bytes;
	rep->object = mailbox;
	return BOX_OK;
}

/*
 * RFC 2449 6.5.  The time is kept with the open box: it is forgotten when many
 * others were used since, which lets a user in, never keeps one out.
 */
static bool too_early(struct job *j, struct open_box *b)
{
	uint64_t delay = j->store->conf->auth.pop3_delay * NS_PER_SEC;
	uint64_t now = world_now(j->store->role->world);
	if (j->session->service != EDGE_STORE_SERVICE_POP3 || delay == 0)
		return false;
	if (b->pop3_at != 0 && now - b->pop3_at < delay)
		return true;
	b->pop3_at = now;
	return false;
}

static void run_select(struct job *j)
{
	struct edge_store_select_reply rep = {0};
	struct open_box *b = own_box(j, &rep.answer);
	if (b != NULL)
		rep.answer = too_early(j, b) ? EDGE_STORE_ANSWER_EARLY
					     : answer_of(select_it(j, b, &rep));
	/* With yes the box is the handle's. */
	if (rep.answer != EDGE_STORE_ANSWER_YES)
		box_release(b);
	edge_store_select_answer(j->call, &rep);
}
BOUND_JOB(select)

/* ---- quota -------------------------------------------------------------------------- */

static void run_quota(struct job *j)
{
	struct edge_store_quota_reply rep = {0};
	struct open_box *b = own_box(j, &rep.answer);
	const struct directory_account *a =
		directory_account(j->store->directory, j->session->account);
	struct box_quota q = {0};
	if (b != NULL)
		rep.answer = answer_of(box_quota(b->box, KV_VISIBLE, &q));
	rep.bytes_used = q.bytes;
	rep.messages = q.messages;
	rep.bytes_limit = a != NULL ? quota_of(j->store, a) : 0;
	edge_store_quota_answer(j->call, &rep);
	box_release(b);
}
BOUND_JOB(quota)

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_mailbox: names of mailboxes, their status, select.
 *
 * About the account that the session is bound to, and what others let it do in
 * theirs (access.h); a session without one is answered no.
 */
#include "box/change.h"
#include "box/tree.h"
#include "role/store/access.h"

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

/* Entries of the session's own and those of others, merged by name. */
struct listing {
	const struct box_entry *own;
	size_t own_count;
	bool own_more; /* further ones stand behind the last one */
	const struct box_entry *foreign;
	size_t foreign_count;
	size_t bytes;
	struct edge_store_entries_reply *rep;
	struct edge_store_entry *out;
};

/* The next one; false: none, or none that may be told before more is known. */
static bool next_entry(const struct session *ss, struct listing *l, struct box_entry *e)
{
	int order = l->own_count == 0	      ? 1
		    : l->foreign_count == 0 ? -1
					    : span_cmp(l->own->name, l->foreign->name);
	if (l->own_count == 0 && (l->foreign_count == 0 || l->own_more))
		return false;
	*e = order <= 0 ? *l->own : *l->foreign;
	/* What the account has there itself cannot be reached: a level has one meaning. */
	if (order <= 0 && access_reserved(ss, e->name))
		*e = (struct box_entry){.name = e->name, .subscribed = e->subscribed};
	if (order >= 0) {
		e->mailbox = l->foreign->mailbox;
		e->children = l->foreign->children;
		l->foreign++;
		l->foreign_count--;
	}
	if (order <= 0) {
		l->own++;
		l->own_count--;
	}
	return true;
}

static void merge(const struct session *ss, struct listing *l)
{
	struct edge_store_entries_reply *rep = l->rep;
	struct box_entry e;
	while (next_entry(ss, l, &e)) {
		bool told = e.mailbox != 0 || e.children || e.subscribed;
		l->bytes += told ? e.name.len + ENTRY_HEAD : 0;
		if (told && (l->bytes > ENTRIES_BYTES || rep->entries_count == ENTRIES_MAX)) {
			rep->more = true;
			return;
		}
		if (told)
			put_entry(&l->out[rep->entries_count++], &e);
	}
	rep->more = l->own_more;
}

static void behind(struct foreign *f, struct span after)
{
	while (after.len > 0 && f->count > 0 && span_cmp(f->entries->name, after) <= 0) {
		f->entries++;
		f->count--;
	}
}

static void list_entries(struct job *j, struct open_box *b,
			 struct edge_store_entries_reply *rep)
{
	struct foreign others;
	const struct edge_store_entries *m = j->ask;
	struct box_entry *in =
		ARENA_ARRAY(j->arena, ENTRIES_MAX, struct box_entry);
	struct edge_store_entry *out =
		ARENA_ARRAY(j->arena, ENTRIES_MAX, struct edge_store_entry);
	size_t count = 0;
	enum box_result r = BOX_UNAVAILABLE;
	if (in != NULL && out != NULL)
		r = access_foreign(j, b, &others);
	if (r == BOX_OK)
		r = box_list(b->box, KV_VISIBLE, j->arena, m->after, in,
			     ENTRIES_MAX, &count);
	rep->answer = answer_of(r);
	rep->entries = out;
	if (r != BOX_OK)
		return;
	behind(&others, m->after);
	struct listing l = {.own = in,
			    .own_count = count,
			    .own_more = count == ENTRIES_MAX,
			    .foreign = others.entries,
			    .foreign_count = others.count,
			    .rep = rep,
			    .out = out};
	merge(j->session, &l);
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

static enum edge_store_answer tree_in(struct job *j, struct open_box *b, struct box_tree *t)
{
	enum box_result r =
		job_box(j, box_tree(b->box, t, box_gate, job_gate(j)));
	if (r == BOX_OK && t->verb == BOX_RENAME && t->more)
		r = empty_inbox(j, b, t->mailbox);
	return answer_of(r);
}

static enum edge_store_answer tree(struct job *j, struct box_tree *t)
{
	enum edge_store_answer a;
	struct open_box *b = own_box(j, &a);
	if (b != NULL)
		a = tree_in(j, b, t);
	box_release(b);
	return a;
}

/* The rows of mailboxes whose time is over go while nobody waits for them. */
static void purge(struct job *j, uint64_t account)
{
	enum box_result r;
	struct open_box *b = box_hold(j->store, account, &r);
	struct box_tree t = {.verb = BOX_PURGE,
			     .before = deleted_before(j->store),
			     .more = true};
	while (b != NULL && r == BOX_OK && t.more && !j->store->closing) {
		t.more = false;
		r = job_box(j, box_tree(b->box, &t, box_gate, job_gate(j)));
	}
	box_release(b);
}

/*
 * In somebody else's account: whoever may not is told the same, whatever is there.  Uses are
 * the owner's.
 */
static enum edge_store_answer create_there(struct job *j, const struct access_name *n,
					   struct box_tree *t)
{
	struct open_box *b;
	enum edge_store_answer a = access_box(j, n, &b);
	if (a == EDGE_STORE_ANSWER_UNKNOWN)
		a = EDGE_STORE_ANSWER_NO;
	if (a == EDGE_STORE_ANSWER_YES)
		a = access_make(j, b, n->name);
	if (a == EDGE_STORE_ANSWER_YES && t->use != BOX_USE_NONE)
		a = EDGE_STORE_ANSWER_CANNOT;
	t->name = n->name;
	if (a == EDGE_STORE_ANSWER_YES)
		a = tree_in(j, b, t);
	box_release(b);
	return a;
}

static void run_create(struct job *j)
{
	const struct edge_store_create *m = j->ask;
	struct box_tree t = {.verb = BOX_CREATE,
			     .name = m->name,
			     .use = (enum box_use)m->use};
	struct edge_store_create_reply rep = {.answer = EDGE_STORE_ANSWER_CANNOT};
	struct access_name n = access_name(j->session, m->name);
	if (m->use <= BOX_USE_TRASH)
		rep.answer = n.own ? tree(j, &t) : create_there(j, &n, &t);
	rep.object = access_object(j->session, n.account, t.mailbox);
	edge_store_create_answer(j->call, &rep);
}

static void run_remove(struct job *j)
{
	const struct edge_store_remove *m = j->ask;
	struct access_name n = access_name(j->session, m->name);
	struct box_tree t = {.verb = BOX_REMOVE_MAILBOX, .name = n.name};
	struct reached at = {0};
	enum edge_store_answer a;
	if (n.own) {
		a = tree(j, &t);
	} else {
		a = access_reach(j, m->name, ACL_X, &at);
		if (a == EDGE_STORE_ANSWER_YES)
			a = tree_in(j, at.box, &t);
	}
	edge_store_remove_answer(
		j->call, &(struct edge_store_remove_reply){.answer = a});
	if (a == EDGE_STORE_ANSWER_YES)
		purge(j, n.account);
	box_release(at.box);
}

/* Everything below a name moves with it: may the session rename all of it? */
static enum edge_store_answer all_below(struct job *j, struct open_box *b, struct span name)
{
	struct box_entry *page = ARENA_ARRAY(j->arena, ENTRIES_MAX, struct box_entry);
	struct span level = arena_printf(j->arena, "%.*s/", SPAN_FMT(name)), after = level;
	size_t count = ENTRIES_MAX;
	while (count == ENTRIES_MAX) {
		enum box_result r = BOX_UNAVAILABLE;
		if (page != NULL && level.ptr != NULL)
			r = box_list(b->box, KV_VISIBLE, j->arena, after, page,
				     ENTRIES_MAX, &count);
		for (size_t i = 0; r == BOX_OK && i < count; i++) {
			uint32_t rights = ACL_ALL;
			if (!span_starts(page[i].name, level))
				return EDGE_STORE_ANSWER_YES;
			if (page[i].mailbox != 0)
				r = access_rights(j->session, b, page[i].mailbox,
						  &rights);
			if (r == BOX_OK && (rights & ACL_X) == 0)
				return EDGE_STORE_ANSWER_NO;
			after = page[i].name;
		}
		if (r != BOX_OK)
			return answer_of(r);
	}
	return EDGE_STORE_ANSWER_YES;
}

/* Within somebody else's account, and not his INBOX: its mail stays his. */
static enum edge_store_answer rename_there(struct job *j, const struct access_name *n,
					   const struct access_name *to)
{
	const struct edge_store_rename *m = j->ask;
	struct box_tree t = {.verb = BOX_RENAME, .name = n->name, .to = to->name};
	struct reached at;
	enum edge_store_answer a = access_reach(j, m->name, ACL_X, &at);
	if (a != EDGE_STORE_ANSWER_YES)
		return a;
	if (to->account != n->account || at.mailbox == at.box->inbox)
		a = EDGE_STORE_ANSWER_CANNOT;
	else
		a = access_make(j, at.box, to->name);
	if (a == EDGE_STORE_ANSWER_YES)
		a = all_below(j, at.box, n->name);
	if (a == EDGE_STORE_ANSWER_YES)
		a = tree_in(j, at.box, &t);
	box_release(at.box);
	return a;
}

static void run_rename(struct job *j)
{
	const struct edge_store_rename *m = j->ask;
	struct access_name n = access_name(j->session, m->name);
	struct access_name to = access_name(j->session, m->to);
	struct box_tree t = {.verb = BOX_RENAME, .name = m->name, .to = m->to};
	struct edge_store_rename_reply rep = {.answer = EDGE_STORE_ANSWER_CANNOT};
	if (!n.own)
		rep.answer = rename_there(j, &n, &to);
	else if (to.own)
		rep.answer = tree(j, &t);
	edge_store_rename_answer(j->call, &rep);
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

static enum box_result status_of(struct job *j, const struct reached *at,
				 struct box_status *st, uint32_t *recent)
{
	enum box_result r = box_status(at->box->box, KV_VISIBLE, at->mailbox, st);
	if (r == BOX_OK)
		r = count_recent(j, at->box, at->mailbox, st, recent);
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
	struct reached at;
	struct box_status st = {0};
	rep.answer = access_reach(j, m->name, ACL_R, &at);
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.answer = answer_of(status_of(j, &at, &st, &rep.recent));
	if (rep.answer == EDGE_STORE_ANSWER_YES && m->deleted)
		rep.answer = answer_of(deleted_bytes(j, at.box, at.mailbox, &st,
						     &rep.deleted_size));
	rep.messages = st.messages;
	rep.uid_next = st.uid_next;
	rep.uid_validity = st.uid_validity;
	rep.unseen = st.unseen;
	rep.deleted = st.deleted;
	rep.version = st.version;
	rep.size = st.bytes;
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.object = access_object(j->session, at.box->account, at.mailbox);
	edge_store_status_answer(j->call, &rep);
	box_release(at.box);
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

/* RFC 4314 5.2: flags are shared, so whoever may change one writes. */
#define WRITES (ACL_I | ACL_E | ACL_S | ACL_T | ACL_W)

static enum box_result select_it(struct job *j, const struct reached *at,
				 struct edge_store_select_reply *rep)
{
	const struct edge_store_select *m = j->ask;
	struct open_box *b = at->box;
	struct box_status st = {0};
	uint32_t mailbox = at->mailbox, recent_from = 0;
	bool read_only = m->read_only || (at->rights & WRITES) == 0;
	enum box_result r = status_of(j, at, &st, &rep->recent);
	recent_from = st.recent_from;
	/* Whoever may not say that it was seen leaves \Recent to others. */
	if (r == BOX_OK && !read_only && (at->rights & ACL_S) != 0 &&
	    st.recent_from < st.uid_next) {
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
	sel->read_only = read_only;
	sel->told = st.version;
	sel->told_next = st.uid_next;
	rep->mailbox = sel->handle;
	rep->read_only = read_only;
	rep->rights = (uint16_t)at->rights;
	rep->uid_validity = st.uid_validity;
	rep->uid_next = st.uid_next;
	rep->exists = st.messages;
	rep->recent_from = st.recent_from;
	rep->version = st.version;
	rep->size = st.bytes;
	rep->object = access_object(j->session, b->account, mailbox);
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
	const struct edge_store_select *m = j->ask;
	struct edge_store_select_reply rep = {0};
	struct reached at;
	rep.answer = access_reach(j, m->name, ACL_R, &at);
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		rep.answer = too_early(j, at.box) ? EDGE_STORE_ANSWER_EARLY
						  : answer_of(select_it(j, &at, &rep));
	/* With yes the box is the handle's. */
	if (rep.answer != EDGE_STORE_ANSWER_YES)
		box_release(at.box);
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

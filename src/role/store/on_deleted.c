/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_deleted: what was expunged or removed and can be had back, for
 * the administrator.
 *
 * A call looks at some hundred rows and says where to go on.  Of a message are
 * told: whence, what about, how large.
 *
 * Must never bring back half of what one commit took in: see box/gone.
 */
#include "base/utf8.h"
#include "box/gone.h"
#include "box/tree.h"
#include "role/store/admin.h"
#include "summary/summary.h"

#define PAGE_REMOVED  50u
#define PAGE_EXPUNGED 30u
#define LOOK	      200u /* rows of one call */
#define ROW_TEXT      320u

/* ---- names -------------------------------------------------------------------- */

/* Mailboxes by number: present ones and removed ones. */
struct names {
	struct arena *arena;
	struct box *box;
	uint32_t last; /* asked last: its neighbours are of the same mailbox */
	struct span name;
};

static enum box_result among_present(struct names *n, uint32_t mailbox)
{
	struct box_entry list[PAGE_REMOVED];
	struct span after = SPAN("");
	size_t count = PAGE_REMOVED;
	enum box_result r = BOX_OK;
	while (r == BOX_OK && count == PAGE_REMOVED) {
		r = box_list(n->box, KV_VISIBLE, n->arena, after, list,
			     PAGE_REMOVED, &count);
		for (size_t i = 0; r == BOX_OK && i < count; i++) {
			after = list[i].name;
			if (list[i].mailbox == mailbox) {
				n->name = list[i].name;
				return BOX_OK;
			}
		}
	}
	return r == BOX_OK ? BOX_NONE : r;
}

static enum box_result among_removed(struct names *n, uint32_t mailbox)
{
	struct box_gone_mailbox one;
	size_t count;
	enum box_result r = box_gone_mailboxes(n->box, KV_VISIBLE, n->arena,
					       mailbox - 1, &one, 1, &count);
	if (r == BOX_OK && (count == 0 || one.mailbox != mailbox))
		r = BOX_NONE;
	if (r == BOX_OK)
		n->name = one.name;
	return r;
}

/* An empty name: of a mailbox that is gone for good. */
static enum box_result name_of(struct names *n, uint32_t mailbox)
{
	if (mailbox == n->last)
		return BOX_OK;
	enum box_result r = among_present(n, mailbox);
	if (r == BOX_NONE)
		r = among_removed(n, mailbox);
	if (r == BOX_NONE)
		n->name = SPAN("");
	n->last = mailbox;
	return r == BOX_NONE ? BOX_OK : r;
}

/* ---- lists -------------------------------------------------------------------- */

static enum box_result list_removed(struct job *j, struct open_box *b,
				    struct admin_store_removed_reply *rep)
{
	const struct admin_store_removed *m = j->ask;
	struct box_gone_mailbox in[PAGE_REMOVED];
	struct admin_store_gone_mailbox *out = ARENA_ARRAY(
		j->arena, PAGE_REMOVED, struct admin_store_gone_mailbox);
	size_t n = 0;
	enum box_result r =
		out == NULL ? BOX_UNAVAILABLE
			    : box_gone_mailboxes(b->box, KV_VISIBLE, j->arena,
						 m->after, in, PAGE_REMOVED, &n);
	rep->mailboxes = out;
	rep->more = n == PAGE_REMOVED;
	for (size_t i = 0; r == BOX_OK && i < n; i++)
		if (in[i].when != 0) /* else its rows go at present */
			out[rep->mailboxes_count++] =
				(struct admin_store_gone_mailbox){
					.name = in[i].name,
					.number = in[i].mailbox,
					.when = in[i].when,
					.messages = in[i].messages,
					.size = in[i].bytes};
	return r;
}

static void run_removed(struct job *j)
{
	const struct admin_store_removed *m = j->ask;
	struct admin_store_removed_reply rep = {0};
	struct admin_end end;
	struct open_box *b = admin_box(j, m->name, &end);
	if (b != NULL)
		end = admin_box_end(list_removed(j, b, &rep));
	rep.answer = end.answer;
	rep.why = end.why;
	admin_store_removed_answer(j->call, &rep);
	box_release(b);
}

ADMIN_ON(removed)

static struct span value_of(const struct summary *s, enum summary_field field)
{
	for (size_t i = 0; i < s->value_count; i++)
		if (s->values[i].field == field)
			return utf8_fit(s->values[i].text, ROW_TEXT);
	return SPAN("");
}

static void put_message(struct job *j, const struct box_gone *g, struct span name,
			struct admin_store_gone_message *out)
{
	struct summary *s;
	*out = (struct admin_store_gone_message){.mailbox = name,
						 .number = g->mailbox,
						 .uid = g->uid,
						 .when = g->when,
						 .date = g->message.date,
						 .size = g->message.size};
	if (summary_read(g->message.summary, g->message.body_size, j->arena, &s) !=
	    SUMMARY_OK)
		return;
	out->sender = value_of(s, SUMMARY_F_FROM);
	out->subject = value_of(s, SUMMARY_F_SUBJECT);
}

/* A walk over expunged messages from a place on: LOOK rows of one call. */
struct walk {
	struct names names;
	struct box_gone *rows;
	size_t count;
};

static enum box_result look(struct job *j, struct open_box *b,
			    const struct admin_store_place *after, int64_t since,
			    struct walk *w)
{
	struct box_gone from = {.when = after->when,
				.mailbox = after->number,
				.uid = after->uid};
	*w = (struct walk){.names = {.arena = j->arena, .box = b->box},
			   .rows = ARENA_ARRAY(j->arena, LOOK, struct box_gone)};
	if (w->rows == NULL)
		return BOX_UNAVAILABLE;
	if (from.when < since)
		from = (struct box_gone){.when = since};
	return box_gone_list(b->box, KV_VISIBLE, j->arena, &from, w->rows, LOOK,
			     &w->count);
}

static struct admin_store_place place_of(const struct box_gone *g)
{
	return (struct admin_store_place){
		.when = g->when, .number = g->mailbox, .uid = g->uid};
}

static enum box_result list_expunged(struct job *j, struct open_box *b,
				     struct admin_store_expunged_reply *rep)
{
	const struct admin_store_expunged *m = j->ask;
	struct admin_store_gone_message *out = ARENA_ARRAY(
		j->arena, PAGE_EXPUNGED, struct admin_store_gone_message);
	struct walk w;
	enum box_result r = look(j, b, &m->after, m->since, &w);
	if (out == NULL)
		r = BOX_UNAVAILABLE;
	rep->messages = out;
	rep->more = r == BOX_OK && w.count == LOOK;
	for (size_t i = 0; r == BOX_OK && i < w.count; i++) {
		if (rep->messages_count == PAGE_EXPUNGED) {
			rep->more = true;
			break;
		}
		rep->after = place_of(&w.rows[i]);
		r = name_of(&w.names, w.rows[i].mailbox);
		if (r == BOX_OK && (m->mailbox.len == 0 ||
				    span_eq(w.names.name, m->mailbox)))
			put_message(j, &w.rows[i], w.names.name,
				    &out[rep->messages_count++]);
	}
	return r;
}

static void run_expunged(struct job *j)
{
	const struct admin_store_expunged *m = j->ask;
	struct admin_store_expunged_reply rep = {0};
	struct admin_end end;
	struct open_box *b = admin_box(j, m->name, &end);
	if (b != NULL)
		end = admin_box_end(list_expunged(j, b, &rep));
	rep.answer = end.answer;
	rep.why = end.why;
	admin_store_expunged_answer(j->call, &rep);
	box_release(b);
}

ADMIN_ON(expunged)

/* ---- having back ---------------------------------------------------------------- */

static bool wanted(const struct admin_store_undelete *m, const struct box_gone *g)
{
	for (size_t i = 0; i < m->ids_count; i++)
		if (m->ids[i].number == g->mailbox && m->ids[i].uid == g->uid)
			return true;
	return m->ids_count == 0;
}

static enum box_result put_back(struct job *j, struct open_box *b,
				const struct box_gone *list, size_t count,
				size_t *done)
{
	const struct admin_store_undelete *m = j->ask;
	const struct directory_account *a =
		directory_account_named(j->store->directory, m->name);
	struct box_undelete q = {
		.mailbox = list[0].mailbox,
		.messages = list,
		.count = count,
		.quota_bytes = a != NULL ? quota_of(j->store, a) : 0};
	enum box_result r =
		job_box(j, box_undelete(b->box, &q, box_gate, job_gate(j)));
	if (r == BOX_OK)
		*done += q.done;
	return r;
}

/* In commits of BOX_GONE_STEP. */
static enum box_result undelete(struct job *j, struct open_box *b,
				struct admin_store_undelete_reply *rep)
{
	const struct admin_store_undelete *m = j->ask;
	struct walk w;
	uint32_t mailbox;
	size_t n = 0, done = 0;
	enum box_result r = box_find(b->box, KV_VISIBLE, m->mailbox, &mailbox);
	if (r == BOX_OK)
		r = look(j, b, &m->after, m->since, &w);
	if (r != BOX_OK)
		return r;
	rep->more = w.count == LOOK;
	for (size_t i = 0; r == BOX_OK && i < w.count; i++) {
		rep->after = place_of(&w.rows[i]);
		if (w.rows[i].mailbox != mailbox || !wanted(m, &w.rows[i]))
			continue;
		w.rows[n++] = w.rows[i]; /* they move to the front */
		if (n == BOX_GONE_STEP) {
			r = put_back(j, b, w.rows, n, &done);
			n = 0;
		}
	}
	if (r == BOX_OK && n > 0)
		r = put_back(j, b, w.rows, n, &done);
	rep->restored = (uint32_t)done;
	return r;
}

static void run_undelete(struct job *j)
{
	const struct admin_store_undelete *m = j->ask;
	struct admin_store_undelete_reply rep = {0};
	struct admin_end end;
	struct open_box *b = admin_box(j, m->name, &end);
	if (b != NULL)
		end = admin_box_end(undelete(j, b, &rep));
	rep.answer = end.answer;
	rep.why = end.why;
	admin_store_undelete_answer(j->call, &rep);
	box_release(b);
}

ADMIN_ON(undelete)

static enum box_result revive(struct job *j, struct open_box *b, uint32_t *messages)
{
	const struct admin_store_revive *m = j->ask;
	const struct directory_account *a =
		directory_account_named(j->store->directory, m->name);
	struct box_tree t = {.verb = BOX_REVIVE,
			     .name = m->mailbox,
			     .to = m->to,
			     .quota_bytes = a != NULL ? quota_of(j->store, a) : 0};
	struct box_status st = {0};
	enum box_result r = job_box(j, box_tree(b->box, &t, box_gate, job_gate(j)));
	if (r == BOX_OK)
		r = box_status(b->box, KV_VISIBLE, t.mailbox, &st);
	*messages = st.messages;
	return r;
}

#define OF_ONE_THAT_IS_THERE                                                   \
	"messages of one that is there come back by --since AGE, --all or "    \
	"their ids (`letterlock mailbox deleted`)"

static struct admin_end revived(enum box_result r)
{
	struct admin_end end = admin_box_end(r);
	if (r == BOX_NONE)
		end.why = SPAN("none of that name was removed; "
			       OF_ONE_THAT_IS_THERE);
	if (r == BOX_EXISTS)
		end.why = SPAN("--into NAME "
			       "brings a removed one back beside it; "
			       OF_ONE_THAT_IS_THERE);
	return end;
}

static void run_revive(struct job *j)
{
	const struct admin_store_revive *m = j->ask;
	struct admin_store_revive_reply rep = {0};
	struct admin_end end;
	struct open_box *b = admin_box(j, m->name, &end);
	if (b != NULL)
		end = revived(revive(j, b, &rep.messages));
	rep.answer = end.answer;
	rep.why = end.why;
	admin_store_revive_answer(j->call, &rep);
	box_release(b);
}

ADMIN_ON(revive)

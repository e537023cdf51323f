/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_read: what is in a selected mailbox.
 *
 * All from visible state, so that nobody is told of what a crash could take
 * back.  Answers come in pages; `next` says where to go on.
 */
#include "base/check.h"
#include "box/uidl.h"
#include "role/store/access.h"

#define IDS_PAGE 512u /* unique ids of one answer */
#define RANGES_MAX 4096u
#define SLOTS_MAX  2048u
#define ROWS_MAX   512u
#define ROWS_BYTES 61440u
#define ROW_BYTES  56u /* of one row without its summary, at most */
#define BODY_MAX   61440u
#define WHOLE_BYTES 16u /* of a frame, beside a message's own */

static struct selected *mailbox_of(struct job *j, uint64_t handle,
				   enum edge_store_answer *a)
{
	return access_selected(j->session, handle, 0, a);
}

/* Where a message is read: with several UIDs, all must be allowed.  A handle for one
 * message (on_url.c) rests on its URL, any other one on rights. */
static struct selected *message_of(struct job *j, uint64_t handle, const uint32_t *uids,
				   size_t count, enum edge_store_answer *a)
{
	struct selected *sel = NULL;
	for (size_t i = 0; i < count && (i == 0 || sel != NULL); i++)
		sel = session_message(j->session, handle, uids[i]);
	if (count == 0 || (sel != NULL && sel->only == 0))
		return mailbox_of(j, handle, a);
	if (sel == NULL)
		*a = EDGE_STORE_ANSWER_NO;
	return sel;
}

/* Without the mailbox everything about it is gone. */
static enum edge_store_answer of_mailbox(enum box_result r)
{
	return r == BOX_NONE ? EDGE_STORE_ANSWER_GONE : answer_of(r);
}

/* ---- UIDs ------------------------------------------------------------------- */

/* At most RANGES_MAX runs from `from` on; the rest is for the next question. */
static size_t put_ranges(const struct box_uids *in, uint32_t from,
			 struct edge_store_range *out, uint32_t *next)
{
	size_t n = 0;
	*next = 0;
	for (size_t i = 0; i < in->count; i++) {
		struct box_run run = in->runs[i];
		if (run.last < from)
			continue;
		if (n == RANGES_MAX) {
			*next = run.first;
			break;
		}
		out[n++] = (struct edge_store_range){
			.first = run.first < from ? from : run.first,
			.last = run.last};
	}
	return n;
}

static void run_uids(struct job *j)
{
	const struct edge_store_uids *m = j->ask;
	struct edge_store_uids_reply rep = {0};
	struct selected *sel = mailbox_of(j, m->mailbox, &rep.answer);
	struct edge_store_range *out =
		ARENA_ARRAY(j->arena, RANGES_MAX, struct edge_store_range);
	struct box_status st;
	struct box_uids all;
	enum box_result r = out ? BOX_OK : BOX_UNAVAILABLE;
	box_uids_init(&all, j->arena);
	if (sel != NULL && r == BOX_OK)
		r = box_status(sel->box->box, KV_VISIBLE, sel->mailbox, &st);
	if (sel != NULL && r == BOX_OK)
		r = box_view(sel->box->box, KV_VISIBLE, sel->mailbox,
			     st.version, st.uid_next, &all);
	if (sel != NULL)
		rep.answer = of_mailbox(r);
	if (rep.answer == EDGE_STORE_ANSWER_YES) {
		rep.ranges = out;
		rep.ranges_count = put_ranges(&all, m->from, out, &rep.next);
	}
	edge_store_uids_answer(j->call, &rep);
}
BOUND_NOW(uids)

/* ---- pages -------------------------------------------------------------------- */

static enum box_result read_pages(struct job *j, struct selected *sel,
				  struct edge_store_pages_reply *rep)
{
	const struct edge_store_pages *m = j->ask;
	size_t most = m->most == 0 ? SLOTS_MAX : size_min(m->most, SLOTS_MAX);
	struct box_slot *in = ARENA_ARRAY(j->arena, most + 1, struct box_slot);
	struct edge_store_slot *out = ARENA_ARRAY(j->arena, most + 1, struct edge_store_slot);
	size_t count = 0;
	enum box_result r = BOX_UNAVAILABLE;
	if (in != NULL && out != NULL)
		r = box_slots(sel->box->box, KV_VISIBLE, sel->mailbox, m->from,
			      m->above, in, most, &count, &rep->next);
	for (size_t i = 0; r == BOX_OK && i < count; i++)
		out[i] = (struct edge_store_slot){
			.uid = in[i].uid,
			.flags = (uint8_t)in[i].flags,
			.keywords = in[i].keywords,
			.modseq = in[i].modseq};
	if (r == BOX_OK) {
		rep->slots = out;
		rep->slots_count = count;
	}
	return r;
}

static void run_pages(struct job *j)
{
	const struct edge_store_pages *m = j->ask;
	struct edge_store_pages_reply rep = {0};
	struct selected *sel = mailbox_of(j, m->mailbox, &rep.answer);
	if (sel != NULL)
		rep.answer = of_mailbox(read_pages(j, sel, &rep));
	edge_store_pages_answer(j->call, &rep);
}
BOUND_NOW(pages)

/* ---- rows ---------------------------------------------------------------------- */

static struct edge_store_row row_of(uint32_t uid, const struct box_message *m,
				    const struct edge_store_rows *ask)
{
	if (m == NULL)
		return (struct edge_store_row){.uid = uid};
	struct edge_store_row row = {
		.uid = uid,
		.found = true,
		.internal_date = m->date,
		.size = m->size,
		.prefix = (uint32_t)m->prefix.len,
		.has_origin = ask->origins,
		.origin = {.saved = m->saved},
		.summary = ask->summaries ? m->summary : span_of(NULL, 0)};
	memcpy(row.origin.email, m->email.byte, sizeof m->email.byte);
	return row;
}

struct row_list {
	const struct edge_store_rows *ask;
	struct edge_store_row *out;
	size_t count, bytes;
};

/* As many as fit a frame, one at least. */
static bool add_row(void *arg, uint32_t uid, const struct box_message *m)
{
	struct row_list *l = arg;
	struct edge_store_row row = row_of(uid, m, l->ask);
	l->bytes += ROW_BYTES + row.summary.len;
	if (l->count > 0 && l->bytes > ROWS_BYTES)
		return false;
	l->out[l->count++] = row;
	return true;
}

static enum box_result read_rows(struct job *j, struct selected *sel,
				 struct edge_store_rows_reply *rep)
{
	const struct edge_store_rows *m = j->ask;
	struct row_list l = {
		.ask = m,
		.out = ARENA_ARRAY(j->arena, m->uids_count + 1, struct edge_store_row)};
	if (l.out == NULL)
		return BOX_UNAVAILABLE;
	enum box_result r = box_messages(sel->box->box, KV_VISIBLE, sel->mailbox, m->uids,
					 m->uids_count, m->summaries, j->arena, add_row, &l);
	rep->rows = l.out;
	rep->rows_count = l.count;
	return r;
}

static void run_rows(struct job *j)
{
	const struct edge_store_rows *m = j->ask;
	struct edge_store_rows_reply rep = {0};
	struct selected *sel =
		message_of(j, m->mailbox, m->uids, m->uids_count, &rep.answer);
	if (sel != NULL)
		rep.answer = of_mailbox(read_rows(j, sel, &rep));
	edge_store_rows_answer(j->call, &rep);
}
BOUND_NOW(rows)

/* ---- changes --------------------------------------------------------------------- */

static void run_changes(struct job *j)
{
	const struct edge_store_changes *m = j->ask;
	struct edge_store_changes_reply rep = {0};
	struct selected *sel = mailbox_of(j, m->mailbox, &rep.answer);
	struct edge_store_range *out =
		ARENA_ARRAY(j->arena, RANGES_MAX, struct edge_store_range);
	struct box_changes c = {0};
	enum box_result r = BOX_UNAVAILABLE;
	if (sel != NULL && out != NULL)
		r = box_changes(sel->box->box, KV_VISIBLE, sel->mailbox,
				m->since, true, j->arena, &c);
	if (sel != NULL)
		rep.answer = of_mailbox(r);
	if (rep.answer == EDGE_STORE_ANSWER_YES) {
		rep.version = c.now.version;
		rep.uid_next = c.now.uid_next;
		rep.exists = c.now.messages;
		rep.vanished = out;
		rep.vanished_count =
			put_ranges(&c.vanished, m->from, out, &rep.next);
		if (sel->told < rep.version) {
			sel->told = rep.version;
			sel->told_next = rep.uid_next;
		}
	}
	edge_store_changes_answer(j->call, &rep);
}
BOUND_NOW(changes)

/* ---- bodies ------------------------------------------------------------------------ */

/*
 * What one answer carries: a piece of the message that was asked for, and messages
 * that the client will ask for next.  One reader fetches all of it, so that a cold disk
 * holds up nobody else.
 */
struct parcel {
	uint32_t uid;
	uint64_t size; /* bytes that are wanted, header fields in front included */
	struct buf bytes;
	struct kv_piece *piece; /* NULL: nothing to fetch */
};

struct reading {
	struct job *job;
	struct parcel *at;
	struct kv_piece *pieces;
	size_t count, piece_count;
	size_t room; /* of the frame */
};

/* len bytes from `from` on, which the message has. */
static void carry(struct reading *q, uint32_t uid, const struct box_message *m, uint64_t from,
		  size_t len)
{
	struct parcel *a = &q->at[q->count++];
	*a = (struct parcel){.uid = uid, .size = len};
	buf_init(&a->bytes, len);
	if (from < m->prefix.len) {
		struct span head = span_sub(m->prefix, (size_t)from, len);
		buf_add(&a->bytes, head);
		len -= head.len;
		from += head.len;
	}
	q->room -= size_min(q->room, (size_t)a->size + WHOLE_BYTES);
	if (len == 0)
		return;
	a->piece = &q->pieces[q->piece_count++];
	*a->piece = (struct kv_piece){.id = m->body,
				      .from = from - m->prefix.len,
				      .len = len,
				      .out = &a->bytes};
}

static bool carry_ahead(void *arg, uint32_t uid, const struct box_message *m)
{
	struct reading *q = arg;
	if (m == NULL)
		return true; /* whoever asks for it hears why */
	if (m->size + WHOLE_BYTES > q->room)
		return false;
	carry(q, uid, m, 0, (size_t)m->size);
	return true;
}

static enum box_result plan(struct reading *q, struct selected *sel)
{
	const struct edge_store_body *m = q->job->ask;
	struct box_message msg;
	struct arena *arena = q->job->arena;
	q->at = ARENA_ARRAY(arena, m->ahead_count + 1, struct parcel);
	q->pieces = ARENA_ARRAY(arena, m->ahead_count + 1, struct kv_piece);
	if (q->at == NULL || q->pieces == NULL)
		return BOX_UNAVAILABLE;
	enum box_result r = box_message(sel->box->box, KV_VISIBLE, sel->mailbox, m->uid, false,
					arena, &msg);
	if (r != BOX_OK)
		return r;
	uint64_t left = msg.size - u64_min(m->offset, msg.size);
	q->room = BODY_MAX + WHOLE_BYTES;
	carry(q, m->uid, &msg, m->offset, (size_t)u64_min(left, size_min(m->length, BODY_MAX)));
	/* What cannot be read now is asked for by itself. */
	if (m->ahead_count > 0 && sel->only == 0)
		(void)!box_messages(sel->box->box, KV_VISIBLE, sel->mailbox, m->ahead,
				    m->ahead_count, false, arena, carry_ahead, q);
	return BOX_OK;
}

static bool carried(const struct parcel *a)
{
	return (a->piece == NULL || a->piece->result == KV_OK) && buf_len(&a->bytes) == a->size;
}

static enum box_result read_all(struct reading *q)
{
	struct job *j = q->job;
	if (q->piece_count > 0 &&
	    job_kv(j, kv_bodies_fetch(j->store->kv, q->pieces, q->piece_count, kv_gate,
				      job_gate(j))) != KV_OK)
		return BOX_UNAVAILABLE;
	if (carried(&q->at[0]))
		return BOX_OK;
	const struct kv_piece *p = q->at[0].piece;
	return p == NULL || p->result == KV_UNAVAILABLE ? BOX_UNAVAILABLE : BOX_CORRUPT;
}

static void put_carried(const struct reading *q, struct edge_store_body_reply *rep)
{
	struct edge_store_whole *out =
		ARENA_ARRAY(q->job->arena, q->count, struct edge_store_whole);
	rep->bytes = buf_span(&q->at[0].bytes);
	for (size_t i = 1; out != NULL && i < q->count; i++)
		if (carried(&q->at[i]))
			out[rep->whole_count++] = (struct edge_store_whole){
				q->at[i].uid, buf_span(&q->at[i].bytes)};
	rep->whole = out;
}

static void run_body(struct job *j)
{
	struct reading q = {.job = j};
	const struct edge_store_body *m = j->ask;
	struct edge_store_body_reply rep = {0};
	struct selected *sel =
		message_of(j, m->mailbox, &m->uid, 1, &rep.answer);
	struct box_status st;
	if (sel != NULL) {
		struct open_box *b = box_again(sel->box);
		uint32_t mailbox = sel->mailbox;
		enum box_result r = plan(&q, sel);
		if (r == BOX_OK)
			r = read_all(&q);
		rep.answer = answer_of(r);
		if (r == BOX_NONE && box_status(b->box, KV_VISIBLE, mailbox,
						&st) == BOX_NONE)
			rep.answer = EDGE_STORE_ANSWER_GONE;
		box_release(b);
	}
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		put_carried(&q, &rep);
	edge_store_body_answer(j->call, &rep);
	for (size_t i = 0; i < q.count; i++)
		buf_free(&q.at[i].bytes);
}
BOUND_JOB(body)

/* ---- unique ids of POP3 ------------------------------------------------------------- */

static void run_kept_ids(struct job *j)
{
	const struct edge_store_kept_ids *m = j->ask;
	struct edge_store_kept_ids_reply rep = {0};
	struct selected *sel = mailbox_of(j, m->mailbox, &rep.answer);
	struct box_uidl *found = ARENA_ARRAY(j->arena, IDS_PAGE, struct box_uidl);
	struct edge_store_kept_id *ids =
		ARENA_ARRAY(j->arena, IDS_PAGE, struct edge_store_kept_id);
	size_t count = 0;
	if (found == NULL || ids == NULL)
		rep.answer = EDGE_STORE_ANSWER_LATER;
	else if (sel != NULL)
		rep.answer = of_mailbox(box_uidls(sel->box->box, KV_VISIBLE,
						  sel->mailbox, m->from, m->to, j->arena,
						  found, IDS_PAGE, &count, &rep.next));
	for (size_t i = 0; i < count; i++)
		ids[i] = (struct edge_store_kept_id){found[i].uid, found[i].text};
	rep.ids = ids;
	rep.ids_count = count;
	edge_store_kept_ids_answer(j->call, &rep);
}
BOUND_NOW(kept_ids)

/* ---- keywords ------------------------------------------------------------------------ */

static void run_keywords(struct job *j)
{
	const struct edge_store_keywords *m = j->ask;
	struct edge_store_keywords_reply rep = {0};
	struct selected *sel = mailbox_of(j, m->mailbox, &rep.answer);
	struct span names[BOX_KEYWORDS_MAX];
	size_t count = 0;
	if (sel != NULL)
		rep.answer = of_mailbox(box_keywords(sel->box->box, KV_VISIBLE,
						     sel->mailbox, j->arena,
						     names, &count));
	rep.names = names;
	rep.names_count = count;
	edge_store_keywords_answer(j->call, &rep);
}
BOUND_NOW(keywords)

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_read: what is in a selected mailbox.
 *
 * All from visible state, so that nobody is told of what a crash could take
 * back.  Answers come in pages; `next` says where to go on.
 */
#include "base/check.h"
#include "role/store/session.h"

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
	struct selected *sel = session_mailbox(j->session, handle);
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
	struct box_slot *in = ARENA_ARRAY(j->arena, SLOTS_MAX, struct box_slot);
	struct edge_store_slot *out =
		ARENA_ARRAY(j->arena, SLOTS_MAX, struct edge_store_slot);
	size_t count = 0;
	enum box_result r = BOX_UNAVAILABLE;
	if (in != NULL && out != NULL)
		r = box_slots(sel->box->box, KV_VISIBLE, sel->mailbox, m->from,
			      m->above, in, SLOTS_MAX, &count, &rep->next);
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

static struct edge_store_row row_of(uint32_t uid, bool found,
				    const struct box_message *m,
				    const struct edge_store_rows *ask)
{
	if (!found)
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

/* As many as fit a frame, one at least; read a few at a time. */
static enum box_result read_rows(struct job *j, struct selected *sel,
				 struct edge_store_rows_reply *rep)
{
	const struct edge_store_rows *m = j->ask;
	struct edge_store_row *out = ARENA_ARRAY(
		j->arena, m->uids_count + 1, struct edge_store_row);
	size_t bytes = 0;
	if (out == NULL)
		return BOX_UNAVAILABLE;
	rep->rows = out;
	for (size_t i = 0; i < m->uids_count; i++) {
		struct box_message one;
		enum box_result r =
			box_message(sel->box->box, KV_VISIBLE, sel->mailbox,
				    m->uids[i], m->summaries, j->arena, &one);
		if (r != BOX_OK && r != BOX_NONE)
			return r;
		struct edge_store_row row = row_of(m->uids[i], r == BOX_OK,
						   &one, m);
		bytes += ROW_BYTES + row.summary.len;
		if (i > 0 && bytes > ROWS_BYTES)
			break;
		out[rep->rows_count++] = row;
	}
	return BOX_OK;
}

static void run_rows(struct job *j)
{
	const struct edge_store_rows *m = j->ask;
	struct edge_store_rows_reply rep = {0};
	struct selected *sel = mailbox_of(j, m->mailbox, &rep.answer);
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

/* Bytes of the body itself, by the readers, so that a cold disk holds up
 * nobody else. */
static enum box_result fetch(struct job *j, const struct box_message *msg,
			     uint64_t at, size_t len, struct buf *out)
{
	enum kv_result r = job_kv(
		j, kv_body_fetch(j->store->kv, &msg->body, at, len, out,
				 kv_gate, job_gate(j)));
	if (r == KV_OK)
		return BOX_OK;
	return r == KV_UNAVAILABLE ? BOX_UNAVAILABLE : BOX_CORRUPT;
}

static enum box_result read_body(struct job *j, struct selected *sel,
				 struct buf *out)
{
	const struct edge_store_body *m = j->ask;
	struct box_message msg;
	enum box_result r = box_message(sel->box->box, KV_VISIBLE, sel->mailbox,
					m->uid, false, j->arena, &msg);
	size_t len = size_min(m->length, BODY_MAX);
	if (r != BOX_OK)
		return r;
	uint64_t at = m->offset;
	if (at < msg.prefix.len) {
		struct span head = span_sub(msg.prefix, (size_t)at, len);
		buf_add(out, head);
		len -= head.len;
		at += head.len;
	}
	at -= msg.prefix.len;
	if (len > 0 && at < msg.body_size)
		r = fetch(j, &msg, at, len, out);
	return r;
}

/* Messages that the client will ask for next, read side by side. */
struct ahead {
	struct reading *reading;
	uint32_t uid;
	uint64_t size;
	struct buf bytes;
	bool read;
};

struct reading {
	struct ahead *at;
	size_t count, left; /* left: not yet answered, and one for who starts them */
	void *gate;
};

static void one_read(void *arg, enum kv_result r)
{
	struct ahead *a = arg;
	a->read = r == KV_OK && buf_len(&a->bytes) == a->size;
	if (--a->reading->left == 0)
		kv_gate(a->reading->gate, KV_OK);
}

static void start_one(struct job *j, struct reading *q, const struct box_message *m)
{
	struct ahead *a = &q->at[q->count++];
	*a = (struct ahead){.reading = q, .uid = m->uid, .size = m->size};
	buf_init(&a->bytes, m->size);
	buf_add(&a->bytes, m->prefix);
	a->read = m->body_size == 0;
	if (a->read)
		return;
	q->left++;
	if (kv_body_fetch(j->store->kv, &m->body, 0, (size_t)m->body_size, &a->bytes, one_read,
			  a) != KV_OK)
		q->left--;
}

static void read_ahead(struct job *j, struct open_box *b, uint32_t mailbox, size_t room,
		       struct reading *q)
{
	const struct edge_store_body *m = j->ask;
	q->at = ARENA_ARRAY(j->arena, m->ahead_count, struct ahead);
	q->gate = job_gate(j);
	q->left = 1;
	for (size_t i = 0; q->at != NULL && i < m->ahead_count; i++) {
		struct box_message msg;
		if (box_message(b->box, KV_VISIBLE, mailbox, m->ahead[i], false, j->arena,
				&msg) != BOX_OK)
			continue; /* whoever asks for it hears why */
		if (msg.size + WHOLE_BYTES > room)
			break;
		room -= (size_t)msg.size + WHOLE_BYTES;
		start_one(j, q, &msg);
	}
	if (--q->left > 0)
		(void)!job_kv(j, KV_OK);
}

static void put_ahead(struct job *j, const struct reading *q, struct edge_store_body_reply *rep)
{
	struct edge_store_whole *out = ARENA_ARRAY(j->arena, q->count + 1, struct edge_store_whole);
	for (size_t i = 0; out != NULL && i < q->count; i++)
		if (q->at[i].read)
			out[rep->whole_count++] = (struct edge_store_whole){
				q->at[i].uid, buf_span(&q->at[i].bytes)};
	rep->whole = out;
}

static void run_body(struct job *j)
{
	struct reading ahead = {0};
	const struct edge_store_body *m = j->ask;
	struct edge_store_body_reply rep = {0};
	struct selected *sel = mailbox_of(j, m->mailbox, &rep.answer);
	struct buf out;
	struct box_status st;
	buf_init(&out, BODY_MAX);
	if (sel != NULL) {
		struct open_box *b = box_again(sel->box);
		uint32_t mailbox = sel->mailbox;
		enum box_result r = read_body(j, sel, &out);
		rep.answer = answer_of(r);
		if (r == BOX_NONE && box_status(b->box, KV_VISIBLE, mailbox,
						&st) == BOX_NONE)
			rep.answer = EDGE_STORE_ANSWER_GONE;
		if (r == BOX_OK && m->ahead_count > 0)
			read_ahead(j, b, mailbox, BODY_MAX - buf_len(&out), &ahead);
		box_release(b);
	}
	if (rep.answer == EDGE_STORE_ANSWER_YES) {
		rep.bytes = buf_span(&out);
		put_ahead(j, &ahead, &rep);
	}
	edge_store_body_answer(j->call, &rep);
	for (size_t i = 0; i < ahead.count; i++)
		buf_free(&ahead.at[i].bytes);
	buf_free(&out);
}
BOUND_JOB(body)

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

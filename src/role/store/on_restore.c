/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_restore: mail of a backup is put into a new folder of an
 * account.
 *
 * The administrator's command reads the backup; here its messages take the road
 * of APPEND, through a session that the admin channel alone can name.  One
 * restore at a time; the session of one that fell silent is closed.
 *
 * Must never: touch a mailbox outside of the folder that was named at the
 * beginning.
 */
#include <stdio.h>

#include "box/tree.h"
#include "role/store/admin.h"
#include "role/store/body.h"

#define SILENCE_S 60u

struct end {
	enum admin_store_answer answer;
	struct span why;
};

static struct end end_of(enum edge_store_answer a)
{
	switch (a) {
	case EDGE_STORE_ANSWER_YES:
		return (struct end){ADMIN_STORE_ANSWER_DONE, SPAN("")};
	case EDGE_STORE_ANSWER_EXISTS:
		return (struct end){ADMIN_STORE_ANSWER_EXISTS, SPAN("")};
	case EDGE_STORE_ANSWER_UNKNOWN:
		return (struct end){ADMIN_STORE_ANSWER_UNKNOWN,
				    SPAN("the folder was removed meanwhile")};
	case EDGE_STORE_ANSWER_TOO_BIG:
		return (struct end){
			ADMIN_STORE_ANSWER_INVALID,
			SPAN("it is larger than limits message-size")};
	case EDGE_STORE_ANSWER_LIMIT:
		return (struct end){
			ADMIN_STORE_ANSWER_LATER,
			SPAN("the disk is full, or a limit of the "
					 "account or of what arrives at once is "
					 "reached")};
	case EDGE_STORE_ANSWER_CANNOT:
		return (struct end){ADMIN_STORE_ANSWER_INVALID,
				    SPAN("no mailbox may have that name")};
	case EDGE_STORE_ANSWER_LATER:
		return (struct end){ADMIN_STORE_ANSWER_LATER, SPAN("")};
	default:
		return (struct end){ADMIN_STORE_ANSWER_REFUSED, SPAN("")};
	}
}

/* ---- the session -------------------------------------------------------- */

static struct session *current(const struct store *s)
{
	return s->restore.session != 0
		       ? map_get_id(s->sessions, s->restore.session)
		       : NULL;
}

static void lapsed(struct timer *t)
{
	struct store *s = t->arg;
	struct session *ss = current(s);
	if (ss == NULL)
		return;
	LOG(s->role->log, NOTICE, "restore.lapsed", 0);
	session_close(ss);
}

static void keep_on(struct store *s)
{
	struct loop *loop = s->role->loop;
	(void)!timer_start(loop, &s->restore.lapse,
			   loop_now(loop) + SILENCE_S * NS_PER_SEC, lapsed, s);
}

void restore_stop(struct store *s)
{
	timer_stop(&s->restore.lapse);
}

/* NULL: not the one that is under way. */
static struct session *step(struct peer *p, uint64_t id)
{
	struct session *ss = current(p->store);
	if (ss == NULL || ss->id != id || session_bound(p, id) != ss)
		return NULL;
	keep_on(p->store);
	return ss;
}

#define LAPSED                                                                 \
	.answer = ADMIN_STORE_ANSWER_REFUSED,                                  \
	.why = SPAN(                                                           \
		"it ended: the store was restarted, the account is locked "    \
		"or removed, or the command was silent for too long")

/* ---- beginning ---------------------------------------------------------- */

static enum edge_store_answer make(struct job *j, struct span name)
{
	struct box_tree t = {.verb = BOX_CREATE, .name = name};
	enum box_result r = BOX_UNAVAILABLE;
	struct open_box *b = box_prepared(j, j->session->account, &r);
	if (b == NULL)
		return EDGE_STORE_ANSWER_LATER;
	if (!box_name_ok(name))
		r = BOX_CANNOT;
	else
		r = job_box(j, box_tree(b->box, &t, box_gate, job_gate(j)));
	box_release(b);
	return answer_of(r);
}

static void run_begin(struct job *j)
{
	const struct admin_store_restore_begin *m = j->ask;
	struct end e = end_of(make(j, m->folder));
	if (e.answer == ADMIN_STORE_ANSWER_EXISTS && m->into)
		e = end_of(EDGE_STORE_ANSWER_YES);
	if (e.answer != ADMIN_STORE_ANSWER_DONE && j->session->peer != NULL)
		session_close(j->session);
	admin_store_restore_begin_answer(
		j->call, &(struct admin_store_restore_begin_reply){
				 .answer = e.answer,
				 .why = e.why,
				 .session = j->session->id});
}

void on_restore_begin(void *ctx, struct ipc_call *call,
		      const struct admin_store_restore_begin *m)
{
	struct peer *p = ctx;
	struct store *s = p->store;
	const struct directory_account *a =
		directory_account_named(s->directory, m->name);
	struct admin_store_restore_begin_reply rep = {
		.answer = ADMIN_STORE_ANSWER_LATER};
	struct session *ss = NULL;
	if (current(s) != NULL) {
		rep.answer = ADMIN_STORE_ANSWER_REFUSED;
		rep.why = SPAN("another one is under way; if its command was "
			       "killed, try again in a minute");
	} else if (a == NULL) {
		rep.answer = ADMIN_STORE_ANSWER_UNKNOWN;
	} else if (!s->draining) {
		ss = session_administer(p, a->id);
	}
	if (ss == NULL) {
		admin_store_restore_begin_answer(call, &rep);
		return;
	}
	s->restore.session = ss->id;
	snprintf(s->restore.folder, sizeof s->restore.folder, "%.*s",
		 SPAN_FMT(m->folder));
	keep_on(s);
	job_start(s, call, m, ss, run_begin);
}

/* ---- mailboxes and messages --------------------------------------------- */

/* As it is called in the account. */
static struct span below(struct job *j, struct span mailbox)
{
	const char *folder = j->store->restore.folder;
	return mailbox.len > 0 ? arena_printf(j->arena, "%s/%.*s", folder,
					      SPAN_FMT(mailbox))
			       : arena_printf(j->arena, "%s", folder);
}

static void run_mailbox(struct job *j)
{
	const struct admin_store_restore_mailbox *m = j->ask;
	struct end e = end_of(make(j, below(j, m->mailbox)));
	admin_store_restore_mailbox_answer(
		j->call, &(struct admin_store_restore_mailbox_reply){
				 .answer = e.answer, .why = e.why});
}

void on_restore_mailbox(void *ctx, struct ipc_call *call,
			const struct admin_store_restore_mailbox *m)
{
	struct peer *p = ctx;
	struct session *ss = step(p, m->session);
	if (ss != NULL)
		job_start(p->store, call, m, ss, run_mailbox);
	else
		admin_store_restore_mailbox_answer(
			call,
			&(struct admin_store_restore_mailbox_reply){LAPSED});
}

void on_restore_stage(void *ctx, struct ipc_call *call,
		      const struct admin_store_restore_stage *m)
{
	struct session *ss = step(ctx, m->session);
	struct admin_store_restore_stage_reply rep = {LAPSED};
	if (ss != NULL) {
		struct end e =
			end_of(stage_piece(ss, ss->staged == NULL, m->piece));
		rep.answer = e.answer;
		rep.why = e.why;
	}
	admin_store_restore_stage_answer(call, &rep);
}

static void run_message(struct job *j)
{
	const struct admin_store_restore_message *m = j->ask;
	const struct staged *st = j->session->staged;
	struct appending what = {.name = below(j, m->mailbox),
				 .flags = m->flags,
				 .keywords = m->keywords,
				 .keyword_count = m->keywords_count,
				 .date = m->date,
				 .no_quota = true};
	struct body body;
	enum edge_store_answer a =
		body_collect(j, st != NULL ? st->id : 0, m->body, &body);
	if (a == EDGE_STORE_ANSWER_YES)
		a = append_body(j, &body, &what);
	body_drop(&body);
	struct end e = end_of(a);
	admin_store_restore_message_answer(
		j->call, &(struct admin_store_restore_message_reply){
				 .answer = e.answer, .why = e.why});
}

void on_restore_message(void *ctx, struct ipc_call *call,
			const struct admin_store_restore_message *m)
{
	struct peer *p = ctx;
	struct session *ss = step(p, m->session);
	if (ss != NULL)
		job_start(p->store, call, m, ss, run_message);
	else
		admin_store_restore_message_answer(
			call,
			&(struct admin_store_restore_message_reply){LAPSED});
}

void on_restore_end(void *ctx, struct ipc_call *call,
		    const struct admin_store_restore_end *m)
{
	struct peer *p = ctx;
	struct session *ss = step(p, m->session);
	struct admin_store_restore_end_reply rep = {LAPSED};
	if (ss != NULL) {
		restore_stop(p->store);
		session_close(ss);
		rep = (struct admin_store_restore_end_reply){
			.answer = ADMIN_STORE_ANSWER_DONE};
	}
	admin_store_restore_end_answer(call, &rep);
}

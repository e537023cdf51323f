/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_backup: a checkpoint in the store's own folder, for as long as
 * somebody copies it.
 *
 * The store hands nothing out: whoever copies reads the folder with rights of
 * his own.  A copier that vanished is noticed by its silence.
 *
 * Must never: let a body be removed that a checkpoint may name.
 */
#include "role/store/admin.h"

#define SILENCE_S 60u

static void lapsed(struct timer *);

static void keep_on(struct store *s)
{
	struct loop *loop = s->role->loop;
	(void)!timer_start(loop, &s->backup.lapse,
			   loop_now(loop) + SILENCE_S * NS_PER_SEC, lapsed, s);
}

bool backup_spares(const struct store *s)
{
	return s->backup.busy || s->backup.held;
}

void backup_stop(struct store *s)
{
	timer_stop(&s->backup.lapse);
}

/* What cannot be dropped now goes at the next start or with the next one. */
static enum kv_result drop(struct job *j)
{
	struct store *s = j->store;
	timer_stop(&s->backup.lapse);
	s->backup.busy = true;
	enum kv_result r = job_kv(
		j, kv_checkpoint_drop(s->kv, kv_gate, job_gate(j)));
	s->backup.busy = s->backup.held = false;
	return r;
}

static void run_lapse(struct job *j)
{
	LOG(j->store->role->log, NOTICE, "backup.lapsed", 0);
	(void)drop(j);
}

static void lapsed(struct timer *t)
{
	struct store *s = t->arg;
	if (!s->closing && !job_background(s, run_lapse, NULL))
		keep_on(s);
}

static enum kv_result begin(struct job *j)
{
	struct store *s = j->store;
	s->backup.busy = true;
	enum kv_result r =
		job_kv(j, kv_checkpoint(s->kv, kv_gate, job_gate(j)));
	s->backup.busy = false;
	s->backup.held = r == KV_OK;
	if (s->backup.held && !s->closing)
		keep_on(s);
	return r;
}

static void run_backup(struct job *j)
{
	const struct admin_store_backup *m = j->ask;
	struct store *s = j->store;
	struct admin_store_backup_reply rep = {
		.answer = ADMIN_STORE_ANSWER_REFUSED, .seconds = SILENCE_S};
	enum kv_result r = KV_OK;
	if (s->disk != NULL) {
		rep.why = SPAN("this instance keeps nothing on a disk");
	} else if (s->backup.busy || (m->step == ADMIN_STORE_BACKUP_STEP_BEGIN &&
				      s->backup.held)) {
		rep.why = SPAN("another one is under way; if its command was "
			       "killed, try again in a minute");
	} else if (m->step == ADMIN_STORE_BACKUP_STEP_BEGIN) {
		r = begin(j);
		rep.answer = r == KV_OK ? ADMIN_STORE_ANSWER_DONE
					: ADMIN_STORE_ANSWER_LATER;
	} else if (!s->backup.held) {
		rep.why = SPAN("none is under way: the store was restarted, or "
			       "the copy was silent for too long");
	} else {
		rep.answer = ADMIN_STORE_ANSWER_DONE;
		if (m->step == ADMIN_STORE_BACKUP_STEP_KEEP)
			keep_on(s);
		else
			r = drop(j);
	}
	if (r != KV_OK)
		rep.why = span_cstr(kv_result_name(r));
	admin_store_backup_answer(j->call, &rep);
}

void on_backup(void *ctx, struct ipc_call *call,
	       const struct admin_store_backup *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_backup);
}

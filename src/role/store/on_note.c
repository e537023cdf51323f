/* SPDX-License-Identifier: Apache-2.0 */
/* role/store/on_note: what couriers remember; durable before the answer. */
#include "role/store/queue.h"

#include "spool/note.h"

#define NAMES_MAX 100u

_Static_assert(COURIER_STORE_NOTE_TALLY < SPOOL_NOTE_KINDS, "kinds");

static void run_put(struct job *j)
{
	const struct courier_store_note_put *m = j->ask;
	struct spool_note q = {.kind = (unsigned)m->kind,
			       .name = m->name,
			       .value = m->value};
	enum spool_result r = job_spool(
		j, spool_note_put(j->store->spool, &q, spool_gate,
				  job_gate(j)));
	courier_store_note_put_answer(
		j->call,
		&(struct courier_store_note_put_reply){queue_answer(r)});
}

void on_note_put(void *ctx, struct ipc_call *call,
		 const struct courier_store_note_put *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_put);
}

static void run_get(struct job *j)
{
	const struct courier_store_note_get *m = j->ask;
	struct buf value;
	buf_init(&value, SPOOL_NOTE_VALUE);
	enum spool_result r = spool_note_get(j->store->spool,
					     (unsigned)m->kind, m->name, &value);
	courier_store_note_get_answer(
		j->call, &(struct courier_store_note_get_reply){
				 .answer = queue_answer(r),
				 .value = buf_span(&value)});
	buf_free(&value);
}

void on_note_get(void *ctx, struct ipc_call *call,
		 const struct courier_store_note_get *m)
{
	struct peer *p = ctx;
	job_now(p->store, call, m, NULL, run_get);
}

static void run_list(struct job *j)
{
	const struct courier_store_notes *m = j->ask;
	struct courier_store_notes_reply r = {
		.answer = COURIER_STORE_ANSWER_LATER};
	struct span *names = ARENA_ARRAY(j->arena, NAMES_MAX, struct span);
	if (names != NULL)
		r.answer = queue_answer(spool_notes(
			j->store->spool, (unsigned)m->kind, m->after, j->arena,
			names, NAMES_MAX, &r.names_count, &r.more));
	r.names = names;
	courier_store_notes_answer(j->call, &r);
}

void on_notes(void *ctx, struct ipc_call *call,
	      const struct courier_store_notes *m)
{
	struct peer *p = ctx;
	job_now(p->store, call, m, NULL, run_list);
}

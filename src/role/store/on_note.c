/* SPDX-License-Identifier: Apache-2.0 */
/* role/store/on_note: what couriers remember; durable before the answer. */
#include "role/store/admin.h"
#include "role/store/queue.h"

#include "base/utf8.h"
#include "spool/note.h"

#define NAMES_MAX 100u

_Static_assert(COURIER_STORE_NOTE_REPORT < SPOOL_NOTE_KINDS, "kinds");

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

/* ---- what was reported, for the administrator ---------------------------------- */

#define PAGE_REPORTS 6u
#define REPORT_MAX   8192u

static bool one_report(struct job *j, struct span name,
		       struct admin_store_sent_report *out)
{
	struct buf b;
	buf_init(&b, SPOOL_NOTE_VALUE);
	bool ok = spool_note_get(j->store->spool, COURIER_STORE_NOTE_REPORT,
				 name, &b) == SPOOL_OK &&
		  buf_len(&b) <= REPORT_MAX && utf8_valid(buf_span(&b)) &&
		  !span_has(buf_span(&b), '\0');
	out->name = name;
	ok = ok && arena_copy(j->arena, buf_span(&b), &out->sent);
	buf_free(&b);
	return ok;
}

static void run_reports(struct job *j)
{
	const struct admin_store_reports *m = j->ask;
	struct admin_store_sent_report list[PAGE_REPORTS] = {0};
	struct admin_store_reports_reply r = {
		.answer = ADMIN_STORE_ANSWER_LATER, .reports = list};
	struct span names[PAGE_REPORTS];
	size_t count = 0;
	if (spool_notes(j->store->spool, COURIER_STORE_NOTE_REPORT, m->after,
			j->arena, names, PAGE_REPORTS, &count,
			&r.more) == SPOOL_OK)
		r.answer = ADMIN_STORE_ANSWER_DONE;
	for (size_t i = 0; i < count; i++) {
		/* A row that cannot be read is named all the same. */
		(void)!one_report(j, names[i], &list[i]);
		r.reports_count++;
	}
	admin_store_reports_answer(j->call, &r);
}

void on_reports(void *ctx, struct ipc_call *call, const struct admin_store_reports *m)
{
	struct peer *p = ctx;
	job_now(p->store, call, m, NULL, run_reports);
}

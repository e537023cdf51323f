/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_queue: what waits in the spool. */
#include "role/admin/admin.h"

static void job_row(struct job *j, const struct admin_store_job *q)
{
	struct buf *row = row_begin(j);
	row_text(row, "id", q->id);
	row_text(row, "sender", q->sender);
	row_text(row, "recipient", q->recipient);
	row_text(row, "state", q->state);
	row_u64(row, "size", q->size);
	row_i64(row, "arrived", q->arrived);
	row_u64(row, "attempts", q->attempts);
	row_text(row, "why", q->why);
	row_send(j);
}

void verb_queue_list(struct job *j)
{
	struct admin_store_queue_reply rep = {.more = true};
	struct span after = SPAN("");
	while (rep.more) {
		struct admin_store *store = job_store(j);
		struct admin_store_queue m = {.after = after};
		if (store == NULL)
			return;
		rep = (struct admin_store_queue_reply){0};
		enum ipc_result r = admin_store_queue(store, &m, j->arena, &rep,
						      job_deadline(j));
		if (!job_stored(j, r, rep.answer, SPAN(""), "the queue"))
			return;
		for (size_t i = 0; i < rep.jobs_count; i++)
			job_row(j, &rep.jobs[i]);
		if (rep.jobs_count == 0)
			return;
		after = rep.jobs[rep.jobs_count - 1].id;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_status: what the supervisor is asked: status, reload, stop. */
#include "base/check.h"
#include "role/admin/admin.h"

#define WITHIN_MAX 3600000u /* ms */

static struct admin_boss *boss_of(struct job *j)
{
	if (j->admin->boss == NULL)
		job_no_answer(j, IPC_DEAD, "the supervisor");
	return j->admin->boss;
}

void verb_status(struct job *j)
{
	struct admin_boss *boss = boss_of(j);
	struct admin_boss_status m = {.confinement = job_has(j, "confinement")};
	struct admin_boss_status_reply rep = {0};
	if (boss == NULL)
		return;
	enum ipc_result r = admin_boss_status(boss, &m, j->arena, &rep,
					      job_deadline(j));
	if (r != IPC_OK)
		job_no_answer(j, r, "the supervisor");
	else if (rep.answer != ADMIN_BOSS_ANSWER_DONE)
		job_end(j, CMD_ADMIN_STATUS_FOUND, "the status is too large");
	else
		row_send_json(j, rep.json);
}

void verb_statistics(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_statistics_reply rep = {0};
	struct admin_store_statistics m = {0};
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_statistics(store, &m, j->arena, &rep,
						   job_deadline(j));
	if (r != IPC_OK)
		job_no_answer(j, r, "the store");
	else
		row_send_json(j, rep.json);
}

void verb_reload(struct job *j)
{
	struct admin_boss *boss = boss_of(j);
	struct admin_boss_reload m = {0};
	struct admin_boss_reload_reply rep = {0};
	if (boss == NULL)
		return;
	enum ipc_result r = admin_boss_reload(boss, &m, j->arena, &rep,
					      job_deadline(j));
	if (r == IPC_BUSY)
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE,
			"another reload or the start is under way: try again in "
			"a few seconds");
	else if (r != IPC_OK)
		job_no_answer(j, r, "the supervisor");
	else
		job_end(j,
			rep.answer == ADMIN_BOSS_ANSWER_DONE
				? CMD_ADMIN_STATUS_DONE
				: CMD_ADMIN_STATUS_REFUSED,
			"%.*s", SPAN_FMT(rep.why));
}

void verb_stop(struct job *j)
{
	struct admin_boss *boss = boss_of(j);
	struct admin_boss_stop m = {0};
	struct admin_boss_stop_reply rep = {0};
	uint64_t within = j->admin->conf->drain * 1000;
	if (boss == NULL ||
	    (job_has(j, "within") && !job_number(j, "within", WITHIN_MAX, &within)))
		return;
	m.within_ms = (uint32_t)u64_min(within, WITHIN_MAX);
	enum ipc_result r = admin_boss_stop(boss, &m, j->arena, &rep,
					    job_deadline(j));
	if (r != IPC_OK)
		job_no_answer(j, r, "the supervisor");
}

/* One attempt in one process; the row says how it ended. */
void verb_probe(struct job *j)
{
	static const char *const ends[] = {"held", "hole", "killed", "silent"};
	struct admin_boss *boss = boss_of(j);
	struct admin_boss_probe_reply rep = {0};
	uint64_t index = 0, attempt = 0;
	if (boss == NULL || !job_number(j, "index", UINT16_MAX, &index) ||
	    !job_number(j, "attempt", UINT16_MAX, &attempt))
		return;
	struct admin_boss_probe m = {.role = job_argument(j, "role"),
				     .index = (uint16_t)index,
				     .attempt = (uint16_t)attempt};
	enum ipc_result r = admin_boss_probe(boss, &m, j->arena, &rep,
					     job_deadline(j));
	if (r == IPC_NOT_NOW || (r == IPC_OK && rep.answer != ADMIN_BOSS_ANSWER_DONE)) {
		job_end(j, CMD_ADMIN_STATUS_REFUSED,
			"no such process, or not an instance that may be probed");
		return;
	}
	if (r != IPC_OK) {
		job_no_answer(j, r, "the supervisor");
		return;
	}
	struct buf *row = row_begin(j);
	row_text(row, "outcome", span_cstr(ends[rep.outcome]));
	row_u64(row, "error", rep.error);
	row_send(j);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/verb_backup: the store's side of a backup, a step a verb.
 *
 * The files are read by the command itself; no mail comes through here.
 */
#include "role/admin/admin.h"

static void step(struct job *j, enum admin_store_backup_step which)
{
	struct admin_store *store = job_store(j);
	struct admin_store_backup m = {.step = which};
	struct admin_store_backup_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r =
		admin_store_backup(store, &m, j->arena, &rep, job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the backup");
}

void verb_backup_begin(struct job *j)
{
	step(j, ADMIN_STORE_BACKUP_STEP_BEGIN);
}

void verb_backup_keep(struct job *j)
{
	step(j, ADMIN_STORE_BACKUP_STEP_KEEP);
}

void verb_backup_end(struct job *j)
{
	step(j, ADMIN_STORE_BACKUP_STEP_END);
}

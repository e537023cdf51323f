/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/admin - the administrator's questions, shared by on_admin.c (the
 * directory), on_queue.c (the queue) and on_care.c (fsck, statistics); and steps of
 * backups (on_backup.c) and of restoring an account (on_restore.c); its mailboxes
 * (on_mailboxes.c) and what was deleted of them (on_deleted.c).
 */
#pragma once

#include "role/store/store.h"

enum admin_store_answer admin_answer(enum directory_result, struct span *why);

/* How a question about an account's mail ended. */
struct admin_end {
	enum admin_store_answer answer;
	struct span why;
};
struct admin_end admin_box_end(enum box_result);
/* The box of an account by name, for box_release; NULL: *end says why. */
struct open_box *admin_box(struct job *, struct span account, struct admin_end *);

/* A handler that starts run_<verb>. */
#define ADMIN_ON(verb)                                                         \
	void on_##verb(void *ctx, struct ipc_call *call,                       \
		       const struct admin_store_##verb *m)                     \
	{                                                                      \
		struct peer *p = ctx;                                          \
		job_start(p->store, call, m, NULL, run_##verb);                \
	}

void on_mailboxes(void *ctx, struct ipc_call *,
		  const struct admin_store_mailboxes *);
void on_admin_rights(void *ctx, struct ipc_call *, const struct admin_store_rights *);
void on_admin_grant(void *ctx, struct ipc_call *, const struct admin_store_grant *);
void on_removed(void *ctx, struct ipc_call *, const struct admin_store_removed *);
void on_expunged(void *ctx, struct ipc_call *, const struct admin_store_expunged *);
void on_undelete(void *ctx, struct ipc_call *, const struct admin_store_undelete *);
void on_keep_ids(void *ctx, struct ipc_call *, const struct admin_store_keep_ids *);
void on_revive(void *ctx, struct ipc_call *, const struct admin_store_revive *);

void on_queue(void *ctx, struct ipc_call *, const struct admin_store_queue *);
void on_queue_change(void *ctx, struct ipc_call *,
		     const struct admin_store_queue_change *);
void on_queue_ledger(void *ctx, struct ipc_call *,
		     const struct admin_store_queue_ledger *);
void on_backup(void *ctx, struct ipc_call *, const struct admin_store_backup *);
void on_restore_begin(void *ctx, struct ipc_call *,
		      const struct admin_store_restore_begin *);
void on_restore_mailbox(void *ctx, struct ipc_call *,
			const struct admin_store_restore_mailbox *);
void on_restore_stage(void *ctx, struct ipc_call *,
		      const struct admin_store_restore_stage *);
void on_restore_message(void *ctx, struct ipc_call *,
			const struct admin_store_restore_message *);
void on_restore_end(void *ctx, struct ipc_call *,
		    const struct admin_store_restore_end *);
void on_index_rebuild(void *ctx, struct ipc_call *,
		      const struct admin_store_index_rebuild *);
void on_fsck(void *ctx, struct ipc_call *, const struct admin_store_fsck *);
void on_reports(void *ctx, struct ipc_call *, const struct admin_store_reports *);
void on_statistics(void *ctx, struct ipc_call *,
		   const struct admin_store_statistics *);

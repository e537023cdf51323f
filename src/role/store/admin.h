/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/admin - the administrator's questions, shared by on_admin.c (the
 * directory), on_queue.c (the queue) and on_care.c (fsck, statistics); and steps of
 * backups (on_backup.c) and of restoring an account (on_restore.c).
 */
#pragma once

#include "role/store/store.h"

enum admin_store_answer admin_answer(enum directory_result, struct span *why);

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
void on_fsck(void *ctx, struct ipc_call *, const struct admin_store_fsck *);
void on_statistics(void *ctx, struct ipc_call *,
		   const struct admin_store_statistics *);

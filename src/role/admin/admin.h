/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/admin - the object of the role, and what a verb works with.
 *
 * A verb is a function in one of the verb_*.c files and a row in the table of
 * admin.c.  It runs in a fiber of its own, reads arguments, asks other roles
 * over typed hops, sends rows of JSON and ends with a status and a sentence.
 *
 * Whoever asked may be gone before the verb is done: rows then go nowhere, and
 * the verb ends as it would have.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "os/fiber.h"
#include "role/admin/role.h"
#include "role/common/doors.h"
#include "wire/admin_auth.h"
#include "wire/admin_boss.h"
#include "wire/admin_courier.h"
#include "wire/admin_dialer.h"
#include "wire/admin_logger.h"
#include "wire/admin_store.h"
#include "wire/admin_vault.h"
#include "wire/cmd_admin.h"

#define ADMIN_CLIENTS_MAX   32u
#define ADMIN_JOBS_MAX      64u               /* verbs that run at a time */
#define ADMIN_JOBS_EACH     4u                /* of one client */
#define ADMIN_STEP_NS       (30 * NS_PER_SEC) /* one question to a role */
#define ADMIN_JOB_MEMORY    (4u << 20)
#define ADMIN_ROW_MAX       61440u
#define ADMIN_WHY_MAX       1024u

struct admin;

/* Somebody at the control socket, or the populating program. */
struct client {
	struct admin *admin;
	struct cmd_admin *channel; /* NULL: gone */
	uint32_t uid;
	int32_t pid;
	bool quiet;    /* the populating program: its many verbs are no news */
	unsigned jobs; /* verbs of it that run: the place is kept for them */
};

struct admin {
	struct role *role;
	const struct conf *conf;
	struct client clients[ADMIN_CLIENTS_MAX];
	struct doors doors;
	struct admin_store *store;
	struct admin_auth *auth;
	struct admin_boss *boss;
	struct admin_dialer *dialer;
	struct admin_vault *vault;
	struct admin_logger *logger;
	struct admin_courier *courier;
	struct role_peer courier_peer;
	struct role_peer store_peer, auth_peer, dialer_peer, vault_peer,
		logger_peer;
	struct timer survey_due;
	bool survey_keys; /* the next one looks at keys alone */
	struct fiber *survey; /* the look at our own records that runs */
	unsigned jobs;
	bool draining;
	uint64_t verbs, refused_peers;
};

/* One verb that runs. */
struct job {
	struct admin *admin;
	struct client *client;
	struct ipc_call *call;
	const struct cmd_admin_run *ask;
	const struct verb *verb;
	struct arena *arena;
	enum cmd_admin_status status;
	struct buf why, row;
	uint64_t rows;
};

struct verb {
	const char *name; /* "account.add" */
	const char *need; /* an argument that has to be there, or NULL */
	void (*run)(struct job *);
};

/* ---- job.c: arguments ---------------------------------------------------- */

/* The value of the argument; empty when it is not there. */
struct span job_argument(const struct job *, const char *name);
bool job_has(const struct job *, const char *name);
/* A whole number; false: the job has been ended with what is wrong. */
MUST_USE bool job_number(struct job *, const char *name, uint64_t max,
			 uint64_t *out);
/* Seconds of "90s", "30m", "4h", "2d"; not there: untouched.  False: ended. */
MUST_USE bool job_age(struct job *, const char *name, uint64_t *out);
/* The values of all arguments of this name, at most max of them. */
size_t job_list(const struct job *, const char *name, struct span *out,
		size_t max);

/* ---- job.c: answers ------------------------------------------------------ */

/* A row is built on an empty buffer with row_*, then sent. */
struct buf *row_begin(struct job *);
void row_text(struct buf *, const char *key, struct span);
void row_u64(struct buf *, const char *key, uint64_t);
void row_i64(struct buf *, const char *key, int64_t);
void row_bool(struct buf *, const char *key, bool);
void row_list_begin(struct buf *, const char *key);
void row_list_item(struct buf *, struct span);
void row_list_end(struct buf *);
void row_map_begin(struct buf *, const char *key);
void row_map_item(struct buf *, struct span key, struct span value);
void row_map_end(struct buf *);
void row_send(struct job *);
/* A row that another role made. */
void row_send_json(struct job *, struct span json);
void job_progress(struct job *, uint64_t done, uint64_t of, const char *what);

/* How it ended; the last call counts.  Without one the verb is done. */
PRINTF_LIKE(3, 4)
void job_end(struct job *, enum cmd_admin_status, const char *why, ...);
/* A role did not answer.  who: "the store". */
void job_no_answer(struct job *, enum ipc_result, const char *who);

/* ---- what the verbs on the store's data share ---------------------------- */

/* NULL: the store is not there, and the job has been ended. */
struct admin_store *job_store(struct job *);
struct admin_auth *job_auth(struct job *);
uint64_t job_deadline(const struct job *);
/* The end of a question to the store; what: "the account". True: done. */
bool job_stored(struct job *, enum ipc_result, enum admin_store_answer,
		struct span why, const char *what);

/* ---- the verbs ----------------------------------------------------------- */

void verb_domain_add(struct job *);
void verb_domain_set(struct job *);
void verb_domain_remove(struct job *);
void verb_domain_list(struct job *);
void verb_domain_show(struct job *);

void verb_account_add(struct job *);
void verb_account_set(struct job *);
void verb_account_remove(struct job *);
void verb_account_restore(struct job *);
void verb_account_list(struct job *);
void verb_account_show(struct job *);
void verb_account_passwd(struct job *);
void verb_app_password_add(struct job *);
void verb_app_password_remove(struct job *);

void verb_alias_add(struct job *);
void verb_alias_set(struct job *);
void verb_alias_remove(struct job *);
void verb_alias_list(struct job *);
void verb_alias_show(struct job *);

void verb_mailbox_list(struct job *);
void verb_mailbox_show(struct job *);
void verb_mailbox_deleted(struct job *);
void verb_mailbox_rights(struct job *);
void verb_mailbox_grant(struct job *);
void verb_mailbox_undelete(struct job *);
void verb_mailbox_uidl(struct job *);

void verb_queue_list(struct job *);
void verb_queue_show(struct job *);
void verb_queue_stats(struct job *);
void verb_queue_retry(struct job *);
void verb_queue_hold(struct job *);
void verb_queue_release(struct job *);
void verb_queue_delete(struct job *);
void verb_queue_route(struct job *);
void verb_queue_ledger(struct job *);
void verb_dns_query(struct job *);
void verb_dns_show(struct job *);
void verb_dns_check(struct job *);
void verb_dns_keys(struct job *);
void verb_tls_sent(struct job *);
void verb_why(struct job *);
void verb_why_not(struct job *);
void verb_index_rebuild(struct job *);
void verb_fsck(struct job *);
void verb_backup_begin(struct job *);
void verb_backup_keep(struct job *);
void verb_backup_end(struct job *);
void verb_restore_begin(struct job *);
void verb_restore_mailbox(struct job *);
void verb_restore_piece(struct job *);
void verb_restore_message(struct job *);
void verb_restore_end(struct job *);

void verb_status(struct job *);
void verb_statistics(struct job *);
void verb_reload(struct job *);
void verb_stop(struct job *);
void verb_probe(struct job *); /* for tests, see admin_boss.wire */

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/verb_account: accounts, their passwords and application passwords.
 *
 * A new password goes from the control socket to auth and nowhere else.
 */
#include "role/admin/admin.h"

#define QUOTA_MAX ((uint64_t)1 << 60)

void verb_account_add(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_account_add m = {.name = job_argument(j, "name")};
	struct admin_store_account_add_reply rep = {0};
	if (store == NULL ||
	    (job_has(j, "quota") && !job_number(j, "quota", QUOTA_MAX, &m.quota)))
		return;
	enum ipc_result r = admin_store_account_add(store, &m, j->arena, &rep,
						    job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the account");
}

void verb_account_set(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_account_set m = {
		.name = job_argument(j, "name"),
		.has_quota = job_has(j, "quota"),
		.grant = job_argument(j, "grant"),
		.revoke = job_argument(j, "revoke")};
	struct admin_store_account_set_reply rep = {0};
	if (store == NULL ||
	    (m.has_quota && !job_number(j, "quota", QUOTA_MAX, &m.quota)))
		return;
	enum ipc_result r = admin_store_account_set(store, &m, j->arena, &rep,
						    job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the account");
}

void verb_account_remove(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_account_remove m = {.name = job_argument(j, "name")};
	struct admin_store_account_remove_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_account_remove(store, &m, j->arena,
						       &rep, job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the account");
}

void verb_account_restore(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_account_restore m = {.name = job_argument(j, "name")};
	struct admin_store_account_restore_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_account_restore(store, &m, j->arena,
							&rep, job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the account");
}

/* grants: NULL in a list, which does not carry them. */
static void account_row(struct job *j, const struct admin_store_account *a,
			const struct span *grants, size_t count)
{
	struct buf *row = row_begin(j);
	row_text(row, "name", a->name);
	row_u64(row, "id", a->id);
	row_u64(row, "messages", a->messages);
	row_u64(row, "used", a->bytes_used);
	row_u64(row, "quota", a->quota);
	row_u64(row, "app_passwords", a->app_passwords);
	row_i64(row, "created", a->created);
	row_i64(row, "removed", a->removed);
	if (grants != NULL) {
		row_list_begin(row, "grants");
		for (size_t i = 0; i < count; i++)
			row_list_item(row, grants[i]);
		row_list_end(row);
	}
	row_send(j);
}

static bool account_page(struct job *j, const struct admin_store_accounts *m,
			 struct admin_store_accounts_reply *rep)
{
	struct admin_store *store = job_store(j);
	*rep = (struct admin_store_accounts_reply){0};
	if (store == NULL)
		return false;
	enum ipc_result r = admin_store_accounts(store, m, j->arena, rep,
						 job_deadline(j));
	if (!job_stored(j, r, rep->answer, SPAN(""), "the account"))
		return false;
	for (size_t i = 0; i < rep->accounts_count; i++)
		account_row(j, &rep->accounts[i],
			    m->name.len > 0 ? rep->grants : NULL,
			    rep->grants_count);
	return true;
}

void verb_account_list(struct job *j)
{
	struct admin_store_accounts_reply rep;
	struct admin_store_accounts m = {.after = SPAN("")};
	while (account_page(j, &m, &rep) && rep.more && rep.accounts_count > 0)
		m.after = rep.accounts[rep.accounts_count - 1].name;
}

void verb_account_show(struct job *j)
{
	struct admin_store_accounts_reply rep;
	struct admin_store_accounts m = {.name = job_argument(j, "name")};
	if (account_page(j, &m, &rep) && rep.accounts_count == 0)
		job_end(j, CMD_ADMIN_STATUS_FOUND, "the account does not exist");
}

/* ---- passwords ------------------------------------------------------------ */

static bool auth_agreed(struct job *j, enum ipc_result r,
			enum admin_auth_answer a, struct span why)
{
	if (r != IPC_OK) {
		job_no_answer(j, r, "the auth role");
	} else if (a == ADMIN_AUTH_ANSWER_REFUSED) {
		job_end(j, CMD_ADMIN_STATUS_REFUSED, "refused: %.*s",
			SPAN_FMT(why));
	} else if (a != ADMIN_AUTH_ANSWER_DONE) {
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE,
			"not now, try again: %.*s", SPAN_FMT(why));
	}
	return r == IPC_OK && a == ADMIN_AUTH_ANSWER_DONE;
}

void verb_account_passwd(struct job *j)
{
	struct admin_auth *auth = job_auth(j);
	struct admin_auth_set_password m = {
		.name = job_argument(j, "name"),
		.password = job_argument(j, "password")};
	struct admin_auth_set_password_reply rep = {0};
	if (auth == NULL)
		return;
	if (m.password.len == 0) {
		job_end(j, CMD_ADMIN_STATUS_USAGE, "the password is empty");
		return;
	}
	enum ipc_result r = admin_auth_set_password(auth, &m, j->arena, &rep,
						    job_deadline(j));
	(void)auth_agreed(j, r, rep.answer, rep.why);
}

void verb_app_password_add(struct job *j)
{
	struct admin_auth *auth = job_auth(j);
	struct admin_auth_add_app_password m = {
		.name = job_argument(j, "name"),
		.label = job_argument(j, "label")};
	struct admin_auth_add_app_password_reply rep = {0};
	uint64_t scopes = UINT32_MAX;
	if (auth == NULL || (job_has(j, "scopes") &&
			     !job_number(j, "scopes", UINT32_MAX, &scopes)))
		return;
	m.scopes = (uint32_t)scopes;
	enum ipc_result r = admin_auth_add_app_password(auth, &m, j->arena,
							&rep, job_deadline(j));
	if (!auth_agreed(j, r, rep.answer, rep.why))
		return;
	struct buf *row = row_begin(j);
	row_u64(row, "id", rep.id);
	row_text(row, "password", rep.password);
	row_send(j);
}

void verb_app_password_remove(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_app_password_remove m = {
		.name = job_argument(j, "name")};
	struct admin_store_app_password_remove_reply rep = {0};
	uint64_t id = 0;
	if (store == NULL || !job_number(j, "id", UINT32_MAX, &id))
		return;
	m.id = (uint32_t)id;
	enum ipc_result r = admin_store_app_password_remove(
		store, &m, j->arena, &rep, job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the app password");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_domain: domain add, set, remove, list and show. */
#include "role/admin/admin.h"

void verb_domain_add(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_domain_add m = {
		.name = job_argument(j, "name"),
		.catch_all = job_argument(j, "catch-all")};
	struct admin_store_domain_add_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_domain_add(store, &m, j->arena, &rep,
						   job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the domain");
}

void verb_domain_set(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_domain_set m = {
		.name = job_argument(j, "name"),
		.catch_all = job_argument(j, "catch-all")};
	struct admin_store_domain_set_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_domain_set(store, &m, j->arena, &rep,
						   job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the domain");
}

void verb_domain_remove(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_domain_remove m = {.name = job_argument(j, "name")};
	struct admin_store_domain_remove_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_domain_remove(store, &m, j->arena, &rep,
						      job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the domain");
}

static void domain_row(struct job *j, const struct admin_store_domain *d)
{
	struct buf *row = row_begin(j);
	row_text(row, "name", d->name);
	row_u64(row, "accounts", d->accounts);
	row_u64(row, "aliases", d->aliases);
	row_text(row, "catch_all", d->catch_all);
	row_send(j);
}

/* Page after page; only the one of this name when it is not empty. */
static void domains(struct job *j, struct span only)
{
	struct admin_store_domains_reply rep = {.more = true};
	struct span after = SPAN("");
	while (rep.more) {
		struct admin_store *store = job_store(j);
		struct admin_store_domains m = {.after = after};
		if (store == NULL)
			return;
		rep = (struct admin_store_domains_reply){0};
		enum ipc_result r = admin_store_domains(store, &m, j->arena,
							&rep, job_deadline(j));
		if (!job_stored(j, r, rep.answer, SPAN(""), "the list"))
			return;
		for (size_t i = 0; i < rep.domains_count; i++)
			if (only.len == 0 ||
			    span_eq_nocase(only, rep.domains[i].name))
				domain_row(j, &rep.domains[i]);
		if (rep.domains_count == 0)
			return;
		after = rep.domains[rep.domains_count - 1].name;
	}
}

void verb_domain_list(struct job *j) { domains(j, SPAN("")); }

void verb_domain_show(struct job *j)
{
	domains(j, job_argument(j, "name"));
	if (j->status == CMD_ADMIN_STATUS_DONE && j->rows == 0)
		job_end(j, CMD_ADMIN_STATUS_FOUND, "the domain does not exist");
}

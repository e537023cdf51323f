/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_alias: alias add, set, remove, list and show. */
#include "role/admin/admin.h"

#define TARGETS_MAX 62u /* what fits beside the name in one request */

static size_t targets(struct job *j, struct span *out)
{
	size_t n = job_list(j, "target", out, TARGETS_MAX);
	if (n == 0)
		job_end(j, CMD_ADMIN_STATUS_USAGE,
			"an alias needs at least one target address");
	return n;
}

void verb_alias_add(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct span to[TARGETS_MAX];
	struct admin_store_alias_add m = {.name = job_argument(j, "name"),
					  .targets = to};
	struct admin_store_alias_add_reply rep = {0};
	if (store == NULL || (m.targets_count = targets(j, to)) == 0)
		return;
	enum ipc_result r = admin_store_alias_add(store, &m, j->arena, &rep,
						  job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the alias");
}

void verb_alias_set(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct span to[TARGETS_MAX];
	struct admin_store_alias_set m = {.name = job_argument(j, "name"),
					  .targets = to};
	struct admin_store_alias_set_reply rep = {0};
	if (store == NULL || (m.targets_count = targets(j, to)) == 0)
		return;
	enum ipc_result r = admin_store_alias_set(store, &m, j->arena, &rep,
						  job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the alias");
}

void verb_alias_remove(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_alias_remove m = {.name = job_argument(j, "name")};
	struct admin_store_alias_remove_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_alias_remove(store, &m, j->arena, &rep,
						     job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the alias");
}

static bool between(char c)
{
	return c == ' ' || c == ',' || c == '\n' || c == '\0';
}

/* The store sends the addresses in one text. */
static void target_items(struct buf *row, struct span text)
{
	size_t from = 0;
	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && !between(text.ptr[i]))
			continue;
		if (i > from)
			row_list_item(row, span_sub(text, from, i - from));
		from = i + 1;
	}
}

static void alias_row(struct job *j, const struct admin_store_alias *a)
{
	struct buf *row = row_begin(j);
	row_text(row, "name", a->name);
	row_list_begin(row, "targets");
	target_items(row, a->targets);
	row_list_end(row);
	row_send(j);
}

static void aliases(struct job *j, struct span only)
{
	struct admin_store_aliases_reply rep = {.more = true};
	struct span after = SPAN("");
	while (rep.more) {
		struct admin_store *store = job_store(j);
		struct admin_store_aliases m = {.after = after};
		if (store == NULL)
			return;
		rep = (struct admin_store_aliases_reply){0};
		enum ipc_result r = admin_store_aliases(store, &m, j->arena,
							&rep, job_deadline(j));
		if (!job_stored(j, r, rep.answer, SPAN(""), "the list"))
			return;
		for (size_t i = 0; i < rep.aliases_count; i++)
			if (only.len == 0 ||
			    span_eq_nocase(only, rep.aliases[i].name))
				alias_row(j, &rep.aliases[i]);
		if (rep.aliases_count == 0)
			return;
		after = rep.aliases[rep.aliases_count - 1].name;
	}
}

void verb_alias_list(struct job *j) { aliases(j, SPAN("")); }

void verb_alias_show(struct job *j)
{
	aliases(j, job_argument(j, "name"));
	if (j->status == CMD_ADMIN_STATUS_DONE && j->rows == 0)
		job_end(j, CMD_ADMIN_STATUS_FOUND, "the alias does not exist");
}

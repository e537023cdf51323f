/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/verb_mailbox: an account's mailboxes, and what was deleted in them and
 * can be had back.
 */
#include "role/admin/admin.h"

#include "base/check.h"

#define IDS_MAX	 50u /* of one question */
#define KEPT_MAX 40u /* what a command line holds, too */

/* ---- mailboxes ------------------------------------------------------------------ */

static void mailbox_row(struct job *j, const struct admin_store_mailbox *m,
			const struct admin_store_mailboxes_reply *rep)
{
	struct buf *row = row_begin(j);
	row_text(row, "name", m->name);
	row_text(row, "use", m->use);
	row_bool(row, "mailbox", m->present);
	row_bool(row, "subscribed", m->subscribed);
	row_u64(row, "messages", m->messages);
	row_u64(row, "unseen", m->unseen);
	row_u64(row, "size", m->size);
	if (rep != NULL) {
		row_u64(row, "deleted", m->deleted);
		row_u64(row, "uidvalidity", m->uid_validity);
		row_u64(row, "uidnext", m->uid_next);
		row_u64(row, "highestmodseq", m->version);
		row_list_begin(row, "keywords");
		for (size_t i = 0; i < rep->keywords_count; i++)
			row_list_item(row, rep->keywords[i]);
		row_list_end(row);
	}
	row_send(j);
}

static bool ask_mailboxes(struct job *j, struct span mailbox, struct span after,
			  struct arena *a, struct admin_store_mailboxes_reply *rep)
{
	struct admin_store *store = job_store(j);
	struct admin_store_mailboxes m = {.name = job_argument(j, "name"),
					  .mailbox = mailbox,
					  .after = after};
	*rep = (struct admin_store_mailboxes_reply){0};
	if (store == NULL)
		return false;
	enum ipc_result r =
		admin_store_mailboxes(store, &m, a, rep, job_deadline(j));
	return job_stored(j, r, rep->answer, rep->why, "the mailbox");
}

void verb_mailbox_list(struct job *j)
{
	struct admin_store_mailboxes_reply rep = {.more = true};
	struct arena *a = arena_new(ADMIN_JOB_MEMORY);
	char room[512];
	struct span after = SPAN("");
	if (a == NULL)
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE, "memory is short");
	while (a != NULL && rep.more) {
		arena_reset(a);
		if (!ask_mailboxes(j, SPAN(""), after, a, &rep) ||
		    rep.mailboxes_count == 0)
			break;
		for (size_t i = 0; i < rep.mailboxes_count; i++)
			mailbox_row(j, &rep.mailboxes[i], NULL);
		struct span last = rep.mailboxes[rep.mailboxes_count - 1].name;
		after = span_of(room, size_min(last.len, sizeof room));
		memcpy(room, last.ptr, after.len);
	}
	arena_free(a);
}

void verb_mailbox_show(struct job *j)
{
	struct admin_store_mailboxes_reply rep;
	struct span mailbox = job_argument(j, "mailbox");
	if (mailbox.len == 0)
		job_end(j, CMD_ADMIN_STATUS_USAGE, "say which mailbox");
	else if (ask_mailboxes(j, mailbox, SPAN(""), j->arena, &rep))
		mailbox_row(j, &rep.mailboxes[0], &rep);
}

/* ---- what was deleted ------------------------------------------------------------ */

/* False: ended. */
static bool since_of(struct job *j, int64_t *since)
{
	uint64_t age = 0;
	*since = 0;
	if (!job_age(j, "since", &age))
		return false;
	if (job_has(j, "since"))
		*since = world_wall(j->admin->role->world).sec - (int64_t)age;
	return true;
}

static void removed_row(struct job *j, const struct admin_store_gone_mailbox *m)
{
	struct buf *row = row_begin(j);
	row_text(row, "id", arena_printf(j->arena, "%u", m->number));
	row_text(row, "what", SPAN("mailbox"));
	row_i64(row, "deleted", m->when);
	row_text(row, "mailbox", m->name);
	row_u64(row, "messages", m->messages);
	row_u64(row, "size", m->size);
	row_send(j);
}

static void expunged_row(struct job *j, const struct admin_store_gone_message *m)
{
	struct buf *row = row_begin(j);
	row_text(row, "id", arena_printf(j->arena, "%u.%u", m->number, m->uid));
	row_text(row, "what", SPAN("message"));
	row_i64(row, "deleted", m->when);
	row_text(row, "mailbox", m->mailbox);
	row_text(row, "from", m->sender);
	row_text(row, "subject", m->subject);
	row_i64(row, "date", m->date);
	row_u64(row, "messages", 1);
	row_u64(row, "size", m->size);
	row_send(j);
}

static bool list_removed(struct job *j, struct span mailbox, int64_t since)
{
	struct admin_store_removed_reply rep = {.more = true};
	struct admin_store_removed m = {.name = job_argument(j, "name")};
	while (rep.more) {
		struct admin_store *store = job_store(j);
		rep = (struct admin_store_removed_reply){0};
		if (store == NULL)
			return false;
		enum ipc_result r = admin_store_removed(store, &m, j->arena, &rep,
							job_deadline(j));
		if (!job_stored(j, r, rep.answer, rep.why, "the account"))
			return false;
		for (size_t i = 0; i < rep.mailboxes_count; i++) {
			m.after = rep.mailboxes[i].number;
			if (rep.mailboxes[i].when >= since &&
			    (mailbox.len == 0 ||
			     span_eq(mailbox, rep.mailboxes[i].name)))
				removed_row(j, &rep.mailboxes[i]);
		}
		rep.more = rep.more && rep.mailboxes_count > 0;
	}
	return true;
}

static void list_expunged(struct job *j, struct span mailbox, int64_t since)
{
	struct admin_store_expunged_reply rep = {.more = true};
	struct admin_store_expunged m = {.name = job_argument(j, "name"),
					 .mailbox = mailbox,
					 .since = since};
	while (rep.more) {
		struct admin_store *store = job_store(j);
		rep = (struct admin_store_expunged_reply){0};
		if (store == NULL)
			return;
		enum ipc_result r = admin_store_expunged(store, &m, j->arena,
							 &rep, job_deadline(j));
		if (!job_stored(j, r, rep.answer, rep.why, "the account"))
			return;
		for (size_t i = 0; i < rep.messages_count; i++)
			expunged_row(j, &rep.messages[i]);
		m.after = rep.after;
	}
}

void verb_mailbox_deleted(struct job *j)
{
	struct span mailbox = job_argument(j, "mailbox");
	int64_t since;
	if (since_of(j, &since) && list_removed(j, mailbox, since))
		list_expunged(j, mailbox, since);
}

/* ---- and comes back --------------------------------------------------------------- */

static void restored_row(struct job *j, uint64_t messages)
{
	row_u64(row_begin(j), "messages", messages);
	row_send(j);
}

/* "5.17"; false: ended. */
static bool ids_of(struct job *j, struct admin_store_place *ids, size_t *count)
{
	struct span words[IDS_MAX + 1];
	size_t n = job_list(j, "id", words, ARRAY_LEN(words));
	if (n > IDS_MAX) {
		job_end(j, CMD_ADMIN_STATUS_USAGE, "at most %u at a time", IDS_MAX);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct span uid = words[i], number;
		uint64_t a = 0, b = 0;
		if (!span_cut(&uid, '.', &number) ||
		    !span_u64(number, UINT32_MAX, &a) ||
		    !span_u64(uid, UINT32_MAX, &b)) {
			job_end(j, CMD_ADMIN_STATUS_USAGE,
				"an id is two numbers, as `letterlock mailbox "
				"deleted` shows it");
			return false;
		}
		ids[i] = (struct admin_store_place){.number = (uint32_t)a,
						    .uid = (uint32_t)b};
	}
	*count = n;
	return true;
}

static void undelete(struct job *j, struct admin_store_undelete *m)
{
	struct admin_store_undelete_reply rep = {.more = true};
	uint64_t restored = 0;
	while (rep.more) {
		struct admin_store *store = job_store(j);
		rep = (struct admin_store_undelete_reply){0};
		if (store == NULL)
			return;
		enum ipc_result r = admin_store_undelete(store, m, j->arena, &rep,
							 job_deadline(j));
		bool ok = job_stored(j, r, rep.answer, rep.why, "the mailbox");
		restored += rep.restored;
		if (!ok) {
			if (restored > 0)
				restored_row(j, restored);
			return;
		}
		m->after = rep.after;
	}
	restored_row(j, restored);
}

static void revive(struct job *j, struct span mailbox)
{
	struct admin_store *store = job_store(j);
	struct admin_store_revive m = {.name = job_argument(j, "name"),
				       .mailbox = mailbox,
				       .to = job_argument(j, "into")};
	struct admin_store_revive_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r =
		admin_store_revive(store, &m, j->arena, &rep, job_deadline(j));
	if (job_stored(j, r, rep.answer, rep.why, "the mailbox"))
		restored_row(j, rep.messages);
}

/* A mailbox that is there gets its messages back, one that is not itself. */
void verb_mailbox_undelete(struct job *j)
{
	struct admin_store_place ids[IDS_MAX];
	struct admin_store_undelete m = {.name = job_argument(j, "name"),
					 .mailbox = job_argument(j, "mailbox"),
					 .ids = ids};
	bool chosen = job_has(j, "id") || job_has(j, "since") || job_has(j, "all");
	if (m.mailbox.len == 0) {
		job_end(j, CMD_ADMIN_STATUS_USAGE, "say which mailbox");
		return;
	}
	if (!since_of(j, &m.since) || !ids_of(j, ids, &m.ids_count))
		return;
	if (!chosen || job_has(j, "into"))
		revive(j, m.mailbox);
	else
		undelete(j, &m);
}

/* ---- unique ids of POP3 ------------------------------------------------------------- */

/* "17=000000014d41c4f6" */
static bool kept_id_of(struct span word, struct admin_store_kept_id *out)
{
	struct span number;
	uint64_t uid = 0;
	bool good = span_cut(&word, '=', &number) && span_u64(number, UINT32_MAX, &uid) &&
		    uid > 0;
	*out = (struct admin_store_kept_id){(uint32_t)uid, word};
	return good;
}

/* False: ended. */
static bool kept_ids_of(struct job *j, struct admin_store_kept_id *ids, size_t *count)
{
	struct span words[KEPT_MAX + 1];
	*count = job_list(j, "id", words, ARRAY_LEN(words));
	if (*count > KEPT_MAX) {
		job_end(j, CMD_ADMIN_STATUS_USAGE, "at most %u at a time", KEPT_MAX);
		return false;
	}
	bool good = *count > 0;
	for (size_t i = 0; good && i < *count; i++)
		good = kept_id_of(words[i], &ids[i]);
	if (!good)
		job_end(j, CMD_ADMIN_STATUS_USAGE,
			"say UID=UIDL, such as 17=000000014d41c4f6");
	return good;
}

void verb_mailbox_uidl(struct job *j)
{
	struct admin_store_kept_id ids[KEPT_MAX];
	struct admin_store_keep_ids m = {.name = job_argument(j, "name"), .ids = ids};
	struct admin_store_keep_ids_reply rep = {0};
	if (!kept_ids_of(j, ids, &m.ids_count))
		return;
	struct admin_store *store = job_store(j);
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_keep_ids(store, &m, j->arena, &rep,
						 job_deadline(j));
	if (r == IPC_OK && rep.answer != ADMIN_STORE_ANSWER_DONE &&
	    rep.wrong < m.ids_count)
		job_end(j, CMD_ADMIN_STATUS_REFUSED, "UID %u: %.*s; nothing was changed",
			ids[rep.wrong].uid, SPAN_FMT(rep.why));
	else if (job_stored(j, r, rep.answer, rep.why, "the account"))
		restored_row(j, m.ids_count);
}

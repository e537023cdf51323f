/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_index: search indexes are made again, a mailbox after the other. */
#include "role/admin/admin.h"

#include "base/check.h"

#define NAME_ROOM 512u

struct rebuilding {
	struct job *job;
	struct arena *answer, *page; /* of one mailbox; of a page of names */
	uint64_t messages;
};

static bool is_left(const struct job *j) { return j->client->channel == NULL; }

static void row(struct job *j, struct span account, struct span mailbox,
		const struct admin_store_index_rebuild_reply *r)
{
	struct buf *out = row_begin(j);
	row_text(out, "account", account);
	row_text(out, "mailbox", mailbox);
	row_u64(out, "messages", r->messages);
	row_u64(out, "indexed", r->indexed);
	row_u64(out, "terms", r->terms);
	row_u64(out, "size", r->bytes);
	row_u64(out, "segments", r->segments);
	row_send(j);
}

/* False: ended. */
static bool one_mailbox(struct rebuilding *b, struct span account, struct span mailbox)
{
	struct admin_store_index_rebuild m = {.name = account, .mailbox = mailbox,
					      .fresh = true};
	struct admin_store_index_rebuild_reply rep = {.more = true};
	while (rep.more && !is_left(b->job)) {
		struct admin_store *store = job_store(b->job);
		if (store == NULL)
			return false;
		arena_reset(b->answer);
		rep = (struct admin_store_index_rebuild_reply){0};
		enum ipc_result r = admin_store_index_rebuild(store, &m, b->answer, &rep,
							      job_deadline(b->job));
		if (!job_stored(b->job, r, rep.answer, rep.why, "the mailbox"))
			return false;
		m.fresh = m.fresh && !rep.begun;
		job_progress(b->job, b->messages + rep.indexed,
			     b->messages + rep.messages, "messages");
	}
	b->messages += rep.messages;
	row(b->job, account, mailbox, &rep);
	return true;
}

static bool one_account(struct rebuilding *b, struct span account)
{
	struct admin_store_mailboxes_reply rep = {.more = true};
	char room[NAME_ROOM];
	struct span after = SPAN("");
	while (rep.more && !is_left(b->job)) {
		struct admin_store *store = job_store(b->job);
		struct admin_store_mailboxes m = {.name = account, .after = after};
		if (store == NULL)
			return false;
		arena_reset(b->page);
		rep = (struct admin_store_mailboxes_reply){0};
		enum ipc_result r = admin_store_mailboxes(store, &m, b->page, &rep,
							  job_deadline(b->job));
		if (!job_stored(b->job, r, rep.answer, rep.why, "the account"))
			return false;
		for (size_t i = 0; i < rep.mailboxes_count; i++) {
			struct span name = rep.mailboxes[i].name;
			if (rep.mailboxes[i].present && !one_mailbox(b, account, name))
				return false;
			after = span_of(room, size_min(name.len, sizeof room));
			memcpy(room, name.ptr, after.len);
		}
		rep.more = rep.more && rep.mailboxes_count > 0;
	}
	return true;
}

static void all_accounts(struct rebuilding *b)
{
	struct admin_store_accounts_reply rep = {.more = true};
	struct admin_store_accounts m = {.after = SPAN("")};
	bool ok = true;
	while (ok && rep.more && !is_left(b->job)) {
		struct admin_store *store = job_store(b->job);
		if (store == NULL)
			return;
		enum ipc_result r = admin_store_accounts(store, &m, b->job->arena, &rep,
							 job_deadline(b->job));
		if (!job_stored(b->job, r, rep.answer, SPAN(""), "the accounts"))
			return;
		for (size_t i = 0; ok && i < rep.accounts_count; i++)
			ok = rep.accounts[i].removed != 0 ||
			     one_account(b, rep.accounts[i].name);
		rep.more = rep.more && rep.accounts_count > 0;
		if (rep.more)
			m.after = rep.accounts[rep.accounts_count - 1].name;
	}
}

void verb_index_rebuild(struct job *j)
{
	struct rebuilding b = {.job = j,
			       .answer = arena_new(ADMIN_JOB_MEMORY),
			       .page = arena_new(ADMIN_JOB_MEMORY)};
	struct span name = job_argument(j, "name");
	if (b.answer == NULL || b.page == NULL)
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE, "memory is short");
	else if (name.len > 0)
		(void)one_account(&b, name);
	else
		all_accounts(&b);
	arena_free(b.answer);
	arena_free(b.page);
}

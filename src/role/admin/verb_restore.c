/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/verb_restore: mail of a backup on its way to the store.
 *
 * A verb a step.  What comes in is passed on piece by piece and not looked at:
 * at no time is there more of a message here than one request holds.
 */
#include "role/admin/admin.h"

#define PIECES_MAX   4u
#define KEYWORDS_MAX 64u

/* The pieces of one request as one; false: memory is short. */
static bool whole(struct job *j, struct span *out)
{
	struct span pieces[PIECES_MAX];
	size_t n = job_list(j, "piece", pieces, PIECES_MAX), len = 0, at = 0;
	for (size_t i = 0; i < n; i++)
		len += pieces[i].len;
	char *bytes = arena_bytes(j->arena, len + 1);
	if (bytes == NULL) {
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE, "memory is short");
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (pieces[i].len > 0)
			memcpy(bytes + at, pieces[i].ptr, pieces[i].len);
		at += pieces[i].len;
	}
	*out = span_of(bytes, len);
	return true;
}

/* NULL: ended. */
static struct admin_store *session_of(struct job *j, uint64_t *session)
{
	struct admin_store *store = job_store(j);
	return store != NULL && job_number(j, "session", UINT64_MAX, session)
		       ? store
		       : NULL;
}

void verb_restore_begin(struct job *j)
{
	struct admin_store *store = job_store(j);
	struct admin_store_restore_begin m = {.name = job_argument(j, "name"),
					      .folder =
						      job_argument(j, "folder"),
					      .into = job_has(j, "into")};
	struct admin_store_restore_begin_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_restore_begin(store, &m, j->arena, &rep,
						      job_deadline(j));
	if (!job_stored(j, r, rep.answer, rep.why,
			rep.answer == ADMIN_STORE_ANSWER_EXISTS ? "the folder"
			: rep.answer == ADMIN_STORE_ANSWER_UNKNOWN
				? "the account"
				: "the restore"))
		return;
	row_u64(row_begin(j), "session", rep.session);
	row_send(j);
}

void verb_restore_mailbox(struct job *j)
{
	struct admin_store_restore_mailbox m = {
		.mailbox = job_argument(j, "mailbox")};
	struct admin_store_restore_mailbox_reply rep = {0};
	struct admin_store *store = session_of(j, &m.session);
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_restore_mailbox(store, &m, j->arena,
							&rep, job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the mailbox");
}

void verb_restore_piece(struct job *j)
{
	struct admin_store_restore_stage m = {0};
	struct admin_store_restore_stage_reply rep = {0};
	struct admin_store *store = session_of(j, &m.session);
	if (store == NULL || !whole(j, &m.piece))
		return;
	enum ipc_result r = admin_store_restore_stage(store, &m, j->arena, &rep,
						      job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the message");
}

void verb_restore_message(struct job *j)
{
	struct span keywords[KEYWORDS_MAX], words = job_argument(j, "keywords");
	struct admin_store_restore_message m = {
		.mailbox = job_argument(j, "mailbox"), .keywords = keywords};
	struct admin_store_restore_message_reply rep = {0};
	struct admin_store *store = session_of(j, &m.session);
	uint64_t flags, date;
	if (store == NULL || !job_number(j, "flags", UINT8_MAX, &flags) ||
	    !job_number(j, "date", UINT64_MAX, &date) || !whole(j, &m.body))
		return;
	while (words.len > 0 && m.keywords_count < KEYWORDS_MAX)
		(void)span_cut(&words, ' ', &keywords[m.keywords_count++]);
	m.flags = (uint8_t)flags;
	m.date = (int64_t)date;
	enum ipc_result r = admin_store_restore_message(store, &m, j->arena,
							&rep, job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the message");
}

void verb_restore_end(struct job *j)
{
	struct admin_store_restore_end m = {0};
	struct admin_store_restore_end_reply rep = {0};
	struct admin_store *store = session_of(j, &m.session);
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_restore_end(store, &m, j->arena, &rep,
						    job_deadline(j));
	(void)job_stored(j, r, rep.answer, rep.why, "the restore");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_fsck: one key space after another, with progress. */
#include "role/admin/admin.h"

static void finding_row(struct job *j, const struct admin_store_finding *f)
{
	struct buf *row = row_begin(j);
	row_text(row, "kind", f->kind);
	row_text(row, "where", f->where);
	row_text(row, "what", f->what);
	row_bool(row, "mended", f->mended);
	row_send(j);
}

/* The memory of the last page goes; the cursor is kept beside it. */
static bool fsck_page(struct job *j, struct arena *page, struct buf *cursor,
		      bool *more)
{
	struct admin_store *store = job_store(j);
	struct admin_store_fsck m = {.cursor = buf_span(cursor),
				     .repair = job_has(j, "repair")};
	struct admin_store_fsck_reply rep = {0};
	if (store == NULL)
		return false;
	enum ipc_result r =
		admin_store_fsck(store, &m, page, &rep, job_deadline(j));
	if (!job_stored(j, r, rep.answer, SPAN(""), "the check"))
		return false;
	for (size_t i = 0; i < rep.findings_count; i++)
		finding_row(j, &rep.findings[i]);
	job_progress(j, rep.done, rep.of, "key spaces");
	buf_clear(cursor);
	buf_add(cursor, rep.cursor);
	*more = rep.more;
	return true;
}

void verb_fsck(struct job *j)
{
	struct arena *page = arena_new(ADMIN_JOB_MEMORY);
	struct buf cursor;
	bool more = true;
	buf_init(&cursor, 64);
	while (page != NULL && more && fsck_page(j, page, &cursor, &more) &&
	       j->client->channel != NULL)
		arena_reset(page);
	if (page == NULL)
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE, "memory is short");
	else if (j->status == CMD_ADMIN_STATUS_DONE && j->rows > 0)
		job_end(j, CMD_ADMIN_STATUS_FOUND, "%llu %s",
			(unsigned long long)j->rows,
			job_has(j, "repair") ? "found, see the column mended"
					     : "found: run `letterlock fsck "
					       "--repair` to mend them");
	buf_free(&cursor);
	arena_free(page);
}

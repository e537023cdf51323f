/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_rights: who may do what in a mailbox (RFC 4314). */
#include "base/acl.h"
#include "role/admin/admin.h"

static void row(struct job *j, const struct admin_store_granted *g)
{
	char text[ACL_TEXT];
	struct buf *out = row_begin(j);
	row_text(out, "who", g->who);
	acl_text(text, g->rights);
	row_text(out, "rights", span_cstr(text));
	acl_text(text, g->refused);
	row_text(out, "refused", span_cstr(text));
	row_send(j);
}

static bool named(struct job *j)
{
	if (job_argument(j, "mailbox").len > 0)
		return true;
	job_end(j, CMD_ADMIN_STATUS_USAGE, "say which mailbox");
	return false;
}

void verb_mailbox_rights(struct job *j)
{
	struct admin_store *store = named(j) ? job_store(j) : NULL;
	struct admin_store_rights m = {.name = job_argument(j, "name"),
				       .mailbox = job_argument(j, "mailbox")};
	struct admin_store_rights_reply rep = {0};
	if (store == NULL)
		return;
	enum ipc_result r =
		admin_store_rights(store, &m, j->arena, &rep, job_deadline(j));
	if (!job_stored(j, r, rep.answer, rep.why, "the mailbox"))
		return;
	for (size_t i = 0; i < rep.grants_count; i++)
		row(j, &rep.grants[i]);
}

void verb_mailbox_grant(struct job *j)
{
	struct span text = job_argument(j, "rights");
	uint32_t rights = 0;
	bool adds = span_starts(text, SPAN("+"));
	struct admin_store_grant m = {.name = job_argument(j, "name"),
				      .mailbox = job_argument(j, "mailbox"),
				      .who = job_argument(j, "who"),
				      .how = adds, /* as box_how: set, add */
				      .refused = job_has(j, "refuse")};
	struct admin_store_grant_reply rep = {0};
	if (!named(j))
		return;
	if (!span_eq(text, SPAN("none")) && !acl_parse(span_skip(text, adds), &rights)) {
		job_end(j, CMD_ADMIN_STATUS_USAGE,
			"rights are letters of lrswipkxtea, with + in front to add them, or none");
		return;
	}
	m.rights = (uint16_t)rights;
	struct admin_store *store = job_store(j);
	if (store == NULL)
		return;
	enum ipc_result r = admin_store_grant(store, &m, j->arena, &rep, job_deadline(j));
	(void)!job_stored(j, r, rep.answer, rep.why, "the mailbox");
}

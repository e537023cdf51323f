/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_dns: a DNS question, with what DNSSEC says of the answer. */
#include "role/admin/admin.h"

static const char *verdict_name(enum admin_dialer_verdict v)
{
	static const char *const names[] = {"secure", "insecure", "bogus",
					    "off", "timeout", "failed",
					    "unasked"};
	return (size_t)v < ARRAY_LEN(names) ? names[v] : "failed";
}

static void answer_row(struct job *j, const struct admin_dialer_query *m,
		       const struct admin_dialer_query_reply *rep)
{
	struct buf *row = row_begin(j);
	row_text(row, "name", m->name);
	row_text(row, "type", m->type);
	row_text(row, "verdict", span_cstr(verdict_name(rep->verdict)));
	row_u64(row, "rcode", rep->rcode);
	row_u64(row, "ttl", rep->ttl);
	row_text(row, "canonical", rep->canonical);
	row_list_begin(row, "records");
	for (size_t i = 0; i < rep->records_count; i++)
		row_list_item(row, rep->records[i]);
	row_list_end(row);
	row_text(row, "why", rep->why);
	row_send(j);
}

static void judge(struct job *j, const struct admin_dialer_query_reply *rep)
{
	switch (rep->verdict) {
	case ADMIN_DIALER_VERDICT_SECURE:
	case ADMIN_DIALER_VERDICT_INSECURE:
		if (rep->records_count == 0)
			job_end(j, CMD_ADMIN_STATUS_FOUND, "no such records");
		break;
	case ADMIN_DIALER_VERDICT_OFF:
		job_end(j, CMD_ADMIN_STATUS_REFUSED,
			"DNS look-ups are switched off in the configuration "
			"(dns { lookups off; })");
		break;
	default:
		job_end(j, CMD_ADMIN_STATUS_FOUND, "%s%s%.*s",
			verdict_name(rep->verdict), rep->why.len > 0 ? ": " : "",
			SPAN_FMT(rep->why));
	}
}

void verb_dns_query(struct job *j)
{
	struct admin_dialer *dialer = j->admin->dialer;
	struct admin_dialer_query m = {.name = job_argument(j, "name"),
				       .type = job_argument(j, "type")};
	struct admin_dialer_query_reply rep = {0};
	if (dialer == NULL) {
		job_no_answer(j, IPC_DEAD, "the dialer");
		return;
	}
	enum ipc_result r = admin_dialer_query(dialer, &m, j->arena, &rep,
					       job_deadline(j));
	if (r != IPC_OK) {
		job_no_answer(j, r, "the dialer");
		return;
	}
	if (rep.verdict == ADMIN_DIALER_VERDICT_UNASKED) {
		job_end(j, CMD_ADMIN_STATUS_USAGE, "%.*s", SPAN_FMT(rep.why));
		return;
	}
	answer_row(j, &m, &rep);
	judge(j, &rep);
}

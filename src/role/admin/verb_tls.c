/* SPDX-License-Identifier: Apache-2.0 */
/* role/admin/verb_tls: the reports on TLS that were sent, the oldest first. */
#include "policy/report_sent.h"
#include "role/admin/admin.h"

#define DAY_DIGITS 6u

/* "020779 example.org"; false: no name of a report. */
static bool read_name(struct span name, int64_t *day, struct span *domain)
{
	struct span head;
	uint64_t n;
	*domain = name;
	if (!span_cut(domain, ' ', &head) || head.len != DAY_DIGITS ||
	    !span_u64(head, 999999, &n) || domain->len == 0)
		return false;
	*day = (int64_t)n * POLICY_REPORT_DAY;
	return true;
}

static void report_rows(struct job *j, const struct admin_store_sent_report *r)
{
	struct span domain, lines = r->sent;
	struct policy_sent s;
	int64_t day;
	if (!read_name(r->name, &day, &domain))
		return;
	while (policy_sent_next(&lines, &s)) {
		struct buf *row = row_begin(j);
		row_text(row, "domain", domain);
		row_i64(row, "day", day);
		row_text(row, "to", s.to);
		row_text(row, "outcome", span_cstr(policy_sent_text(s.outcome)));
		row_i64(row, "when", s.when);
		row_text(row, "why", s.why);
		row_send(j);
	}
}

void verb_tls_sent(struct job *j)
{
	struct admin_store_reports_reply rep = {.more = true};
	struct span after = SPAN("");
	while (rep.more) {
		struct admin_store *store = job_store(j);
		struct admin_store_reports m = {.after = after};
		if (store == NULL)
			return;
		rep = (struct admin_store_reports_reply){0};
		enum ipc_result r = admin_store_reports(store, &m, j->arena,
							&rep, job_deadline(j));
		if (!job_stored(j, r, rep.answer, SPAN(""), "the list"))
			return;
		for (size_t i = 0; i < rep.reports_count; i++)
			report_rows(j, &rep.reports[i]);
		if (rep.reports_count == 0)
			return;
		after = rep.reports[rep.reports_count - 1].name;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* role/reader/rows: quoted, cut to a length that a table bears. */
#include "role/reader/rows.h"

#include "base/json.h"

static void text(struct buf *b, const char *name, struct span value)
{
	if (value.len == 0)
		return;
	buf_printf(b, ",\"%s\":", name);
	json_quote(b, span_sub(value, 0, READER_TEXT_MAX));
}

static void number(struct buf *b, const char *name, uint64_t n)
{
	buf_printf(b, ",\"%s\":%llu", name, (unsigned long long)n);
}

static void begin(struct buf *b, const char *row, const struct policy_report *r,
		  const struct policy_report_policy *p)
{
	buf_printf(b, "{\"row\":\"%s\"", row);
	text(b, "domain", p->domain);
	text(b, "policy", p->type_text);
	text(b, "organization", r->head.organization);
	text(b, "report", r->head.id);
	if (r->head.start > 0)
		number(b, "start", (uint64_t)r->head.start);
	if (r->head.end > 0)
		number(b, "end", (uint64_t)r->head.end);
}

static void failure(struct buf *b, const struct policy_report_detail *d)
{
	text(b, "failure", d->result);
	number(b, "times", d->count);
	text(b, "mx", d->receiving_mx.len > 0 ? d->receiving_mx : d->receiving_helo);
	text(b, "receiving_ip", d->receiving_ip);
	text(b, "sending_ip", d->sending_ip);
	text(b, "reason", d->reason.len > 0 ? d->reason : d->info);
	buf_add(b, SPAN("}\n"));
}

void reader_rows(struct buf *b, const struct policy_report *r)
{
	size_t rows = 0;
	for (size_t i = 0; i < r->policy_count && rows < READER_ROWS_MAX; i++) {
		const struct policy_report_policy *p = &r->policies[i];
		begin(b, "policy", r, p);
		number(b, "successes", p->successes);
		number(b, "failures", p->failures);
		buf_add(b, SPAN("}\n"));
		rows++;
		for (size_t k = 0;
		     k < p->detail_count && rows < READER_ROWS_MAX; k++, rows++) {
			begin(b, "failure", r, p);
			failure(b, &p->details[k]);
		}
	}
}

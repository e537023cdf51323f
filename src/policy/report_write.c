/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/report: the JSON of RFC 8460 4.4, its file name and its subject.
 *
 * Must never write a member whose value is empty where the RFC has none, nor a
 * byte of ours or a stranger's unquoted.
 */
#include "base/civil.h"
#include "base/json.h"
#include "policy/tally.h"

static void member(struct buf *b, const char *name, struct span value)
{
	if (value.len == 0)
		return;
	buf_printf(b, ",\"%s\":", name);
	json_quote(b, value);
}

static void list(struct buf *b, const char *name, const struct span *values,
		 size_t count)
{
	if (count == 0)
		return;
	buf_printf(b, ",\"%s\":[", name);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_addc(b, ',');
		json_quote(b, values[i]);
	}
	buf_addc(b, ']');
}

/* Seconds alone: "2016-04-01T00:00:00Z". */
static void moment(struct buf *b, int64_t seconds)
{
	struct civil c = civil_of(seconds);
	buf_printf(b, "\"%04d-%02d-%02dT%02d:%02d:%02dZ\"", c.year, c.month,
		   c.day, c.hour, c.minute, c.second);
}

static void detail(struct buf *b, const struct tally_detail *d)
{
	buf_add(b, SPAN("{\"result-type\":"));
	json_quote(b, policy_failure_text(d->failure));
	member(b, "sending-mta-ip", d->sending_ip);
	member(b, "receiving-mx-hostname", d->receiving_mx);
	member(b, "receiving-mx-helo", d->receiving_helo);
	member(b, "receiving-ip", d->receiving_ip);
	member(b, "failure-reason-code", d->reason);
	buf_add(b, SPAN(",\"failed-session-count\":"));
	buf_add_u64(b, d->count);
	buf_addc(b, '}');
}

static void details(struct buf *b, const struct tally_policy *p)
{
	if (p->failures == 0)
		return;
	buf_add(b, SPAN(",\"failure-details\":["));
	for (size_t i = 0; i < p->detail_count; i++) {
		if (i > 0)
			buf_addc(b, ',');
		detail(b, p->details[i]);
	}
	if (p->bare > 0) {
		if (p->detail_count > 0)
			buf_addc(b, ',');
		buf_add(b, SPAN("{\"result-type\":\"validation-failure\","
				"\"additional-information\":\"failures of other "
				"kinds, not kept apart\","
				"\"failed-session-count\":"));
		buf_add_u64(b, p->bare);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void policy(struct buf *b, struct span domain,
		   const struct tally_policy *p)
{
	buf_add(b, SPAN("{\"policy\":{\"policy-type\":"));
	json_quote(b, policy_type_text(p->type));
	list(b, "policy-string", p->strings, p->string_count);
	member(b, "policy-domain", p->domain.len > 0 ? p->domain : domain);
	list(b, "mx-host", p->mx, p->mx_count);
	buf_add(b, SPAN("},\"summary\":{\"total-successful-session-count\":"));
	buf_add_u64(b, p->successes);
	buf_add(b, SPAN(",\"total-failure-session-count\":"));
	buf_add_u64(b, p->failures);
	buf_addc(b, '}');
	details(b, p);
	buf_addc(b, '}');
}

void policy_report_write(struct buf *b, const struct policy_report_head *h,
			 const struct policy_tally_domain *d)
{
	buf_add(b, SPAN("{\"organization-name\":"));
	json_quote(b, h->organization);
	buf_add(b, SPAN(",\"date-range\":{\"start-datetime\":"));
	moment(b, h->start);
	buf_add(b, SPAN(",\"end-datetime\":"));
	moment(b, h->end);
	buf_addc(b, '}');
	member(b, "contact-info", h->contact);
	member(b, "report-id", h->id);
	buf_add(b, SPAN(",\"policies\":["));
	for (size_t i = 0; i < d->policy_count; i++) {
		if (i > 0)
			buf_addc(b, ',');
		policy(b, d->name, d->policies[i]);
	}
	buf_add(b, SPAN("]}"));
}

/* What is neither letter, digit, '.', '-' nor '_' has no place in a name. */
static void plain(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_addc(b, ascii_alnum(s.ptr[i]) ||
					    span_has(SPAN(".-_"), s.ptr[i])
				    ? s.ptr[i]
				    : '_');
}

void policy_report_file(struct buf *b, struct span sender, struct span domain,
			const struct policy_report_head *h, bool gzip)
{
	plain(b, sender);
	buf_addc(b, '!');
	plain(b, domain);
	buf_printf(b, "!%lld!%lld", (long long)h->start, (long long)h->end);
	if (h->id.len > 0) {
		buf_addc(b, '!');
		plain(b, h->id);
	}
	buf_add(b, gzip ? SPAN(".json.gz") : SPAN(".json"));
}

void policy_report_subject(struct buf *b, struct span sender,
			   struct span domain,
			   const struct policy_report_head *h)
{
	buf_add(b, SPAN("Report Domain: "));
	plain(b, domain);
	buf_add(b, SPAN(" Submitter: "));
	plain(b, sender);
	buf_add(b, SPAN(" Report-ID: <"));
	plain(b, h->id);
	buf_add(b, SPAN(">"));
}

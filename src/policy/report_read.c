/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/report: a report of another server.
 *
 * Lenient where servers differ (a text where a list should be, members that
 * lack), strict about JSON itself.  Time is linear, memory the arena's.
 *
 * Must never take one value for another: what has the wrong kind is absent.
 */
#include "base/civil.h"
#include "base/json.h"
#include "policy/report.h"

/* ---- RFC 3339 ------------------------------------------------------------- */

static bool number(struct span *s, size_t len, char end, int *out)
{
	uint64_t n;
	if (s->len < len || !span_u64(span_sub(*s, 0, len), 9999, &n))
		return false;
	*out = (int)n;
	*s = span_skip(*s, len);
	if (end == '\0')
		return true;
	if (s->len == 0 || ascii_upper(s->ptr[0]) != end)
		return false;
	*s = span_skip(*s, 1);
	return true;
}

/* "Z", or "+01:00"; *seconds is what to take off. */
static bool zone(struct span s, int64_t *seconds)
{
	int hours, minutes;
	*seconds = 0;
	if (s.len == 1 && ascii_upper(s.ptr[0]) == 'Z')
		return true;
	if (s.len != 6 || !span_has(SPAN("+-"), s.ptr[0]))
		return false;
	char sign = s.ptr[0];
	s = span_skip(s, 1);
	if (!number(&s, 2, ':', &hours) || !number(&s, 2, '\0', &minutes) ||
	    hours > 23 || minutes > 59)
		return false;
	*seconds = (sign == '-' ? -60 : 60) * (hours * 60 + minutes);
	return true;
}

/* 0: not a date. */
static int64_t moment(struct span s)
{
	struct civil c = {0};
	int64_t seconds, off;
	if (!number(&s, 4, '-', &c.year) || !number(&s, 2, '-', &c.month) ||
	    !number(&s, 2, 'T', &c.day) || !number(&s, 2, ':', &c.hour) ||
	    !number(&s, 2, ':', &c.minute) || !number(&s, 2, '\0', &c.second))
		return 0;
	if (s.len > 0 && s.ptr[0] == '.') {
		size_t n = 1;
		while (n < s.len && ascii_digit(s.ptr[n]))
			n++;
		s = span_skip(s, n);
	}
	if (!zone(s, &off) || !civil_seconds(&c, &seconds))
		return 0;
	return seconds - off;
}

/* ---- parts ---------------------------------------------------------------- */

static struct span text(const struct json *o, const char *name)
{
	const struct json *m = json_member(o, name);
	return m != NULL && m->kind == JSON_TEXT ? m->text : span_of(NULL, 0);
}

/* A list of texts, or one text alone.  False: out of memory. */
static bool texts(struct arena *arena, const struct json *o, const char *name,
		  struct span **out, size_t *count)
{
	const struct json *m = json_member(o, name);
	const struct json *first = m != NULL && m->kind == JSON_LIST ? m->first
				   : m != NULL && m->kind == JSON_TEXT ? m
								       : NULL;
	size_t n = 0;
	*count = 0;
	for (const struct json *v = first; v != NULL; v = v->next) {
		n++;
		if (v == m)
			break;
	}
	*out = ARENA_ARRAY(arena, n + 1, struct span);
	if (*out == NULL)
		return false;
	for (const struct json *v = first; v != NULL; v = v->next) {
		if (v->kind == JSON_TEXT)
			(*out)[(*count)++] = v->text;
		if (v == m)
			break;
	}
	return true;
}

static size_t length(const struct json *list)
{
	size_t n = 0;
	if (list == NULL || list->kind != JSON_LIST)
		return 0;
	for (const struct json *v = list->first; v != NULL; v = v->next)
		n++;
	return n;
}

static struct policy_report_detail detail(const struct json *o)
{
	return (struct policy_report_detail){
		.result = text(o, "result-type"),
		.failure = policy_failure_parse(text(o, "result-type")),
		.sending_ip = text(o, "sending-mta-ip"),
		.receiving_ip = text(o, "receiving-ip"),
		.receiving_mx = text(o, "receiving-mx-hostname"),
		.receiving_helo = text(o, "receiving-mx-helo"),
		.reason = text(o, "failure-reason-code"),
		.info = text(o, "additional-information"),
		.count = json_u64(o, "failed-session-count")};
}

static bool policy(struct arena *arena, const struct json *o,
		   struct policy_report_policy *out)
{
	const struct json *p = json_member(o, "policy");
	const struct json *sums = json_member(o, "summary");
	const struct json *list = json_member(o, "failure-details");
	size_t count = length(list);
	out->type_text = text(p, "policy-type");
	out->type_known = policy_type_parse(out->type_text, &out->type);
	out->domain = text(p, "policy-domain");
	out->successes = json_u64(sums, "total-successful-session-count");
	out->failures = json_u64(sums, "total-failure-session-count");
	out->details = ARENA_ARRAY(arena, count + 1, struct policy_report_detail);
	if (out->details == NULL ||
	    !texts(arena, p, "policy-string", &out->strings,
		   &out->string_count) ||
	    !texts(arena, p, "mx-host", &out->mx, &out->mx_count))
		return false;
	for (const struct json *v = count > 0 ? list->first : NULL; v != NULL;
	     v = v->next)
		if (v->kind == JSON_OBJECT)
			out->details[out->detail_count++] = detail(v);
	return true;
}

const char *policy_report_read(struct arena *arena, struct span json,
			       struct policy_report *out)
{
	*out = (struct policy_report){0};
	if (json.len > POLICY_REPORT_TEXT_MAX)
		return "it is longer than 4 MiB";
	const struct json *o = json_read(arena, json);
	const struct json *list = json_member(o, "policies");
	const struct json *range = json_member(o, "date-range");
	if (o == NULL)
		return "it is no JSON, or too deep or large";
	if (o->kind != JSON_OBJECT || list == NULL || list->kind != JSON_LIST)
		return "it has no list of policies";
	out->head = (struct policy_report_head){
		.organization = text(o, "organization-name"),
		.contact = text(o, "contact-info"),
		.id = text(o, "report-id"),
		.start = moment(text(range, "start-datetime")),
		.end = moment(text(range, "end-datetime"))};
	out->policies = ARENA_ARRAY(arena, length(list) + 1,
				    struct policy_report_policy);
	if (out->policies == NULL)
		return "it is too large";
	for (const struct json *v = list->first; v != NULL; v = v->next) {
		if (v->kind != JSON_OBJECT)
			continue;
		if (!policy(arena, v, &out->policies[out->policy_count++]))
			return "it is too large";
	}
	return NULL;
}

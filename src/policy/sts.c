/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/sts: the record and the policy's text.
 *
 * Must never take a policy that is cut, of another version, or without hosts
 * where it needs some; must never let a pattern match more than one label.
 */
#include "policy/sts.h"

#include "base/utf8.h"
#include "policy/record.h"

#define DOMAIN_MAX 253u
#define LABEL_MAX  63u

/* ---- the record ----------------------------------------------------------- */

static bool id_valid(struct span s)
{
	if (s.len == 0 || s.len > POLICY_STS_ID_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_alnum(s.ptr[i]))
			return false;
	return true;
}

/* Of fields of one name the first counts, as in the policy. */
static bool record_id(struct span text, struct policy_sts_record *out)
{
	struct span name, value;
	while (policy_record_field(&text, &name, &value)) {
		if (out->id_len > 0 || !span_eq(name, SPAN("id")))
			continue;
		if (!id_valid(value))
			return false;
		memcpy(out->id, value.ptr, value.len);
		out->id_len = (uint8_t)value.len;
	}
	return text.len == 0 && out->id_len > 0;
}

struct policy_sts_record policy_sts_record(struct policy_lookup lookup,
					   const struct span *rdata,
					   size_t count)
{
	char room[POLICY_RECORD_MAX];
	struct policy_sts_record r = {.kind = POLICY_STS_TXT_NONE};
	struct span text;
	if (!policy_answered(lookup)) {
		r.kind = lookup.trust == POLICY_DNS_BOGUS
				 ? POLICY_STS_TXT_BOGUS
				 : POLICY_STS_TXT_FAILED;
		return r;
	}
	if (!lookup.found)
		return r;
	switch (policy_record_pick(rdata, count, SPAN("v=STSv1"), room, &text)) {
	case POLICY_RECORD_NONE:
		break;
	case POLICY_RECORD_MANY:
	case POLICY_RECORD_BAD:
		r.kind = POLICY_STS_TXT_INVALID;
		break;
	case POLICY_RECORD_ONE:
		r.kind = record_id(text, &r) ? POLICY_STS_TXT_ID
					     : POLICY_STS_TXT_INVALID;
		break;
	}
	return r;
}

/* ---- the policy ----------------------------------------------------------- */

struct reading {
	struct policy_sts *out;
	bool version, mode, max_age; /* seen; the first of each counts */
};

static bool host_valid(struct span s)
{
	size_t label = 0;
	if (s.len == 0 || s.len > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!ascii_alnum(s.ptr[i]) && s.ptr[i] != '-' &&
			   s.ptr[i] != '_') {
			return false;
		} else if (++label > LABEL_MAX) {
			return false;
		}
	}
	return label > 0;
}

static struct span no_dot(struct span s)
{
	return s.len > 1 && s.ptr[s.len - 1] == '.' ? span_sub(s, 0, s.len - 1)
						    : s;
}

static bool pattern_valid(struct span s)
{
	if (span_starts(s, SPAN("*.")))
		s = span_skip(s, 2);
	return host_valid(s);
}

static const char *take_mx(struct reading *r, struct span value)
{
	value = no_dot(value);
	if (!pattern_valid(value))
		return "an mx line is no host name";
	if (r->out->mx_count == POLICY_STS_MX_MAX)
		return "more than 100 mx lines";
	r->out->mx[r->out->mx_count++] = value;
	return NULL;
}

static const char *take_mode(struct reading *r, struct span value)
{
	for (int m = POLICY_STS_MODE_NONE; m <= POLICY_STS_MODE_ENFORCE; m++)
		if (span_eq(value, span_cstr(policy_sts_mode_text(
					   (enum policy_sts_mode)m)))) {
			r->out->mode = (enum policy_sts_mode)m;
			r->mode = true;
			return NULL;
		}
	return "the mode is neither enforce, testing nor none";
}

static const char *take_max_age(struct reading *r, struct span value)
{
	uint64_t n;
	if (value.len > 10 || !span_u64(value, UINT64_MAX, &n))
		return "max_age is no number of seconds";
	r->out->max_age = n > POLICY_STS_AGE_MAX ? POLICY_STS_AGE_MAX
						 : (uint32_t)n;
	r->max_age = true;
	return NULL;
}

static const char *take_line(struct reading *r, struct span line)
{
	struct span name, value = line;
	if (!span_cut(&value, ':', &name) || !policy_field_name(name))
		return "a line is no \"name: value\"";
	value = span_trim(value);
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7f)
			return "a line holds control characters";
	if (span_eq(name, SPAN("mx")))
		return take_mx(r, value);
	if (span_eq(name, SPAN("mode")))
		return r->mode ? NULL : take_mode(r, value);
	if (span_eq(name, SPAN("max_age")))
		return r->max_age ? NULL : take_max_age(r, value);
	if (span_eq(name, SPAN("version")) && !r->version) {
		if (!span_eq(value, SPAN("STSv1")))
			return "the version is not STSv1";
		r->version = true;
	}
	return NULL;
}

const char *policy_sts_parse(struct span text, struct policy_sts *out)
{
	struct reading r = {.out = out};
	size_t lines = 0;
	out->mode = POLICY_STS_MODE_NONE;
	out->max_age = 0;
	out->mx_count = 0;
	if (text.len > POLICY_STS_TEXT_MAX)
		return "the policy is longer than 64 KiB";
	if (!utf8_valid(text))
		return "the policy is no UTF-8";
	while (text.len > 0) {
		struct span line;
		(void)span_cut(&text, '\n', &line);
		if (span_ends(line, SPAN("\r")))
			line = span_sub(line, 0, line.len - 1);
		if (++lines > POLICY_STS_LINES_MAX)
			return "the policy has more than 1000 lines";
		if (line.len == 0)
			continue;
		const char *wrong = take_line(&r, line);
		if (wrong != NULL)
			return wrong;
	}
	if (!r.version)
		return "there is no version";
	if (!r.mode)
		return "there is no mode";
	if (!r.max_age)
		return "there is no max_age";
	if (out->mx_count == 0 && out->mode != POLICY_STS_MODE_NONE)
		return "there is no mx";
	return NULL;
}

const char *policy_sts_reply(const struct policy_sts_reply *reply,
			     struct policy_sts *out)
{
	struct span media = reply->media, kind;
	(void)span_cut(&media, ';', &kind);
	if (reply->status >= 300 && reply->status <= 399)
		return "the web server redirects, and that is not followed";
	if (reply->status != 200)
		return "the web server does not answer 200";
	if (!span_eq_nocase(span_trim(kind), SPAN("text/plain")))
		return "the web server's answer is not text/plain";
	if (reply->body.len > POLICY_STS_TEXT_MAX)
		return "the policy is longer than 64 KiB";
	if (!reply->whole)
		return "the web server's answer was cut short";
	return policy_sts_parse(reply->body, out);
}

bool policy_sts_match(const struct policy_sts *p, struct span host)
{
	host = no_dot(host);
	size_t dot = span_find(host, '.');
	for (size_t i = 0; i < p->mx_count; i++) {
		struct span pattern = p->mx[i];
		if (!span_starts(pattern, SPAN("*."))) {
			if (span_eq_nocase(pattern, host))
				return true;
			continue;
		}
		/* What follows the first label, which may not be empty. */
		if (dot != SIZE_MAX && dot > 0 &&
		    span_eq_nocase(span_skip(pattern, 1), span_skip(host, dot)))
			return true;
	}
	return false;
}

const char *policy_sts_mode_text(enum policy_sts_mode mode)
{
	static const char *const texts[] = {"none", "testing", "enforce"};
	return texts[mode];
}

void policy_sts_url(struct buf *b, struct span domain)
{
	buf_add(b, SPAN("https://mta-sts."));
	buf_add(b, domain);
	buf_add(b, SPAN("/.well-known/mta-sts.txt"));
}

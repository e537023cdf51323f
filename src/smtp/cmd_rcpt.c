/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/cmd_rcpt: RCPT TO and its parameters (RFC 5321 4.1.1.3, RFC 3461).
 *
 * Must never count a recipient that the host did not accept.
 */
#include "smtp/state.h"
#include "smtp/xtext.h"

static enum smtp_reply param_notify(struct span value, struct smtp_rcpt *r)
{
	static const struct {
		struct span word;
		uint32_t bit;
	} words[] = {
		{SPAN_INIT("NEVER"), SMTP_NOTIFY_NEVER},
		{SPAN_INIT("SUCCESS"), SMTP_NOTIFY_SUCCESS},
		{SPAN_INIT("FAILURE"), SMTP_NOTIFY_FAILURE},
		{SPAN_INIT("DELAY"), SMTP_NOTIFY_DELAY},
	};
	struct span word;
	bool more;
	do {
		uint32_t bit = 0;
		more = span_cut(&value, ',', &word);
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (span_eq_nocase(word, words[i].word))
				bit = words[i].bit;
		if (bit == 0 || (r->notify & bit) != 0)
			return SMTP_R_BAD_PARAM;
		r->notify |= bit;
	} while (more);
	if ((r->notify & SMTP_NOTIFY_NEVER) != 0 && r->notify != SMTP_NOTIFY_NEVER)
		return SMTP_R_BAD_PARAM;
	return SMTP_R_NONE;
}

/* "rfc822;user+40example.test", or "utf-8;..." (RFC 6533) in ASCII form. */
static enum smtp_reply param_orcpt(struct span value, struct smtp_rcpt *r)
{
	struct span type, rest = value;
	if (r->orcpt.len > 0 || value.len > SMTP_ORCPT_MAX ||
	    !span_cut(&rest, ';', &type) || type.len == 0 || rest.len == 0 ||
	    !smtp_xtext_ok(type) || !smtp_xtext_ok(rest))
		return SMTP_R_BAD_PARAM;
	r->orcpt = value;
	return SMTP_R_NONE;
}

static enum smtp_reply parse(struct smtp_session *s, struct span arg, struct smtp_rcpt *r)
{
	if (!span_starts_nocase(arg, SPAN("TO:")))
		return SMTP_R_BAD_RCPT;
	arg = span_trim(span_skip(arg, 3));
	enum smtp_path_result pr = smtp_path_parse(&arg, SMTP_PATH_POSTMASTER, &r->to);
	if (pr != SMTP_PATH_OK)
		return smtp_path_reply(pr, SMTP_R_BAD_RCPT);
	struct smtp_param p;
	bool bad;
	while (smtp_param_next(&arg, &p, &bad)) {
		enum smtp_reply e = SMTP_R_UNKNOWN_PARAM;
		if (span_eq_nocase(p.key, SPAN("NOTIFY")))
			e = r->notify != 0 ? SMTP_R_BAD_PARAM : param_notify(p.value, r);
		else if (span_eq_nocase(p.key, SPAN("ORCPT")))
			e = param_orcpt(p.value, r);
		if (e != SMTP_R_NONE)
			return e;
	}
	if (bad)
		return SMTP_R_BAD_PARAM;
	return r->to.utf8 && !s->utf8 ? SMTP_R_NEED_UTF8 : SMTP_R_NONE;
}

static enum smtp_reply ruling_reply(enum smtp_rcpt_ruling r)
{
	switch (r) {
	case SMTP_RCPT_OK:
		return SMTP_R_RCPT_OK;
	case SMTP_RCPT_UNKNOWN:
		return SMTP_R_NO_MAILBOX;
	case SMTP_RCPT_RELAY:
		return SMTP_R_NO_RELAY;
	case SMTP_RCPT_DISABLED:
		return SMTP_R_DISABLED;
	case SMTP_RCPT_OVER_QUOTA:
		return SMTP_R_OVER_QUOTA;
	case SMTP_RCPT_REFUSED:
		return SMTP_R_REFUSED;
	case SMTP_RCPT_TOO_MANY:
		return SMTP_R_TOO_MANY_RCPT;
	case SMTP_RCPT_LATER:
		break;
	}
	return SMTP_R_LATER;
}

enum smtp_step smtp_cmd_rcpt(struct smtp_session *s, struct span arg)
{
	if (!s->mail)
		return smtp_bad(s, SMTP_R_MAIL_FIRST);
	if (s->chunked)
		return smtp_bad(s, SMTP_R_SEQUENCE);
	struct smtp_rcpt r = {0};
	enum smtp_reply e = parse(s, arg, &r);
	if (e != SMTP_R_NONE)
		return smtp_bad(s, e);
	if (s->recipients >= s->set->limits.recipients) {
		smtp_say(s, SMTP_R_TOO_MANY_RCPT);
		return SMTP_ON;
	}
	struct span text = {0};
	enum smtp_rcpt_ruling ruling = s->host->ops->rcpt_to(s->host, &r, &text);
	if (ruling == SMTP_RCPT_OK)
		s->recipients++;
	smtp_say_text(s, ruling_reply(ruling), text);
	return SMTP_ON;
}

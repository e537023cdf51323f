/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/cmd_mail: MAIL FROM and its parameters (RFC 5321 4.1.1.2, RFC 1870,
 * 2852, 3030, 3461, 4865, 4954, 6152, 6531, 6710, 8689).
 *
 * Must never open a transaction with a parameter that was not understood.
 */
#include "base/civil.h"
#include "smtp/state.h"
#include "smtp/xtext.h"

#define SEEN_SIZE 1u
#define SEEN_BODY 2u
#define SEEN_UTF8 4u
#define SEEN_AUTH 8u
#define SEEN_RET  16u
#define SEEN_ENVID 32u
#define SEEN_REQUIRETLS 64u
#define SEEN_RELEASE 128u /* one of the two */
#define SEEN_PRIORITY 256u
#define SEEN_BY 512u

static enum smtp_reply param_size(struct smtp_session *s, struct smtp_param *p,
				  struct smtp_mail *m)
{
	(void)s;
	for (size_t i = 0; i < p->value.len; i++)
		if (!ascii_digit(p->value.ptr[i]))
			return SMTP_R_BAD_PARAM;
	if (p->value.len == 0 || p->value.len > 20)
		return SMTP_R_BAD_PARAM;
	m->has_size = true;
	/* A number past 2^64 is a size too, and surely too big a one. */
	if (!span_u64(p->value, UINT64_MAX, &m->size))
		m->size = UINT64_MAX;
	return SMTP_R_NONE;
}

static enum smtp_reply param_body(struct smtp_session *s, struct smtp_param *p,
				  struct smtp_mail *m)
{
	if (span_eq_nocase(p->value, SPAN("7BIT")))
		m->body = SMTP_BODY_7BIT;
	else if (span_eq_nocase(p->value, SPAN("8BITMIME")))
		m->body = SMTP_BODY_8BITMIME;
	else if (span_eq_nocase(p->value, SPAN("BINARYMIME")) &&
		 smtp_announces(s, SMTP_EXT_CHUNKING | SMTP_EXT_BINARYMIME))
		m->body = SMTP_BODY_BINARYMIME;
	else
		return SMTP_R_BAD_PARAM;
	return SMTP_R_NONE;
}

static enum smtp_reply param_utf8(struct smtp_session *s, struct smtp_param *p,
				  struct smtp_mail *m)
{
	(void)s;
	m->utf8 = true;
	return p->has_value ? SMTP_R_BAD_PARAM : SMTP_R_NONE;
}

/* An identity that only an authenticated peer may vouch for (RFC 4954 5). */
static enum smtp_reply param_auth(struct smtp_session *s, struct smtp_param *p,
				  struct smtp_mail *m)
{
	char text[SMTP_PATH_MAX];
	size_t len;
	m->has_auth = true;
	m->auth.null = true;
	if (span_eq(p->value, SPAN("<>")))
		return SMTP_R_NONE;
	if (p->value.len == 0 || !smtp_xtext_decode(p->value, text, sizeof text, &len))
		return SMTP_R_BAD_PARAM;
	struct smtp_path path;
	if (smtp_address_parse(span_of(text, len), &path) == SMTP_PATH_OK &&
	    s->authenticated)
		m->auth = path;
	return SMTP_R_NONE;
}

static enum smtp_reply param_ret(struct smtp_session *s, struct smtp_param *p,
				 struct smtp_mail *m)
{
	(void)s;
	if (span_eq_nocase(p->value, SPAN("FULL")))
		m->ret = SMTP_RET_FULL;
	else if (span_eq_nocase(p->value, SPAN("HDRS")))
		m->ret = SMTP_RET_HDRS;
	else
		return SMTP_R_BAD_PARAM;
	return SMTP_R_NONE;
}

static enum smtp_reply param_envid(struct smtp_session *s, struct smtp_param *p,
				   struct smtp_mail *m)
{
	(void)s;
	if (p->value.len == 0 || p->value.len > SMTP_ENVID_MAX || !smtp_xtext_ok(p->value))
		return SMTP_R_BAD_PARAM;
	m->envid = p->value;
	return SMTP_R_NONE;
}

static enum smtp_reply param_requiretls(struct smtp_session *s, struct smtp_param *p,
					struct smtp_mail *m)
{
	(void)s;
	m->requiretls = true;
	return p->has_value ? SMTP_R_BAD_PARAM : SMTP_R_NONE;
}

#define HOLDFOR_DIGITS 9u /* RFC 4865 4.1 */

static enum smtp_reply param_holdfor(struct smtp_session *s, struct smtp_param *p,
				     struct smtp_mail *m)
{
	uint64_t seconds;
	if (p->value.len > HOLDFOR_DIGITS || !span_u64(p->value, UINT32_MAX, &seconds))
		return SMTP_R_BAD_PARAM;
	if (seconds > s->set->limits.release_seconds)
		return SMTP_R_HOLD_LONG;
	if (seconds > 0)
		m->release = s->host->ops->now(s->host) + (int64_t)seconds;
	return SMTP_R_NONE;
}

/* What is past already needs no holding. */
static enum smtp_reply param_holduntil(struct smtp_session *s, struct smtp_param *p,
				       struct smtp_mail *m)
{
	int64_t now = s->host->ops->now(s->host), until;
	if (!civil_parse_rfc3339(p->value, &until))
		return SMTP_R_BAD_PARAM;
	if (until > now + (int64_t)s->set->limits.release_seconds)
		return SMTP_R_HOLD_LONG;
	m->release = until > now ? until : 0;
	return SMTP_R_NONE;
}

static enum smtp_reply param_priority(struct smtp_session *s, struct smtp_param *p,
				      struct smtp_mail *m)
{
	struct span digit = p->value;
	(void)s;
	bool low = span_starts(digit, SPAN("-"));
	if (low)
		digit = span_skip(digit, 1);
	if (digit.len != 1 || !ascii_digit(digit.ptr[0]) || (low && digit.ptr[0] == '0'))
		return SMTP_R_BAD_PARAM;
	int n = digit.ptr[0] - '0';
	m->priority = (int8_t)(low ? -n : n);
	return SMTP_R_NONE;
}

/* RFC 2852 4: ["-" / "+"] 1*9digit ";" ("N" / "R") ["T"] */
static enum smtp_reply param_by(struct smtp_session *s, struct smtp_param *p,
				struct smtp_mail *m)
{
	struct span mode = p->value, time;
	uint64_t seconds;
	if (!span_cut(&mode, ';', &time))
		return SMTP_R_BAD_PARAM;
	bool past = span_starts(time, SPAN("-"));
	if (past || span_starts(time, SPAN("+")))
		time = span_skip(time, 1);
	if (time.len > 9 || !span_u64(time, SMTP_BY_MOST, &seconds))
		return SMTP_R_BAD_PARAM;
	uint8_t bits = SMTP_BY_RETURN;
	if (span_starts_nocase(mode, SPAN("N")))
		bits = SMTP_BY_NOTIFY;
	else if (!span_starts_nocase(mode, SPAN("R")) || past || seconds == 0)
		return SMTP_R_BAD_PARAM;
	mode = span_skip(mode, 1);
	if (span_eq_nocase(mode, SPAN("T")))
		bits |= SMTP_BY_TRACE;
	else if (mode.len > 0)
		return SMTP_R_BAD_PARAM;
	m->by_mode = bits;
	m->by = s->host->ops->now(s->host) + (past ? -(int64_t)seconds : (int64_t)seconds);
	return SMTP_R_NONE;
}

static const struct {
	struct span key;
	unsigned seen;
	uint32_t extension; /* 0: understood though not announced */
	enum smtp_reply (*parse)(struct smtp_session *, struct smtp_param *,
				 struct smtp_mail *);
} params[] = {
	{SPAN_INIT("SIZE"), SEEN_SIZE, SMTP_EXT_SIZE, param_size},
	{SPAN_INIT("BODY"), SEEN_BODY, SMTP_EXT_8BITMIME, param_body},
	{SPAN_INIT("SMTPUTF8"), SEEN_UTF8, SMTP_EXT_SMTPUTF8, param_utf8},
	{SPAN_INIT("AUTH"), SEEN_AUTH, 0, param_auth},
	{SPAN_INIT("RET"), SEEN_RET, 0, param_ret},
	{SPAN_INIT("ENVID"), SEEN_ENVID, 0, param_envid},
	{SPAN_INIT("REQUIRETLS"), SEEN_REQUIRETLS, SMTP_EXT_REQUIRETLS, param_requiretls},
	{SPAN_INIT("HOLDFOR"), SEEN_RELEASE, SMTP_EXT_RELEASE, param_holdfor},
	{SPAN_INIT("HOLDUNTIL"), SEEN_RELEASE, SMTP_EXT_RELEASE, param_holduntil},
	{SPAN_INIT("MT-PRIORITY"), SEEN_PRIORITY, SMTP_EXT_PRIORITY, param_priority},
	{SPAN_INIT("BY"), SEEN_BY, SMTP_EXT_DELIVERBY, param_by},
};

static enum smtp_reply parse_param(struct smtp_session *s, struct smtp_param *p,
				   struct smtp_mail *m, unsigned *seen)
{
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		if (!span_eq_nocase(params[i].key, p->key))
			continue;
		if (!smtp_announces(s, params[i].extension))
			return SMTP_R_UNKNOWN_PARAM;
		if (*seen & params[i].seen)
			return SMTP_R_BAD_PARAM;
		*seen |= params[i].seen;
		return params[i].parse(s, p, m);
	}
	return SMTP_R_UNKNOWN_PARAM;
}

static enum smtp_reply parse(struct smtp_session *s, struct span arg, struct smtp_mail *m)
{
	if (!span_starts_nocase(arg, SPAN("FROM:")))
		return SMTP_R_BAD_SENDER;
	arg = span_trim(span_skip(arg, 5));
	enum smtp_path_result pr = smtp_path_parse(&arg, SMTP_PATH_NULL, &m->from);
	if (pr != SMTP_PATH_OK)
		return smtp_path_reply(pr, SMTP_R_BAD_SENDER);
	struct smtp_param p;
	unsigned seen = 0;
	bool bad;
	while (smtp_param_next(&arg, &p, &bad)) {
		enum smtp_reply r = parse_param(s, &p, m, &seen);
		if (r != SMTP_R_NONE)
			return r;
	}
	if (bad)
		return SMTP_R_BAD_PARAM;
	return m->from.utf8 && !m->utf8 ? SMTP_R_NEED_UTF8 : SMTP_R_NONE;
}

static enum smtp_reply ruling_reply(enum smtp_mail_ruling r)
{
	switch (r) {
	case SMTP_MAIL_OK:
		return SMTP_R_SENDER_OK;
	case SMTP_MAIL_REFUSED:
		return SMTP_R_REFUSED;
	case SMTP_MAIL_NOT_OWN:
		return SMTP_R_NOT_OWN;
	case SMTP_MAIL_TOO_BIG:
		return SMTP_R_TOO_BIG;
	case SMTP_MAIL_NO_SPACE:
		return SMTP_R_NO_SPACE;
	case SMTP_MAIL_LATER:
		break;
	}
	return SMTP_R_LATER;
}

enum smtp_step smtp_cmd_mail(struct smtp_session *s, struct span arg)
{
	if (s->mail)
		return smtp_bad(s, SMTP_R_NESTED_MAIL);
	struct smtp_mail m = {0};
	enum smtp_reply r = parse(s, arg, &m);
	if (r != SMTP_R_NONE)
		return smtp_bad(s, r);
	if (m.has_size && m.size > s->set->limits.message) {
		smtp_say(s, SMTP_R_TOO_BIG);
		return SMTP_ON;
	}
	struct span text = {0};
	enum smtp_mail_ruling ruling = s->host->ops->mail_from(s->host, &m, &text);
	if (ruling == SMTP_MAIL_OK) {
		s->mail = true;
		s->utf8 = m.utf8;
		s->body = m.body;
		s->has_size = m.has_size;
		s->size = m.size;
	}
	smtp_say_text(s, ruling_reply(ruling), text);
	return SMTP_ON;
}

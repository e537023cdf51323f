/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/cmd_hello: EHLO, HELO, LHLO (RFC 5321 4.1.1.1, RFC 2033 4.1).
 *
 * Must never announce what would be refused now: AUTH only inside TLS on a
 * submission listener, STARTTLS only outside of it.
 */
#include "base/civil.h"
#include "smtp/state.h"

static bool offers_tls(const struct smtp_session *s)
{
	return !s->secure && (s->set->tls == SMTP_TLS_OFFERED ||
			      s->set->tls == SMTP_TLS_REQUIRED);
}

static void keyword(struct smtp_session *s, uint32_t ext, const char *word)
{
	if (smtp_announces(s, ext))
		stream_printf(s->stream, "250-%s\r\n", word);
}

/* RFC 4865 3: the longest time, and the date that it ends at now. */
static void announce_release(struct smtp_session *s)
{
	uint32_t longest = s->set->limits.release_seconds;
	if (!smtp_announces(s, SMTP_EXT_RELEASE))
		return;
	struct buf date;
	buf_init(&date, CIVIL_TEXT_MAX);
	civil_add_rfc3339(&date, s->host->ops->now(s->host) + longest);
	stream_printf(s->stream, "250-FUTURERELEASE %u %.*s\r\n", longest,
		      SPAN_FMT(buf_span(&date)));
	buf_free(&date);
}

static void announce(struct smtp_session *s)
{
	const struct smtp_limits *l = &s->set->limits;
	stream_printf(s->stream, "250-%.*s\r\n", SPAN_FMT(s->set->hostname));
	keyword(s, SMTP_EXT_PIPELINING, "PIPELINING");
	if (smtp_announces(s, SMTP_EXT_SIZE))
		stream_printf(s->stream, "250-SIZE %llu\r\n",
			      (unsigned long long)l->message);
	keyword(s, SMTP_EXT_8BITMIME, "8BITMIME");
	keyword(s, SMTP_EXT_SMTPUTF8, "SMTPUTF8");
	keyword(s, SMTP_EXT_CHUNKING, "CHUNKING");
	keyword(s, SMTP_EXT_CHUNKING | SMTP_EXT_BINARYMIME, "BINARYMIME");
	keyword(s, SMTP_EXT_ENHANCED, "ENHANCEDSTATUSCODES");
	if (smtp_announces(s, SMTP_EXT_LIMITS))
		stream_printf(s->stream, "250-LIMITS RCPTMAX=%u\r\n", l->recipients);
	keyword(s, SMTP_EXT_DSN, "DSN");
	keyword(s, SMTP_EXT_REQUIRETLS, "REQUIRETLS");
	announce_release(s);
	keyword(s, SMTP_EXT_PRIORITY, "MT-PRIORITY");
	keyword(s, SMTP_EXT_DELIVERBY, "DELIVERBY");
	if (offers_tls(s))
		stream_write(s->stream, SPAN("250-STARTTLS\r\n"));
	if (s->secure && s->set->role == SMTP_SUBMISSION) {
		struct span m = s->host->ops->mechanisms(s->host);
		if (m.len > 0)
			stream_printf(s->stream, "250-AUTH %.*s\r\n", SPAN_FMT(m));
	}
	stream_write(s->stream, SPAN("250 HELP\r\n"));
}

static enum smtp_step hello(struct smtp_session *s, struct span name, bool extended)
{
	if (s->set->role == SMTP_MX && stream_buffered(s->stream).len > 0) {
		smtp_note(s, SMTP_NOTE_EARLY_TALKER, SPAN("hello"));
		smtp_say(s, SMTP_R_EARLY_TALKER);
		return SMTP_END;
	}
	if (!smtp_hello_ok(name))
		return smtp_bad(s, SMTP_R_BAD_HELLO);
	struct span text = {0};
	enum smtp_hello h = s->host->ops->hello(s->host, name, extended, &text);
	smtp_hello_forget(s);
	if (h != SMTP_HELLO_OK) {
		smtp_say_text(s, h == SMTP_HELLO_LATER ? SMTP_R_HELLO_LATER
						       : SMTP_R_HELLO_REFUSED, text);
		return SMTP_ON;
	}
	memcpy(s->hello, name.ptr, name.len);
	s->hello_len = (uint8_t)name.len;
	s->extended = extended;
	if (extended)
		announce(s);
	else
		stream_printf(s->stream, "250 %.*s\r\n", SPAN_FMT(s->set->hostname));
	return SMTP_ON;
}

enum smtp_step smtp_cmd_ehlo(struct smtp_session *s, struct span arg)
{
	if (s->set->role == SMTP_LMTP)
		return smtp_bad(s, SMTP_R_USE_LHLO);
	return hello(s, arg, true);
}

enum smtp_step smtp_cmd_helo(struct smtp_session *s, struct span arg)
{
	if (s->set->role == SMTP_LMTP)
		return smtp_bad(s, SMTP_R_USE_LHLO);
	return hello(s, arg, false);
}

enum smtp_step smtp_cmd_lhlo(struct smtp_session *s, struct span arg)
{
	if (s->set->role != SMTP_LMTP)
		return smtp_bad(s, SMTP_R_UNKNOWN);
	return hello(s, arg, true);
}

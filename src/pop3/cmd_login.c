/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3/cmd_login: USER, PASS, AUTH, STLS and CAPA (RFC 1939 7, RFC 2449,
 * RFC 2595 4, RFC 5034, RFC 3206, RFC 6856 2.1).
 *
 * Must never look at a credential before TLS, nor keep anything that was said
 * before the handshake.
 */
#include "base/base64.h"
#include "pop3/state.h"

static bool protected(struct pop3_session *s)
{
	if (!s->host->facts.tls)
		pop3_err(s, "[AUTH] Use STLS first");
	return s->host->facts.tls;
}

static void refused(struct pop3_session *s)
{
	pop3_err(s, "[AUTH] Wrong user name or password");
	if (++s->logins >= POP3_LOGIN_MAX)
		s->closing = true;
}

static void welcome(struct pop3_session *s)
{
	/* Without its mailbox a session is of no use; the client may come again. */
	if (!pop3_drop_open(s)) {
		s->closing = true;
		return;
	}
	s->state = POP3_TRANSACTION;
	pop3_ok(s, "Logged in");
}

void pop3_cmd_user(struct pop3_session *s, struct span name)
{
	if (!protected(s))
		return;
	if (name.len == 0 || name.len > POP3_USER_MAX) {
		pop3_err(s, "USER takes a name");
		return;
	}
	memcpy(s->user, name.ptr, name.len);
	s->user_len = name.len;
	pop3_ok(s, "Now PASS");
}

void pop3_cmd_pass(struct pop3_session *s, struct span password)
{
	struct span user = span_of(s->user, s->user_len);
	s->user_len = 0;
	if (!protected(s))
		return;
	if (user.len == 0) {
		pop3_err(s, "USER first");
		return;
	}
	switch (s->host->login(s->host, user, password)) {
	case POP3_YES:
		welcome(s);
		break;
	case POP3_DENIED:
		refused(s);
		break;
	default:
		pop3_err(s, "[SYS/TEMP] Try again later");
		break;
	}
}

static const char *unreadable(const struct pop3_session *s)
{
	return arena_short(s->arena) ? "[SYS/TEMP] Try again later" : "Invalid base64";
}

static bool response(struct pop3_session *s, struct span challenge, struct span *in)
{
	struct buf text;
	struct span line;
	buf_init(&text, POP3_AUTH_LINE_MAX);
	base64_encode(&text, challenge);
	stream_write(s->stream, SPAN("+ "));
	stream_write(s->stream, buf_span(&text));
	stream_write(s->stream, SPAN("\r\n"));
	buf_free(&text);
	enum io r = stream_line(s->stream, POP3_AUTH_LINE_MAX, POP3_DRAIN_MAX, &line);
	const char *why = NULL;
	if (r == IO_LONG)
		why = "Line too long";
	else if (r != IO_OK)
		pop3_ended(s, r);
	else if (span_eq(line, SPAN("*")))
		why = "Cancelled";
	else if (base64_decode_arena(s->arena, line, in) != BASE64_OK)
		why = unreadable(s);
	else
		return true;
	if (why != NULL)
		pop3_err(s, why);
	s->host->auth_cancel(s->host);
	return false;
}

static void exchange(struct pop3_session *s, bool first, struct span in)
{
	for (;;) {
		struct span out = {0};
		enum pop3_auth r = s->host->auth_step(s->host, first, in, s->arena, &out);
		first = false;
		switch (r) {
		case POP3_AUTH_MORE:
			if (!response(s, out, &in))
				return;
			continue;
		case POP3_AUTH_DONE:
			welcome(s);
			return;
		case POP3_AUTH_FAILED:
			refused(s);
			return;
		case POP3_AUTH_UNAVAILABLE:
			pop3_err(s, "[SYS/TEMP] Try again later");
			return;
		}
	}
}

void pop3_cmd_auth(struct pop3_session *s, struct span argument)
{
	struct span mechanism, in = {0};
	if (!protected(s))
		return;
	bool initial = span_cut(&argument, ' ', &mechanism);
	/* "=" is the empty initial response (RFC 5034 4). */
	if (initial && !span_eq(argument, SPAN("=")) &&
	    (argument.len == 0 ||
	     base64_decode_arena(s->arena, argument, &in) != BASE64_OK)) {
		pop3_err(s, unreadable(s));
		return;
	}
	if (mechanism.len == 0 || !s->host->auth_begin(s->host, mechanism)) {
		pop3_err(s, "No such mechanism");
		return;
	}
	exchange(s, !initial, in);
}

void pop3_cmd_stls(struct pop3_session *s, struct span argument)
{
	if (argument.len > 0 || s->host->facts.tls || !s->host->facts.stls) {
		pop3_err(s, "Not possible now");
		return;
	}
	pop3_ok(s, "Begin TLS negotiation");
	s->user_len = 0;
	enum io r = stream_start_tls(s->stream);
	if (r != IO_OK)
		pop3_ended(s, r);
}

void pop3_cmd_capa(struct pop3_session *s, struct span argument UNUSED)
{
	const struct pop3_facts *facts = &s->host->facts;
	struct stream *out = s->stream;
	bool before = s->state == POP3_AUTHORIZATION;
	pop3_ok(s, "Capabilities follow");
	stream_write(out, SPAN("TOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n"
			       "AUTH-RESP-CODE\r\nEXPIRE NEVER\r\nUTF8 USER\r\n"
			       "LANG\r\n"));
	if (facts->login_delay > 0)
		stream_printf(out, "LOGIN-DELAY %u\r\n", facts->login_delay);
	if (before && facts->stls && !facts->tls)
		stream_write(out, SPAN("STLS\r\n"));
	if (facts->tls)
		stream_write(out, SPAN("USER\r\n"));
	if (facts->tls && facts->mechanisms.len > 0)
		stream_printf(out, "SASL %.*s\r\n", SPAN_FMT(facts->mechanisms));
	/* RFC 2449 6.9: what it is, for those who logged in. */
	if (!before && facts->implementation.len > 0)
		stream_printf(out, "IMPLEMENTATION %.*s\r\n",
			      SPAN_FMT(facts->implementation));
	stream_write(out, SPAN(".\r\n"));
}

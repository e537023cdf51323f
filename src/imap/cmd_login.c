/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_login: LOGIN and AUTHENTICATE (RFC 3501 6.2.2, 6.2.3, RFC 4959).
 *
 * Must never look at a credential before TLS: the refusal comes before the
 * arguments are parsed, and says the same whatever they are.
 */
#include "base/base64.h"
#include "imap/state.h"

static bool protected(struct imap_session *s)
{
	if (!s->host->facts.tls)
		imap_no(s, "PRIVACYREQUIRED", "Use TLS first");
	return s->host->facts.tls;
}

static void welcome(struct imap_session *s)
{
	s->state = IMAP_AUTHED;
	s->bad = 0;
	stream_write(s->stream, span_of(s->word, s->word_len));
	stream_write(s->stream, SPAN(" OK [CAPABILITY "));
	imap_capabilities(s);
	stream_write(s->stream, SPAN("] Logged in\r\n"));
	s->work->done = true;
}

static void refused(struct imap_session *s)
{
	imap_no(s, "AUTHENTICATIONFAILED", "Wrong user name or password");
	if (++s->logins >= IMAP_LOGIN_MAX)
		imap_bye(s, "Too many failed logins");
}

void imap_cmd_login(struct imap_session *s, struct imap_lex *lex)
{
	struct span user, password;
	if (!protected(s))
		return;
	if (!imap_lex_astring(lex, &user) || !imap_lex_space(lex) ||
	    !imap_lex_astring(lex, &password) || !imap_lex_end(lex)) {
		imap_bad(s, "LOGIN takes a user name and a password");
		return;
	}
	enum imap_answer r = s->host->login(s->host, user, password);
	if (r == IMAP_YES)
		welcome(s);
	else if (r == IMAP_DENIED)
		refused(s);
	else
		imap_no_answer(s, r);
}

static void unreadable(struct imap_session *s)
{
	if (arena_short(s->work->arena))
		imap_no(s, "UNAVAILABLE", "Try again later");
	else
		imap_bad(s, "Invalid base64");
}

/* The client's next line, decoded.  False: answered, cancelled or gone. */
static bool response(struct imap_session *s, struct span challenge, struct span *out)
{
	struct buf line;
	buf_init(&line, IMAP_AUTH_LINE_MAX);
	base64_encode(&line, challenge);
	stream_write(s->stream, SPAN("+ "));
	stream_write(s->stream, buf_span(&line));
	stream_write(s->stream, SPAN("\r\n"));
	buf_clear(&line);
	bool good = imap_read_line(s, &line, IMAP_AUTH_LINE_MAX);
	if (good && span_eq(buf_span(&line), SPAN("*"))) {
		imap_bad(s, "Cancelled");
		good = false;
	} else if (good && base64_decode_arena(s->work->arena, buf_span(&line), out) !=
				   BASE64_OK) {
		unreadable(s);
		good = false;
	}
	buf_free(&line);
	if (!good)
		s->host->auth_cancel(s->host);
	return good;
}

static void exchange(struct imap_session *s, bool first, struct span in)
{
	for (;;) {
		struct span out = {0};
		enum imap_auth r = s->host->auth_step(s->host, first, in,
						      s->work->arena, &out);
		first = false;
		switch (r) {
		case IMAP_AUTH_MORE:
			if (!response(s, out, &in))
				return;
			continue;
		case IMAP_AUTH_DONE:
			welcome(s);
			return;
		case IMAP_AUTH_FAILED:
			refused(s);
			return;
		case IMAP_AUTH_UNAVAILABLE:
			imap_no_answer(s, IMAP_UNAVAILABLE);
			return;
		}
	}
}

void imap_cmd_authenticate(struct imap_session *s, struct imap_lex *lex)
{
	struct span mechanism, text, in = {0};
	if (!protected(s))
		return;
	if (!imap_lex_atom(lex, &mechanism)) {
		imap_bad(s, "AUTHENTICATE takes a mechanism");
		return;
	}
	bool initial = imap_lex_space(lex);
	if (initial) {
		/* "=" is the empty response (RFC 4959 3). */
		text = lex->rest;
		if (!span_eq(text, SPAN("=")) &&
		    (text.len == 0 ||
		     base64_decode_arena(s->work->arena, text, &in) != BASE64_OK)) {
			unreadable(s);
			return;
		}
	} else if (!imap_lex_end(lex)) {
		imap_bad(s, "AUTHENTICATE takes a mechanism");
		return;
	}
	if (!s->host->auth_begin(s->host, mechanism)) {
		imap_no(s, "CANNOT", "No such mechanism");
		return;
	}
	exchange(s, !initial, in);
}

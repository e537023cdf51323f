/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/session: greeting, the loop over command lines, replies, goodbyes.
 *
 * Must never hand a line to a verb that its row does not allow now, and never
 * return SMTP_IDLE with output that was not flushed.
 */
#include "smtp/session.h"

#include <stdlib.h>

#include "smtp/state.h"

_Static_assert(sizeof(struct smtp_session) < 2048, "an idle session stays small");

#define TLS_RECORD_HANDSHAKE 0x16

size_t smtp_session_size(void)
{
	return sizeof(struct smtp_session);
}

struct smtp_session *smtp_session_new(struct stream *stream, struct smtp_host *host,
				      const struct smtp_settings *set)
{
	struct smtp_session *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->tag = SMTP_SESSION_TAG;
	s->stream = stream;
	s->host = host;
	s->set = set;
	s->secure = set->tls == SMTP_TLS_IMPLICIT;
	return s;
}

void smtp_session_free(struct smtp_session *s)
{
	if (s == NULL)
		return;
	ENSURE_TAG(s, SMTP_SESSION_TAG);
	smtp_transaction_end(s);
	s->tag = 0;
	free(s);
}

void smtp_say_text(struct smtp_session *s, enum smtp_reply r, struct span text)
{
	const struct smtp_reply_row *row = smtp_reply_row(r);
	bool enhanced = row->enhanced[0] != 0 && smtp_announces(s, SMTP_EXT_ENHANCED);
	stream_printf(s->stream, "%u %s%s", (unsigned)row->code,
		      enhanced ? row->enhanced : "", enhanced ? " " : "");
	if (span_empty(text)) {
		stream_write(s->stream, span_cstr(row->words));
	} else {
		struct buf line;
		buf_init(&line, SMTP_REPLY_TEXT_MAX);
		smtp_reply_clean(text, &line);
		stream_write(s->stream, buf_span(&line));
		buf_free(&line);
	}
	stream_write(s->stream, SPAN("\r\n"));
}

void smtp_say(struct smtp_session *s, enum smtp_reply r)
{
	smtp_say_text(s, r, (struct span){0});
}

void smtp_note(struct smtp_session *s, enum smtp_note note, struct span detail)
{
	s->host->ops->note(s->host, note, detail);
}

enum smtp_step smtp_bad(struct smtp_session *s, enum smtp_reply r)
{
	if (++s->bad >= s->set->limits.bad_commands) {
		smtp_note(s, SMTP_NOTE_FLOOD, (struct span){0});
		smtp_say(s, SMTP_R_FLOOD);
		return SMTP_END;
	}
	smtp_say(s, r);
	return SMTP_ON;
}

enum smtp_step smtp_lost(struct smtp_session *s, enum io io)
{
	if (io == IO_STOP)
		smtp_say(s, SMTP_R_SHUTDOWN);
	else if (io == IO_LONG)
		smtp_say(s, SMTP_R_TOO_BIG);
	return SMTP_END;
}

bool smtp_announces(const struct smtp_session *s, uint32_t extension)
{
	const uint32_t of_users = SMTP_EXT_RELEASE | SMTP_EXT_PRIORITY | SMTP_EXT_DELIVERBY;
	if ((extension & SMTP_EXT_REQUIRETLS) != 0 && !s->secure)
		return false;
	if ((extension & of_users) != 0 &&
	    (s->set->role != SMTP_SUBMISSION ||
	     (!s->secure && s->set->tls != SMTP_TLS_NONE)))
		return false;
	return (s->set->extensions & extension) == extension;
}

void smtp_transaction_end(struct smtp_session *s)
{
	smtp_message_abort(s);
	if (s->mail)
		s->host->ops->reset(s->host);
	s->mail = s->utf8 = s->has_size = s->chunked = s->broken = false;
	s->recipients = 0;
	s->size = 0;
	s->body = SMTP_BODY_7BIT;
}

void smtp_hello_forget(struct smtp_session *s)
{
	smtp_transaction_end(s);
	s->hello_len = 0;
	s->extended = false;
}

void smtp_session_facts(const struct smtp_session *s, struct smtp_facts *f)
{
	ENSURE_TAG(s, SMTP_SESSION_TAG);
	*f = (struct smtp_facts){
		.hello = span_of(s->hello, s->hello_len),
		.extended = s->extended,
		.secure = s->secure,
		.authenticated = s->authenticated,
		.utf8 = s->utf8,
		.transaction = s->mail,
		.recipients = s->recipients,
		.tls = s->tls,
	};
}

static enum smtp_next finish(struct smtp_session *s)
{
	smtp_transaction_end(s);
	stream_flush(s->stream);
	return SMTP_CLOSE;
}

void smtp_session_farewell(struct smtp_session *s, enum smtp_farewell why)
{
	ENSURE_TAG(s, SMTP_SESSION_TAG);
	smtp_say(s, why == SMTP_FAREWELL_TIMEOUT ? SMTP_R_TIMEOUT : SMTP_R_SHUTDOWN);
	finish(s);
}

enum smtp_next smtp_session_greet(struct smtp_session *s)
{
	ENSURE_TAG(s, SMTP_SESSION_TAG);
	if (s->secure)
		s->host->ops->tls(s->host, &s->tls);
	if (s->set->role == SMTP_MX && stream_buffered(s->stream).len > 0) {
		smtp_note(s, SMTP_NOTE_EARLY_TALKER, SPAN("greeting"));
		smtp_say(s, SMTP_R_EARLY_TALKER);
		return finish(s);
	}
	if (s->host->ops->load(s->host) == SMTP_FULL) {
		smtp_say(s, SMTP_R_NO_SESSION);
		return finish(s);
	}
	stream_deadline(s->stream, s->set->limits.command_seconds);
	stream_printf(s->stream, "220 %.*s %s\r\n", SPAN_FMT(s->set->hostname),
		      s->set->role == SMTP_LMTP ? "LMTP" : "ESMTP");
	return stream_flush(s->stream) == IO_OK ? SMTP_IDLE : finish(s);
}

/* Only printable text, high bytes (SMTPUTF8) and blanks. */
static bool clean_line(struct span line)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* What the row of a verb forbids now, or SMTP_R_NONE. */
static enum smtp_reply forbidden(const struct smtp_session *s, const struct smtp_verb *v,
				 struct span arg)
{
	if (s->set->tls == SMTP_TLS_REQUIRED && !s->secure && !(v->flags & SMTP_V_CLEAR))
		return SMTP_R_TLS_FIRST;
	if ((v->flags & SMTP_V_BARE) && arg.len > 0)
		return SMTP_R_NO_ARGUMENT;
	if ((v->flags & SMTP_V_AUTH) && s->set->role == SMTP_SUBMISSION &&
	    s->hello_len > 0 && !s->authenticated)
		return SMTP_R_AUTH_FIRST;
	if ((v->flags & SMTP_V_HELLO) && s->hello_len == 0)
		return SMTP_R_HELLO_FIRST;
	return SMTP_R_NONE;
}

static enum smtp_step too_idle(struct smtp_session *s)
{
	smtp_note(s, SMTP_NOTE_FLOOD, SPAN("idle"));
	smtp_say(s, SMTP_R_IDLE_FLOOD);
	return SMTP_END;
}

static enum smtp_step handle_line(struct smtp_session *s, struct span line)
{
	if (!clean_line(line))
		return smtp_bad(s, SMTP_R_BAD_BYTES);
	struct span name, arg = line;
	span_cut(&arg, ' ', &name);
	arg = span_trim(arg);
	const struct smtp_verb *v = smtp_verb_find(span_trim(name));
	bool auth = v != NULL && v->run == smtp_cmd_auth;
	if (line.len + 2 > (auth ? SMTP_AUTH_LINE_MAX : SMTP_LINE_MAX))
		return smtp_bad(s, SMTP_R_LINE_LONG);
	if (v == NULL)
		return smtp_bad(s, SMTP_R_UNKNOWN);
	if ((v->flags & SMTP_V_IDLE) && ++s->idle > s->set->limits.idle_commands)
		return too_idle(s);
	enum smtp_reply r = forbidden(s, v, arg);
	if (r == SMTP_R_NONE)
		return v->run(s, arg);
	return v->refuse != NULL ? v->refuse(s, arg, r) : smtp_bad(s, r);
}

/* A ClientHello where text should come: no line will ever end. */
static bool hello_in_clear(struct smtp_session *s, enum io *io)
{
	struct span b;
	*io = stream_peek(s->stream, &b);
	return *io == IO_OK && b.ptr[0] == TLS_RECORD_HANDSHAKE;
}

static enum smtp_step one_command(struct smtp_session *s)
{
	struct span line;
	enum io io;
	stream_deadline(s->stream, s->set->limits.command_seconds);
	if (!s->spoken && !s->secure && hello_in_clear(s, &io)) {
		smtp_note(s, SMTP_NOTE_NOT_SMTP, SPAN("ClientHello"));
		return SMTP_END;
	}
	size_t limit = s->set->role == SMTP_SUBMISSION ? SMTP_AUTH_LINE_MAX : SMTP_LINE_MAX;
	io = stream_line(s->stream, limit, SMTP_LINE_DRAIN, &line);
	s->spoken = true;
	if (io == IO_LONG)
		return smtp_bad(s, SMTP_R_LINE_LONG);
	if (io != IO_OK)
		return smtp_lost(s, io);
	return handle_line(s, line);
}

enum smtp_next smtp_session_run(struct smtp_session *s)
{
	ENSURE_TAG(s, SMTP_SESSION_TAG);
	for (;;) {
		if (one_command(s) == SMTP_END)
			return finish(s);
		if (stream_buffered(s->stream).len == 0)
			return stream_flush(s->stream) == IO_OK ? SMTP_IDLE : finish(s);
	}
}

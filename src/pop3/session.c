/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3/session: the life of a session and its table of commands.
 *
 * A new command is a function and a row.
 */
#include "pop3/session.h"

#include <stdlib.h>

#include "pop3/state.h"

static const struct pop3_verb verbs[] = {
	{"AUTH", POP3_AUTHORIZATION, pop3_cmd_auth},
	{"CAPA", POP3_ANY, pop3_cmd_capa},
	{"DELE", POP3_TRANSACTION, pop3_cmd_dele},
	{"LANG", POP3_ANY, pop3_cmd_lang},
	{"LIST", POP3_TRANSACTION, pop3_cmd_list},
	{"NOOP", POP3_TRANSACTION, pop3_cmd_noop},
	{"PASS", POP3_AUTHORIZATION, pop3_cmd_pass},
	{"QUIT", POP3_ANY, pop3_cmd_quit},
	{"RETR", POP3_TRANSACTION, pop3_cmd_retr},
	{"RSET", POP3_TRANSACTION, pop3_cmd_rset},
	{"STAT", POP3_TRANSACTION, pop3_cmd_stat},
	{"STLS", POP3_AUTHORIZATION, pop3_cmd_stls},
	{"TOP", POP3_TRANSACTION, pop3_cmd_top},
	{"UIDL", POP3_TRANSACTION, pop3_cmd_uidl},
	{"USER", POP3_AUTHORIZATION, pop3_cmd_user},
	{"UTF8", POP3_AUTHORIZATION, pop3_cmd_utf8},
};

const struct pop3_verb *pop3_verb_find(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (span_eq_nocase(name, span_cstr(verbs[i].name)))
			return &verbs[i];
	return NULL;
}

struct pop3_session *pop3_session_new(struct stream *stream, struct pop3_host *host)
{
	struct pop3_session *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->tag = POP3_SESSION_TAG;
	s->stream = stream;
	s->host = host;
	s->state = POP3_AUTHORIZATION;
	return s;
}

void pop3_session_free(struct pop3_session *s)
{
	if (s == NULL)
		return;
	ENSURE_TAG(s, POP3_SESSION_TAG);
	ENSURE(s->arena == NULL);
	pop3_drop_free(s);
	s->tag = 0;
	free(s);
}

void pop3_ok(struct pop3_session *s, const char *text)
{
	s->bad = 0;
	stream_printf(s->stream, "+OK %s\r\n", text);
}

void pop3_err(struct pop3_session *s, const char *text)
{
	stream_printf(s->stream, "-ERR %s\r\n", text);
	if (++s->bad >= POP3_BAD_MAX)
		s->closing = true;
}

void pop3_ended(struct pop3_session *s, enum io why)
{
	if (why == IO_STOP)
		stream_write(s->stream, SPAN("-ERR [SYS/TEMP] Shutting down\r\n"));
	s->closing = true;
}

static enum pop3_next leave(struct pop3_session *s)
{
	if (stream_flush(s->stream) != IO_OK || s->closing) {
		s->closing = true;
		return POP3_CLOSE;
	}
	stream_deadline(s->stream, s->state == POP3_AUTHORIZATION ? POP3_WAIT_LOGIN
								  : POP3_WAIT_COMMAND);
	return POP3_IDLE;
}

enum pop3_next pop3_session_greet(struct pop3_session *s)
{
	ENSURE_TAG(s, POP3_SESSION_TAG);
	/* No <timestamp>: that would offer APOP. */
	stream_printf(s->stream, "+OK %.*s ready\r\n", SPAN_FMT(s->host->facts.name));
	return leave(s);
}

static void dispatch(struct pop3_session *s, struct span line)
{
	struct span name;
	span_cut(&line, ' ', &name);
	const struct pop3_verb *verb = pop3_verb_find(name);
	if (verb == NULL)
		pop3_err(s, "Unknown command");
	else if (!(verb->states & s->state))
		pop3_err(s, "Not possible now");
	else
		verb->run(s, line);
}

static void one_command(struct pop3_session *s)
{
	struct span line, own;
	enum io r = stream_line(s->stream, POP3_LINE_MAX, POP3_DRAIN_MAX, &line);
	if (r == IO_LONG) {
		pop3_err(s, "Line too long");
		return;
	}
	if (r != IO_OK) {
		pop3_ended(s, r);
		return;
	}
	s->arena = arena_new(POP3_ARENA_MAX);
	/* A command may read on: its line must not move under it. */
	if (s->arena == NULL || !arena_copy(s->arena, line, &own)) {
		pop3_err(s, "[SYS/TEMP] Out of memory");
		s->closing = true;
	} else {
		dispatch(s, own);
	}
	arena_free(s->arena);
	s->arena = NULL;
}

enum pop3_next pop3_session_run(struct pop3_session *s)
{
	ENSURE_TAG(s, POP3_SESSION_TAG);
	do {
		if (s->closing)
			break;
		one_command(s);
	} while (stream_buffered(s->stream).len > 0);
	return leave(s);
}

enum pop3_next pop3_session_stop(struct pop3_session *s, const char *why)
{
	ENSURE_TAG(s, POP3_SESSION_TAG);
	if (!s->closing)
		stream_printf(s->stream, "-ERR [SYS/TEMP] %s\r\n", why);
	s->closing = true;
	return leave(s);
}

bool pop3_session_authenticated(const struct pop3_session *s)
{
	return s->state == POP3_TRANSACTION;
}

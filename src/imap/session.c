/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/session: the life of a session around its commands.
 *
 * Must never keep anything of a command after it ended, and never send PREAUTH.
 */
#include "imap/session.h"

#include <stdlib.h>

#include "base/buf.h"
#include "imap/state.h"

struct imap_session *imap_session_new(struct stream *stream, struct imap_host *host)
{
	_Static_assert(sizeof(struct imap_session) < IMAP_SESSION_MAX,
		       "an idle session has to stay small");
	struct imap_session *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->tag = IMAP_SESSION_TAG;
	s->stream = stream;
	s->host = host;
	s->state = IMAP_NEW;
	return s;
}

void imap_session_free(struct imap_session *s)
{
	if (s == NULL)
		return;
	ENSURE_TAG(s, IMAP_SESSION_TAG);
	ENSURE(s->work == NULL);
	imap_view_close(s);
	imap_notify_drop(s);
	s->tag = 0;
	free(s);
}

static void tagged(struct imap_session *s, const char *what, const char *code,
		   const char *text)
{
	ENSURE(!s->work->done);
	s->work->done = true;
	if (s->word_len > 0)
		stream_write(s->stream, span_of(s->word, s->word_len));
	else
		stream_write(s->stream, SPAN("*"));
	stream_printf(s->stream, " %s ", what);
	if (code != NULL) {
		stream_write(s->stream, SPAN("["));
		stream_write(s->stream, span_cstr(code));
		stream_write(s->stream, SPAN("] "));
	}
	stream_printf(s->stream, "%s\r\n", text);
}

static void end(struct imap_session *s, const char *what, const char *code,
		const char *text)
{
	if (s->state == IMAP_SELECTED && !s->closing)
		imap_view_tell(s, s->work->tell);
	tagged(s, what, code, text);
}

void imap_ok(struct imap_session *s, const char *code, const char *text)
{
	s->bad = 0;
	end(s, "OK", code, text);
}

/* Counted as well: a flood of refused commands ends the session. */
static void count_bad(struct imap_session *s)
{
	if (++s->bad >= IMAP_BAD_MAX && !s->closing)
		imap_bye(s, "Too many refused commands");
}

void imap_no(struct imap_session *s, const char *code, const char *text)
{
	if (s->work->saving)
		imap_saved_drop(s);
	end(s, "NO", code, text);
	/* Later a NO is an answer like any other: the mailbox is full, or gone. */
	if (s->state == IMAP_NEW)
		count_bad(s);
}

void imap_bad(struct imap_session *s, const char *text)
{
	tagged(s, "BAD", NULL, text);
	count_bad(s);
}

void imap_uid_required(struct imap_session *s)
{
	tagged(s, "BAD", "UIDREQUIRED", "There are no message numbers, only UIDs");
	count_bad(s);
}

void imap_no_answer(struct imap_session *s, enum imap_answer answer)
{
	static const struct {
		const char *code, *text;
	} words[] = {
		[IMAP_NONEXISTENT] = {"NONEXISTENT", "No such mailbox"},
		[IMAP_EXISTS] = {"ALREADYEXISTS", "Mailbox exists already"},
		[IMAP_OVERQUOTA] = {"OVERQUOTA", "Quota exceeded"},
		[IMAP_LIMIT] = {"LIMIT", "A limit was reached"},
		[IMAP_CANNOT] = {"CANNOT", "Not possible"},
		[IMAP_HASCHILDREN] = {"HASCHILDREN", "Mailbox has inferior names"},
		[IMAP_DENIED] = {"NOPERM", "Not permitted"},
		[IMAP_UNAVAILABLE] = {"UNAVAILABLE", "Try again later"},
	};
	if (answer == IMAP_GONE) {
		imap_bye(s, "The selected mailbox is gone, connect again");
		s->work->done = true;
		return;
	}
	ENSURE(answer != IMAP_YES && answer < ARRAY_LEN(words));
	imap_no(s, words[answer].code, words[answer].text);
}

void imap_bye(struct imap_session *s, const char *text)
{
	if (!s->closing)
		stream_printf(s->stream, "* BYE %s\r\n", text);
	s->closing = true;
}

void imap_untagged(struct imap_session *s, const char *text)
{
	stream_printf(s->stream, "* %s\r\n", text);
}

enum imap_name_result imap_name_of(struct imap_session *s, struct span wire,
				   struct span *out)
{
	return s->utf8 ? imap_name_take(s->work->arena, wire, out)
		       : imap_name_parse(s->work->arena, wire, out);
}

bool imap_arg_name(struct imap_session *s, struct imap_lex *lex, struct span *out)
{
	struct span wire;
	if (!imap_lex_astring(lex, &wire)) {
		imap_bad(s, "Mailbox name expected");
		return false;
	}
	switch (imap_name_of(s, wire, out)) {
	case IMAP_NAME_OK:
		return true;
	case IMAP_NAME_BAD:
		imap_no(s, "CANNOT", "Invalid mailbox name");
		return false;
	case IMAP_NAME_LONG:
		imap_no(s, "LIMIT", "Mailbox name too long or too deep");
		return false;
	case IMAP_NAME_MEMORY:
		break;
	}
	imap_no_answer(s, IMAP_UNAVAILABLE);
	return false;
}

static enum imap_next leave(struct imap_session *s)
{
	enum io r = stream_flush(s->stream);
	if (r != IO_OK || s->closing) {
		s->closing = true;
		return IMAP_CLOSE;
	}
	stream_deadline(s->stream, s->state == IMAP_NEW ? IMAP_WAIT_LOGIN
							: IMAP_WAIT_COMMAND);
	return IMAP_IDLE;
}

enum imap_next imap_session_greet(struct imap_session *s)
{
	ENSURE_TAG(s, IMAP_SESSION_TAG);
	stream_write(s->stream, SPAN("* OK [CAPABILITY "));
	imap_capabilities(s);
	stream_printf(s->stream, "] %.*s ready\r\n", SPAN_FMT(s->host->facts.name));
	return leave(s);
}

/* The arenas of one command; false: no memory, and the session says so. */
static bool work_begin(struct imap_session *s, struct imap_work *w)
{
	*w = (struct imap_work){.arena = arena_new(IMAP_ARENA_MAX),
				.batch = arena_new(IMAP_BATCH_MAX)};
	if (w->arena == NULL || w->batch == NULL) {
		imap_bye(s, "Out of memory");
		return false;
	}
	imap_set_init(&w->map, w->arena);
	s->work = w;
	return true;
}

static void work_end(struct imap_session *s, struct imap_work *w)
{
	arena_free(w->batch);
	arena_free(w->arena);
	s->work = NULL;
}

/* RFC 2177: the line after IDLE is DONE, whatever case, or it is an error. */
static void idle_end(struct imap_session *s)
{
	struct span line = buf_span(s->work->text);
	s->idling = false;
	if (span_eq_nocase(line, SPAN("DONE")))
		imap_ok(s, NULL, "IDLE ended");
	else
		imap_bad(s, "DONE expected");
}

static void one_command(struct imap_session *s)
{
	struct imap_work w;
	struct imap_lex lex;
	struct buf text;
	bool early = s->state == IMAP_NEW;
	buf_init(&text, IMAP_COMMAND_MAX + IMAP_LITERALS_MAX + 2);
	if (work_begin(s, &w)) {
		w.text = &text;
		if (s->idling) {
			if (imap_read_line(s, &text, IMAP_COMMAND_EARLY))
				idle_end(s);
		} else if (imap_read_command(s, &lex) == IMAP_GOT) {
			w.verb->run(s, &lex);
			ENSURE(w.done || s->closing || s->idling);
		}
	}
	work_end(s, &w);
	/* It may have been a password. */
	if (early && text.data != NULL)
		explicit_bzero(text.data, text.cap);
	buf_free(&text);
}

enum imap_next imap_session_run(struct imap_session *s)
{
	ENSURE_TAG(s, IMAP_SESSION_TAG);
	do {
		if (s->closing)
			break;
		one_command(s);
	} while (stream_buffered(s->stream).len > 0);
	return leave(s);
}

enum imap_next imap_session_hint(struct imap_session *s,
				 const struct imap_news *news)
{
	ENSURE_TAG(s, IMAP_SESSION_TAG);
	struct imap_work w;
	if (s->closing)
		return IMAP_CLOSE;
	if (!imap_session_listens(s))
		return IMAP_IDLE;
	enum imap_tell how = imap_notify_how(s);
	if (news != NULL && how == IMAP_TELL_ALL && s->state == IMAP_SELECTED &&
	    !imap_notify_fetches(s) && imap_view_news(s, news))
		return leave(s);
	if (work_begin(s, &w)) {
		imap_view_tell(s, how);
		if (!s->closing && (news == NULL || s->state != IMAP_SELECTED))
			imap_notify_tell(s);
	}
	work_end(s, &w);
	return leave(s);
}

bool imap_session_listens(const struct imap_session *s)
{
	if (s->notify != NULL)
		return !s->closing;
	return s->idling && s->state == IMAP_SELECTED;
}

void imap_session_progress(struct imap_session *s, uint32_t uid)
{
	ENSURE_TAG(s, IMAP_SESSION_TAG);
	ENSURE(s->work != NULL && !s->work->done);
	if (s->work->elsewhere && !s->closing) {
		stream_printf(s->stream, "* OK [INPROGRESS (\"%.*s\" NIL NIL)] Still at it\r\n",
			      (int)s->word_len, s->word);
		stream_flush(s->stream);
	}
	if (s->closing || s->work->elsewhere || uid == 0 || uid >= s->uid_next)
		return;
	stream_printf(s->stream, "* OK [INPROGRESS (\"%.*s\" %u %u)] Still at it\r\n",
		      (int)s->word_len, s->word, uid - 1, s->uid_next - 1);
	stream_flush(s->stream);
}

enum imap_next imap_session_stop(struct imap_session *s, const char *why)
{
	ENSURE_TAG(s, IMAP_SESSION_TAG);
	imap_bye(s, why);
	return leave(s);
}

bool imap_session_authenticated(const struct imap_session *s)
{
	return s->state != IMAP_NEW;
}

bool imap_session_idling(const struct imap_session *s)
{
	return s->idling;
}

uint64_t imap_session_mailbox(const struct imap_session *s)
{
	return s->mailbox;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_append: APPEND (RFC 3501 6.3.11, APPENDUID of RFC 4315, several
 * messages of RFC 3502, pieces of RFC 4469), and what REPLACE has in common with it.
 *
 * Messages are the only literals that are never gathered: they go to the host
 * in chunks as they arrive.  What can be refused is refused before the client is
 * told to go on.
 *
 * Must never say OK before the host said that all are kept, nor keep anything
 * when the command turns out wrong after a literal.
 */
#include "imap/append.h"

#include <stdio.h>

#include "base/civil.h"

/* flags and date in front of the literal, all optional */
static bool parse_message(struct imap_lex *lex, struct imap_appending *a)
{
	struct span date;
	a->flags = (struct imap_flag_args){0};
	a->append.dated = false;
	a->append.pieces = false;
	if (imap_lex_peek(lex) == '(' &&
	    !(imap_flags_parse(lex, false, &a->flags) && imap_lex_space(lex)))
		return false;
	if (imap_lex_peek(lex) == '"') {
		struct civil_stamp stamp;
		if (!imap_lex_string(lex, &date) || !imap_lex_space(lex) ||
		    !civil_parse_imap(date, &stamp))
			return false;
		a->append.dated = true;
		a->append.internal_date = stamp.seconds;
	}
	if (imap_lex_word(lex, "CATENATE")) { /* RFC 4469 */
		a->append.pieces = imap_lex_space(lex) && imap_lex_char(lex, '(');
		a->rest = lex->rest;
		return a->append.pieces;
	}
	a->utf8 = imap_lex_word(lex, "UTF8"); /* RFC 6855 4 */
	if (a->utf8 && !(imap_lex_space(lex) && imap_lex_char(lex, '(')))
		return false;
	/* RFC 3516 4.4: "~{n}"; it may hold NUL, which we do not keep. */
	a->binary = imap_lex_char(lex, '~');
	return (a->binary || !a->utf8) && imap_lex_literal_end(lex->rest, &a->literal) &&
	       a->literal.header == lex->rest.len;
}

bool imap_append_at_message(struct span text, struct arena *arena, unsigned before)
{
	struct imap_lex lex = {text, arena};
	struct span word;
	/* The mailbox may be a literal itself; its bytes are not here yet then. */
	for (; before > 0; before--)
		if (!imap_lex_set(&lex, &word) && !imap_lex_atom(&lex, &word))
			return false;
		else if (!imap_lex_space(&lex))
			return false;
	return imap_lex_astring(&lex, &word) && imap_lex_space(&lex);
}

/* Nothing is kept; a literal that is on its way is dropped or ends the session. */
static bool forget(struct imap_session *s, struct imap_appending *a)
{
	if (a->begun)
		s->host->append_abort(s->host);
	a->begun = false;
	if (a->literal.plus)
		imap_read_drop(s, a->literal.size);
	a->literal = (struct imap_literal){0};
	return !s->closing;
}

bool imap_append_refuse(struct imap_session *s, struct imap_appending *a, const char *code,
			const char *text)
{
	if (!forget(s, a))
		return false;
	if (code != NULL)
		imap_no(s, code, text);
	else
		imap_bad(s, text);
	return false;
}

bool imap_append_refuse_answer(struct imap_session *s, struct imap_appending *a,
			       enum imap_answer r)
{
	if (!forget(s, a))
		return false;
	if (r == IMAP_NONEXISTENT)
		imap_no(s, "TRYCREATE", "No such mailbox");
	else if (r == IMAP_CANNOT && a->append.replaces != 0)
		imap_no(s, "EXPUNGEISSUED", "The message to be replaced is gone");
	else
		imap_no_answer(s, r);
	return false;
}

/* All bytes of the literal.  False: the stream ended. */
static bool pump(struct imap_session *s, uint64_t left, enum imap_answer *r, bool *nul)
{
	while (left > 0) {
		struct span bytes;
		size_t max = left < IMAP_CHUNK_MAX ? (size_t)left : IMAP_CHUNK_MAX;
		enum io io = stream_some(s->stream, max, &bytes);
		if (io != IO_OK) {
			imap_stream_ended(s, io);
			return false;
		}
		left -= bytes.len;
		*nul = *nul || span_has(bytes, '\0');
		/* After a failure the rest is read, so that the line after it is found. */
		if (*r == IMAP_YES && !*nul)
			*r = s->host->append_chunk(s->host, bytes);
	}
	return true;
}

/* RFC 7888: without asking, only so much.  False: answered. */
static bool may_come(struct imap_session *s, struct imap_appending *a)
{
	if (a->literal.plus && a->literal.size > IMAP_LITERAL_MINUS)
		return imap_append_refuse(s, a, NULL, "Literal too large to be sent unasked");
	return true;
}

static bool size_ok(struct imap_session *s, struct imap_appending *a)
{
	if (a->literal.size == 0) /* this is how a client takes all back: RFC 3502 */
		return imap_append_refuse(s, a, "CANNOT", "An empty message");
	if (a->literal.size > s->host->facts.append_max)
		return imap_append_refuse(s, a, "TOOBIG", "Message too large");
	return may_come(s, a);
}

/* What can be said of a message before it comes.  False: answered. */
static bool begin(struct imap_session *s, struct imap_appending *a)
{
	a->append.flags = (struct imap_flags){a->flags.system, a->flags.keywords,
					      a->flags.count};
	a->append.size = a->append.pieces ? 0 : a->literal.size;
	if (!a->append.pieces && !size_ok(s, a))
		return false;
	enum imap_answer r = s->host->append_begin(s->host, &a->append);
	if (r != IMAP_YES)
		return imap_append_refuse_answer(s, a, r);
	a->begun = true;
	return true;
}

/* The client may send the literal; its size, which is known no more. */
static uint64_t go_on(struct imap_session *s, struct imap_appending *a)
{
	uint64_t size = a->literal.size;
	if (!a->literal.plus) {
		stream_write(s->stream, SPAN("+ Go on\r\n"));
		stream_flush(s->stream);
	}
	a->literal = (struct imap_literal){0};
	return size;
}

/* What stands at its end is the next literal, or nothing. */
static bool next_line(struct imap_session *s, struct imap_appending *a)
{
	buf_clear(&a->line);
	if (!imap_read_line(s, &a->line, IMAP_COMMAND_EARLY))
		return false;
	if (!imap_lex_literal_end(buf_span(&a->line), &a->literal))
		a->literal = (struct imap_literal){0};
	a->rest = buf_span(&a->line);
	return true;
}

bool imap_append_lost(struct imap_session *s, struct imap_appending *a)
{
	if (!s->closing)
		imap_bye(s, "Out of memory");
	(void)forget(s, a);
	return false;
}

bool imap_append_text(struct imap_session *s, struct imap_appending *a)
{
	enum imap_answer r = IMAP_YES;
	bool nul = false;
	if (!may_come(s, a))
		return false;
	if (!pump(s, go_on(s, a), &r, &nul) || !next_line(s, a)) {
		(void)forget(s, a);
		return false;
	}
	if (nul)
		return imap_append_refuse(s, a, a->binary ? "UNKNOWN-CTE" : "CANNOT",
					  "A message has no NUL bytes");
	return r == IMAP_YES || imap_append_refuse_answer(s, a, r);
}

bool imap_append_literal(struct imap_session *s, struct imap_appending *a, struct buf *to)
{
	uint64_t left = go_on(s, a);
	while (left > 0) {
		struct span bytes;
		enum io io = stream_some(s->stream, (size_t)left, &bytes);
		if (io != IO_OK) {
			imap_stream_ended(s, io);
			return false;
		}
		buf_add(to, bytes);
		left -= bytes.len;
	}
	return buf_ok(to) && next_line(s, a);
}

/* One message, and the line behind it.  False: answered, or the end. */
static bool take(struct imap_session *s, struct imap_appending *a)
{
	if (a->append.pieces)
		return imap_catenate(s, a);
	if (!imap_append_text(s, a))
		return false;
	if (!a->utf8)
		return true;
	if (a->rest.len == 0 || a->rest.ptr[0] != ')')
		return imap_append_refuse(s, a, NULL, "The end of UTF8 (...) expected");
	a->rest = span_skip(a->rest, 1);
	return true;
}

/* Another one behind it (RFC 3502).  False: answered. */
static bool next(struct imap_session *s, struct imap_appending *a)
{
	struct imap_lex lex = {a->rest, s->work->arena};
	if (a->append.replaces != 0)
		return imap_append_refuse(s, a, NULL, "One message replaces another");
	if (!imap_lex_space(&lex) || !parse_message(&lex, a))
		return imap_append_refuse(s, a, NULL, "Flags, a date and a message expected");
	if (++a->count > IMAP_APPENDS_MAX)
		return imap_append_refuse(s, a, "LIMIT", "Too many messages at once");
	enum imap_answer r = s->host->append_hold(s->host);
	return r == IMAP_YES || imap_append_refuse_answer(s, a, r);
}

static void keep(struct imap_session *s, struct imap_appending *a)
{
	struct imap_kept kept = {0};
	char code[64];
	a->begun = false;
	enum imap_answer r = s->host->append_end(s->host, &kept);
	if (r != IMAP_YES) {
		(void)imap_append_refuse_answer(s, a, r);
		return;
	}
	int n = snprintf(code, sizeof code, "APPENDUID %u %u", kept.uid_validity, kept.uid);
	if (a->count > 1)
		snprintf(code + n, sizeof code - (size_t)n, ":%u",
			 kept.uid + (uint32_t)a->count - 1);
	a->kept(s, code); /* the only OK to an APPEND */
}

static void run(struct imap_session *s, struct imap_lex *lex, struct imap_appending *a)
{
	struct span wire;
	/* For the refusals: what stands at the end is the literal, or nothing is. */
	if (!imap_lex_literal_end(lex->rest, &a->literal))
		a->literal = (struct imap_literal){0};
	if (!imap_lex_astring(lex, &wire) || !imap_lex_space(lex) ||
	    !parse_message(lex, a)) {
		(void)imap_append_refuse(s, a, NULL,
			     "A mailbox, flags, a date and a message expected");
		return;
	}
	if (imap_name_of(s, wire, &a->append.mailbox) != IMAP_NAME_OK) {
		(void)imap_append_refuse(s, a, "CANNOT", "Invalid mailbox name");
		return;
	}
	a->count = 1;
	while (begin(s, a) && take(s, a)) {
		if (a->rest.len == 0) {
			keep(s, a);
			return;
		}
		if (!next(s, a))
			return;
	}
}

void imap_append_run(struct imap_session *s, struct imap_lex *lex, uint32_t replaces,
		     void (*kept)(struct imap_session *, const char *code))
{
	struct imap_appending *a = ARENA_NEW(s->work->arena, struct imap_appending);
	if (a == NULL) {
		imap_bye(s, "Out of memory");
		return;
	}
	*a = (struct imap_appending){.append.replaces = replaces, .kept = kept};
	buf_init(&a->line, IMAP_COMMAND_EARLY);
	run(s, lex, a);
	buf_free(&a->line);
}

static void kept(struct imap_session *s, const char *code)
{
	imap_ok(s, code, "Kept");
}

void imap_cmd_append(struct imap_session *s, struct imap_lex *lex)
{
	imap_append_run(s, lex, 0, kept);
}

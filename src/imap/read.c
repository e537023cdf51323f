/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/read: one command, gathered whole under one bound.
 *
 * Lines and literals go into one buffer, so whatever state the words are in,
 * the same limit ends it.  The name of the command is looked up after the
 * first line: a command that will be refused is given no continuation.
 *
 * Must never read the bytes of a literal that was sent unasked as a command:
 * they are dropped, or the session ends.
 */
#include "base/check.h"
#include "imap/state.h"

void imap_stream_ended(struct imap_session *s, enum io why)
{
	if (why == IO_STOP)
		imap_bye(s, "Server is shutting down");
	s->closing = true;
}

static size_t text_limit(const struct imap_session *s)
{
	return s->state == IMAP_NEW ? IMAP_COMMAND_EARLY : IMAP_COMMAND_MAX;
}

/* The CRLF in `more`, which follows a byte `before`; SIZE_MAX: none yet. */
static size_t line_end(struct span more, char before)
{
	for (size_t at = 0; at < more.len; at++) {
		const char *p = memchr(more.ptr + at, '\n', more.len - at);
		if (p == NULL)
			return SIZE_MAX;
		at = (size_t)(p - more.ptr);
		if ((at > 0 ? more.ptr[at - 1] : before) == '\r')
			return at;
	}
	return SIZE_MAX;
}

bool imap_read_line(struct imap_session *s, struct buf *to, size_t max)
{
	size_t start = buf_len(to);
	for (;;) {
		struct span more;
		enum io r = stream_peek(s->stream, &more);
		if (r != IO_OK) {
			imap_stream_ended(s, r);
			return false;
		}
		size_t have = buf_len(to) - start;
		char before = have ? to->data[to->to - 1] : '\0';
		size_t at = line_end(more, before);
		size_t n = at == SIZE_MAX ? more.len : at + 1;
		/* The limit counts the CRLF. */
		if (n > max - have || (buf_add(to, span_sub(more, 0, n)), !buf_ok(to))) {
			imap_bye(s, "Command line too long");
			return false;
		}
		stream_consume(s->stream, n);
		if (at != SIZE_MAX) {
			buf_cut(to, 2);
			return true;
		}
	}
}

/* Drop exactly n bytes. */
static bool drop(struct imap_session *s, uint64_t n)
{
	while (n > 0) {
		struct span bytes;
		size_t max = n > SIZE_MAX ? SIZE_MAX : (size_t)n;
		enum io r = stream_some(s->stream, max, &bytes);
		if (r != IO_OK) {
			imap_stream_ended(s, r);
			return false;
		}
		n -= bytes.len;
	}
	return true;
}

void imap_read_drop(struct imap_session *s, uint64_t size)
{
	struct imap_literal literal = {.size = size, .plus = true};
	uint64_t dropped = 0;
	struct buf line;
	buf_init(&line, IMAP_DRAIN_MAX);
	for (;;) {
		if (!u64_add(dropped, literal.size, &dropped) ||
		    dropped > IMAP_DRAIN_MAX) {
			imap_bye(s, "Literal too large");
			break;
		}
		buf_clear(&line);
		if (!drop(s, literal.size) ||
		    !imap_read_line(s, &line, IMAP_DRAIN_MAX))
			break;
		dropped += buf_len(&line);
		/* A client that waits for a continuation gets none. */
		if (!imap_lex_literal_end(buf_span(&line), &literal) ||
		    !literal.plus)
			break;
	}
	buf_free(&line);
}

/* A literal that is already on its way is dropped.  False: the session ends. */
static bool drop_literal(struct imap_session *s, size_t from)
{
	struct imap_literal literal;
	struct span line = span_skip(buf_span(s->work->text), from);
	if (imap_lex_literal_end(line, &literal) && literal.plus)
		imap_read_drop(s, literal.size);
	return !s->closing;
}

/* Refuse what was begun. */
static enum imap_got refuse(struct imap_session *s, size_t from,
			    const char *code, const char *text)
{
	if (!drop_literal(s, from))
		return IMAP_GOT_CLOSE;
	if (code != NULL)
		imap_no(s, code, text);
	else
		imap_bad(s, text);
	return IMAP_GOT_ENDED;
}

static enum imap_got refuse_numbers(struct imap_session *s)
{
	if (!drop_literal(s, 0))
		return IMAP_GOT_CLOSE;
	imap_uid_required(s);
	return IMAP_GOT_ENDED;
}

static enum imap_got begin(struct imap_session *s, struct imap_lex *lex)
{
	struct imap_work *w = s->work;
	struct span tag, name;
	*lex = (struct imap_lex){buf_span(w->text), w->arena};
	s->word_len = 0;
	if (!imap_lex_tag(lex, IMAP_TAG_MAX, &tag))
		return refuse(s, 0, NULL, "Invalid tag");
	memcpy(s->word, tag.ptr, tag.len);
	s->word_len = tag.len;
	if (!imap_lex_space(lex) || !imap_lex_atom(lex, &name))
		return refuse(s, 0, NULL, "Invalid command");
	w->verb = imap_verb_find(name);
	if (w->verb == NULL)
		return refuse(s, 0, NULL, "Unknown command");
	w->tell = w->verb->tell;
	if (!(w->verb->states & s->state))
		return refuse(s, 0, NULL, "Not possible now");
	if (s->uidonly && imap_verb_by_number(w->verb))
		return refuse_numbers(s);
	if (w->verb->arguments == IMAP_MAYBE && imap_lex_end(lex))
		return IMAP_GOT;
	if (w->verb->arguments ? !imap_lex_space(lex) : !imap_lex_end(lex))
		return refuse(s, 0, NULL, w->verb->arguments ? "Arguments missing"
							     : "No arguments expected");
	return IMAP_GOT;
}

static bool gather_literal(struct imap_session *s, uint64_t size)
{
	struct buf *text = s->work->text;
	while (size > 0) {
		struct span bytes;
		enum io r = stream_some(s->stream, (size_t)size, &bytes);
		if (r != IO_OK) {
			imap_stream_ended(s, r);
			return false;
		}
		buf_add(text, bytes);
		size -= bytes.len;
	}
	return true;
}

/* Before login literals and lines share one bound, afterwards each has its own. */
static uint64_t literal_room(const struct imap_session *s, uint64_t literals)
{
	uint64_t used = buf_len(s->work->text);
	uint64_t limit = s->state == IMAP_NEW ? IMAP_COMMAND_EARLY : IMAP_LITERALS_MAX;
	uint64_t taken = s->state == IMAP_NEW ? used + 2 : literals;
	return taken < limit ? limit - taken : 0;
}

/* The literal of APPEND, REPLACE and UID REPLACE that is the message itself. */
static bool message_comes(struct imap_session *s, struct span arguments)
{
	struct imap_work *w = s->work;
	if (w->verb->run == imap_cmd_append)
		return imap_append_at_message(arguments, w->arena, 0);
	if (w->verb->run == imap_cmd_replace)
		return imap_append_at_message(arguments, w->arena, 1);
	return w->verb->run == imap_cmd_uid &&
	       span_starts_nocase(arguments, SPAN("REPLACE ")) &&
	       imap_append_at_message(arguments, w->arena, 2);
}

enum imap_got imap_read_command(struct imap_session *s, struct imap_lex *lex)
{
	struct imap_work *w = s->work;
	uint64_t literals = 0;
	if (!imap_read_line(s, w->text, text_limit(s)))
		return IMAP_GOT_CLOSE;
	stream_deadline(s->stream, s->state == IMAP_NEW ? IMAP_WAIT_LOGIN
							: IMAP_WAIT_WITHIN);
	enum imap_got got = begin(s, lex);
	if (got != IMAP_GOT)
		return got;
	size_t words = buf_len(w->text) - lex->rest.len; /* up to the arguments */
	struct imap_literal literal;
	size_t from = 0;
	while (imap_lex_literal_end(span_skip(buf_span(w->text), from), &literal)) {
		struct span line = span_skip(buf_span(w->text), from);
		if (imap_lex_quote_open(line))
			return refuse(s, from, NULL, "Unfinished quoted string");
		if (message_comes(s, span_skip(buf_span(w->text), words)))
			break;
		if (literal.plus && literal.size > IMAP_LITERAL_MINUS)
			return refuse(s, from, NULL, "Literal too large to be sent unasked");
		if (literal.size > literal_room(s, literals))
			return refuse(s, from, NULL, "Literal too large");
		if (!literal.plus) {
			stream_write(s->stream, SPAN("+ Go on\r\n"));
			stream_flush(s->stream);
		}
		buf_add(w->text, SPAN("\r\n"));
		if (!gather_literal(s, literal.size))
			return IMAP_GOT_CLOSE;
		literals += literal.size;
		from = buf_len(w->text);
		uint64_t lines = s->state == IMAP_NEW ? from : from - literals;
		if (lines >= text_limit(s)) {
			imap_bye(s, "Command line too long");
			return IMAP_GOT_CLOSE;
		}
		if (!imap_read_line(s, w->text, text_limit(s) - (size_t)lines))
			return IMAP_GOT_CLOSE;
	}
	/* The buffer may have moved while it grew. */
	lex->rest = span_skip(buf_span(w->text), words);
	return IMAP_GOT;
}

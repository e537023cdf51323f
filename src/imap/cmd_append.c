/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap/cmd_append: APPEND (RFC 3501 6.3.11, APPENDUID of RFC 4315).
 *
 * The message is the one literal that is never gathered: it goes to the host
 * in chunks as it arrives.  What can be refused is refused before the client is
 * told to go on.
 *
 * Must never say OK before the host said that the message is kept, nor keep
 * anything when the command turns out wrong after its literal.
 */
#include <stdio.h>

#include "base/civil.h"
#include "imap/flags.h"
#include "imap/name.h"

struct appending {
	struct imap_append append;
	struct imap_flag_args flags;
	struct imap_literal literal;
	bool binary;
};

/* flags and date in front of the literal, all optional */
static bool parse_rest(struct imap_lex *lex, struct appending *a)
{
	struct span date;
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
	/* RFC 3516 4.4: "~{n}"; it may hold NUL, which we do not keep. */
	a->binary = imap_lex_char(lex, '~');
	return imap_lex_literal_end(lex->rest, &a->literal) &&
	       a->literal.header == lex->rest.len;
}

bool imap_append_at_message(struct span text, struct arena *arena)
{
	struct imap_lex lex = {text, arena};
	struct span name;
	/* The mailbox may be a literal itself; its bytes are not here yet then. */
	return imap_lex_astring(&lex, &name) && imap_lex_space(&lex);
}

/* Say no; a literal that is on its way already is dropped or ends the session. */
static void refuse(struct imap_session *s, const struct appending *a, const char *code,
		   const char *text)
{
	if (a->literal.plus)
		imap_read_drop(s, a->literal.size);
	if (s->closing)
		return;
	if (code != NULL)
		imap_no(s, code, text);
	else
		imap_bad(s, text);
}

static void refuse_answer(struct imap_session *s, const struct appending *a,
			  enum imap_answer r)
{
	if (a->literal.plus)
		imap_read_drop(s, a->literal.size);
	if (s->closing)
		return;
	if (r == IMAP_NONEXISTENT)
		imap_no(s, "TRYCREATE", "No such mailbox");
	else
		imap_no_answer(s, r);
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

static void keep(struct imap_session *s)
{
	struct imap_kept kept = {0};
	enum imap_answer r = s->host->append_end(s->host, &kept);
	if (r != IMAP_YES) {
		imap_no_answer(s, r);
		return;
	}
	char code[64];
	snprintf(code, sizeof code, "APPENDUID %u %u", kept.uid_validity, kept.uid);
	imap_ok(s, code, "Kept"); /* the only OK to an APPEND */
}

static void take(struct imap_session *s, const struct appending *a)
{
	enum imap_answer r = IMAP_YES;
	struct buf line;
	bool nul = false;
	if (!a->literal.plus) {
		stream_write(s->stream, SPAN("+ Go on\r\n"));
		stream_flush(s->stream);
	}
	buf_init(&line, IMAP_COMMAND_EARLY);
	bool whole = pump(s, a->literal.size, &r, &nul) &&
		     imap_read_line(s, &line, IMAP_COMMAND_EARLY);
	bool more = buf_len(&line) > 0;
	struct imap_literal next;
	bool waits = imap_lex_literal_end(buf_span(&line), &next);
	buf_free(&line);
	if (whole && !more && !nul && r == IMAP_YES) {
		keep(s);
		return;
	}
	s->host->append_abort(s->host);
	if (whole && more && waits && next.plus)
		imap_read_drop(s, next.size);
	if (!whole || s->closing)
		return;
	if (more)
		imap_bad(s, "One message at a time");
	else if (nul)
		imap_no(s, a->binary ? "UNKNOWN-CTE" : "CANNOT",
			"A message has no NUL bytes");
	else
		imap_no_answer(s, r);
}

static void append(struct imap_session *s, struct imap_lex *lex, struct appending *a)
{
	struct span wire;
	/* For the refusals: what stands at the end is the literal, or nothing is. */
	if (!imap_lex_literal_end(lex->rest, &a->literal))
		a->literal = (struct imap_literal){0};
	if (!imap_lex_astring(lex, &wire) || !imap_lex_space(lex) || !parse_rest(lex, a)) {
		refuse(s, a, NULL, "APPEND takes a mailbox, flags, a date and a message");
		return;
	}
	enum imap_name_result name = imap_name_parse(s->work->arena, wire,
						     &a->append.mailbox);
	a->append.flags = (struct imap_flags){a->flags.system, a->flags.keywords,
					      a->flags.count};
	a->append.size = a->literal.size;
	if (name != IMAP_NAME_OK)
		refuse(s, a, "CANNOT", "Invalid mailbox name");
	else if (a->literal.size == 0)
		refuse(s, a, "CANNOT", "An empty message");
	else if (a->literal.size > s->host->facts.append_max)
		refuse(s, a, "TOOBIG", "Message too large");
	else if (a->literal.plus && a->literal.size > IMAP_LITERAL_MINUS)
		refuse(s, a, NULL, "Literal too large to be sent unasked");
	else {
		enum imap_answer r = s->host->append_begin(s->host, &a->append);
		if (r == IMAP_YES)
			take(s, a);
		else
			refuse_answer(s, a, r);
	}
}

void imap_cmd_append(struct imap_session *s, struct imap_lex *lex)
{
	struct appending *a = ARENA_NEW(s->work->arena, struct appending);
	if (a != NULL)
		append(s, lex, a);
	else
		imap_bye(s, "Out of memory");
}

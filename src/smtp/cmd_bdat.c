/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/cmd_bdat: BDAT (RFC 3030).
 *
 * Must never take a byte of a chunk for a command: whatever is wrong with the
 * chunk, exactly its size is read before the reply; a size that cannot be
 * understood ends the session.
 */
#include "smtp/state.h"

#include "base/check.h"

struct chunk {
	uint64_t size;
	bool last;
};

static bool parse(struct span arg, struct chunk *c)
{
	struct span size;
	span_cut(&arg, ' ', &size);
	arg = span_trim(arg);
	c->last = span_eq_nocase(arg, SPAN("LAST"));
	return span_u64(size, UINT64_MAX, &c->size) && (c->last || arg.len == 0);
}

static enum smtp_step bad_syntax(struct smtp_session *s)
{
	smtp_say(s, SMTP_R_BAD_BDAT);
	return SMTP_END;
}

/* Read a chunk; hand it on while a message is open. */
static enum io read_chunk(struct smtp_session *s, uint64_t left)
{
	struct span b;
	stream_deadline(s->stream, s->set->limits.data_seconds);
	while (left > 0) {
		enum io io = stream_some(s->stream, (size_t)u64_min(left, SIZE_MAX), &b);
		if (io != IO_OK)
			return io;
		left -= b.len;
		if (s->msg.open && s->body != SMTP_BODY_BINARYMIME)
			smtp_data_plain(&s->msg.framing, b);
		smtp_message_bytes(s, b);
		io = smtp_message_slice(s, b.len);
		if (io != IO_OK && left > 0)
			return io;
	}
	return IO_OK;
}

enum smtp_step smtp_refuse_bdat(struct smtp_session *s, struct span arg, enum smtp_reply r)
{
	struct chunk c;
	if (!parse(arg, &c))
		return bad_syntax(s);
	smtp_message_abort(s);
	enum io io = read_chunk(s, c.size);
	if (io != IO_OK)
		return smtp_lost(s, io);
	/* The client will give up this message or has sent all of it. */
	if (c.last && s->broken) {
		for (uint32_t i = 1; i < smtp_message_answers(s); i++)
			smtp_say(s, r);
		smtp_transaction_end(s);
	}
	return smtp_bad(s, r);
}

static enum smtp_reply out_of_order(const struct smtp_session *s)
{
	if (!smtp_announces(s, SMTP_EXT_CHUNKING))
		return SMTP_R_NOT_HERE;
	if (!s->mail)
		return SMTP_R_MAIL_FIRST;
	if (s->broken)
		return SMTP_R_BROKEN_BDAT;
	return s->recipients == 0 ? SMTP_R_NO_VALID_RCPT : SMTP_R_NONE;
}

/* The message cannot be kept, and this was not its last chunk. */
static void break_off(struct smtp_session *s, enum smtp_reply r, struct span text)
{
	if (r == SMTP_R_BAD_FRAMING)
		smtp_note(s, SMTP_NOTE_BAD_FRAMING, SPAN("BDAT"));
	smtp_message_abort(s);
	s->broken = true;
	smtp_say_text(s, r, text);
}

/* The host would not begin: the chunk is still the client's to have read. */
static enum smtp_step refuse_begin(struct smtp_session *s, struct chunk c,
				   enum smtp_reply r, struct span text)
{
	struct buf words;
	buf_init(&words, SMTP_REPLY_TEXT_MAX);
	buf_add(&words, span_sub(text, 0, SMTP_REPLY_TEXT_MAX));
	enum io io = read_chunk(s, c.size);
	if (io == IO_OK && c.last) {
		smtp_message_refuse(s, r, buf_span(&words));
		smtp_transaction_end(s);
	} else if (io == IO_OK) {
		break_off(s, r, buf_span(&words));
	}
	buf_free(&words);
	return io == IO_OK ? SMTP_ON : smtp_lost(s, io);
}

enum smtp_step smtp_cmd_bdat(struct smtp_session *s, struct span arg)
{
	struct chunk c;
	if (!parse(arg, &c))
		return bad_syntax(s);
	enum smtp_reply r = out_of_order(s);
	if (r != SMTP_R_NONE)
		return smtp_refuse_bdat(s, arg, r);
	struct span text;
	if (!s->chunked) {
		s->chunked = true;
		if (!smtp_message_begin(s, true, &r, &text))
			return refuse_begin(s, c, r, text);
	}
	enum io io = read_chunk(s, c.size);
	if (io != IO_OK) {
		smtp_message_abort(s);
		return smtp_lost(s, io);
	}
	if (c.last) {
		smtp_data_plain_end(&s->msg.framing);
		smtp_message_end(s);
		return SMTP_ON;
	}
	r = smtp_message_refusal(s);
	if (r != SMTP_R_NONE)
		break_off(s, r, (struct span){0});
	else
		smtp_say(s, SMTP_R_CHUNK_OK);
	return SMTP_ON;
}

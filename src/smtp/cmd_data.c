/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/cmd_data: DATA (RFC 5321 4.1.1.4).
 *
 * Must never leave a message half read with its rest taken for commands: it
 * reads to CRLF.CRLF or ends the session, and ends it as well when a client
 * that was refused has already sent what it meant as a message, or goes on
 * sending for ever.
 */
#include "smtp/state.h"

enum smtp_step smtp_refuse_data(struct smtp_session *s, struct span arg, enum smtp_reply r)
{
	(void)arg;
	enum smtp_step step = smtp_bad(s, r);
	/* DATA is the last of a group (RFC 2920 3.1): what follows is a body. */
	if (stream_buffered(s->stream).len > 0) {
		smtp_note(s, SMTP_NOTE_PIPELINED, SPAN("DATA"));
		return SMTP_END;
	}
	return step;
}

static enum smtp_reply out_of_order(const struct smtp_session *s, struct span arg)
{
	if (!s->mail)
		return SMTP_R_MAIL_FIRST;
	if (s->chunked)
		return SMTP_R_MIXED_DATA;
	if (s->body == SMTP_BODY_BINARYMIME)
		return SMTP_R_BINARY_DATA;
	if (s->recipients == 0)
		return SMTP_R_NO_VALID_RCPT;
	return arg.len > 0 ? SMTP_R_NO_ARGUMENT : SMTP_R_NONE;
}

static enum io read_message(struct smtp_session *s)
{
	struct span seen;
	bool end = false;
	while (!end) {
		enum io io = stream_peek(s->stream, &seen);
		if (io != IO_OK)
			return io;
		struct span rest = seen, run;
		while (rest.len > 0 && !end) {
			end = smtp_data_next(&s->msg.framing, &rest, &run);
			smtp_message_bytes(s, run);
		}
		stream_consume(s->stream, seen.len - rest.len);
		io = smtp_message_slice(s, seen.len - rest.len);
		if (io != IO_OK && !end)
			return io;
	}
	return IO_OK;
}

enum smtp_step smtp_cmd_data(struct smtp_session *s, struct span arg)
{
	enum smtp_reply r = out_of_order(s, arg);
	if (r != SMTP_R_NONE)
		return smtp_refuse_data(s, arg, r);
	struct span text;
	if (!smtp_message_begin(s, false, &r, &text)) {
		smtp_say_text(s, r, text);
		smtp_transaction_end(s);
		return stream_buffered(s->stream).len > 0 ? SMTP_END : SMTP_ON;
	}
	smtp_say(s, SMTP_R_START_DATA);
	stream_deadline(s->stream, s->set->limits.data_seconds);
	enum io io = read_message(s);
	if (io != IO_OK) {
		smtp_message_abort(s);
		return smtp_lost(s, io);
	}
	smtp_message_end(s);
	return SMTP_ON;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/message: what DATA and BDAT share: load, size, hand-over, the end.
 *
 * Must never answer positively at the end of data but on the line that
 * follows SMTP_KEPT, nor hold more of a message than the bytes just read.
 */
#include "smtp/state.h"

static enum smtp_reply ruling_reply(enum smtp_body_ruling r)
{
	switch (r) {
	case SMTP_BODY_OK:
		return SMTP_R_NONE;
	case SMTP_BODY_NO_SPACE:
		return SMTP_R_NO_SPACE;
	case SMTP_BODY_LATER:
		break;
	}
	return SMTP_R_LATER;
}

static enum smtp_reply end_reply(enum smtp_end e)
{
	switch (e) {
	case SMTP_KEPT:
		return SMTP_R_KEPT;
	case SMTP_END_REFUSED:
		return SMTP_R_REFUSED;
	case SMTP_END_OVER_QUOTA:
		return SMTP_R_MAILBOX_FULL;
	case SMTP_END_LOOP:
		return SMTP_R_LOOP;
	case SMTP_END_TOO_BIG:
		return SMTP_R_TOO_BIG;
	case SMTP_END_NO_SPACE:
		return SMTP_R_NO_SPACE;
	case SMTP_END_LATER:
		break;
	}
	return SMTP_R_LATER;
}

bool smtp_message_begin(struct smtp_session *s, bool chunked, enum smtp_reply *refusal,
			struct span *text)
{
	*text = (struct span){0};
	s->msg = (struct smtp_message){0};
	if (s->host->ops->load(s->host) != SMTP_CALM) {
		*refusal = SMTP_R_BUSY;
		return false;
	}
	struct smtp_body body = {
		.has_size = s->has_size,
		.size = s->size,
		.type = s->body,
		.chunked = chunked,
	};
	*refusal = ruling_reply(s->host->ops->body_begin(s->host, &body, text));
	s->msg.open = *refusal == SMTP_R_NONE;
	return s->msg.open;
}

void smtp_message_bytes(struct smtp_session *s, struct span b)
{
	struct smtp_message *m = &s->msg;
	if (b.len == 0 || !m->open || m->too_big || m->refusal != SMTP_R_NONE)
		return;
	if (b.len > s->set->limits.message - m->size) {
		m->too_big = true;
		return;
	}
	m->size += b.len;
	if (m->framing.faults == 0)
		m->refusal = ruling_reply(s->host->ops->body_chunk(s->host, b));
}

/* A slow peer gets time by the slice, not by the byte. */
enum io smtp_message_slice(struct smtp_session *s, size_t read)
{
	struct smtp_message *m = &s->msg;
	m->slice += read;
	if (m->slice >= SMTP_DATA_SLICE) {
		m->slice = 0;
		stream_deadline(s->stream, s->set->limits.data_seconds);
	}
	if (m->open && smtp_message_refusal(s) == SMTP_R_NONE)
		return IO_OK;
	m->drained += read;
	return m->drained > s->set->limits.message ? IO_LONG : IO_OK;
}

enum smtp_reply smtp_message_refusal(const struct smtp_session *s)
{
	const struct smtp_message *m = &s->msg;
	if (m->framing.faults != 0)
		return SMTP_R_BAD_FRAMING;
	return m->too_big ? SMTP_R_TOO_BIG : m->refusal;
}

void smtp_message_abort(struct smtp_session *s)
{
	if (s->msg.open)
		s->host->ops->body_abort(s->host);
	s->msg = (struct smtp_message){0};
}

static void say_kept(struct smtp_session *s, struct span id)
{
	if (span_empty(id)) {
		smtp_say(s, SMTP_R_KEPT);
		return;
	}
	struct buf text;
	buf_init(&text, SMTP_REPLY_TEXT_MAX);
	buf_printf(&text, "Message kept as %.*s", SPAN_FMT(id));
	smtp_say_text(s, SMTP_R_KEPT, buf_span(&text));
	buf_free(&text);
}

uint32_t smtp_message_answers(const struct smtp_session *s)
{
	return s->set->role == SMTP_LMTP ? s->recipients : 1;
}

void smtp_message_refuse(struct smtp_session *s, enum smtp_reply r, struct span text)
{
	for (uint32_t i = 0; i < smtp_message_answers(s); i++)
		smtp_say_text(s, r, text);
}

static void answer_recipients(struct smtp_session *s)
{
	for (uint32_t i = 0; i < s->recipients; i++) {
		struct span id = {0}, text = {0};
		enum smtp_end e = s->host->ops->body_recipient(s->host, i, &id, &text);
		if (e == SMTP_KEPT)
			say_kept(s, id);
		else
			smtp_say_text(s, end_reply(e), text);
	}
}

static void ask_custody(struct smtp_session *s)
{
	struct span id = {0}, text = {0};
	s->msg.open = false;
	enum smtp_end e = s->host->ops->body_end(s->host, &id, &text);
	if (e != SMTP_KEPT)
		smtp_message_refuse(s, end_reply(e), text);
	else if (s->set->role == SMTP_LMTP)
		answer_recipients(s);
	else
		say_kept(s, id);
	if (e == SMTP_KEPT)
		s->bad = s->idle = 0;
}

void smtp_message_end(struct smtp_session *s)
{
	enum smtp_reply r = smtp_message_refusal(s);
	if (r == SMTP_R_BAD_FRAMING)
		smtp_note(s, SMTP_NOTE_BAD_FRAMING, (struct span){0});
	if (r == SMTP_R_NONE) {
		ask_custody(s);
	} else {
		smtp_message_abort(s);
		smtp_message_refuse(s, r, (struct span){0});
	}
	smtp_transaction_end(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/cmd_auth: RFC 4954, the framing of SASL; mechanisms are the host's.
 *
 * Must never look at, keep or log a credential that came in clear, and wipes
 * its copies of those that came protected.
 */
#include "smtp/state.h"

#include "base/base64.h"

#define MECHANISM_MAX 20u /* RFC 4422 3.1 */

/* Give memory back with nothing legible in it. */
static void wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

/* One of the mechanisms that EHLO announces. */
static bool offered(struct smtp_session *s, struct span name)
{
	struct span list = s->host->ops->mechanisms(s->host), word;
	bool more;
	if (name.len == 0 || name.len > MECHANISM_MAX)
		return false;
	do {
		more = span_cut(&list, ' ', &word);
		if (span_eq_nocase(word, name))
			return true;
	} while (more);
	return false;
}

static enum smtp_step failed(struct smtp_session *s, enum smtp_reply r, struct span text)
{
	if (++s->auth_failures >= s->set->limits.auth_failures) {
		smtp_note(s, SMTP_NOTE_FLOOD, SPAN("AUTH"));
		smtp_say(s, SMTP_R_AUTH_FLOOD);
		return SMTP_END;
	}
	smtp_say_text(s, r, text);
	return SMTP_ON;
}

/* Any answer but CONTINUE. */
static enum smtp_step settle(struct smtp_session *s, enum smtp_auth a, struct span text)
{
	switch (a) {
	case SMTP_AUTH_OK:
		s->authenticated = true;
		s->auth_failures = 0;
		smtp_say(s, SMTP_R_AUTH_OK);
		return SMTP_ON;
	case SMTP_AUTH_UNAVAILABLE:
		smtp_say_text(s, SMTP_R_AUTH_UNAVAILABLE, text);
		return SMTP_ON;
	case SMTP_AUTH_UNKNOWN:
		return smtp_bad(s, SMTP_R_AUTH_UNKNOWN);
	case SMTP_AUTH_THROTTLED:
		return failed(s, SMTP_R_AUTH_THROTTLED, text);
	case SMTP_AUTH_MALFORMED:
		return failed(s, SMTP_R_AUTH_MALFORMED, text);
	case SMTP_AUTH_FAILED:
	case SMTP_AUTH_CONTINUE:
		break;
	}
	return failed(s, SMTP_R_AUTH_FAILED, text);
}

static bool challenge(struct smtp_session *s, struct span blob)
{
	struct buf line;
	buf_init(&line, SMTP_AUTH_LINE_MAX);
	base64_encode(&line, blob);
	bool ok = buf_ok(&line);
	if (ok) {
		stream_write(s->stream, SPAN("334 "));
		stream_write(s->stream, buf_span(&line));
		stream_write(s->stream, SPAN("\r\n"));
	}
	wipe(&line);
	return ok;
}

static enum smtp_reply unreadable(enum base64 why, const struct buf *into)
{
	return why == BASE64_MEMORY && buf_short(into) ? SMTP_R_AUTH_UNAVAILABLE
						       : SMTP_R_BAD_BASE64;
}

static enum smtp_step cancel(struct smtp_session *s, enum smtp_reply r)
{
	s->host->ops->auth_cancel(s->host);
	return smtp_bad(s, r);
}

/* True: *answer holds the client's next message.  False: *step is the result. */
static bool ask(struct smtp_session *s, struct span blob, struct buf *answer,
		enum smtp_step *step)
{
	struct span line;
	*step = SMTP_END;
	if (!challenge(s, blob)) {
		s->host->ops->auth_cancel(s->host);
		smtp_say(s, SMTP_R_AUTH_UNAVAILABLE);
		*step = SMTP_ON;
		return false;
	}
	stream_deadline(s->stream, s->set->limits.auth_seconds);
	enum io io = stream_line(s->stream, SMTP_AUTH_LINE_MAX, SMTP_LINE_DRAIN, &line);
	if (io == IO_LONG) {
		*step = cancel(s, SMTP_R_LINE_LONG);
	} else if (io != IO_OK) {
		s->host->ops->auth_cancel(s->host);
		*step = smtp_lost(s, io);
	} else if (span_eq(line, SPAN("*"))) {
		*step = cancel(s, SMTP_R_AUTH_CANCELLED);
	} else {
		buf_clear(answer);
		enum base64 read = base64_decode(answer, line);
		if (read == BASE64_OK)
			return true;
		*step = cancel(s, unreadable(read, answer));
	}
	return false;
}

static enum smtp_step exchange(struct smtp_session *s, struct span mechanism,
			       const struct span *initial, struct buf *blob)
{
	struct span out = {0};
	enum smtp_step step;
	enum smtp_auth a = s->host->ops->auth_begin(s->host, mechanism, initial, &out);
	for (unsigned n = 0; a == SMTP_AUTH_CONTINUE; n++) {
		if (n == SMTP_AUTH_STEPS) {
			s->host->ops->auth_cancel(s->host);
			return failed(s, SMTP_R_AUTH_FAILED, (struct span){0});
		}
		if (!ask(s, out, blob, &step))
			return step;
		out = (struct span){0};
		a = s->host->ops->auth_step(s->host, buf_span(blob), &out);
	}
	return settle(s, a, out);
}

static enum smtp_step start(struct smtp_session *s, struct span arg)
{
	struct span mechanism;
	bool has_initial = span_cut(&arg, ' ', &mechanism);
	arg = span_trim(arg);
	if (mechanism.len == 0)
		return smtp_bad(s, SMTP_R_BAD_SYNTAX);
	if (!offered(s, mechanism))
		return smtp_bad(s, SMTP_R_AUTH_UNKNOWN);
	struct buf blob;
	buf_init(&blob, SMTP_AUTH_LINE_MAX);
	struct span initial = SPAN("");
	enum smtp_step step;
	enum base64 read = BASE64_OK;
	/* "=" stands for an initial response of no bytes. */
	if (has_initial && !span_eq(arg, SPAN("=")))
		read = arg.len == 0 ? BASE64_BAD : base64_decode(&blob, arg);
	if (read != BASE64_OK) {
		step = smtp_bad(s, unreadable(read, &blob));
	} else {
		if (buf_len(&blob) > 0)
			initial = buf_span(&blob);
		step = exchange(s, mechanism, has_initial ? &initial : NULL, &blob);
	}
	wipe(&blob);
	return step;
}

enum smtp_step smtp_cmd_auth(struct smtp_session *s, struct span arg)
{
	if (s->set->role != SMTP_SUBMISSION)
		return smtp_bad(s, SMTP_R_NOT_HERE);
	if (!s->secure) {
		smtp_note(s, SMTP_NOTE_CLEAR_AUTH, (struct span){0});
		return smtp_bad(s, SMTP_R_CLEAR_AUTH);
	}
	if (!s->extended)
		return smtp_bad(s, SMTP_R_HELLO_FIRST);
	if (s->authenticated)
		return smtp_bad(s, SMTP_R_AUTH_TWICE);
	if (s->mail)
		return smtp_bad(s, SMTP_R_AUTH_IN_MAIL);
	return start(s, arg);
}

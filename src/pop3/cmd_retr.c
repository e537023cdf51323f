/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3/cmd_retr: RETR and TOP (RFC 1939 5, 7): a message in ranges, dots
 * stuffed.
 *
 * Must never let a message end its own transfer: a dot after any LF is
 * doubled, since many clients take a bare LF for a line end.
 */
#include <inttypes.h>

#include "base/check.h"
#include "pop3/state.h"

struct copying {
	struct pop3_session *s;
	char before;    /* last byte sent, '\n' at the start */
	bool cr;        /* ... and it came after a CR */
	bool body;      /* the blank line has passed */
	bool blank;     /* nothing but CR on this line so far */
	bool limited;   /* TOP */
	uint64_t lines; /* TOP: of the body, still to come */
};

static void send(struct copying *c, struct span bytes)
{
	if (bytes.len == 0)
		return;
	stream_write(c->s->stream, bytes);
	c->cr = (bytes.len > 1 ? bytes.ptr[bytes.len - 2] : c->before) == '\r';
	c->before = bytes.ptr[bytes.len - 1];
}

/* One line or a piece of one.  False: TOP has enough. */
static bool line(struct copying *c, struct span piece)
{
	bool whole = piece.ptr[piece.len - 1] == '\n';
	if (c->limited && c->body && c->lines == 0)
		return false;
	if (c->before == '\n') {
		c->blank = true;
		if (piece.ptr[0] == '.')
			stream_write(c->s->stream, SPAN("."));
	}
	for (size_t i = 0; i < piece.len && c->blank; i++)
		c->blank = piece.ptr[i] == '\r' || piece.ptr[i] == '\n';
	send(c, piece);
	if (whole && c->body && c->lines > 0)
		c->lines--;
	if (whole && c->blank)
		c->body = true;
	return true;
}

static bool copy(struct copying *c, struct span bytes)
{
	while (bytes.len > 0) {
		size_t end = span_find(bytes, '\n');
		size_t n = end == SIZE_MAX ? bytes.len : end + 1;
		if (!line(c, span_sub(bytes, 0, n)))
			return false;
		bytes = span_skip(bytes, n);
	}
	return true;
}

static void finish(struct copying *c)
{
	bool ended = c->before == '\n' && c->cr;
	stream_write(c->s->stream, ended ? SPAN(".\r\n") : SPAN("\r\n.\r\n"));
}

static void transfer(struct copying *c, uint32_t n)
{
	struct pop3_session *s = c->s;
	struct pop3_host *host = s->host;
	uint32_t uid = pop3_uid(s, n);
	uint64_t *size = pop3_sizes(s, n, 1);
	struct span bytes = {0};
	if (size == NULL) {
		pop3_err(s, "[SYS/TEMP] Try again later");
		return;
	}
	uint64_t total = *size, at = 0;
	bool more = true;
	while (at < total && more) {
		size_t want = (size_t)u64_min(total - at, POP3_CHUNK_MAX);
		enum pop3_answer r = total == UINT64_MAX
					     ? POP3_GONE
					     : host->body(host, s->drop.mailbox, uid, at,
							  want, &bytes);
		if (r != POP3_YES || bytes.len == 0) {
			if (at == 0)
				pop3_err(s, r == POP3_GONE ? "Message is gone"
							   : "[SYS/TEMP] Try again later");
			/* Half a message must not look like a whole one. */
			s->closing = s->closing || at > 0;
			return;
		}
		if (at == 0)
			stream_printf(s->stream, "+OK %" PRIu64 " octets\r\n", total);
		at += bytes.len;
		more = copy(c, bytes);
		if (s->stream->state != IO_OK) {
			s->closing = true;
			return;
		}
	}
	if (total == 0)
		stream_write(s->stream, SPAN("+OK 0 octets\r\n"));
	s->bad = 0;
	finish(c);
}

void pop3_cmd_retr(struct pop3_session *s, struct span argument)
{
	struct copying c = {.s = s, .before = '\n', .cr = true};
	uint32_t n;
	if (pop3_number(s, argument, &n))
		transfer(&c, n);
}

void pop3_cmd_top(struct pop3_session *s, struct span argument)
{
	struct copying c = {.s = s, .before = '\n', .cr = true, .limited = true};
	struct span number;
	uint32_t n;
	bool two = span_cut(&argument, ' ', &number);
	if (!two || !span_u64(argument, UINT32_MAX, &c.lines)) {
		pop3_err(s, "TOP takes a message and a number of lines");
		return;
	}
	if (pop3_number(s, number, &n))
		transfer(&c, n);
}

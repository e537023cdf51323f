/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client: greeting, hello, STARTTLS, goodbye; one reply read in its place.
 *
 * Must never take a reply for that of a command which had not been sent, nor
 * keep in TLS anything that was said before it.
 */
#include "smtp/client.h"

#include <stdlib.h>

#include "smtp/client_state.h"

struct smtp_client *smtp_client_new(struct stream *stream, struct smtp_client_host *host,
				    const struct smtp_client_settings *set)
{
	ENSURE(smtp_hello_ok(set->hello));
	struct smtp_client *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->tag = SMTP_CLIENT_TAG;
	c->stream = stream;
	c->host = host;
	c->set = set;
	c->secure = set->secure;
	return c;
}

void smtp_client_free(struct smtp_client *c)
{
	if (c == NULL)
		return;
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	c->tag = 0;
	free(c);
}

enum smtp_client_result smtp_client_end(struct smtp_client *c, enum smtp_client_result r)
{
	c->over = true;
	if (r == SMTP_CLIENT_LOST)
		c->io = smtp_client_io(c);
	return r;
}

enum smtp_client_result smtp_client_listen(struct smtp_client *c, enum smtp_stage stage,
					   uint32_t seconds,
					   void (*take)(void *, struct span), void *owner)
{
	c->stage = stage;
	stream_deadline(c->stream, seconds);
	switch (smtp_answer_read(c->stream, &c->answer, take, owner)) {
	case SMTP_ANSWER_OK:
		break;
	case SMTP_ANSWER_LOST:
		c->answer = (struct smtp_answer){0};
		return smtp_client_end(c, SMTP_CLIENT_LOST);
	case SMTP_ANSWER_MORE:
	case SMTP_ANSWER_BAD:
		c->answer = (struct smtp_answer){0};
		return smtp_client_end(c, SMTP_CLIENT_PROTOCOL);
	}
	if (c->answer.code == 421)
		return smtp_client_end(c, SMTP_CLIENT_LATER);
	if (c->answer.code >= 500)
		return SMTP_CLIENT_REFUSED;
	return c->answer.code >= 400 ? SMTP_CLIENT_LATER : SMTP_CLIENT_OK;
}

enum smtp_client_result smtp_client_done(struct smtp_client *c, enum smtp_client_result r)
{
	if (r == SMTP_CLIENT_OK && c->answer.code >= 300)
		return smtp_client_end(c, SMTP_CLIENT_PROTOCOL);
	return r;
}

/* Only what has arrived is looked at: a whole 421, or anything else. */
bool smtp_client_quiet(struct smtp_client *c, enum smtp_stage stage)
{
	struct span b = stream_buffered(c->stream), line, raw;
	if (b.len == 0)
		return true;
	c->stage = stage;
	c->answer = (struct smtp_answer){0};
	smtp_client_end(c, SMTP_CLIENT_PROTOCOL);
	if (!span_cut(&b, '\n', &line) || !span_ends(line, SPAN("\r")))
		return false;
	line.len--;
	if (smtp_answer_line(&c->answer, line, &raw) != SMTP_ANSWER_OK ||
	    c->answer.code != 421)
		c->answer = (struct smtp_answer){0};
	return false;
}

/* After smtp_client_quiet said no. */
static enum smtp_client_result disturbed(const struct smtp_client *c)
{
	return c->answer.code == 421 ? SMTP_CLIENT_LATER : SMTP_CLIENT_PROTOCOL;
}

struct hearing {
	struct smtp_offer *offer;
	bool first;
};

/* The first line is the server's name. */
static void hear(void *owner, struct span line)
{
	struct hearing *h = owner;
	if (!h->first)
		smtp_offer_line(h->offer, line);
	h->first = false;
}

static enum smtp_client_result say_hello(struct smtp_client *c, const char *verb, bool extended)
{
	c->offer = (struct smtp_offer){0};
	struct hearing h = {&c->offer, true};
	if (!smtp_client_quiet(c, SMTP_STAGE_HELLO))
		return disturbed(c);
	stream_printf(c->stream, "%s %.*s\r\n", verb, SPAN_FMT(c->set->hello));
	enum smtp_client_result r =
		smtp_client_listen(c, SMTP_STAGE_HELLO, SMTP_CLIENT_HELLO_SECONDS,
				   extended ? hear : NULL, &h);
	r = smtp_client_done(c, r);
	c->ready = r == SMTP_CLIENT_OK;
	if (!c->ready)
		c->offer = (struct smtp_offer){0};
	return r;
}

static enum smtp_client_result hello(struct smtp_client *c)
{
	if (c->set->lmtp)
		return say_hello(c, "LHLO", true);
	enum smtp_client_result r = say_hello(c, "EHLO", true);
	/* Before 1995 there was no EHLO (RFC 5321 3.2). */
	if (r == SMTP_CLIENT_REFUSED && c->answer.code <= 504)
		r = say_hello(c, "HELO", false);
	return r;
}

enum smtp_client_result smtp_client_open(struct smtp_client *c)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	enum smtp_client_result r = smtp_client_listen(
		c, SMTP_STAGE_GREETING, SMTP_CLIENT_GREETING_SECONDS, NULL, NULL);
	if (r == SMTP_CLIENT_OK && c->answer.code != 220)
		r = smtp_client_end(c, SMTP_CLIENT_PROTOCOL);
	if (r != SMTP_CLIENT_OK) {
		c->over = true;
		return r;
	}
	return hello(c);
}

enum smtp_client_result smtp_client_starttls(struct smtp_client *c)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	if (c->over || !c->ready || c->secure || !smtp_offers(c, SMTP_OFFER_STARTTLS))
		return SMTP_CLIENT_NOT_OFFERED;
	if (!smtp_client_quiet(c, SMTP_STAGE_STARTTLS))
		return disturbed(c);
	stream_write(c->stream, SPAN("STARTTLS\r\n"));
	enum smtp_client_result r = smtp_client_listen(
		c, SMTP_STAGE_STARTTLS, SMTP_CLIENT_TLS_SECONDS, NULL, NULL);
	if (r == SMTP_CLIENT_OK && c->answer.code != 220)
		r = smtp_client_end(c, SMTP_CLIENT_PROTOCOL);
	if (r != SMTP_CLIENT_OK)
		return r;
	/* Replies in clear that TLS would make look protected. */
	if (!smtp_client_quiet(c, SMTP_STAGE_STARTTLS))
		return disturbed(c);
	c->ready = false;
	c->offer = (struct smtp_offer){0};
	stream_deadline(c->stream, SMTP_CLIENT_TLS_SECONDS);
	if (stream_start_tls(c->stream) != IO_OK)
		return smtp_client_end(c, SMTP_CLIENT_LOST);
	c->secure = true;
	c->dirty = false;
	return hello(c);
}

uint32_t smtp_client_room(const struct smtp_client *c)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	const struct smtp_offer *o = &c->offer;
	if (c->over || !c->ready || (o->mail_max != 0 && c->mails >= o->mail_max))
		return 0;
	if (o->rcpt_max == 0)
		return SMTP_CLIENT_RECIPIENTS;
	return o->rcpt_max < SMTP_CLIENT_RECIPIENTS_MAX ? o->rcpt_max
							: SMTP_CLIENT_RECIPIENTS_MAX;
}

void smtp_client_quit(struct smtp_client *c)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	if (!c->over) {
		stream_deadline(c->stream, SMTP_CLIENT_QUIT_SECONDS);
		stream_write(c->stream, SPAN("QUIT\r\n"));
		stream_flush(c->stream);
	}
	c->over = true;
}

const struct smtp_offer *smtp_client_offer(const struct smtp_client *c)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	return &c->offer;
}

const struct smtp_answer *smtp_client_answer(const struct smtp_client *c,
					     enum smtp_stage *stage)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	*stage = c->stage;
	return &c->answer;
}

bool smtp_client_secure(const struct smtp_client *c)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	return c->secure;
}

enum io smtp_client_lost(const struct smtp_client *c)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	return c->io;
}

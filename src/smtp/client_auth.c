/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client_auth: RFC 4954 from the client's side; mechanisms and secrets
 * are the host's.
 *
 * Must never send a message of the host without TLS, and wipes its copies.
 */
#include "smtp/client_state.h"

#include "base/base64.h"
#include "base/check.h"

struct exchange {
	struct smtp_client *c;
	struct buf message; /* of the host, not yet encoded */
	struct buf challenge;
	bool bad;           /* the challenge is not base64 */
	bool held;          /* `message` waits for the first, empty, challenge */
};

static void wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

static bool has_word(struct span list, struct span word)
{
	while (list.len > 0) {
		struct span one;
		span_cut(&list, ' ', &one);
		if (span_eq_nocase(one, word))
			return true;
	}
	return false;
}

static void take_challenge(void *owner, struct span raw)
{
	struct exchange *x = owner;
	buf_clear(&x->challenge);
	x->bad = base64_decode(&x->challenge, span_trim(raw)) != BASE64_OK;
}

/* Write `before`, the message in base64 and a line end, and forget it. */
static bool send_message(struct exchange *x, struct span mechanism)
{
	struct buf line;
	buf_init(&line, SMTP_CLIENT_BLOB_MAX * 2);
	if (mechanism.len > 0)
		buf_printf(&line, "AUTH %.*s ", SPAN_FMT(mechanism));
	if (mechanism.len > 0 && buf_len(&x->message) == 0)
		buf_addc(&line, '=');
	base64_encode(&line, buf_span(&x->message));
	buf_add(&line, SPAN("\r\n"));
	bool fits = buf_ok(&line) &&
		    (mechanism.len == 0 || buf_len(&line) <= SMTP_CLIENT_INITIAL_MAX);
	if (fits) {
		stream_write(x->c->stream, buf_span(&line));
		buf_clear(&x->message);
	}
	bool ok = buf_ok(&line);
	wipe(&line);
	x->held = !fits;
	return ok;
}

static enum smtp_client_result hear(struct exchange *x)
{
	return smtp_client_listen(x->c, SMTP_STAGE_AUTH, SMTP_CLIENT_AUTH_SECONDS,
				  take_challenge, x);
}

/* Nothing of ours was wrong for the server: end the exchange in order. */
static enum smtp_client_result give_up(struct exchange *x)
{
	stream_write(x->c->stream, SPAN("*\r\n"));
	enum smtp_client_result r = hear(x);
	if (r == SMTP_CLIENT_OK)
		return smtp_client_end(x->c, SMTP_CLIENT_PROTOCOL);
	return x->c->over ? r : SMTP_CLIENT_GAVE_UP;
}

static bool begin(struct exchange *x, struct span mechanism)
{
	switch (x->c->host->ops->respond(x->c->host, NULL, &x->message)) {
	case SMTP_CLIENT_RESPOND:
		if (!buf_ok(&x->message) || !send_message(x, mechanism))
			return false;
		if (!x->held)
			return true;
		break;
	case SMTP_CLIENT_WAIT:
		break;
	case SMTP_CLIENT_ABORT:
		return false;
	}
	stream_printf(x->c->stream, "AUTH %.*s\r\n", SPAN_FMT(mechanism));
	return true;
}

/* A 334 was said.  False: the exchange is to be given up. */
static bool answer(struct exchange *x)
{
	if (x->bad)
		return false;
	if (!x->held) {
		struct span challenge = buf_span(&x->challenge);
		buf_clear(&x->message);
		if (x->c->host->ops->respond(x->c->host, &challenge, &x->message) !=
		    SMTP_CLIENT_RESPOND)
			return false;
	} else if (buf_len(&x->challenge) > 0) {
		return false; /* the server spoke first where the client does */
	}
	return buf_ok(&x->message) && send_message(x, (struct span){0});
}

static enum smtp_client_result exchange(struct exchange *x)
{
	for (unsigned step = 0; step < SMTP_CLIENT_AUTH_STEPS; step++) {
		enum smtp_client_result r = hear(x);
		if (r != SMTP_CLIENT_OK)
			return r;
		if (x->c->answer.code == 235) {
			if (!x->c->host->ops->accept(x->c->host))
				return smtp_client_end(x->c, SMTP_CLIENT_GAVE_UP);
			return r;
		}
		if (x->c->answer.code != 334 || x->c->answer.lines != 1)
			return smtp_client_end(x->c, SMTP_CLIENT_PROTOCOL);
		if (!smtp_client_quiet(x->c, SMTP_STAGE_AUTH))
			return SMTP_CLIENT_PROTOCOL;
		if (!answer(x))
			return give_up(x);
	}
	return give_up(x);
}

enum smtp_client_result smtp_client_auth(struct smtp_client *c)
{
	ENSURE_TAG(c, SMTP_CLIENT_TAG);
	if (!c->secure)
		return SMTP_CLIENT_CLEAR;
	struct span offered = span_of(c->offer.mechanisms, c->offer.mechanisms_len), choice;
	if (c->over || !c->ready || offered.len == 0 ||
	    !c->host->ops->mechanism(c->host, offered, &choice) || !has_word(offered, choice))
		return SMTP_CLIENT_NOT_OFFERED;
	if (!smtp_client_quiet(c, SMTP_STAGE_AUTH))
		return c->answer.code == 421 ? SMTP_CLIENT_LATER : SMTP_CLIENT_PROTOCOL;
	struct exchange x = {.c = c};
	buf_init(&x.message, SMTP_CLIENT_BLOB_MAX);
	buf_init(&x.challenge, SMTP_CLIENT_BLOB_MAX);
	enum smtp_client_result r =
		begin(&x, choice) ? exchange(&x) : SMTP_CLIENT_GAVE_UP;
	wipe(&x.message);
	wipe(&x.challenge);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/smtp_host: what an SMTP session asks, and who knows it.
 *
 * EHLO and MAIL of a stranger need no other process; a recipient is one
 * question to the store.
 */
#include <stdlib.h>

#include "role/edge/smtp_mail.h"

static struct smtp_side *of(struct smtp_host *h)
{
	return CONTAINER_OF(h, struct smtp_side, host);
}

static int64_t now(struct smtp_host *h)
{
	return world_wall(of(h)->c->edge->role->world).sec;
}

static enum smtp_load load(struct smtp_host *h)
{
	struct connection *c = of(h)->c;
	struct edge *e = c->edge;
	if (e->store == NULL)
		return SMTP_BUSY;
	if (e->load < EDGE_STORE_LEVEL_FULL || c->service->smtp.role != SMTP_MX)
		return SMTP_CALM;
	e->counts.put_off++;
	return SMTP_BUSY;
}

static void tls(struct smtp_host *h, struct smtp_tls_facts *out)
{
	const struct secured *s = &of(h)->c->secured;
	out->version = span_cstr(s->version);
	out->suite = span_cstr(s->suite);
}

static struct span mechanisms(struct smtp_host *h)
{
	return login_mechanisms(of(h)->c);
}

static enum smtp_hello hello(struct smtp_host *h, struct span name,
			     bool extended, struct span *text)
{
	(void)h;
	(void)name;
	(void)extended;
	(void)text;
	return SMTP_HELLO_OK;
}

/* ---- logins ----------------------------------------------------------------- */

static enum smtp_auth auth_of(enum login l)
{
	switch (l) {
	case LOGIN_OK:
		return SMTP_AUTH_OK;
	case LOGIN_MORE:
		return SMTP_AUTH_CONTINUE;
	case LOGIN_FAILED:
		return SMTP_AUTH_FAILED;
	case LOGIN_THROTTLED:
		return SMTP_AUTH_THROTTLED;
	case LOGIN_LATER:
		break;
	}
	return SMTP_AUTH_UNAVAILABLE;
}

static enum smtp_auth auth_begin(struct smtp_host *h, struct span mechanism,
				 const struct span *initial, struct span *out)
{
	return auth_of(login_start(of(h)->c, mechanism, initial, out));
}

static enum smtp_auth auth_step(struct smtp_host *h, struct span response,
				struct span *out)
{
	return auth_of(login_step(of(h)->c, response, out));
}

static void auth_cancel(struct smtp_host *h)
{
	struct connection *c = of(h)->c;
	login_cancel(c);
	/* The store has bound the session, the client does not know it: over. */
	c->lost = c->lost || c->bound;
}

/* ---- a transaction ------------------------------------------------------------ */

static enum smtp_mail_ruling may_send(struct smtp_side *s,
				      const struct smtp_mail *m,
				      struct span *text)
{
	struct connection *c = s->c;
	struct edge_store_sender_reply rep;
	struct buf from;
	buf_init(&from, SMTP_ADDRESS_MAX);
	if (!m->from.null)
		smtp_path_write(&m->from, &from);
	struct edge_store_sender ask = {.session = c->session,
					.address = buf_span(&from),
					.size = m->size};
	bool told = buf_ok(&from) &&
		    STORE_ASK(c, sender, &ask, connection_scratch(c), &rep,
			      edge_within(c->edge, EDGE_ASK_NS));
	buf_free(&from);
	if (!told)
		return SMTP_MAIL_LATER;
	*text = rep.why;
	switch (rep.answer) {
	case EDGE_STORE_ANSWER_YES:
		return SMTP_MAIL_OK;
	case EDGE_STORE_ANSWER_TOO_BIG:
		return SMTP_MAIL_TOO_BIG;
	case EDGE_STORE_ANSWER_OVER_QUOTA:
	case EDGE_STORE_ANSWER_LIMIT:
		return SMTP_MAIL_NO_SPACE;
	case EDGE_STORE_ANSWER_LATER:
		return SMTP_MAIL_LATER;
	default:
		return SMTP_MAIL_NOT_OWN;
	}
}

static enum smtp_mail_ruling mail_from(struct smtp_host *h,
				       const struct smtp_mail *m,
				       struct span *text)
{
	struct smtp_side *s = of(h);
	const struct service *v = s->c->service;
	if (v->limits.messages != 0 && s->messages >= v->limits.messages) {
		*text = SPAN("Enough messages for one session; connect again");
		return SMTP_MAIL_LATER;
	}
	if (v->smtp.role == SMTP_SUBMISSION) {
		enum smtp_mail_ruling r = may_send(s, m, text);
		if (r != SMTP_MAIL_OK)
			return r;
	}
	mail_free(s);
	s->mail = mail_new(m);
	if (s->mail != NULL && v->smtp.role == SMTP_SUBMISSION)
		s->mail->session = s->c->session;
	return s->mail != NULL ? SMTP_MAIL_OK : SMTP_MAIL_LATER;
}

static enum smtp_rcpt_ruling rcpt_to(struct smtp_host *h,
				     const struct smtp_rcpt *r,
				     struct span *text)
{
	return mail_recipient(of(h), r, text);
}

static enum smtp_body_ruling body_begin(struct smtp_host *h,
					const struct smtp_body *b,
					struct span *text)
{
	(void)b;
	(void)text;
	return mail_begin(of(h));
}

static enum smtp_body_ruling body_chunk(struct smtp_host *h, struct span bytes)
{
	return mail_bytes(of(h), bytes);
}

static enum smtp_end body_end(struct smtp_host *h, struct span *id,
			      struct span *text)
{
	return mail_offer(of(h), id, text);
}

/* LMTP has no listener of this role yet to ask it. */
static enum smtp_end body_recipient(struct smtp_host *h, uint32_t index,
				    struct span *id, struct span *text)
{
	(void)h;
	(void)index;
	(void)id;
	(void)text;
	return SMTP_END_LATER;
}

static void body_abort(struct smtp_host *h)
{
	mail_abort(of(h));
}

static void reset(struct smtp_host *h)
{
	mail_free(of(h));
}

static void note(struct smtp_host *h, enum smtp_note n, struct span detail)
{
	static const char *const names[] = {
		[SMTP_NOTE_EARLY_TALKER] = "talks before it is its turn",
		[SMTP_NOTE_NOT_SMTP] = "does not speak SMTP",
		[SMTP_NOTE_FLOOD] = "too many commands",
		[SMTP_NOTE_CLEAR_AUTH] = "AUTH before TLS",
		[SMTP_NOTE_PIPELINED] = "sent more after a command that ends a group",
		[SMTP_NOTE_BAD_FRAMING] = "bare CR, bare LF or NUL in a message",
		[SMTP_NOTE_PRIVILEGED] = "asks for a right that nobody has",
	};
	struct connection *c = of(h)->c;
	char ip[ADDR_TEXT_MAX];
	LOG(c->edge->role->log, NOTICE, "smtp.noted", c->id,
	    F_CSTR("what", names[n]), F("detail", detail),
	    F("ip", connection_ip(c, ip)), F("listener", c->service->name));
}

static const struct smtp_host_ops ops = {
	.now = now,
	.load = load,
	.tls = tls,
	.mechanisms = mechanisms,
	.hello = hello,
	.auth_begin = auth_begin,
	.auth_step = auth_step,
	.auth_cancel = auth_cancel,
	.mail_from = mail_from,
	.rcpt_to = rcpt_to,
	.body_begin = body_begin,
	.body_chunk = body_chunk,
	.body_end = body_end,
	.body_recipient = body_recipient,
	.body_abort = body_abort,
	.reset = reset,
	.note = note,
};

/* ---- the protocol ---------------------------------------------------------------- */

static struct smtp_side *side(const struct connection *c)
{
	return c->side;
}

static void close_session(struct connection *c)
{
	struct smtp_side *s = side(c);
	smtp_session_free(s->session);
	mail_free(s);
	free(s);
}

static bool open_session(struct connection *c)
{
	struct smtp_side *s = calloc(1, sizeof *s);
	if (s == NULL)
		return false;
	s->host.ops = &ops;
	s->c = c;
	s->session = smtp_session_new(&c->stream, &s->host, &c->service->smtp);
	if (s->session == NULL) {
		free(s);
		return false;
	}
	c->side = s;
	return true;
}

static bool greet(struct connection *c)
{
	return smtp_session_greet(side(c)->session) == SMTP_IDLE;
}

static bool run(struct connection *c)
{
	return smtp_session_run(side(c)->session) == SMTP_IDLE;
}

static bool hint(struct connection *c, const struct edge_store_hint *news)
{
	(void)news;
	(void)c;
	return true;
}

static bool idling(const struct connection *c)
{
	(void)c;
	return false;
}

static void farewell(struct connection *c, enum farewell why)
{
	smtp_session_farewell(side(c)->session, why == FAREWELL_TIMEOUT
							? SMTP_FAREWELL_TIMEOUT
							: SMTP_FAREWELL_SHUTDOWN);
}

static void secured(struct connection *c)
{
	(void)c; /* the session asks */
}

static uint64_t idle_seconds(const struct connection *c)
{
	return c->service->timeouts.command;
}

static enum edge_store_service service(const struct connection *c)
{
	return c->service->smtp.role == SMTP_MX ? EDGE_STORE_SERVICE_MX
						: EDGE_STORE_SERVICE_SUBMISSION;
}

const struct protocol smtp_protocol = {
	.name = "smtp",
	.service = service,
	.auth = EDGE_AUTH_SERVICE_SUBMISSION,
	.open = open_session,
	.greet = greet,
	.run = run,
	.hint = hint,
	.idling = idling,
	.farewell = farewell,
	.secured = secured,
	.idle_seconds = idle_seconds,
	.close = close_session,
	.too_many = SPAN_INIT("421 4.3.2 No room for another connection; try "
			      "again later\r\n"),
};

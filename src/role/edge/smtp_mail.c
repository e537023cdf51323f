/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/smtp_mail: recipients, bytes, the offer.
 *
 * Must never answer SMTP_KEPT unless the store has just said yes to the offer,
 * nor give up an offer by a clock of its own.
 */
#include "role/edge/smtp_mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"

#define ADDRESS_MAX 320u

struct mail *mail_new(const struct smtp_mail *m)
{
	struct mail *mail = calloc(1, sizeof *mail);
	if (mail == NULL)
		return NULL;
	mail->from = m->from;
	mail->ret = m->ret;
	mail->utf8 = m->utf8;
	mail->requiretls = m->requiretls;
	mail->release = m->release;
	mail->priority = m->priority;
	mail->by_mode = m->by_mode;
	mail->by = m->by;
	mail->eight_bit = m->body != SMTP_BODY_7BIT;
	ENSURE(m->envid.len <= sizeof mail->envid);
	if (m->envid.len > 0)
		memcpy(mail->envid, m->envid.ptr, m->envid.len);
	mail->envid_len = m->envid.len;
	stage_init(&mail->stage);
	return mail;
}

/* Its recipients are still known to the store. */
static bool alive(const struct smtp_side *s)
{
	return store_of(s->c) != NULL && s->mail->session == s->c->session;
}

void mail_free(struct smtp_side *s)
{
	struct mail *m = s->mail;
	if (m == NULL)
		return;
	struct edge_store_reset reset = {.session = m->session};
	if (m->session != 0 && alive(s))
		(void)edge_store_reset(store_of(s->c), &reset);
	s->c->in_body = false;
	stage_free(&m->stage);
	free(m);
	s->mail = NULL;
}

/* ---- recipients ------------------------------------------------------------ */

static enum smtp_rcpt_ruling ruling_of(enum edge_store_answer a)
{
	switch (a) {
	case EDGE_STORE_ANSWER_YES:
		return SMTP_RCPT_OK;
	case EDGE_STORE_ANSWER_UNKNOWN:
		return SMTP_RCPT_UNKNOWN;
	case EDGE_STORE_ANSWER_RELAY_DENIED:
		return SMTP_RCPT_RELAY;
	case EDGE_STORE_ANSWER_OVER_QUOTA:
		return SMTP_RCPT_OVER_QUOTA;
	case EDGE_STORE_ANSWER_LIMIT:
		return SMTP_RCPT_TOO_MANY;
	case EDGE_STORE_ANSWER_CANNOT:
		return SMTP_RCPT_DISABLED;
	case EDGE_STORE_ANSWER_NO:
		return SMTP_RCPT_REFUSED;
	default:
		return SMTP_RCPT_LATER;
	}
}

static void log_refusal(struct smtp_side *s, struct span to,
			enum edge_store_answer a)
{
	struct connection *c = s->c;
	char ip[ADDR_TEXT_MAX];
	LOG(c->edge->role->log, INFO, "smtp.recipient-refused", c->id,
	    F("to", to), F_U64("answer", a), F("ip", connection_ip(c, ip)),
	    F("listener", c->service->name));
}

static enum smtp_rcpt_ruling ask_recipient(struct smtp_side *s,
					   const struct smtp_rcpt *r,
					   struct span to, struct span *text)
{
	struct connection *c = s->c;
	struct mail *m = s->mail;
	struct edge_store_recipient ask = {.session = c->session,
					   .address = to,
					   .notify = (uint8_t)r->notify,
					   .orcpt = r->orcpt};
	struct edge_store_recipient_reply rep;
	if (!STORE_ASK(c, recipient, &ask, connection_scratch(c), &rep,
		       edge_within(c->edge, EDGE_ASK_NS)))
		return SMTP_RCPT_LATER;
	if (rep.answer != EDGE_STORE_ANSWER_YES) {
		log_refusal(s, to, rep.answer);
		*text = rep.why;
		return ruling_of(rep.answer);
	}
	if (m->count == 0)
		m->first = r->to;
	m->recipients[m->count++] = rep.handle;
	return SMTP_RCPT_OK;
}

enum smtp_rcpt_ruling mail_recipient(struct smtp_side *s,
				     const struct smtp_rcpt *r,
				     struct span *text)
{
	struct mail *m = s->mail;
	struct buf to;
	if (m->count == EDGE_RECIPIENTS_MAX)
		return SMTP_RCPT_TOO_MANY;
	if (!store_session(s->c))
		return SMTP_RCPT_LATER;
	if (m->session == 0)
		m->session = s->c->session;
	if (!alive(s))
		return SMTP_RCPT_LATER;
	buf_init(&to, SMTP_ADDRESS_MAX);
	smtp_path_write(&r->to, &to);
	enum smtp_rcpt_ruling ruling = SMTP_RCPT_UNKNOWN;
	if (buf_short(&to))
		ruling = SMTP_RCPT_LATER;
	else if (buf_ok(&to) && buf_len(&to) <= ADDRESS_MAX)
		ruling = ask_recipient(s, r, buf_span(&to), text);
	buf_free(&to);
	return ruling;
}

/* ---- the body ---------------------------------------------------------------- */

static enum smtp_body_ruling body_ruling(enum edge_store_answer a)
{
	switch (a) {
	case EDGE_STORE_ANSWER_YES:
		return SMTP_BODY_OK;
	case EDGE_STORE_ANSWER_LIMIT:
	case EDGE_STORE_ANSWER_OVER_QUOTA:
		return SMTP_BODY_NO_SPACE;
	default:
		return SMTP_BODY_LATER;
	}
}

enum smtp_body_ruling mail_begin(struct smtp_side *s)
{
	struct mail *m = s->mail;
	struct world *w = s->c->edge->role->world;
	if (!alive(s))
		return SMTP_BODY_LATER;
	m->id = world_random_u64(w);
	m->began = world_now(w);
	snprintf(m->id_text, sizeof m->id_text, "%016llx",
		 (unsigned long long)m->id);
	s->c->in_body = true;
	return SMTP_BODY_OK;
}

enum smtp_body_ruling mail_bytes(struct smtp_side *s, struct span b)
{
	if (!alive(s))
		return SMTP_BODY_LATER;
	return body_ruling(stage_add(s->c, &s->mail->stage, b));
}

void mail_abort(struct smtp_side *s)
{
	s->c->in_body = false;
	stage_free(&s->mail->stage);
	stage_init(&s->mail->stage);
}

/* ---- the offer ----------------------------------------------------------------- */

static enum smtp_end end_of(enum edge_store_answer a)
{
	switch (a) {
	case EDGE_STORE_ANSWER_YES:
		return SMTP_KEPT;
	case EDGE_STORE_ANSWER_NO:
	case EDGE_STORE_ANSWER_CANNOT:
	case EDGE_STORE_ANSWER_RELAY_DENIED:
	case EDGE_STORE_ANSWER_UNKNOWN:
		return SMTP_END_REFUSED;
	case EDGE_STORE_ANSWER_OVER_QUOTA:
		return SMTP_END_OVER_QUOTA;
	case EDGE_STORE_ANSWER_LIMIT:
		return SMTP_END_NO_SPACE;
	case EDGE_STORE_ANSWER_TOO_BIG:
		return SMTP_END_TOO_BIG;
	case EDGE_STORE_ANSWER_LOOP:
		return SMTP_END_LOOP;
	default:
		return SMTP_END_LATER;
	}
}

static void write_trace(struct smtp_side *s, const struct smtp_facts *f,
			struct buf *trace)
{
	struct connection *c = s->c;
	struct mail *m = s->mail;
	char ip[ADDR_TEXT_MAX];
	struct smtp_received r = {
		.hello = f->hello,
		.ip = connection_ip(c, ip),
		.by = c->service->hostname,
		.id = span_cstr(m->id_text),
		.extended = f->extended,
		.secure = f->secure,
		.authenticated = f->authenticated,
		.utf8 = m->utf8,
		.tls_version = f->tls.version,
		.tls_suite = f->tls.suite,
		.for_rcpt = m->count == 1 ? &m->first : NULL,
		.date = world_wall(c->edge->role->world).sec,
	};
	smtp_received_write(trace, &r);
}

static void log_end(struct smtp_side *s, struct span from,
		    enum edge_store_answer a, struct span why)
{
	struct connection *c = s->c;
	struct mail *m = s->mail;
	struct world *w = c->edge->role->world;
	char ip[ADDR_TEXT_MAX], session[MAIL_ID_LEN + 1];
	bool kept = a == EDGE_STORE_ANSWER_YES;
	snprintf(session, sizeof session, "%016llx", (unsigned long long)c->id);
	c->edge->counts.kept += kept;
	LOG(c->edge->role->log, INFO, kept ? "smtp.kept" : "smtp.not-kept",
	    m->id, F("from", from), F_U64("recipients", m->count),
	    F_U64("size", m->stage.size), F("ip", connection_ip(c, ip)),
	    F("listener", c->service->name), F_CSTR("user", c->user),
	    F_CSTR("session", session), F("why", why), F_U64("ms", (world_now(w) - m->began) / NS_PER_MS));
}

static enum edge_store_answer offer(struct smtp_side *s, struct span from,
				    struct span *why)
{
	struct connection *c = s->c;
	struct mail *m = s->mail;
	struct edge_store_offer_reply rep;
	struct smtp_facts f;
	struct buf trace;
	smtp_session_facts(s->session, &f);
	buf_init(&trace, SMTP_TRACE_MAX);
	write_trace(s, &f, &trace);
	struct edge_store_offer ask = {
		.session = c->session,
		.id = span_cstr(m->id_text),
		.sender = from,
		.recipients = m->recipients,
		.recipients_count = m->count,
		.helo = f.hello,
		.envid = span_of(m->envid, m->envid_len),
		.ret = (uint8_t)m->ret,
		.eight_bit = m->eight_bit,
		.utf8 = m->utf8,
		.requiretls = m->requiretls,
		.release = m->release,
		.priority = (uint8_t)m->priority,
		.by_mode = m->by_mode,
		.by = m->by,
		.trace = buf_span(&trace),
		.staged = m->stage.staged,
		.body = buf_span(&m->stage.rest),
	};
	/* Whatever it takes: only the store knows whether it is kept. */
	bool told = STORE_ASK(c, offer, &ask, connection_scratch(c), &rep,
			      IPC_NEVER);
	buf_free(&trace);
	*why = told ? rep.why : (struct span){0};
	return told ? rep.answer : EDGE_STORE_ANSWER_LATER;
}

enum smtp_end mail_offer(struct smtp_side *s, struct span *id,
			 struct span *text)
{
	struct mail *m = s->mail;
	struct buf from;
	enum edge_store_answer a = EDGE_STORE_ANSWER_LATER;
	buf_init(&from, SMTP_ADDRESS_MAX);
	if (!m->from.null)
		smtp_path_write(&m->from, &from);
	if (alive(s) && buf_ok(&from))
		a = stage_finish(s->c, &m->stage);
	if (a == EDGE_STORE_ANSWER_YES) {
		a = offer(s, buf_span(&from), text);
		m->session = 0; /* an offer ends the transaction there */
	}
	log_end(s, buf_span(&from), a, *text);
	buf_free(&from);
	s->c->in_body = false;
	*id = span_cstr(m->id_text);
	s->messages += a == EDGE_STORE_ANSWER_YES;
	return end_of(a);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* test/fuzz/smtp_answers: see smtp_answers.h. */
#include "smtp_answers.h"

#include "base/ensure.h"

/* One time in `rare` something else than 0, which is the kind answer. */
#define RARE 6u

static struct smtp_answers *of(struct smtp_host *h)
{
	return CONTAINER_OF(h, struct smtp_answers, host);
}

/* 0 to n - 1, mostly 0: thrown, or by a length. */
static unsigned pick(struct smtp_answers *a, unsigned n, uint64_t length)
{
	if (a->dice == NULL)
		return length % 16 < n ? (unsigned)(length % 16) : 0;
	return dice(a->dice, RARE) == RARE - 1 ? dice(a->dice, n) : 0;
}

static struct span words(struct smtp_answers *a)
{
	static const char *const texts[] = {"", "because", "a\r\n250 b", "\x01\xff\t",
		"a long text that goes on and on and on and on and on and on and on and on"};
	return a->dice == NULL ? SPAN("a\r\nb") : DICE_WORD(a->dice, texts);
}

static enum smtp_load on_load(struct smtp_host *h)
{
	if (of(h)->dice != NULL)
		return (enum smtp_load)pick(of(h), 3, 0);
	return of(h)->kept > 50 ? SMTP_BUSY : SMTP_CALM;
}

static void on_tls(struct smtp_host *h, struct smtp_tls_facts *f)
{
	(void)h;
	f->version = SPAN("TLSv1.3");
	f->suite = SPAN("TLS_AES_256_GCM_SHA384");
}

static struct span on_mechanisms(struct smtp_host *h)
{
	return pick(of(h), 9, 0) == 8 ? SPAN("") : SPAN("PLAIN LOGIN");
}

static enum smtp_hello on_hello(struct smtp_host *h, struct span name, bool ext, struct span *text)
{
	ENSURE(smtp_hello_ok(name));
	*text = words(of(h));
	return (enum smtp_hello)pick(of(h), 3, ext ? 0 : name.len);
}

static enum smtp_auth settle(struct smtp_answers *a, struct span in, struct span *out)
{
	unsigned v = a->dice != NULL ? dice(a->dice, 9) : (unsigned)(in.len % 8);
	enum smtp_auth r = v > SMTP_AUTH_THROTTLED ? SMTP_AUTH_OK : (enum smtp_auth)v;
	*out = r == SMTP_AUTH_CONTINUE ? in : words(a);
	a->exchange = r == SMTP_AUTH_CONTINUE;
	a->logins += r == SMTP_AUTH_OK;
	return r;
}

static enum smtp_auth on_auth(struct smtp_host *h, struct span m, const struct span *i, struct span *out)
{
	ENSURE(!of(h)->exchange);
	if (i != NULL)
		return settle(of(h), *i, out);
	*out = m;
	of(h)->exchange = true;
	return SMTP_AUTH_CONTINUE;
}

static enum smtp_auth on_step(struct smtp_host *h, struct span r, struct span *out)
{
	ENSURE(of(h)->exchange);
	return settle(of(h), r, out);
}

static void on_cancel(struct smtp_host *h)
{
	ENSURE(of(h)->exchange);
	of(h)->exchange = false;
}

static int64_t on_now(struct smtp_host *h)
{
	(void)h;
	return 1700000000;
}

static enum smtp_mail_ruling on_mail(struct smtp_host *h, const struct smtp_mail *m, struct span *text)
{
	struct smtp_answers *a = of(h);
	ENSURE(!a->mail);
	ENSURE(m->release >= 0 && m->release <= 1700000000 + (int64_t)SMTP_RELEASE_SECONDS);
	ENSURE(m->priority >= -SMTP_PRIORITY_MOST && m->priority <= SMTP_PRIORITY_MOST);
	/* Written inside messages and literals only: nobody may act on it. */
	ENSURE(!span_eq(smtp_path_local(&m->from), SPAN("evil")));
	*text = words(a);
	enum smtp_mail_ruling r =
		(enum smtp_mail_ruling)pick(a, SMTP_MAIL_LATER + 1, m->from.local_len);
	a->mail = r == SMTP_MAIL_OK;
	a->recipients = 0;
	return r;
}

static enum smtp_rcpt_ruling on_rcpt(struct smtp_host *h, const struct smtp_rcpt *r, struct span *text)
{
	struct smtp_answers *a = of(h);
	ENSURE(a->mail && !r->to.null);
	*text = words(a);
	enum smtp_rcpt_ruling ruling =
		(enum smtp_rcpt_ruling)pick(a, SMTP_RCPT_TOO_MANY + 1, r->to.local_len);
	a->recipients += ruling == SMTP_RCPT_OK;
	return ruling;
}

static enum smtp_body_ruling on_begin(struct smtp_host *h, const struct smtp_body *b, struct span *text)
{
	struct smtp_answers *a = of(h);
	ENSURE(a->mail && a->recipients > 0 && !a->body);
	*text = words(a);
	enum smtp_body_ruling r =
		(enum smtp_body_ruling)pick(a, SMTP_BODY_LATER + 1, b->has_size ? b->size : 0);
	a->body = r == SMTP_BODY_OK;
	a->size = 0;
	buf_clear(&a->message);
	return r;
}

static enum smtp_body_ruling on_chunk(struct smtp_host *h, struct span b)
{
	struct smtp_answers *a = of(h);
	ENSURE(a->body && b.len > 0);
	a->size += b.len;
	buf_add(&a->message, b);
	return (enum smtp_body_ruling)pick(a, SMTP_BODY_LATER + 1, b.len / 16);
}

static enum smtp_end on_end(struct smtp_host *h, struct span *id, struct span *text)
{
	struct smtp_answers *a = of(h);
	ENSURE(a->body && buf_ok(&a->message));
	a->body = false;
	a->ends++;
	*id = pick(a, 2, 0) == 1 ? SPAN("") : SPAN("id");
	*text = words(a);
	a->end = (enum smtp_end)pick(a, SMTP_END_LATER + 1, a->size);
	a->kept += a->end == SMTP_KEPT;
	return a->end;
}

static enum smtp_end on_recipient(struct smtp_host *h, uint32_t i, struct span *id, struct span *text)
{
	struct smtp_answers *a = of(h);
	ENSURE(i < a->recipients && a->end == SMTP_KEPT);
	*id = *text = words(a);
	return (enum smtp_end)pick(a, SMTP_END_LATER + 1, i);
}

static void on_abort(struct smtp_host *h)
{
	ENSURE(of(h)->body);
	of(h)->body = false;
}

static void on_reset(struct smtp_host *h)
{
	ENSURE(of(h)->mail && !of(h)->body);
	of(h)->mail = false;
}

static void on_note(struct smtp_host *h, enum smtp_note n, struct span detail)
{
	(void)n;
	ENSURE(detail.len <= SMTP_AUTH_LINE_MAX);
	of(h)->notes++;
}

static const struct smtp_host_ops ops = {
	.now = on_now, .load = on_load, .tls = on_tls, .mechanisms = on_mechanisms, .hello = on_hello,
	.auth_begin = on_auth, .auth_step = on_step, .auth_cancel = on_cancel,
	.mail_from = on_mail, .rcpt_to = on_rcpt, .body_begin = on_begin,
	.body_chunk = on_chunk, .body_end = on_end, .body_recipient = on_recipient,
	.body_abort = on_abort, .reset = on_reset, .note = on_note,
};

void smtp_answers_init(struct smtp_answers *a, struct dice *d)
{
	*a = (struct smtp_answers){.host = {&ops}, .dice = d};
	buf_init(&a->message, 1u << 20);
}

void smtp_answers_free(struct smtp_answers *a)
{
	ENSURE(!a->mail && !a->body && !a->exchange);
	buf_free(&a->message);
}

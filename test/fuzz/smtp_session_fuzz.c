/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/session: a whole conversation.  The first byte chooses role, TLS and
 * cut; the host answers by what it is asked.  No message is kept twice, every
 * body is ended or given up, replies are well-formed lines.
 */
#include "base/ensure.h"
#include "script_stream.h"
#include "smtp/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_host {
	struct smtp_host host;
	uint64_t size;
	bool mail, body;
	uint32_t recipients, kept;
};

static struct fuzz_host *of(struct smtp_host *h)
{
	return CONTAINER_OF(h, struct fuzz_host, host);
}

static enum smtp_load on_load(struct smtp_host *h) { return of(h)->kept > 50 ? SMTP_BUSY : SMTP_CALM; }
static void on_tls(struct smtp_host *h, struct smtp_tls_facts *f) { (void)h; f->version = SPAN("TLSv1.3"); }
static struct span on_mechanisms(struct smtp_host *h) { (void)h; return SPAN("PLAIN LOGIN"); }

static enum smtp_hello on_hello(struct smtp_host *h, struct span name, bool ext, struct span *text)
{
	(void)h;
	*text = name;
	ENSURE(smtp_hello_ok(name));
	return ext || name.len % 7 != 6 ? SMTP_HELLO_OK : SMTP_HELLO_REFUSED;
}

static enum smtp_auth on_auth(struct smtp_host *h, struct span m, const struct span *i, struct span *out)
{
	(void)h;
	*out = m;
	if (i == NULL)
		return SMTP_AUTH_CONTINUE;
	return i->len % 3 == 0 ? SMTP_AUTH_OK : (enum smtp_auth)(1 + i->len % 6);
}

static enum smtp_auth on_step(struct smtp_host *h, struct span r, struct span *out)
{
	(void)h;
	*out = r;
	return r.len % 2 ? SMTP_AUTH_OK : SMTP_AUTH_CONTINUE;
}

static void on_cancel(struct smtp_host *h) { (void)h; }

static enum smtp_mail_ruling on_mail(struct smtp_host *h, const struct smtp_mail *m, struct span *text)
{
	struct fuzz_host *f = of(h);
	*text = m->envid;
	ENSURE(!f->mail);
	if (m->from.local_len % 16 == 15)
		return SMTP_MAIL_LATER;
	f->mail = true;
	f->recipients = 0;
	return SMTP_MAIL_OK;
}

static enum smtp_rcpt_ruling on_rcpt(struct smtp_host *h, const struct smtp_rcpt *r, struct span *text)
{
	struct fuzz_host *f = of(h);
	*text = r->orcpt;
	ENSURE(f->mail && !r->to.null);
	if (r->to.local_len % 8 == 7)
		return SMTP_RCPT_UNKNOWN;
	f->recipients++;
	return SMTP_RCPT_OK;
}

static enum smtp_body_ruling on_begin(struct smtp_host *h, const struct smtp_body *b, struct span *text)
{
	struct fuzz_host *f = of(h);
	*text = SPAN("a\r\nb");
	ENSURE(f->mail && f->recipients > 0 && !f->body);
	if (b->has_size && b->size == 13)
		return SMTP_BODY_LATER;
	f->body = true;
	f->size = 0;
	return SMTP_BODY_OK;
}

static enum smtp_body_ruling on_chunk(struct smtp_host *h, struct span b)
{
	struct fuzz_host *f = of(h);
	ENSURE(f->body && b.len > 0);
	f->size += b.len;
	return b.len == 77 ? SMTP_BODY_LATER : SMTP_BODY_OK;
}

static enum smtp_end on_end(struct smtp_host *h, struct span *id, struct span *text)
{
	struct fuzz_host *f = of(h);
	ENSURE(f->body);
	f->body = false;
	*id = SPAN("id");
	*text = SPAN("no");
	enum smtp_end e = (enum smtp_end)(f->size % 7);
	f->kept += e == SMTP_KEPT;
	return e;
}

static enum smtp_end on_recipient(struct smtp_host *h, uint32_t i, struct span *id, struct span *text)
{
	ENSURE(i < of(h)->recipients);
	*id = *text = SPAN("x");
	return (enum smtp_end)(i % 7);
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
	(void)h;
	(void)n;
	(void)detail;
}

static const struct smtp_host_ops ops = {
	.load = on_load, .tls = on_tls, .mechanisms = on_mechanisms, .hello = on_hello,
	.auth_begin = on_auth, .auth_step = on_step, .auth_cancel = on_cancel,
	.mail_from = on_mail, .rcpt_to = on_rcpt, .body_begin = on_begin,
	.body_chunk = on_chunk, .body_end = on_end, .body_recipient = on_recipient,
	.body_abort = on_abort, .reset = on_reset, .note = on_note,
};

static void check_replies(struct span out)
{
	struct span line;
	while (out.len > 0) {
		ENSURE(span_cut(&out, '\n', &line) && span_ends(line, SPAN("\r")));
		ENSURE(line.len >= 5 && (line.ptr[3] == ' ' || line.ptr[3] == '-'));
		for (size_t i = 0; i + 1 < line.len; i++)
			ENSURE(line.ptr[i] >= ' ' && line.ptr[i] < 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 65536)
		return 0;
	struct smtp_settings set = {
		.role = (enum smtp_role)(data[0] % 3), .tls = (enum smtp_tls_mode)(data[0] / 3 % 4),
		.hostname = SPAN("mx.example.test"), .extensions = SMTP_EXT_ALL,
		.limits = SMTP_LIMITS_DEFAULT,
	};
	set.limits.message = 4096;
	struct fuzz_host host = {.host = {&ops}};
	struct script script;
	/* '|' is where the client waits; sixteen such places are enough. */
	struct span rest = span_of(data + 1, size - 1), chunks[16];
	size_t count = 0;
	while (count < 15 && span_cut(&rest, '|', &chunks[count]))
		count++;
	if (count == 15)
		chunks[count] = rest;
	count++;
	script_init(&script, chunks, count);
	script.split = data[0] / 12 % 4;
	struct smtp_session *s = smtp_session_new(&script.stream, &host.host, &set);
	ENSURE(s != NULL);
	enum smtp_next n = smtp_session_greet(s);
	while (n == SMTP_IDLE)
		n = smtp_session_run(s);
	smtp_session_free(s);
	ENSURE(!host.mail && !host.body);
	check_replies(script_output(&script));
	script_free(&script);
	return 0;
}

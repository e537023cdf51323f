/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/smtp/talk: see talk.h. */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"

static struct talk *talk_of(struct smtp_host *h)
{
	return CONTAINER_OF(h, struct talk, host);
}

static enum smtp_load on_load(struct smtp_host *h)
{
	struct talk *t = talk_of(h);
	return t->idles == 0 ? t->load : t->load_later;
}

static void on_tls(struct smtp_host *h, struct smtp_tls_facts *f)
{
	buf_printf(&talk_of(h)->log, "tls ");
	f->version = SPAN("TLSv1.3");
	f->suite = SPAN("TLS_AES_256_GCM_SHA384");
}

static struct span on_mechanisms(struct smtp_host *h)
{
	(void)h;
	return SPAN("PLAIN LOGIN LOOP DOWN SLOW TWISTED");
}

static enum smtp_hello on_hello(struct smtp_host *h, struct span name, bool extended,
				struct span *text)
{
	struct talk *t = talk_of(h);
	*text = span_cstr(t->text);
	ENSURE(name.len < sizeof t->hello_name);
	memcpy(t->hello_name, name.ptr, name.len);
	t->hello_name[name.len] = 0;
	buf_printf(&t->log, extended ? "ehlo " : "helo ");
	return t->hello;
}

static enum smtp_auth on_begin_auth(struct smtp_host *h, struct span m,
				    const struct span *initial, struct span *out)
{
	struct talk *t = talk_of(h);
	buf_printf(&t->log, "auth:%.*s ", SPAN_FMT(m));
	t->steps = 0;
	if (span_eq_nocase(m, SPAN("PLAIN"))) {
		*out = SPAN("");
		if (initial == NULL)
			return SMTP_AUTH_CONTINUE;
		return span_eq(*initial, SPAN("\0u\0right")) ? SMTP_AUTH_OK
							      : SMTP_AUTH_FAILED;
	}
	if (span_eq_nocase(m, SPAN("DOWN")))
		return SMTP_AUTH_UNAVAILABLE;
	if (span_eq_nocase(m, SPAN("SLOW")))
		return SMTP_AUTH_THROTTLED;
	if (span_eq_nocase(m, SPAN("TWISTED")))
		return SMTP_AUTH_MALFORMED;
	*out = SPAN("Username:");
	return SMTP_AUTH_CONTINUE;
}

static enum smtp_auth on_step(struct smtp_host *h, struct span response, struct span *out)
{
	struct talk *t = talk_of(h);
	t->steps++;
	*out = SPAN("Password:");
	if (span_ends(buf_span(&t->log), SPAN("PLAIN ")))
		return span_eq(response, SPAN("\0u\0right")) ? SMTP_AUTH_OK
							     : SMTP_AUTH_FAILED;
	if (span_ends(buf_span(&t->log), SPAN("LOOP ")) || t->steps == 1)
		return SMTP_AUTH_CONTINUE;
	return span_eq(response, SPAN("right")) ? SMTP_AUTH_OK : SMTP_AUTH_FAILED;
}

static void on_cancel(struct smtp_host *h)
{
	buf_printf(&talk_of(h)->log, "cancel ");
}

static void log_path(struct buf *b, const char *what, const struct smtp_path *p)
{
	buf_printf(b, "%s:", what);
	smtp_path_write(p, b);
	buf_addc(b, ' ');
}

static enum smtp_mail_ruling on_mail(struct smtp_host *h, const struct smtp_mail *m,
				     struct span *text)
{
	struct talk *t = talk_of(h);
	struct span local = smtp_path_local(&m->from);
	*text = span_cstr(t->text);
	log_path(&t->log, "mail", &m->from);
	if (m->has_size)
		buf_printf(&t->log, "size=%llu ", (unsigned long long)m->size);
	if (m->body != SMTP_BODY_7BIT)
		buf_printf(&t->log, "body=%d ", m->body);
	if (m->utf8)
		buf_printf(&t->log, "utf8 ");
	if (m->has_auth)
		log_path(&t->log, "auth", &m->auth);
	if (m->requiretls)
		buf_printf(&t->log, "requiretls ");
	if (m->release)
		buf_printf(&t->log, "release=%lld ", (long long)(m->release - TALK_NOW));
	if (m->priority)
		buf_printf(&t->log, "priority=%d ", m->priority);
	if (m->by_mode)
		buf_printf(&t->log, "by=%lld/%u ", (long long)(m->by - TALK_NOW), m->by_mode);
	if (m->ret)
		buf_printf(&t->log, "ret=%d ", m->ret);
	if (m->envid.len)
		buf_printf(&t->log, "envid=%.*s ", SPAN_FMT(m->envid));
	if (span_eq(local, SPAN("notown")))
		return SMTP_MAIL_NOT_OWN;
	if (span_eq(local, SPAN("refused")))
		return SMTP_MAIL_REFUSED;
	if (span_eq(local, SPAN("toobig")))
		return SMTP_MAIL_TOO_BIG;
	if (span_eq(local, SPAN("nospace")))
		return SMTP_MAIL_NO_SPACE;
	if (span_eq(local, SPAN("later")))
		return SMTP_MAIL_LATER;
	return SMTP_MAIL_OK;
}

static enum smtp_rcpt_ruling on_rcpt(struct smtp_host *h, const struct smtp_rcpt *r,
				     struct span *text)
{
	static const struct {
		struct span word;
		enum smtp_rcpt_ruling ruling;
	} words[] = {
		{SPAN_INIT("unknown"), SMTP_RCPT_UNKNOWN},
		{SPAN_INIT("relay"), SMTP_RCPT_RELAY},
		{SPAN_INIT("disabled"), SMTP_RCPT_DISABLED},
		{SPAN_INIT("full"), SMTP_RCPT_OVER_QUOTA},
		{SPAN_INIT("refused"), SMTP_RCPT_REFUSED},
		{SPAN_INIT("later"), SMTP_RCPT_LATER},
		{SPAN_INIT("many"), SMTP_RCPT_TOO_MANY},
	};
	struct talk *t = talk_of(h);
	*text = span_cstr(t->text);
	log_path(&t->log, "rcpt", &r->to);
	if (r->notify)
		buf_printf(&t->log, "notify=%u ", r->notify);
	if (r->orcpt.len)
		buf_printf(&t->log, "orcpt=%.*s ", SPAN_FMT(r->orcpt));
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_eq(smtp_path_local(&r->to), words[i].word))
			return words[i].ruling;
	return SMTP_RCPT_OK;
}

static enum smtp_body_ruling on_begin(struct smtp_host *h, const struct smtp_body *b,
				      struct span *text)
{
	struct talk *t = talk_of(h);
	*text = span_cstr(t->text);
	buf_printf(&t->log, b->chunked ? "begin-bdat " : "begin ");
	buf_clear(&t->body);
	ENSURE(!t->open);
	t->open = t->begin == SMTP_BODY_OK;
	return t->begin;
}

static enum smtp_body_ruling on_chunk(struct smtp_host *h, struct span b)
{
	struct talk *t = talk_of(h);
	ENSURE(t->open && b.len > 0);
	t->chunks++;
	buf_add(&t->body, b);
	return t->chunk;
}

static enum smtp_end on_end(struct smtp_host *h, struct span *id, struct span *text)
{
	struct talk *t = talk_of(h);
	ENSURE(t->open);
	t->open = false;
	buf_printf(&t->log, "end ");
	*id = SPAN("m1");
	*text = span_cstr(t->text);
	if (t->end == SMTP_KEPT)
		t->kept++;
	return t->end;
}

static enum smtp_end on_recipient(struct smtp_host *h, uint32_t index, struct span *id,
				  struct span *text)
{
	struct talk *t = talk_of(h);
	buf_printf(&t->log, "r%u ", index);
	*id = SPAN("m1");
	*text = span_cstr(t->text);
	return t->recipient_end[index & 3];
}

static void on_abort(struct smtp_host *h)
{
	struct talk *t = talk_of(h);
	ENSURE(t->open);
	t->open = false;
	t->aborted++;
	buf_printf(&t->log, "abort ");
}

static void on_reset(struct smtp_host *h)
{
	ENSURE(!talk_of(h)->open);
	buf_printf(&talk_of(h)->log, "reset ");
}

static void on_note(struct smtp_host *h, enum smtp_note n, struct span detail)
{
	(void)detail;
	talk_of(h)->notes[n]++;
}

static int64_t on_now(struct smtp_host *h)
{
	(void)h;
	return TALK_NOW;
}

static const struct smtp_host_ops ops = {
	.now = on_now,
	.load = on_load,
	.tls = on_tls,
	.mechanisms = on_mechanisms,
	.hello = on_hello,
	.auth_begin = on_begin_auth,
	.auth_step = on_step,
	.auth_cancel = on_cancel,
	.mail_from = on_mail,
	.rcpt_to = on_rcpt,
	.body_begin = on_begin,
	.body_chunk = on_chunk,
	.body_end = on_end,
	.body_recipient = on_recipient,
	.body_abort = on_abort,
	.reset = on_reset,
	.note = on_note,
};

void talk_init(struct talk *t, enum smtp_role role, enum smtp_tls_mode tls)
{
	*t = (struct talk){
		.set = {.role = role,
			.tls = tls,
			.hostname = SPAN("mx.example.test"),
			.extensions = SMTP_EXT_ALL,
			.limits = SMTP_LIMITS_DEFAULT},
		.host = {&ops},
	};
	buf_init(&t->log, 1u << 20);
	buf_init(&t->body, 64u << 20);
	buf_init(&t->codes, 1u << 20);
}

void talk_free(struct talk *t)
{
	buf_free(&t->log);
	buf_free(&t->body);
	buf_free(&t->codes);
}

/* "250 2.1.0 text" -> "250/2.1.0"; continuation lines are left out. */
static void find_codes(struct buf *codes, struct span out)
{
	struct span line;
	while (out.len > 0) {
		bool more = span_cut(&out, '\n', &line);
		ENSURE(more && line.len >= 5 && span_ends(line, SPAN("\r")));
		for (size_t i = 0; i + 1 < line.len; i++)
			ENSURE(line.ptr[i] >= 0x20 && line.ptr[i] < 0x7f);
		if (line.ptr[3] == '-')
			continue;
		ENSURE(line.ptr[3] == ' ');
		if (buf_len(codes) > 0)
			buf_addc(codes, ' ');
		buf_add(codes, span_sub(line, 0, 3));
		struct span rest = span_skip(line, 4), word;
		span_cut(&rest, ' ', &word);
		if (word.len >= 5 && ascii_digit(word.ptr[0]) && word.ptr[1] == '.')
			buf_printf(codes, "/%.*s", SPAN_FMT(word));
	}
}

static void reset_found(struct talk *t)
{
	buf_clear(&t->log);
	buf_clear(&t->body);
	buf_clear(&t->codes);
	t->kept = t->aborted = t->chunks = t->steps = t->idles = 0;
	memset(t->notes, 0, sizeof t->notes);
	t->open = t->closed = false;
}

#define CHUNKS 512u

void talk_run(struct talk *t, struct span client, size_t split)
{
	struct span chunks[CHUNKS];
	size_t count = 0;
	bool more = true;
	while (more && !t->keep_separator) {
		ENSURE(count < CHUNKS);
		more = span_cut(&client, '|', &chunks[count++]);
	}
	if (t->keep_separator)
		chunks[count++] = client;
	talk_chunks(t, chunks, count, split);
}

void talk_chunks(struct talk *t, const struct span *chunks, size_t count, size_t split)
{
	reset_found(t);
	script_init(&t->script, chunks, count);
	t->script.split = split;
	t->script.at_end = t->at_end == IO_OK ? IO_EOF : t->at_end;
	struct smtp_session *s = smtp_session_new(&t->script.stream, &t->host, &t->set);
	ENSURE(s != NULL);
	enum smtp_next n = smtp_session_greet(s);
	while (n == SMTP_IDLE) {
		t->idles++;
		ENSURE(t->script.stream.out_len == 0);
		ENSURE(stream_buffered(&t->script.stream).len == 0);
		smtp_session_facts(s, &t->facts);
		n = smtp_session_run(s);
	}
	t->closed = true;
	smtp_session_free(s);
	ENSURE(!t->open);
	find_codes(&t->codes, script_output(&t->script));
}

static void judge(struct talk *t, const char *codes, size_t split, const char *file, int line)
{
	struct span got = buf_span(&t->codes);
	bool same = span_eq(got, span_cstr(codes));
	if (!same)
		fprintf(stderr, "%s:%d (cut %zu)\n  expected %s\n  got      %.*s\n", file, line,
				split, codes, (int)got.len, got.ptr);
	ENSURE(same);
}

void talk_once(struct talk *t, struct span client, const char *codes, const char *file,
	       int line)
{
	talk_run(t, client, 0);
	judge(t, codes, 0, file, line);
	script_free(&t->script);
}

void talk_all(struct talk *t, struct span client, const char *codes, const char *file,
	      int line)
{
	static const size_t cuts[] = {1, 2, 3, 7, 0};
	struct buf log, body, out;
	buf_init(&log, 1u << 20);
	buf_init(&body, 64u << 20);
	buf_init(&out, 64u << 20);
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		talk_run(t, client, cuts[i]);
		judge(t, codes, cuts[i], file, line);
		if (i > 0) {
			ENSURE(span_eq(buf_span(&log), buf_span(&t->log)));
			ENSURE(t->kept == 0 || span_eq(buf_span(&body), buf_span(&t->body)));
			ENSURE(span_eq(buf_span(&out), script_output(&t->script)));
		} else {
			buf_add(&log, buf_span(&t->log));
			buf_add(&body, buf_span(&t->body));
			buf_add(&out, script_output(&t->script));
		}
		script_free(&t->script);
	}
	buf_free(&log);
	buf_free(&body);
	buf_free(&out);
}

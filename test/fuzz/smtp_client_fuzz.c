/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smtp/client: a whole session against a server that says anything.  The first
 * two bytes choose what is sent and how; '|' is where the server waits.  No
 * secret in clear, nobody delivered without an end of data and a reply,
 * nothing after the session is over, clean words.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "script_stream.h"
#include "smtp/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET  "TOPSECRETWORD"
#define ENCODED "VE9QU0VDUkVUV09SRA==" /* of it */
#define BODY    40u

struct fuzz_host {
	struct smtp_client_host host;
	struct smtp_source source;
	char text[BODY];
	struct span body;
	size_t at, piece;
	bool fails;
};

static bool on_mechanism(struct smtp_client_host *h, struct span offered, struct span *choice)
{
	(void)h;
	struct span rest = offered;
	span_cut(&rest, ' ', choice);
	ENSURE(offered.len <= SMTP_CLIENT_MECHANISMS_MAX);
	return true;
}

static enum smtp_client_auth on_respond(struct smtp_client_host *h, const struct span *challenge,
					struct buf *out)
{
	(void)h;
	if (challenge == NULL)
		buf_add(out, SPAN(SECRET));
	else
		buf_add(out, *challenge);
	return challenge && challenge->len % 5 == 4 ? SMTP_CLIENT_ABORT : SMTP_CLIENT_RESPOND;
}

static bool on_accept(struct smtp_client_host *h)
{
	(void)h;
	return true;
}

static const struct smtp_client_host_ops ops = {on_mechanism, on_respond, on_accept};

static enum smtp_pull on_pull(struct smtp_source *s, struct span *b)
{
	struct fuzz_host *f = CONTAINER_OF(s, struct fuzz_host, source);
	*b = span_sub(f->body, f->at, f->piece);
	f->at += b->len;
	if (b->len == 0)
		return f->fails ? SMTP_PULL_FAILED : SMTP_PULL_END;
	return SMTP_PULL_BYTES;
}

static void path(struct smtp_path *p, const char *address)
{
	ENSURE(smtp_address_parse(span_cstr(address), p) == SMTP_PATH_OK);
}

static void judge(const struct smtp_outgoing *out, bool fails)
{
	ENSURE(!(fails && out->sent));
	for (uint32_t i = 0; i < out->count; i++) {
		const struct smtp_outcome *o = &out->to[i].outcome;
		ENSURE(o->fate != SMTP_FATE_DELIVERED || (out->sent && o->code / 100 == 2));
		ENSURE(o->fate != SMTP_FATE_UNKNOWN || out->sent);
		ENSURE(o->fate != SMTP_FATE_LOST || !out->sent);
		ENSURE(o->fate != SMTP_FATE_TEMPORARY || o->code / 100 == 4 || o->code == 552);
		ENSURE(o->fate != SMTP_FATE_PERMANENT || o->code / 100 == 5 || o->cannot);
		for (size_t k = 0; k < o->text.len; k++)
			ENSURE(o->text.ptr[k] >= ' ' && o->text.ptr[k] <= '~');
	}
}

/* Two messages, at most, to three recipients. */
static void deliver(struct smtp_client *c, struct fuzz_host *f, unsigned choice,
		    struct arena *arena)
{
	struct smtp_destination to[3] = {0};
	struct smtp_outgoing out = {.to = to, .count = 3, .source = &f->source, .arena = arena};
	path(&out.mail.from, "a@b.example");
	path(&to[0].rcpt.to, "c@d.example");
	path(&to[1].rcpt.to, "\"e f\"@d.example");
	path(&to[2].rcpt.to, choice & 1 ? "\xc3\xa9@d.example" : "g@d.example");
	out.mail.body = (enum smtp_body_type)(choice / 2 % 3);
	out.requiretls = choice / 6 % 4 == 3;
	out.mail.has_size = true;
	out.mail.size = f->body.len;
	out.mail.ret = SMTP_RET_FULL;
	out.mail.envid = SPAN("e+2B");
	to[0].rcpt.notify = SMTP_NOTIFY_NEVER;
	to[0].rcpt.orcpt = SPAN("rfc822;x");
	for (int i = 0; i < 2; i++) {
		f->at = 0;
		smtp_client_deliver(c, &out);
		judge(&out, f->fails);
	}
}

/* Outside of the message every line of ours ends with CRLF. */
static void check_output(struct script *s, bool secure, bool text_only)
{
	struct span out = script_output(s);
	struct span clear = secure ? SPAN("") : span_sub(out, 0, s->tls ? s->tls_at : SIZE_MAX);
	ENSURE(span_find_span(clear, SPAN("AUTH")) == SIZE_MAX);
	ENSURE(span_find_span(clear, SPAN(ENCODED)) == SIZE_MAX);
	for (size_t i = 0; text_only && i < out.len; i++) {
		ENSURE(out.ptr[i] != '\n' || (i > 0 && out.ptr[i - 1] == '\r'));
		ENSURE(out.ptr[i] != '\r' || i + 1 == out.len || out.ptr[i + 1] == '\n');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 65536)
		return 0;
	unsigned a = data[0], choice = data[1];
	struct smtp_client_settings set = {
		.lmtp = a & 1, .secure = a >> 1 & 1, .hello = SPAN("out.example")};
	struct fuzz_host f = {.host = {&ops}, .source = {on_pull}, .piece = a % 7 + 1,
			      .fails = a / 64 == 3};
	struct span rest = span_of(data + 2, size - 2), chunks[32];
	/* In lower case, so that it holds no command and no secret. */
	f.body = span_of(f.text, span_sub(rest, 0, BODY).len);
	for (size_t i = 0; i < f.body.len; i++)
		f.text[i] = ascii_lower(rest.ptr[i]);
	size_t count = 0;
	while (count < 31 && span_cut(&rest, '|', &chunks[count]))
		count++;
	chunks[count++] = rest;
	struct script script;
	script_init(&script, chunks, count);
	script.split = a / 4 % 4;
	struct arena *arena = arena_new(4096);
	struct smtp_client *c = smtp_client_new(&script.stream, &f.host, &set);
	ENSURE(arena != NULL && c != NULL);
	bool ok = smtp_client_open(c) == SMTP_CLIENT_OK;
	if (ok && (a & 16))
		ok = smtp_client_starttls(c) == SMTP_CLIENT_OK || smtp_client_room(c) > 0;
	if (ok && (a & 32))
		ok = smtp_client_auth(c) == SMTP_CLIENT_OK || smtp_client_room(c) > 0;
	if (ok)
		deliver(c, &f, choice, arena);
	smtp_client_quit(c);
	ENSURE(smtp_client_room(c) == 0);
	check_output(&script, set.secure, choice / 2 % 3 != SMTP_BODY_BINARYMIME);
	smtp_client_free(c);
	arena_free(arena);
	script_free(&script);
	return 0;
}

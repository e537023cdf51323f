/* SPDX-License-Identifier: Apache-2.0 */
/* test/unit/smtp/client_talk: see client_talk.h. */
#include "client_talk.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/ensure.h"

static struct client_talk *talk_of(struct smtp_client_host *h)
{
	return CONTAINER_OF(h, struct client_talk, host);
}

static bool on_mechanism(struct smtp_client_host *h, struct span offered, struct span *choice)
{
	ENSURE(offered.len > 0);
	*choice = span_cstr(talk_of(h)->mechanism);
	return talk_of(h)->mechanism != NULL;
}

static enum smtp_client_auth on_respond(struct smtp_client_host *h, const struct span *challenge,
					struct buf *out)
{
	struct span m = span_cstr(talk_of(h)->mechanism);
	ENSURE(buf_len(out) == 0);
	if (span_eq(m, SPAN("NO")))
		return challenge ? SMTP_CLIENT_ABORT : SMTP_CLIENT_WAIT;
	if (span_eq(m, SPAN("LATE")) && challenge == NULL)
		return SMTP_CLIENT_WAIT;
	if (span_eq(m, SPAN("LATE")))
		buf_printf(out, "late%.*s", SPAN_FMT(*challenge));
	else if (span_eq(m, SPAN("LONG")))
		for (size_t i = 0; i < talk_of(h)->initial; i++)
			buf_addc(out, 'x');
	else if (challenge == NULL)
		buf_add(out, SPAN("\0u\0right"));
	return SMTP_CLIENT_RESPOND;
}

static bool on_accept(struct smtp_client_host *h)
{
	return !span_eq(span_cstr(talk_of(h)->mechanism), SPAN("TWOWAY"));
}

static const struct smtp_client_host_ops ops = {on_mechanism, on_respond, on_accept};

static enum smtp_pull on_pull(struct smtp_source *source, struct span *b)
{
	struct client_talk *t = CONTAINER_OF(source, struct client_talk, source);
	if (t->at >= t->fail_at)
		return SMTP_PULL_FAILED;
	*b = span_sub(t->body, t->at, t->piece ? t->piece : SMTP_CLIENT_PIECE_MAX);
	t->at += b->len;
	return b->len > 0 ? SMTP_PULL_BYTES : SMTP_PULL_END;
}

void client_talk_init(struct client_talk *t)
{
	*t = (struct client_talk){
		.set = {.hello = SPAN("out.example")},
		.body = SPAN("Subject: x\r\n\r\n.hello\r\n"),
		.fail_at = SIZE_MAX,
		.messages = 1,
		.host = {&ops},
		.source = {on_pull},
	};
	t->out.arena = arena_new(1u << 20);
	ENSURE(t->out.arena != NULL);
	buf_init(&t->results, 1u << 20);
	client_talk_from(t, "a@b.example");
}

void client_talk_free(struct client_talk *t)
{
	arena_free(t->out.arena);
	buf_free(&t->results);
}

void client_talk_from(struct client_talk *t, const char *address)
{
	struct span s = span_cstr(address);
	if (s.len == 0)
		t->out.mail.from = (struct smtp_path){.null = true};
	else
		ENSURE(smtp_address_parse(s, &t->out.mail.from) == SMTP_PATH_OK);
}

void client_talk_to(struct client_talk *t, const char *address)
{
	ENSURE(t->out.count < CLIENT_TALK_TO);
	struct smtp_destination *d = &t->to[t->out.count++];
	*d = (struct smtp_destination){0};
	ENSURE(smtp_address_parse(span_cstr(address), &d->rcpt.to) == SMTP_PATH_OK);
}

static bool note(struct client_talk *t, enum smtp_client_result r)
{
	static const char *const words[] = {"ok", "later", "refused", "lost", "protocol",
					    "unoffered", "clear", "gaveup"};
	buf_printf(&t->results, "%s%s", buf_len(&t->results) ? " " : "", words[r]);
	return r == SMTP_CLIENT_OK;
}

static void note_fates(struct client_talk *t)
{
	for (uint32_t i = 0; i < t->out.count; i++) {
		const struct smtp_outcome *o = &t->to[i].outcome;
		buf_printf(&t->results, " %c", "LDTPXUC"[o->fate]);
		if (o->code != 0)
			buf_printf(&t->results, "%u", o->code);
		if (o->cannot != SMTP_CAN)
			buf_printf(&t->results, "!%d", o->cannot);
		ENSURE((o->fate == SMTP_FATE_DELIVERED) <= t->out.sent);
		ENSURE((o->fate == SMTP_FATE_UNKNOWN) <= t->out.sent);
		ENSURE(o->fate != SMTP_FATE_LOST || !t->out.sent);
	}
}

void client_talk_over(struct client_talk *t, struct stream *stream)
{
	t->out.to = t->to;
	t->out.source = &t->source;
	arena_reset(t->out.arena);
	buf_clear(&t->results);
	t->client = smtp_client_new(stream, &t->host, &t->set);
	ENSURE(t->client != NULL);
	bool ok = note(t, smtp_client_open(t->client));
	if (ok && t->starttls)
		ok = note(t, smtp_client_starttls(t->client));
	if (ok && t->auth)
		ok = note(t, smtp_client_auth(t->client));
	for (unsigned i = 0; ok && i < t->messages; i++) {
		t->at = 0;
		smtp_client_deliver(t->client, &t->out);
		note_fates(t);
	}
	smtp_client_quit(t->client);
}

#define CHUNKS 64u

void client_talk_run(struct client_talk *t, struct span server, size_t split)
{
	struct span chunks[CHUNKS];
	size_t count = 0;
	bool more = true;
	while (more) {
		ENSURE(count < CHUNKS);
		more = span_cut(&server, '|', &chunks[count++]);
	}
	script_init(&t->script, chunks, count);
	t->script.split = split;
	t->script.at_end = t->at_end == IO_OK ? IO_EOF : t->at_end;
	client_talk_over(t, &t->script.stream);
}

void client_talk_end(struct client_talk *t)
{
	smtp_client_free(t->client);
	script_free(&t->script);
}

void client_talk_once(struct client_talk *t, struct span server, size_t split,
		      struct span says, const char *results, const char *file, int line)
{
	client_talk_run(t, server, split);
	struct span said = script_output(&t->script), found = buf_span(&t->results);
	bool same = span_eq(said, says) && span_eq(found, span_cstr(results));
	if (!same)
		fprintf(stderr, "%s:%d (cut %zu)\n  expected %s\n  got      %.*s\n  said\n%.*s", file,
			line, split, results, SPAN_FMT(found), SPAN_FMT(said));
	ENSURE(same);
	client_talk_end(t);
}

void client_talk_all(struct client_talk *t, struct span server, struct span says,
		     const char *results, const char *file, int line)
{
	static const size_t cuts[] = {1, 2, 3, 7, 0};
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
		client_talk_once(t, server, cuts[i], says, results, file, line);
}

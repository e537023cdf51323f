/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/local/message: what a client asks, each in a fiber, answered once.
 *
 * Must never answer yes to `end` unless the store has just said yes to the
 * offer, nor give up an offer by a clock of its own.
 */
#include "role/local/local.h"

#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "smtp/path.h"

#define TRACE_MAX 1024u

static uint64_t within(const struct client *c)
{
	return world_now(c->local->role->world) + LOCAL_ASK_NS;
}

/* The session is still known to the store. */
static bool alive(const struct client *c)
{
	return c->session != 0 && c->epoch == c->local->epoch &&
	       c->local->store != NULL;
}

static enum cmd_local_answer answer_of(enum edge_store_answer a)
{
	switch (a) {
	case EDGE_STORE_ANSWER_YES:
		return CMD_LOCAL_ANSWER_YES;
	case EDGE_STORE_ANSWER_UNKNOWN:
		return CMD_LOCAL_ANSWER_UNKNOWN;
	case EDGE_STORE_ANSWER_LATER:
	case EDGE_STORE_ANSWER_OVER_QUOTA:
	case EDGE_STORE_ANSWER_LIMIT:
		return CMD_LOCAL_ANSWER_LATER;
	default:
		return CMD_LOCAL_ANSWER_NO;
	}
}

static struct span reason(enum edge_store_answer a, struct span why)
{
	if (why.len > 0 || a == EDGE_STORE_ANSWER_YES)
		return why;
	switch (a) {
	case EDGE_STORE_ANSWER_UNKNOWN:
		return SPAN("no such address here");
	case EDGE_STORE_ANSWER_OVER_QUOTA:
		return SPAN("the mailbox is full");
	case EDGE_STORE_ANSWER_TOO_BIG:
		return SPAN("the message is too big");
	case EDGE_STORE_ANSWER_LOOP:
		return SPAN("a mail loop");
	case EDGE_STORE_ANSWER_LIMIT:
		return SPAN("too many recipients, or no space");
	case EDGE_STORE_ANSWER_LATER:
		return SPAN("it could not be done now");
	default:
		return SPAN("refused");
	}
}

static void empty(struct client *c)
{
	c->open = false;
	c->count = 0;
	c->staged = c->size = 0;
	buf_clear(&c->rest);
}

void message_forget(struct client *c)
{
	struct edge_store_session_close m = {.session = c->session};
	if (alive(c))
		(void)edge_store_session_close(c->local->store, &m);
	c->session = 0;
}

/* ---- who ------------------------------------------------------------------ */

/* A session of his at the store, whose domain is then known. */
static enum cmd_local_answer session(struct client *c)
{
	struct local *l = c->local;
	struct edge_store_session_open_reply opened;
	struct edge_store_local_reply known;
	if (alive(c))
		return CMD_LOCAL_ANSWER_YES;
	c->session = 0;
	empty(c);
	uint64_t epoch = l->epoch;
	struct edge_store_session_open open = {
		.service = EDGE_STORE_SERVICE_LOCAL, .listener = SPAN("local")};
	if (l->store == NULL ||
	    edge_store_session_open(l->store, &open, c->arena, &opened,
				    within(c)) != IPC_OK ||
	    opened.answer != EDGE_STORE_ANSWER_YES || epoch != l->epoch)
		return CMD_LOCAL_ANSWER_LATER;
	c->session = opened.session;
	c->epoch = epoch;
	struct edge_store_local his = {.session = c->session,
				       .uid = c->uid,
				       .name = span_cstr(c->name)};
	if (edge_store_local(l->store, &his, c->arena, &known, within(c)) !=
	    IPC_OK)
		return CMD_LOCAL_ANSWER_LATER;
	if (known.answer != EDGE_STORE_ANSWER_YES)
		return CMD_LOCAL_ANSWER_NO;
	snprintf(c->domain, sizeof c->domain, "%.*s", SPAN_FMT(known.domain));
	return CMD_LOCAL_ANSWER_YES;
}

void message_who(struct client *c)
{
	struct cmd_local_who_reply rep = {.name = span_cstr(c->name),
					  .any = c->uid == 0};
	if (c->name[0] == '\0') {
		rep.answer = CMD_LOCAL_ANSWER_LATER;
		rep.why = SPAN("this user is not in /etc/passwd, or was not when "
			       "letterlock was started or reloaded last");
	} else {
		rep.answer = session(c);
		rep.domain = span_cstr(c->domain);
		if (rep.answer != CMD_LOCAL_ANSWER_YES)
			rep.why = SPAN("the store does not answer");
	}
	cmd_local_who_answer(c->call, &rep);
}

/* ---- the envelope ------------------------------------------------------------ */

/* The normal form; false: no address. */
static bool normal(struct span address, struct buf *out)
{
	struct smtp_path path;
	if (smtp_address_parse(address, &path) != SMTP_PATH_OK)
		return false;
	smtp_path_write(&path, out);
	return buf_ok(out);
}

static enum edge_store_answer ask_sender(struct client *c, struct span *why)
{
	struct edge_store_sender_reply rep;
	struct edge_store_sender m = {.session = c->session,
				      .address = span_cstr(c->sender)};
	if (edge_store_sender(c->local->store, &m, c->arena, &rep, within(c)) !=
	    IPC_OK)
		return EDGE_STORE_ANSWER_LATER;
	*why = rep.why;
	return rep.answer;
}

void message_begin(struct client *c)
{
	const struct cmd_local_begin *m = c->ask;
	struct cmd_local_begin_reply rep = {.answer = CMD_LOCAL_ANSWER_LATER};
	struct buf from;
	buf_init(&from, LOCAL_ADDRESS_MAX);
	empty(c);
	if (c->domain[0] == '\0' || !alive(c)) {
		rep.why = SPAN("the store does not answer");
	} else if (m->sender.len > 0 && !normal(m->sender, &from)) {
		rep.answer = CMD_LOCAL_ANSWER_NO;
		rep.why = SPAN("the sender is no address");
	} else {
		struct edge_store_reset reset = {.session = c->session};
		(void)edge_store_reset(c->local->store, &reset);
		snprintf(c->sender, sizeof c->sender, "%.*s",
			 SPAN_FMT(buf_span(&from)));
		snprintf(c->envid, sizeof c->envid, "%.*s", SPAN_FMT(m->envid));
		c->ret = m->ret;
		c->eight_bit = m->eight_bit;
		c->utf8 = m->utf8;
		enum edge_store_answer a = ask_sender(c, &rep.why);
		rep.answer = answer_of(a);
		rep.why = reason(a, rep.why);
		c->open = a == EDGE_STORE_ANSWER_YES;
	}
	cmd_local_begin_answer(c->call, &rep);
	buf_free(&from);
}

static enum edge_store_answer ask_recipient(struct client *c, struct span to,
					    uint8_t notify, struct span *why)
{
	struct edge_store_recipient_reply rep;
	struct edge_store_recipient m = {
		.session = c->session, .address = to, .notify = notify};
	if (c->count == LOCAL_RECIPIENTS)
		return EDGE_STORE_ANSWER_LIMIT;
	if (!alive(c) || edge_store_recipient(c->local->store, &m, c->arena,
					      &rep, within(c)) != IPC_OK)
		return EDGE_STORE_ANSWER_LATER;
	*why = rep.why;
	if (rep.answer == EDGE_STORE_ANSWER_YES)
		c->recipients[c->count++] = rep.handle;
	return rep.answer;
}

void message_recipient(struct client *c)
{
	const struct cmd_local_recipient *m = c->ask;
	struct cmd_local_recipient_reply rep = {.answer = CMD_LOCAL_ANSWER_NO};
	struct buf to;
	buf_init(&to, LOCAL_ADDRESS_MAX);
	if (!c->open) {
		rep.why = SPAN("begin first");
	} else if (!normal(m->address, &to)) {
		rep.why = SPAN("no address");
	} else {
		enum edge_store_answer a =
			ask_recipient(c, buf_span(&to), m->notify, &rep.why);
		rep.answer = answer_of(a);
		rep.why = reason(a, rep.why);
	}
	cmd_local_recipient_answer(c->call, &rep);
	buf_free(&to);
}

/* ---- the body ----------------------------------------------------------------- */

static enum edge_store_answer stage(struct client *c)
{
	struct edge_store_stage_reply rep;
	struct edge_store_stage m = {.session = c->session,
				     .staged = c->staged,
				     .piece = buf_span(&c->rest)};
	if (!alive(c) || edge_store_stage(c->local->store, &m, c->arena, &rep,
					  within(c)) != IPC_OK)
		return EDGE_STORE_ANSWER_LATER;
	if (rep.answer == EDGE_STORE_ANSWER_YES) {
		c->staged = rep.staged;
		buf_clear(&c->rest);
	}
	return rep.answer;
}

void message_piece(struct client *c)
{
	const struct cmd_local_piece *m = c->ask;
	enum edge_store_answer a = EDGE_STORE_ANSWER_YES;
	if (!c->open || c->count == 0)
		a = EDGE_STORE_ANSWER_NO;
	else if (m->bytes.len > c->local->conf->limits.message_size - c->size)
		a = EDGE_STORE_ANSWER_TOO_BIG;
	else if (buf_len(&c->rest) > 0)
		a = stage(c);
	if (a == EDGE_STORE_ANSWER_YES) {
		c->size += m->bytes.len;
		buf_add(&c->rest, m->bytes);
		if (!buf_ok(&c->rest))
			a = EDGE_STORE_ANSWER_LATER;
	}
	if (a != EDGE_STORE_ANSWER_YES)
		c->open = false;
	cmd_local_piece_answer(c->call,
			       &(struct cmd_local_piece_reply){
				       .answer = answer_of(a),
				       .why = reason(a, span_of(NULL, 0))});
}

static void write_trace(struct client *c, const char *id, struct buf *b)
{
	buf_printf(b, "Received: by %.*s (from user %s, uid %u)\r\n\tid %s; ",
		   SPAN_FMT(c->local->conf->hostname), c->name, c->uid, id);
	civil_add_rfc5322(b, world_wall(c->local->role->world).sec);
	buf_add(b, SPAN("\r\n"));
}

static enum edge_store_answer offer(struct client *c, const char *id,
				    struct span *why)
{
	struct edge_store_offer_reply rep;
	struct buf trace;
	buf_init(&trace, TRACE_MAX);
	write_trace(c, id, &trace);
	struct edge_store_offer m = {.session = c->session,
				     .id = span_cstr(id),
				     .sender = span_cstr(c->sender),
				     .recipients = c->recipients,
				     .recipients_count = c->count,
				     .envid = span_cstr(c->envid),
				     .ret = c->ret,
				     .eight_bit = c->eight_bit,
				     .utf8 = c->utf8,
				     .trace = buf_span(&trace),
				     .staged = c->staged,
				     .body = buf_span(&c->rest)};
	enum edge_store_answer a = EDGE_STORE_ANSWER_LATER;
	/* Whatever it takes: only the store knows whether it is kept. */
	if (buf_ok(&trace) && alive(c) &&
	    edge_store_offer(c->local->store, &m, c->arena, &rep, IPC_NEVER) ==
		    IPC_OK) {
		a = rep.answer;
		*why = rep.why;
	}
	buf_free(&trace);
	return a;
}

void message_end(struct client *c)
{
	struct local *l = c->local;
	char text[LOCAL_ID + 1];
	uint64_t id = world_random_u64(l->role->world);
	enum edge_store_answer a = EDGE_STORE_ANSWER_NO;
	struct span why = {0};
	snprintf(text, sizeof text, "%016llx", (unsigned long long)id);
	if (c->open && c->count > 0)
		a = offer(c, text, &why);
	bool kept = a == EDGE_STORE_ANSWER_YES;
	l->kept += kept;
	l->refused += !kept;
	LOG(l->role->log, INFO, kept ? "local.kept" : "local.not-kept", id,
	    F_CSTR("user", c->name), F_U64("uid", c->uid),
	    F_CSTR("from", c->sender), F_U64("recipients", c->count),
	    F_U64("size", c->size), F("why", why));
	cmd_local_end_answer(c->call, &(struct cmd_local_end_reply){
					      .answer = answer_of(a),
					      .why = reason(a, why),
					      .id = span_cstr(text)});
	empty(c);
}

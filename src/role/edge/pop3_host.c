/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/edge/pop3_host: POP3 as a protocol of this role; the drop is INBOX.
 *
 * Must never delete but at QUIT, and then exactly what was named.
 */
#include <stdlib.h>

#include "base/check.h"
#include "pop3/host.h"
#include "pop3/session.h"
#include "role/edge/connection.h"

#define BODY_PIECE 61440u
#define RUNS_MAX   4096u /* in one frame */

struct pop3_side {
	struct pop3_host host;
	struct connection *c;
	struct pop3_session *session;
	struct login_mechanism mechanism; /* of AUTH */
};

static struct pop3_side *of(struct pop3_host *h)
{
	return CONTAINER_OF(h, struct pop3_side, host);
}

/* ---- logins ------------------------------------------------------------------ */

static enum pop3_answer login(struct pop3_host *h, struct span user,
			      struct span password)
{
	switch (login_password(of(h)->c, user, password)) {
	case LOGIN_OK:
		return POP3_YES;
	case LOGIN_FAILED:
		return POP3_DENIED;
	default:
		return POP3_UNAVAILABLE;
	}
}

static bool auth_begin(struct pop3_host *h, struct span mechanism)
{
	struct pop3_side *s = of(h);
	return login_begin(s->c, &s->mechanism, mechanism);
}

static enum pop3_auth auth_step(struct pop3_host *h, bool first, struct span in,
				struct arena *arena, struct span *out)
{
	struct pop3_side *s = of(h);
	switch (login_next(s->c, &s->mechanism, first, in, arena, out)) {
	case LOGIN_OK:
		return POP3_AUTH_DONE;
	case LOGIN_MORE:
		return POP3_AUTH_MORE;
	case LOGIN_FAILED:
		return POP3_AUTH_FAILED;
	case LOGIN_LATER:
	case LOGIN_THROTTLED:
		break;
	}
	return POP3_AUTH_UNAVAILABLE;
}

static void auth_cancel(struct pop3_host *h)
{
	login_abandon(of(h)->c);
}

/* ---- the drop ------------------------------------------------------------------ */

static bool add_run(struct arena *arena, struct pop3_drop *d, size_t *cap,
		    uint64_t *messages, struct edge_store_range r)
{
	if (*messages >= POP3_MESSAGES_MAX || r.last < r.first)
		return true;
	uint64_t room = POP3_MESSAGES_MAX - *messages;
	if ((uint64_t)r.last - r.first >= room)
		r.last = r.first + (uint32_t)room - 1;
	*messages += (uint64_t)r.last - r.first + 1;
	if (d->count > 0 && d->runs[d->count - 1].last + 1 == r.first) {
		d->runs[d->count - 1].last = r.last;
		return true;
	}
	if (d->count == *cap) {
		size_t more = *cap * 2 + 64;
		struct pop3_run *runs =
			ARENA_ARRAY(arena, more, struct pop3_run);
		if (runs == NULL)
			return false;
		if (d->count > 0)
			memcpy(runs, d->runs, d->count * sizeof *runs);
		d->runs = runs;
		*cap = more;
	}
	d->runs[d->count++] = (struct pop3_run){r.first, r.last};
	return true;
}

static bool read_runs(struct connection *c, struct arena *arena,
		      struct pop3_drop *d)
{
	struct edge_store_uids m = {
		.session = c->session, .mailbox = d->mailbox, .from = 1};
	size_t cap = 0;
	uint64_t messages = 0;
	do {
		struct edge_store_uids_reply r;
		if (!STORE_ASK(c, uids, &m, connection_scratch(c), &r,
			       edge_within(c->edge, EDGE_READ_NS)) ||
		    r.answer != EDGE_STORE_ANSWER_YES ||
		    (r.next != 0 && r.next <= m.from))
			return false;
		for (size_t i = 0; i < r.ranges_count; i++)
			if (!add_run(arena, d, &cap, &messages, r.ranges[i]))
				return false;
		m.from = r.next;
	} while (m.from != 0);
	return true;
}

static void close_drop(struct pop3_host *h, uint64_t mailbox)
{
	struct connection *c = of(h)->c;
	struct edge_store_deselect m = {.session = c->session,
					.mailbox = mailbox};
	if (store_of(c) != NULL)
		(void)edge_store_deselect(store_of(c), &m);
}

static enum pop3_answer open_drop(struct pop3_host *h, struct arena *arena,
				  struct pop3_drop *out)
{
	struct connection *c = of(h)->c;
	struct edge_store_select m = {.session = c->session,
				      .name = SPAN("INBOX")};
	struct edge_store_select_reply r;
	if (!STORE_ASK(c, select, &m, connection_scratch(c), &r,
		       edge_within(c->edge, EDGE_READ_NS)))
		return POP3_UNAVAILABLE;
	if (r.answer != EDGE_STORE_ANSWER_YES)
		return r.answer == EDGE_STORE_ANSWER_EARLY ? POP3_EARLY
							   : POP3_UNAVAILABLE;
	*out = (struct pop3_drop){.mailbox = r.mailbox,
				  .uid_validity = r.uid_validity,
				  .octets = r.size};
	if (read_runs(c, arena, out))
		return POP3_YES;
	close_drop(h, r.mailbox);
	return POP3_UNAVAILABLE;
}

static enum pop3_answer sizes(struct pop3_host *h, uint64_t mailbox,
			      const uint32_t *uids, size_t count, uint64_t *out)
{
	struct connection *c = of(h)->c;
	size_t done = 0;
	while (done < count) {
		struct edge_store_rows m = {.session = c->session,
					    .mailbox = mailbox,
					    .uids = uids + done,
					    .uids_count = count - done,
					    .summaries = false};
		struct edge_store_rows_reply r;
		if (!STORE_ASK(c, rows, &m, connection_scratch(c), &r,
			       edge_within(c->edge, EDGE_READ_NS)) ||
		    r.answer != EDGE_STORE_ANSWER_YES || r.rows_count == 0 ||
		    r.rows_count > count - done)
			return POP3_UNAVAILABLE;
		for (size_t i = 0; i < r.rows_count; i++)
			out[done + i] =
				r.rows[i].found ? r.rows[i].size : UINT64_MAX;
		done += r.rows_count;
	}
	return POP3_YES;
}

static enum pop3_answer kept_ids(struct pop3_host *h, struct arena *arena, uint64_t mailbox,
				 uint32_t from, uint32_t to, struct pop3_ids *out)
{
	struct connection *c = of(h)->c;
	struct edge_store_kept_ids m = {
		.session = c->session, .mailbox = mailbox, .from = from, .to = to};
	struct edge_store_kept_ids_reply r;
	*out = (struct pop3_ids){0};
	if (!STORE_ASK(c, kept_ids, &m, arena, &r, edge_within(c->edge, EDGE_READ_NS)) ||
	    r.answer != EDGE_STORE_ANSWER_YES)
		return POP3_UNAVAILABLE;
	out->list = ARENA_ARRAY(arena, r.ids_count, struct pop3_id);
	if (out->list == NULL)
		return POP3_UNAVAILABLE;
	for (size_t i = 0; i < r.ids_count; i++)
		out->list[i] = (struct pop3_id){r.ids[i].uid, r.ids[i].id};
	out->count = r.ids_count;
	out->next = r.next > from ? r.next : 0;
	return POP3_YES;
}

static enum pop3_answer body_piece(struct connection *c, uint64_t mailbox,
				   uint32_t uid, uint64_t offset, size_t len,
				   struct arena *arena, struct span *out)
{
	struct edge_store_body m = {.session = c->session,
				    .mailbox = mailbox,
				    .uid = uid,
				    .offset = offset,
				    .length = (uint32_t)size_min(len, BODY_PIECE)};
	struct edge_store_body_reply r;
	if (!STORE_ASK(c, body, &m, arena, &r,
		       edge_within(c->edge, EDGE_READ_NS)))
		return POP3_UNAVAILABLE;
	*out = span_sub(r.bytes, 0, m.length);
	if (r.answer == EDGE_STORE_ANSWER_YES)
		return POP3_YES;
	return r.answer == EDGE_STORE_ANSWER_UNKNOWN ||
			       r.answer == EDGE_STORE_ANSWER_GONE
		       ? POP3_GONE
		       : POP3_UNAVAILABLE;
}

static enum pop3_answer body(struct pop3_host *h, uint64_t mailbox, uint32_t uid,
			     uint64_t offset, size_t len, struct span *out)
{
	struct connection *c = of(h)->c;
	struct arena *arena = connection_scratch(c);
	struct span rest;
	enum pop3_answer a =
		body_piece(c, mailbox, uid, offset, len, arena, out);
	if (a != POP3_YES || len <= BODY_PIECE || out->len < BODY_PIECE)
		return a;
	/* One frame is a little less than one chunk. */
	char *whole = arena_bytes(arena, len);
	if (whole == NULL)
		return POP3_UNAVAILABLE;
	a = body_piece(c, mailbox, uid, offset + out->len, len - out->len, arena,
		       &rest);
	if (a != POP3_YES)
		return a;
	memcpy(whole, out->ptr, out->len);
	if (rest.len > 0)
		memcpy(whole + out->len, rest.ptr, rest.len);
	*out = span_of(whole, out->len + rest.len);
	return POP3_YES;
}

static bool expunge_part(struct connection *c, uint64_t mailbox,
			 const struct pop3_run *runs, size_t count)
{
	struct arena *arena = connection_scratch(c);
	struct edge_store_range *ranges =
		ARENA_ARRAY(arena, count, struct edge_store_range);
	struct edge_store_expunge_reply r;
	if (ranges == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		ranges[i] = (struct edge_store_range){.first = runs[i].first,
						      .last = runs[i].last};
	struct edge_store_expunge m = {.session = c->session,
				       .mailbox = mailbox,
				       .force = true,
				       .uids = ranges,
				       .uids_count = count};
	return STORE_ASK(c, expunge, &m, arena, &r,
			 edge_within(c->edge, EDGE_LONG_NS)) &&
	       r.answer == EDGE_STORE_ANSWER_YES;
}

static enum pop3_answer expunge(struct pop3_host *h, uint64_t mailbox,
				const struct pop3_run *runs, size_t count)
{
	for (size_t at = 0; at < count; at += RUNS_MAX)
		if (!expunge_part(of(h)->c, mailbox, runs + at,
				  size_min(count - at, RUNS_MAX)))
			return POP3_UNAVAILABLE;
	return POP3_YES;
}

/* ---- the protocol ---------------------------------------------------------------- */

static struct pop3_side *side(const struct connection *c)
{
	return c->side;
}

static void set_facts(struct connection *c)
{
	const struct service *v = c->service;
	side(c)->host.facts = (struct pop3_facts){
		.tls = c->secured.on,
		.stls = v->starttls && !c->secured.on,
		.mechanisms = login_mechanisms(c),
		.login_delay = (uint32_t)c->edge->conf->auth.pop3_delay,
		.name = v->hostname,
		.implementation = SPAN("letterlock"),
	};
}

static void close_session(struct connection *c)
{
	struct pop3_side *s = side(c);
	pop3_session_free(s->session);
	free(s);
}

static bool open_session(struct connection *c)
{
	struct pop3_side *s = calloc(1, sizeof *s);
	if (s == NULL)
		return false;
	s->c = c;
	s->host = (struct pop3_host){
		.login = login,
		.auth_begin = auth_begin,
		.auth_step = auth_step,
		.auth_cancel = auth_cancel,
		.open = open_drop,
		.close = close_drop,
		.sizes = sizes,
		.ids = kept_ids,
		.body = body,
		.expunge = expunge,
	};
	s->session = pop3_session_new(&c->stream, &s->host);
	if (s->session == NULL) {
		free(s);
		return false;
	}
	c->side = s;
	set_facts(c);
	return true;
}

static bool greet(struct connection *c)
{
	return pop3_session_greet(side(c)->session) == POP3_IDLE;
}

static bool run(struct connection *c)
{
	set_facts(c);
	return pop3_session_run(side(c)->session) == POP3_IDLE;
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
	return false; /* a drop is as it was at the login */
}

static void farewell(struct connection *c, enum farewell why)
{
	static const char *const words[] = {
		[FAREWELL_TIMEOUT] = "Idle for too long",
		[FAREWELL_SHUTDOWN] = "Server is shutting down",
		[FAREWELL_LOST] = "Please connect again",
	};
	(void)pop3_session_stop(side(c)->session, words[why]);
}

static uint64_t idle_seconds(const struct connection *c)
{
	const struct conf_timeouts *t = &c->service->timeouts;
	return c->bound ? t->pop3_idle : t->login;
}

static enum edge_store_service service(const struct connection *c)
{
	(void)c;
	return EDGE_STORE_SERVICE_POP3;
}

const struct protocol pop3_protocol = {
	.name = "pop3",
	.service = service,
	.auth = EDGE_AUTH_SERVICE_POP3,
	.open = open_session,
	.greet = greet,
	.run = run,
	.hint = hint,
	.idling = idling,
	.farewell = farewell,
	.secured = set_facts,
	.idle_seconds = idle_seconds,
	.close = close_session,
	.too_many = SPAN_INIT("-ERR [SYS/TEMP] No room for another "
			      "connection; try again later\r\n"),
};

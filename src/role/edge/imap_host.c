/* SPDX-License-Identifier: Apache-2.0 */
/* role/edge/imap_host: logins, APPEND, and IMAP as a protocol of this role. */
#include <stdlib.h>

#include "role/edge/imap_side.h"

#define APPEND_NAMES_MAX 16384u
#define APPEND_STALL_NS  (300 * NS_PER_SEC)

enum imap_answer imap_side_answer(enum edge_store_answer a)
{
	switch (a) {
	case EDGE_STORE_ANSWER_YES:
		return IMAP_YES;
	case EDGE_STORE_ANSWER_NO:
	case EDGE_STORE_ANSWER_RELAY_DENIED:
		return IMAP_DENIED;
	case EDGE_STORE_ANSWER_UNKNOWN:
		return IMAP_NONEXISTENT;
	case EDGE_STORE_ANSWER_EXISTS:
		return IMAP_EXISTS;
	case EDGE_STORE_ANSWER_OVER_QUOTA:
		return IMAP_OVERQUOTA;
	case EDGE_STORE_ANSWER_LIMIT:
	case EDGE_STORE_ANSWER_TOO_BIG:
	case EDGE_STORE_ANSWER_LOOP:
		return IMAP_LIMIT;
	case EDGE_STORE_ANSWER_CANNOT:
		return IMAP_CANNOT;
	case EDGE_STORE_ANSWER_CHILDREN:
		return IMAP_HASCHILDREN;
	case EDGE_STORE_ANSWER_GONE:
		return IMAP_GONE;
	case EDGE_STORE_ANSWER_LATER:
	case EDGE_STORE_ANSWER_EARLY: /* POP3 alone */
		break;
	}
	return IMAP_UNAVAILABLE;
}

static int64_t now(struct imap_host *h)
{
	return world_wall(imap_side_of(h)->c->edge->role->world).sec;
}

/* ---- logins ------------------------------------------------------------------ */

static enum imap_answer login(struct imap_host *h, struct span user,
			      struct span password)
{
	switch (login_password(imap_side_of(h)->c, user, password)) {
	case LOGIN_OK:
		return IMAP_YES;
	case LOGIN_FAILED:
		return IMAP_DENIED;
	default:
		return IMAP_UNAVAILABLE;
	}
}

static bool auth_begin(struct imap_host *h, struct span mechanism)
{
	struct imap_side *s = imap_side_of(h);
	return login_begin(s->c, &s->mechanism, mechanism);
}

static enum imap_auth auth_step(struct imap_host *h, bool first, struct span in,
				struct arena *arena, struct span *out)
{
	struct imap_side *s = imap_side_of(h);
	switch (login_next(s->c, &s->mechanism, first, in, arena, out)) {
	case LOGIN_OK:
		return IMAP_AUTH_DONE;
	case LOGIN_MORE:
		return IMAP_AUTH_MORE;
	case LOGIN_FAILED:
		return IMAP_AUTH_FAILED;
	case LOGIN_LATER:
	case LOGIN_THROTTLED:
		break;
	}
	return IMAP_AUTH_UNAVAILABLE;
}

static void auth_cancel(struct imap_host *h)
{
	login_abandon(imap_side_of(h)->c);
}

static void unauthenticate(struct imap_host *h)
{
	connection_unbound(imap_side_of(h)->c);
}

/* ---- APPEND ------------------------------------------------------------------- */

static void append_end_all(struct imap_side *s)
{
	s->c->in_body = false;
	stage_free(&s->stage);
	arena_free(s->names);
	s->names = NULL;
}

static bool copy_keywords(struct imap_side *s, const struct imap_flags *f)
{
	struct span *names =
		ARENA_ARRAY(s->names, f->keyword_count + 1, struct span);
	if (names == NULL)
		return false;
	for (size_t i = 0; i < f->keyword_count; i++)
		if (!arena_copy(s->names, f->keywords[i], &names[i]))
			return false;
	s->append.flags.keywords = names;
	return true;
}

static enum imap_answer append_begin(struct imap_host *h,
				     const struct imap_append *a)
{
	struct imap_side *s = imap_side_of(h);
	struct connection *c = s->c;
	struct edge_store_append_check m = {
		.session = c->session, .name = a->mailbox, .size = a->size,
		.replaces = a->replaces != 0};
	struct edge_store_append_check_reply r;
	enum imap_answer answer = IMAP_ASK(
		c, append_check, &m, connection_scratch(c), &r, EDGE_READ_NS);
	if (answer != IMAP_YES)
		return answer;
	s->append = *a;
	s->names = arena_new(APPEND_NAMES_MAX);
	stage_init(&s->stage);
	if (s->names == NULL ||
	    !arena_copy(s->names, a->mailbox, &s->append.mailbox) ||
	    !copy_keywords(s, &a->flags)) {
		append_end_all(s);
		return IMAP_UNAVAILABLE;
	}
	c->in_body = true;
	return IMAP_YES;
}

static enum imap_answer append_chunk(struct imap_host *h, struct span bytes)
{
	struct imap_side *s = imap_side_of(h);
	/* A long message may take longer than a command, but not stall. */
	s->c->deadline = edge_within(s->c->edge, APPEND_STALL_NS);
	if (store_of(s->c) == NULL)
		return IMAP_UNAVAILABLE;
	return imap_side_answer(stage_add(s->c, &s->stage, bytes));
}

/* What is staged and what waits at the store. */
static void forget_all(struct imap_side *s)
{
	struct edge_store_reset m = {.session = s->c->session};
	if (store_of(s->c) != NULL)
		(void)edge_store_reset(store_of(s->c), &m);
	s->held = false;
}

static enum imap_answer append_send(struct imap_host *h, bool hold,
				    struct edge_store_append_reply *r)
{
	struct imap_side *s = imap_side_of(h);
	struct connection *c = s->c;
	enum imap_answer a = imap_side_answer(stage_finish(c, &s->stage));
	struct edge_store_append m = {
		.session = c->session,
		.name = s->append.mailbox,
		.flags = (uint8_t)s->append.flags.system,
		.keywords = s->append.flags.keywords,
		.keywords_count = s->append.flags.keyword_count,
		.dated = s->append.dated,
		.date = s->append.internal_date,
		.staged = s->stage.staged,
		.body = buf_span(&s->stage.rest),
		.hold = hold,
		.mailbox = imap_session_mailbox(s->session),
		.replaces = s->append.replaces,
	};
	/* Whatever it takes: only the store knows whether it is kept. */
	if (a == IMAP_YES)
		a = STORE_ASK(c, append, &m, connection_scratch(c), r,
			      IPC_NEVER)
			    ? imap_side_answer(r->answer)
			    : IMAP_UNAVAILABLE;
	s->held = hold;
	if (a != IMAP_YES)
		forget_all(s);
	append_end_all(s);
	return a;
}

static enum imap_answer append_hold(struct imap_host *h)
{
	struct edge_store_append_reply r;
	return append_send(h, true, &r);
}

static enum imap_answer append_end(struct imap_host *h, struct imap_kept *out)
{
	struct edge_store_append_reply r;
	enum imap_answer a = append_send(h, false, &r);
	if (a == IMAP_YES)
		*out = (struct imap_kept){.uid_validity = r.uid_validity,
					  .uid = r.uid};
	return a;
}

static void append_abort(struct imap_host *h)
{
	struct imap_side *s = imap_side_of(h);
	if (s->stage.staged != 0 || s->held)
		forget_all(s);
	append_end_all(s);
}

/* ---- the protocol ---------------------------------------------------------------- */

static struct imap_side *side(const struct connection *c)
{
	return c->side;
}

static void set_facts(struct connection *c)
{
	struct imap_side *s = side(c);
	const struct service *v = c->service;
	s->host.facts = (struct imap_facts){
		.tls = c->secured.on,
		.starttls = v->starttls && !c->secured.on,
		.mechanisms = login_mechanisms(c),
		.name = v->hostname,
		.append_max = v->limits.message_size,
	};
}

static void close_session(struct connection *c)
{
	struct imap_side *s = side(c);
	imap_session_free(s->session);
	append_end_all(s);
	imap_ahead_free(s);
	free(s);
}

static bool open_session(struct connection *c)
{
	struct imap_side *s = calloc(1, sizeof *s);
	if (s == NULL)
		return false;
	s->c = c;
	s->host.now = now;
	s->host.login = login;
	s->host.auth_begin = auth_begin;
	s->host.auth_step = auth_step;
	s->host.auth_cancel = auth_cancel;
	s->host.unauthenticate = unauthenticate;
	s->host.append_begin = append_begin;
	s->host.append_chunk = append_chunk;
	s->host.append_hold = append_hold;
	s->host.append_end = append_end;
	s->host.append_abort = append_abort;
	imap_names_ops(&s->host);
	imap_read_ops(&s->host);
	imap_ahead_ops(&s->host);
	imap_change_ops(&s->host);
	imap_rights_ops(&s->host);
	s->session = imap_session_new(&c->stream, &s->host);
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
	return imap_session_greet(side(c)->session) == IMAP_IDLE;
}

static bool run(struct connection *c)
{
	set_facts(c);
	return imap_session_run(side(c)->session) == IMAP_IDLE;
}

#define NEWS_MAX 32u /* entries of a list; more are asked for */

static bool hint(struct connection *c, const struct edge_store_hint *h)
{
	struct imap_left gone[NEWS_MAX];
	struct imap_flagged flags[NEWS_MAX];
	struct imap_news n = {.gone = gone, .flags = flags};
	if (h == NULL || h->gone_count > NEWS_MAX || h->flags_count > NEWS_MAX)
		return imap_session_hint(side(c)->session, NULL) == IMAP_IDLE;
	n.mailbox = h->mailbox;
	n.since = h->since;
	n.version = h->version;
	n.uid_next = h->uid_next;
	n.exists = h->exists;
	for (; n.gone_count < h->gone_count; n.gone_count++) {
		const struct edge_store_left *l = &h->gone[n.gone_count];
		gone[n.gone_count] = (struct imap_left){
			.run = {.first = l->first, .last = l->last},
			.rank = l->rank};
	}
	for (; n.flag_count < h->flags_count; n.flag_count++) {
		const struct edge_store_flagged *f = &h->flags[n.flag_count];
		flags[n.flag_count] = (struct imap_flagged){
			.slot = {.uid = f->uid,
				 .flags = f->flags,
				 .modseq = f->modseq},
			.rank = f->rank};
	}
	return imap_session_hint(side(c)->session, &n) == IMAP_IDLE;
}

static bool idling(const struct connection *c)
{
	return c->side != NULL && imap_session_listens(side(c)->session);
}

static void farewell(struct connection *c, enum farewell why)
{
	static const char *const words[] = {
		[FAREWELL_TIMEOUT] = "Idle for too long",
		[FAREWELL_SHUTDOWN] = "Server is shutting down",
		[FAREWELL_LOST] = "Please connect again",
	};
	(void)imap_session_stop(side(c)->session, words[why]);
}

static uint64_t idle_seconds(const struct connection *c)
{
	const struct conf_timeouts *t = &c->service->timeouts;
	return c->bound ? t->imap_idle : t->login;
}

static enum edge_store_service service(const struct connection *c)
{
	(void)c;
	return EDGE_STORE_SERVICE_IMAP;
}

const struct protocol imap_protocol = {
	.name = "imap",
	.service = service,
	.auth = EDGE_AUTH_SERVICE_IMAP,
	.open = open_session,
	.greet = greet,
	.run = run,
	.hint = hint,
	.idling = idling,
	.farewell = farewell,
	.secured = set_facts,
	.idle_seconds = idle_seconds,
	.close = close_session,
	.too_many = SPAN_INIT("* BYE [UNAVAILABLE] No room for another "
			      "connection; try again later\r\n"),
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/courier/deliver: the message over open sessions, one host after the
 * other, until every recipient has its end or nobody is left to ask.
 *
 * Must never: offer a recipient to a second host after the first one may have
 * taken the message.
 */
#include "base/check.h"
#include "base/ensure.h"
#include "os/addr.h"
#include "role/courier/visit.h"
#include "route/verdict.h"

#define TEXT_MAX 1024u

/* What is not settled, side by side for the client. */
struct round {
	struct job *job;
	struct smtp_destination *to;
	size_t *which; /* of the job's recipients */
	size_t count;
};

static bool round_begin(struct round *r, struct job *j)
{
	*r = (struct round){.job = j};
	r->to = ARENA_ARRAY(j->arena, j->count, struct smtp_destination);
	r->which = ARENA_ARRAY(j->arena, j->count, size_t);
	return r->to != NULL && r->which != NULL;
}

static void gather(struct round *r)
{
	struct job *j = r->job;
	r->count = 0;
	for (size_t i = 0; i < j->count; i++) {
		if (j->carried[i].settled)
			continue;
		r->to[r->count] = (struct smtp_destination){.rcpt = j->to[i].rcpt};
		r->which[r->count++] = i;
	}
}

static void keep_outcome(struct round *r, struct line *l, size_t k, bool last)
{
	static const enum courier_store_fate fates[] = {
		[ROUTE_DELIVERED] = COURIER_STORE_FATE_DELIVERED,
		[ROUTE_DEFERRED] = COURIER_STORE_FATE_DEFERRED,
		[ROUTE_FAILED] = COURIER_STORE_FATE_FAILED};
	struct job *j = r->job;
	const struct smtp_outcome *o = &r->to[k].outcome;
	struct carried *c = &j->carried[r->which[k]];
	char status[ROUTE_STATUS_MAX];
	struct span text = o->text.len > 0 ? o->text : route_words(o);
	if (o->cannot == SMTP_CANNOT_8BIT && j->stays_wide.len > 0)
		text = arena_printf(j->arena, "%.*s; it is not converted, because %.*s",
				    SPAN_FMT(text), SPAN_FMT(j->stays_wide));
	c->outcome.fate = fates[route_fate(o)];
	c->outcome.code = o->code;
	if (!arena_copy(j->arena, route_status(o, status), &c->outcome.status))
		c->outcome.status = SPAN("4.3.0");
	c->outcome.text = span_sub(text, 0, TEXT_MAX);
	if (o->code == 0 || !arena_copy(j->arena, span_cstr(l->host),
					&c->outcome.host))
		c->outcome.host = SPAN("");
	c->settled = last || !route_asks_next(o);
	c->handed = o->fate == SMTP_FATE_DELIVERED &&
		    (smtp_client_offer(l->client)->extensions & SMTP_OFFER_DSN) != 0;
	j->slow |= route_slow(o->code, o->stage);
}

static void count_delivery(struct job *j, struct line *l, const struct round *r)
{
	struct courier_counts *n = &j->courier->counts;
	uint64_t delivered = 0;
	for (size_t k = 0; k < r->count; k++)
		delivered += r->to[k].outcome.fate == SMTP_FATE_DELIVERED;
	if (delivered == 0)
		return;
	if (!smtp_client_secure(l->client))
		n->clear += delivered;
	else
		n->levels[l->level] += delivered;
}

static void tell_transaction(const struct job *j, const struct line *l,
			     const struct smtp_outgoing *out)
{
	char text[ADDR_TEXT_MAX];
	TELL(&j->story, "carry.said", F_CSTR("host", l->host),
	     F("address", addr_format_port(&l->peer, text)),
	     F_U64("recipients", out->count),
	     F_CSTR("tls", smtp_client_secure(l->client) ? "yes" : "no"),
	     F_CSTR("level", policy_level_text(l->level)),
	     F_CSTR("by", policy_by_text(l->by)),
	     F_U64("mended", out->mended_cr + out->mended_lf + out->mended_end));
}

/*
 * The host takes seven bits alone: the message is turned, where it can be.  What it
 * is then is no affair of SIZE, which is an estimate (RFC 1870 6.1).  False: whether
 * it can be is not known now.
 */
static bool narrow_it(struct job *j, const struct line *l, struct smtp_outgoing *out)
{
	uint32_t offers = smtp_client_offer(l->client)->extensions;
	if (out->mail.body != SMTP_BODY_8BITMIME || out->mail.utf8 ||
	    (offers & SMTP_OFFER_8BITMIME) != 0)
		return true;
	struct smtp_source *s = narrow_source(j, &j->stays_wide);
	if (s == NULL)
		return j->stays_wide.len > 0;
	out->source = s;
	out->mail.body = SMTP_BODY_7BIT;
	out->mail.has_size = false;
	return true;
}

static void leave(struct round *r, size_t from)
{
	for (size_t k = from; k < r->count; k++)
		r->to[k].outcome = (struct smtp_outcome){.fate = SMTP_FATE_LEFT};
}

static void transact(struct round *r, struct line *l, size_t from)
{
	struct job *j = r->job;
	const struct courier_store_lease_reply *m = j->lease;
	struct smtp_outgoing out = {
		.mail = {.from = j->from,
			 .has_size = true,
			 .size = letter_size(j->letter),
			 .body = m->eight_bit ? SMTP_BODY_8BITMIME
					      : SMTP_BODY_7BIT,
			 .utf8 = m->utf8,
			 .ret = (enum smtp_ret)(m->ret <= SMTP_RET_HDRS ? m->ret
									: 0),
			 .envid = m->envid,
			 .priority = (int8_t)m->priority,
			 .by_mode = m->by_mode},
		.by_left = m->by - world_wall(j->courier->role->world).sec,
		.requiretls = m->requiretls,
		.to = r->to + from,
		.count = (uint32_t)(r->count - from),
		.source = letter_source(j->letter),
		.arena = j->arena};
	if (!narrow_it(j, l, &out)) {
		leave(r, from);
		return;
	}
	smtp_client_deliver(l->client, &out);
	l->carried++;
	tell_transaction(j, l, &out);
}

/* All that the session takes of what is not settled; one that names a limit of
 * recipients gets the message several times.  Without the store that leased it nothing
 * is handed over: the next one gives it to somebody else, or did. */
static void hand_over(struct round *r, struct line *l, bool last)
{
	size_t from = 0;
	gather(r);
	while (from < r->count && smtp_client_room(l->client) > 0 &&
	       job_store(r->job) != NULL) {
		size_t room = smtp_client_room(l->client);
		transact(r, l, from);
		from += size_min(room, r->count - from);
	}
	leave(r, from);
	for (size_t k = 0; k < r->count; k++)
		keep_outcome(r, l, k, last);
	count_delivery(r->job, l, r);
}

/* ---- connections that stay ------------------------------------------------- */

/*
 * For what a connection may be used again: the same rule with a host of its
 * own, or the same domain; and the same wishes of the sender, since those
 * decide on the protection.
 */
static struct span key_of(struct job *j, char out[LINE_KEY_MAX])
{
	const struct conf_destination *rule =
		courier_rule(j->courier, j->lease->destination);
	bool fixed = rule != NULL && rule->host.len > 0;
	struct span name = fixed ? rule->name : j->lease->destination;
	if (name.len + 2 > LINE_KEY_MAX)
		return SPAN("");
	out[0] = fixed ? 'r' : 'd';
	out[1] = (char)('0' + j->lease->requiretls + 2 * j->lease->tls_optional);
	for (size_t i = 0; i < name.len; i++)
		out[2 + i] = ascii_lower(name.ptr[i]);
	return span_of(out, name.len + 2);
}

static void part(struct job *j, struct line *l)
{
	char room[LINE_KEY_MAX];
	struct span key = key_of(j, room);
	if (key.len > 0)
		line_keep(l, key);
	else
		line_end(l);
}

/* A server that closed while nobody looked is no answer: the others are asked
 * as if it had not been there. */
bool visit_again(struct job *j)
{
	char room[LINE_KEY_MAX];
	struct span key = key_of(j, room);
	struct line *l = key.len > 0 ? line_take(j->courier, key) : NULL;
	struct round r;
	if (l == NULL)
		return false;
	if (!round_begin(&r, j)) {
		line_end(l);
		return false;
	}
	j->spoke = true;
	hand_over(&r, l, false);
	part(j, l);
	return true;
}

/* ---- one host after the other ---------------------------------------------- */

struct tour {
	struct job *job;
	const struct way *way;
	struct round round;
	struct verdict last; /* of the last host that was not spoken to */
	size_t tried, kept_from; /* hosts; those that TLS kept us from */
	size_t missed;		 /* could not be spoken to */
	bool loop;		 /* the last one is this server */
};

static struct visit visit_of(const struct tour *t, size_t i)
{
	struct job *j = t->job;
	return (struct visit){
		.courier = j->courier,
		.arena = j->arena,
		.story = &j->story,
		.way = t->way,
		.host = i,
		/* Who sends a report for that gets one for it. */
		.uncounted = courier_tlsrpt_ours(j->courier->tlsrpt,
						 j->lease->sender)};
}

/* The decision forbids it. */
static void pass_over(const struct tour *t, size_t i)
{
	const struct policy_target *target = &t->way->decision.targets[i];
	struct visit v = visit_of(t, i);
	/* By a rule of ours nobody failed, and no session was there either. */
	if (target->failure != POLICY_FAILURE_NONE)
		visit_count(&v, NULL, target->failure, target->why);
	TELL(&t->job->story, "carry.passed-over", F("host", target->host),
	     F("text", target->why));
}

static void try_host(struct tour *t, size_t i)
{
	struct job *j = t->job;
	struct visit v = visit_of(t, i);
	struct line *l = visit_open(&v);
	t->tried++;
	j->spoke |= v.spoke && !v.security;
	j->slow |= v.slow;
	t->kept_from += v.security;
	t->loop = v.loop;
	if (l == NULL) {
		/* Behind others that may come back it is no end. */
		if (!v.loop || t->tried == 1)
			t->last = v.verdict;
		t->missed++;
		return;
	}
	hand_over(&t->round, l, false);
	part(j, l);
}

/* What one host cannot carry is no failure while another one was not asked. */
static bool has_words(const struct tour *t, const struct carried *c)
{
	return c->outcome.status.len > 0 &&
	       (c->outcome.fate != COURIER_STORE_FATE_FAILED || t->missed == 0);
}

/* What was tried and not settled has the words of the last host that had some. */
static void close_tour(struct tour *t)
{
	struct job *j = t->job;
	for (size_t i = 0; i < j->count; i++)
		if (has_words(t, &j->carried[i]))
			j->carried[i].settled = true;
	if (t->last.text.len > 0 && j->trouble.len == 0)
		j->trouble = t->last.text;
	if (carry_done(j))
		return;
	if (t->last.status == NULL)
		t->last = (struct verdict){.status = "4.4.1",
					   .text = SPAN("no host could be spoken "
							"to")};
	if (t->kept_from == t->tried &&
	    t->way->decision.exhausted == POLICY_BOUNCE)
		t->last.failed = true;
	carry_verdict(j, &t->last);
}

void visit_all(struct job *j, const struct way *w)
{
	struct tour t = {.job = j, .way = w};
	if (!round_begin(&t.round, j)) {
		carry_verdict(j, &(struct verdict){
					 .status = "4.3.0",
					 .text = SPAN("memory is short")});
		return;
	}
	for (size_t i = 0; i < j->count; i++)
		if (!j->carried[i].settled) /* words of a connection that had gone */
			j->carried[i].outcome.status = SPAN("");
	for (size_t i = 0; i < w->in.host_count && !carry_done(j) && !t.loop; i++) {
		const struct policy_target *target = &w->decision.targets[i];
		if (fiber_stopped(fiber_self(j->courier->role->loop)) ||
		    job_store(j) == NULL)
			break;
		if (target->allowed)
			try_host(&t, i);
		else
			pass_over(&t, i);
	}
	close_tour(&t);
}

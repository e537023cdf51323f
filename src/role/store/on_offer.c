/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_offer: a message arrives; yes means that it is durable.
 *
 * Each offer is a fiber of its own, so that what arrives while a group is
 * written becomes the next one.  Recipients are resolved again here: what was
 * true at RCPT may have changed.
 */
#include "role/store/offer.h"

#include "box/change.h"
#include "role/store/readdress.h"

#define PREFIX_MAX    6144u
#define RELEASE_MAX_S (31 * 86400)

/* ---- recipients ------------------------------------------------------------- */

static bool same_target(const struct target *t,
			const struct directory_target *d)
{
	return t->account == d->account &&
	       (d->account != 0 || span_eq_nocase(t->address, d->address));
}

static bool add_target(struct offer *o, const struct directory_target *d,
		       const struct recipient *r)
{
	for (size_t i = 0; i < o->count; i++)
		if (same_target(&o->targets[i], d))
			return true;
	if (o->count == o->cap) {
		size_t cap = o->cap ? o->cap * 4 : 4;
		struct target *more =
			ARENA_ARRAY(o->job->arena, cap, struct target);
		if (more == NULL || o->count >= SPOOL_RECIPIENTS_MAX)
			return false;
		if (o->count > 0)
			memcpy(more, o->targets, o->count * sizeof *more);
		o->targets = more;
		o->cap = cap;
	}
	struct target *t = &o->targets[o->count];
	*t = (struct target){.account = d->account, .recipient = r};
	/* The directory's memory may move while we wait. */
	if (!arena_copy(o->job->arena, d->address, &t->address))
		return false;
	o->count++;
	return true;
}

static enum edge_store_answer resolve_one(struct offer *o, uint64_t handle,
					  struct span *why)
{
	struct store *s = o->job->store;
	struct directory_resolved d;
	const struct recipient *r =
		transaction_recipient(o->transaction, handle);
	if (r == NULL) {
		s->count.violations++;
		return EDGE_STORE_ANSWER_NO;
	}
	if (r->returning && o->ask->sender.len > 0) {
		*why = SPAN("Only bounces go back the way of a forwarded "
			    "message");
		return EDGE_STORE_ANSWER_NO;
	}
	if (!directory_resolve(s->directory, o->job->arena, r->address, &d))
		return EDGE_STORE_ANSWER_LATER;
	if (d.answer == DIRECTORY_UNKNOWN)
		return EDGE_STORE_ANSWER_UNKNOWN;
	if (d.answer == DIRECTORY_LOOP)
		return EDGE_STORE_ANSWER_LOOP;
	if (d.answer == DIRECTORY_REMOTE && !r->returning &&
	    !offer_submitted(o))
		return EDGE_STORE_ANSWER_RELAY_DENIED;
	for (size_t i = 0; i < d.count; i++)
		if (!add_target(o, &d.targets[i], r))
			return EDGE_STORE_ANSWER_LIMIT;
	return EDGE_STORE_ANSWER_YES;
}

static enum edge_store_answer resolve(struct offer *o, struct span *why)
{
	const struct edge_store_offer *m = o->ask;
	enum edge_store_answer a = EDGE_STORE_ANSWER_YES;
	o->transaction = transaction_take(o->job->session);
	if (o->transaction == NULL || m->recipients_count == 0 ||
	    !header_ok(m->trace)) {
		o->job->store->count.violations++;
		return EDGE_STORE_ANSWER_NO;
	}
	for (size_t i = 0; i < m->recipients_count; i++) {
		a = resolve_one(o, m->recipients[i], why);
		if (a != EDGE_STORE_ANSWER_YES)
			break;
	}
	/* An alias of nobody is nobody. */
	if (a == EDGE_STORE_ANSWER_YES && o->count == 0)
		a = EDGE_STORE_ANSWER_UNKNOWN;
	return a;
}

/* ---- understanding ------------------------------------------------------------ */

static bool loops(const struct offer *o)
{
	const struct understood *u = &o->seen;
	if (u->received > o->job->store->conf->hops)
		return true;
	for (size_t i = 0; i < u->delivered_count; i++)
		for (size_t k = 0; k < o->count; k++)
			if (o->targets[k].account != 0 &&
			    span_eq_nocase(u->delivered_to[i],
					   o->targets[k].address))
				return true;
	return false;
}

/* May this login be the author?  NO comes with a reason. */
static enum edge_store_answer authors_judge(const struct offer *o,
					    struct span *why)
{
	const struct understood *u = &o->seen;
	const struct session *ss = o->job->session;
	enum directory_leave may = DIRECTORY_MAY;
	*why = SPAN("The header is too long to be put right");
	if (u->too_much)
		return EDGE_STORE_ANSWER_NO;
	*why = SPAN("A message needs exactly one From field with an address");
	if (u->from_fields != 1 || u->author_count == 0)
		return EDGE_STORE_ANSWER_NO;
	*why = SPAN("This login may not use that From address");
	for (size_t i = 0; i < u->author_count && may == DIRECTORY_MAY; i++)
		may = readdress_may_send_as(ss, u->authors[i]);
	if (may == DIRECTORY_MAY && o->ask->sender.len > 0) {
		*why = SPAN("This login may not use that sender address");
		may = readdress_may_send_as(ss, o->ask->sender);
	}
	if (may == DIRECTORY_MAY_NOT)
		return EDGE_STORE_ANSWER_NO;
	*why = span_of(NULL, 0);
	return may == DIRECTORY_MAY ? EDGE_STORE_ANSWER_YES
				    : EDGE_STORE_ANSWER_LATER;
}

bool offer_submitted(const struct offer *o)
{
	return session_submits(o->job->session);
}

/* A sender whom nobody proved is told nothing (dsn/rule). */
bool offer_confirms(const struct offer *o, const struct target *t)
{
	return t->account != 0 &&
	       (t->recipient->notify & NOTIFY_SUCCESS) != 0 &&
	       o->ask->sender.len > 0 && offer_submitted(o);
}

static void ask_sorter(struct offer *o)
{
	struct store *s = o->job->store;
	struct question q = {.purpose = STORE_SORTER_PURPOSE_ARRIVE,
			     .pool = KIND_SORTER_MX,
			     .id = o->ask->id};
	if (offer_submitted(o)) {
		const struct session *ss = o->job->session;
		const struct directory_account *a =
			directory_account(s->directory, ss->account);
		q.purpose = STORE_SORTER_PURPOSE_SUBMIT;
		q.pool = KIND_SORTER_ACCESS;
		if (ss->is_local)
			q.login = ss->address;
		else if (a == NULL ||
			 !arena_copy(o->job->arena, a->name, &q.login)) {
			o->seen = (struct understood){.later = true};
			return;
		}
	}
	understand(o->job, &q, &o->body, &o->seen);
}

static enum edge_store_answer understood(struct offer *o, struct span *why)
{
	ask_sorter(o);
	if (o->seen.later)
		return EDGE_STORE_ANSWER_LATER;
	if (offer_submitted(o) && o->seen.opaque && !o->seen.too_much)
		return EDGE_STORE_ANSWER_LATER;
	if (loops(o)) {
		o->job->store->count.loops++;
		return EDGE_STORE_ANSWER_LOOP;
	}
	if (!offer_submitted(o))
		return EDGE_STORE_ANSWER_YES;
	enum edge_store_answer a = authors_judge(o, why);
	if (a != EDGE_STORE_ANSWER_YES)
		return a;
	return body_edit(o->job, &o->body, o->seen.prefix, o->seen.cuts,
			 o->seen.cut_count);
}

/* ---- keeping ------------------------------------------------------------------- */

static void add_address(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		buf_addc(b, c < ' ' || c == 127 ? '?' : (char)c);
	}
}

struct span offer_prefix(struct arena *a, const struct span *sender,
			 const struct span *delivered_to, struct span trace)
{
	struct buf b;
	struct span out = {0};
	buf_init(&b, PREFIX_MAX);
	if (sender != NULL) {
		buf_add(&b, SPAN("Return-Path: <"));
		add_address(&b, *sender);
		buf_add(&b, SPAN(">\r\n"));
	}
	if (delivered_to != NULL) {
		buf_add(&b, SPAN("Delivered-To: "));
		add_address(&b, *delivered_to);
		buf_add(&b, SPAN("\r\n"));
	}
	buf_add(&b, trace);
	if (!buf_ok(&b) || !arena_copy(a, buf_span(&b), &out))
		out = span_of(NULL, 0);
	buf_free(&b);
	return out;
}

/* Nobody waits for this any more: do not keep what will be sent again. */
static bool abandoned(const struct offer *o)
{
	return ipc_call_is_late(o->job->call) || o->job->session->peer == NULL;
}

static bool goes_direct(const struct offer *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->targets[i].account == 0 ||
		    offer_confirms(o, &o->targets[i]))
			return false;
	return o->count <= DIRECT_MOST && o->release == 0;
}

static enum edge_store_answer keep(struct offer *o)
{
	enum edge_store_answer a = EDGE_STORE_ANSWER_LATER;
	if (!abandoned(o))
		a = body_settle(o->job, &o->body);
	if (a != EDGE_STORE_ANSWER_YES)
		return a;
	return goes_direct(o) ? offer_direct(o) : offer_custody(o);
}

static void tell(struct offer *o, enum edge_store_answer a, struct span why)
{
	struct store *s = o->job->store;
	uint64_t us = (world_now(s->role->world) - o->began) / 1000;
	if (a == EDGE_STORE_ANSWER_YES)
		LOG(s->role->log, INFO, "message.kept", log_id(o->ask->id),
		    F("from", o->ask->sender), F("to", o->targets[0].address),
		    F_U64("recipients", o->count), F_U64("size", o->body.size),
		    F_U64("us", us));
	else
		LOG(s->role->log, INFO, "message.not_kept",
		    log_id(o->ask->id), F("from", o->ask->sender),
		    F_U64("answer", (uint64_t)a), F("why", why),
		    F_U64("size", o->body.size), F_U64("us", us));
}

static uint16_t code_of(enum edge_store_answer a)
{
	switch (a) {
	case EDGE_STORE_ANSWER_YES:
		return 250;
	case EDGE_STORE_ANSWER_NO:
	case EDGE_STORE_ANSWER_UNKNOWN:
	case EDGE_STORE_ANSWER_RELAY_DENIED:
		return 550;
	case EDGE_STORE_ANSWER_OVER_QUOTA:
	case EDGE_STORE_ANSWER_TOO_BIG:
		return 552;
	case EDGE_STORE_ANSWER_LOOP:
		return 554;
	case EDGE_STORE_ANSWER_LIMIT:
		return 452;
	default:
		return 451;
	}
}

/* Of submissions alone, and not for longer than edges announce. */
static int64_t release_of(const struct offer *o)
{
	int64_t now = world_wall(o->job->store->role->world).sec;
	int64_t at = o->ask->release;
	if (!offer_submitted(o) || at <= now)
		return 0;
	return at < now + RELEASE_MAX_S ? at : now + RELEASE_MAX_S;
}

/* From here on the sender is what becomes of the one that was named. */
static enum edge_store_answer take_sender(struct offer *o,
					  struct edge_store_offer *with)
{
	*with = *o->ask;
	o->ask = with;
	return readdress_sender(o->job->session, o->job->arena, with->sender,
				&with->sender)
		       ? EDGE_STORE_ANSWER_YES
		       : EDGE_STORE_ANSWER_LATER;
}

static void run_offer(struct job *j)
{
	struct edge_store_offer ask;
	struct offer o = {.job = j,
			  .ask = j->ask,
			  .body = {.store = j->store, .blob = -1},
			  .began = world_now(j->store->role->world)};
	struct span why = {0};
	enum edge_store_answer a = resolve(&o, &why);
	o.release = release_of(&o);
	if (a == EDGE_STORE_ANSWER_YES)
		a = body_collect(j, o.ask->staged, o.ask->body, &o.body);
	if (a == EDGE_STORE_ANSWER_YES)
		a = understood(&o, &why);
	if (a == EDGE_STORE_ANSWER_YES)
		a = take_sender(&o, &ask);
	if (a == EDGE_STORE_ANSWER_YES)
		a = keep(&o);
	tell(&o, a, why);
	if (a != EDGE_STORE_ANSWER_YES)
		j->store->count.refused++;
	edge_store_offer_answer(j->call, &(struct edge_store_offer_reply){
						 .answer = a,
						 .why = why,
						 .code = code_of(a)});
	body_drop(&o.body);
	transaction_free(o.transaction);
}

void on_offer(void *ctx, struct ipc_call *call,
	      const struct edge_store_offer *m)
{
	struct peer *p = ctx;
	struct session *ss = session_sends(p, m->session);
	if (ss == NULL || (ss->service != EDGE_STORE_SERVICE_MX &&
			   !session_submits(ss))) {
		edge_store_offer_answer(call, &(struct edge_store_offer_reply){
						      .answer = EDGE_STORE_ANSWER_NO,
						      .code = 550});
		return;
	}
	p->store->count.offered++;
	job_start(p->store, call, m, ss, run_offer);
}

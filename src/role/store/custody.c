/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/custody: mail that one commit cannot deliver.
 *
 * It goes into the queue, and that is what is answered for.  Then the local
 * recipients are moved into their mailboxes, each under a token that names this
 * delivery for ever: a crash between the mailbox and the queue finds the token and
 * does not deliver twice.  What cannot be delivered now is tried again; remote
 * recipients wait for a courier, and so do those in mailboxes of whom the sender
 * wants to hear that they are there.
 */
#include <stdlib.h>

#include "base/check.h"
#include "role/store/deliver.h"
#include "role/store/forward.h"
#include "role/store/queue.h"
#include "summary/order.h"
#include "spool/facts.h"

#define MOVERS_MAX    8u
#define MOVE_AT_ONCE  16u /* recipients of one job */
#define LOOK_NS	      (5 * NS_PER_SEC)
#define AGAIN_S	      60

/* A job of the spool that has local recipients left, as far as we know. */
struct move {
	struct list link; /* in waiting */
	struct spool_id id;
	uint64_t at; /* not before */
};

/* ---- accepting -------------------------------------------------------------- */

static struct span id_key(const struct spool_id *id)
{
	return span_of(id->byte, sizeof id->byte);
}

static int8_t priority_of(const struct edge_store_offer *m)
{
	int8_t p = (int8_t)m->priority;
	if (p > SPOOL_PRIORITY_MOST)
		return SPOOL_PRIORITY_MOST;
	return p < -SPOOL_PRIORITY_MOST ? -SPOOL_PRIORITY_MOST : p;
}

/* Of what is due at the same time: what is urgent, what is not. */
static enum spool_priority class_of(const struct offer *o)
{
	int8_t p = offer_submitted(o) ? priority_of(o->ask) : 0;
	if (p > 0)
		return SPOOL_FIRST;
	return p < 0 || o->ask->sender.len == 0 ? SPOOL_LAST : SPOOL_NORMAL;
}

/* Of submissions alone. */
static uint8_t by_mode_of(const struct offer *o)
{
	unsigned way = o->ask->by_mode & (SPOOL_BY_RETURN | SPOOL_BY_NOTIFY);
	if (!offer_submitted(o) ||
	    (way != SPOOL_BY_RETURN && way != SPOOL_BY_NOTIFY))
		return 0;
	return o->ask->by_mode & (uint8_t)(way | SPOOL_BY_TRACE);
}

/*
 * A deadline ends the job, or is when the sender hears that it is late, whatever
 * the configuration says of either.
 */
static void keep_deadline(const struct offer *o, struct spool_job *job)
{
	uint8_t mode = by_mode_of(o);
	if ((mode & SPOOL_BY_RETURN) != 0 && o->ask->by < job->expires)
		job->expires = o->ask->by;
	if ((mode & SPOOL_BY_NOTIFY) != 0 && job->sender.len > 0)
		job->warns = o->ask->by;
}

static struct span facts_of(const struct offer *o, struct span sender)
{
	const struct edge_store_offer *m = o->ask;
	struct spool_facts f = {
		.id = m->id,
		.helo = m->helo,
		.envid = m->envid,
		.ret = m->ret,
		.eight_bit = m->eight_bit,
		.utf8 = m->utf8,
		.account = o->job->session->account,
		.local = o->job->session->is_local,
		.requiretls = m->requiretls,
		.tls_optional = o->seen.tls_optional && !m->requiretls,
		.priority = offer_submitted(o) ? priority_of(m) : 0,
		.by_mode = by_mode_of(o),
		.by = by_mode_of(o) != 0 ? m->by : 0,
		.original = span_eq(sender, m->sender) ? span_of(NULL, 0)
						       : m->sender};
	struct buf b;
	struct span out = {0};
	buf_init(&b, SPOOL_FACTS_MAX);
	if (!spool_facts_write(&f, &b) ||
	    !arena_copy(o->job->arena, buf_span(&b), &out))
		out = span_of(NULL, 0);
	buf_free(&b);
	return out;
}

/*
 * The sender hears of the address that he named, once: who is behind an alias is
 * not his.
 */
static void confirm(const struct offer *o, size_t i, struct spool_recipient *r)
{
	const struct target *t = &o->targets[i];
	/* 0 would be the default, not nothing. */
	r->notify = r->notify == NOTIFY_SUCCESS ? NOTIFY_NEVER
						: r->notify & ~NOTIFY_SUCCESS;
	if (!offer_confirms(o, t))
		return;
	for (size_t k = 0; k < i; k++)
		if (o->targets[k].account != 0 &&
		    o->targets[k].recipient == t->recipient)
			return;
	r->notify = t->recipient->notify;
	r->address = t->recipient->address;
}

static bool fill(struct offer *o, struct spool_recipient *out)
{
	struct arena *a = o->job->arena;
	int64_t now = world_wall(o->job->store->role->world).sec;
	for (size_t i = 0; i < o->count; i++) {
		const struct target *t = &o->targets[i];
		bool local = t->account != 0;
		out[i] = (struct spool_recipient){
			.n = (uint32_t)i,
			.state = local ? SPOOL_LOCAL : SPOOL_REMOTE,
			.address = t->address,
			.original = t->recipient->original,
			.notify = t->recipient->notify,
			.account = t->account,
			.next = o->release != 0 ? o->release : now,
			.prefix = local ? offer_prefix(a, &o->ask->sender,
						       &t->address,
						       o->ask->trace)
					: o->ask->trace};
		if (local && out[i].prefix.len == 0)
			return false;
		if (local)
			confirm(o, i, &out[i]);
	}
	return true;
}

static enum edge_store_answer of_spool(enum spool_result r)
{
	if (r == SPOOL_OK)
		return EDGE_STORE_ANSWER_YES;
	return r == SPOOL_FULL || r == SPOOL_LIMIT ? EDGE_STORE_ANSWER_LIMIT
						   : EDGE_STORE_ANSWER_LATER;
}

/* Under the job's id the trail leads to the message's, which all others have. */
static void tell_name(const struct offer *o, const struct spool_id *id)
{
	char text[SPOOL_ID_TEXT];
	spool_id_text(id, text);
	LOG(o->job->store->role->log, INFO, "queue.taken",
	    log_id(span_of(text, 16)), F("message", o->ask->id),
	    F_CSTR("job", text));
}

static bool any_local(const struct offer *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->targets[i].account != 0)
			return true;
	return false;
}

enum edge_store_answer offer_custody(struct offer *o)
{
	struct store *s = o->job->store;
	struct arena *a = o->job->arena;
	int64_t now = world_wall(s->role->world).sec;
	struct spool_accept *q = ARENA_NEW(a, struct spool_accept);
	struct spool_recipient *list =
		ARENA_ARRAY(a, o->count, struct spool_recipient);
	struct span facts, sender;
	enum edge_store_answer may = forward_sender(o, &sender);
	if (may != EDGE_STORE_ANSWER_YES)
		return may;
	facts = facts_of(o, sender);
	if (q == NULL || list == NULL || facts.len == 0 || !fill(o, list))
		return EDGE_STORE_ANSWER_LATER;
	*q = (struct spool_accept){
		.job = {.id = spool_name(s->spool),
			.sender = sender,
			.facts = facts,
			.body = o->body.name,
			.body_size = o->body.size,
			.body_crc = o->body.crc,
			.summary = o->seen.summary,
			.accepted = now,
			.priority = class_of(o)},
		.bytes = o->body.kept ? span_of(NULL, 0) : o->body.bytes,
		.recipients = list,
		.count = o->count};
	queue_times(s, &q->job, o->release != 0 ? o->release : now);
	keep_deadline(o, &q->job);
	enum spool_result r = job_spool(
		o->job, spool_accept(s->spool, q, spool_gate, job_gate(o->job)));
	s->count.kept_spool += r == SPOOL_OK;
	/* Not known: it may stand in the queue, and nobody else would look. */
	if (any_local(o) && (r == SPOOL_OK || r == SPOOL_UNAVAILABLE))
		custody_kick(s, &q->job.id);
	if (r == SPOOL_OK)
		tell_name(o, &q->job.id);
	return of_spool(r);
}

/* ---- moving local recipients ---------------------------------------------------- */

struct move_one {
	struct spool_recipient to;
	struct delivery delivery;
};

static void begin_delivery(struct job *j, const struct spool_job *job,
			   struct move_one *m)
{
	struct spool_token token = spool_token(&job->id, m->to.n);
	struct delivery *d = &m->delivery;
	d->message = (struct box_new){.prefix = m->to.prefix,
				      .body = job->body,
				      .kept = true,
				      .body_size = job->body_size,
				      .body_crc = job->body_crc,
				      .date = job->accepted,
				      .summary = job->summary,
				      .order = summary_order_of(job->summary),
				      .flags = m->to.flags};
	d->insert = (struct box_insert){.custody = true};
	memcpy(d->insert.token.byte, token.byte, sizeof token.byte);
	delivery_begin(j, m->to.account, d);
}

static struct spool_verdict verdict(struct store *s, const struct move_one *m)
{
	const struct delivery *d = &m->delivery;
	int64_t now = world_wall(s->role->world).sec;
	if (d->result == BOX_OK) {
		bool tell = (m->to.notify & NOTIFY_SUCCESS) != 0;
		s->count.delivered++;
		return (struct spool_verdict){
			.n = m->to.n,
			.state = tell ? SPOOL_REMOTE : SPOOL_DONE,
			.next = now,
			.marks = tell ? SPOOL_DELIVERED : 0,
			.attempted = true};
	}
	const char *why = d->why != NULL ? d->why : box_result_name(d->result);
	s->count.undelivered++;
	/* The first time, the second, the fourth ... */
	if ((m->to.attempts & (m->to.attempts - 1)) == 0 || d->gone)
		LOG(s->role->log, WARNING, "custody.not_delivered", 0,
		    F("to", m->to.address), F_CSTR("why", why),
		    F_U64("attempts", m->to.attempts + 1));
	/* Accepted is accepted: a person decides what nobody can have. */
	return (struct spool_verdict){
		.n = m->to.n,
		.state = d->gone ? SPOOL_HELD : SPOOL_LOCAL,
		.next = now + AGAIN_S,
		.attempted = true,
		.reason = span_cstr(why)};
}

/* Some recipients in one go; true: all of them are settled now. */
static bool move_some(struct job *j, const struct spool_job *job,
		      struct move_one *list, size_t count)
{
	struct spool_verdict verdicts[MOVE_AT_ONCE];
	struct spool_settle q = {
		.id = job->id, .verdicts = verdicts, .count = count};
	bool all = true;
	for (size_t i = 0; i < count; i++)
		begin_delivery(j, job, &list[i]);
	for (size_t i = 0; i < count; i++) {
		delivery_end(j, &list[i].delivery);
		verdicts[i] = verdict(j->store, &list[i]);
		all &= verdicts[i].state != SPOOL_LOCAL;
	}
	enum spool_result r = job_spool(
		j, spool_settle(j->store->spool, &q, spool_gate, job_gate(j)));
	return all && (r == SPOOL_OK || r == SPOOL_STALE || r == SPOOL_NONE);
}

/* True: nothing local is left of this job; else look again after *wait seconds. */
static bool move_job(struct job *j, const struct spool_id *id, uint64_t *wait)
{
	struct spool *sp = j->store->spool;
	struct spool_job job;
	enum spool_result r = spool_job(sp, id, j->arena, &job);
	struct move_one *list =
		ARENA_ARRAY(j->arena, MOVE_AT_ONCE, struct move_one);
	int64_t now = world_wall(j->store->role->world).sec;
	bool all = true;
	size_t count = 0;
	if (r != SPOOL_OK && r != SPOOL_NONE)
		LOG(j->store->role->log, WARNING, "custody.unread", 0,
		    F_CSTR("why", spool_result_name(r)));
	if (r != SPOOL_OK || list == NULL)
		return r == SPOOL_NONE;
	for (uint32_t n = 0; n < job.recipients; n++) {
		struct move_one *m = &list[count];
		*m = (struct move_one){0};
		r = spool_recipient(sp, id, n, j->arena, &m->to);
		all &= r == SPOOL_OK;
		if (r == SPOOL_OK && m->to.state == SPOOL_LOCAL &&
		    m->to.attempts == 0 && m->to.next > now) {
			*wait = u64_min(*wait, (uint64_t)(m->to.next - now));
			all = false; /* it is to be held until then */
		} else if (r == SPOOL_OK && m->to.state == SPOOL_LOCAL) {
			count++;
		}
		if (count == MOVE_AT_ONCE) {
			all &= move_some(j, &job, list, count);
			count = 0;
		}
	}
	if (count > 0)
		all &= move_some(j, &job, list, count);
	return all;
}

/* ---- who works on what ------------------------------------------------------------ */

static void forget(struct store *s, struct move *m)
{
	map_remove(s->moving, id_key(&m->id));
	list_remove(&m->link);
	free(m);
}

static struct move *next_move(struct store *s)
{
	uint64_t now = world_now(s->role->world);
	LIST_EACH(&s->waiting, l) {
		struct move *m = CONTAINER_OF(l, struct move, link);
		if (m->at <= now) {
			list_remove(&m->link);
			return m;
		}
	}
	return NULL;
}

/* Those who wait for an answer come first; `look` goes on when it is over. */
static bool busy(const struct store *s)
{
	return s->load.level >= EDGE_STORE_LEVEL_BUSY;
}

static void run_mover(struct job *j)
{
	struct store *s = j->store;
	struct move *m;
	while (!s->closing && !s->draining && !busy(s) &&
	       (m = next_move(s)) != NULL) {
		uint64_t wait = AGAIN_S;
		if (move_job(j, &m->id, &wait)) {
			forget(s, m);
		} else {
			m->at = world_now(s->role->world) +
				wait * NS_PER_SEC;
			list_push_back(&s->waiting, &m->link);
		}
		arena_reset(j->arena);
	}
	s->movers--;
}

static void more_movers(struct store *s)
{
	if (s->closing || busy(s) || s->movers >= MOVERS_MAX || list_empty(&s->waiting))
		return;
	if (job_background(s, run_mover, NULL))
		s->movers++;
}

static bool add(struct store *s, const struct spool_id *id)
{
	if (map_get(s->moving, id_key(id)) != NULL)
		return true;
	struct move *m = calloc(1, sizeof *m);
	if (m == NULL)
		return false;
	m->id = *id;
	if (!map_put(s->moving, id_key(&m->id), m)) {
		free(m);
		return false;
	}
	list_push_back(&s->waiting, &m->link);
	return true;
}

void custody_kick(struct store *s, const struct spool_id *id)
{
	if (!add(s, id)) {
		s->unlisted = true; /* look finds it in the spool */
		LOG(s->role->log, WARNING, "custody.waits", 0,
		    F_CSTR("why", "memory is short"));
	}
	more_movers(s);
}

static bool found(void *arg, const struct spool_due *due, struct span name)
{
	struct store *s = arg;
	(void)name;
	bool known = add(s, &due->id);
	s->unlisted |= !known;
	return known;
}

bool custody_find(struct store *s, unsigned partition)
{
	enum spool_result r = spool_locals(s->spool, partition, found, s);
	if (r != SPOOL_OK)
		LOG(s->role->log, ERROR, "custody.unread", 0,
		    F_CSTR("why", spool_result_name(r)));
	more_movers(s);
	return r == SPOOL_OK;
}

static void look(struct timer *t)
{
	struct store *s = t->arg;
	more_movers(s);
	(void)!timer_start(s->role->loop, &s->look,
			   loop_now(s->role->loop) + LOOK_NS, look, s);
}

void custody_begin(struct store *s)
{
	s->look.arg = s;
	look(&s->look);
}

void custody_end(struct store *s)
{
	timer_stop(&s->look);
	LIST_EACH(&s->waiting, l)
		forget(s, CONTAINER_OF(l, struct move, link));
}

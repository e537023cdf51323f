/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_courier: leases, the bytes of what was leased, and what became of
 * it.
 *
 * Must never: answer yes to a settle before it is durable; let one channel touch
 * what another one leased; lose a lease without its recipients being due again.
 */
#include <stdlib.h>

#include "base/check.h"
#include "role/store/queue.h"
#include "spool/facts.h"

#define BODY_MAX 61440u
#define LOOKS	 64u /* of one ask, before others have their turn */

enum courier_store_answer queue_answer(enum spool_result r)
{
	switch (r) {
	case SPOOL_OK:
		return COURIER_STORE_ANSWER_YES;
	case SPOOL_NONE:
		return COURIER_STORE_ANSWER_NONE;
	case SPOOL_STALE:
		return COURIER_STORE_ANSWER_STALE;
	case SPOOL_LIMIT:
		return COURIER_STORE_ANSWER_LIMIT;
	default:
		return COURIER_STORE_ANSWER_LATER;
	}
}

/* ---- asks ----------------------------------------------------------------------- */

/* A courier that wants a lease: in the list, or in the hands of a fiber. */
struct queue_ask {
	struct list link;
	struct peer *peer;
	struct ipc_call *call;
	const struct courier_store_lease *ask;
};

static void answer_ask(struct queue_ask *a, enum courier_store_answer answer)
{
	courier_store_lease_answer(a->call, &(struct courier_store_lease_reply){
						    .answer = answer});
	free(a);
}

static void run_give(struct job *j);

bool queue_give(struct store *s)
{
	struct list *l = list_pop_front(&s->queue.asks);
	if (l == NULL)
		return false;
	struct queue_ask *a = CONTAINER_OF(l, struct queue_ask, link);
	s->queue.waiting--;
	if (job_background(s, run_give, a)) {
		s->queue.giving++;
		return true;
	}
	list_push_front(&s->queue.asks, l);
	s->queue.waiting++;
	return false;
}

static void wait_on(struct store *s, struct queue_ask *a)
{
	list_push_back(&s->queue.asks, &a->link);
	s->queue.waiting++;
}

static void on_lease(void *ctx, struct ipc_call *call,
		     const struct courier_store_lease *m)
{
	struct peer *p = ctx;
	struct store *s = p->store;
	struct queue_ask *a = calloc(1, sizeof *a);
	if (a == NULL || s->queue.waiting >= QUEUE_ASKS) {
		free(a);
		ipc_refuse(call, IPC_BUSY);
		return;
	}
	*a = (struct queue_ask){.peer = p, .call = call, .ask = m};
	ipc_keep(call);
	if (m->only) {
		list_push_front(&s->queue.asks, &a->link);
		s->queue.waiting++;
		if (!queue_give(s)) {
			list_remove(&a->link);
			s->queue.waiting--;
			answer_ask(a, COURIER_STORE_ANSWER_NONE);
		}
		return;
	}
	wait_on(s, a);
	queue_kick(s);
}

/* ---- giving ----------------------------------------------------------------------- */

static bool take_epoch(struct job *j, struct lease *l)
{
	struct store *s = j->store;
	struct spool_lease q = {.partition = lease_job(l)->byte[0],
				.owner = s->queue.owner};
	if (lease_epoch(s->queue.carry, l) != 0)
		return true;
	/* `until` has passed at once: nobody else has the engine, and who
	 * comes after us need not wait. */
	enum spool_result r = job_spool(
		j, spool_lease(s->spool, &q, spool_gate, job_gate(j)));
	return r == SPOOL_OK;
}

static bool fetch(struct job *j, const struct lease *l, uint64_t at,
		  size_t len, struct buf *out)
{
	uint64_t size = lease_size(l);
	struct span near = lease_bytes(l);
	if (at >= size || len == 0)
		return true;
	if (near.len > 0) {
		buf_add(out, span_sub(near, (size_t)at, len));
		return buf_ok(out);
	}
	len = (size_t)u64_min(len, size - at);
	return job_kv(j, kv_body_fetch(j->store->kv, lease_body(l), at, len,
				       out, kv_gate, job_gate(j))) == KV_OK &&
	       buf_len(out) == len;
}

static bool tell_recipients(struct job *j, const struct carried *w,
			    struct courier_store_lease_reply *r)
{
	struct courier_store_recipient *list = ARENA_ARRAY(
		j->arena, w->count, struct courier_store_recipient);
	if (list == NULL)
		return false;
	for (size_t i = 0; i < w->count; i++) {
		const struct spool_recipient *to = &w->recipients[i];
		list[i] = (struct courier_store_recipient){
			.n = to->n,
			.address = to->address,
			.original = span_sub(to->original, 0, 500),
			.notify = (uint8_t)to->notify,
			.attempts = to->attempts,
			.last = to->last,
			.reason = to->reason};
	}
	r->recipients = list;
	r->recipients_count = w->count;
	/* What a mailbox got tells whose it is; a report needs none of it. */
	if (w->work != CARRY_DELIVERED)
		r->prefix = w->recipients[0].prefix;
	return true;
}

static bool tell_job(struct job *j, const struct carried *w,
		     struct courier_store_lease_reply *r)
{
	static const enum courier_store_work works[] = {
		[CARRY_MAIL] = COURIER_STORE_WORK_CARRY,
		[CARRY_DELAY] = COURIER_STORE_WORK_DELAY,
		[CARRY_EXPIRED] = COURIER_STORE_WORK_EXPIRED,
		[CARRY_DELIVERED] = COURIER_STORE_WORK_DELIVERED};
	char *id = arena_bytes(j->arena, SPOOL_ID_TEXT);
	struct spool_facts f = {0};
	if (id == NULL)
		return false;
	spool_id_text(&w->job.id, id);
	if (!spool_facts_read(w->job.facts, &f))
		f = (struct spool_facts){.eight_bit = true};
	*r = (struct courier_store_lease_reply){
		.answer = COURIER_STORE_ANSWER_YES,
		.lease = lease_number(w->lease),
		.work = works[w->work],
		.job = span_cstr(id),
		.id = span_sub(f.id, 0, 32),
		.destination = w->destination,
		.sender = w->job.sender,
		.envid = f.envid,
		.ret = f.ret,
		.eight_bit = f.eight_bit,
		.utf8 = f.utf8,
		.requiretls = f.requiretls,
		.tls_optional = f.tls_optional,
		.proven = f.account != 0 || f.local,
		.priority = (uint8_t)f.priority,
		.by_mode = f.by_mode,
		.by = f.by,
		.accepted = w->job.accepted,
		.expires = w->job.expires,
		.size = w->job.body_size};
	return tell_recipients(j, w, r);
}

/* False: it could not be given; the recipients are due as before. */
static bool give(struct job *j, struct queue_ask *a, const struct carried *w)
{
	struct store *s = j->store;
	struct carry *c = s->queue.carry;
	struct courier_store_lease_reply r;
	struct buf body;
	buf_init(&body, QUEUE_BODY);
	lease_hold(w->lease);
	bool ok = take_epoch(j, w->lease) && tell_job(j, w, &r) &&
		  fetch(j, w->lease, 0, QUEUE_BODY, &body);
	bool lives = lease_release(c, w->lease, now_wall(s));
	if (lives && ok && ipc_call_channel(a->call) != NULL) {
		r.body = buf_span(&body);
		ok = courier_store_lease_answer(a->call, &r);
		buf_free(&body);
		if (!ok)
			carry_end(c, w->lease, SCHEDULE_UNKNOWN, false,
				  now_wall(s), 0);
		free(a);
		return true;
	}
	buf_free(&body);
	if (lives)
		carry_end(c, w->lease, SCHEDULE_UNKNOWN, false, now_wall(s), 0);
	return false;
}

static enum spool_result take(struct job *j, struct queue_ask *a,
			      struct carried *w)
{
	struct store *s = j->store;
	struct carry_ask ask = {.owner = a->peer,
				.prefer = a->ask->prefer,
				.only = a->ask->only,
				.now = now_wall(s)};
	enum spool_result r = SPOOL_NONE;
	for (unsigned i = 0; i < LOOKS; i++) {
		if (s->load.level >= EDGE_STORE_LEVEL_BUSY || s->draining ||
		    s->closing || ipc_call_channel(a->call) == NULL)
			return SPOOL_NONE;
		r = carry_take(s->queue.carry, &ask, j->arena, w);
		if (r != SPOOL_STALE)
			break;
		arena_reset(j->arena);
		fiber_yield(s->role->loop);
	}
	return r;
}

static void run_give(struct job *j)
{
	struct queue_ask *a = (struct queue_ask *)(uintptr_t)j->ask;
	struct store *s = j->store;
	struct carried w;
	enum spool_result r = take(j, a, &w);
	s->queue.giving--;
	if (r == SPOOL_OK)
		queue_kick(s); /* others may have something to do, too */
	if (r == SPOOL_OK && give(j, a, &w))
		return;
	if (ipc_call_channel(a->call) == NULL || ipc_call_is_late(a->call) ||
	    a->ask->only)
		answer_ask(a, COURIER_STORE_ANSWER_NONE);
	else
		wait_on(s, a);
	queue_rest(s, r == SPOOL_OK || r == SPOOL_UNAVAILABLE);
}

void queue_left(struct peer *p)
{
	struct store *s = p->store;
	LIST_EACH (&s->queue.asks, l) {
		struct queue_ask *a = CONTAINER_OF(l, struct queue_ask, link);
		if (a->peer != p)
			continue;
		list_remove(l);
		s->queue.waiting--;
		answer_ask(a, COURIER_STORE_ANSWER_NONE);
	}
	if (s->queue.carry != NULL)
		carry_drop(s->queue.carry, p, now_wall(s));
	queue_kick(s);
}

/* ---- body ------------------------------------------------------------------------- */

/* The lease that a request names, held; NULL: none of this channel. */
struct lease *queue_lease(struct job *j, uint64_t number)
{
	struct store *s = j->store;
	struct ipc *c = ipc_call_channel(j->call);
	for (size_t i = 0; c != NULL && i < STORE_PEERS_MAX; i++) {
		struct peer *p = &s->peers[i];
		if (p->channel != c)
			continue;
		struct lease *l = carry_find(s->queue.carry, number, p);
		if (l != NULL)
			lease_hold(l);
		return l;
	}
	return NULL;
}

static void run_body(struct job *j)
{
	const struct courier_store_body *m = j->ask;
	struct courier_store_body_reply r = {
		.answer = COURIER_STORE_ANSWER_STALE};
	struct lease *l = queue_lease(j, m->lease);
	struct buf out;
	buf_init(&out, BODY_MAX);
	if (l != NULL) {
		bool ok = fetch(j, l, m->offset,
				size_min(m->length, BODY_MAX), &out);
		r.answer = ok ? COURIER_STORE_ANSWER_YES
			      : COURIER_STORE_ANSWER_LATER;
		(void)!lease_release(j->store->queue.carry, l,
				     now_wall(j->store));
	}
	if (r.answer == COURIER_STORE_ANSWER_YES)
		r.bytes = buf_span(&out);
	courier_store_body_answer(j->call, &r);
	buf_free(&out);
}

static void on_leased_body(void *ctx, struct ipc_call *call,
		    const struct courier_store_body *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_body);
}

static void run_structure(struct job *j)
{
	const struct courier_store_structure *m = j->ask;
	struct courier_store_structure_reply r = {
		.answer = COURIER_STORE_ANSWER_STALE};
	struct lease *l = queue_lease(j, m->lease);
	struct spool_job job;
	if (l != NULL) {
		bool ok = spool_job(j->store->spool, lease_job(l), j->arena,
				    &job) == SPOOL_OK;
		r.answer = ok ? COURIER_STORE_ANSWER_YES
			      : COURIER_STORE_ANSWER_LATER;
		(void)!lease_release(j->store->queue.carry, l,
				     now_wall(j->store));
	}
	if (r.answer == COURIER_STORE_ANSWER_YES &&
	    job.summary.len <= STORE_FRAME_BODY)
		r.summary = job.summary;
	courier_store_structure_answer(j->call, &r);
}

static void on_structure(void *ctx, struct ipc_call *call,
			 const struct courier_store_structure *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_structure);
}

/* ---- settle ----------------------------------------------------------------------- */

static int64_t again_at(struct job *j, const struct spool_id *id, uint32_t n)
{
	struct store *s = j->store;
	struct schedule_rules rules = queue_rules(s);
	struct spool_recipient rc;
	enum spool_result r = spool_recipient(s->spool, id, n, j->arena, &rc);
	return now_wall(s) +
	       schedule_wait(&rules, r == SPOOL_OK ? rc.attempts + 1 : 1,
			     world_random_u64(s->role->world));
}

static struct spool_verdict verdict_of(struct job *j, const struct lease *l,
				       const struct courier_store_outcome *o)
{
	struct spool_verdict v = {.n = o->n,
				  .state = SPOOL_DONE,
				  .attempted = lease_work(l) == CARRY_MAIL,
				  .reason = o->text,
				  .code = o->code,
				  .status = o->status,
				  .host = o->host};
	if (o->fate == COURIER_STORE_FATE_FAILED)
		v.state = SPOOL_FAILED;
	if (o->fate == COURIER_STORE_FATE_HELD)
		v.state = SPOOL_HELD;
	if (o->fate == COURIER_STORE_FATE_DEFERRED) {
		v.state = SPOOL_REMOTE;
		v.next = again_at(j, lease_job(l), o->n);
	}
	return v;
}

/* Outcomes of recipients that the lease has, each once; false: they are not. */
static bool judged(struct job *j, const struct lease *l,
		   const struct courier_store_settle *m,
		   struct spool_verdict *out)
{
	for (size_t i = 0; i < m->outcomes_count; i++) {
		const struct courier_store_outcome *o = &m->outcomes[i];
		if (!lease_has(l, o->n))
			return false;
		for (size_t k = 0; k < i; k++)
			if (m->outcomes[k].n == o->n)
				return false;
		/* What is over is not carried any more. */
		if (lease_work(l) == CARRY_EXPIRED &&
		    o->fate == COURIER_STORE_FATE_DEFERRED)
			return false;
		/* Nor does what is in a mailbox get lost. */
		if (lease_work(l) == CARRY_DELIVERED &&
		    o->fate != COURIER_STORE_FATE_DELIVERED)
			return false;
		out[i] = verdict_of(j, l, o);
	}
	return true;
}

/* The sender heard that it takes long: once is enough. */
static size_t told(const struct lease *l, struct spool_verdict *out)
{
	for (size_t i = 0; i < lease_count(l); i++)
		out[i] = (struct spool_verdict){.n = lease_recipient(l, i),
						.untouched = true,
						.marks = SPOOL_TOLD};
	return lease_count(l);
}

static enum spool_result commit(struct job *j, const struct lease *l,
				const struct spool_verdict *verdicts,
				size_t count)
{
	struct store *s = j->store;
	struct spool_settle q = {.id = *lease_job(l),
				 .epoch = lease_epoch(s->queue.carry, l),
				 .verdicts = verdicts,
				 .count = count,
				 .copy = lease_copy(l),
				 .recipients = lease_job_recipients(l),
				 .lenient = true};
	if (count == 0)
		return SPOOL_OK;
	return job_spool(j, spool_settle(s->spool, &q, spool_gate, job_gate(j)));
}

static enum schedule_mood mood_of(enum courier_store_mood m)
{
	if (m == COURIER_STORE_MOOD_DOWN)
		return SCHEDULE_DOWN;
	return m == COURIER_STORE_MOOD_SLOW ? SCHEDULE_SLOW : SCHEDULE_FINE;
}

static void count_fates(struct store *s, const struct courier_store_settle *m)
{
	for (size_t i = 0; i < m->outcomes_count; i++) {
		enum courier_store_fate f = m->outcomes[i].fate;
		s->count.sent += f == COURIER_STORE_FATE_DELIVERED;
		s->count.deferred += f == COURIER_STORE_FATE_DEFERRED;
		s->count.failed += f == COURIER_STORE_FATE_FAILED;
	}
}

static enum courier_store_answer settle(struct job *j, struct lease *l,
					const struct courier_store_settle *m)
{
	struct store *s = j->store;
	struct carry *c = s->queue.carry;
	struct spool_verdict *v =
		ARENA_ARRAY(j->arena, CARRY_RECIPIENTS, struct spool_verdict);
	size_t count = m->outcomes_count;
	enum spool_result r = SPOOL_UNAVAILABLE;
	bool delay = lease_work(l) == CARRY_DELAY;
	bool sent = !delay && lease_work(l) != CARRY_DELIVERED;
	bool fits = v != NULL && (delay || judged(j, l, m, v));
	if (v != NULL && !fits)
		s->count.violations++;
	if (fits && delay)
		count = told(l, v);
	if (fits)
		r = commit(j, l, v, count);
	bool whole = r == SPOOL_OK && count == lease_count(l);
	if (!lease_release(c, l, now_wall(s)))
		return queue_answer(r == SPOOL_OK ? r : SPOOL_STALE);
	if (v != NULL && !fits)
		return COURIER_STORE_ANSWER_REFUSED;
	if (r != SPOOL_OK && r != SPOOL_NONE && r != SPOOL_STALE)
		return COURIER_STORE_ANSWER_LATER; /* say it again */
	if (r == SPOOL_OK && sent)
		count_fates(s, m);
	carry_end(c, l, r == SPOOL_OK ? mood_of(m->mood) : SCHEDULE_UNKNOWN,
		  whole, now_wall(s), world_random_u64(s->role->world));
	return queue_answer(r == SPOOL_NONE ? SPOOL_STALE : r);
}

static void run_settle(struct job *j)
{
	const struct courier_store_settle *m = j->ask;
	struct courier_store_settle_reply r = {
		.answer = COURIER_STORE_ANSWER_STALE};
	struct lease *l = queue_lease(j, m->lease);
	if (l != NULL)
		r.answer = settle(j, l, m);
	courier_store_settle_answer(j->call, &r);
	queue_kick(j->store);
}

static void on_settle(void *ctx, struct ipc_call *call,
		      const struct courier_store_settle *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_settle);
}

const struct courier_store_at_store store_for_courier = {
	.lease = on_lease,
	.body = on_leased_body,
	.structure = on_structure,
	.settle = on_settle,
	.report = on_report,
	.send = on_send,
	.note_put = on_note_put,
	.note_get = on_note_get,
	.notes = on_notes,
};

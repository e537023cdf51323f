/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_queue: the queue as a list, what an administrator does to it, and
 * the ledger.
 *
 * A call looks at a handful of jobs and says where to go on, so that a long queue
 * holds up nobody.  Changes are the commits of custody and couriers, without a lease:
 * who works on a recipient meanwhile finds it settled, or held.
 */
#include "base/check.h"
#include "role/store/admin.h"
#include "role/store/queue.h"
#include "spool/facts.h"

#define PAGE_JOBS   30u
#define LOOK_JOBS   256u /* of one call */
#define STEP_JOBS   64u
#define STEP_MEMORY (2u << 20) /* one job with all of its recipients */
#define PARTITIONS  16u /* of the ledger, in one call */

struct walk {
	struct store *store;
	struct arena *arena; /* of the job in hand */
	const struct admin_store_filter *filter;
	int64_t now;
	struct spool_job job;
	struct spool_facts facts;
	/* Where it goes on: behind this job, or in it from recipient n on. */
	struct spool_id id;
	uint32_t n;
	bool inside, more;
	bool one; /* the filter names a job: no other is looked at */
	bool has_n;
	struct spool_recipient *found;
	size_t count;
	enum admin_store_queue_step step;
	bool changing;
};

/* ---- the filter -------------------------------------------------------------- */

/* An address, or a domain with or without an @ in front. */
static bool is_address(struct span filter, struct span address)
{
	size_t at = span_find_last(address, '@');
	if (filter.len == 0)
		return true;
	if (span_has(filter, '@') && filter.ptr[0] != '@')
		return span_eq_nocase(filter, address);
	if (filter.ptr[0] == '@')
		filter = span_skip(filter, 1);
	return at != SIZE_MAX &&
	       span_eq_nocase(filter, span_skip(address, at + 1));
}

static bool wants_job(const struct walk *w)
{
	const struct admin_store_filter *f = w->filter;
	if (!w->one && f->id.len > 0 && !span_eq(f->id, w->facts.id))
		return false;
	/* What came in the future, before a clock was set back, is not old. */
	if (f->older > 0 && (f->older > INT64_MAX ||
			     w->job.accepted > w->now - (int64_t)f->older))
		return false;
	return is_address(f->sender, w->job.sender);
}

/* What a step can be done to. */
static bool fits_step(enum admin_store_queue_step step, enum spool_state s)
{
	switch (step) {
	case ADMIN_STORE_QUEUE_STEP_RETRY:
	case ADMIN_STORE_QUEUE_STEP_HOLD:
		return s == SPOOL_LOCAL || s == SPOOL_REMOTE;
	case ADMIN_STORE_QUEUE_STEP_RELEASE:
		return s == SPOOL_HELD;
	case ADMIN_STORE_QUEUE_STEP_ROUTE:
		return s == SPOOL_REMOTE || s == SPOOL_HELD;
	case ADMIN_STORE_QUEUE_STEP_REMOVE:
	case ADMIN_STORE_QUEUE_STEP_BOUNCE:
		break;
	}
	return true;
}

static bool wants(void *arg, const struct spool_recipient *r)
{
	const struct walk *w = arg;
	const struct admin_store_filter *f = w->filter;
	char room[SPOOL_DESTINATION_MAX];
	if (spool_settled(r->state) || r->n < w->n ||
	    (w->has_n && r->n != w->n))
		return false;
	if (w->changing && !fits_step(w->step, r->state))
		return false;
	if (f->state.len > 0 &&
	    !span_eq(f->state, span_cstr(spool_state_name(r->state))))
		return false;
	return is_address(f->recipient, r->address) &&
	       (f->destination.len == 0 ||
		span_eq_nocase(f->destination, spool_destination(r, room)));
}

/* "id", or "id.n". */
static bool read_place(struct span s, struct spool_id *id, uint32_t *n,
		       bool *has_n)
{
	struct span head;
	uint64_t v = 0;
	*has_n = span_cut(&s, '.', &head);
	if (!spool_id_parse(head, id) ||
	    (*has_n && !span_u64(s, SPOOL_RECIPIENTS_MAX, &v)))
		return false;
	*n = (uint32_t)v;
	return true;
}

static bool walk_begin(struct walk *w, struct job *j,
		       const struct admin_store_filter *f, struct span after)
{
	*w = (struct walk){.store = j->store,
			   .filter = f,
			   .now = now_wall(j->store),
			   .arena = arena_new(STEP_MEMORY)};
	if (w->arena == NULL)
		return false;
	w->one = f->id.len > 0 &&
		 read_place(f->id, &w->id, &w->n, &w->has_n);
	w->inside = w->one;
	if (after.len > 0 &&
	    !read_place(after, &w->id, &w->n, &w->inside)) {
		arena_free(w->arena);
		return false;
	}
	w->more = true;
	return true;
}

static bool note_id(void *arg, const struct spool_job *job)
{
	struct walk *w = arg;
	w->id = job->id;
	w->inside = true;
	return false;
}

/*
 * The next job with recipients that are wanted, at most `max` of them: in w->found.
 * False: there is none, or enough was looked at.
 */
static bool walk_next(struct walk *w, size_t max, unsigned *looked)
{
	struct spool *sp = w->store->spool;
	while (w->more && (*looked)++ < LOOK_JOBS) {
		if (!w->inside) {
			w->n = 0;
			w->more = !w->one;
			/* Damaged ones are fsck's; the others are shown. */
			if (w->more)
				(void)!spool_list(sp, &w->id, note_id, w);
			w->more = w->inside;
			if (!w->more)
				return false;
		}
		bool rest = false;
		w->count = 0;
		arena_reset(w->arena);
		w->found = ARENA_ARRAY(w->arena, max, struct spool_recipient);
		if (w->found == NULL ||
		    spool_job(sp, &w->id, w->arena, &w->job) != SPOOL_OK) {
			w->inside = false;
			continue;
		}
		if (!spool_facts_read(w->job.facts, &w->facts))
			w->facts = (struct spool_facts){0};
		if (wants_job(w))
			(void)!spool_gather(sp, &w->id, 0, w->arena, wants, w,
					    w->found, max, &w->count, &rest);
		w->inside = rest;
		if (rest)
			w->n = w->found[w->count - 1].n + 1;
		if (w->count > 0)
			return true;
	}
	return false;
}

static struct span place_text(struct arena *a, const struct walk *w)
{
	char id[SPOOL_ID_TEXT];
	spool_id_text(&w->id, id);
	return w->inside ? arena_printf(a, "%s.%u", id, w->n)
			 : arena_printf(a, "%s", id);
}

/* ---- the list ------------------------------------------------------------------ */

static bool cut(struct arena *a, struct span s, size_t max, struct span *out)
{
	return arena_copy(a, span_sub(s, 0, max), out);
}

static bool put_job(struct arena *a, const struct walk *w,
		    const struct spool_recipient *r, struct admin_store_job *out)
{
	char id[SPOOL_ID_TEXT], room[SPOOL_DESTINATION_MAX];
	struct span to = r->state == SPOOL_LOCAL ? span_of(NULL, 0)
						 : spool_destination(r, room);
	spool_id_text(&w->job.id, id);
	*out = (struct admin_store_job){
		.id = arena_printf(a, "%s.%u", id, r->n),
		.state = span_cstr(spool_state_name(r->state)),
		.size = w->job.body_size,
		.arrived = w->job.accepted,
		.next = r->state == SPOOL_HELD ? 0 : r->next,
		.expires = w->job.expires,
		.last = r->last,
		.attempts = r->attempts,
		.code = r->code};
	return cut(a, w->facts.id, 64, &out->message) &&
	       cut(a, w->job.sender, 320, &out->sender) &&
	       cut(a, r->address, 320, &out->recipient) &&
	       cut(a, to, 255, &out->destination) &&
	       cut(a, r->host, 255, &out->host) &&
	       cut(a, queue_waits(w->store, a, &w->job.id, r), 255,
		   &out->waits) &&
	       cut(a, r->reason, 255, &out->why);
}

static void show_queue(struct job *j)
{
	const struct admin_store_queue *m = j->ask;
	struct admin_store_queue_reply rep = {
		.answer = ADMIN_STORE_ANSWER_LATER};
	struct admin_store_job *jobs =
		ARENA_ARRAY(j->arena, PAGE_JOBS, struct admin_store_job);
	struct walk w;
	unsigned looked = 0;
	if (jobs != NULL && walk_begin(&w, j, &m->filter, m->after)) {
		bool ok = true;
		while (rep.jobs_count < PAGE_JOBS && ok &&
		       walk_next(&w, PAGE_JOBS - rep.jobs_count, &looked))
			for (size_t i = 0; i < w.count; i++)
				ok &= put_job(j->arena, &w, &w.found[i],
					      &jobs[rep.jobs_count++]);
		rep.more = w.more;
		rep.after = place_text(j->arena, &w);
		arena_free(w.arena);
		if (ok)
			rep.answer = ADMIN_STORE_ANSWER_DONE;
	}
	rep.jobs = jobs;
	admin_store_queue_answer(j->call, &rep);
}

void on_queue(void *ctx, struct ipc_call *call,
	      const struct admin_store_queue *m)
{
	struct peer *p = ctx;
	job_now(p->store, call, m, NULL, show_queue);
}

/* ---- changes -------------------------------------------------------------------- */

static struct spool_verdict verdict_of(const struct walk *w,
				       const struct spool_recipient *r,
				       struct span to)
{
	struct spool_verdict v = {.n = r->n,
				  .state = r->state,
				  .next = w->now,
				  .reason = r->reason,
				  .code = r->code,
				  .status = r->status,
				  .host = r->host};
	switch (w->step) {
	case ADMIN_STORE_QUEUE_STEP_RETRY:
		break;
	case ADMIN_STORE_QUEUE_STEP_HOLD:
		v.state = SPOOL_HELD;
		v.reason = SPAN("held by the administrator");
		break;
	case ADMIN_STORE_QUEUE_STEP_RELEASE:
		v.state = r->account != 0 ? SPOOL_LOCAL : SPOOL_REMOTE;
		break;
	case ADMIN_STORE_QUEUE_STEP_REMOVE:
		v.state = SPOOL_DROPPED;
		v.reason = SPAN("deleted by the administrator");
		break;
	case ADMIN_STORE_QUEUE_STEP_BOUNCE:
		/* A courier tells the sender, then it is over. */
		v.state = SPOOL_REMOTE;
		v.marks = SPOOL_GIVE_UP;
		v.reason = SPAN("deleted by the administrator");
		break;
	case ADMIN_STORE_QUEUE_STEP_ROUTE:
		v.route = to;
		break;
	}
	return v;
}

static void wake(struct walk *w, struct span to)
{
	struct carry *c = w->store->queue.carry;
	char room[SPOOL_DESTINATION_MAX];
	bool local = false;
	for (size_t i = 0; i < w->count; i++) {
		struct span name = to.len > 0
					   ? to
					   : spool_destination(&w->found[i], room);
		struct destination *d =
			schedule_find(carry_schedule(c), name);
		if (d != NULL && w->step == ADMIN_STORE_QUEUE_STEP_RETRY)
			schedule_retry(carry_schedule(c), d, w->now);
		local |= w->found[i].account != 0;
	}
	if (local)
		custody_kick(w->store, &w->id);
	queue_kick(w->store);
}

static enum spool_result change(struct job *j, struct walk *w, struct span to)
{
	struct spool_verdict *v =
		ARENA_ARRAY(w->arena, w->count, struct spool_verdict);
	struct spool_settle q = {.id = w->job.id,
				 .verdicts = v,
				 .count = w->count,
				 .lenient = true};
	if (v == NULL)
		return SPOOL_UNAVAILABLE;
	for (size_t i = 0; i < w->count; i++)
		v[i] = verdict_of(w, &w->found[i], to);
	enum spool_result r = job_spool(j, spool_settle(j->store->spool, &q,
							spool_gate, job_gate(j)));
	if (r == SPOOL_OK)
		wake(w, to);
	return r;
}

/* A domain name in small letters. */
static bool read_route(struct job *j, struct span to, struct span *out)
{
	char *text = arena_bytes(j->arena, to.len + 1);
	bool ok = text != NULL && to.len > 0 &&
		  to.len <= SPOOL_DESTINATION_MAX;
	for (size_t i = 0; ok && i < to.len; i++) {
		text[i] = ascii_lower(to.ptr[i]);
		ok = ascii_alnum(text[i]) || text[i] == '-' ||
		     (text[i] == '.' && i > 0 && i + 1 < to.len &&
		      text[i - 1] != '.');
	}
	*out = span_of(text, to.len);
	return ok;
}

static void change_queue(struct job *j)
{
	const struct admin_store_queue_change *m = j->ask;
	struct admin_store_queue_change_reply rep = {
		.answer = ADMIN_STORE_ANSWER_LATER};
	struct walk w;
	struct span to = {0};
	unsigned looked = 0;
	enum spool_result r = SPOOL_OK;
	if (m->step == ADMIN_STORE_QUEUE_STEP_ROUTE &&
	    !read_route(j, m->to, &to)) {
		rep.answer = ADMIN_STORE_ANSWER_INVALID;
		rep.why = SPAN("that is no domain name");
	} else if (walk_begin(&w, j, &m->filter, m->after)) {
		unsigned jobs = 0;
		w.changing = true;
		w.step = m->step;
		while (r == SPOOL_OK && jobs++ < STEP_JOBS &&
		       walk_next(&w, SPOOL_RECIPIENTS_MAX, &looked)) {
			r = change(j, &w, to);
			rep.changed += r == SPOOL_OK ? (uint32_t)w.count : 0;
			/* Gone, or settled by somebody else: also well. */
			if (r == SPOOL_NONE || r == SPOOL_STALE)
				r = SPOOL_OK;
		}
		rep.more = w.more;
		rep.after = place_text(j->arena, &w);
		arena_free(w.arena);
		if (r == SPOOL_OK)
			rep.answer = ADMIN_STORE_ANSWER_DONE;
	}
	admin_store_queue_change_answer(j->call, &rep);
}

void on_queue_change(void *ctx, struct ipc_call *call,
		     const struct admin_store_queue_change *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, change_queue);
}

/* ---- the ledger ------------------------------------------------------------------ */

static void show_ledger(struct job *j)
{
	const struct admin_store_queue_ledger *m = j->ask;
	struct admin_store_queue_ledger_reply rep = {
		.answer = ADMIN_STORE_ANSWER_DONE};
	unsigned end = m->from + PARTITIONS;
	if (end > SPOOL_PARTITIONS)
		end = SPOOL_PARTITIONS;
	for (unsigned p = m->from; p < end; p++) {
		struct spool_ledger l, seen = {0};
		enum spool_result r =
			spool_ledger(j->store->spool, p, &l);
		if (r == SPOOL_OK && m->recount)
			r = spool_recount(j->store->spool, p, &seen);
		if (r != SPOOL_OK)
			rep.answer = ADMIN_STORE_ANSWER_LATER;
		rep.accepted += l.accepted;
		rep.delivered += l.delivered;
		rep.bounced += l.bounced;
		rep.discarded += l.discarded;
		rep.held += l.held;
		rep.open += l.open;
		rep.seen_held += seen.held;
		rep.seen_open += seen.open;
	}
	rep.next = (uint16_t)end;
	rep.more = end < SPOOL_PARTITIONS;
	admin_store_queue_ledger_answer(j->call, &rep);
}

void on_queue_ledger(void *ctx, struct ipc_call *call,
		     const struct admin_store_queue_ledger *m)
{
	struct peer *p = ctx;
	job_now(p->store, call, m, NULL, show_ledger);
}

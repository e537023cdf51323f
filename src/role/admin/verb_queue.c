/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/admin/verb_queue: what waits in the queue, by line and by destination; what
 * is to happen with it; whether the ledger balances.
 */
#include "role/admin/admin.h"

#include "base/check.h"
#include "base/map.h"

#define STATS_MAX 1000u /* destinations; the others are one line */

/* ---- the filter -------------------------------------------------------------- */

static bool is_state(struct span s)
{
	return span_eq(s, SPAN("local")) || span_eq(s, SPAN("remote")) ||
	       span_eq(s, SPAN("held"));
}

static bool filter_of(struct job *j, struct admin_store_filter *f)
{
	*f = (struct admin_store_filter){
		.id = job_argument(j, "id"),
		.destination = job_argument(j, "domain"),
		.sender = job_argument(j, "sender"),
		.recipient = job_argument(j, "recipient"),
		.state = job_argument(j, "state")};
	if (!job_age(j, "older", &f->older))
		return false;
	if (f->state.len > 0 && !is_state(f->state)) {
		job_end(j, CMD_ADMIN_STATUS_USAGE,
			"--state takes remote, local or held");
		return false;
	}
	return true;
}

/* ---- the list ------------------------------------------------------------------ */

typedef void each_fn(struct job *, void *ctx, const struct admin_store_job *);

static void job_row(struct job *j, void *ctx, const struct admin_store_job *q)
{
	struct buf *row = row_begin(j);
	(void)ctx;
	row_text(row, "id", q->id);
	row_text(row, "message", q->message);
	row_text(row, "sender", q->sender);
	row_text(row, "recipient", q->recipient);
	row_text(row, "destination", q->destination);
	row_text(row, "state", q->state);
	row_u64(row, "size", q->size);
	row_i64(row, "arrived", q->arrived);
	row_i64(row, "next", q->next);
	row_i64(row, "expires", q->expires);
	row_i64(row, "last", q->last);
	row_u64(row, "attempts", q->attempts);
	row_u64(row, "code", q->code);
	row_text(row, "host", q->host);
	row_text(row, "why", q->why);
	row_text(row, "waits", q->waits);
	row_send(j);
}

/* True: all of it was seen. */
static bool queue(struct job *j, const struct admin_store_filter *f,
		  each_fn *each, void *ctx)
{
	struct admin_store_queue_reply rep = {.more = true};
	struct arena *a = arena_new(ADMIN_JOB_MEMORY);
	char after[65];
	struct span from = {0};
	bool ok = a != NULL;
	while (ok && rep.more) {
		struct admin_store *store = job_store(j);
		struct admin_store_queue m = {.after = from, .filter = *f};
		ok = store != NULL;
		if (!ok)
			break;
		arena_reset(a);
		rep = (struct admin_store_queue_reply){0};
		enum ipc_result r = admin_store_queue(store, &m, a, &rep,
						      job_deadline(j));
		ok = job_stored(j, r, rep.answer, SPAN(""), "the queue");
		for (size_t i = 0; ok && i < rep.jobs_count; i++)
			each(j, ctx, &rep.jobs[i]);
		from = span_of(after, size_min(rep.after.len, 64));
		if (from.len > 0)
			memcpy(after, rep.after.ptr, from.len);
	}
	if (a == NULL)
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE, "memory is short");
	arena_free(a);
	return ok;
}

void verb_queue_list(struct job *j)
{
	struct admin_store_filter f;
	if (filter_of(j, &f))
		(void)queue(j, &f, job_row, NULL);
}

void verb_queue_show(struct job *j)
{
	verb_queue_list(j);
	if (j->status == CMD_ADMIN_STATUS_DONE && j->rows == 0)
		job_end(j, CMD_ADMIN_STATUS_FOUND,
			"nothing of that name waits");
}

/* ---- by destination -------------------------------------------------------------- */

struct line {
	struct span name;
	uint64_t count, bytes, held, ages[4], attempts;
	int64_t oldest, next;
	char waits[256]; /* the limit that keeps one of them */
	size_t waits_len;
};

struct stats {
	struct arena *arena;
	struct map *lines;
	struct line *at;
	size_t count;
	struct line others;
	int64_t now;
};

static struct line *line_of(struct stats *s, struct span name)
{
	struct line *l = map_get(s->lines, name);
	if (l != NULL)
		return l;
	if (s->count == STATS_MAX)
		return &s->others;
	l = &s->at[s->count];
	if (!arena_copy(s->arena, name, &l->name) ||
	    !map_put(s->lines, l->name, l))
		return &s->others;
	s->count++;
	return l;
}

static void count_job(struct job *j, void *ctx, const struct admin_store_job *q)
{
	static const int64_t limits[] = {300, 3600, 86400};
	struct stats *s = ctx;
	struct line *l = line_of(s, q->destination.len > 0 ? q->destination
							   : SPAN("(here)"));
	int64_t age = s->now - q->arrived;
	size_t i = 0;
	(void)j;
	while (i < ARRAY_LEN(limits) && age >= limits[i])
		i++;
	l->ages[i]++;
	l->count++;
	l->bytes += q->size;
	l->attempts += q->attempts;
	l->held += span_eq(q->state, SPAN("held"));
	if (l->oldest == 0 || q->arrived < l->oldest)
		l->oldest = q->arrived;
	if (l->waits_len == 0 && q->waits.len > 0) {
		l->waits_len = size_min(q->waits.len, sizeof l->waits);
		memcpy(l->waits, q->waits.ptr, l->waits_len);
	}
	if (q->next != 0 && (l->next == 0 || q->next < l->next))
		l->next = q->next;
}

static void line_row(struct job *j, const struct line *l)
{
	struct buf *row = row_begin(j);
	row_text(row, "destination", l->name);
	row_u64(row, "recipients", l->count);
	row_u64(row, "bytes", l->bytes);
	row_u64(row, "held", l->held);
	row_u64(row, "under_5m", l->ages[0]);
	row_u64(row, "under_1h", l->ages[1]);
	row_u64(row, "under_1d", l->ages[2]);
	row_u64(row, "older", l->ages[3]);
	row_i64(row, "oldest", l->oldest);
	row_i64(row, "next", l->next);
	row_u64(row, "attempts", l->attempts);
	row_text(row, "waits", span_of(l->waits, l->waits_len));
	row_send(j);
}

static void send_lines(struct job *j, struct stats *s)
{
	/* The longest first. */
	for (size_t n = 0; n < s->count; n++) {
		size_t best = n;
		for (size_t i = n + 1; i < s->count; i++)
			if (s->at[i].count > s->at[best].count)
				best = i;
		struct line l = s->at[best];
		s->at[best] = s->at[n];
		s->at[n] = l;
		line_row(j, &l);
	}
	s->others.name = SPAN("(others)");
	if (s->others.count > 0)
		line_row(j, &s->others);
}

void verb_queue_stats(struct job *j)
{
	struct admin_store_filter f;
	struct world *w = j->admin->role->world;
	uint8_t secret[SIPHASH_KEY];
	struct stats s = {.arena = arena_new(1u << 20),
			  .now = world_wall(w).sec};
	world_random(w, secret, sizeof secret);
	s.lines = map_new(secret, STATS_MAX);
	s.at = s.arena != NULL ? ARENA_ARRAY(s.arena, STATS_MAX, struct line)
			       : NULL;
	if (s.lines == NULL || s.at == NULL)
		job_end(j, CMD_ADMIN_STATUS_UNAVAILABLE, "memory is short");
	else if (filter_of(j, &f) && queue(j, &f, count_job, &s))
		send_lines(j, &s);
	map_free(s.lines);
	arena_free(s.arena);
}

/* ---- changes -------------------------------------------------------------------- */

static void change(struct job *j, enum admin_store_queue_step step,
		   const struct admin_store_filter *f, struct span to)
{
	struct admin_store_queue_change_reply rep = {.more = true};
	struct admin_store_queue_change m = {
		.step = step, .filter = *f, .to = to};
	uint64_t changed = 0;
	while (rep.more) {
		struct admin_store *store = job_store(j);
		if (store == NULL)
			return;
		rep = (struct admin_store_queue_change_reply){0};
		enum ipc_result r = admin_store_queue_change(
			store, &m, j->arena, &rep, job_deadline(j));
		if (!job_stored(j, r, rep.answer, rep.why, "the queue"))
			return;
		changed += rep.changed;
		m.after = rep.after;
	}
	struct buf *row = row_begin(j);
	row_u64(row, "recipients", changed);
	row_send(j);
	if (changed == 0)
		job_end(j, CMD_ADMIN_STATUS_FOUND, "nothing fits that");
}

/* All of the queue has to be said. */
static void change_some(struct job *j, enum admin_store_queue_step step)
{
	struct admin_store_filter f;
	if (!filter_of(j, &f))
		return;
	bool all = f.id.len == 0 && f.destination.len == 0 &&
		   f.sender.len == 0 && f.recipient.len == 0 &&
		   f.state.len == 0 && f.older == 0;
	if (all && !job_has(j, "all"))
		job_end(j, CMD_ADMIN_STATUS_USAGE,
			"say which: --id, --domain, --sender, --recipient, "
			"--state, --older, or --all");
	else
		change(j, step, &f, span_of(NULL, 0));
}

void verb_queue_retry(struct job *j)
{
	change_some(j, ADMIN_STORE_QUEUE_STEP_RETRY);
}

void verb_queue_hold(struct job *j)
{
	change_some(j, ADMIN_STORE_QUEUE_STEP_HOLD);
}

void verb_queue_release(struct job *j)
{
	change_some(j, ADMIN_STORE_QUEUE_STEP_RELEASE);
}

void verb_queue_delete(struct job *j)
{
	change_some(j, job_has(j, "bounce") ? ADMIN_STORE_QUEUE_STEP_BOUNCE
					    : ADMIN_STORE_QUEUE_STEP_REMOVE);
}

void verb_queue_route(struct job *j)
{
	struct span what = job_argument(j, "what");
	struct admin_store_filter f = {0};
	if (span_has(what, '.') && what.len < 34)
		f.destination = what;
	else
		f.id = what;
	/* A domain is never 32 letters without a dot and a number behind it. */
	if (span_has(what, '.') && what.len >= 34) {
		struct span head = what, id;
		(void)span_cut(&head, '.', &id);
		if (id.len != 32)
			f = (struct admin_store_filter){.destination = what};
	}
	change(j, ADMIN_STORE_QUEUE_STEP_ROUTE, &f, job_argument(j, "to"));
}

/* ---- the ledger ------------------------------------------------------------------ */

static void ledger_row(struct job *j, const char *what, uint64_t n)
{
	struct buf *row = row_begin(j);
	row_text(row, "what", span_cstr(what));
	row_u64(row, "recipients", n);
	row_send(j);
}

static bool sum(struct job *j, bool recount,
		struct admin_store_queue_ledger_reply *all)
{
	struct admin_store_queue_ledger_reply rep = {.more = true};
	while (rep.more) {
		struct admin_store *store = job_store(j);
		struct admin_store_queue_ledger m = {.from = rep.next,
						     .recount = recount};
		if (store == NULL)
			return false;
		enum ipc_result r = admin_store_queue_ledger(
			store, &m, j->arena, &rep, job_deadline(j));
		if (!job_stored(j, r, rep.answer, SPAN(""), "the ledger"))
			return false;
		all->accepted += rep.accepted;
		all->delivered += rep.delivered;
		all->bounced += rep.bounced;
		all->discarded += rep.discarded;
		all->held += rep.held;
		all->open += rep.open;
		all->seen_held += rep.seen_held;
		all->seen_open += rep.seen_open;
	}
	return true;
}

void verb_queue_ledger(struct job *j)
{
	struct admin_store_queue_ledger_reply l = {0};
	bool recount = job_has(j, "recount");
	if (!sum(j, recount, &l))
		return;
	ledger_row(j, "accepted", l.accepted);
	ledger_row(j, "delivered", l.delivered);
	ledger_row(j, "bounced", l.bounced);
	ledger_row(j, "discarded", l.discarded);
	ledger_row(j, "held", l.held);
	ledger_row(j, "open", l.open);
	if (l.accepted !=
	    l.delivered + l.bounced + l.discarded + l.held + l.open)
		job_end(j, CMD_ADMIN_STATUS_FOUND,
			"the ledger does not balance");
	else if (recount && (l.seen_held != l.held || l.seen_open != l.open))
		job_end(j, CMD_ADMIN_STATUS_FOUND,
			"%llu are held and %llu are open by the rows",
			(unsigned long long)l.seen_held,
			(unsigned long long)l.seen_open);
}

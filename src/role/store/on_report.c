/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role/store/on_report: messages that couriers write: reports to senders, and
 * reports on TLS.
 *
 * They take the road of mail that arrives: the sorter makes the summary, the queue
 * keeps them, custody or a courier carries them on, after everything else.  A
 * report is of the null sender, to the sender of the job that is leased, and once
 * for a kind and a first recipient, whoever asks again.
 *
 * Must never: report to the null sender; let a courier speak in the name of a
 * domain that is not ours.
 */
#include "base/check.h"
#include "crypto/hash.h"
#include "role/store/forward.h"
#include "role/store/queue.h"
#include "spool/facts.h"

struct letter {
	struct span sender, to, bytes;
	bool requiretls;
	const struct spool_about *about; /* or NULL */
};

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] >= 0x80)
			return false;
	return true;
}

static bool facts_of(struct job *j, const struct letter *l, struct span id,
		     struct span *out)
{
	struct spool_facts f = {.id = id,
				.eight_bit = !is_ascii(l->bytes),
				.utf8 = !is_ascii(l->to),
				/* A report is from here; nobody hears of its end. */
				.local = l->sender.len == 0,
				.requiretls = l->requiretls};
	struct buf b;
	buf_init(&b, SPOOL_FACTS_MAX);
	bool ok = spool_facts_write(&f, &b) &&
		  arena_copy(j->arena, buf_span(&b), out);
	buf_free(&b);
	return ok;
}

/* Where it goes; nowhere is SPOOL_STALE. */
static enum spool_result recipients_of(struct job *j, const struct letter *l,
				       int64_t now, struct spool_accept *q)
{
	struct directory_resolved d;
	struct span to = l->to;
	/* A reverse path that we made for a forwarded message leads back. */
	enum forward_back back = forward_looks(j->store, to)
					 ? forward_back(j, to, &to)
					 : FORWARD_NO;
	if (back == FORWARD_INVALID)
		return SPOOL_STALE;
	if (back == FORWARD_LATER ||
	    !directory_resolve(j->store->directory, j->arena, to, &d))
		return SPOOL_UNAVAILABLE;
	if (d.answer == DIRECTORY_UNKNOWN || d.answer == DIRECTORY_LOOP ||
	    d.count == 0)
		return SPOOL_STALE;
	struct spool_recipient *list =
		ARENA_ARRAY(j->arena, d.count, struct spool_recipient);
	if (list == NULL)
		return SPOOL_UNAVAILABLE;
	for (size_t i = 0; i < d.count; i++) {
		const struct directory_target *t = &d.targets[i];
		bool local = t->account != 0;
		list[i] = (struct spool_recipient){
			.state = local ? SPOOL_LOCAL : SPOOL_REMOTE,
			.account = t->account,
			.next = now};
		/* The directory's memory may move while we wait. */
		if (!arena_copy(j->arena, t->address, &list[i].address))
			return SPOOL_UNAVAILABLE;
		if (local)
			list[i].prefix = offer_prefix(
				j->arena, &l->sender, &list[i].address,
				span_of(NULL, 0));
		if (local && list[i].prefix.len == 0)
			return SPOOL_UNAVAILABLE;
	}
	q->recipients = list;
	q->count = d.count;
	return SPOOL_OK;
}

static enum spool_result keep(struct job *j, const struct letter *l)
{
	struct store *s = j->store;
	int64_t now = now_wall(s);
	struct body body = {.store = s, .blob = -1, .bytes = l->bytes,
			    .size = l->bytes.len};
	struct question ask = {.purpose = STORE_SORTER_PURPOSE_ARRIVE,
			       .pool = KIND_SORTER_MX};
	struct understood seen;
	struct spool_accept q = {0};
	enum spool_result r = recipients_of(j, l, now, &q);
	if (r != SPOOL_OK)
		return r;
	ask.id = arena_printf(j->arena, "%016llx",
			      (unsigned long long)world_random_u64(
				      s->role->world));
	understand(j, &ask, &body, &seen);
	if (seen.later)
		return SPOOL_UNAVAILABLE;
	q.job = (struct spool_job){.id = spool_name(s->spool),
				   .sender = l->sender,
				   .body = kv_body_name(s->kv),
				   .body_size = l->bytes.len,
				   .body_crc = crc32c(0, l->bytes),
				   .summary = seen.summary,
				   .accepted = now,
				   .priority = SPOOL_LAST};
	queue_times(s, &q.job, now);
	q.bytes = l->bytes;
	q.about = l->about;
	if (l->about != NULL)
		q.job.id.byte[0] = l->about->job.byte[0];
	if (!facts_of(j, l, ask.id, &q.job.facts))
		return SPOOL_UNAVAILABLE;
	r = job_spool(j, spool_accept(s->spool, &q, spool_gate, job_gate(j)));
	if ((r == SPOOL_OK && !q.again) || r == SPOOL_UNAVAILABLE)
		custody_kick(s, &q.job.id);
	if (r == SPOOL_OK && !q.again) {
		s->count.reported++;
		LOG(s->role->log, INFO, "message.written", 0, F("id", ask.id),
		    F("from", l->sender), F("to", l->to),
		    F_U64("size", l->bytes.len));
	}
	return r;
}

/* ---- reports ------------------------------------------------------------------ */

static enum courier_store_answer report(struct job *j, struct lease *l,
					const struct courier_store_report *m)
{
	struct store *s = j->store;
	struct spool_about about = {.job = *lease_job(l),
				    .kind = (uint8_t)m->kind,
				    .first = m->first};
	struct spool_job job;
	struct spool_facts facts;
	struct letter letter = {.bytes = m->body, .about = &about};
	enum spool_result r = spool_job(s->spool, &about.job, j->arena, &job);
	if (r != SPOOL_OK)
		return r == SPOOL_NONE ? COURIER_STORE_ANSWER_STALE
				       : COURIER_STORE_ANSWER_LATER;
	if (job.sender.len == 0 || m->body.len == 0 ||
	    !lease_has(l, m->first)) {
		s->count.violations += job.sender.len > 0;
		return COURIER_STORE_ANSWER_REFUSED;
	}
	letter.to = job.sender;
	letter.requiretls = spool_facts_read(job.facts, &facts) &&
			    facts.requiretls;
	r = keep(j, &letter);
	return r == SPOOL_STALE ? COURIER_STORE_ANSWER_REFUSED : queue_answer(r);
}

static void run_report(struct job *j)
{
	const struct courier_store_report *m = j->ask;
	struct courier_store_report_reply r = {
		.answer = COURIER_STORE_ANSWER_STALE};
	struct lease *l = queue_lease(j, m->lease);
	if (l != NULL) {
		r.answer = report(j, l, m);
		(void)!lease_release(j->store->queue.carry, l,
				     now_wall(j->store));
	}
	courier_store_report_answer(j->call, &r);
}

void on_report(void *ctx, struct ipc_call *call,
	       const struct courier_store_report *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_report);
}

/* ---- mail of our own ------------------------------------------------------------ */

static bool is_ours(struct job *j, struct span sender)
{
	struct directory_resolved d;
	size_t at = span_find_last(sender, '@');
	if (at == SIZE_MAX)
		return sender.len == 0;
	if (span_eq_nocase(span_skip(sender, at + 1),
			   j->store->conf->hostname))
		return true;
	return directory_resolve(j->store->directory, j->arena, sender, &d) &&
	       d.answer != DIRECTORY_REMOTE;
}

static void run_send(struct job *j)
{
	const struct courier_store_send *m = j->ask;
	struct courier_store_send_reply r = {
		.answer = COURIER_STORE_ANSWER_REFUSED};
	struct letter letter = {
		.sender = m->sender, .to = m->recipient, .bytes = m->body};
	if (is_ours(j, m->sender) && m->body.len > 0 &&
	    span_has(m->recipient, '@')) {
		enum spool_result s = keep(j, &letter);
		if (s != SPOOL_STALE)
			r.answer = queue_answer(s);
	} else {
		j->store->count.violations++;
	}
	courier_store_send_answer(j->call, &r);
}

void on_send(void *ctx, struct ipc_call *call,
	     const struct courier_store_send *m)
{
	struct peer *p = ctx;
	job_start(p->store, call, m, NULL, run_send);
}
